//! The network between the link and the lab's broker: latency, refused ports, NAT timeouts, cut lines.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use dropscope::diagnostics::event::Phase;
use dropscope::diagnostics::failure::Failure;
use dropscope::diagnostics::{Clock, Stamp};
use dropscope::lab::{Broker, BrokerControl, BrokerOptions};
use dropscope::mqtt::connector::{BoxFuture, Connector, OpenRequest};
use dropscope::mqtt::wire::{OpenFailure, OpenOutcome, WireConnection};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub(crate) use crate::in_memory::LineState;
use crate::in_memory::{
    ClientStream, ConnectPhases, NewestLine, StreamEndCell, connection_refused, duplex, server_address,
};

/// The behavior of the network; may be changed at any time.
#[derive(Debug, Clone)]
pub(crate) struct NetworkConditions {
    /// Whether the broker's port is closed.
    pub(crate) is_refusing: bool,
    /// Time after which a router on the path removes the mapping of a silent connection, without a sign.
    pub(crate) mapping_timeout: Option<Duration>,
    /// One-way latency in milliseconds, both ends included.
    pub(crate) latency_ms: (u64, u64),
    /// Milliseconds that the phases of a connect take: name, TCP, TLS (only if the transport has it).
    pub(crate) connect_ms: [(u64, u64); 3],
}

impl Default for NetworkConditions {
    fn default() -> Self {
        Self {
            is_refusing: false,
            mapping_timeout: None,
            latency_ms: (20, 20),
            connect_ms: [(2, 2), (40, 40), (80, 80)],
        }
    }
}

/// The network and the broker behind it. Clones are the same network.
#[derive(Clone)]
pub(crate) struct SimulatedNetwork(Arc<NetworkInner>);

struct NetworkInner {
    broker: Broker,
    newest: NewestLine,
    state: Mutex<NetworkState>,
}

struct NetworkState {
    conditions: NetworkConditions,
    random: StdRng,
    attempts: Vec<(Stamp, bool)>,
    connects: Vec<Stamp>,
}

impl std::fmt::Debug for SimulatedNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SimulatedNetwork")
    }
}

impl SimulatedNetwork {
    /// A network with a fresh broker behind it.
    pub(crate) fn new(conditions: NetworkConditions, options: BrokerOptions) -> Self {
        let state = NetworkState {
            conditions,
            random: StdRng::seed_from_u64(11),
            attempts: Vec::new(),
            connects: Vec::new(),
        };
        let (broker, state) = (Broker::start(options), Mutex::new(state));
        Self(Arc::new(NetworkInner { broker, newest: NewestLine::default(), state }))
    }

