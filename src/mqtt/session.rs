//! What happens on one established session? Reading, writing, pinging, and noticing its end.
//!
//! Everything is polled from one place and nothing is ever awaited half-way: a write that the peer
//! does not take stops neither reading nor the deadline of the ping.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use tokio::time::Sleep;
use tokio_util::codec::Framed;

use super::engine::{
    CodecError, Engine, FIRST_SUBSCRIBE_ID, Inbound, Outbound, Packet, mqtt_failure, violation,
};
use super::failure::Failure;
use super::handshake::Established;
use super::listener::{Heard, Listener};
use super::packet_ring::PacketRing;
use super::ping::Pinger;
use super::queue::PublishQueue;
use super::settings::LinkSettings;
use super::wire::{WireStream, WireTap};
use crate::diagnostics::error_name::AWS_ERROR_MQTT_TIMEOUT;
use crate::diagnostics::event::{Event, How, Message, Observed};
use crate::diagnostics::traffic::{TrafficGate, Way};
use crate::diagnostics::{Clock, Stamp};

/// Packets handled between two looks at the timers.
const BATCH: usize = 256;
/// Batches handled before other tasks get a turn.
const TURN: usize = 16;
/// Batches read after the ping deadline before it counts even though there is still more to read:
/// after a standstill of this computer the answer may be waiting behind other packets.
const OVERTIME: usize = 64;
/// Bytes waiting to be written above which no further publish is handed out.
const BACKLOG: usize = 64 * 1024;
/// Bytes waiting to be written above which the session is given up.
const BACKLOG_LIMIT: usize = 16 * 1024 * 1024;
/// Most topic filters in one SUBSCRIBE (AWS IoT allows 8).
const FILTERS_PER_SUBSCRIBE: usize = 8;
/// Longest sleep: a timer stands still while the computer is suspended, the boot clock does not, so
/// looking at it now and then gets an overdue ping out soon after waking up.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// What polling a session gives.
#[derive(Debug)]
pub(super) enum Step {
    Event(Observed),
    Ended(Failure, Stamp),
}

#[derive(Debug, PartialEq)]
enum Reading {
    More,
    Drained,
    Over,
}

/// One established session.
#[derive(Debug)]
pub(super) struct Session {
    framed: Framed<WireStream, Engine>,
    pub(super) tap: WireTap,
    clock: Arc<dyn Clock>,
    pinger: Pinger,
    ping_timeout: Duration,
    /// What that stands for.
    ping_limit_told: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
    overtime: usize,
    /// The next thing to do by the clock, and its timer.
    wake: Option<(Stamp, Pin<Box<Sleep>>)>,
    gate: TrafficGate,
    pub(super) ring: PacketRing,
    listener: Option<Arc<dyn Listener>>,
    subscribing: VecDeque<(u16, Vec<String>)>,
    pub(super) active_subscriptions: u32,
    unflushed: bool,
    write_error: Option<Failure>,
    out: VecDeque<Observed>,
    end: Option<(Failure, Stamp)>,
}

impl Session {
    /// Takes over an accepted session and subscribes.
    pub(super) fn new(
        established: Established,
        settings: &LinkSettings,
        keep_alive: u16,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let Established { framed, tap, accepted, at, .. } = established;
        let dictated = accepted.server_keep_alive.map(|secs| Duration::from_secs(secs.into()));
        let keep_alive = dictated.unwrap_or_else(|| settings.keep_alive(keep_alive));
        let mut session = Self {
            framed,
            tap,
            clock,
            pinger: Pinger::new(keep_alive, settings.ping_policy, at),
            ping_timeout: settings.ping_timeout,
            ping_limit_told: settings.field(settings.ping_timeout),
            deadline: None,
            overtime: 0,
            wake: None,
            gate: TrafficGate::new(settings.traffic_limit),
            ring: PacketRing::new(at),
            listener: settings.listener.clone(),
            subscribing: VecDeque::new(),
            active_subscriptions: 0,
            unflushed: false,
            write_error: None,
            out: VecDeque::new(),
            end: None,
        };
        session.subscribe(&settings.subscriptions, at);
        session
    }

    fn subscribe(&mut self, subscriptions: &[(String, u8)], now: Stamp) {
        for (pkid, filters) in (FIRST_SUBSCRIBE_ID..).zip(subscriptions.chunks(FILTERS_PER_SUBSCRIBE)) {
            let names = filters.iter().map(|(filter, _)| filter.clone()).collect();
            self.subscribing.push_back((pkid, names));
            self.send(Outbound::Subscribe { pkid, filters: filters.to_vec() }, 0x82, Bytes::new(), now);
        }
    }

    pub(super) fn framed_mut(&mut self) -> Pin<&mut Framed<WireStream, Engine>> {
        Pin::new(&mut self.framed)
    }

    pub(super) fn ping_outstanding_since(&self) -> Option<Stamp> {
        self.pinger.unanswered()
    }

