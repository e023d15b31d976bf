//! The gateway: where does it listen, whom does it forward to, and how does it stop without leaving anything?

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accept::{self, AcceptedStream};
use super::control::GatewayControl;
use super::fault_action::FaultAction;
use super::field_time::FieldTimeScale;
use super::metrics::{FaultInjection, GatewayMetrics};
use super::outage::Ports;
use super::path_fault::{PathFault, PathFaultId};
use crate::lab::aws::AwsRules;
use crate::lab::broker::lock;
use crate::lab::control::BrokerControl;
use crate::lab::handshake::ListenerEndpoint;
use crate::lab::listener::{ConnectionHandler, LoopbackListener};
use crate::lab::server_stream::{CloseSignal, ServerStream};

/// Bytes between the gateway and the embedded broker, each way.
const UPSTREAM_BUFFER: usize = 256 * 1024;
/// Client ids that are remembered.
const MAX_CLIENT_IDS: usize = 10_000;

/// Where packets go.
#[derive(Clone)]
pub enum Upstream {
    /// The embedded broker, without sockets. What it asks of a WebSocket upgrade the gateway asks too, and
    /// how it ends a connection the client sees as if it were connected directly.
    Broker(BrokerControl),
    /// A broker that speaks MQTT over plain TCP.
    Address(SocketAddr),
}

/// How a gateway sees time and chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GatewayOptions {
    /// Two gateways with the same seed and ailments strike at the same times.
    pub seed: u64,
    /// Field seconds per real second; what is not positive counts as 1.
    pub scale: f64,
    /// What the clock says when the gateway starts, in field seconds since the Unix epoch; for
    /// [`Ailment::Schedule`].
    pub wall_secs: f64,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self { seed: 0, scale: 1.0, wall_secs: 0.0 }
    }
}

/// An ailment and since when it acts.
#[derive(Debug, Clone)]
pub(super) struct ArmedFault {
    pub(super) id: PathFaultId,
    pub(super) fault: PathFault,
    pub(super) since: Instant,
    /// Also cancelled by the gateway's end.
    pub(super) disarmed: CancellationToken,
}

/// What a connection is told from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultCommand {
    pub(super) fault_id: PathFaultId,
    pub(super) action: FaultAction,
}

/// What all tasks of one gateway share.
pub(super) struct GatewayState {
    pub(super) seed: u64,
    pub(super) scale: FieldTimeScale,
    pub(super) started: Instant,
    pub(super) runtime: Handle,
    pub(super) shutdown: CancellationToken,
    pub(super) metrics: GatewayMetrics,
    pub(super) armed: watch::Sender<Arc<Vec<ArmedFault>>>,
    pub(super) last_id: AtomicU64,
    pub(super) ports: tokio::sync::Mutex<Ports>,
    /// Outages that let nothing pass.
    pub(super) blackouts: watch::Sender<usize>,
    /// Outages of name resolution.
    pub(super) dns_outages: watch::Sender<usize>,
    /// How often the credentials were renewed.
    pub(super) renewals: watch::Sender<u64>,
    wall_secs: f64,
    upstream: Upstream,
    connections: Mutex<BTreeMap<u64, mpsc::UnboundedSender<FaultCommand>>>,
    /// Ailments because of which credentials are refused.
    credential_faults: Mutex<BTreeSet<PathFaultId>>,
    seen_ids: Mutex<HashSet<String>>,
}

impl GatewayState {
    /// The clock of the field at a time, in seconds since the Unix epoch.
    pub(super) fn wall_secs(&self, at: Instant) -> f64 {
        self.wall_secs + self.scale.to_field(at.saturating_duration_since(self.started))
    }

    pub(super) fn log_injection(
        &self,
        fault_id: PathFaultId,
        connection: Option<u64>,
        description: impl Into<String>,
    ) {
        let at = Instant::now().saturating_duration_since(self.started);
        self.metrics.record_injection(FaultInjection {
            at,
            fault_id,
            connection,
            description: description.into(),
        });
    }

    /// Tells all live connections.
    pub(super) fn apply_to_all(&self, fault_id: PathFaultId, action: FaultAction) {
        for commands in lock(&self.connections).values() {
            // One that is ending anyway does not listen any more.
            let _ = commands.send(FaultCommand { fault_id, action });
        }
    }

    /// Registers a connection until the guard is dropped.
    pub(super) fn register_connection(
        self: &Arc<Self>,
        number: u64,
    ) -> (ConnectionGuard, mpsc::UnboundedReceiver<FaultCommand>) {
        let (commands_tx, commands_rx) = mpsc::unbounded_channel();
        lock(&self.connections).insert(number, commands_tx);
        (ConnectionGuard { shared: Arc::clone(self), number }, commands_rx)
    }

    pub(super) fn connection_count(&self) -> usize {
        lock(&self.connections).len()
    }

    pub(super) fn expire_credentials(&self, fault_id: PathFaultId) {
        lock(&self.credential_faults).insert(fault_id);
        self.log_injection(fault_id, None, "credentials expired");
    }

    pub(super) fn accept_credentials(&self, fault_id: PathFaultId) {
        lock(&self.credential_faults).remove(&fault_id);
    }

