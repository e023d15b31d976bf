//! What does the broker do with one connected client?

mod conduct;
mod in_flight;
mod strike;

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

use super::aws::Conduct;
use super::broker::Shared;
use super::codec::{
    Connect, Inbound, PROTOCOL_ERROR, Version, decode, put_acknowledgement, put_codes, put_connack,
};
use super::fault::{Fault, Schedule};
use super::message::{Delivery, Message};
use super::pipe::{Pipe, Turn};
use super::router::{Attached, Order};
use super::server_stream::Ending;
use in_flight::InFlight;

/// Deliveries taken from the outbox at once.
const BATCH: usize = 512;
/// Unacknowledged messages per client.
const MAX_IN_FLIGHT: usize = 1000;

/// How AWS ends a connection that has reached its age: politely, and without a reason.
const TOO_OLD: Fault = Fault::WebSocketClose { code: 1000, reason: String::new() };

type Timer = Pin<Box<Sleep>>;

/// How PINGREQs are answered.
#[derive(Debug, Clone, Copy)]
enum Pings {
    Answered,
    Swallowed,
    Delayed(Duration),
}

/// Whether the connection is a black hole at the moment.
enum Silence {
    None,
    Forever,
    Until(Timer),
}

/// One client whose CONNECT was read.
pub(super) struct Connection {
    shared: Arc<Shared>,
    pipe: Pipe,
    pub(super) connect: Connect,
    pub(super) schedule: Schedule,
    timers: Vec<(Timer, Fault)>,
    in_flight: InFlight,
    undelivered: Vec<Delivery>,
    released_later: HashSet<u16>,
    messages: u64,
    pings: Pings,
    pong: Option<(Timer, usize)>,
    silence: Silence,
    idle: Option<(Timer, Duration)>,
    conduct: Conduct,
    /// MQTT 5: topics by alias.
    aliases: HashMap<u16, String>,
}

/// What a turn of the loop led to.
enum Flow {
    Continue,
    End { ending: Ending, with_will: bool },
}

impl Flow {
    fn after(strike: Option<Ending>) -> Self {
        strike.map_or(Self::Continue, Self::lost)
    }

    fn lost(ending: Ending) -> Self {
        Self::End { ending, with_will: true }
    }
}

impl Connection {
    pub(super) fn new(shared: Arc<Shared>, pipe: Pipe, connect: Connect, schedule: Schedule) -> Self {
        Self {
            shared,
            pipe,
            connect,
            schedule,
            timers: Vec::new(),
            in_flight: InFlight::default(),
            undelivered: Vec::new(),
            released_later: HashSet::new(),
            messages: 0,
            pings: Pings::Answered,
            pong: None,
            silence: Silence::None,
            idle: None,
            conduct: Conduct::default(),
            aliases: HashMap::new(),
        }
    }

    pub(super) fn into_pipe(self) -> Pipe {
        self.pipe
    }

    /// Writes the CONNACK and what waited for the session, and starts the clocks.
    pub(super) fn welcome(&mut self, attached: Attached, properties: &[u8]) {
        let version = self.connect.version;
        put_connack(version, attached.session_present, 0, properties, &mut self.pipe.out);
        attached.waiting.into_iter().for_each(|delivery| self.send(delivery));
        for (delay, fault) in self.schedule.after.extract_if(.., |(delay, _)| !delay.is_zero()) {
            self.timers.push((Box::pin(sleep(delay)), fault));
        }
        let announced = self.shared.options.server_keep_alive_secs.filter(|_| version == Version::V5);
        let keep_alive = announced.unwrap_or(self.connect.keep_alive_secs);
        let mut keep_alive = Duration::from_secs(u64::from(keep_alive));
        if let Some(rules) = &self.shared.options.aws {
            keep_alive = rules.limits().keep_alive(self.connect.keep_alive_secs);
            self.timers.push((Box::pin(sleep(rules.limits().connection_ttl)), TOO_OLD));
        }
        if !keep_alive.is_zero() {
            let limit = keep_alive.mul_f32(1.5);
            self.idle = Some((Box::pin(sleep(limit)), limit));
        }
    }

