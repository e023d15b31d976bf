//! Activity beside the connection, and the next time of each fault.

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{DropKind, Initiator, ProbeResult, SystemSource};

use super::plan::{Death, FaultKind, SideEvent};
use super::session::Session;
use super::world::{End, World};

impl World<'_> {
    /// When a predictable fault ends a session that begins now.
    pub(super) fn fault_due(&mut self, index: usize) -> Option<f64> {
        let now = self.now;
        match self.faults[index].kind.clone() {
            FaultKind::Age { limit, jitter, share } => {
                let age = limit + self.draw.around(jitter);
                self.draw.chance(share).then_some(now + age.max(1.0))
            }
            FaultKind::Clock { period, phase, jitter, share, shift_at } => {
                let mut tick = ((now - phase) / period).ceil();
                loop {
                    let at = phase + tick * period;
                    let at = at + if at > shift_at { 3_600.0 } else { 0.0 } + self.draw.around(jitter);
                    if at > now && self.draw.chance(share) {
                        return Some(at);
                    }
                    tick += 1.0;
                }
            }
            FaultKind::Chance { mean } => Some(now + self.draw.exponential(mean)),
            FaultKind::Spells { quiet, length, apart, rough, mixed, mut from, mut until } => {
                let mut at = now + self.draw.exponential(apart);
                while at > until {
                    from = until + self.draw.exponential(quiet) + 0.1 * quiet;
                    until = from + length * self.draw.between(0.5, 1.5);
                    at = from.max(now) + self.draw.exponential(apart);
                    if until <= now {
                        at = f64::INFINITY;
                    }
                }
                self.faults[index].kind =
                    FaultKind::Spells { quiet, length, apart, rough, mixed, from, until };
                Some(at)
            }
            FaultKind::Rival { median, spread, rest, fight, mut from, mut until } => {
                let age = median * (spread * self.draw.normal()).exp();
                if now > until {
                    from = now + self.draw.exponential(rest);
                    until = from + fight * self.draw.between(0.5, 1.5);
                    self.faults[index].kind = FaultKind::Rival { median, spread, rest, fight, from, until };
                }
                Some(now.max(from) + age)
            }
            FaultKind::Outage { mean, flaps, .. } => {
                let flap = self.draw.chance(flaps) && now < self.bad_until + 120.0;
                Some(now + if flap { self.draw.scale(3.0, 200.0) } else { self.draw.exponential(mean) })
            }
            _ => None,
        }
    }

    pub(super) fn reason_code(&mut self, how: DropKind, cause: &str) -> Option<u8> {
        if !self.plan.has_reason_codes || how != DropKind::Disconnect {
            return None;
        }
        match cause {
            "client_id_takeover" => Some(0x8E),
            "keep_alive_timeout" => Some(0x8D),
            "credential_expiry" | "publish_triggered" => Some(0x87),
            "message_rate" => Some(0x96),
            _ => Some(0x8B),
        }
    }

    /// A stream comes due while there is a session.
    pub(super) fn stream(&mut self, session: &mut Session, index: usize) -> Option<End> {
        let stream = self.plan.streams[index].clone();
        self.due[index] = self.now + self.draw.gap(stream.gap);
        match stream.what {
            SideEvent::System { source, words, harm } => {
                self.record_system_event(source, words);
                if let Some((share, delay, death)) = harm
                    && session.delayed_death.is_none()
                    && self.draw.chance(share)
                {
                    session.delayed_death =
                        Some((self.now + self.draw.around(delay).abs(), death, "system_event"));
                }
            }
            SideEvent::Sleep { low, high } => self.sleep(session, low, high),
            SideEvent::UserDisconnects => {
                self.record(Event::Disconnected { by: Initiator::User });
                return Some(End::OnPurpose);
            }
            SideEvent::RecorderRestarts => return Some(End::Restart),
            SideEvent::NextKeepAlive => {
                let from = self.keep_alive;
                self.keep_alive_index = (self.keep_alive_index + 1) % self.plan.keep_alives.len();
                self.keep_alive = self.plan.keep_alives[self.keep_alive_index];
                self.record(Event::Disconnected { by: Initiator::Experiment });
                self.record(Event::KeepAliveChanged { from, to: self.keep_alive });
                return Some(End::OnPurpose);
            }
            SideEvent::Stall { low, high, reads } => {
                let secs = self.keep_alive * self.draw.between(low, high);
                session.stalled_until = session.stalled_until.max(self.now + secs);
                if !reads {
                    session.deaf_until = session.stalled_until;
                }
            }
            other => self.record_side_event(&other),
        }
        None
    }

    pub(super) fn stream_while_down(&mut self, index: usize) {
        let stream = self.plan.streams[index].clone();
        self.due[index] = self.now + self.draw.gap(stream.gap);
        match stream.what {
            SideEvent::System { source, words, .. } => self.record_system_event(source, words),
            other => self.record_side_event(&other),
        }
    }

    /// Activity without an effect on the connection.
    fn record_side_event(&mut self, what: &SideEvent) {
        match *what {
            SideEvent::Probe => {
                let bad = self.now < self.bad_until || self.in_burst();
                let ok = !self.draw.chance(if bad { 0.7 } else { 0.01 });
                let rtt_ms = ok.then(|| 12.0 * self.draw.between(0.8, 2.0));
                let error = (!ok).then(|| "timed out".to_owned());
                let probe = ProbeResult { probe: "internet".to_owned(), ok, rtt_ms, error, target: None };
                self.record(Event::Probe(probe));
            }
            SideEvent::ClockStep { is_recorded } => {
                let size = self.draw.scale(6.0, 7_200.0) * if self.draw.chance(0.5) { -1.0 } else { 1.0 };
                let size = (10.0 * size).round() / 10.0;
                self.ahead += size;
                if is_recorded {
                    self.record_system_event(
                        SystemSource::Clock,
                        &format!("wall clock stepped by {size:+.1} s"),
                    );
                }
            }
            SideEvent::Refresh { life } => self.refresh(life),
            _ => {}
        }
    }

    /// Share of connect attempts that fail during the current burst; 0 outside of one.
    pub(super) fn connect_failure_share(&self) -> f64 {
        let failure_share = |fault: &super::plan::Fault| match fault.kind {
            FaultKind::Spells { from, until, rough, .. } if from <= self.now && self.now <= until => rough,
            _ => 0.0,
        };
        self.faults.iter().map(failure_share).fold(0.0, f64::max)
    }

    /// Whether a burst is active.
    fn in_burst(&self) -> bool {
        self.faults.iter().any(|fault| {
            matches!(fault.kind, FaultKind::Spells { from, until, .. } if from <= self.now && self.now <= until)
        })
    }

    /// `#` in the text is replaced by a value that differs each time.
    fn record_system_event(&mut self, source: SystemSource, words: &str) {
        let number = self.draw.count(1, 254);
        let message = words.replace('#', &number.to_string());
        self.record(Event::System { source, message });
    }

    /// The computer sleeps; the broker does not wait for it.
    fn sleep(&mut self, session: &mut Session, low: f64, high: f64) {
        let secs = self.draw.scale(low, high);
        self.now += secs;
        self.record_system_event(SystemSource::Power, &format!("this computer slept for {secs:.0} s"));
        session.stalled_until = session.stalled_until.max(self.now + 0.05);
        if self.now > session.server_last_heard + 1.5 * self.keep_alive {
            let death = self.draw.pick(&[Death::Reset, Death::Close(DropKind::Fin), Death::Lost]);
            session.delayed_death = Some((self.now + 0.01, death, super::label::SLEEP));
            session.server_last_heard = self.now;
        }
    }
}
