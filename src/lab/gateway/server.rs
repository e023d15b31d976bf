//! The gateway itself: its listeners, its connections and its end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::accept::{self, AcceptedStream};
use super::control::GatewayControl;
use super::options::GatewayOptions;
use super::state::GatewayState;
use super::upstream::Upstream;
use crate::lab::transport::{CloseSignal, ListenerEndpoint, LoopbackListener};

/// A man in the middle on loopback. Dropping it ends all its tasks and connections; [`Gateway::stop`] also
/// waits for them.
pub struct Gateway {
    state: Arc<GatewayState>,
    /// Every task holds a clone of the sender: the channel ends when all of them have ended.
    tasks: mpsc::Sender<()>,
    tasks_ended: mpsc::Receiver<()>,
}

impl Gateway {
    /// A gateway without listeners and faults. Must be called inside a tokio runtime.
    pub fn start(upstream: Upstream, options: GatewayOptions) -> Self {
        let (tasks, tasks_ended) = mpsc::channel(1);
        let state = Arc::new(GatewayState::new(upstream, options));
        Self { state, tasks, tasks_ended }
    }

    /// Listens on `127.0.0.1` on a port that the system picks.
    ///
    /// # Errors
    /// The socket error of the system.
    pub async fn listen(&self, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        self.listen_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), endpoint).await
    }

    /// Listens on a loopback address and port; with port 0 the system picks.
    ///
    /// # Errors
    /// The address is not loopback, or the socket error of the system (the port is taken).
    pub async fn listen_at(&self, address: SocketAddr, endpoint: ListenerEndpoint) -> io::Result<SocketAddr> {
        let listener = LoopbackListener::reserve(address, endpoint)?;
        let address = listener.address();
        self.state.ports.lock().await.add(listener, &self.state, &self.tasks)?;
        Ok(address)
    }

    /// Serves an in-memory stream as if it had been accepted. The signal receives how the gateway closed it,
    /// which such a stream cannot carry.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> CloseSignal {
        let close_signal = CloseSignal::default();
        let incoming = AcceptedStream::Memory(Box::new(stream), close_signal.clone());
        accept::spawn(&self.state, incoming, self.tasks.clone());
        close_signal
    }

    /// A handle to arm faults and to read counters. There may be any number of handles.
    pub fn control(&self) -> GatewayControl {
        GatewayControl::new(Arc::clone(&self.state), self.tasks.downgrade())
    }

    /// Drops all connections without DISCONNECT or close frame and waits for all tasks; the ports are free
    /// afterwards.
    pub async fn stop(mut self) {
        self.state.shutdown.cancel();
        self.state.ports.lock().await.clear();
        // Drops the gateway's own sender, so that the channel ends with the last task.
        self.tasks = mpsc::channel(1).0;
        let _ = self.tasks_ended.recv().await;
        // An outage that ended in the meantime may have opened the ports again.
        self.state.ports.lock().await.clear();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.state.shutdown.cancel();
        // A `GatewayControl` may outlive the gateway; it must not keep a closed port reserved.
        if let Ok(mut ports) = self.state.ports.try_lock() {
            ports.clear();
        }
    }
}