    /// Serves the client until the end; says how to end and whether the last will is due.
    pub(super) async fn run(
        &mut self,
        mut outbox: mpsc::Receiver<Delivery>,
        mut orders: mpsc::Receiver<Order>,
    ) -> (Ending, bool) {
        if let Some(ending) = self.strike_at_once().await {
            return (ending, true);
        }
        let mut batch = Vec::with_capacity(BATCH);
        let shared = Arc::clone(&self.shared);
        let (ending, with_will) = loop {
            let silent = !matches!(self.silence, Silence::None);
            let wants_more = !silent && self.pipe.has_room() && self.in_flight.len() < self.max_in_flight();
            let room = self.max_in_flight().saturating_sub(self.in_flight.len()).clamp(1, BATCH);
            // In order: a fault struck before the client sends something acts before that is read.
            let flow = tokio::select! {
                biased;
                () = shared.shutdown.cancelled() => Flow::lost(self.say_shutting_down().await),
                order = orders.recv() => match order {
                    Some(Order::Strike(fault)) => Flow::after(self.strike(fault).await),
                    Some(Order::TakenOver) | None => Flow::lost(self.give_way().await),
                },
                fault = next_due(&mut self.timers) => Flow::after(self.strike(fault).await),
                () = end_of_silence(&mut self.silence) => {
                    self.silence = Silence::None;
                    self.heard();
                    Flow::Continue
                }
                () = due(self.idle.as_mut().map(|idle| &mut idle.0)), if !silent => {
                    Flow::after(self.strike(Fault::KeepAliveCut).await)
                }
                () = due(self.pong.as_mut().map(|pong| &mut pong.0)), if !silent => {
                    let owed = self.pong.take().map_or(0, |(_, owed)| owed);
                    (0..owed).for_each(|_| self.pipe.out.put_slice(&[0xD0, 0]));
                    Flow::Continue
                }
                read = self.pipe.turn(), if !silent => match read {
                    Ok(Turn::Room) => Flow::Continue,
                    Ok(Turn::Read) => match self.receive().await {
                        Flow::Continue => {
                            // A client that never pauses must not starve its own outbox.
                            self.take_some(&mut outbox);
                            self.strike_counted().await
                        }
                        end @ Flow::End { .. } => end,
                    },
                    Ok(Turn::Ended) | Err(_) => Flow::lost(Ending::Fin),
                },
                _ = outbox.recv_many(&mut batch, room), if wants_more => {
                    batch.drain(..).for_each(|delivery| self.send(delivery));
                    self.strike_counted().await
                }
            };
            if let Flow::End { ending, with_will } = flow {
                break (ending, with_will);
            }
        };
        outbox.close();
        while let Ok(delivery) = outbox.try_recv() {
            self.undelivered.push(delivery);
        }
        (ending, with_will)
    }

    /// Unacknowledged messages first, then what never left; QoS 0 is lost.
    pub(super) fn take_undelivered(&mut self) -> Vec<Delivery> {
        let mut all = self.in_flight.take();
        all.extend(self.undelivered.drain(..).filter(|delivery| !matches!(delivery, Delivery::Frame(_))));
        all
    }

    /// Reads and drops whatever comes until the peer or the broker ends it.
    pub(super) async fn hold(&mut self) -> Ending {
        let shared = Arc::clone(&self.shared);
        loop {
            let silent = !matches!(self.silence, Silence::None);
            tokio::select! {
                () = shared.shutdown.cancelled() => return Ending::Abandon,
                () = end_of_silence(&mut self.silence) => self.silence = Silence::None,
                read = self.pipe.turn(), if !silent => match read {
                    Ok(Turn::Read | Turn::Room) => self.pipe.inbox.clear(),
                    Ok(Turn::Ended) | Err(_) => return Ending::Fin,
                },
            }
        }
    }

    /// Sends what is in the outbox already, at most a batch.
    fn take_some(&mut self, outbox: &mut mpsc::Receiver<Delivery>) {
        for _ in 0..BATCH {
            if !self.pipe.has_room() || self.in_flight.len() >= self.max_in_flight() {
                return;
            }
            let Ok(delivery) = outbox.try_recv() else { return };
            self.send(delivery);
        }
    }

    async fn strike_counted(&mut self) -> Flow {
        for fault in self.schedule.due_after_messages(self.messages) {
            if let Some(ending) = self.strike(fault).await {
                return Flow::lost(ending);
            }
        }
        Flow::Continue
    }

    /// Restarts the keep-alive clock.
    fn heard(&mut self) {
        if let Some((timer, limit)) = &mut self.idle {
            timer.set(sleep(*limit));
        }
    }

    fn send(&mut self, delivery: Delivery) {
        self.messages += 1;
        match delivery {
            Delivery::Frame(frame) => self.pipe.out.put_slice(&frame),
            Delivery::Acknowledged(outgoing) => {
                self.in_flight.publish(outgoing, self.connect.version, &mut self.pipe.out);
            }
            Delivery::Release(packet_id) => self.in_flight.release(packet_id, &mut self.pipe.out),
        }
    }

