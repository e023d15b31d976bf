//! The channels between the monitor and a simulation.

use tokio::sync::{mpsc, watch};

use crate::state::Simulation;

/// The monitor's end of a simulation.
#[derive(Debug)]
pub struct SimulationPort {
    /// The description to show; changes when faults are injected.
    pub status: watch::Receiver<Simulation>,
    /// Takes the index of a fault of the menu.
    pub inject: mpsc::Sender<usize>,
}

/// The changed description; `None` = the simulation is over. Cancel-safe; pends without a simulation.
pub(super) async fn simulation_changed(simulation: &mut Option<SimulationPort>) -> Option<Simulation> {
    match simulation {
        Some(port) => port.status.changed().await.is_ok().then(|| port.status.borrow_and_update().clone()),
        None => std::future::pending().await,
    }
}
