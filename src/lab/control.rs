//! How does a test or a scenario make the broker fail, and what can it ask?

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::aws::AwsRules;
use super::broker::{self, BrokerState, lock};
use super::codec::Connect;
use super::fault::{Fault, PlannedFault};
use super::message::ApplicationMessage;
use super::router::{ConnectionCommand, MessageCounters};
use super::server_stream::CloseSignal;

/// How many came and how many are here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// CONNECT packets read since the start.
    pub connects: u64,
    /// Clients connected now (CONNACK 0 was sent).
    pub connections: usize,
}

/// Messages that may wait for whoever overhears them.
const TAP_CAPACITY: usize = 64;

/// A handle on a running broker; clones act on the same one.
#[derive(Clone)]
pub struct BrokerControl {
    shared: Arc<BrokerState>,
    tasks: mpsc::WeakSender<()>,
}

impl BrokerControl {
    pub(super) fn new(shared: Arc<BrokerState>, tasks: mpsc::WeakSender<()>) -> Self {
        Self { shared, tasks }
    }

    /// Lets a fault act on every connected client; says on how many.
    pub fn inject(&self, fault: &Fault) -> usize {
        self.inject_matching(None, fault)
    }

    /// Lets a fault act on one client; says whether it was connected.
    pub fn inject_client(&self, client_id: &str, fault: &Fault) -> bool {
        self.inject_matching(Some(client_id), fault) > 0
    }

    fn inject_matching(&self, client_id: Option<&str>, fault: &Fault) -> usize {
        let clients = self.shared.router().clients(client_id);
        clients
            .iter()
            .filter(|client| client.commands.try_send(ConnectionCommand::InjectFault(fault.clone())).is_ok())
            .count()
    }

    /// Adds a fault for connections to come.
    pub fn plan_fault(&self, planned: PlannedFault) {
        lock(&self.shared.planned_faults).push(planned);
    }

    /// Forgets all plans; connections already accepted keep theirs.
    pub fn clear_planned_faults(&self) {
        lock(&self.shared.planned_faults).clear();
    }

    /// Routes a message as if a client had published it.
    pub fn publish(&self, message: ApplicationMessage) {
        self.shared.router().publish(message);
    }

    /// Routes a retained QoS 0 message.
    pub fn retain(&self, topic: &str, payload: impl Into<Bytes>) {
        self.publish(ApplicationMessage { retain: true, ..ApplicationMessage::new(topic, payload) });
    }

    /// What is published on the topics of a filter from now on; who does not keep up misses some.
    pub(super) fn tap(&self, filter: &str) -> mpsc::Receiver<Arc<ApplicationMessage>> {
        self.shared.router().tap(filter, TAP_CAPACITY)
    }

    /// How many came and how many are here.
    pub fn connection_counts(&self) -> ConnectionCounts {
        *self.shared.counts.borrow()
    }

    /// Number of clients connected now.
    pub fn connections(&self) -> usize {
        self.connection_counts().connections
    }

    /// The newest CONNECT, refused ones included.
    pub fn last_connect(&self) -> Option<Connect> {
        lock(&self.shared.last_connect).clone()
    }

    /// Messages that passed through.
    pub fn counters(&self) -> MessageCounters {
        self.shared.router().counters()
    }

    /// Serves an in-memory stream as if it had been accepted; `false` if the broker has stopped. Must be
    /// called inside a tokio runtime.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> bool {
        self.attach_with_signal(stream, CloseSignal::default())
    }

    /// As [`Control::attach`], on behalf of a client elsewhere that is to see how the broker ends it.
    pub(super) fn attach_with_signal(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        close_signal: CloseSignal,
    ) -> bool {
        let Some(task) = self.tasks.upgrade() else { return false };
        broker::attach(&self.shared, Box::new(stream), close_signal, task);
        true
    }

    /// What the broker asks of a WebSocket upgrade and of clients, if it is like AWS's.
    pub(super) fn rules(&self) -> Option<&Arc<AwsRules>> {
        self.shared.options.aws.as_ref()
    }

    /// Waits until the census satisfies the condition, and returns it. `None` if the broker stops
    /// first.
    pub async fn wait_for(
        &self,
        mut condition: impl FnMut(&ConnectionCounts) -> bool,
    ) -> Option<ConnectionCounts> {
        let mut counts = self.shared.counts.subscribe();
        tokio::select! {
            () = self.shared.shutdown.cancelled() => None,
            result = counts.wait_for(|counts| condition(counts)) => result.ok().map(|counts| *counts),
        }
    }

    /// Stops listening on all ports: connects are refused, live connections stay, and the ports
    /// stay reserved.
    ///
    /// # Errors
    /// A port could not be reserved (another process took it in the meantime).
    pub async fn close_ports(&self) -> io::Result<()> {
        for listener in self.shared.listeners.lock().await.iter_mut() {
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
        for listener in self.shared.listeners.lock().await.iter_mut() {
            listener.open(&self.shared, &tasks)?;
        }
        Ok(())
    }
}
