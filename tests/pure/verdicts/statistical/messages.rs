//! The packets of a session, and the faults that count them.

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::DropKind;

use super::draw::Gap;
use super::plan::{Death, FaultKind};
use super::session::Session;
use super::world::{End, World};

impl World<'_> {
    /// The client sends a packet.
    pub(super) fn record_outgoing(&mut self, session: &mut Session) {
        session.last_out = self.now;
        match session.gone {
            None => {
                session.last_delivered = self.now;
                session.server_last_heard = self.now;
            }
            Some(Death::Reset) => {
                session.closing.get_or_insert((self.now + self.plan.rtt, DropKind::Rst));
            }
            Some(_) => {
                session.unanswered.get_or_insert(self.now);
            }
        }
    }

    pub(super) fn ping(&mut self, session: &mut Session) -> Option<End> {
        self.record_outgoing(session);
        session.last_ping = self.now;
        let rtt = self.plan.rtt * self.draw.between(0.8, 1.6);
        let answer = if session.gone.is_some() { f64::INFINITY } else { self.now + rtt };
        session.waiting = Some((self.now, answer));
        None
    }

    pub(super) fn pong(&mut self, session: &mut Session) -> Option<End> {
        let (sent, _) = session.waiting.take()?;
        session.last_in = self.now;
        session.last_delivered = self.now;
        self.record(Event::Ping { rtt_ms: 1_000.0 * (self.now - sent) });
        None
    }

    pub(super) fn answer(&mut self, session: &mut Session) -> Option<End> {
        let (_, topic) = session.answers.pop_front()?;
        self.receive(session, topic);
        None
    }

    fn receive(&mut self, session: &mut Session, topic: &'static str) {
        session.last_in = self.now;
        session.last_delivered = self.now;
        session.received += 1;
        if self.plan.window.is_some() {
            session.window.1 += 1;
        } else {
            let bytes = 100 + u64::from(session.received % 7) * 41;
            self.record(Event::Received(Self::message(topic, bytes)));
        }
        self.count(session, true, "");
    }

    fn publish(&mut self, session: &mut Session, topic: &'static str, again: bool) {
        session.sent += 1;
        session.burst_size = if again { session.burst_size + 1 } else { 1 };
        if self.plan.window.is_some() {
            session.window.0 += 1;
        } else {
            self.record(Event::Published(Self::message(topic, 60 + u64::from(session.sent % 5) * 13)));
        }
        self.record_outgoing(session);
        self.count(session, false, topic);
    }

    pub(super) fn send_messages(&mut self, session: &mut Session, index: usize) -> Option<End> {
        let talk = self.plan.message_flows[index].clone();
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

    /// Faults that count messages.
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
                    (!inbound && session.burst_size == size && self.draw.chance(share), delay)
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
                    _ => DropKind::Rst,
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
            self.record(Event::Traffic { published, received, window_secs: self.now - since });
        }
    }
}
