//! Who gets which message, what is retained, and which sessions outlive their connection?

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::diagnostics::topics::filter_matches;

use super::broker::BrokerOptions;
use super::codec::{Connect, Version};
use super::fault::Fault;
use super::message::{Delivery, Frames, Message, Outgoing};

/// Messages above QoS 0 kept for a session without a connection; the oldest go first.
const MAX_WAITING: usize = 1000;

/// Messages that passed through the broker since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// PUBLISH packets received, and messages injected.
    pub received: u64,
    /// Messages put into a client's outbox.
    pub delivered: u64,
    /// Messages lost because a client was too slow or its session's store was full.
    pub dropped: u64,
}

/// Something a connection is told from outside.
#[derive(Debug)]
pub(super) enum Order {
    /// Another connection with the same client id takes over.
    TakenOver,
    /// A fault strikes.
    Strike(Fault),
}

/// The way to a connected client.
#[derive(Debug, Clone)]
pub(super) struct Live {
    /// Number of the connection, unique in one broker.
    pub(super) connection: u64,
    pub(super) outbox: mpsc::Sender<Delivery>,
    pub(super) orders: mpsc::Sender<Order>,
}

#[derive(Debug)]
struct Session {
    version: Version,
    persistent: bool,
    /// How long it outlives its connection; `None` = until the broker stops.
    outlives: Option<Duration>,
    /// When it ends, while nobody is connected.
    ends: Option<Instant>,
    subscriptions: Vec<(String, u8)>,
    live: Option<Live>,
    waiting: VecDeque<Delivery>,
}

/// What a session finds when its client connects.
pub(super) struct Attached {
    /// For the CONNACK.
    pub(super) session_present: bool,
    /// Messages above QoS 0 that came while it was away, oldest first.
    pub(super) waiting: VecDeque<Delivery>,
}

/// Subscriptions, retained messages and sessions. Lives behind one lock that is never held across
/// an await.
#[derive(Debug, Default)]
pub(super) struct Router {
    sessions: HashMap<String, Session>,
    retained: BTreeMap<String, Arc<Message>>,
    counters: Counters,
    dialect: Dialect,
    /// Who gets what is published, without being a client.
    taps: Vec<(String, mpsc::Sender<Arc<Message>>)>,
}

/// How subscriptions and sessions behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As the MQTT specification says.
    #[default]
    Standard,
    /// As at AWS: wildcards get no retained messages, `a/#` does not match `a`, and a session is not taken
    /// over by a client of the other protocol version.
    Aws,
}

impl Dialect {
    pub(super) fn of(options: &BrokerOptions) -> Self {
        if options.aws.is_some() { Self::Aws } else { Self::Standard }
    }

    fn matches(self, filter: &str, topic: &str) -> bool {
        let is_parent = || filter.strip_suffix("/#").is_some_and(|parent| filter_matches(parent, topic));
        filter_matches(filter, topic) && (self == Self::Standard || !is_parent())
    }

    fn give_retained(self, filter: &str) -> bool {
        self == Self::Standard || !filter.contains(['+', '#'])
    }
}

impl Router {
    pub(super) fn with_dialect(dialect: Dialect) -> Self {
        Self { dialect, ..Self::default() }
    }

    /// Hands out what is published on the topics of a filter from now on, `room` messages at a time.
    pub(super) fn overhear(&mut self, filter: &str, room: usize) -> mpsc::Receiver<Arc<Message>> {
        let (tap, messages) = mpsc::channel(room.max(1));
        self.taps.push((filter.to_owned(), tap));
        messages
    }

    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// Binds a connection to its session; a connection with the same client id is told to go.
    pub(super) fn attach(&mut self, connect: &Connect, live: Live, outlives: Option<Duration>) -> Attached {
        let now = Instant::now();
        self.sessions.retain(|_, session| session.ends.is_none_or(|ends| ends > now));
        let old = self.sessions.remove(&connect.client_id);
        if let Some(other) = old.as_ref().and_then(|session| session.live.as_ref()) {
            // A full queue means the connection is ending anyway.
            let _ = other.orders.try_send(Order::TakenOver);
        }
        let kept = old.filter(|session| {
            let speaks_alike = self.dialect == Dialect::Standard || session.version == connect.version;
            session.persistent && !connect.clean && speaks_alike
        });
        let session_present = kept.is_some();
        let (subscriptions, waiting) =
            kept.map_or_else(Default::default, |session| (session.subscriptions, session.waiting));
        let session = Session {
            version: connect.version,
            persistent: connect.persistent,
            outlives,
            ends: None,
            subscriptions,
            live: Some(live),
            waiting: VecDeque::new(),
        };
        self.sessions.insert(connect.client_id.clone(), session);
        Attached { session_present, waiting }
    }

