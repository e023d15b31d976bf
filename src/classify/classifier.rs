//! The fold from events to the verdict.

use std::sync::Arc;

use super::Verdict;
use super::case::RecordedSessions;
use super::log::{Log, unix};
use super::present::PresentTracker;
use super::verdict_builder;
use crate::diagnostics::{Event, Stamp};

/// A verdict is recomputed when the drops, or the time watched, have grown by one part in this many.
const REFRESH_DIVISOR: u64 = 64;
/// Shortest time between two verdicts without a new drop or connect, in seconds.
const MIN_REFRESH_SECS: f64 = 30.0;

/// Folds events into a [`Verdict`]. Deterministic; memory is bounded.
///
/// ```
/// use std::time::Duration;
/// use dropscope::classify::{Classifier, Pattern};
/// use dropscope::diagnostics::{Event, Stamp};
///
/// let at = Stamp::new("2026-08-03T12:00:00Z".parse()?, Duration::ZERO);
/// let mut classifier = Classifier::new();
/// classifier.apply(at, &Event::Note { text: "nothing has happened".into() });
/// assert_eq!(classifier.verdict_at(at).classification.pattern, Pattern::Undetermined);
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Classifier {
    log: Log,
    present: PresentTracker,
    newest: Option<Stamp>,
    drops: u64,
    cached: Option<CachedVerdict>,
}

/// The newest verdict for screens.
#[derive(Debug, Clone)]
struct CachedVerdict {
    verdict: Arc<Verdict>,
    /// Seconds on the axis of events.
    at: f64,
    drops: u64,
    /// Events that changed a session, counted.
    link_changes: u64,
}

impl Classifier {
    /// A classifier before the first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Folds one event in field time: [`EventFold`](crate::state::EventFold) converts the events of a scaled run.
    /// O(log n) amortized.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        self.log.apply(at, event);
        self.present.apply(at, event);
        self.newest = Some(self.newest.map_or(at, |newest| if newest.boot > at.boot { newest } else { at }));
        self.drops += u64::from(matches!(event, Event::Dropped(_)));
        let is_link_change = matches!(
            event,
            Event::Connected(_)
                | Event::Disconnected { .. }
                | Event::Stopped { .. }
                | Event::KeepAliveChanged { .. }
        );
        if is_link_change && let Some(cached) = &mut self.cached {
            cached.link_changes += 1;
        }
    }

    /// The verdict for a screen, to be called after every event: recomputed only when enough has changed. It is a
    /// function of the events alone, so that a replay shows the same as the live run.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        let newest = self.newest?;
        if self.is_due(newest) {
            let verdict = Arc::new(self.build_verdict(newest));
            let at = newest.boot.as_secs_f64();
            self.cached = Some(CachedVerdict { verdict, at, drops: self.drops, link_changes: 0 });
        }
        // The pattern may be some drops old, the present fault may not.
        let now = self.present.fault();
        if let Some(cached) = self.cached.as_mut().filter(|cached| cached.verdict.diagnosis.now != now) {
            Arc::make_mut(&mut cached.verdict).diagnosis.now = now;
        }
        self.cached.as_ref().map(|cached| Arc::clone(&cached.verdict))
    }

    /// The verdict with everything up to `at` (field time, not before the newest event) taken into account:
    /// for exports and reports.
    pub fn verdict_at(&self, at: Stamp) -> Arc<Verdict> {
        let newest = self.newest.filter(|newest| newest.boot > at.boot);
        Arc::new(self.build_verdict(newest.unwrap_or(at)))
    }

    fn is_due(&self, newest: Stamp) -> bool {
        let Some(cached) = &self.cached else { return true };
        let new_drops = self.drops - cached.drops;
        if new_drops > self.drops / REFRESH_DIVISOR {
            return true;
        }
        #[expect(clippy::cast_precision_loss, reason = "a part of the time needs no more")]
        let min_refresh = (cached.at / REFRESH_DIVISOR as f64).max(MIN_REFRESH_SECS);
        // With few drops every change of the link counts.
        (cached.link_changes > 0 && self.drops < REFRESH_DIVISOR)
            || newest.boot.as_secs_f64() - cached.at >= min_refresh
    }

    fn build_verdict(&self, at: Stamp) -> Verdict {
        let live = self.log.live.as_ref();
        let live = live.map(|live| live.censored(at.boot.as_secs_f64(), unix(at)));
        let mut verdict =
            verdict_builder::build_verdict(&RecordedSessions::new(&self.log, live.as_ref()), at);
        verdict.diagnosis.now = self.present.fault();
        verdict
    }
}
