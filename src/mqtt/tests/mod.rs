//! The link against scripted peers, in simulated time over in-memory streams.

mod accounting;
mod drops;
mod loopback;
mod publishing;
mod refusals;
mod sessions;
mod traffic;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use super::Link;
use super::connector::{BoxFuture, Connector, OpenRequest};
use super::settings::{BrokerAddress, LinkSettings};
use super::wire::{OpenFailure, OpenOutcome, WireConnection};
use crate::clock::TokioClock;
use crate::diagnostics::event::{Event, StampedEvent};
use crate::diagnostics::{Stamp, Transport, VersionChoice};

/// The broker's end of one connection.
pub(super) struct Peer {
    pub(super) io: DuplexStream,
    pub(super) buffer: BytesMut,
    /// 1 for the first connection of the test, then 2, 3…
    pub(super) number: usize,
}

impl Peer {
    /// Waits for more bytes; never returns once the client is gone.
    async fn fill(&mut self) {
        if self.io.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn v4(&mut self) -> v4::Packet {
        loop {
            match v4::Packet::read(&mut self.buffer, 1 << 20) {
                Ok(packet) => return packet,
                Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => self.fill().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) async fn v5(&mut self) -> v5::Packet {
        loop {
            // The codec cannot read a DISCONNECT without a reason code.
            if self.buffer.starts_with(&[0xe0, 0]) {
                std::future::pending::<()>().await;
            }
            match v5::Packet::read(&mut self.buffer, None) {
                Ok(packet) => return packet,
                Err(rumqttc::v5::mqttbytes::Error::InsufficientBytes(_)) => self.fill().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.io.write_all(bytes).await;
    }

    /// Reads CONNECT and accepts in 3.1.1.
    pub(super) async fn accept(&mut self) -> v4::Connect {
        let v4::Packet::Connect(connect) = self.v4().await else { panic!("no CONNECT") };
        self.send(&[0x20, 2, 0, 0]).await;
        connect
    }

    /// Answers everything as a good broker does, until the client leaves.
    pub(super) async fn serve(&mut self) {
        loop {
            let packet = self.v4().await;
            self.answer(packet).await;
        }
    }

    pub(super) async fn answer(&mut self, packet: v4::Packet) {
        match packet {
            v4::Packet::PingReq => self.send(&[0xd0, 0]).await,
            v4::Packet::Subscribe(subscribe) => {
                let [high, low] = subscribe.pkid.to_be_bytes();
                let count = u8::try_from(subscribe.filters.len()).unwrap();
                let mut ack = vec![0x90, 2 + count, high, low];
                ack.extend(subscribe.filters.iter().map(|filter| filter.qos as u8));
                self.send(&ack).await;
            }
            v4::Packet::Publish(publish) if publish.pkid > 0 => {
                let [high, low] = publish.pkid.to_be_bytes();
                self.send(&[0x40, 2, high, low]).await;
            }
            _ => {}
        }
    }

    /// Lets `time` pass with good answers.
    pub(super) async fn serve_for(&mut self, time: Duration) {
        let _ = tokio::time::timeout(time, self.serve()).await;
    }
}

type PeerScript = Box<dyn FnOnce(Peer) -> BoxFuture<'static, ()> + Send>;

/// Hands out in-memory streams whose other ends behave as scripted, then as good brokers.
#[derive(Clone, Default)]
pub(super) struct ScriptedConnector {
    steps: Arc<Mutex<VecDeque<Result<PeerScript, OpenFailure>>>>,
    /// When each transport was opened, and whether everything was rebuilt for it.
    pub(super) opened: Arc<Mutex<Vec<(Stamp, bool)>>>,
}

impl std::fmt::Debug for ScriptedConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScriptedConnector")
    }
}

impl ScriptedConnector {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn then<F, S>(self, script: S) -> Self
    where
        S: FnOnce(Peer) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.steps.lock().unwrap().push_back(Ok(Box::new(|peer| Box::pin(script(peer)))));
        self
    }

    pub(super) fn then_fail(self, failure: OpenFailure) -> Self {
        self.steps.lock().unwrap().push_back(Err(failure));
        self
    }

    pub(super) fn link(&self, settings: LinkSettings) -> Link {
        self.link_by(TokioClock::at_epoch(), settings)
    }

    pub(super) fn link_by(&self, clock: Arc<TokioClock>, settings: LinkSettings) -> Link {
        let mut link = Link::with_connector(settings, clock, Arc::new(self.clone()), 42).unwrap();
        link.connect();
        link
    }
}

impl Connector for ScriptedConnector {
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome> {
        let mut opened = self.opened.lock().unwrap();
        opened.push((request.clock.now(), request.rebuild_all));
        let step = self.steps.lock().unwrap().pop_front();
        let result = match step {
            Some(Err(failure)) => Err(failure),
            step => {
                let (near, far) = tokio::io::duplex(16 * 1024);
                let mut peer = Peer { io: far, buffer: BytesMut::new(), number: opened.len() };
                match step {
                    Some(Ok(script)) => drop(tokio::spawn(script(peer))),
                    _ => drop(tokio::spawn(async move {
                        peer.accept().await;
                        peer.serve().await;
                    })),
                }
                Ok(WireConnection::from_stream(near, Arc::clone(request.clock)))
            }
        };
        Box::pin(std::future::ready(OpenOutcome { phases: Vec::new(), result }))
    }
}

/// Settings for a peer with MQTT 3.1.1.
pub(super) fn settings() -> LinkSettings {
    let broker = BrokerAddress {
        transport: Transport::Tcp,
        host: "broker.example".to_owned(),
        port: 1883,
        path: "/mqtt".to_owned(),
    };
    LinkSettings { version: VersionChoice::V311, ..LinkSettings::new(broker, "scope") }
}

/// The next event that `pick` takes; everything else is skipped.
pub(super) async fn until<T>(link: &mut Link, pick: impl Fn(&Event) -> Option<T>) -> (T, Stamp) {
    loop {
        let StampedEvent { at, event } = next(link).await;
        if let Some(found) = pick(&event) {
            return (found, at);
        }
    }
}

/// The next event; a day without one is a failure.
pub(super) async fn next(link: &mut Link) -> StampedEvent {
    tokio::time::timeout(Duration::from_secs(86_400), link.next()).await.expect("nothing happened for a day")
}

/// Everything that happens in `time`.
pub(super) async fn during(link: &mut Link, time: Duration) -> Vec<Event> {
    let mut events = Vec::new();
    let collect = async {
        loop {
            events.push(link.next().await.event);
        }
    };
    let _ = tokio::time::timeout(time, collect).await;
    events
}

/// Names of events, for the order.
pub(super) fn kinds(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .map(|event| match event {
            Event::Attempt(_) => "attempt",
            Event::Connected(_) => "connected",
            Event::ConnectFailed(_) => "connect_failed",
            Event::Dropped(_) => "dropped",
            Event::Disconnected { .. } => "disconnected",
            Event::Subscribed { .. } => "subscribed",
            Event::Published(_) => "published",
            Event::Received(_) => "received",
            Event::Traffic { .. } => "traffic",
            Event::Ping { .. } => "ping",
            Event::KeepAliveChanged { .. } => "keep_alive_changed",
            Event::Command(_) => "command",
            _ => "other",
        })
        .collect()
}

macro_rules! picker {
    ($name:ident, $variant:ident, $type:ident) => {
        pub(super) fn $name(event: &Event) -> Option<crate::diagnostics::event::$type> {
            if let Event::$variant(found) = event { Some(found.clone()) } else { None }
        }
    };
}

picker!(connected, Connected, ConnectedEvent);
picker!(dropped, Dropped, DroppedEvent);
picker!(connect_failed, ConnectFailed, ConnectFailedEvent);
picker!(command, Command, CommandUpdate);
