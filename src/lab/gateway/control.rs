//! The handle through which scenarios arm faults and read what the gateway did.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::fault_schedule;
use super::metrics::{FaultInjection, GatewayCounters};
use super::path_fault::{PathFault, PathFaultId};
use super::state::GatewayState;

/// A handle to a running gateway; clones act on the same gateway. After the end of the gateway it does
/// nothing, but its counters stay readable.
#[derive(Clone)]
pub struct GatewayControl {
    state: Arc<GatewayState>,
    tasks: mpsc::WeakSender<()>,
}

impl GatewayControl {
    pub(super) fn new(state: Arc<GatewayState>, tasks: mpsc::WeakSender<()>) -> Self {
        Self { state, tasks }
    }

    /// Arms a fault: it acts from now on, also on open connections. May be called from any thread.
    pub fn arm(&self, fault: PathFault) -> PathFaultId {
        let armed_fault = self.state.arm(fault);
        let id = armed_fault.id;
        if let Some(tasks) = self.tasks.upgrade() {
            self.state.runtime.spawn(fault_schedule::run(Arc::clone(&self.state), armed_fault, tasks));
        }
        id
    }

    /// Disarms a fault and ends an outage that it began; `true` if it was armed. Connections that it turned
    /// into black holes stay black holes.
    pub fn disarm(&self, id: PathFaultId) -> bool {
        self.state.disarm(id)
    }

    /// The armed faults, oldest first.
    pub fn armed_faults(&self) -> Vec<(PathFaultId, PathFault)> {
        self.state.armed().iter().map(|fault| (fault.id, fault.fault.clone())).collect()
    }

    /// Everything that faults did so far, in order (the first 100,000 injections).
    pub fn injections(&self) -> Vec<FaultInjection> {
        self.state.metrics.injections()
    }

    /// The number of injections and every change of it.
    pub fn watch_injections(&self) -> watch::Receiver<u64> {
        self.state.metrics.watch_injections()
    }

    /// Packets, bytes and connections so far.
    pub fn counters(&self) -> GatewayCounters {
        self.state.metrics.counters()
    }

    /// Number of connections now, including black holes.
    pub fn connections(&self) -> usize {
        self.state.connection_count()
    }

    /// Real time since the gateway started.
    pub fn age(&self) -> Duration {
        self.state.started.elapsed()
    }

    /// The clients have new credentials: [`PathFault::CredentialExpiry`] starts again.
    pub fn renew_credentials(&self) {
        self.state.renewals.send_modify(|count| *count += 1);
    }

    /// Whether the server's name resolves: `false` during an outage of manner
    /// [`Dns`](super::OutageManner::Dns).
    pub fn name_resolves(&self) -> bool {
        *self.state.dns_outages.borrow() == 0
    }
}
