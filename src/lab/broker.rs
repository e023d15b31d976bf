//! The embedded broker: where does it listen, and how does it stop without leaving anything?

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::aws::AwsRules;
use super::codec::Connect;
use super::connect;
use super::control::{BrokerControl, ConnectionCounts};
use super::fault::{Fault, GARBAGE, PlannedFault, PlannedFaults};
use super::handshake::{self, HANDSHAKE_LIMIT, ListenerEndpoint};
use super::listener::{ConnectionHandler, LoopbackListener};
use super::message::ApplicationMessage;
use super::router::{Dialect, Router};
use super::server_stream::{CloseMode, CloseSignal, MemoryStream, ServerStream};

/// Protocol versions a broker accepts. Others get CONNACK 1 in the format of 3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedVersions {
    /// 3.1.1 and 5.
    Both,
    /// 3.1.1 only, as older brokers.
    OnlyV311,
    /// 5 only.
    OnlyV5,
}

/// How a broker behaves when no fault strikes.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Accepted protocol versions.
    pub versions: AcceptedVersions,
    /// The only user name and password let in; `None` lets everybody in.
    pub login: Option<(String, String)>,
    /// Largest packet accepted, in bytes; a larger one ends its connection.
    pub max_packet: usize,
    /// Messages that wait for one slow client before further ones are lost and counted.
    pub outbox: usize,
    /// Highest quality of service granted to a subscription, 0–2.
    pub max_qos: u8,
    /// Filters that are refused in the SUBACK.
    pub denied_filters: Vec<String>,
    /// MQTT 5: keep-alive that replaces the client's.
    pub server_keep_alive_secs: Option<u16>,
    /// MQTT 5: announced receive maximum.
    pub receive_maximum: Option<u16>,
    /// MQTT 5: announced maximum packet size, in bytes.
    pub announced_max_packet: Option<u32>,
    /// MQTT 5: DISCONNECT without a property length where there are no properties. Legal, but some
    /// clients (rumqttc 0.25) do not understand it.
    pub terse_disconnect: bool,
    /// The rules of AWS IoT Core, on top of everything else; see [`BrokerOptions::aws`].
    pub aws: Option<Arc<AwsRules>>,
}

impl BrokerOptions {
    /// A broker that behaves like AWS IoT Core.
    pub fn aws(rules: Arc<AwsRules>) -> Self {
        let max_packet = usize::try_from(rules.limits().packet).unwrap_or(usize::MAX);
        Self { max_packet, max_qos: 1, aws: Some(rules), ..Self::default() }
    }
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            versions: AcceptedVersions::Both,
            login: None,
            max_packet: 1024 * 1024,
            outbox: 16 * 1024,
            max_qos: 2,
            denied_filters: Vec::new(),
            server_keep_alive_secs: None,
            receive_maximum: None,
            announced_max_packet: None,
            terse_disconnect: false,
            aws: None,
        }
    }
}

/// What all tasks of one broker share.
pub(super) struct BrokerState {
    pub(super) options: BrokerOptions,
    pub(super) shutdown: CancellationToken,
    /// Whether clients are told goodbye at the shutdown.
    pub(super) graceful: AtomicBool,
    pub(super) counts: watch::Sender<ConnectionCounts>,
    pub(super) planned_faults: Mutex<Vec<PlannedFault>>,
    pub(super) last_connect: Mutex<Option<Connect>>,
    pub(super) listeners: tokio::sync::Mutex<Vec<LoopbackListener>>,
    router: Mutex<Router>,
}

impl BrokerState {
    pub(super) fn router(&self) -> MutexGuard<'_, Router> {
        lock(&self.router)
    }

    pub(super) fn update_counts(&self, change: impl FnOnce(&mut ConnectionCounts)) {
        self.counts.send_modify(change);
    }

    pub(super) fn record_connect(&self, connect: &Connect) {
        *lock(&self.last_connect) = Some(connect.clone());
        self.update_counts(|counts| counts.connects += 1);
    }

    /// Counts a connection and picks what is planned for it.
    fn register_connection(&self) -> (u64, PlannedFaults) {
        let mut number = 0;
        self.update_counts(|counts| {
            counts.accepted += 1;
            number = counts.accepted;
        });
        (number, PlannedFaults::for_connection(&lock(&self.planned_faults), number))
    }
}

/// A lock whose holder panicked is still good: every change under it is complete in itself.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An MQTT broker on loopback. Dropping it ends all its tasks; [`Broker::stop`] also waits for them.
pub struct Broker {
    shared: Arc<BrokerState>,
    /// Every task holds a clone of the sender: the channel ends when all of them have.
    tasks: mpsc::Sender<()>,
    tasks_ended: mpsc::Receiver<()>,
}

impl Broker {
    /// A broker that listens nowhere yet. Must be called inside a tokio runtime.
    pub fn start(options: BrokerOptions) -> Self {
        let (tasks, tasks_ended) = mpsc::channel(1);
        let router = Router::with_dialect(Dialect::of(&options));
        let shared = BrokerState {
            options,
            shutdown: CancellationToken::new(),
            graceful: AtomicBool::new(false),
            counts: watch::Sender::new(ConnectionCounts::default()),
            planned_faults: Mutex::default(),
            last_connect: Mutex::default(),
            listeners: tokio::sync::Mutex::default(),
            router: Mutex::new(router),
        };
        Self { shared: Arc::new(shared), tasks, tasks_ended }
    }

