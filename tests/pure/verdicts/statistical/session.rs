//! One simulated session until its end.

use std::collections::VecDeque;

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{DropKind, DroppedEvent, Layer};

use super::plan::{Death, FaultKind, Pings};
use super::world::{End, LINES, World};

/// The state of one session; times on the boot clock.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) credential_expiry: Option<f64>,
    pub(super) last_out: f64,
    pub(super) last_in: f64,
    pub(super) last_ping: f64,
    /// Newest packet that arrived, in any direction.
    pub(super) last_delivered: f64,
    /// Newest outgoing packet that the broker received.
    pub(super) server_last_heard: f64,
    /// A pending ping: when it was sent, and when its answer arrives.
    pub(super) waiting: Option<(f64, f64)>,
    /// Whether the path is down.
    pub(super) gone: Option<Death>,
    /// The cause of the end; for the label.
    pub(super) cause: Option<(Option<usize>, &'static str)>,
    pub(super) unanswered: Option<f64>,
    /// A pending end: its time and its kind.
    pub(super) closing: Option<(f64, DropKind)>,
    /// The next drawn end: its time and its fault.
    pub(super) kill: Option<(f64, usize)>,
    /// Ends caused by background activity.
    pub(super) delayed_death: Option<(f64, Death, &'static str)>,
    pub(super) stalled_until: f64,
    pub(super) deaf_until: f64,
    pub(super) sent: u32,
    pub(super) received: u32,
    pub(super) burst_size: u32,
    pub(super) talks: Vec<f64>,
    pub(super) pace: f64,
    pub(super) answers: VecDeque<(f64, &'static str)>,
    pub(super) silence: f64,
    pub(super) messages: f64,
    pub(super) window: (u64, u64, f64),
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Talk(usize),
    Answer,
    Ping,
    Pong,
    Deadline,
    Resend,
    Kill,
    DelayedDeath,
    Close,
    Silence,
    Server,
    Window,
    Stream(usize),
}

impl World<'_> {
    pub(super) fn session(&mut self) -> End {
        let mut session = self.new_session();
        loop {
            let (at, step) = self.next(&session);
            self.now = self.now.max(at);
            if self.lines.len() >= LINES {
                return End::Over;
            }
            let end = match step {
                Step::Talk(index) => self.send_messages(&mut session, index),
                Step::Answer => self.answer(&mut session),
                Step::Ping => self.ping(&mut session),
                Step::Pong => self.pong(&mut session),
                Step::Deadline => {
                    // The answer had arrived unread: the client was late, not the path.
                    session.cause.get_or_insert((None, "keep_alive_timeout"));
                    Some(self.drop(&mut session, DropKind::PingTimeout))
                }
                Step::Resend => Some(self.drop(&mut session, DropKind::Io)),
                Step::Close => {
                    let how = session.closing.map_or(DropKind::Fin, |(_, how)| how);
                    Some(self.drop(&mut session, how))
                }
                Step::Kill => {
                    let index = session.kill.take().map_or(0, |(_, index)| index);
                    let fault = &self.faults[index];
                    let (mut death, cause) = (fault.death, fault.cause);
                    if matches!(fault.kind, FaultKind::Spells { mixed: true, .. }) {
                        death = self.draw.pick(&[death, Death::Reset, Death::Local, Death::Lost]);
                    }
                    self.die(&mut session, death, Some(index), cause)
                }
                Step::DelayedDeath => session
                    .delayed_death
                    .take()
                    .and_then(|(_, death, cause)| self.die(&mut session, death, None, cause)),
                Step::Silence => self.nat_mapping_expired(&mut session),
                Step::Server => {
                    self.die(&mut session, Death::Close(DropKind::Fin), None, "keep_alive_timeout")
                }
                Step::Window => {
                    self.flush(&mut session);
                    None
                }
                Step::Stream(index) => self.stream(&mut session, index),
            };
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn new_session(&mut self) -> Session {
        let now = self.now;
        let kill = self.next_kill();
        let talks = self
            .plan
            .message_flows
            .iter()
            .map(|talk| now + self.draw.gap(talk.gap) * self.draw.unit())
            .collect();
        let mut session = Session {
            credential_expiry: self.expires.filter(|expires| *expires > now),
            last_out: now,
            last_in: now,
            last_ping: now,
            last_delivered: now,
            server_last_heard: now,
            waiting: None,
            gone: None,
            cause: None,
            unanswered: None,
            closing: None,
            kill,
            delayed_death: None,
            stalled_until: -1.0,
            deaf_until: -1.0,
            sent: 0,
            received: 0,
            burst_size: 0,
            talks,
            pace: self.draw.scale(0.5, 2.0),
            answers: VecDeque::new(),
            silence: 0.0,
            messages: 0.0,
            window: (0, 0, now),
        };
        for index in 0..self.faults.len() {
            match self.faults[index].kind.clone() {
                FaultKind::Silence { limit, jitter } => {
                    session.silence = limit + self.draw.around(jitter);
                }
                FaultKind::Messages { limit, spread, .. } => {
                    session.messages = (limit + spread * self.draw.normal()).round().max(2.0);
                }
                FaultKind::Credentials { late, share } => {
                    if let Some(bound) = session.credential_expiry.filter(|_| self.draw.chance(share)) {
                        let at = bound + self.draw.around(late).abs();
                        if session.kill.is_none_or(|(kill, _)| at < kill) {
                            session.kill = Some((at, index));
                        }
                    }
                }
                _ => {}
            }
        }
        session
    }

    /// The next event.
    fn next(&self, session: &Session) -> (f64, Step) {
        let mut first = (f64::INFINITY, Step::Server);
        let mut consider = |at: f64, step: Step| {
            if at < first.0 {
                first = (at, step);
            }
        };
        let awake = |at: f64| at.max(session.stalled_until);
        // Of two events due at the end of a stall the first one counts: most clients read before they write.
        let closing = session.closing.map_or(f64::INFINITY, |(at, _)| at.max(session.deaf_until));
        if !self.plan.reconnects_at_once {
            consider(closing, Step::Close);
        }
        for (index, at) in session.talks.iter().enumerate() {
            consider(awake(*at), Step::Talk(index));
        }
        if let Some((at, _)) = session.answers.front() {
            consider(at.max(session.deaf_until), Step::Answer);
        }
        if let Some((sent, answer)) = session.waiting {
            let deadline = awake(sent + self.plan.deadline);
            if self.plan.reconnects_at_once {
                consider(deadline, Step::Deadline);
            }
            consider(awake(answer).max(session.deaf_until), Step::Pong);
            consider(deadline, Step::Deadline);
        } else {
            let since = match self.plan.pings {
                Pings::WhenIdle => session.last_out,
                Pings::Always => session.last_ping,
            };
            consider(awake(since + self.keep_alive), Step::Ping);
        }
        if let Some(sent) = session.unanswered {
            consider(awake(sent + self.plan.resend), Step::Resend);
        }
        if session.closing.is_some() {
            consider(closing, Step::Close);
        } else if session.gone.is_none() {
            consider(session.kill.map_or(f64::INFINITY, |(at, _)| at), Step::Kill);
            consider(session.delayed_death.map_or(f64::INFINITY, |(at, ..)| at), Step::DelayedDeath);
            if session.silence > 0.0 {
                consider(session.last_delivered + session.silence, Step::Silence);
            }
            consider(session.server_last_heard + 1.5 * self.keep_alive + 0.4, Step::Server);
        }
        if let Some(window) = self.plan.window {
            consider(session.window.2 + window, Step::Window);
        }
        if let Some(index) = self.next_stream() {
            consider(self.due[index], Step::Stream(index));
        }
        first
    }

    fn next_kill(&mut self) -> Option<(f64, usize)> {
        let all: Vec<_> =
            (0..self.faults.len()).filter_map(|n| self.fault_due(n).map(|at| (at, n))).collect();
        all.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The path or the peer ends it now.
    fn die(
        &mut self,
        session: &mut Session,
        death: Death,
        fault: Option<usize>,
        cause: &'static str,
    ) -> Option<End> {
        session.cause = Some((fault, cause));
        session.kill = None;
        let (least, most) = self.plan.lasting.unwrap_or_default();
        if most > 0.0 && matches!(death, Death::Lost | Death::Local) {
            self.bad_until = self.bad_until.max(self.now + self.draw.scale(least, most));
        }
        match death {
            Death::Close(how) => session.closing = Some((self.now, how)),
            Death::Local => session.closing = Some((self.now, DropKind::Local)),
            Death::Reset | Death::Lost => {
                session.gone = Some(death);
                session.answers.clear();
                if let Some((sent, answer)) = session.waiting.filter(|(_, answer)| *answer > self.now) {
                    session.unanswered = Some(sent);
                    session.waiting = Some((sent, f64::INFINITY));
                    debug_assert!(answer > sent);
                }
            }
        }
        None
    }

    fn nat_mapping_expired(&mut self, session: &mut Session) -> Option<End> {
        let index = self.faults.iter().position(|fault| matches!(fault.kind, FaultKind::Silence { .. }))?;
        let fault = &self.faults[index];
        let (death, cause) = (fault.death, fault.cause);
        self.die(session, death, Some(index), cause)
    }

    fn drop(&mut self, session: &mut Session, how: DropKind) -> End {
        if self.plan.window.is_some() {
            self.flush(session);
        }
        let (fault, cause) = session.cause.unwrap_or((None, "random"));
        let layer = match how {
            DropKind::PingTimeout | DropKind::Disconnect => Layer::Mqtt,
            DropKind::TlsClose | DropKind::TlsAlert => Layer::Tls,
            DropKind::WsClose => Layer::Websocket,
            DropKind::Local => Layer::Local,
            DropKind::Fin | DropKind::Rst | DropKind::Io => Layer::Tcp,
        };
        let name = super::render::error_name(how);
        let reason_code = self.reason_code(how, cause);
        let dropped = DroppedEvent {
            error_name: Some(name.to_owned()),
            error_message: Some(name.to_lowercase()),
            error_code: Some(5_000),
            active_subscriptions: 1,
            layer: Some(layer),
            how: Some(how),
            reason_code,
            last_rx_secs: Some(self.now - session.last_in),
            last_tx_secs: Some(self.now - session.last_out),
            ..DroppedEvent::default()
        };
        self.record(Event::Dropped(dropped));
        if let Some(line) = self.lines.last_mut() {
            line.cause = Some(cause);
        }
        self.drops += 1;
        End::Dropped(fault)
    }
}
