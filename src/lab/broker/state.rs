//! The state that all tasks of one broker share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::fault::{PlannedFault, PlannedFaults};
use super::options::BrokerOptions;
use super::router::{Dialect, Router};
use crate::lab::packet::Connect;
use crate::lab::sync::lock;

/// Numbers of connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// CONNECT packets read since the start.
    pub connects: u64,
    /// Clients connected now (CONNACK 0 was sent).
    pub connections: usize,
}

/// Options, sessions, planned faults and counters of one broker. Listeners are not part of it: no
/// connection opens or closes a port.
pub(super) struct BrokerState {
    options: BrokerOptions,
    shutdown: CancellationToken,
    /// Whether clients get a DISCONNECT at the shutdown.
    is_graceful: AtomicBool,
    counts: watch::Sender<ConnectionCounts>,
    planned_faults: Mutex<Vec<PlannedFault>>,
    last_connect: Mutex<Option<Connect>>,
    router: Mutex<Router>,
}

impl BrokerState {
    pub(super) fn new(options: BrokerOptions) -> Self {
        let dialect = if options.aws.is_some() { Dialect::Aws } else { Dialect::Standard };
        Self {
            options,
            shutdown: CancellationToken::new(),
            is_graceful: AtomicBool::new(false),
            counts: watch::Sender::new(ConnectionCounts::default()),
            planned_faults: Mutex::default(),
            last_connect: Mutex::default(),
            router: Mutex::new(Router::with_dialect(dialect)),
        }
    }

    pub(super) fn options(&self) -> &BrokerOptions {
        &self.options
    }

    /// The subscriptions, retained messages and sessions. The guard must not be held across an await.
    pub(super) fn router(&self) -> MutexGuard<'_, Router> {
        lock(&self.router)
    }

    /// Cancelled when the broker stops.
    pub(super) fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Ends all tasks; `is_graceful`: clients get a DISCONNECT and an orderly close.
    pub(super) fn stop(&self, is_graceful: bool) {
        self.is_graceful.store(is_graceful, Ordering::Relaxed);
        self.shutdown.cancel();
    }

    pub(super) fn is_graceful(&self) -> bool {
        self.is_graceful.load(Ordering::Relaxed)
    }

    /// Adds a fault for future connections.
    pub(super) fn plan_fault(&self, planned: PlannedFault) {
        lock(&self.planned_faults).push(planned);
    }

    pub(super) fn clear_planned_faults(&self) {
        lock(&self.planned_faults).clear();
    }

    /// Counts an accepted connection and returns its number and the faults planned for it.
    pub(super) fn register_connection(&self) -> (u64, PlannedFaults) {
        let mut number = 0;
        self.update_counts(|counts| {
            counts.accepted += 1;
            number = counts.accepted;
        });
        (number, PlannedFaults::for_connection(&lock(&self.planned_faults), number))
    }

    pub(super) fn record_connect(&self, connect: &Connect) {
        *lock(&self.last_connect) = Some(connect.clone());
        self.update_counts(|counts| counts.connects += 1);
    }

    /// The newest CONNECT.
    pub(super) fn last_connect(&self) -> Option<Connect> {
        lock(&self.last_connect).clone()
    }

    pub(super) fn update_counts(&self, change: impl FnOnce(&mut ConnectionCounts)) {
        self.counts.send_modify(change);
    }

    pub(super) fn counts(&self) -> ConnectionCounts {
        *self.counts.borrow()
    }

    pub(super) fn watch_counts(&self) -> watch::Receiver<ConnectionCounts> {
        self.counts.subscribe()
    }
}