    /// Listens on `127.0.0.1` on a port that the system picks.
    ///
    /// # Errors
    /// Whatever the system says about the socket.
    pub async fn listen(&self, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_on(IpAddr::V4(Ipv4Addr::LOCALHOST), endpoint).await
    }

    /// Listens on a loopback address (`127.0.0.1` or `::1`) on a port that the system picks.
    ///
    /// # Errors
    /// The address is not loopback, or whatever the system says about the socket.
    pub async fn listen_on(&self, address: IpAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_at(SocketAddr::new(address, 0), endpoint).await
    }

    /// Listens on a loopback address and port, so that a broker can come back where another was; port
    /// 0 lets the system pick.
    ///
    /// # Errors
    /// The address is not loopback, or whatever the system says about the socket (the port is taken).
    pub async fn listen_at(&self, address: SocketAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        let mut listener = LoopbackListener::reserve(address, endpoint)?;
        listener.open(&self.shared, &self.tasks)?;
        let address = listener.address();
        self.shared.listeners.lock().await.push(listener);
        Ok(address)
    }

    /// Serves an in-memory stream as if it had been accepted.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        attach(&self.shared, Box::new(stream), CloseSignal::default(), self.tasks.clone());
    }

    /// A handle to strike faults and to look inside; as many as wanted.
    pub fn control(&self) -> BrokerControl {
        BrokerControl::new(Arc::clone(&self.shared), self.tasks.downgrade())
    }

    /// Routes a message as if a client had published it with QoS 0.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>) {
        self.shared.router().publish(ApplicationMessage::new(topic, payload));
    }

    /// Stops gracefully: MQTT 5 clients get DISCONNECT 0x8B, all get an orderly close, the ports
    /// are free afterwards. Takes at most about a second.
    pub async fn stop(self) {
        self.shut_down(true).await;
    }

    /// Stops as a killed process does: sockets are dropped without a word.
    pub async fn kill(self) {
        self.shut_down(false).await;
    }

    async fn shut_down(mut self, graceful: bool) {
        self.shared.graceful.store(graceful, Ordering::Relaxed);
        self.shared.shutdown.cancel();
        self.shared.listeners.lock().await.clear();
        // Drops the broker's own sender, so that the channel ends with the last task.
        self.tasks = mpsc::channel(1).0;
        let _ = self.tasks_ended.recv().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
        // A `Control` may outlive the broker; it must not keep a closed port reserved.
        if let Ok(mut listeners) = self.shared.listeners.try_lock() {
            listeners.clear();
        }
    }
}

impl ConnectionHandler for Arc<BrokerState> {
    fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    fn handle_connection(&self, tcp: TcpStream, endpoint: &ListenerEndpoint, task: mpsc::Sender<()>) {
        let (number, planned_faults) = self.register_connection();
        let (shared, endpoint) = (Self::clone(self), endpoint.clone());
        tokio::spawn(async move {
            let _task = task;
            let stream = tokio::select! {
                () = shared.shutdown.cancelled() => return,
                stream = open_stream(tcp, &endpoint, &planned_faults, shared.options.aws.as_deref()) => stream,
            };
            if let Some(client) = stream {
                connect::serve(shared, client, number, planned_faults).await;
            }
        });
    }
}

/// Serves an in-memory stream, and says how it ends in `parting`.
pub(super) fn attach(
    shared: &Arc<BrokerState>,
    stream: Box<dyn MemoryStream>,
    close_signal: CloseSignal,
    task: mpsc::Sender<()>,
) {
    let (number, planned_faults) = shared.register_connection();
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let _task = task;
        connect::serve(shared, ServerStream::Memory(stream, close_signal), number, planned_faults).await;
    });
}

/// The planned faults of the first moment, then TLS and WebSocket.
async fn open_stream(
    mut tcp: TcpStream,
    endpoint: &ListenerEndpoint,
    planned_faults: &PlannedFaults,
    rules: Option<&AwsRules>,
) -> Option<ServerStream> {
    for fault in &planned_faults.on_accept {
        let mode = match fault {
            Fault::UpgradeStatus(_) | Fault::NoSubprotocol | Fault::TlsRefusal(_) => continue,
            Fault::Reset => CloseMode::Reset,
            Fault::BlackHole { .. } | Fault::HoldConnack | Fault::HalfPacket => {
                let _held_open = tcp;
                return std::future::pending().await;
            }
            Fault::Garbage | Fault::MalformedPacket => {
                tcp.write_all(GARBAGE).await.ok()?;
                CloseMode::BareFin
            }
            Fault::Bytes(bytes) => {
                tcp.write_all(bytes).await.ok()?;
                CloseMode::BareFin
            }
            _ => CloseMode::BareFin,
        };
        ServerStream::Tcp(tcp).close(mode).await;
        return None;
    }
    let handshake = handshake::accept(tcp, endpoint, &planned_faults.on_accept, rules);
    tokio::time::timeout(HANDSHAKE_LIMIT, handshake).await.ok()?.ok()
}
