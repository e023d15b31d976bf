//! Routing: subscriptions, retained messages, and sessions that outlive their connection.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::fault::Fault;
use crate::diagnostics::MqttVersion;
use crate::diagnostics::topics::filter_matches;
use crate::lab::packet::{ApplicationMessage, Connect, Delivery, FrameCache, QosPublish};

/// Messages above QoS 0 kept for a session without a connection; beyond that the oldest are dropped.
const MAX_QUEUED: usize = 1000;

/// Messages routed by the broker since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageCounters {
    /// PUBLISH packets received, and messages injected.
    pub received: u64,
    /// Messages put into a client's outbox.
    pub delivered: u64,
    /// Messages lost because a client was too slow or its session's store was full.
    pub dropped: u64,
}

/// A command to the task of one connection.
#[derive(Debug)]
pub(super) enum ConnectionCommand {
    /// Another connection with the same client id takes over.
    SessionTakenOver,
    /// Apply a fault.
    InjectFault(Fault),
}

/// The channels to a connected client.
#[derive(Debug, Clone)]
pub(super) struct ClientHandle {
    /// Number of the connection, unique in one broker.
    pub(super) connection: u64,
    pub(super) outbox: mpsc::Sender<Delivery>,
    pub(super) commands: mpsc::Sender<ConnectionCommand>,
}

#[derive(Debug)]
struct BrokerSession {
    version: MqttVersion,
    persistent: bool,
    /// How long the session outlives its connection; `None` = until the broker stops.
    expiry: Option<Duration>,
    /// When the session ends, while no client is connected.
    expires_at: Option<Instant>,
    subscriptions: Vec<(String, u8)>,
    client: Option<ClientHandle>,
    queued: VecDeque<Delivery>,
}

/// The session that a client gets when it connects.
pub(super) struct AttachedSession {
    /// For the CONNACK.
    pub(super) session_present: bool,
    /// Messages above QoS 0 that arrived while the client was disconnected, oldest first.
    pub(super) queued: VecDeque<Delivery>,
}

/// Subscriptions, retained messages and sessions. One lock guards it; it is never held across an await.
#[derive(Debug, Default)]
pub(super) struct Router {
    sessions: HashMap<String, BrokerSession>,
    retained: BTreeMap<String, Arc<ApplicationMessage>>,
    counters: MessageCounters,
    dialect: Dialect,
    /// Receivers of published messages that are not clients.
    taps: Vec<(String, mpsc::Sender<Arc<ApplicationMessage>>)>,
}

/// How subscriptions and sessions behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As in the MQTT specification.
    #[default]
    Standard,
    /// As at AWS: wildcards get no retained messages, `a/#` does not match `a`, and a session is not taken
    /// over by a client of the other protocol version.
    Aws,
}

impl Dialect {
    fn matches(self, filter: &str, topic: &str) -> bool {
        let is_parent = || filter.strip_suffix("/#").is_some_and(|parent| filter_matches(parent, topic));
        filter_matches(filter, topic) && (self == Self::Standard || !is_parent())
    }

    fn delivers_retained(self, filter: &str) -> bool {
        self == Self::Standard || !filter.contains(['+', '#'])
    }
}

impl Router {
    pub(super) fn with_dialect(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// A receiver of the messages published on the topics of a filter from now on, with room for `capacity`.
    pub(super) fn tap(&mut self, filter: &str, capacity: usize) -> mpsc::Receiver<Arc<ApplicationMessage>> {
        let (tap, messages) = mpsc::channel(capacity.max(1));
        self.taps.push((filter.to_owned(), tap));
        messages
    }

    pub(super) fn counters(&self) -> MessageCounters {
        self.counters
    }

    /// Binds a connection to its session; an older connection with the same client id is ended.
    pub(super) fn attach(
        &mut self,
        connect: &Connect,
        client: ClientHandle,
        expiry: Option<Duration>,
    ) -> AttachedSession {
        let now = Instant::now();
        self.sessions.retain(|_, session| session.expires_at.is_none_or(|ends| ends > now));
        let previous = self.sessions.remove(&connect.client_id);
        if let Some(other) = previous.as_ref().and_then(|session| session.client.as_ref()) {
            // A full queue means the connection is ending anyway.
            let _ = other.commands.try_send(ConnectionCommand::SessionTakenOver);
        }
        let resumed = previous.filter(|session| {
            let is_same_version = self.dialect == Dialect::Standard || session.version == connect.version;
            session.persistent && !connect.clean && is_same_version
        });
        let session_present = resumed.is_some();
        let (subscriptions, queued) =
            resumed.map_or_else(Default::default, |session| (session.subscriptions, session.queued));
        let session = BrokerSession {
            version: connect.version,
            persistent: connect.persistent,
            expiry,
            expires_at: None,
            subscriptions,
            client: Some(client),
            queued: VecDeque::new(),
        };
        self.sessions.insert(connect.client_id.clone(), session);
        AttachedSession { session_present, queued }
    }

    /// Unbinds a connection. `undelivered` (above QoS 0, unacknowledged) stays with a persistent session.
    pub(super) fn detach(&mut self, client_id: &str, connection: u64, undelivered: Vec<Delivery>) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        if session.client.as_ref().is_none_or(|client| client.connection != connection) {
            return;
        }
        session.client = None;
        if session.persistent {
            session.expires_at = session.expiry.and_then(|time| Instant::now().checked_add(time));
            for delivery in undelivered.into_iter().rev() {
                session.queued.push_front(delivery);
            }
        } else {
            self.sessions.remove(client_id);
        }
    }

