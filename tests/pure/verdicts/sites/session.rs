//! One session: packets, timers, and what ends it.

use std::collections::VecDeque;

use dropscope::diagnostics::MqttVersion;
use dropscope::diagnostics::event::{DropKind, Initiator, PacketNote};

use super::simulation::{SessionEnd, Simulation, TrueDrop};
use super::site::{Death, PingRule, Spacing, TokenRule, Trigger, next_within};

/// What the server sends back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reply {
    Pong { sent: f64 },
    PubAck,
    SubAck,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Change,
    Wake,
    Message(usize),
    Ping,
    PingDeadline,
    Reply,
    /// A mechanism ends the session.
    Strike(usize),
    IdleLimit(usize),
    ServerKeepAlive,
    /// The client notices the end.
    Notice(DropKind),
    /// A planned reconnect before credentials expire.
    Renewal,
    End,
}

/// The state of a session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connected: f64,
    pub(super) last_in: f64,
    pub(super) last_out: f64,
    pub(super) last_ping: f64,
    /// When the unanswered PINGREQ was sent.
    pub(super) waiting: Option<f64>,
    pub(super) replies: VecDeque<(f64, Reply)>,
    /// When the server last got a packet.
    pub(super) server_heard: f64,
    /// When each idle timer was last restarted, and its length in this session.
    pub(super) idle: Vec<(f64, f64)>,
    /// When each mechanism strikes.
    pub(super) strikes: Vec<f64>,
    /// The path is dead, in this way.
    pub(super) dead: Option<Death>,
    pub(super) died: f64,
    pub(super) cause: &'static str,
    pub(super) code: Option<u8>,
    pub(super) notice: Option<(f64, DropKind)>,
    pub(super) renewal: f64,
    /// Last packet that reached its destination.
    pub(super) delivered: f64,
    /// The silence that a reply of the server would show to be survived.
    pub(super) probed: f64,
    pub(super) survived: f64,
    /// The last packets, with the time of each in place of its distance to the drop.
    pub(super) notes: VecDeque<PacketNote>,
}

