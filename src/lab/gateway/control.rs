//! How does a scenario make the gateway ail, and what can it ask?

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::fault_schedule;
use super::metrics::{FaultInjection, GatewayCounters};
use super::path_fault::{PathFault, PathFaultId};
use super::server::{ArmedFault, GatewayState};

/// A handle on a running gateway; clones act on the same one. After the gateway's end it does nothing, and
/// still knows what happened.
#[derive(Clone)]
pub struct GatewayControl {
    shared: Arc<GatewayState>,
    tasks: mpsc::WeakSender<()>,
}

impl GatewayControl {
    pub(super) fn new(shared: Arc<GatewayState>, tasks: mpsc::WeakSender<()>) -> Self {
        Self { shared, tasks }
    }

    /// Lets an ailment act from now on, also on connections that live already. May be called from any
    /// thread.
    pub fn arm(&self, fault: PathFault) -> PathFaultId {
        let id = PathFaultId(self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let disarmed = self.shared.shutdown.child_token();
        let armed_fault = ArmedFault { id, fault, since: Instant::now(), disarmed };
        self.shared.armed.send_modify(|faults| Arc::make_mut(faults).push(armed_fault.clone()));
        if let Some(tasks) = self.tasks.upgrade() {
            self.shared.runtime.spawn(fault_schedule::run(Arc::clone(&self.shared), armed_fault, tasks));
        }
        id
    }

    /// Ends an ailment, and an outage of its making; says whether it was armed. Connections that it turned
    /// into black holes stay so.
    pub fn disarm(&self, id: PathFaultId) -> bool {
        self.shared.armed.send_if_modified(|faults| {
            let Some(index) = faults.iter().position(|fault| fault.id == id) else { return false };
            Arc::make_mut(faults).remove(index).disarmed.cancel();
            true
        })
    }

    /// What is armed, oldest first.
    pub fn armed_faults(&self) -> Vec<(PathFaultId, PathFault)> {
        self.shared.armed.borrow().iter().map(|fault| (fault.id, fault.fault.clone())).collect()
    }

    /// Everything that ailments did so far, in order (the first 100,000).
    pub fn injections(&self) -> Vec<FaultInjection> {
        self.shared.metrics.injections()
    }

    /// Tells the number of strikes, whenever it changes.
    pub fn watch_injections(&self) -> watch::Receiver<u64> {
        self.shared.metrics.watch_injections()
    }

    /// What went through so far.
    pub fn counters(&self) -> GatewayCounters {
        self.shared.metrics.counters()
    }

    /// Number of connections now, those in black holes included.
    pub fn connections(&self) -> usize {
        self.shared.connection_count()
    }

    /// Real time since the gateway started.
    pub fn age(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Clients have new credentials: [`Ailment::CredentialExpiry`] starts anew.
    pub fn renew_credentials(&self) {
        self.shared.renewals.send_modify(|count| *count += 1);
    }

    /// Whether the server's name resolves: `false` during an outage of manner
    /// [`Dns`](super::OutageManner::Dns).
    pub fn name_resolves(&self) -> bool {
        *self.shared.dns_outages.borrow() == 0
    }
}
