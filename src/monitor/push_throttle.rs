//! When to push the state: at once after important changes, else at most ten times a second.

use std::time::Duration;

use crate::diagnostics::{Event, Stamp};

/// Shortest time between two states of ordinary traffic.
const MIN_PUSH_INTERVAL: Duration = Duration::from_millis(100);
/// Longest time without a new state, so that running averages on screen do not go stale.
const MAX_PUSH_INTERVAL: Duration = Duration::from_secs(10);

/// Decides when a changed state is pushed.
#[derive(Debug, Default)]
pub(super) struct PushThrottle {
    dirty: bool,
    urgent: bool,
    last_push: Option<Stamp>,
}

impl PushThrottle {
    /// The next state is pushed without delay: the user waits for it.
    pub(super) fn push_now(&mut self) {
        self.urgent = true;
    }

    /// An event was folded.
    pub(super) fn on_event(&mut self, event: &Event) {
        self.dirty = true;
        self.urgent |= !matches!(
            event,
            Event::Received(_) | Event::Published(_) | Event::Traffic { .. } | Event::Ping { .. }
        );
    }

    /// A small change that is not an event (a connect phase, bytes counted).
    pub(super) fn mark_dirty(&mut self) {
        self.dirty = true;
    }

    /// The time from `now` until a state is due.
    pub(super) fn time_until_push(&self, now: Stamp) -> Duration {
        let since = self.last_push.map(|last| now.since(last));
        match (self.urgent, self.dirty, since) {
            (true, ..) | (_, _, None) => Duration::ZERO,
            (_, true, Some(since)) => MIN_PUSH_INTERVAL.saturating_sub(since),
            (_, false, Some(since)) => MAX_PUSH_INTERVAL.saturating_sub(since),
        }
    }

    /// A state was pushed.
    pub(super) fn on_pushed(&mut self, now: Stamp) {
        *self = Self { dirty: false, urgent: false, last_push: Some(now) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn drops_are_pushed_at_once_and_pings_are_batched() {
        let at = |millis| Stamp::new(DateTime::UNIX_EPOCH, Duration::from_millis(millis));
        let mut throttle = PushThrottle::default();
        assert_eq!(throttle.time_until_push(at(0)), Duration::ZERO, "the first state is due at once");
        throttle.on_pushed(at(0));
        assert_eq!(throttle.time_until_push(at(10)), Duration::from_millis(9_990));
        throttle.on_event(&Event::Ping { rtt_ms: 1.0 });
        assert_eq!(throttle.time_until_push(at(30)), Duration::from_millis(70));
        throttle.on_event(&Event::Note { text: String::new() });
        assert_eq!(throttle.time_until_push(at(30)), Duration::ZERO);
    }
}
