//! Planned reconnects: a session is renewed on purpose before a known limit ends it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Largest default margin; a larger one gains nothing.
const MAX_MARGIN: Duration = Duration::from_secs(600);

/// Settings for reconnecting before a known limit ends the session. A planned reconnect is no drop, and it
/// hides the drop that would have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlannedReconnect {
    /// Time between the reconnect and the limit; `None` = a tenth of the limit, at most ten minutes.
    pub margin: Option<Duration>,
    /// Age at which the server closes every WebSocket (AWS IoT: 24 h); `None` = it has no such limit.
    pub websocket_limit: Option<Duration>,
}

impl PlannedReconnect {
    /// When to reconnect, counted from the start of a session whose credentials expire after
    /// `credentials_left`. A limit nearer than the margin is not avoided: that would be a reconnect at once,
    /// and another one after it.
    pub(super) fn reconnect_delay(&self, credentials_left: Option<Duration>) -> Option<Duration> {
        let limits = [self.websocket_limit, credentials_left];
        let times = limits.into_iter().flatten().filter_map(|limit| {
            let margin = self.margin.unwrap_or_else(|| (limit / 10).min(MAX_MARGIN));
            limit.checked_sub(margin).filter(|time| !time.is_zero())
        });
        times.min()
    }
}

/// Expiry times closer than this are the same: a signer that computes with two clocks differs a little each
/// time, and new credentials are reported, and planned for, once.
const SAME_EXPIRY: TimeDelta = TimeDelta::seconds(1);

/// The expiry of the credentials in use.
#[derive(Debug, Default)]
pub(super) struct CredentialExpiry {
    current: Option<DateTime<Utc>>,
    /// The expiry of the last planned reconnect: if it brought no later one, another reconnect would not either.
    planned_for: Option<DateTime<Utc>>,
}

impl CredentialExpiry {
    /// An attempt used credentials with the expiry `reported`, if it is known; the expiry, if it is a new one.
    pub(super) fn on_attempt(
        &mut self,
        reported: Option<DateTime<Utc>>,
        is_connected: bool,
    ) -> Option<DateTime<Utc>> {
        let is_same = |known: &DateTime<Utc>| reported.is_some_and(|end| (end - known).abs() < SAME_EXPIRY);
        let expiry = self.current.filter(is_same).or(reported);
        let is_new = expiry.is_some() && expiry != self.current;
        if expiry.is_some() || is_connected {
            self.current = expiry;
        }
        expiry.filter(|_| is_new)
    }

    /// A planned reconnect starts.
    pub(super) fn on_planned_reconnect(&mut self) {
        self.planned_for = self.current;
    }

    /// Time left at `now`; `None` if it is unknown, over, or a planned reconnect did not change the expiry.
    pub(super) fn time_left(&self, now: DateTime<Utc>) -> Option<Duration> {
        let expiry = self.current.filter(|expiry| Some(*expiry) != self.planned_for)?;
        (expiry - now).to_std().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_is_reported_and_planned_for_once() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap();
        let mut expiry = CredentialExpiry::default();
        assert_eq!(expiry.on_attempt(None, false), None);
        assert_eq!(expiry.on_attempt(Some(at(60_000)), true), Some(at(60_000)));
        assert_eq!(expiry.on_attempt(Some(at(60_900)), true), None);
        assert_eq!(expiry.on_attempt(None, false), None);
        assert_eq!(expiry.time_left(at(0)), Some(minutes(1)));
        assert_eq!(expiry.time_left(at(60_001)), None);
        expiry.on_planned_reconnect();
        assert_eq!((expiry.on_attempt(Some(at(60_100)), true), expiry.time_left(at(0))), (None, None));
        assert_eq!(expiry.on_attempt(Some(at(120_000)), true), Some(at(120_000)));
        assert_eq!(expiry.time_left(at(0)), Some(minutes(2)));
        assert_eq!(expiry.on_attempt(None, true), None);
        assert_eq!(expiry.time_left(at(0)), None);
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    #[test]
    fn the_nearer_limit_counts_less_a_tenth_or_ten_minutes() {
        let usual = PlannedReconnect { margin: None, websocket_limit: Some(minutes(24 * 60)) };
        assert_eq!(usual.reconnect_delay(None), Some(minutes(24 * 60 - 10)));
        assert_eq!(usual.reconnect_delay(Some(minutes(60))), Some(minutes(54)));
        assert_eq!(PlannedReconnect::default().reconnect_delay(None), None);
    }

    #[test]
    fn a_configured_margin_is_used_and_never_reconnects_at_once() {
        let settings =
            PlannedReconnect { margin: Some(minutes(30)), websocket_limit: Some(minutes(24 * 60)) };
        assert_eq!(settings.reconnect_delay(Some(minutes(60))), Some(minutes(30)));
        assert_eq!(settings.reconnect_delay(Some(minutes(30))), Some(minutes(24 * 60 - 30)));
        assert_eq!(settings.reconnect_delay(Some(minutes(5))), Some(minutes(24 * 60 - 30)));
        assert_eq!(settings.reconnect_delay(Some(Duration::ZERO)), Some(minutes(24 * 60 - 30)));
    }
}