    /// Unbinds a connection. `undelivered` (above QoS 0, unacknowledged) stays with a persistent session.
    pub(super) fn detach(&mut self, client_id: &str, connection: u64, undelivered: Vec<Delivery>) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        if session.live.as_ref().is_none_or(|live| live.connection != connection) {
            return;
        }
        session.live = None;
        if session.persistent {
            session.ends = session.outlives.and_then(|time| Instant::now().checked_add(time));
            for delivery in undelivered.into_iter().rev() {
                session.waiting.push_front(delivery);
            }
        } else {
            self.sessions.remove(client_id);
        }
    }

    /// Adds subscriptions and hands out the retained messages that match them.
    pub(super) fn subscribe(&mut self, client_id: &str, filters: &[(String, u8)]) {
        let Some(session) = self.sessions.get_mut(client_id) else { return };
        for (filter, qos) in filters {
            session.subscriptions.retain(|(known, _)| known != filter);
            session.subscriptions.push((filter.clone(), *qos));
            for (topic, message) in &self.retained {
                if self.dialect.give_retained(filter) && self.dialect.matches(filter, topic) {
                    let qos = (*qos).min(message.qos);
                    session.deliver(message, qos, true, &mut Frames::default(), &mut self.counters);
                }
            }
        }
    }

    /// Removes subscriptions; says of each whether it existed.
    pub(super) fn unsubscribe(&mut self, client_id: &str, filters: &[String]) -> Vec<bool> {
        let Some(session) = self.sessions.get_mut(client_id) else { return Vec::new() };
        let mut remove = |filter: &String| {
            let before = session.subscriptions.len();
            session.subscriptions.retain(|(known, _)| known != filter);
            session.subscriptions.len() < before
        };
        filters.iter().map(&mut remove).collect()
    }

    /// Retains the message if it asks for that and hands it to every matching session once.
    pub(super) fn publish(&mut self, message: Message) {
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
            // Who does not keep up misses some.
            let _ = tap.try_send(Arc::clone(&message));
        }
        let (mut frames, dialect) = (Frames::default(), self.dialect);
        for session in self.sessions.values_mut() {
            let matching = session.subscriptions.iter().filter(|(f, _)| dialect.matches(f, &message.topic));
            if let Some(granted) = matching.map(|(_, qos)| *qos).max() {
                let qos = granted.min(message.qos);
                session.deliver(&message, qos, false, &mut frames, &mut self.counters);
            }
        }
    }

    /// The ways to all connected clients, or to the one with the given id.
    pub(super) fn live(&self, client_id: Option<&str>) -> Vec<Live> {
        let wanted = |id: &str| client_id.is_none_or(|wanted| wanted == id);
        let matching = self.sessions.iter().filter(|(id, _)| wanted(id));
        matching.filter_map(|(_, session)| session.live.clone()).collect()
    }
}

impl Session {
    fn deliver(
        &mut self,
        message: &Arc<Message>,
        qos: u8,
        retain: bool,
        frames: &mut Frames,
        counters: &mut Counters,
    ) {
        let delivery = if qos == 0 {
            Delivery::Frame(frames.get(message, self.version, retain))
        } else {
            Delivery::Acknowledged(Outgoing { message: Arc::clone(message), qos, retain, again: None })
        };
        match &self.live {
            Some(live) => match live.outbox.try_send(delivery) {
                Ok(()) => counters.delivered += 1,
                Err(_) => counters.dropped += 1,
            },
            None if qos == 0 => {}
            None => {
                if self.waiting.len() == MAX_WAITING {
                    self.waiting.pop_front();
                    counters.dropped += 1;
                }
                self.waiting.push_back(delivery);
            }
        }
    }
}
