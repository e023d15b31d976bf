//! The two folds over the same events: state and verdict.

use std::sync::Arc;

use crate::classify::{Classifier, Verdict};
use crate::diagnostics::{Diagnostics, Event, Snapshot, Stamp, TimeScale};

/// The folds of state and verdict over the same events. A clone is a checkpoint; it shares the histories.
///
/// Events are passed as recorded. [`Diagnostics`] converts each to field time once, and the classifier is given the
/// converted event.
#[derive(Debug, Clone)]
pub struct EventFold {
    diagnostics: Diagnostics,
    classifier: Classifier,
    updates_live_verdict: bool,
}

/// State and verdict of one instant, both brought up to it: the content of an export.
#[derive(Debug, Clone)]
pub struct DiagnosticState {
    /// The state.
    pub snapshot: Snapshot,
    /// The verdict.
    pub verdict: Arc<Verdict>,
}

impl EventFold {
    /// A fold for screens, without events. It retains at most `max_events` entries in each history.
    pub fn new(max_events: usize) -> Self {
        Self { updates_live_verdict: true, ..Self::without_live_verdict(max_events) }
    }

    /// A fold for one state at the end ([`EventFold::state_at`]): no verdict is computed after an event, so that it
    /// costs no more than the two folds.
    pub fn without_live_verdict(max_events: usize) -> Self {
        Self {
            diagnostics: Diagnostics::new(max_events),
            classifier: Classifier::new(),
            updates_live_verdict: false,
        }
    }

    /// Folds one event as recorded.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        let classifier = &mut self.classifier;
        self.diagnostics.apply_with(at, event, |at, event| classifier.apply(at, event));
        if self.updates_live_verdict {
            // Computed after every event, so that the verdict of an instant does not depend on who requested it before.
            self.classifier.verdict();
        }
    }

    /// The state at `at` (as recorded, not before the newest event).
    pub fn snapshot(&mut self, at: Stamp) -> Snapshot {
        self.diagnostics.snapshot(at)
    }

    /// The live verdict, for a screen: a function of the events alone. `None` before the first event.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        self.classifier.verdict()
    }

    /// The verdict at `at` (as recorded), with the time since the newest event taken into account.
    pub fn verdict_at(&self, at: Stamp) -> Arc<Verdict> {
        self.classifier.verdict_at(self.field_time(at))
    }

    /// State and verdict at `at` (as recorded), for exports and reports.
    pub fn state_at(&mut self, at: Stamp) -> DiagnosticState {
        DiagnosticState { snapshot: self.snapshot(at), verdict: self.verdict_at(at) }
    }

    /// The number of drops so far.
    pub fn drops_so_far(&self) -> u64 {
        self.diagnostics.drops_so_far()
    }

    /// The conversion from recorded time to field time after the newest event.
    pub fn time_scale(&self) -> TimeScale {
        self.diagnostics.time_scale()
    }

    /// The field time of a moment of the clocks that stamp the events.
    pub fn field_time(&self, at: Stamp) -> Stamp {
        self.diagnostics.field_time(at)
    }
}
