//! The session of one connected client: packets, keep-alive, deliveries and faults.

mod fault_injection;
mod in_flight;
mod rules_check;

use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BufMut;
use rumqttc::mqttbytes::valid_filter;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::fault::{Fault, PlannedFaults};
use super::router::{AttachedSession, ConnectionCommand};
use super::state::BrokerState;
use crate::diagnostics::MqttVersion;
use crate::lab::aws::ConnectionUsage;
use crate::lab::packet::{
    ApplicationMessage, ClientPacket, Connect, Delivery, PROTOCOL_ERROR, decode, put_acknowledgement,
    put_codes, put_connack,
};
use crate::lab::transport::{CloseMode, Pipe, PipeEvent};
use in_flight::InFlight;

/// Deliveries taken from the outbox at once.
const BATCH: usize = 512;
/// Unacknowledged messages per client.
const MAX_IN_FLIGHT: usize = 1000;

/// How AWS ends a connection that has reached its maximum age: an orderly close without a reason.
const CONNECTION_EXPIRED: Fault = Fault::WebSocketClose { code: 1000, reason: String::new() };

type Timer = Pin<Box<Sleep>>;

/// How PINGREQs are answered.
#[derive(Debug, Clone, Copy)]
enum PingReplies {
    Answered,
    Suppressed,
    Delayed(Duration),
}

/// Whether the connection is a black hole now.
enum BlackHole {
    None,
    Forever,
    Until(Timer),
}

/// One client whose CONNECT was read.
pub(super) struct ClientConnection {
    state: Arc<BrokerState>,
    pipe: Pipe,
    pub(super) connect: Connect,
    pub(super) planned_faults: PlannedFaults,
    timers: Vec<(Timer, Fault)>,
    in_flight: InFlight,
    undelivered: Vec<Delivery>,
    awaiting_pubrel: HashSet<u16>,
    messages: u64,
    ping_replies: PingReplies,
    delayed_pongs: Option<(Timer, usize)>,
    black_hole: BlackHole,
    keep_alive_timer: Option<(Timer, Duration)>,
    rules_state: ConnectionUsage,
    /// MQTT 5: topics by alias.
    aliases: HashMap<u16, String>,
}

/// The outcome of one pass of the loop.
enum LoopFlow {
    Continue,
    End { mode: CloseMode, with_will: bool },
}

impl LoopFlow {
    fn after_fault(close_mode: Option<CloseMode>) -> Self {
        close_mode.map_or(Self::Continue, Self::close_with_will)
    }

    fn close_with_will(mode: CloseMode) -> Self {
        Self::End { mode, with_will: true }
    }
}

impl ClientConnection {
    pub(super) fn new(
        state: Arc<BrokerState>,
        pipe: Pipe,
        connect: Connect,
        planned_faults: PlannedFaults,
    ) -> Self {
        Self {
            state,
            pipe,
            connect,
            planned_faults,
            timers: Vec::new(),
            in_flight: InFlight::default(),
            undelivered: Vec::new(),
            awaiting_pubrel: HashSet::new(),
            messages: 0,
            ping_replies: PingReplies::Answered,
            delayed_pongs: None,
            black_hole: BlackHole::None,
            keep_alive_timer: None,
            rules_state: ConnectionUsage::default(),
            aliases: HashMap::new(),
        }
    }

    pub(super) fn into_pipe(self) -> Pipe {
        self.pipe
    }

