//! The schedule of faults that act on all connections of a gateway at once.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::fault_action::FaultAction;
use super::field_time::{exponential, fault_rng};
use super::outage;
use super::path_fault::{DropManner, OutageManner, PathFault, PathFaultId, TakeoverTime};
use super::state::{ArmedFault, GatewayState};

/// Shortest time between two actions, in field seconds.
const MIN_INTERVAL_SECS: f64 = 0.001;
/// The same in real time, so that no fault can keep a processor busy.
const MIN_REAL_INTERVAL: Duration = Duration::from_millis(1);

/// An action on all connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ScheduledAction {
    ApplyToAll(FaultAction),
    BeginOutage(OutageManner),
    EndOutage(OutageManner),
}

/// The times at which a fault acts.
pub(super) struct FaultSchedule {
    fault: PathFault,
    random: StdRng,
    /// Field seconds from the arming to the latest action.
    last_at: f64,
    /// Actions so far.
    fired: u64,
}

impl FaultSchedule {
    /// `None` for a fault that acts on a packet or time of each session, or on the credentials. `wall_secs` is
    /// the wall clock when the fault is armed, in field seconds.
    pub(super) fn for_fault(fault: &PathFault, seed: u64, id: PathFaultId, wall_secs: f64) -> Option<Self> {
        let at = match *fault {
            // One period early: each action adds one.
            PathFault::Schedule { every_secs, phase_secs, .. } => {
                let period = every_secs.max(MIN_INTERVAL_SECS);
                -(wall_secs - phase_secs).rem_euclid(period)
            }
            PathFault::RandomLoss { .. }
            | PathFault::Burst { .. }
            | PathFault::Takeover { when: TakeoverTime::EverySecs(_) }
            | PathFault::Outage { .. }
            | PathFault::TlsAlert { .. }
            | PathFault::WebSocketClose { .. }
            | PathFault::ServerDisconnect { .. }
            | PathFault::Maintenance { .. } => 0.0,
            _ => return None,
        };
        Some(Self { fault: fault.clone(), random: fault_rng(seed, id, 0), last_at: at, fired: 0 })
    }

    /// The next action and its time in field seconds after the arming. `None`: no further action.
    pub(super) fn next_action(&mut self) -> Option<(f64, ScheduledAction)> {
        let (wait, action) = self.draw_next()?;
        self.last_at += if wait > MIN_INTERVAL_SECS { wait } else { MIN_INTERVAL_SECS };
        self.fired += 1;
        Some((self.last_at, action))
    }

    fn draw_next(&mut self) -> Option<(f64, ScheduledAction)> {
        let random = &mut self.random;
        let drop_connection = |manner| ScheduledAction::ApplyToAll(FaultAction::DropConnection(manner));
        Some(match self.fault {
            PathFault::Schedule { every_secs, manner, .. } => (every_secs, drop_connection(manner)),
            PathFault::RandomLoss { mean_secs, manner } => {
                (exponential(random, mean_secs), drop_connection(manner))
            }
            PathFault::Burst { mean_secs, count, spacing_secs, manner } => {
                let is_first = self.fired.is_multiple_of(u64::from(count.max(1)));
                let wait = if is_first { exponential(random, mean_secs) } else { spacing_secs };
                (wait, drop_connection(manner))
            }
            PathFault::Takeover { when: TakeoverTime::EverySecs(secs) } => {
                (secs, ScheduledAction::ApplyToAll(FaultAction::TakeOver))
            }
            PathFault::Outage { every_secs, lasting_secs, manner } => {
                if self.fired.is_multiple_of(2) {
                    (every_secs, ScheduledAction::BeginOutage(manner))
                } else {
                    (lasting_secs, ScheduledAction::EndOutage(manner))
                }
            }
            PathFault::TlsAlert { every_secs } => {
                (every_secs, ScheduledAction::ApplyToAll(FaultAction::TlsAlert))
            }
            PathFault::WebSocketClose { code, mean_secs } => {
                (exponential(random, mean_secs), drop_connection(DropManner::WsClose(code)))
            }
            PathFault::ServerDisconnect { reason, mean_secs } => {
                (exponential(random, mean_secs), drop_connection(DropManner::Disconnect(reason)))
            }
            PathFault::Maintenance { at_secs } if self.fired == 0 => {
                (at_secs, drop_connection(DropManner::Disconnect(0x8B)))
            }
            _ => return None,
        })
    }
}

/// Runs the schedule of a fault until it is disarmed or the gateway stops.
pub(super) async fn run(state: Arc<GatewayState>, armed: ArmedFault, tasks: mpsc::Sender<()>) {
    if let PathFault::CredentialExpiry { at_secs, ends_sessions } = armed.fault {
        expire_credentials(&state, &armed, at_secs, ends_sessions).await;
        state.accept_credentials(armed.id);
        return;
    }
    let wall_secs = state.wall_secs(armed.since);
    let Some(mut schedule) = FaultSchedule::for_fault(&armed.fault, state.seed, armed.id, wall_secs) else {
        return;
    };
    let (mut active_outage, mut earliest) = (None, armed.since);
    while let Some((at, action)) = schedule.next_action() {
        let due = (armed.since + state.scale.to_real(at)).max(earliest);
        earliest = due + MIN_REAL_INTERVAL;
        if wait_until(&armed.disarmed, due).await.is_none() {
            break;
        }
        match action {
            ScheduledAction::ApplyToAll(fault_action) => state.apply_to_all(armed.id, fault_action),
            ScheduledAction::BeginOutage(manner) => {
                active_outage = Some(manner);
                outage::begin(&state, armed.id, manner).await;
            }
            ScheduledAction::EndOutage(manner) => {
                active_outage = None;
                outage::end(&state, armed.id, manner, &tasks).await;
            }
        }
    }
    if let Some(manner) = active_outage {
        outage::end(&state, armed.id, manner, &tasks).await;
    }
}

async fn expire_credentials(state: &GatewayState, armed: &ArmedFault, at_secs: f64, ends_sessions: bool) {
    let mut renewals = state.renewals.subscribe();
    let mut since = armed.since;
    loop {
        tokio::select! {
            biased;
            elapsed = wait_until(&armed.disarmed, since + state.scale.to_real(at_secs)) => {
                if elapsed.is_none() {
                    return;
                }
                state.expire_credentials(armed.id);
                if ends_sessions {
                    state.apply_to_all(armed.id, FaultAction::DropConnection(DropManner::Fin));
                }
                let renewed = tokio::select! {
                    () = armed.disarmed.cancelled() => return,
                    renewed = renewals.changed() => renewed,
                };
                if renewed.is_err() {
                    return;
                }
                state.accept_credentials(armed.id);
            }
            renewed = renewals.changed() => {
                if renewed.is_err() {
                    return;
                }
            }
        }
        since = Instant::now();
    }
}

/// `None` if the fault was disarmed first.
async fn wait_until(disarmed: &CancellationToken, deadline: Instant) -> Option<()> {
    tokio::select! {
        biased;
        () = disarmed.cancelled() => None,
        () = sleep_until(deadline) => Some(()),
    }
}