    fn state(&self) -> MutexGuard<'_, NetworkState> {
        self.0.state.lock().expect("no holder panicked")
    }

    /// Changes the behavior of the network.
    pub(crate) fn change(&self, change: impl FnOnce(&mut NetworkConditions)) {
        change(&mut self.state().conditions);
    }

    /// Changes the state of the line of the newest connection.
    pub(crate) fn line(&self, line: LineState) {
        self.0.newest.set(line);
    }

    /// The controls of the broker.
    pub(crate) fn broker(&self) -> BrokerControl {
        self.0.broker.control()
    }

    /// Every attempt so far: its time, and whether everything was rebuilt for it.
    pub(crate) fn attempts(&self) -> Vec<(Stamp, bool)> {
        self.state().attempts.clone()
    }

    /// When the CONNECTs so far left the client.
    pub(crate) fn connects(&self) -> Vec<Stamp> {
        self.state().connects.clone()
    }

    fn random_ms(&self, range: impl FnOnce(&NetworkConditions) -> (u64, u64)) -> Duration {
        let mut state = self.state();
        let (least, most) = range(&state.conditions);
        Duration::from_millis(state.random.random_range(least..=most))
    }

    /// Connects a line to the broker and returns the client's end.
    fn connect(&self, clock: &Arc<dyn Clock>) -> ClientStream {
        let (stream, client, end) = ClientStream::new();
        let (server, far) = duplex();
        let line = self.0.newest.connect();
        self.0.broker.attach(far);
        let router = NatRouter::new(self.clone());
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        let up = RelayDirection { line: line.clone(), router: Arc::clone(&router), end: end.clone() };
        let down = RelayDirection { line, router, end };
        let (net, clock) = (self.clone(), Arc::clone(clock));
        tokio::spawn(async move {
            let first = move || net.state().connects.push(clock.now());
            up.forward(from_client, to_server, first).await;
        });
        tokio::spawn(down.forward(from_server, to_client, || {}));
        stream
    }

    async fn phases(
        &self,
        request: OpenRequest<'_>,
        timings: &mut ConnectPhases<'_>,
    ) -> Result<WireConnection, OpenFailure> {
        let OpenRequest { settings, clock, progress, .. } = request;
        let remote = server_address(settings.broker.port);
        let details = [remote.ip().to_string(), remote.to_string(), "TLS 1.3".to_owned()];
        for (index, (phase, detail)) in
            [Phase::Dns, Phase::Tcp, Phase::Tls].into_iter().zip(details).enumerate()
        {
            if phase == Phase::Tls && !settings.broker.transport.is_tls() {
                continue;
            }
            let work = async {
                progress.enter(phase, clock.now());
                sleep(self.random_ms(|conditions| conditions.connect_ms[index])).await;
                let is_refused = phase == Phase::Tcp && self.state().conditions.is_refusing;
                if is_refused { Err::<_, Failure>(connection_refused(remote)) } else { Ok(Some(detail)) }
            };
            timings.run(phase, work).await?;
        }
        let mut wire = WireConnection::from_stream(self.connect(clock), Arc::clone(clock));
        wire.remote = remote;
        Ok(wire)
    }
}

impl Connector for SimulatedNetwork {
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(async move {
            self.state().attempts.push((request.clock.now(), request.rebuild_all));
            let mut timings = ConnectPhases::new(request.clock);
            let result = self.phases(request, &mut timings).await;
            timings.finish(result)
        })
    }
}

/// The mapping of the router on the path, for one connection.
struct NatRouter {
    net: SimulatedNetwork,
    last: Mutex<Instant>,
    mapping_expired: AtomicBool,
}

impl NatRouter {
    fn new(net: SimulatedNetwork) -> Arc<Self> {
        Arc::new(Self { net, last: Mutex::new(Instant::now()), mapping_expired: AtomicBool::new(false) })
    }

    /// Whether the router still has the mapping when a packet arrives.
    fn has_mapping(&self) -> bool {
        let limit = self.net.state().conditions.mapping_timeout;
        let mut last = self.last.lock().expect("no holder panicked");
        let silent = std::mem::replace(&mut *last, Instant::now()).elapsed();
        if limit.is_some_and(|limit| silent > limit) {
            self.mapping_expired.store(true, Ordering::Relaxed);
        }
        !self.mapping_expired.load(Ordering::Relaxed)
    }
}

/// One direction of a connection.
struct RelayDirection {
    line: watch::Receiver<LineState>,
    router: Arc<NatRouter>,
    end: StreamEndCell,
}

impl RelayDirection {
    async fn forward(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        first: impl FnOnce(),
    ) {
        let (mut first, mut buffer) = (Some(first), vec![0; 16 * 1024]);
        loop {
            let read = tokio::select! {
                biased;
                () = line_cut(&mut self.line) => Err(io::ErrorKind::ConnectionAborted.into()),
                read = from.read(&mut buffer) => read,
            };
            let line = *self.line.borrow();
            if let Some(end) = line.stream_end() {
                self.end.set(end);
                return;
            }
            let Ok(count) = read else { return };
            // Without a mapping, neither data nor the end of the connection gets through.
            let is_forwarded = line == LineState::Fine && self.router.has_mapping();
            if count == 0 {
                if is_forwarded {
                    let _ = to.shutdown().await;
                }
                return;
            }
            if is_forwarded {
                if let Some(first) = first.take() {
                    first();
                }
                sleep(self.router.net.random_ms(|conditions| conditions.latency_ms)).await;
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits until the line is cut.
async fn line_cut(line: &mut watch::Receiver<LineState>) {
    if line.wait_for(|line| line.stream_end().is_some()).await.is_err() {
        // The line of an older connection can no longer be cut.
        std::future::pending::<()>().await;
    }
}
