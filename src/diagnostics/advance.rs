//! The state of a snapshot a little later, if nothing has happened since.

use std::time::Duration;

use super::{LinkState, Snapshot, Stamp};

impl Snapshot {
    /// The same state at `now` of this computer's clocks: running durations have grown, nothing else has changed.
    ///
    /// A screen calls this every second instead of requesting a new snapshot. A `now` before
    /// [`Snapshot::at`] gives the snapshot as it is; after the end of the run no more time is observed.
    #[must_use]
    pub fn advanced(&self, now: Stamp) -> Self {
        let mut later = self.clone();
        later.advance_to(self.field_time(now));
        later
    }

    /// Moves the state to a moment of field time and computes the figures that depend on it.
    pub(super) fn advance_to(&mut self, now: Stamp) {
        if now.boot > self.at.boot {
            let elapsed = now.since(self.at);
            self.at = now;
            if self.running {
                self.time_totals.add_elapsed(elapsed, &self.link);
            }
        }
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
