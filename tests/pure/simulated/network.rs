//! The network between the link and the lab's broker: latency, refused ports, NAT timeouts, cut lines.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use dropscope::diagnostics::error_name::AWS_IO_SOCKET_CONNECTION_REFUSED;
use dropscope::diagnostics::event::{DropKind, Layer, Phase, PhaseTiming};
use dropscope::diagnostics::failure::Failure;
use dropscope::diagnostics::{Clock, Stamp};
use dropscope::lab::{Broker, BrokerControl, BrokerOptions};
use dropscope::mqtt::connector::{BoxFuture, Connector};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::wire::{OpenFailure, OpenOutcome, Progress, WireConnection};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// The state of the line of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineState {
    /// It forwards.
    Fine,
    /// It drops everything in both directions, without a sign.
    BlackHole,
    /// It ends with a FIN.
    Fin,
    /// It ends with a RST.
    Reset,
}

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
    state: Mutex<NetworkState>,
}

struct NetworkState {
    conditions: NetworkConditions,
    random: StdRng,
    newest: Option<watch::Sender<LineState>>,
    attempts: Vec<(Stamp, bool)>,
    connects: Vec<Stamp>,
}

impl std::fmt::Debug for SimulatedNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Net")
    }
}

impl SimulatedNetwork {
    /// A network with a fresh broker behind it.
    pub(crate) fn new(conditions: NetworkConditions, options: BrokerOptions) -> Self {
        let state = NetworkState {
            conditions,
            random: StdRng::seed_from_u64(11),
            newest: None,
            attempts: Vec::new(),
            connects: Vec::new(),
        };
        Self(Arc::new(NetworkInner { broker: Broker::start(options), state: Mutex::new(state) }))
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
        if let Some(newest) = &self.state().newest {
            newest.send_replace(line);
        }
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
    fn connect(&self, clock: &Arc<dyn Clock>) -> ClientEnd {
        let (near, client) = tokio::io::duplex(64 * 1024);
        let (server, far) = tokio::io::duplex(64 * 1024);
        let (changes, line) = watch::channel(LineState::Fine);
        self.state().newest = Some(changes);
        self.0.broker.attach(far);
        let (reset, router) = (Arc::new(AtomicBool::new(false)), NatRouter::new(self.clone()));
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        let end = ClientEnd { stream: near, reset: Arc::clone(&reset) };
        let up =
            RelayDirection { line: line.clone(), router: Arc::clone(&router), reset: Arc::clone(&reset) };
        let down = RelayDirection { line, router, reset };
        let (net, clock) = (self.clone(), Arc::clone(clock));
        tokio::spawn(async move {
            let first = move || net.state().connects.push(clock.now());
            up.forward(from_client, to_server, first).await;
        });
        tokio::spawn(down.forward(from_server, to_client, || {}));
        end
    }
}

impl Connector for SimulatedNetwork {
    fn open<'a>(
        &'a self,
        settings: &'a LinkSettings,
        clock: &'a Arc<dyn Clock>,
        progress: &'a Progress,
        deep: bool,
    ) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(async move {
            self.state().attempts.push((clock.now(), deep));
            let remote = SocketAddr::new([192, 0, 2, 10].into(), settings.broker.port);
            let tls = settings.broker.transport.is_tls();
            let details = [remote.ip().to_string(), remote.to_string(), "TLS 1.3".to_owned()];
            let mut phases = Vec::new();
            for (index, phase) in [Phase::Dns, Phase::Tcp, Phase::Tls].into_iter().enumerate() {
                if phase == Phase::Tls && !tls {
                    continue;
                }
                let began = clock.now();
                progress.enter(phase, began);
                sleep(self.random_ms(|habits| habits.connect_ms[index])).await;
                let ms = clock.now().since(began).as_secs_f64() * 1_000.0;
                if phase == Phase::Tcp && self.state().conditions.is_refusing {
                    let failure = connection_refused(remote);
                    let error = Some(failure.message());
                    phases.push(PhaseTiming { phase, ms, ok: false, error, detail: None });
                    return OpenOutcome { phases, result: Err(OpenFailure { phase, failure }) };
                }
                phases.push(PhaseTiming {
                    phase,
                    ms,
                    ok: true,
                    error: None,
                    detail: Some(details[index].clone()),
                });
            }
            let mut wire = WireConnection::from_stream(self.connect(clock), Arc::clone(clock));
            wire.remote = remote;
            OpenOutcome { phases, result: Ok(wire) }
        })
    }
}

fn connection_refused(remote: SocketAddr) -> Failure {
    let detail = format!("{remote} refused the connection: nothing listens on that port");
    Failure::new(AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Rst, detail)
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
    reset: Arc<AtomicBool>,
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
            match (line, read) {
                (LineState::Fin | LineState::Reset, _) => {
                    self.reset.store(line == LineState::Reset, Ordering::Relaxed);
                    return;
                }
                (_, Err(_)) | (LineState::BlackHole, Ok(0)) => return,
                (LineState::Fine, Ok(0)) => {
                    // Without a mapping the end of the connection is not forwarded.
                    if self.router.has_mapping() {
                        let _ = to.shutdown().await;
                    }
                    return;
                }
                (LineState::BlackHole, Ok(_)) => {}
                (LineState::Fine, Ok(_)) if !self.router.has_mapping() => {}
                (LineState::Fine, Ok(count)) => {
                    if let Some(first) = first.take() {
                        first();
                    }
                    sleep(self.router.net.random_ms(|habits| habits.latency_ms)).await;
                    if to.write_all(&buffer[..count]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

/// Waits until the line is cut.
async fn line_cut(line: &mut watch::Receiver<LineState>) {
    let is_cut = |line: &LineState| matches!(line, LineState::Fin | LineState::Reset);
    if line.wait_for(is_cut).await.is_err() {
        // The line of an older connection can no longer be cut.
        std::future::pending::<()>().await;
    }
}

/// The client's end: a RST is an error there, not an end of file.
struct ClientEnd {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

impl AsyncRead for ClientEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let ended = buffer.filled().len() == before;
        let reset = ended && self.reset.load(Ordering::Relaxed);
        Poll::Ready(if reset { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) })
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
