//! When to publish: at once for what matters, else at most ten times a second.

use std::time::Duration;

use crate::diagnostics::{Event, Stamp};

/// Shortest time between two snapshots of ordinary traffic.
const INTERVAL: Duration = Duration::from_millis(100);
/// Longest time without a snapshot, so that running averages on screen do not go stale.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Decides when a changed state is worth a snapshot.
#[derive(Debug, Default)]
pub(super) struct Pace {
    dirty: bool,
    urgent: bool,
    last: Option<Stamp>,
}

impl Pace {
    /// Something changed that the user waits for.
    pub(super) fn urgent(&mut self) {
        self.urgent = true;
    }

    /// An event was folded.
    pub(super) fn event(&mut self, event: &Event) {
        self.dirty = true;
        self.urgent |= !matches!(
            event,
            Event::Received(_) | Event::Published(_) | Event::Traffic { .. } | Event::Ping { .. }
        );
    }

    /// Something small changed that is not an event (a connect phase, bytes counted).
    pub(super) fn touch(&mut self) {
        self.dirty = true;
    }

    /// How long from `now` until a snapshot is due.
    pub(super) fn due_in(&self, now: Stamp) -> Duration {
        let since = self.last.map(|last| now.since(last));
        match (self.urgent, self.dirty, since) {
            (true, ..) | (_, _, None) => Duration::ZERO,
            (_, true, Some(since)) => INTERVAL.saturating_sub(since),
            (_, false, Some(since)) => HEARTBEAT.saturating_sub(since),
        }
    }

    /// A snapshot was published.
    pub(super) fn published(&mut self, now: Stamp) {
        *self = Self { dirty: false, urgent: false, last: Some(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn drops_are_published_at_once_and_pings_are_gathered() {
        let at = |millis| Stamp::new(DateTime::UNIX_EPOCH, Duration::from_millis(millis));
        let mut pace = Pace::default();
        assert_eq!(pace.due_in(at(0)), Duration::ZERO, "the first snapshot waits for nothing");
        pace.published(at(0));
        assert_eq!(pace.due_in(at(10)), Duration::from_millis(9_990));
        pace.event(&Event::Ping { rtt_ms: 1.0 });
        assert_eq!(pace.due_in(at(30)), Duration::from_millis(70));
        pace.event(&Event::Note { text: String::new() });
        assert_eq!(pace.due_in(at(30)), Duration::ZERO);
    }
}
