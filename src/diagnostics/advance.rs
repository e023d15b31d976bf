//! What a snapshot says a little later, if nothing has happened since.

use std::time::Duration;

use super::{LinkState, Snapshot, Stamp};

impl Snapshot {
    /// The same state at `now` of this computer's clocks: running durations have grown, nothing else has changed.
    ///
    /// So a screen shows every second how long things last without asking anybody. A `now` before
    /// [`Snapshot::at`] gives the snapshot as it is; after the end of the run no more time is observed.
    #[must_use]
    pub fn advanced(&self, now: Stamp) -> Self {
        self.advanced_to(self.field_time(now))
    }

    /// [`Snapshot::advanced`] to a moment of field time.
    pub(super) fn advanced_to(&self, now: Stamp) -> Self {
        let mut later = self.clone();
        if now.boot > self.at.boot {
            later.at = now;
            if self.running {
                later.time_totals.add_elapsed(now.since(self.at), &self.link);
            }
        }
        later.refresh_derived_metrics();
        later
    }

    /// Writes what the accounts and the state of the link say into the figures shown.
    pub(super) fn refresh_derived_metrics(&mut self) {
        self.time_totals.write_to(&mut self.metrics);
        self.arms = self.time_totals.arms().to_vec();
        self.metrics.current_session_uptime = match self.link {
            LinkState::Connected { since } => self.at.since(since),
            _ => Duration::ZERO,
        };
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::diagnostics::Diagnostics;
    use crate::diagnostics::event::{Event, Initiator, StartedEvent};

    #[test]
    fn advancing_equals_a_later_snapshot_without_events() {
        let at = |secs| Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs));
        let mut diagnostics = Diagnostics::new(10);
        let steps = [
            (0, Event::Started(StartedEvent::default())),
            (5, Event::Disconnected { by: Initiator::User }),
            (9, Event::Stopped { by: None }),
        ];
        for (secs, event) in steps {
            diagnostics.apply(at(secs), &event);
            let early = diagnostics.snapshot(at(secs));
            let late = diagnostics.snapshot(at(secs + 3));
            let advanced = early.advanced(at(secs + 3));
            assert_eq!((advanced.at, &advanced.metrics), (late.at, &late.metrics));
        }
        assert_eq!(diagnostics.snapshot(at(100)).metrics.observed, Duration::from_secs(9));
    }
}
