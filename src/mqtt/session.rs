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
    CodecError, Engine, FIRST_SUBSCRIBE_ID, InboundPacket, OutboundPacket, ReceivedPacket, mqtt_failure,
    violation,
};
use super::failure::Failure;
use super::handshake::EstablishedSession;
use super::listener::{MessageListener, ReceivedMessage};
use super::packet_ring::PacketRing;
use super::ping::Pinger;
use super::queue::PublishQueue;
use super::settings::LinkSettings;
use super::wire::{WireStream, WireTap};
use crate::diagnostics::error_name::AWS_ERROR_MQTT_TIMEOUT;
use crate::diagnostics::event::{DropKind, Event, Message, StampedEvent};
use crate::diagnostics::traffic::{MessageDirection, TrafficLimiter};
use crate::diagnostics::{Clock, Stamp};

/// Packets handled between two looks at the timers.
const PACKETS_PER_BATCH: usize = 256;
/// Batches handled before other tasks get a turn.
const BATCHES_PER_POLL: usize = 16;
/// Batches read after the ping deadline before it counts even though there is still more to read:
/// after a standstill of this computer the answer may be waiting behind other packets.
const MAX_BATCHES_PAST_DEADLINE: usize = 64;
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
pub(super) enum SessionOutput {
    Event(StampedEvent),
    Ended(Failure, Stamp),
}

#[derive(Debug, PartialEq)]
enum ReadStatus {
    More,
    Drained,
    Ended,
}

/// One established session.
#[derive(Debug)]
pub(super) struct MqttSession {
    framed: Framed<WireStream, Engine>,
    pub(super) tap: WireTap,
    clock: Arc<dyn Clock>,
    pinger: Pinger,
    ping_timeout: Duration,
    /// What that stands for.
    field_ping_timeout: Duration,
    ping_deadline: Option<Pin<Box<Sleep>>>,
    batches_past_deadline: usize,
    /// The next thing to do by the clock, and its timer.
    next_timer: Option<(Stamp, Pin<Box<Sleep>>)>,
    gate: TrafficLimiter,
    pub(super) ring: PacketRing,
    listener: Option<Arc<dyn MessageListener>>,
    subscribing: VecDeque<(u16, Vec<String>)>,
    pub(super) active_subscriptions: u32,
    unflushed: bool,
    write_error: Option<Failure>,
    out: VecDeque<StampedEvent>,
    end: Option<(Failure, Stamp)>,
}

impl MqttSession {
    /// Takes over an accepted session and subscribes.
    pub(super) fn new(
        established: EstablishedSession,
        settings: &LinkSettings,
        keep_alive: u16,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let EstablishedSession { framed, tap, connack: accepted, at, .. } = established;
        let server_keep_alive = accepted.server_keep_alive.map(|secs| Duration::from_secs(secs.into()));
        let keep_alive = server_keep_alive.unwrap_or_else(|| settings.keep_alive(keep_alive));
        let mut session = Self {
            framed,
            tap,
            clock,
            pinger: Pinger::new(keep_alive, settings.ping_policy, at),
            ping_timeout: settings.ping_timeout,
            field_ping_timeout: settings.to_field_time(settings.ping_timeout),
            ping_deadline: None,
            batches_past_deadline: 0,
            next_timer: None,
            gate: TrafficLimiter::new(settings.traffic_limit),
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
            self.send(OutboundPacket::Subscribe { pkid, filters: filters.to_vec() }, 0x82, Bytes::new(), now);
        }
    }

    pub(super) fn framed_mut(&mut self) -> Pin<&mut Framed<WireStream, Engine>> {
        Pin::new(&mut self.framed)
    }

    pub(super) fn ping_outstanding_since(&self) -> Option<Stamp> {
        self.pinger.outstanding_since()
    }

