//! What follows from the events: the state and the verdict, folded side by side.

use std::sync::Arc;

use crate::classify::{Classifier, Verdict};
use crate::diagnostics::{Diagnostics, Event, Snapshot, Stamp};

/// The two folds over the same events. A clone is a point to come back to.
#[derive(Debug, Clone)]
pub struct EventFold {
    diagnostics: Diagnostics,
    classifier: Classifier,
}

/// The state and the verdict of one instant, both brought up to it: what an export is made of.
#[derive(Debug, Clone)]
pub struct DiagnosticState {
    /// The state.
    pub snapshot: Snapshot,
    /// The verdict.
    pub verdict: Arc<Verdict>,
}

impl EventFold {
    /// Folds that have seen nothing and retain at most `max_events` entries in each history.
    pub fn new(max_events: usize) -> Self {
        Self { diagnostics: Diagnostics::new(max_events), classifier: Classifier::new() }
    }

    /// Takes one event as recorded.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        self.diagnostics.apply(at, event);
        self.classifier.apply(at, event);
        // Asked after every event, whoever looks: so the verdict of an instant does not depend on who looked before.
        self.classifier.verdict();
    }

    /// The state at `at` (as recorded, not before the newest event).
    pub fn snapshot(&mut self, at: Stamp) -> Snapshot {
        self.diagnostics.snapshot(at)
    }

    /// The verdict for a screen: a function of the events alone.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        self.classifier.verdict()
    }

    /// State and verdict at `at`, for exports and reports.
    pub fn state_at(&mut self, at: Stamp) -> DiagnosticState {
        DiagnosticState { snapshot: self.diagnostics.snapshot(at), verdict: self.classifier.verdict_at(at) }
    }

    /// How many drops were counted so far.
    pub fn drops_so_far(&self) -> u64 {
        self.diagnostics.drops_so_far()
    }

    /// The field time of a moment of the clocks that stamp the events.
    pub fn field_time(&self, now: Stamp) -> Stamp {
        self.diagnostics.field_time(now)
    }
}