    /// Writes the CONNACK and the messages queued for the session, and starts the timers.
    pub(super) fn send_connack(&mut self, session: AttachedSession, properties: &[u8]) {
        let version = self.connect.version;
        put_connack(version, session.session_present, 0, properties, &mut self.pipe.write_buffer);
        session.queued.into_iter().for_each(|delivery| self.send(delivery));
        for (delay, fault) in self.planned_faults.after_connack.extract_if(.., |(delay, _)| !delay.is_zero())
        {
            self.timers.push((Box::pin(sleep(delay)), fault));
        }
        let announced = self.state.options().server_keep_alive_secs.filter(|_| version == MqttVersion::V5);
        let keep_alive = announced.unwrap_or(self.connect.keep_alive_secs);
        let mut keep_alive = Duration::from_secs(u64::from(keep_alive));
        if let Some(rules) = &self.state.options().aws {
            keep_alive = rules.limits().keep_alive(self.connect.keep_alive_secs);
            self.timers.push((Box::pin(sleep(rules.limits().connection_ttl)), CONNECTION_EXPIRED));
        }
        if !keep_alive.is_zero() {
            let limit = keep_alive.mul_f32(1.5);
            self.keep_alive_timer = Some((Box::pin(sleep(limit)), limit));
        }
    }

    /// Serves the client until the end; returns how to close and whether the last will is due.
    pub(super) async fn run(
        &mut self,
        mut outbox: mpsc::Receiver<Delivery>,
        mut commands: mpsc::Receiver<ConnectionCommand>,
    ) -> (CloseMode, bool) {
        if let Some(mode) = self.apply_immediate_faults().await {
            return (mode, true);
        }
        let mut batch = Vec::with_capacity(BATCH);
        let state = Arc::clone(&self.state);
        let (mode, with_will) = loop {
            let is_black_hole = !matches!(self.black_hole, BlackHole::None);
            let can_send_more =
                !is_black_hole && self.pipe.has_room() && self.in_flight.len() < self.max_in_flight();
            let room = self.max_in_flight().saturating_sub(self.in_flight.len()).clamp(1, BATCH);
            // Biased: a fault injected before the client sends something acts before that is read.
            let flow = tokio::select! {
                biased;
                () = state.shutdown().cancelled() => LoopFlow::close_with_will(self.close_for_shutdown().await),
                command = commands.recv() => match command {
                    Some(ConnectionCommand::InjectFault(fault)) => LoopFlow::after_fault(self.apply_fault(fault).await),
                    Some(ConnectionCommand::SessionTakenOver) | None => LoopFlow::close_with_will(self.close_for_takeover().await),
                },
                fault = next_fault(&mut self.timers) => LoopFlow::after_fault(self.apply_fault(fault).await),
                () = black_hole_end(&mut self.black_hole) => {
                    self.black_hole = BlackHole::None;
                    self.reset_keep_alive();
                    LoopFlow::Continue
                }
                () = wait_for_timer(self.keep_alive_timer.as_mut().map(|timer| &mut timer.0)), if !is_black_hole => {
                    LoopFlow::after_fault(self.apply_fault(Fault::KeepAliveCut).await)
                }
                () = wait_for_timer(self.delayed_pongs.as_mut().map(|pongs| &mut pongs.0)), if !is_black_hole => {
                    let count = self.delayed_pongs.take().map_or(0, |(_, count)| count);
                    (0..count).for_each(|_| self.pipe.write_buffer.put_slice(&[0xD0, 0]));
                    LoopFlow::Continue
                }
                read = self.pipe.drive(), if !is_black_hole => match read {
                    Ok(PipeEvent::Writable) => LoopFlow::Continue,
                    Ok(PipeEvent::Read) => match self.receive().await {
                        LoopFlow::Continue => {
                            // A client that never pauses must not starve its own outbox.
                            self.send_pending(&mut outbox);
                            self.apply_message_count_faults().await
                        }
                        end @ LoopFlow::End { .. } => end,
                    },
                    Ok(PipeEvent::Eof) | Err(_) => LoopFlow::close_with_will(CloseMode::Fin),
                },
                _ = outbox.recv_many(&mut batch, room), if can_send_more => {
                    batch.drain(..).for_each(|delivery| self.send(delivery));
                    self.apply_message_count_faults().await
                }
            };
            if let LoopFlow::End { mode, with_will } = flow {
                break (mode, with_will);
            }
        };
        outbox.close();
        while let Ok(delivery) = outbox.try_recv() {
            self.undelivered.push(delivery);
        }
        (mode, with_will)
    }