    /// Why credentials are refused, if they are.
    pub(super) fn credential_fault(&self) -> Option<PathFaultId> {
        lock(&self.credential_faults).first().copied()
    }

    /// Whether this client id had a session before; from now on it had.
    pub(super) fn mark_client_seen(&self, client_id: &str) -> bool {
        let mut seen_ids = lock(&self.seen_ids);
        seen_ids.contains(client_id)
            || (seen_ids.len() < MAX_CLIENT_IDS && !seen_ids.insert(client_id.to_owned()))
    }

    /// What is asked of a WebSocket upgrade.
    pub(super) fn rules(&self) -> Option<&AwsRules> {
        match &self.upstream {
            Upstream::Broker(broker) => broker.rules().map(Arc::as_ref),
            Upstream::Address(_) => None,
        }
    }

    /// A new connection to the server.
    pub(super) async fn connect_upstream(&self) -> io::Result<ServerStream> {
        match &self.upstream {
            Upstream::Broker(broker) => {
                let (near, far) = duplex(UPSTREAM_BUFFER);
                let close_signal = CloseSignal::default();
                if !broker.attach_with_signal(far, close_signal.clone()) {
                    return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the broker has stopped"));
                }
                Ok(ServerStream::Memory(Box::new(near), close_signal))
            }
            Upstream::Address(address) => {
                let tcp = TcpStream::connect(address).await?;
                tcp.set_nodelay(true)?;
                Ok(ServerStream::Tcp(tcp))
            }
        }
    }
}

/// A connection that gets orders.
pub(super) struct ConnectionGuard {
    shared: Arc<GatewayState>,
    number: u64,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        lock(&self.shared.connections).remove(&self.number);
    }
}

impl ConnectionHandler for Arc<GatewayState> {
    fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    fn handle_connection(&self, tcp: TcpStream, endpoint: &ListenerEndpoint, task: mpsc::Sender<()>) {
        accept::spawn(self, AcceptedStream::Tcp(tcp, endpoint.clone()), task);
    }
}

/// A man in the middle on loopback. Dropping it ends all its tasks and connections; [`Gateway::stop`] also
/// waits for them.
pub struct Gateway {
    shared: Arc<GatewayState>,
    /// Every task holds a clone of the sender: the channel ends when all of them have.
    tasks: mpsc::Sender<()>,
    tasks_ended: mpsc::Receiver<()>,
}

impl Gateway {
    /// A healthy gateway that listens nowhere yet. Must be called inside a tokio runtime.
    pub fn start(upstream: Upstream, options: GatewayOptions) -> Self {
        let (tasks, tasks_ended) = mpsc::channel(1);
        let shared = GatewayState {
            seed: options.seed,
            scale: FieldTimeScale::new(options.scale),
            started: Instant::now(),
            runtime: Handle::current(),
            shutdown: CancellationToken::new(),
            metrics: GatewayMetrics::new(),
            armed: watch::Sender::new(Arc::default()),
            last_id: AtomicU64::new(0),
            ports: tokio::sync::Mutex::default(),
            blackouts: watch::Sender::new(0),
            dns_outages: watch::Sender::new(0),
            renewals: watch::Sender::new(0),
            wall_secs: options.wall_secs,
            upstream,
            connections: Mutex::default(),
            credential_faults: Mutex::default(),
            seen_ids: Mutex::default(),
        };
        Self { shared: Arc::new(shared), tasks, tasks_ended }
    }

    /// Listens on `127.0.0.1` on a port that the system picks.
    ///
    /// # Errors
    /// Whatever the system says about the socket.
    pub async fn listen(&self, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), endpoint).await
    }

    /// Listens on a loopback address and port; port 0 lets the system pick.
    ///
    /// # Errors
    /// The address is not loopback, or whatever the system says about the socket (the port is taken).
    pub async fn listen_at(&self, address: SocketAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        let listener = LoopbackListener::reserve(address, endpoint)?;
        let address = listener.address();
        self.shared.ports.lock().await.add(listener, &self.shared, &self.tasks)?;
        Ok(address)
    }

    /// Serves an in-memory stream as if it had been accepted. What is returned knows what such a stream
    /// cannot tell: in which manner the gateway ended it.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> CloseSignal {
        let close_signal = CloseSignal::default();
        let incoming = AcceptedStream::Memory(Box::new(stream), close_signal.clone());
        accept::spawn(&self.shared, incoming, self.tasks.clone());
        close_signal
    }

    /// A handle to arm ailments and to look inside; as many as wanted.
    pub fn control(&self) -> GatewayControl {
        GatewayControl::new(Arc::clone(&self.shared), self.tasks.downgrade())
    }

    /// Ends all connections without a word and waits for all tasks; the ports are free afterwards.
    pub async fn stop(mut self) {
        self.shared.shutdown.cancel();
        self.shared.ports.lock().await.clear();
        // Drops the gateway's own sender, so that the channel ends with the last task.
        self.tasks = mpsc::channel(1).0;
        let _ = self.tasks_ended.recv().await;
        // An outage that ended in the meantime may have taken the ports again.
        self.shared.ports.lock().await.clear();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
        // A control may outlive the gateway; it must not keep a closed port reserved.
        if let Ok(mut ports) = self.shared.ports.try_lock() {
            ports.clear();
        }
    }
}
