//! How does a test or a scenario make the broker fail, and what can it ask?

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

use super::aws::AwsRules;
use super::broker::{self, Shared, lock};
use super::codec::Connect;
use super::fault::{Fault, Plan};
use super::message::Message;
use super::router::{Counters, Order};
use super::server_stream::Parting;

/// How many came and how many are here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// CONNECT packets read since the start.
    pub connects: u64,
    /// Clients connected now (CONNACK 0 was sent).
    pub connections: usize,
}

/// Messages that may wait for whoever overhears them.
const OVERHEARD: usize = 64;

/// A handle on a running broker; clones act on the same one.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
    tasks: mpsc::WeakSender<()>,
}

impl Control {
    pub(super) fn new(shared: Arc<Shared>, tasks: mpsc::WeakSender<()>) -> Self {
        Self { shared, tasks }
    }

    /// Lets a fault act on every connected client; says on how many.
    pub fn strike(&self, fault: &Fault) -> usize {
        self.strike_some(None, fault)
    }

    /// Lets a fault act on one client; says whether it was connected.
    pub fn strike_client(&self, client_id: &str, fault: &Fault) -> bool {
        self.strike_some(Some(client_id), fault) > 0
    }

    fn strike_some(&self, client_id: Option<&str>, fault: &Fault) -> usize {
        let live = self.shared.router().live(client_id);
        live.iter().filter(|live| live.orders.try_send(Order::Strike(fault.clone())).is_ok()).count()
    }

    /// Adds a fault for connections to come.
    pub fn plan(&self, plan: Plan) {
        lock(&self.shared.plans).push(plan);
    }

    /// Forgets all plans; connections already accepted keep theirs.
    pub fn clear_plans(&self) {
        lock(&self.shared.plans).clear();
    }

    /// Routes a message as if a client had published it.
    pub fn publish(&self, message: Message) {
        self.shared.router().publish(message);
    }

    /// Routes a retained QoS 0 message.
    pub fn retain(&self, topic: &str, payload: impl Into<Bytes>) {
        self.publish(Message { retain: true, ..Message::new(topic, payload) });
    }

    /// What is published on the topics of a filter from now on; who does not keep up misses some.
    pub(super) fn overhear(&self, filter: &str) -> mpsc::Receiver<Arc<Message>> {
        self.shared.router().overhear(filter, OVERHEARD)
    }

    /// How many came and how many are here.
    pub fn census(&self) -> Census {
        *self.shared.census.borrow()
    }

    /// Number of clients connected now.
    pub fn connections(&self) -> usize {
        self.census().connections
    }

    /// The newest CONNECT, refused ones included.
    pub fn last_connect(&self) -> Option<Connect> {
        lock(&self.shared.last_connect).clone()
    }

    /// Messages that passed through.
    pub fn counters(&self) -> Counters {
        self.shared.router().counters()
    }

    /// Serves an in-memory stream as if it had been accepted; `false` if the broker has stopped. Must be
    /// called inside a tokio runtime.
    pub fn attach(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> bool {
        self.attach_for(stream, Parting::default())
    }

    /// As [`Control::attach`], on behalf of a client elsewhere that is to see how the broker ends it.
    pub(super) fn attach_for(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        parting: Parting,
    ) -> bool {
        let Some(task) = self.tasks.upgrade() else { return false };
        broker::attach(&self.shared, Box::new(stream), parting, task);
        true
    }

    /// What the broker asks of a WebSocket upgrade and of clients, if it is like AWS's.
    pub(super) fn rules(&self) -> Option<&Arc<AwsRules>> {
        self.shared.options.aws.as_ref()
    }

    /// Waits until the census satisfies the condition, and returns it. `None` if the broker stops
    /// first.
    pub async fn wait_for(&self, mut condition: impl FnMut(&Census) -> bool) -> Option<Census> {
        let mut census = self.shared.census.subscribe();
        tokio::select! {
            () = self.shared.shutdown.cancelled() => None,
            reached = census.wait_for(|census| condition(census)) => reached.ok().map(|census| *census),
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
