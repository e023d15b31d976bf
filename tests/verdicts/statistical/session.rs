//! What happens within one session, until it ends?

use std::collections::VecDeque;

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{Dropped, How, Layer};

use super::plan::{Death, FaultKind, Pings};
use super::world::{End, LINES, World};

/// The state of one session; times on the boot clock.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) bound: Option<f64>,
    last_out: f64,
    last_in: f64,
    last_ping: f64,
    /// Newest packet that went through, in any direction.
    pub(super) through: f64,
    /// Newest packet of ours that the broker got.
    pub(super) heard: f64,
    /// A ping on its way: when it went out, and when its answer comes.
    waiting: Option<(f64, f64)>,
    /// The path is gone.
    gone: Option<Death>,
    /// What made (or will make) the end; for the label.
    pub(super) cause: Option<(Option<usize>, &'static str)>,
    unanswered: Option<f64>,
    /// An end that is already on its way: when, and how it will look.
    closing: Option<(f64, How)>,
    /// The next end that was drawn: when, and by which fault.
    kill: Option<(f64, usize)>,
    /// Ends put into this session by its surroundings.
    pub(super) doom: Option<(f64, Death, &'static str)>,
    pub(super) stalled_until: f64,
    pub(super) deaf_until: f64,
    sent: u32,
    received: u32,
    rush: u32,
    talks: Vec<f64>,
    pace: f64,
    answers: VecDeque<(f64, &'static str)>,
    silence: f64,
    messages: f64,
    window: (u64, u64, f64),
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
    Doom,
    Close,
    Silence,
    Server,
    Window,
    Stream(usize),
}

impl World<'_> {
    pub(super) fn session(&mut self) -> End {
        let mut session = self.born();
        loop {
            let (at, step) = self.next(&session);
            self.now = self.now.max(at);
            if self.lines.len() >= LINES {
                return End::Over;
            }
            let end = match step {
                Step::Talk(index) => self.talk(&mut session, index),
                Step::Answer => self.answer(&mut session),
                Step::Ping => self.ping(&mut session),
                Step::Pong => self.pong(&mut session),
                Step::Deadline => Some(self.drop(&mut session, How::PingTimeout)),
                Step::Resend => Some(self.drop(&mut session, How::Io)),
                Step::Close => {
                    let how = session.closing.map_or(How::Fin, |(_, how)| how);
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
                Step::Doom => session.doom.take().and_then(|(_, death, cause)| {
                    self.die(&mut session, death, None, cause)
                }),
                Step::Silence => self.forgotten(&mut session),
                Step::Server => self.die(&mut session, Death::Close(How::Fin), None, "keep_alive_timeout"),
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

    fn born(&mut self) -> Session {
        let now = self.now;
        let kill = self.next_kill();
        let talks = self.plan.talks.iter().map(|talk| now + self.draw.gap(talk.gap) * self.draw.unit()).collect();
        let mut session = Session {
            bound: self.expires.filter(|expires| *expires > now),
            last_out: now,
            last_in: now,
            last_ping: now,
            through: now,
            heard: now,
            waiting: None,
            gone: None,
            cause: None,
            unanswered: None,
            closing: None,
            kill,
            doom: None,
            stalled_until: -1.0,
            deaf_until: -1.0,
            sent: 0,
            received: 0,
            rush: 0,
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
                    if let Some(bound) = session.bound.filter(|_| self.draw.chance(share)) {
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

    /// The earliest thing to happen.
    fn next(&self, session: &Session) -> (f64, Step) {
        let mut first = (f64::INFINITY, Step::Server);
        let mut offer = |at: f64, step: Step| {
            if at < first.0 {
                first = (at, step);
            }
        };
        let awake = |at: f64| at.max(session.stalled_until);
        for (index, at) in session.talks.iter().enumerate() {
            offer(awake(*at), Step::Talk(index));
        }
        if let Some((at, _)) = session.answers.front() {
            offer(at.max(session.deaf_until), Step::Answer);
        }
        match session.waiting {
            Some((sent, answer)) => {
                offer(awake(answer).max(session.deaf_until), Step::Pong);
                offer(awake(sent + self.plan.deadline), Step::Deadline);
            }
            None => {
                let since = match self.plan.pings {
                    Pings::WhenIdle => session.last_out,
                    Pings::Always => session.last_ping,
                };
                offer(awake(since + self.keep_alive), Step::Ping);
            }
        }
        if let Some(sent) = session.unanswered {
            offer(awake(sent + self.plan.resend), Step::Resend);
        }
        if let Some((at, _)) = session.closing {
            offer(at.max(session.deaf_until), Step::Close);
        } else if session.gone.is_none() {
            offer(session.kill.map_or(f64::INFINITY, |(at, _)| at), Step::Kill);
            offer(session.doom.map_or(f64::INFINITY, |(at, ..)| at), Step::Doom);
            if session.silence > 0.0 {
                offer(session.through + session.silence, Step::Silence);
            }
            offer(session.heard + 1.5 * self.keep_alive + 0.4, Step::Server);
        }
        if let Some(window) = self.plan.window {
            offer(session.window.2 + window, Step::Window);
        }
        if let Some(index) = self.next_stream() {
            offer(self.due[index], Step::Stream(index));
        }
        first
    }

    fn next_kill(&mut self) -> Option<(f64, usize)> {
        let all: Vec<_> = (0..self.faults.len()).filter_map(|n| self.fault_due(n).map(|at| (at, n))).collect();
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
            Death::Local => session.closing = Some((self.now, How::Local)),
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

    fn forgotten(&mut self, session: &mut Session) -> Option<End> {
        let index = self.faults.iter().position(|fault| matches!(fault.kind, FaultKind::Silence { .. }))?;
        let fault = &self.faults[index];
        let (death, cause) = (fault.death, fault.cause);
        self.die(session, death, Some(index), cause)
    }

    /// A packet of ours leaves.
    fn out(&mut self, session: &mut Session) {
        session.last_out = self.now;
        match session.gone {
            None => {
                session.through = self.now;
                session.heard = self.now;
            }
            Some(Death::Reset) => {
                session.closing.get_or_insert((self.now + self.plan.rtt, How::Rst));
            }
            Some(_) => {
                session.unanswered.get_or_insert(self.now);
            }
        }
    }

    fn ping(&mut self, session: &mut Session) -> Option<End> {
        self.out(session);
        session.last_ping = self.now;
        let rtt = self.plan.rtt * self.draw.between(0.8, 1.6);
        let answer = if session.gone.is_some() { f64::INFINITY } else { self.now + rtt };
        session.waiting = Some((self.now, answer));
        None
    }

    fn pong(&mut self, session: &mut Session) -> Option<End> {
        let (sent, _) = session.waiting.take()?;
        session.last_in = self.now;
        session.through = self.now;
        self.say(Event::Ping { rtt_ms: 1_000.0 * (self.now - sent) });
        None
    }

    fn answer(&mut self, session: &mut Session) -> Option<End> {
        let (_, topic) = session.answers.pop_front()?;
        self.receive(session, topic);
        None
    }

    fn receive(&mut self, session: &mut Session, topic: &'static str) {
        session.last_in = self.now;
        session.through = self.now;
        session.received += 1;
        if self.plan.window.is_some() {
            session.window.1 += 1;
        } else {
            let bytes = 100 + u64::from(session.received % 7) * 41;
            self.say(Event::Received(Self::message(topic, bytes)));
        }
        self.count(session, true, "");
    }

    fn publish(&mut self, session: &mut Session, topic: &'static str, again: bool) {
        session.sent += 1;
        session.rush = if again { session.rush + 1 } else { 1 };
        if self.plan.window.is_some() {
            session.window.0 += 1;
        } else {
            self.say(Event::Published(Self::message(topic, 60 + u64::from(session.sent % 5) * 13)));
        }
        self.out(session);
        self.count(session, false, topic);
    }

    fn talk(&mut self, session: &mut Session, index: usize) -> Option<End> {
        let talk = self.plan.talks[index].clone();
        let size = self.draw.count(1, talk.burst);
        let mut gap = self.draw.gap(talk.gap);
        if !matches!(talk.gap, super::draw::Gap::Every(..)) {
            gap *= session.pace;
        }
        if talk.inbound {
            if session.gone.is_none() {
                self.receive(session, talk.topic);
            }
            session.talks[index] = self.now + gap;
            return None;
        }
        if let Some(companion) = talk.companion {
            self.publish(session, companion, false);
            self.now += self.draw.between(0.02, 0.3);
        }
        for number in 0..size {
            if session.closing.is_some_and(|(at, _)| at <= self.now) {
                break;
            }
            self.publish(session, talk.topic, number > 0);
            if let Some(after) = talk.answer.filter(|_| session.gone.is_none()) {
                let at = self.now + after * self.draw.between(0.7, 1.8);
                let place = session.answers.partition_point(|(other, _)| *other <= at);
                session.answers.insert(place, (at, "dev/1/res"));
            }
            if number + 1 < size {
                self.now += self.draw.between(0.005, 0.2);
            }
        }
        session.talks[index] = self.now + gap;
        None
    }

    /// Faults that count what is said.
    fn count(&mut self, session: &mut Session, inbound: bool, topic: &str) {
        if session.gone.is_some() || session.closing.is_some() {
            return;
        }
        for index in 0..self.faults.len() {
            let (cause, delay) = match self.faults[index].kind {
                FaultKind::Messages { both, .. } => {
                    let count = f64::from(session.sent) + if both { f64::from(session.received) } else { 0.0 };
                    (count >= session.messages && (both || !inbound), 0.02 + self.plan.rtt)
                }
                FaultKind::Burst { size, delay, share } => {
                    (!inbound && session.rush == size && self.draw.chance(share), delay)
                }
                FaultKind::Topic { topic: fatal, delay, share } => {
                    (!inbound && topic == fatal && self.draw.chance(share), delay)
                }
                _ => (false, 0.0),
            };
            if cause {
                let delay = delay * self.draw.between(0.5, 1.5);
                let how = match self.faults[index].death {
                    Death::Close(how) => how,
                    _ => How::Rst,
                };
                session.cause = Some((Some(index), self.faults[index].cause));
                session.closing = Some((self.now + delay, how));
            }
        }
    }

    fn flush(&mut self, session: &mut Session) {
        let (published, received, since) = session.window;
        session.window = (0, 0, self.now);
        if published + received > 0 {
            self.say(Event::Traffic { published, received, window_secs: self.now - since });
        }
    }

    fn drop(&mut self, session: &mut Session, how: How) -> End {
        if self.plan.window.is_some() {
            self.flush(session);
        }
        let (fault, cause) = session.cause.unwrap_or((None, "random"));
        let layer = match how {
            How::PingTimeout | How::Disconnect => Layer::Mqtt,
            How::TlsClose | How::TlsAlert => Layer::Tls,
            How::WsClose => Layer::Websocket,
            How::Local => Layer::Local,
            How::Fin | How::Rst | How::Io => Layer::Tcp,
        };
        let name = super::render::error_name(how);
        let reason_code = self.reason_code(how, cause);
        let dropped = Dropped {
            error_name: Some(name.to_owned()),
            error_message: Some(name.to_lowercase()),
            error_code: Some(5_000),
            active_subscriptions: 1,
            layer: Some(layer),
            how: Some(how),
            reason_code,
            last_rx_secs: Some(self.now - session.last_in),
            last_tx_secs: Some(self.now - session.last_out),
            ..Dropped::default()
        };
        self.say(Event::Dropped(dropped));
        if let Some(line) = self.lines.last_mut() {
            line.cause = Some(cause);
        }
        self.drops += 1;
        End::Dropped(fault)
    }
}
