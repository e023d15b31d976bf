//! One established session: reads, writes, pings, and notices its end.
//!
//! Everything is polled from one place and nothing is awaited half-way: a write that the peer does not
//! take stops neither reading nor the deadline of the ping.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::coop;
use tokio::time::Instant;

use super::engine::{InboundPacket, OutboundPacket, ReceivedPacket, mqtt_failure};
use super::failure::Failure;
use super::handshake::EstablishedSession;
use super::listener::{MessageListener, ReceivedMessage};
use super::packet_stream::PacketStream;
use super::ping::Pinger;
use super::queue::{Publish, PublishQueue};
use super::settings::LinkSettings;
use super::subscriptions::Subscriptions;
use super::timers::{Timer, TimerTable};
use super::wire::WireTap;
use crate::diagnostics::error_name::AWS_ERROR_MQTT_TIMEOUT;
use crate::diagnostics::event::{DropKind, DroppedEvent, Event, Layer, Message, StampedEvent};
use crate::diagnostics::traffic::{MessageDirection, TrafficLimiter};
use crate::diagnostics::{Clock, Stamp};

/// Packets handled between two looks at the timers.
const PACKETS_PER_BATCH: usize = 256;
/// Batches handled before other tasks get a turn.
const BATCHES_PER_POLL: usize = 16;
/// Bytes waiting to be written above which no further publish is taken from the queue.
const BACKLOG: usize = 64 * 1024;
/// Longest time between two looks at the boot clock. A timer stands still while the computer is suspended,
/// the boot clock does not, so this gets an overdue ping out soon after waking up.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

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
    stream: PacketStream,
    clock: Arc<dyn Clock>,
    pinger: Pinger,
    ping_timeout: Duration,
    /// The ping timeout in field time.
    field_ping_timeout: Duration,
    subscriptions: Subscriptions,
    traffic_limiter: TrafficLimiter,
    listener: Option<Arc<dyn MessageListener>>,
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
            stream: PacketStream::new(framed, tap, at),
            clock,
            pinger: Pinger::new(keep_alive, settings.ping_policy, at),
            ping_timeout: settings.ping_timeout,
            field_ping_timeout: settings.to_field_time(settings.ping_timeout),
            subscriptions: Subscriptions::default(),
            traffic_limiter: TrafficLimiter::new(settings.traffic_limit),
            listener: settings.listener.clone(),
            out: VecDeque::new(),
            end: None,
        };
        for packet in session.subscriptions.subscribe(&settings.subscriptions) {
            session.send(packet, 0x82, Bytes::new(), at);
        }
        session
    }

    /// Traffic on the wire of this session.
    pub(super) fn tap(&self) -> &WireTap {
        self.stream.tap()
    }

    /// Since when a PINGREQ is unanswered.
    pub(super) fn ping_outstanding_since(&self) -> Option<Stamp> {
        self.pinger.outstanding_since()
    }

    /// Has a PINGREQ sent at least once per `interval`, beside those of the keep-alive.
    pub(super) fn set_ping_interval(&mut self, interval: Option<Duration>) {
        self.pinger.set_experiment_interval(interval);
    }

    /// Drives the session until it has an event or ends.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        queue: &mut PublishQueue,
        timers: &mut TimerTable,
    ) -> Poll<SessionOutput> {
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
                self.ping(now, &reading, timers);
                self.send_queued(queue, now);
                self.flush(cx, queue, now, &reading);
            }
            self.close_traffic_window(now);
            let is_check_due = self.set_check_timer(now, timers);
            if self.end.is_some()
                && let Some(event) = self.traffic_limiter.flush(now)
            {
                self.emit(event, now);
            }
            let idle = self.out.is_empty() && self.end.is_none() && !is_check_due;
            if idle && reading == ReadStatus::Drained {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn emit(&mut self, event: Event, at: Stamp) {
        self.out.push_back(StampedEvent { at, event });
    }

    fn close_traffic_window(&mut self, now: Stamp) {
        if let Some(event) = self.traffic_limiter.due(now) {
            self.emit(event, now);
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, queue: &mut PublishQueue) -> ReadStatus {
        let mut batch_start = None;
        for _ in 0..PACKETS_PER_BATCH {
            let Poll::Ready(item) = self.stream.poll_packet(cx) else { return ReadStatus::Drained };
            let now = batch_start.unwrap_or_else(|| self.clock.now());
            if batch_start.replace(now).is_none() {
                self.close_traffic_window(now);
            }
            if let Err(failure) = item.and_then(|packet| self.handle_packet(packet, now, queue)) {
                self.end = Some((failure, now));
                return ReadStatus::Ended;
            }
        }
        ReadStatus::More
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
                self.on_publish(&topic, payload, qos, packet.first & 1 == 1, now);
                recorded_topic = topic;
            }
            InboundPacket::PingResp => {
                if let Some(rtt) = self.pinger.on_pingresp(now) {
                    self.emit(Event::Ping { rtt_ms: rtt.as_secs_f64() * 1000.0 }, now);
                }
            }
            InboundPacket::SubAck { pkid, codes } => {
                let event = self.subscriptions.on_suback(pkid, codes)?;
                self.emit(event, now);
            }
            InboundPacket::PubAck { pkid, refusal } => {
                queue.on_puback(pkid, refusal, now, &mut self.traffic_limiter, &mut self.out);
            }
            InboundPacket::ConnAck(_) | InboundPacket::Other => {}
        }
        self.stream.record_received(packet.first, recorded_topic, packet.bytes, now);
        if self.stream.engine().has_pending_replies() {
            // The first reply names the packet: PUBACK, except for the QoS 2 a broker may insist on.
            self.send(OutboundPacket::Replies, 0x40, Bytes::new(), now);
        }
        Ok(())
    }

    fn on_publish(&mut self, topic: &Bytes, payload: Bytes, qos: u8, retained: bool, now: Stamp) {
        let bytes = payload.len() as u64;
        let listener = self.listener.as_ref().filter(|listener| listener.accepts_topic(topic));
        if let Some(listener) = listener {
            listener.on_message(ReceivedMessage { at: now, topic: topic.clone(), payload, retained });
        }
        if self.traffic_limiter.admit(now, MessageDirection::Received) {
            let event = Event::Received(Message {
                topic: String::from_utf8_lossy(topic).into(),
                bytes,
                queued: false,
                correlation_id: None,
                qos: Some(qos),
            });
            self.emit(event, now);
        }
    }

    /// Puts a packet into the write buffer; too much in the buffer ends the session.
    fn send(&mut self, item: OutboundPacket, first: u8, topic: Bytes, now: Stamp) {
        self.stream.send(item, first, topic, now);
        if self.end.is_none()
            && let Some(failure) = self.stream.backlog_failure()
        {
            self.end = Some((failure, now));
        }
    }

    fn ping(&mut self, now: Stamp, reading: &ReadStatus, timers: &mut TimerTable) {
        if self.pinger.outstanding_since().is_none() {
            timers.stop(Timer::PingResponse);
        }
        if self.pinger.next_due(self.tap().last_tx()).is_some_and(|due| now.has_reached(due)) {
            self.pinger.on_pingreq_sent(now);
            self.send(OutboundPacket::PingReq, 0xc0, Bytes::new(), now);
            timers.set(Timer::PingResponse, Instant::now(), self.ping_timeout);
        }
        // A task that has used up its budget reads nothing more in this poll: the answer may be in the socket.
        if !timers.is_due(Timer::PingResponse) || !coop::has_budget_remaining() {
            return;
        }
        if self.pinger.is_response_missing(*reading == ReadStatus::Drained) {
            let words = format!("no PINGRESP within {} s", self.field_ping_timeout.as_secs_f64());
            self.end = Some((mqtt_failure(AWS_ERROR_MQTT_TIMEOUT, DropKind::PingTimeout, words), now));
        }
    }

    fn send_queued(&mut self, queue: &mut PublishQueue, now: Stamp) {
        queue.expire(now, &mut self.out);
        let allowed = self.stream.engine().send_limits();
        while self.stream.buffered() < BACKLOG && !self.stream.has_write_error() {
            let engine = self.stream.engine();
            let fits = |publish: &Publish, qos| {
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
        if self.stream.flush(cx) {
            queue.on_flushed(now, &mut self.traffic_limiter, &mut self.out);
        }
        // What the broker sent before the write failed is read first: it may contain the reason.
        if *reading == ReadStatus::Drained
            && self.end.is_none()
            && let Some(failure) = self.stream.take_write_error()
        {
            self.end = Some((failure, now));
        }
        queue.announce(now, &mut self.out);
    }

    /// Sets the timer for the next ping or the end of a traffic window; `true`: it is due already.
    fn set_check_timer(&self, now: Stamp, timers: &mut TimerTable) -> bool {
        let due = [self.pinger.next_due(self.tap().last_tx()), self.traffic_limiter.deadline()];
        let latest = now.plus(CHECK_INTERVAL);
        let next = due.into_iter().flatten().min().map_or(latest, |due| due.min(latest));
        timers.set(Timer::SessionCheck, Instant::now(), next.since(now));
        now.has_reached(next)
    }

    /// Sends what may still be sent, then DISCONNECT. Gives the remaining events, the traffic counted so far
    /// among them.
    pub(super) fn start_disconnect(
        &mut self,
        queue: &mut PublishQueue,
        now: Stamp,
    ) -> VecDeque<StampedEvent> {
        self.send_queued(queue, now);
        self.send(OutboundPacket::Disconnect, 0xe0, Bytes::new(), now);
        if let Some(event) = self.traffic_limiter.flush(now) {
            self.emit(event, now);
        }
        std::mem::take(&mut self.out)
    }

    /// Writes the rest and closes the transport; `true`: all of it was written.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.stream.poll_close(cx)
    }

    /// Accounts for what was not yet acknowledged when the transport was closed.
    pub(super) fn finish_close(
        &mut self,
        all_written: bool,
        queue: &mut PublishQueue,
        now: Stamp,
    ) -> VecDeque<StampedEvent> {
        if all_written {
            queue.on_flushed(now, &mut self.traffic_limiter, &mut self.out);
        }
        queue.session_ended(false, now, &mut self.out);
        std::mem::take(&mut self.out)
    }

    /// Sends the reason to a broker that violated the protocol, if the socket takes it at once.
    pub(super) fn send_error_disconnect(&mut self, cx: &mut Context<'_>, failure: &Failure) {
        let too_large = failure.how == DropKind::Local;
        if failure.layer == Layer::Mqtt && (too_large || failure.how == DropKind::Io) {
            self.stream.send_error_disconnect(cx, too_large);
        }
    }

    /// The record of a drop; `queued` publishes wait for the next session.
    pub(super) fn dropped_event(&self, failure: &Failure, now: Stamp, queued: usize) -> DroppedEvent {
        let ago = |last: Option<Stamp>| last.map(|last| now.since(last).as_secs_f64());
        let (last_rx, last_tx) = self.stream.last_traffic(failure.how);
        DroppedEvent {
            error_name: Some(failure.name.name.to_owned()),
            error_message: Some(failure.message()),
            error_code: Some(failure.name.code),
            reconnect_attempt: 0,
            active_subscriptions: self.subscriptions.active(),
            queued_commands: u32::try_from(queued).unwrap_or(u32::MAX),
            layer: Some(failure.layer),
            how: Some(failure.how),
            reason_code: failure.reason_code,
            ws_close_code: failure.ws_close_code,
            last_rx_secs: ago(last_rx),
            last_tx_secs: ago(last_tx),
            packets: self.stream.packets_before(now),
        }
    }
}