    /// Unacknowledged messages first, then unsent ones; QoS 0 is lost.
    pub(super) fn take_undelivered(&mut self) -> Vec<Delivery> {
        let mut all = self.in_flight.take_unacknowledged();
        all.extend(self.undelivered.drain(..).filter(|delivery| !matches!(delivery, Delivery::Frame(_))));
        all
    }

    /// Reads and drops everything until the peer or the broker ends the connection.
    pub(super) async fn drain_until_closed(&mut self) -> CloseMode {
        let state = Arc::clone(&self.state);
        loop {
            let is_black_hole = !matches!(self.black_hole, BlackHole::None);
            tokio::select! {
                () = state.shutdown().cancelled() => return CloseMode::Abort,
                () = black_hole_end(&mut self.black_hole) => self.black_hole = BlackHole::None,
                read = self.pipe.drive(), if !is_black_hole => match read {
                    Ok(PipeEvent::Read | PipeEvent::Writable) => self.pipe.read_buffer.clear(),
                    Ok(PipeEvent::Eof) | Err(_) => return CloseMode::Fin,
                },
            }
        }
    }

    /// Sends the deliveries that are in the outbox already, at most one batch.
    fn send_pending(&mut self, outbox: &mut mpsc::Receiver<Delivery>) {
        for _ in 0..BATCH {
            if !self.pipe.has_room() || self.in_flight.len() >= self.max_in_flight() {
                return;
            }
            let Ok(delivery) = outbox.try_recv() else { return };
            self.send(delivery);
        }
    }

    async fn apply_message_count_faults(&mut self) -> LoopFlow {
        for fault in self.planned_faults.due_after_messages(self.messages) {
            if let Some(mode) = self.apply_fault(fault).await {
                return LoopFlow::close_with_will(mode);
            }
        }
        LoopFlow::Continue
    }

    /// Restarts the keep-alive timer.
    fn reset_keep_alive(&mut self) {
        if let Some((timer, limit)) = &mut self.keep_alive_timer {
            timer.set(sleep(*limit));
        }
    }

    fn send(&mut self, delivery: Delivery) {
        self.messages += 1;
        match delivery {
            Delivery::Frame(frame) => self.pipe.write_buffer.put_slice(&frame),
            Delivery::QosPublish(outgoing) => {
                self.in_flight.publish(outgoing, self.connect.version, &mut self.pipe.write_buffer);
            }
            Delivery::Release(packet_id) => self.in_flight.release(packet_id, &mut self.pipe.write_buffer),
        }
    }

    async fn receive(&mut self) -> LoopFlow {
        self.reset_keep_alive();
        loop {
            let max_packet = self.state.options().max_packet;
            match decode(self.connect.version, &mut self.pipe.read_buffer, max_packet) {
                Ok(None) => return LoopFlow::Continue,
                Ok(Some(ClientPacket::Disconnect { with_will })) => {
                    return LoopFlow::End { mode: CloseMode::Fin, with_will };
                }
                Ok(Some(ClientPacket::Connect(_))) => {
                    return LoopFlow::close_with_will(self.disconnect(PROTOCOL_ERROR, None).await);
                }
                Err(reason) => return LoopFlow::close_with_will(self.disconnect(reason, None).await),
                Ok(Some(packet)) => match self.check_rules(packet) {
                    Ok(Some(packet)) => self.handle(packet),
                    Ok(None) => {}
                    Err(reason) => return LoopFlow::close_with_will(self.disconnect(reason, None).await),
                },
            }
        }
    }

