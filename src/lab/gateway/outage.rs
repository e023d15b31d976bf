//! How do the server or the way to it vanish for a while, and come back?

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::fault_action::FaultAction;
use super::path_fault::{DropManner, OutageManner, PathFaultId};
use super::server::GatewayState;
use crate::lab::listener::LoopbackListener;

/// The listeners, and how many outages keep them closed.
#[derive(Default)]
pub(super) struct Ports {
    listeners: Vec<LoopbackListener>,
    outages: usize,
    is_stopped: bool,
}

impl Ports {
    /// Adds a listener, closed if there is an outage.
    pub(super) fn add(
        &mut self,
        mut listener: LoopbackListener,
        shared: &Arc<GatewayState>,
        tasks: &mpsc::Sender<()>,
    ) -> io::Result<()> {
        if self.outages == 0 {
            listener.open(shared, tasks)?;
        }
        self.listeners.push(listener);
        Ok(())
    }

    /// Gives all ports back for good.
    pub(super) fn clear(&mut self) {
        self.listeners.clear();
        self.is_stopped = true;
    }

    pub(super) fn are_closed(&self) -> bool {
        self.outages > 0
    }

    /// Refuses connects until as many calls of `open` followed.
    async fn close(&mut self) -> io::Result<()> {
        self.outages += 1;
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.close().await);
        }
        result
    }

    fn open(&mut self, shared: &Arc<GatewayState>, tasks: &mpsc::Sender<()>) -> io::Result<()> {
        self.outages = self.outages.saturating_sub(1);
        if self.outages > 0 || self.is_stopped {
            return Ok(());
        }
        let mut result = Ok(());
        for listener in &mut self.listeners {
            result = result.and(listener.open(shared, tasks));
        }
        result
    }
}

impl GatewayState {
    pub(super) async fn begin_outage(&self, fault_id: PathFaultId, manner: OutageManner) {
        let (description, drop_manner) = match manner {
            OutageManner::Refuse => ("outage begins: connects refused", Some(DropManner::Fin)),
            OutageManner::BlackHole => ("outage begins: nothing passes", None),
            OutageManner::Dns => ("outage begins: the name does not resolve", Some(DropManner::Reset)),
        };
        self.log_injection(fault_id, None, description);
        match manner {
            OutageManner::BlackHole => self.blackouts.send_modify(|count| *count += 1),
            OutageManner::Dns => self.dns_outages.send_modify(|count| *count += 1),
            OutageManner::Refuse => {}
        }
        let Some(drop_manner) = drop_manner else { return };
        // The ports first: who is quick to come back must find them closed.
        let mut ports = self.ports.lock().await;
        let closed = ports.close().await;
        if self.shutdown.is_cancelled() {
            ports.clear();
        }
        drop(ports);
        self.log_port_error(fault_id, closed);
        self.apply_to_all(fault_id, FaultAction::DropConnection(drop_manner));
    }

    pub(super) async fn end_outage(
        self: &Arc<Self>,
        fault_id: PathFaultId,
        manner: OutageManner,
        tasks: &mpsc::Sender<()>,
    ) {
        match manner {
            OutageManner::BlackHole => self.blackouts.send_modify(|count| *count = count.saturating_sub(1)),
            OutageManner::Dns => self.dns_outages.send_modify(|count| *count = count.saturating_sub(1)),
            OutageManner::Refuse => {}
        }
        if self.shutdown.is_cancelled() {
            self.ports.lock().await.clear();
            return;
        }
        if manner != OutageManner::BlackHole {
            let opened = self.ports.lock().await.open(self, tasks);
            self.log_port_error(fault_id, opened);
        }
        self.log_injection(fault_id, None, "outage ends");
    }

    /// A port that could not be taken again stays closed; the log says so.
    fn log_port_error(&self, fault_id: PathFaultId, result: io::Result<()>) {
        if let Err(error) = result {
            self.log_injection(fault_id, None, format!("a port is lost: {error}"));
        }
    }
}
