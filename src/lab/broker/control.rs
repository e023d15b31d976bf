//! The handle through which tests and scenarios make the broker fail and read its counters.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Mutex, mpsc};

use super::accept;
use super::fault::{Fault, PlannedFault};
use super::router::{ConnectionCommand, MessageCounters};
use super::state::{BrokerState, ConnectionCounts};
use crate::lab::aws::AwsRules;
use crate::lab::packet::{ApplicationMessage, Connect};
use crate::lab::transport::{CloseSignal, LoopbackListener};

/// The listeners of one broker, shared by the broker and its controls.
pub(super) type BrokerListeners = Arc<Mutex<Vec<LoopbackListener>>>;

/// Messages queued for one tap.
const TAP_CAPACITY: usize = 64;

/// A handle to a running broker; clones act on the same broker.
#[derive(Clone)]
pub struct BrokerControl {
    state: Arc<BrokerState>,
    listeners: BrokerListeners,
    tasks: mpsc::WeakSender<()>,
}

impl BrokerControl {
    pub(super) fn new(
        state: Arc<BrokerState>,
        listeners: BrokerListeners,
        tasks: mpsc::WeakSender<()>,
    ) -> Self {
        Self { state, listeners, tasks }
    }

    /// Injects a fault into every connected client and returns their number.
    pub fn inject(&self, fault: &Fault) -> usize {
        self.inject_matching(None, fault)
    }

    /// Injects a fault into one client; `true` if it was connected.
    pub fn inject_client(&self, client_id: &str, fault: &Fault) -> bool {
        self.inject_matching(Some(client_id), fault) > 0
    }

    fn inject_matching(&self, client_id: Option<&str>, fault: &Fault) -> usize {
        let clients = self.state.router().clients(client_id);
        clients
            .iter()
            .filter(|client| client.commands.try_send(ConnectionCommand::InjectFault(fault.clone())).is_ok())
            .count()
    }

    /// Adds a fault for future connections.
    pub fn plan_fault(&self, planned: PlannedFault) {
        self.state.plan_fault(planned);
    }

    /// Removes all planned faults; connections already accepted keep theirs.
    pub fn clear_planned_faults(&self) {
        self.state.clear_planned_faults();
    }

    /// Routes a message as if a client had published it.
    pub fn publish(&self, message: ApplicationMessage) {
        self.state.router().publish(message);
    }

    /// Routes a retained QoS 0 message.
    pub fn retain(&self, topic: &str, payload: impl Into<Bytes>) {
        self.publish(ApplicationMessage { retain: true, ..ApplicationMessage::new(topic, payload) });
    }

    /// The messages published on the topics of a filter from now on; a slow receiver misses some.
    pub(in crate::lab) fn tap(&self, filter: &str) -> mpsc::Receiver<Arc<ApplicationMessage>> {
        self.state.router().tap(filter, TAP_CAPACITY)
    }

    /// Connections accepted, CONNECTs read and clients connected.
    pub fn connection_counts(&self) -> ConnectionCounts {
        self.state.counts()
    }

    /// Number of clients connected now.
    pub fn connections(&self) -> usize {
        self.connection_counts().connections
    }

    /// The newest CONNECT, refused ones included.
    pub fn last_connect(&self) -> Option<Connect> {
        self.state.last_connect()
    }

    /// Messages received, delivered and dropped.
    pub fn counters(&self) -> MessageCounters {
        self.state.router().counters()
    }

    /// Serves an in-memory stream as if it had been accepted; `false` if the broker has stopped. Must be
    /// called inside a tokio runtime.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> bool {
        self.attach_with_signal(stream, CloseSignal::default())
    }

    /// As [`BrokerControl::attach`]; `close_signal` receives how the broker ends the connection.
    pub(in crate::lab) fn attach_with_signal(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        close_signal: CloseSignal,
    ) -> bool {
        let Some(task) = self.tasks.upgrade() else { return false };
        accept::attach(&self.state, Box::new(stream), close_signal, task);
        true
    }

    /// The rules of AWS IoT Core, if the broker applies them.
    pub(in crate::lab) fn rules(&self) -> Option<&Arc<AwsRules>> {
        self.state.options().aws.as_ref()
    }

    /// Waits until the counts satisfy the condition, and returns them. `None` if the broker stops first.
    pub async fn wait_for(
        &self,
        mut condition: impl FnMut(&ConnectionCounts) -> bool,
    ) -> Option<ConnectionCounts> {
        let mut counts = self.state.watch_counts();
        tokio::select! {
            () = self.state.shutdown().cancelled() => None,
            result = counts.wait_for(|counts| condition(counts)) => result.ok().map(|counts| *counts),
        }
    }

    /// Stops listening on all ports: connects are refused, live connections stay, and the ports
    /// stay reserved.
    ///
    /// # Errors
    /// A port could not be reserved (another process took it in the meantime).
    pub async fn close_ports(&self) -> io::Result<()> {
        for listener in self.listeners.lock().await.iter_mut() {
            listener.close().await?;
        }
        Ok(())
    }

    /// Listens again on the same ports.
    ///
    /// # Errors
    /// The broker has stopped, or another process took a port.
    pub async fn open_ports(&self) -> io::Result<()> {
        let stopped = || io::Error::new(io::ErrorKind::NotConnected, "the broker has stopped");
        let tasks = self.tasks.upgrade().ok_or_else(stopped)?;
        for listener in self.listeners.lock().await.iter_mut() {
            listener.open(&self.state, &tasks)?;
        }
        Ok(())
    }
}
