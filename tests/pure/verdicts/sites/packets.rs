//! Packets of a session: what is sent, what arrives, and what the path and the broker make of it.

use std::sync::Arc;

use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::{DropKind, Message, PacketNote};

use super::session::{Reply, Session};
use super::simulation::Simulation;
use super::site::{Counts, Death, Sender, Trigger, is_within};

/// Most packets remembered for a drop.
const NOTES: usize = 5;

impl Simulation<'_> {
    pub(super) fn message(&mut self, session: &mut Session, index: usize) {
        let site = self.site;
        let stream = &site.streams[index];
        let sent = self.due[index].1 + 1;
        let at = self.now + self.spacing(index, sent);
        let group_ends = at - self.now > 5.0;
        self.due[index] = (self.in_hours(index, at), if group_ends { 0 } else { sent });
        if !is_within(stream.hours, self.now + site.start_of_day) {
            return;
        }
        let message = Message {
            topic: stream.topic.into(),
            bytes: stream.bytes,
            qos: Some(stream.qos),
            ..Message::default()
        };
        let on_wire = u32::try_from(stream.bytes).unwrap_or(u32::MAX).saturating_add(20);
        let topic = message.topic.clone();
        if stream.sender == Sender::Server {
            if session.dead.is_none() {
                for (position, mechanism) in site.mechanisms.iter().enumerate() {
                    if matches!(mechanism.trigger, Trigger::OnReceive { stream } if stream == index) {
                        session.strikes[position] = self.now;
                        return;
                    }
                }
                self.arrive(session, "PUBLISH", Some(topic), on_wire);
                self.record(Event::Received(message));
            }
            return;
        }
        self.record(Event::Published(message));
        self.send(session, "PUBLISH", Some(topic), on_wire, (stream.qos > 0).then_some(Reply::PubAck));
        self.provoke(session, index, sent);
    }

    /// A message of the client may be refused.
    fn provoke(&mut self, session: &mut Session, index: usize, sent: u32) {
        let site = self.site;
        for (position, mechanism) in site.mechanisms.iter().enumerate() {
            let Trigger::OnPublish { stream, nth, within: (low, high), until } = mechanism.trigger else {
                continue;
            };
            if stream != index || sent != nth || session.dead.is_some() {
                continue;
            }
            session.strikes[position] = self.now + self.sampler.uniform(low, high);
            self.withheld[index] = until.is_some_and(|most| self.hits[position] + 1 >= most);
        }
    }

    fn note(
        &self,
        session: &mut Session,
        incoming: bool,
        packet: &'static str,
        topic: Option<Arc<str>>,
        bytes: u32,
    ) {
        if session.notes.len() == NOTES {
            session.notes.pop_front();
        }
        session.notes.push_back(PacketNote {
            ago_secs: self.now,
            incoming,
            packet: packet.to_owned(),
            topic,
            bytes,
        });
    }

    /// The client sends a packet.
    pub(super) fn send(
        &mut self,
        session: &mut Session,
        packet: &'static str,
        topic: Option<Arc<str>>,
        bytes: u32,
        reply: Option<Reply>,
    ) {
        self.note(session, false, packet, topic, bytes);
        session.last_out = self.now;
        let round_trip = self.site.broker.round_trip * self.sampler.uniform(0.9, 1.5);
        match session.dead {
            Some(Death::ResetOnSend) => {
                session.notice.get_or_insert((self.now + round_trip, DropKind::Rst));
            }
            Some(Death::Lost) if session.notice.is_none() => {
                session.notice = Some((self.now + self.site.client.tcp_timeout, DropKind::Io));
            }
            Some(_) => {}
            None => {
                session.server_heard = self.now;
                session.probed = session.probed.max(self.now - session.delivered);
                session.delivered = self.now;
                self.restart_idle_timers(session, Sender::Client);
                if let Some(reply) = reply {
                    session.replies.push_back((self.now + round_trip, reply));
                }
            }
        }
    }

    /// A packet of the server arrives.
    fn arrive(&mut self, session: &mut Session, packet: &'static str, topic: Option<Arc<str>>, bytes: u32) {
        self.note(session, true, packet, topic, bytes);
        session.survived = session.survived.max(session.probed).max(self.now - session.delivered);
        session.probed = 0.0;
        session.delivered = self.now;
        session.last_in = self.now;
        self.restart_idle_timers(session, Sender::Server);
    }

    fn restart_idle_timers(&self, session: &mut Session, sender: Sender) {
        for (limit, (since, _)) in self.site.idle_limits.iter().zip(&mut session.idle) {
            if sender == Sender::Server || limit.counts == Counts::BothWays {
                *since = self.now;
            }
        }
    }

    pub(super) fn reply(&mut self, session: &mut Session) {
        let Some((_, reply)) = session.replies.pop_front() else { return };
        match reply {
            Reply::PubAck => self.arrive(session, "PUBACK", None, 4),
            Reply::SubAck => {
                self.arrive(session, "SUBACK", None, 5);
                let filters = vec!["site/#".to_owned()];
                self.record(Event::Subscribed { filters, return_codes: vec![1] });
            }
            Reply::Pong { sent } => {
                session.waiting = None;
                self.arrive(session, "PINGRESP", None, 2);
                self.record(Event::Ping { rtt_ms: 1e3 * (self.now - sent) });
            }
        }
    }
}