    /// Adds subscriptions and delivers the retained messages that match them.
    pub(super) fn subscribe(&mut self, client_id: &str, filters: &[(String, u8)]) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        for (filter, qos) in filters {
            session.subscriptions.retain(|(existing, _)| existing != filter);
            session.subscriptions.push((filter.clone(), *qos));
            for (topic, message) in &self.retained {
                if self.dialect.delivers_retained(filter) && self.dialect.matches(filter, topic) {
                    let qos = (*qos).min(message.qos);
                    session.deliver(message, qos, true, &mut FrameCache::default(), &mut self.counters);
                }
            }
        }
    }

    /// Removes subscriptions and returns for each whether it existed.
    pub(super) fn unsubscribe(&mut self, client_id: &str, filters: &[String]) -> Vec<bool> {
        let Some(session) = self.sessions.get_mut(client_id) else { return Vec::new() };
        let mut remove = |filter: &String| {
            let before = session.subscriptions.len();
            session.subscriptions.retain(|(existing, _)| existing != filter);
            session.subscriptions.len() < before
        };
        filters.iter().map(&mut remove).collect()
    }

    /// Retains the message if its flag is set, and delivers it to every matching session once.
    pub(super) fn publish(&mut self, message: ApplicationMessage) {
        self.counters.received += 1;
        let message = Arc::new(message);
        if message.retain {
            if message.payload.is_empty() {
                self.retained.remove(&message.topic);
            } else {
                self.retained.insert(message.topic.clone(), Arc::clone(&message));
            }
        }
        self.taps.retain(|(_, tap)| !tap.is_closed());
        for (_, tap) in self.taps.iter().filter(|(filter, _)| filter_matches(filter, &message.topic)) {
            // A slow receiver misses some.
            let _ = tap.try_send(Arc::clone(&message));
        }
        let (mut frames, dialect) = (FrameCache::default(), self.dialect);
        for session in self.sessions.values_mut() {
            let matching =
                session.subscriptions.iter().filter(|(filter, _)| dialect.matches(filter, &message.topic));
            if let Some(granted) = matching.map(|(_, qos)| *qos).max() {
                let qos = granted.min(message.qos);
                session.deliver(&message, qos, false, &mut frames, &mut self.counters);
            }
        }
    }

    /// The handles of all connected clients, or of the one with the given id.
    pub(super) fn clients(&self, client_id: Option<&str>) -> Vec<ClientHandle> {
        let is_selected = |id: &str| client_id.is_none_or(|selected| selected == id);
        let matching = self.sessions.iter().filter(|(id, _)| is_selected(id));
        matching.filter_map(|(_, session)| session.client.clone()).collect()
    }
}

impl BrokerSession {
    fn deliver(
        &mut self,
        message: &Arc<ApplicationMessage>,
        qos: u8,
        retain: bool,
        frames: &mut FrameCache,
        counters: &mut MessageCounters,
    ) {
        let delivery = if qos == 0 {
            Delivery::Frame(frames.get(message, self.version, retain))
        } else {
            Delivery::QosPublish(QosPublish {
                message: Arc::clone(message),
                qos,
                retain,
                previous_packet_id: None,
            })
        };
        match &self.client {
            Some(client) => match client.outbox.try_send(delivery) {
                Ok(()) => counters.delivered += 1,
                Err(_) => counters.dropped += 1,
            },
            None if qos == 0 => {}
            None => {
                if self.queued.len() == MAX_QUEUED {
                    self.queued.pop_front();
                    counters.dropped += 1;
                }
                self.queued.push_back(delivery);
            }
        }
    }
}
