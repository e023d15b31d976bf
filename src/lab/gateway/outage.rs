//! Outages of the server or of the path to it: their begin and their end.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::fault_action::FaultAction;
use super::path_fault::{DropManner, OutageManner, PathFaultId};
use super::state::GatewayState;

/// Begins an outage: closes the path, the ports or name resolution, and ends the connections.
pub(super) async fn begin(state: &GatewayState, fault_id: PathFaultId, manner: OutageManner) {
    let (description, drop_manner) = match manner {
        OutageManner::Refuse => ("outage begins: connects refused", Some(DropManner::Fin)),
        OutageManner::BlackHole => ("outage begins: nothing passes", None),
        OutageManner::Dns => ("outage begins: the name does not resolve", Some(DropManner::Reset)),
    };
    state.log_injection(fault_id, None, description);
    match manner {
        OutageManner::BlackHole => state.blackouts.send_modify(|count| *count += 1),
        OutageManner::Dns => state.dns_outages.send_modify(|count| *count += 1),
        OutageManner::Refuse => {}
    }
    let Some(drop_manner) = drop_manner else { return };
    // The ports first: a client that reconnects quickly must find them closed.
    let mut ports = state.ports.lock().await;
    let closed = ports.close().await;
    if state.shutdown.is_cancelled() {
        ports.clear();
    }
    drop(ports);
    log_port_error(state, fault_id, closed);
    state.apply_to_all(fault_id, FaultAction::DropConnection(drop_manner));
}

/// Ends an outage.
pub(super) async fn end(
    state: &Arc<GatewayState>,
    fault_id: PathFaultId,
    manner: OutageManner,
    tasks: &mpsc::Sender<()>,
) {
    match manner {
        OutageManner::BlackHole => state.blackouts.send_modify(|count| *count = count.saturating_sub(1)),
        OutageManner::Dns => state.dns_outages.send_modify(|count| *count = count.saturating_sub(1)),
        OutageManner::Refuse => {}
    }
    if state.shutdown.is_cancelled() {
        state.ports.lock().await.clear();
        return;
    }
    if manner != OutageManner::BlackHole {
        let opened = state.ports.lock().await.open(state, tasks);
        log_port_error(state, fault_id, opened);
    }
    state.log_injection(fault_id, None, "outage ends");
}

/// Logs a port that could not be bound again; it stays closed.
fn log_port_error(state: &GatewayState, fault_id: PathFaultId, result: io::Result<()>) {
    if let Err(error) = result {
        state.log_injection(fault_id, None, format!("a port is lost: {error}"));
    }
}