impl Simulation<'_> {
    /// Runs the session that was accepted now.
    pub(super) fn session(&mut self) -> SessionEnd {
        let mut session = self.open();
        for index in 0..self.due.len() {
            // Nothing is sent while there is no session.
            if self.due[index].0 < self.now {
                let pause = self.spacing(index, 0);
                // An interrupted group is given up; a single message follows soon.
                let is_group = matches!(self.site.streams[index].spacing, Spacing::Groups { .. });
                let soon = (self.now - self.due[index].0 + 5.0) * self.sampler.unit() + 0.05;
                let at = self.now + if is_group { pause } else { pause.min(soon) };
                self.due[index] = (self.in_hours(index, at), 0);
            }
        }
        loop {
            self.steps += 1;
            let (at, step) = self.next(&session);
            self.now = self.now.max(at);
            let end = match step {
                Step::End => Some(SessionEnd::Over),
                Step::Change => self.apply_change().then_some(SessionEnd::Reconnect(Initiator::Experiment)),
                Step::Renewal => Some(SessionEnd::Reconnect(Initiator::Planned)),
                Step::Notice(how) => {
                    self.drop_session(&session, how);
                    Some(SessionEnd::Dropped)
                }
                Step::PingDeadline => {
                    self.drop_session(&session, DropKind::PingTimeout);
                    Some(SessionEnd::Dropped)
                }
                _ => {
                    self.pass(&mut session, step);
                    (self.is_full() && session.dead.is_none()).then_some(SessionEnd::Over)
                }
            };
            let Some(end) = end else { continue };
            if session.survived > 0.0 {
                self.trace.survived.push(session.survived);
            }
            if end != SessionEnd::Dropped && session.dead.is_none() {
                self.trace.unfinished.push(session.last_in - session.connected);
            }
            return end;
        }
    }

    fn open(&mut self) -> Session {
        let site = self.site;
        let idle = site.idle_limits.iter().map(|limit| limit.limit + limit.tick * self.sampler.unit());
        let idle = idle.map(|limit| (self.now, limit)).collect();
        let mut session = Session {
            connected: self.now,
            last_in: self.now,
            last_out: self.now - self.site.broker.round_trip,
            last_ping: self.now,
            waiting: None,
            replies: VecDeque::new(),
            server_heard: self.now,
            idle,
            strikes: Vec::new(),
            dead: None,
            died: 0.0,
            cause: "",
            code: None,
            notice: None,
            renewal: f64::INFINITY,
            delivered: self.now,
            probed: 0.0,
            survived: 0.0,
            notes: VecDeque::new(),
        };
        session.strikes =
            (0..site.mechanisms.len()).map(|index| self.strike_time(index, &mut session)).collect();
        if self.subscribes {
            self.now += 0.001;
            // A broker that ends the session over a SUBSCRIBE does not answer it.
            let is_refused = site.mechanisms.iter().zip(&session.strikes).any(|(mechanism, at)| {
                matches!(mechanism.trigger, Trigger::OnSubscribe { .. }) && at.is_finite()
            });
            let reply = (!is_refused).then_some(Reply::SubAck);
            self.send(&mut session, "SUBSCRIBE", None, 40, reply);
        }
        session
    }

    /// When a mechanism ends a session that begins now.
    fn strike_time(&mut self, index: usize, session: &mut Session) -> f64 {
        let site = self.site;
        let mechanism = &site.mechanisms[index];
        let (from, until) = mechanism.exists;
        let at = match &mechanism.trigger {
            Trigger::Random(mean) => self.now.max(from) + self.sampler.exponential(*mean),
            Trigger::Age(limit, late) => self.now + limit + (late * self.sampler.normal()).abs(),
            Trigger::Times(times) => {
                times.get(times.partition_point(|at| *at <= self.now)).copied().unwrap_or(f64::INFINITY)
            }
            Trigger::AfterConnect(low, high) => self.now + self.sampler.log_uniform(*low, *high),
            Trigger::OnSubscribe { within: (low, high), until } => {
                if until.is_some_and(|most| self.hits[index] >= most) {
                    self.subscribes = false;
                }
                if !self.subscribes {
                    return f64::INFINITY;
                }
                self.now + self.sampler.uniform(*low, *high)
            }
            Trigger::OnPublish { .. } | Trigger::OnReceive { .. } => return f64::INFINITY,
            Trigger::Expiry { validity, late, token } => {
                let expires = self.token.unwrap_or(f64::INFINITY);
                if let TokenRule::Renewed { chance, share } = token
                    && self.sampler.chance(*chance)
                {
                    session.renewal = expires - validity * (1.0 - share);
                }
                expires + late * self.sampler.unit()
            }
        };
        if at < from || at >= until { f64::INFINITY } else { at }
    }

    /// The next step and its time.
    fn next(&self, session: &Session) -> (f64, Step) {
        let pause = self.site.pauses.get(self.next_pause);
        // The client acts after a pause that has begun by then.
        let awake = |at: f64| match pause {
            Some(pause) if at >= pause.at => at.max(pause.at + pause.secs),
            _ => at,
        };
        let mut first = (self.site.duration, Step::End);
        // Of what became due during a pause, the first one considered comes first.
        let mut consider = |at: f64, step: Step| {
            let at = at.max(self.now);
            if at < first.0 {
                first = (at, step);
            }
        };
        if let Some(pause) = pause {
            consider(pause.at + pause.secs, Step::Wake);
        }
        // A client reads before it writes: an end that arrived during a pause comes first.
        if let Some((at, how)) = session.notice {
            consider(awake(at), Step::Notice(how));
        }
        if let Some((at, _)) = self.site.timeline.get(self.next_change) {
            consider(awake(*at), Step::Change);
        }
        for (index, (at, _)) in self.due.iter().enumerate() {
            if !self.withheld[index] {
                consider(awake(*at), Step::Message(index));
            }
        }
        if let Some((at, _)) = session.replies.front() {
            consider(awake(*at), Step::Reply);
        }
        consider(awake(session.renewal), Step::Renewal);
        if let Some(sent) = session.waiting {
            consider(awake(sent + self.site.client.ping_timeout), Step::PingDeadline);
        } else if self.keep_alive > 0.0 {
            let since = match self.site.client.pings {
                PingRule::Always => session.last_ping,
                PingRule::WhenIdle => session.last_out,
            };
            consider(awake(since + self.keep_alive), Step::Ping);
        }
        if session.dead.is_none() {
            self.consider_deaths(session, &mut consider);
        }
        first
    }

    fn consider_deaths(&self, session: &Session, consider: &mut impl FnMut(f64, Step)) {
        for (index, at) in session.strikes.iter().enumerate() {
            consider(*at, Step::Strike(index));
        }
        for (index, (since, length)) in session.idle.iter().enumerate() {
            let limit = &self.site.idle_limits[index];
            let at = next_within(limit.hours, (since + length).max(limit.exists.0), self.site.start_of_day);
            if at < limit.exists.1 {
                consider(at, Step::IdleLimit(index));
            }
        }
        if self.keep_alive > 0.0 {
            consider(session.server_heard + 1.5 * self.keep_alive + 0.5, Step::ServerKeepAlive);
        }
    }

    fn pass(&mut self, session: &mut Session, step: Step) {
        let site = self.site;
        match step {
            Step::Wake => {
                self.wake();
            }
            Step::Message(index) => self.message(session, index),
            Step::Ping => {
                session.last_ping = self.now;
                session.waiting = Some(self.now);
                self.send(session, "PINGREQ", None, 2, Some(Reply::Pong { sent: self.now }));
            }
            Step::Reply => self.reply(session),
            Step::Strike(index) => {
                let mechanism = &site.mechanisms[index];
                session.strikes[index] = f64::INFINITY;
                self.hits[index] += 1;
                if let Some((low, high, refusal)) = mechanism.downtime {
                    let until = self.now + self.sampler.log_uniform(low, high);
                    self.down = Some((self.now, until, refusal));
                }
                // What ends during a sleep is noticed with the end of the sleep.
                let asleep = self.pause_cause().filter(|cause| *cause == "system_event");
                self.die(session, asleep.unwrap_or(mechanism.cause), mechanism.death, mechanism.code);
            }
            Step::IdleLimit(index) => {
                // A timer that runs out because the computer does not run is no limit of the traffic.
                let cause = if self.pause_cause().is_some() { "system_event" } else { "idle_timeout" };
                self.die(session, cause, site.idle_limits[index].death, None);
            }
            Step::ServerKeepAlive => {
                let cause = self.pause_cause().unwrap_or("keep_alive_timeout");
                self.die(session, cause, Death::Close, Some(0x8D));
            }
            _ => {}
        }
    }

    /// The cause of what happens while the client does not run.
    fn pause_cause(&self) -> Option<&'static str> {
        use super::site::PauseKind;
        let pause = self.site.pauses.get(self.next_pause).filter(|pause| self.now >= pause.at)?;
        Some(if pause.kind == PauseKind::Stall { "keep_alive_timeout" } else { "system_event" })
    }

    /// The path or the peer ends the session.
    fn die(&mut self, session: &mut Session, cause: &'static str, death: Death, code: Option<u8>) {
        (session.dead, session.died, session.cause) = (Some(death), self.now, cause);
        let travel = self.now + 0.5 * self.site.broker.round_trip;
        session.code = code.filter(|_| self.site.broker.version == MqttVersion::V5 && death == Death::Close);
        session.notice = match death {
            Death::Close => Some((travel, self.polite_close(session.code))),
            Death::Reset => Some((travel, DropKind::Rst)),
            Death::NoNetwork | Death::OwnLimit => Some((self.now + 0.001, DropKind::Local)),
            Death::ResetOnSend | Death::Lost => None,
        };
        // What is on its way does not arrive any more, nor does what was just sent.
        session.replies.clear();
        if death != Death::Lost {
            return;
        }
        if session.waiting.is_none() && session.last_out >= self.now {
            session.notice = Some((self.now + self.site.client.tcp_timeout, DropKind::Io));
        }
    }

    fn drop_session(&mut self, session: &Session, how: DropKind) {
        let cause = if session.dead.is_some() { session.cause } else { "random" };
        let is_own_limit = session.dead == Some(Death::OwnLimit);
        let stated = (session.code.is_some() || is_own_limit) && !self.is_bare();
        let died = if session.dead.is_some() { session.died } else { self.now };
        self.trace.drops.push(TrueDrop {
            cause,
            at: self.now,
            died,
            connected: session.connected,
            proven: session.last_in - session.connected,
            silence: died - session.delivered,
            stated,
        });
        let packets = session.notes.iter().cloned();
        let packets = packets.map(|note| PacketNote { ago_secs: self.now - note.ago_secs, ..note }).collect();
        self.record_drop(session, how, session.code, is_own_limit, packets);
    }
}
