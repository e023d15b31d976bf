//! The state that all tasks of one gateway share.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fault_action::FaultAction;
use super::field_time::FieldTimeScale;
use super::metrics::{FaultInjection, GatewayMetrics};
use super::options::GatewayOptions;
use super::path_fault::{PathFault, PathFaultId};
use super::ports::Ports;
use super::upstream::Upstream;
use crate::lab::sync::lock;

/// Client ids that are remembered.
const MAX_CLIENT_IDS: usize = 10_000;

/// A path fault that acts.
#[derive(Debug, Clone)]
pub(super) struct ArmedFault {
    pub(super) id: PathFaultId,
    pub(super) fault: PathFault,
    pub(super) since: Instant,
    /// Cancelled when the fault is disarmed or the gateway stops.
    pub(super) disarmed: CancellationToken,
}

/// A command to the task of one connection: apply this action.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultCommand {
    pub(super) fault_id: PathFaultId,
    pub(super) action: FaultAction,
}

/// Options, armed faults, outages, connections and metrics of one gateway.
pub(super) struct GatewayState {
    pub(super) seed: u64,
    pub(super) scale: FieldTimeScale,
    pub(super) started: Instant,
    pub(super) runtime: Handle,
    pub(super) shutdown: CancellationToken,
    pub(super) metrics: GatewayMetrics,
    pub(super) upstream: Upstream,
    armed: watch::Sender<Arc<Vec<ArmedFault>>>,
    last_id: AtomicU64,
    pub(super) ports: tokio::sync::Mutex<Ports>,
    /// Number of outages that let no packet pass.
    pub(super) blackouts: watch::Sender<usize>,
    /// Number of outages of name resolution.
    pub(super) dns_outages: watch::Sender<usize>,
    /// Number of credential renewals.
    pub(super) renewals: watch::Sender<u64>,
    wall_secs: f64,
    connections: Mutex<BTreeMap<u64, mpsc::UnboundedSender<FaultCommand>>>,
    /// Faults that refuse the credentials now.
    credential_faults: Mutex<BTreeSet<PathFaultId>>,
    seen_ids: Mutex<HashSet<String>>,
}

impl GatewayState {
    /// A state without faults. Must be called inside a tokio runtime.
    pub(super) fn new(upstream: Upstream, options: GatewayOptions) -> Self {
        Self {
            seed: options.seed,
            scale: FieldTimeScale::new(options.scale),
            started: Instant::now(),
            runtime: Handle::current(),
            shutdown: CancellationToken::new(),
            metrics: GatewayMetrics::new(),
            upstream,
            ports: tokio::sync::Mutex::default(),
            blackouts: watch::Sender::new(0),
            dns_outages: watch::Sender::new(0),
            renewals: watch::Sender::new(0),
            armed: watch::Sender::new(Arc::default()),
            last_id: AtomicU64::new(0),
            wall_secs: options.wall_secs,
            connections: Mutex::default(),
            credential_faults: Mutex::default(),
            seen_ids: Mutex::default(),
        }
    }

    /// Adds a fault to the armed ones.
    pub(super) fn arm(&self, fault: PathFault) -> ArmedFault {
        let id = PathFaultId(self.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let disarmed = self.shutdown.child_token();
        let armed_fault = ArmedFault { id, fault, since: Instant::now(), disarmed };
        self.armed.send_modify(|faults| Arc::make_mut(faults).push(armed_fault.clone()));
        armed_fault
    }

    /// Removes a fault from the armed ones; `true` if it was armed.
    pub(super) fn disarm(&self, id: PathFaultId) -> bool {
        self.armed.send_if_modified(|faults| {
            let Some(index) = faults.iter().position(|fault| fault.id == id) else { return false };
            Arc::make_mut(faults).remove(index).disarmed.cancel();
            true
        })
    }

    /// The armed faults, oldest first.
    pub(super) fn armed(&self) -> Arc<Vec<ArmedFault>> {
        Arc::clone(&self.armed.borrow())
    }

    /// The armed faults and every change of them.
    pub(super) fn watch_armed(&self) -> watch::Receiver<Arc<Vec<ArmedFault>>> {
        self.armed.subscribe()
    }

    /// The field's wall clock at a time, in seconds since the Unix epoch.
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

    /// Sends an action to all open connections.
    pub(super) fn apply_to_all(&self, fault_id: PathFaultId, action: FaultAction) {
        for commands in lock(&self.connections).values() {
            // A connection that is ending has closed its channel.
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
        (ConnectionGuard { state: Arc::clone(self), number }, commands_rx)
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

    /// The fault that refuses the credentials, if any.
    pub(super) fn credential_fault(&self) -> Option<PathFaultId> {
        lock(&self.credential_faults).first().copied()
    }

    /// Whether this client id had a session before; records it for the next call.
    pub(super) fn mark_client_seen(&self, client_id: &str) -> bool {
        let mut seen_ids = lock(&self.seen_ids);
        seen_ids.contains(client_id)
            || (seen_ids.len() < MAX_CLIENT_IDS && !seen_ids.insert(client_id.to_owned()))
    }
}

/// The registration of a connection; dropping it ends the registration.
pub(super) struct ConnectionGuard {
    state: Arc<GatewayState>,
    number: u64,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        lock(&self.state.connections).remove(&self.number);
    }
}