    /// Drives the session until it has something to tell.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue) -> Poll<Step> {
        for _ in 0..TURN {
            if let Some(observed) = self.out.pop_front() {
                return Poll::Ready(Step::Event(observed));
            }
            if let Some((failure, at)) = self.end.take() {
                return Poll::Ready(Step::Ended(failure, at));
            }
            let reading = self.read(cx, queue);
            let now = self.clock.now();
            if self.end.is_none() {
                self.ping(cx, now, &reading);
                self.hand_out(queue, now);
                self.flush(cx, queue, now, &reading);
            }
            let timed = self.keep_time(cx, now, queue);
            if self.end.is_some()
                && let Some(event) = self.gate.flush(now)
            {
                self.out.push_back(Observed { at: now, event });
            }
            let idle = self.out.is_empty() && self.end.is_none() && !timed;
            if idle && reading == Reading::Drained {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn read(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue) -> Reading {
        let mut now = None;
        for _ in 0..BATCH {
            let item = match Pin::new(&mut self.framed).poll_next(cx) {
                Poll::Pending => return Reading::Drained,
                Poll::Ready(item) => item,
            };
            let now = *now.get_or_insert_with(|| {
                let now = self.clock.now();
                if let Some(event) = self.gate.due(now) {
                    self.out.push_back(Observed { at: now, event });
                }
                now
            });
            let failure = match item {
                Some(Ok(packet)) => match self.take(packet, now, queue) {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Some(Err(CodecError::Failed(failure))) => failure,
                Some(Err(CodecError::Io(error))) => self.tap.ending_of_error(&error),
                None => self.hung_up(),
            };
            self.end = Some((failure, now));
            return Reading::Over;
        }
        Reading::More
    }

    fn hung_up(&self) -> Failure {
        let mut failure = self.tap.ending_of_eof();
        let torn = self.framed.codec().torn();
        if torn > 0 {
            failure.detail = format!("{}, {torn} bytes into an unfinished packet", failure.detail);
        }
        failure
    }

    fn take(&mut self, packet: Packet, now: Stamp, queue: &mut PublishQueue) -> Result<(), Failure> {
        let mut noted_topic = Bytes::new();
        match packet.inbound {
            Inbound::Publish { topic, payload, qos } => {
                if let Some(listener) = self.listener.as_ref().filter(|listener| listener.wants(&topic)) {
                    let (topic, payload, retained) = (topic.clone(), payload.clone(), packet.first & 1 == 1);
                    listener.hear(Heard { at: now, topic, payload, retained });
                }
                if self.gate.admit(now, Way::Received) {
                    let event = Event::Received(Message {
                        topic: String::from_utf8_lossy(&topic).into(),
                        bytes: payload.len() as u64,
                        queued: false,
                        correlation_id: None,
                        qos: Some(qos),
                    });
                    self.out.push_back(Observed { at: now, event });
                }
                noted_topic = topic;
            }
            Inbound::PingResp => {
                self.deadline = None;
                if let Some(rtt) = self.pinger.answered(now) {
                    let event = Event::Ping { rtt_ms: rtt.as_secs_f64() * 1000.0 };
                    self.out.push_back(Observed { at: now, event });
                }
            }
            Inbound::SubAck { pkid, codes } => self.subscribed(pkid, codes, now)?,
            Inbound::PubAck { pkid, refusal } => {
                queue.acknowledged(pkid, refusal, now, &mut self.gate, &mut self.out);
            }
            Inbound::Accepted(_) | Inbound::Other => {}
        }
        self.ring.note(now, true, packet.first, noted_topic, packet.bytes);
        if self.framed.codec().owes_replies() {
            // The first reply names the packet: PUBACK but for the QoS 2 a broker may insist on.
            self.send(Outbound::Replies, 0x40, Bytes::new(), now);
        }
        Ok(())
    }

    fn subscribed(&mut self, pkid: u16, codes: Vec<u8>, now: Stamp) -> Result<(), Failure> {
        let Some(index) = self.subscribing.iter().position(|(id, _)| *id == pkid) else {
            return Err(violation("the broker sent a SUBACK nobody waits for"));
        };
        let (_, filters) = self.subscribing.remove(index).unwrap_or_default();
        if filters.len() != codes.len() {
            return Err(violation("the broker sent a SUBACK with the wrong number of codes"));
        }
        let accepted = codes.iter().filter(|code| **code < 0x80).count();
        self.active_subscriptions += u32::try_from(accepted).unwrap_or(u32::MAX);
        self.out.push_back(Observed { at: now, event: Event::Subscribed { filters, return_codes: codes } });
        Ok(())
    }

    /// Puts a packet into the write buffer.
    fn send(&mut self, item: Outbound, first: u8, topic: Bytes, now: Stamp) {
        let before = self.framed.write_buffer().len();
        match Pin::new(&mut self.framed).start_send(item) {
            Ok(()) => {
                let bytes = self.framed.write_buffer().len().saturating_sub(before);
                self.ring.note(now, false, first, topic, bytes);
                self.unflushed = true;
            }
            Err(CodecError::Failed(failure)) => {
                tracing::warn!(packet = super::words::packet_name(first), why = %failure.detail, "not sent");
            }
            Err(CodecError::Io(error)) => self.write_error = Some(self.tap.ending_of_error(&error)),
        }
        if self.framed.write_buffer().len() > BACKLOG_LIMIT && self.end.is_none() {
            let words = "the broker takes no data and too much waits to be sent";
            self.end = Some((mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, How::Local, words), now));
        }
    }

    fn ping(&mut self, cx: &mut Context<'_>, now: Stamp, reading: &Reading) {
        if self.pinger.due(self.tap.last_tx()).is_some_and(|due| now.has_reached(due)) {
            self.pinger.sent(now);
            self.send(Outbound::PingReq, 0xc0, Bytes::new(), now);
            self.deadline = Some(Box::pin(tokio::time::sleep(self.ping_timeout)));
            self.overtime = 0;
        }
        let Some(deadline) = &mut self.deadline else { return };
        if deadline.as_mut().poll(cx).is_pending() {
            return;
        }
        self.overtime += 1;
        if *reading == Reading::Drained || self.overtime > OVERTIME {
            let words = format!("no PINGRESP within {} s", self.ping_limit_told.as_secs_f64());
            self.end = Some((mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, How::PingTimeout, words), now));
        }
    }

    fn hand_out(&mut self, queue: &mut PublishQueue, now: Stamp) {
        queue.expire(now, &mut self.out);
        let allowed = self.framed.codec().allowed();
        while self.framed.write_buffer().len() < BACKLOG && self.write_error.is_none() {
            let engine = self.framed.codec();
            let fits = |publish: &super::queue::Publish, qos| {
                engine.publish_size(publish.topic.len(), publish.payload.len(), qos) <= allowed.max_packet
            };
            let Some(next) = queue.next(allowed, fits, now, &mut self.out) else { break };
            let topic = Bytes::copy_from_slice(next.topic.as_bytes());
            let first = 0x30 | (next.qos << 1) | u8::from(next.retain);
            let item = Outbound::Publish {
                pkid: next.pkid,
                topic: next.topic,
                payload: next.payload,
                qos: next.qos,
                retain: next.retain,
            };
            self.send(item, first, topic, now);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue, now: Stamp, reading: &Reading) {
        if self.unflushed && self.write_error.is_none() {
            match Pin::new(&mut self.framed).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    queue.flushed(now, &mut self.gate, &mut self.out);
                }
                Poll::Ready(Err(CodecError::Failed(failure))) => self.write_error = Some(failure),
                Poll::Ready(Err(CodecError::Io(error))) => {
                    self.write_error = Some(self.tap.ending_of_error(&error));
                }
                Poll::Pending => {}
            }
        }
        // What the broker said before the write failed is read first: it may say why.
        if *reading == Reading::Drained
            && self.end.is_none()
            && let Some(failure) = self.write_error.take()
        {
            self.end = Some((failure, now));
        }
        queue.announce(now, &mut self.out);
    }

