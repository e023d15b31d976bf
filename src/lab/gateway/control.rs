//! How does a scenario make the gateway ail, and what can it ask?

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::ailment::{Ailment, AilmentId};
use super::course;
use super::gate::{Armed, Shared};
use super::ledger::{Strike, Tally};

/// A handle on a running gateway; clones act on the same one. After the gateway's end it does nothing, and
/// still knows what happened.
#[derive(Clone)]
pub struct GatewayControl {
    shared: Arc<Shared>,
    tasks: mpsc::WeakSender<()>,
}

impl GatewayControl {
    pub(super) fn new(shared: Arc<Shared>, tasks: mpsc::WeakSender<()>) -> Self {
        Self { shared, tasks }
    }

    /// Lets an ailment act from now on, also on connections that live already. May be called from any
    /// thread.
    pub fn arm(&self, ailment: Ailment) -> AilmentId {
        let id = AilmentId(self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1);
        let disarmed = self.shared.shutdown.child_token();
        let armed = Armed { id, ailment, since: Instant::now(), disarmed };
        self.shared.armed.send_modify(|all| Arc::make_mut(all).push(armed.clone()));
        if let Some(tasks) = self.tasks.upgrade() {
            self.shared.runtime.spawn(course::run(Arc::clone(&self.shared), armed, tasks));
        }
        id
    }

    /// Ends an ailment, and an outage of its making; says whether it was armed. Connections that it turned
    /// into black holes stay so.
    pub fn disarm(&self, id: AilmentId) -> bool {
        self.shared.armed.send_if_modified(|all| {
            let Some(index) = all.iter().position(|armed| armed.id == id) else { return false };
            Arc::make_mut(all).remove(index).disarmed.cancel();
            true
        })
    }

    /// What is armed, oldest first.
    pub fn armed(&self) -> Vec<(AilmentId, Ailment)> {
        self.shared.armed.borrow().iter().map(|armed| (armed.id, armed.ailment.clone())).collect()
    }

    /// Everything that ailments did so far, in order (the first 100,000).
    pub fn strikes(&self) -> Vec<Strike> {
        self.shared.ledger.strikes()
    }

    /// Tells the number of strikes, whenever it changes.
    pub fn watch_strikes(&self) -> watch::Receiver<u64> {
        self.shared.ledger.subscribe()
    }

    /// What went through so far.
    pub fn tally(&self) -> Tally {
        self.shared.ledger.tally()
    }

    /// Number of connections now, those in black holes included.
    pub fn connections(&self) -> usize {
        self.shared.connections()
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
        *self.shared.unresolved.borrow() == 0
    }
}