    /// Drives the session until it has something to tell.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue) -> Poll<SessionOutput> {
        for _ in 0..BATCHES_PER_POLL {
            if let Some(observed) = self.out.pop_front() {
                return Poll::Ready(SessionOutput::Event(observed));
            }
            if let Some((failure, at)) = self.end.take() {
                return Poll::Ready(SessionOutput::Ended(failure, at));
            }
            let reading = self.read(cx, queue);
            let now = self.clock.now();
            if self.end.is_none() {
                self.ping(cx, now, &reading);
                self.send_queued(queue, now);
                self.flush(cx, queue, now, &reading);
            }
            let timer_fired = self.arm_timer(cx, now, queue);
            if self.end.is_some()
                && let Some(event) = self.gate.flush(now)
            {
                self.out.push_back(StampedEvent { at: now, event });
            }
            let idle = self.out.is_empty() && self.end.is_none() && !timer_fired;
            if idle && reading == ReadStatus::Drained {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn read(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue) -> ReadStatus {
        let mut now = None;
        for _ in 0..PACKETS_PER_BATCH {
            let item = match Pin::new(&mut self.framed).poll_next(cx) {
                Poll::Pending => return ReadStatus::Drained,
                Poll::Ready(item) => item,
            };
            let now = *now.get_or_insert_with(|| {
                let now = self.clock.now();
                if let Some(event) = self.gate.due(now) {
                    self.out.push_back(StampedEvent { at: now, event });
                }
                now
            });
            let failure = match item {
                Some(Ok(packet)) => match self.handle_packet(packet, now, queue) {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Some(Err(CodecError::Failed(failure))) => failure,
                Some(Err(CodecError::Io(error))) => self.tap.failure_from_error(&error),
                None => self.eof_failure(),
            };
            self.end = Some((failure, now));
            return ReadStatus::Ended;
        }
        ReadStatus::More
    }

    fn eof_failure(&self) -> Failure {
        let mut failure = self.tap.failure_at_eof();
        let truncated_bytes = self.framed.codec().truncated_bytes();
        if truncated_bytes > 0 {
            failure.detail = format!("{}, {truncated_bytes} bytes into an unfinished packet", failure.detail);
        }
        failure
    }

    fn handle_packet(
        &mut self,
        packet: ReceivedPacket,
        now: Stamp,
        queue: &mut PublishQueue,
    ) -> Result<(), Failure> {
        let mut recorded_topic = Bytes::new();
        match packet.inbound {
            InboundPacket::Publish { topic, payload, qos } => {
                if let Some(listener) =
                    self.listener.as_ref().filter(|listener| listener.accepts_topic(&topic))
                {
                    let (topic, payload, retained) = (topic.clone(), payload.clone(), packet.first & 1 == 1);
                    listener.on_message(ReceivedMessage { at: now, topic, payload, retained });
                }
                if self.gate.admit(now, MessageDirection::Received) {
                    let event = Event::Received(Message {
                        topic: String::from_utf8_lossy(&topic).into(),
                        bytes: payload.len() as u64,
                        queued: false,
                        correlation_id: None,
                        qos: Some(qos),
                    });
                    self.out.push_back(StampedEvent { at: now, event });
                }
                recorded_topic = topic;
            }
            InboundPacket::PingResp => {
                self.ping_deadline = None;
                if let Some(rtt) = self.pinger.on_pingresp(now) {
                    let event = Event::Ping { rtt_ms: rtt.as_secs_f64() * 1000.0 };
                    self.out.push_back(StampedEvent { at: now, event });
                }
            }
            InboundPacket::SubAck { pkid, codes } => self.on_suback(pkid, codes, now)?,
            InboundPacket::PubAck { pkid, refusal } => {
                queue.on_puback(pkid, refusal, now, &mut self.gate, &mut self.out);
            }
            InboundPacket::ConnAck(_) | InboundPacket::Other => {}
        }
        self.ring.record(now, true, packet.first, recorded_topic, packet.bytes);
        if self.framed.codec().has_pending_replies() {
            // The first reply names the packet: PUBACK but for the QoS 2 a broker may insist on.
            self.send(OutboundPacket::Replies, 0x40, Bytes::new(), now);
        }
        Ok(())
    }

    fn on_suback(&mut self, pkid: u16, codes: Vec<u8>, now: Stamp) -> Result<(), Failure> {
        let Some(index) = self.subscribing.iter().position(|(id, _)| *id == pkid) else {
            return Err(violation("the broker sent a SUBACK nobody waits for"));
        };
        let (_, filters) = self.subscribing.remove(index).unwrap_or_default();
        if filters.len() != codes.len() {
            return Err(violation("the broker sent a SUBACK with the wrong number of codes"));
        }
        let accepted = codes.iter().filter(|code| **code < 0x80).count();
        self.active_subscriptions += u32::try_from(accepted).unwrap_or(u32::MAX);
        self.out
            .push_back(StampedEvent { at: now, event: Event::Subscribed { filters, return_codes: codes } });
        Ok(())
    }

    /// Puts a packet into the write buffer.
    fn send(&mut self, item: OutboundPacket, first: u8, topic: Bytes, now: Stamp) {
        let before = self.framed.write_buffer().len();
        match Pin::new(&mut self.framed).start_send(item) {
            Ok(()) => {
                let bytes = self.framed.write_buffer().len().saturating_sub(before);
                self.ring.record(now, false, first, topic, bytes);
                self.unflushed = true;
            }
            Err(CodecError::Failed(failure)) => {
                tracing::warn!(packet = super::reason_text::packet_name(first), why = %failure.detail, "not sent");
            }
            Err(CodecError::Io(error)) => self.write_error = Some(self.tap.failure_from_error(&error)),
        }
        if self.framed.write_buffer().len() > BACKLOG_LIMIT && self.end.is_none() {
            let words = "the broker takes no data and too much waits to be sent";
            self.end = Some((mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, DropKind::Local, words), now));
        }
    }

    fn ping(&mut self, cx: &mut Context<'_>, now: Stamp, reading: &ReadStatus) {
        if self.pinger.next_due(self.tap.last_tx()).is_some_and(|due| now.has_reached(due)) {
            self.pinger.on_pingreq_sent(now);
            self.send(OutboundPacket::PingReq, 0xc0, Bytes::new(), now);
            self.ping_deadline = Some(Box::pin(tokio::time::sleep(self.ping_timeout)));
            self.batches_past_deadline = 0;
        }
        let Some(deadline) = &mut self.ping_deadline else { return };
        if deadline.as_mut().poll(cx).is_pending() {
            return;
        }
        self.batches_past_deadline += 1;
        if *reading == ReadStatus::Drained || self.batches_past_deadline > MAX_BATCHES_PAST_DEADLINE {
            let words = format!("no PINGRESP within {} s", self.field_ping_timeout.as_secs_f64());
            self.end = Some((mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, DropKind::PingTimeout, words), now));
        }
    }

    fn send_queued(&mut self, queue: &mut PublishQueue, now: Stamp) {
        queue.expire(now, &mut self.out);
        let allowed = self.framed.codec().send_limits();
        while self.framed.write_buffer().len() < BACKLOG && self.write_error.is_none() {
            let engine = self.framed.codec();
            let fits = |publish: &super::queue::Publish, qos| {
                engine.publish_size(publish.topic.len(), publish.payload.len(), qos) <= allowed.max_packet
            };
            let Some(next) = queue.next(allowed, fits, now, &mut self.out) else { break };
            let topic = Bytes::copy_from_slice(next.topic.as_bytes());
            let first = 0x30 | (next.qos << 1) | u8::from(next.retain);
            let item = OutboundPacket::Publish {
                pkid: next.pkid,
                topic: next.topic,
                payload: next.payload,
                qos: next.qos,
                retain: next.retain,
            };
            self.send(item, first, topic, now);
        }
    }

    fn flush(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue, now: Stamp, reading: &ReadStatus) {
        if self.unflushed && self.write_error.is_none() {
            match Pin::new(&mut self.framed).poll_flush(cx) {
                Poll::Ready(Ok(())) => {
                    self.unflushed = false;
                    queue.on_flushed(now, &mut self.gate, &mut self.out);
                }
                Poll::Ready(Err(CodecError::Failed(failure))) => self.write_error = Some(failure),
                Poll::Ready(Err(CodecError::Io(error))) => {
                    self.write_error = Some(self.tap.failure_from_error(&error));
                }
                Poll::Pending => {}
            }
        }
        // What the broker said before the write failed is read first: it may say why.
        if *reading == ReadStatus::Drained
            && self.end.is_none()
            && let Some(failure) = self.write_error.take()
        {
            self.end = Some((failure, now));
        }
        queue.announce(now, &mut self.out);
    }

    /// Closes counting windows and arms the timer; `true`: something is due already.
    fn arm_timer(&mut self, cx: &mut Context<'_>, now: Stamp, queue: &PublishQueue) -> bool {
        if let Some(event) = self.gate.due(now) {
            self.out.push_back(StampedEvent { at: now, event });
        }
        let due = [self.pinger.next_due(self.tap.last_tx()), self.gate.deadline(), queue.next_expiry()];
        let longest = now.plus(LONGEST_SLEEP);
        let next = due.into_iter().flatten().min().map_or(longest, |due| due.min(longest));
        let is_armed = self
            .next_timer
            .as_ref()
            .is_some_and(|(until, _)| next.has_reached(*until) && !now.has_reached(*until));
        if !is_armed {
            self.next_timer = Some((next, Box::pin(tokio::time::sleep(next.since(now)))));
        }
        let fired = self.next_timer.as_mut().is_some_and(|(_, timer)| timer.as_mut().poll(cx).is_ready());
        if fired {
            self.next_timer = None;
        }
        fired
    }

    /// Stops the session politely: hands out what waits, says DISCONNECT. What was counted is told.
    pub(super) fn start_disconnect(
        &mut self,
        queue: &mut PublishQueue,
        now: Stamp,
    ) -> VecDeque<StampedEvent> {
        self.send_queued(queue, now);
        self.send(OutboundPacket::Disconnect, 0xe0, Bytes::new(), now);
        if let Some(event) = self.gate.flush(now) {
            self.out.push_back(StampedEvent { at: now, event });
        }
        std::mem::take(&mut self.out)
    }

    /// Writes what is left and closes the transport; `true` in the end: everything was taken.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        Pin::new(&mut self.framed).poll_close(cx).map(|result| result.is_ok())
    }

    /// Accounts for what was still leaving when the transport was closed.
    pub(super) fn finish_close(
        &mut self,
        all_written: bool,
        queue: &mut PublishQueue,
        now: Stamp,
    ) -> VecDeque<StampedEvent> {
        if all_written {
            queue.on_flushed(now, &mut self.gate, &mut self.out);
        }
        queue.session_ended(false, now, &mut self.out);
        std::mem::take(&mut self.out)
    }
}