    /// Closes counting windows and arms the timer; `true`: something is due already.
    fn keep_time(&mut self, cx: &mut Context<'_>, now: Stamp, queue: &PublishQueue) -> bool {
        if let Some(event) = self.gate.due(now) {
            self.out.push_back(Observed { at: now, event });
        }
        let due = [self.pinger.due(self.tap.last_tx()), self.gate.deadline(), queue.next_expiry()];
        let longest = now.plus(LONGEST_SLEEP);
        let next = due.into_iter().flatten().min().map_or(longest, |due| due.min(longest));
        let armed =
            self.wake.as_ref().is_some_and(|(until, _)| next.has_reached(*until) && !now.has_reached(*until));
        if !armed {
            self.wake = Some((next, Box::pin(tokio::time::sleep(next.since(now)))));
        }
        let fired = self.wake.as_mut().is_some_and(|(_, timer)| timer.as_mut().poll(cx).is_ready());
        if fired {
            self.wake = None;
        }
        fired
    }

    /// Stops the session politely: hands out what waits, says DISCONNECT. What was counted is told.
    pub(super) fn say_goodbye(&mut self, queue: &mut PublishQueue, now: Stamp) -> VecDeque<Observed> {
        self.hand_out(queue, now);
        self.send(Outbound::Disconnect, 0xe0, Bytes::new(), now);
        if let Some(event) = self.gate.flush(now) {
            self.out.push_back(Observed { at: now, event });
        }
        std::mem::take(&mut self.out)
    }

    /// Writes what is left and closes the transport; `true` in the end: everything was taken.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.framed).poll_close(cx).map(|result| result.is_ok())
    }

    /// Accounts for what was still leaving when the transport was closed.
    pub(super) fn closed(
        &mut self,
        all_taken: bool,
        queue: &mut PublishQueue,
        now: Stamp,
    ) -> VecDeque<Observed> {
        if all_taken {
            queue.flushed(now, &mut self.gate, &mut self.out);
        }
        queue.session_ended(false, now, &mut self.out);
        std::mem::take(&mut self.out)
    }
}
