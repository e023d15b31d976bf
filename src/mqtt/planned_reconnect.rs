//! How long may a session live before it is renewed on purpose?

use std::time::Duration;

/// Beyond this nothing is gained by reconnecting still earlier.
const MAX_MARGIN: Duration = Duration::from_secs(600);

/// Reconnecting on purpose before something known ends the session. That is no drop, and hides the drop
/// that would have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlannedReconnect {
    /// How long before the end; `None` = a tenth of the time there is, at most ten minutes.
    pub margin: Option<Duration>,
    /// Age at which the server closes every WebSocket (AWS IoT: 24 h); `None` = it has no such limit.
    pub websocket_limit: Option<Duration>,
}

impl PlannedReconnect {
    /// When to reconnect, counted from the begin of a session whose credentials are good for
    /// `credentials_left` more. A limit that is nearer than the margin is not avoided: that would be a
    /// reconnect at once, and another one after it.
    pub(super) fn reconnect_delay(&self, credentials_left: Option<Duration>) -> Option<Duration> {
        let limits = [self.websocket_limit, credentials_left];
        let times = limits.into_iter().flatten().filter_map(|limit| {
            let margin = self.margin.unwrap_or_else(|| (limit / 10).min(MAX_MARGIN));
            limit.checked_sub(margin).filter(|time| !time.is_zero())
        });
        times.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
