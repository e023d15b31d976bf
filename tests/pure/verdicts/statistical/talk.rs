//! What does a session say and hear, and which faults count it?

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::How;

use super::draw::Gap;
use super::plan::{Death, FaultKind};
use super::session::Session;
use super::world::{End, World};

impl World<'_> {
    /// A packet of ours leaves.
    pub(super) fn out(&mut self, session: &mut Session) {
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

    pub(super) fn ping(&mut self, session: &mut Session) -> Option<End> {
        self.out(session);
        session.last_ping = self.now;
        let rtt = self.plan.rtt * self.draw.between(0.8, 1.6);
        let answer = if session.gone.is_some() { f64::INFINITY } else { self.now + rtt };
        session.waiting = Some((self.now, answer));
        None
    }

    pub(super) fn pong(&mut self, session: &mut Session) -> Option<End> {
        let (sent, _) = session.waiting.take()?;
        session.last_in = self.now;
        session.through = self.now;
        self.say(Event::Ping { rtt_ms: 1_000.0 * (self.now - sent) });
        None
    }

    pub(super) fn answer(&mut self, session: &mut Session) -> Option<End> {
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

    pub(super) fn talk(&mut self, session: &mut Session, index: usize) -> Option<End> {
        let talk = self.plan.talks[index].clone();
        let size = self.draw.count(1, talk.burst);
        let mut gap = self.draw.gap(talk.gap);
        if !matches!(talk.gap, Gap::Every(..)) {
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
                    let count =
                        f64::from(session.sent) + if both { f64::from(session.received) } else { 0.0 };
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

    pub(super) fn flush(&mut self, session: &mut Session) {
        let (published, received, since) = session.window;
        session.window = (0, 0, self.now);
        if published + received > 0 {
            self.say(Event::Traffic { published, received, window_secs: self.now - since });
        }
    }
}