    async fn receive(&mut self) -> Flow {
        self.heard();
        loop {
            let max_packet = self.shared.options.max_packet;
            match decode(self.connect.version, &mut self.pipe.inbox, max_packet) {
                Ok(None) => return Flow::Continue,
                Ok(Some(Inbound::Disconnect { with_will })) => {
                    return Flow::End { ending: Ending::Fin, with_will };
                }
                Ok(Some(Inbound::Connect(_))) => {
                    return Flow::lost(self.leave(PROTOCOL_ERROR, None).await);
                }
                Err(reason) => return Flow::lost(self.leave(reason, None).await),
                Ok(Some(packet)) => match self.judge(packet) {
                    Ok(Some(packet)) => self.handle(packet),
                    Ok(None) => {}
                    Err(reason) => return Flow::lost(self.leave(reason, None).await),
                },
            }
        }
    }

    fn handle(&mut self, packet: Inbound) {
        let version = self.connect.version;
        match packet {
            Inbound::Publish { message, packet_id, .. } => self.route(message, packet_id),
            Inbound::PubAck(packet_id)
            | Inbound::PubComp(packet_id)
            | Inbound::PubRec { packet_id, is_refusal: true } => self.in_flight.finish(packet_id),
            Inbound::PubRec { packet_id, is_refusal: false } => {
                self.in_flight.release(packet_id, &mut self.pipe.out);
            }
            Inbound::PubRel(packet_id) => {
                self.released_later.remove(&packet_id);
                put_acknowledgement(0x70, packet_id, &mut self.pipe.out);
            }
            Inbound::Subscribe { packet_id, filters } => self.subscribe(packet_id, filters),
            Inbound::Unsubscribe { packet_id, filters } => {
                let existed = self.shared.router().unsubscribe(&self.connect.client_id, &filters);
                let code = |existed: &bool| if *existed { 0x00 } else { 0x11 };
                let codes: Vec<u8> = match version {
                    Version::V311 => Vec::new(),
                    Version::V5 => existed.iter().map(code).collect(),
                };
                put_codes(version, 0xB0, packet_id, &codes, &mut self.pipe.out);
            }
            Inbound::PingReq => match self.pings {
                Pings::Answered => self.pipe.out.put_slice(&[0xD0, 0]),
                Pings::Swallowed => {}
                Pings::Delayed(delay) => {
                    let pong = self.pong.get_or_insert_with(|| (Box::pin(sleep(delay)), 0));
                    pong.1 += 1;
                }
            },
            Inbound::Connect(_) | Inbound::Disconnect { .. } => {}
        }
    }

    fn route(&mut self, message: Message, packet_id: u16) {
        self.messages += 1;
        match message.qos {
            0 => {}
            1 => put_acknowledgement(0x40, packet_id, &mut self.pipe.out),
            _ => {
                put_acknowledgement(0x50, packet_id, &mut self.pipe.out);
                if !self.released_later.insert(packet_id) {
                    return;
                }
            }
        }
        self.shared.router().publish(message);
    }

    fn subscribe(&mut self, packet_id: u16, filters: Vec<(String, u8)>) {
        let version = self.connect.version;
        let refusal = |filter: &str| match version {
            _ if !valid_filter(filter) => Some(if version == Version::V5 { 0x8F } else { 0x80 }),
            _ if self.shared.options.denied_filters.iter().any(|denied| denied == filter) => {
                Some(if version == Version::V5 { 0x87 } else { 0x80 })
            }
            _ => None,
        };
        let max_qos = self.shared.options.max_qos;
        let code = |(filter, qos): &(String, u8)| refusal(filter).unwrap_or((*qos).min(max_qos));
        let codes: Vec<u8> = filters.iter().map(code).collect();
        put_codes(version, 0x90, packet_id, &codes, &mut self.pipe.out);
        let granted = filters.into_iter().zip(codes).filter(|(_, code)| *code < 0x80);
        let granted: Vec<_> = granted.map(|((filter, _), qos)| (filter, qos)).collect();
        self.shared.router().subscribe(&self.connect.client_id, &granted);
    }
}

/// Waits for a timer; for ever if there is none.
async fn due(timer: Option<&mut Timer>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

async fn end_of_silence(silence: &mut Silence) {
    match silence {
        Silence::Until(timer) => timer.await,
        Silence::None | Silence::Forever => std::future::pending().await,
    }
}

/// Waits for the first of several timers and takes it out.
async fn next_due(timers: &mut Vec<(Timer, Fault)>) -> Fault {
    poll_fn(|cx| {
        let ready = timers.iter_mut().position(|(timer, _)| timer.as_mut().poll(cx).is_ready());
        ready.map_or(Poll::Pending, |index| Poll::Ready(timers.swap_remove(index).1))
    })
    .await
}
