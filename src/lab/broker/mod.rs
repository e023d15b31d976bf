//! The embedded MQTT broker: 3.1.1 and 5, QoS 0 to 2, retained messages, persistent sessions, and faults.
//!
//! | file | content |
//! |---|---|
//! | `state` | options, sessions and counters; the only owner of what all tasks share |
//! | `router` | subscriptions, retained messages, sessions |
//! | `accept`, `connect`, `connection` | one connection: handshake, CONNECT to CONNACK, session |
//! | `fault` | what can go wrong with a connection, and when |
//! | `control` | the handle for tests and scenarios |
//!
//! *Must not depend on* the gateway, the scenarios, or who connects.

mod accept;
mod connect;
mod connection;
mod control;
mod fault;
mod options;
mod router;
mod state;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

pub use control::BrokerControl;
pub use fault::{ConnectionSelector, Fault, FaultTrigger, PlannedFault};
pub use options::{AcceptedVersions, BrokerOptions};
pub use router::MessageCounters;
pub use state::ConnectionCounts;

use super::packet::ApplicationMessage;
use super::transport::{CloseSignal, ListenerEndpoint, LoopbackListener};
use control::BrokerListeners;
use state::BrokerState;

/// An MQTT broker on loopback. Dropping it ends all its tasks; [`Broker::stop`] also waits for them.
pub struct Broker {
    state: Arc<BrokerState>,
    listeners: BrokerListeners,
    /// Every task holds a clone of the sender: the channel ends when all of them have ended.
    tasks: mpsc::Sender<()>,
    tasks_ended: mpsc::Receiver<()>,
}

impl Broker {
    /// A broker without listeners. Must be called inside a tokio runtime.
    pub fn start(options: BrokerOptions) -> Self {
        let (tasks, tasks_ended) = mpsc::channel(1);
        let state = Arc::new(BrokerState::new(options));
        Self { state, listeners: BrokerListeners::default(), tasks, tasks_ended }
    }

    /// Listens on `127.0.0.1` on a port that the system picks.
    ///
    /// # Errors
    /// The socket error of the system.
    pub async fn listen(&self, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_on(IpAddr::V4(Ipv4Addr::LOCALHOST), endpoint).await
    }

    /// Listens on a loopback address (`127.0.0.1` or `::1`) on a port that the system picks.
    ///
    /// # Errors
    /// The address is not loopback, or the socket error of the system.
    pub async fn listen_on(&self, address: IpAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_at(SocketAddr::new(address, 0), endpoint).await
    }

    /// Listens on a loopback address and port, so that a broker can take the place of an earlier one; with
    /// port 0 the system picks.
    ///
    /// # Errors
    /// The address is not loopback, or the socket error of the system (the port is taken).
    pub async fn listen_at(&self, address: SocketAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        let mut listener = LoopbackListener::reserve(address, endpoint)?;
        listener.open(&self.state, &self.tasks)?;
        let address = listener.address();
        self.listeners.lock().await.push(listener);
        Ok(address)
    }

    /// Serves an in-memory stream as if it had been accepted.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        accept::attach(&self.state, Box::new(stream), CloseSignal::default(), self.tasks.clone());
    }

    /// A handle to inject faults and to read counters. There may be any number of handles.
    pub fn control(&self) -> BrokerControl {
        BrokerControl::new(Arc::clone(&self.state), Arc::clone(&self.listeners), self.tasks.downgrade())
    }

    /// Routes a message as if a client had published it with QoS 0.
    pub fn publish(&self, topic: &str, payload: impl Into<Bytes>) {
        self.state.router().publish(ApplicationMessage::new(topic, payload));
    }

    /// Stops gracefully: MQTT 5 clients get DISCONNECT 0x8B, all get an orderly close, the ports
    /// are free afterwards. Takes at most about one second.
    pub async fn stop(self) {
        self.shut_down(true).await;
    }

    /// Stops as a killed process does: sockets are dropped without DISCONNECT or close frame.
    pub async fn kill(self) {
        self.shut_down(false).await;
    }

    async fn shut_down(mut self, is_graceful: bool) {
        self.state.stop(is_graceful);
        self.listeners.lock().await.clear();
        // Drops the broker's own sender, so that the channel ends with the last task.
        self.tasks = mpsc::channel(1).0;
        let _ = self.tasks_ended.recv().await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.state.shutdown().cancel();
        // A `BrokerControl` may outlive the broker; it must not keep a closed port reserved.
        if let Ok(mut listeners) = self.listeners.try_lock() {
            listeners.clear();
        }
    }
}