    fn handle(&mut self, packet: ClientPacket) {
        let version = self.connect.version;
        match packet {
            ClientPacket::Publish { message, packet_id, .. } => self.route(message, packet_id),
            ClientPacket::PubAck(packet_id)
            | ClientPacket::PubComp(packet_id)
            | ClientPacket::PubRec { packet_id, is_refusal: true } => self.in_flight.finish(packet_id),
            ClientPacket::PubRec { packet_id, is_refusal: false } => {
                self.in_flight.release(packet_id, &mut self.pipe.write_buffer);
            }
            ClientPacket::PubRel(packet_id) => {
                self.awaiting_pubrel.remove(&packet_id);
                put_acknowledgement(0x70, packet_id, &mut self.pipe.write_buffer);
            }
            ClientPacket::Subscribe { packet_id, filters } => self.subscribe(packet_id, filters),
            ClientPacket::Unsubscribe { packet_id, filters } => {
                let existed = self.state.router().unsubscribe(&self.connect.client_id, &filters);
                let reason_code = |did_exist: &bool| if *did_exist { 0x00 } else { 0x11 };
                let codes: Vec<u8> = match version {
                    MqttVersion::V311 => Vec::new(),
                    MqttVersion::V5 => existed.iter().map(reason_code).collect(),
                };
                put_codes(version, 0xB0, packet_id, &codes, &mut self.pipe.write_buffer);
            }
            ClientPacket::PingReq => match self.ping_replies {
                PingReplies::Answered => self.pipe.write_buffer.put_slice(&[0xD0, 0]),
                PingReplies::Suppressed => {}
                PingReplies::Delayed(delay) => {
                    let pongs = self.delayed_pongs.get_or_insert_with(|| (Box::pin(sleep(delay)), 0));
                    pongs.1 += 1;
                }
            },
            ClientPacket::Connect(_) | ClientPacket::Disconnect { .. } => {}
        }
    }

    fn route(&mut self, message: ApplicationMessage, packet_id: u16) {
        self.messages += 1;
        match message.qos {
            0 => {}
            1 => put_acknowledgement(0x40, packet_id, &mut self.pipe.write_buffer),
            _ => {
                put_acknowledgement(0x50, packet_id, &mut self.pipe.write_buffer);
                if !self.awaiting_pubrel.insert(packet_id) {
                    return;
                }
            }
        }
        self.state.router().publish(message);
    }

    fn subscribe(&mut self, packet_id: u16, filters: Vec<(String, u8)>) {
        let version = self.connect.version;
        let refusal = |filter: &str| match version {
            _ if !valid_filter(filter) => Some(if version == MqttVersion::V5 { 0x8F } else { 0x80 }),
            _ if self.state.options().denied_filters.iter().any(|denied| denied == filter) => {
                Some(if version == MqttVersion::V5 { 0x87 } else { 0x80 })
            }
            _ => None,
        };
        let max_qos = self.state.options().max_qos;
        let code = |(filter, qos): &(String, u8)| refusal(filter).unwrap_or((*qos).min(max_qos));
        let codes: Vec<u8> = filters.iter().map(code).collect();
        put_codes(version, 0x90, packet_id, &codes, &mut self.pipe.write_buffer);
        let granted = filters.into_iter().zip(codes).filter(|(_, code)| *code < 0x80);
        let granted: Vec<_> = granted.map(|((filter, _), qos)| (filter, qos)).collect();
        self.state.router().subscribe(&self.connect.client_id, &granted);
    }
}

/// Waits for a timer; forever if there is none.
async fn wait_for_timer(timer: Option<&mut Timer>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

async fn black_hole_end(black_hole: &mut BlackHole) {
    match black_hole {
        BlackHole::Until(timer) => timer.await,
        BlackHole::None | BlackHole::Forever => std::future::pending().await,
    }
}

/// Waits for the first of several timers, removes it and returns its fault.
async fn next_fault(timers: &mut Vec<(Timer, Fault)>) -> Fault {
    poll_fn(|cx| {
        let ready = timers.iter_mut().position(|(timer, _)| timer.as_mut().poll(cx).is_ready());
        ready.map_or(Poll::Pending, |index| Poll::Ready(timers.swap_remove(index).1))
    })
    .await
}
