//! The newest state of a run as one value.

use std::sync::Arc;

use super::RuntimeStatus;
use crate::classify::Verdict;
use crate::diagnostics::Snapshot;

/// The newest state of everything, pushed as one value so that all figures on a screen are of the same instant.
#[derive(Debug, Clone)]
pub struct LiveState {
    /// The folded events: the same live and in a replay.
    pub snapshot: Snapshot,
    /// The verdict on the drops, from the same events; `None` before the first event.
    pub verdict: Option<Arc<Verdict>>,
    /// State that only a running program has.
    pub runtime: RuntimeStatus,
}
