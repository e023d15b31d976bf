//! The quotas of AWS IoT Core.

use std::time::Duration;

/// The documented quotas. Durations are real ones: divide those of the field by the time scale with
/// [`AwsLimits::scaled`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsLimits {
    /// Shortest keep-alive; a shorter one is raised to it.
    pub keep_alive_min: Duration,
    /// Longest keep-alive; a longer one is lowered to it, and 0 counts as this.
    pub keep_alive_max: Duration,
    /// Age at which a WebSocket connection is closed.
    pub connection_ttl: Duration,
    /// How long a session outlives its connection; for MQTT 5 the default and no limit.
    pub session_expiry: Duration,
    /// Longest session expiry that MQTT 5 clients may request.
    pub session_expiry_max: Duration,
    /// Time between two CONNECTs of one client id.
    pub connect_interval: Duration,
    /// Time in which the publishes of one connection are counted.
    pub publish_window: Duration,
    /// Publishes in that time; further ones are discarded.
    pub publishes: usize,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Topic filters in one SUBSCRIBE.
    pub filters_per_subscribe: usize,
    /// Bytes of payload in one PUBLISH.
    pub payload: usize,
    /// Bytes in one packet.
    pub packet: u32,
    /// Unacknowledged QoS 1 messages, each way.
    pub receive_maximum: u16,
    /// Topic aliases of one connection.
    pub topic_aliases: u16,
    /// Slashes in a topic or filter.
    pub slashes: usize,
    /// Bytes in a client id.
    pub client_id: usize,
}

impl Default for AwsLimits {
    /// The documented values, in field time.
    fn default() -> Self {
        Self {
            keep_alive_min: Duration::from_secs(30),
            keep_alive_max: Duration::from_secs(1200),
            connection_ttl: Duration::from_secs(86_400),
            session_expiry: Duration::from_secs(3600),
            session_expiry_max: Duration::from_secs(7 * 86_400),
            connect_interval: Duration::from_secs(1),
            publish_window: Duration::from_secs(1),
            publishes: 100,
            subscriptions: 50,
            filters_per_subscribe: 8,
            payload: 128 * 1024,
            packet: 149_504,
            receive_maximum: 100,
            topic_aliases: 8,
            slashes: 7,
            client_id: 128,
        }
    }
}

impl AwsLimits {
    /// The same limits with `scale` field seconds per real second. A scale that is not a positive number
    /// counts as 1.
    ///
    /// The longest keep-alive stays at least one second, the smallest value of a CONNECT.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        let scale_down = |field: Duration| in_real_time(field, scale);
        Self {
            keep_alive_min: scale_down(self.keep_alive_min),
            keep_alive_max: scale_down(self.keep_alive_max).max(MIN_KEEP_ALIVE),
            connection_ttl: scale_down(self.connection_ttl),
            session_expiry: scale_down(self.session_expiry),
            session_expiry_max: scale_down(self.session_expiry_max),
            connect_interval: scale_down(self.connect_interval),
            publish_window: scale_down(self.publish_window),
            ..self
        }
    }

    /// The effective keep-alive of a client that requests `secs`.
    pub fn keep_alive(&self, secs: u16) -> Duration {
        match secs {
            0 => self.keep_alive_max,
            secs => {
                let longest = self.keep_alive_max.max(self.keep_alive_min);
                Duration::from_secs(u64::from(secs)).clamp(self.keep_alive_min, longest)
            }
        }
    }

    /// How long the session of a client that requests `secs` (MQTT 5) outlives its connection.
    pub fn session_lifetime(&self, secs: Option<u32>) -> Duration {
        secs.map_or(self.session_expiry, |secs| {
            Duration::from_secs(u64::from(secs)).min(self.session_expiry_max)
        })
    }
}

/// The shortest keep-alive that a CONNECT can carry.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(1);

/// The real time of a `field` time, with `scale` field seconds per real second.
pub(in crate::lab) fn in_real_time(field: Duration, scale: f64) -> Duration {
    let scale = if scale.is_finite() && scale > 0.0 { scale } else { 1.0 };
    Duration::try_from_secs_f64(field.as_secs_f64() / scale).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keep_alive_is_clamped_to_its_bounds() {
        let limits = AwsLimits::default();
        for (requested, effective) in [(0, 1200), (1, 30), (30, 30), (60, 60), (1200, 1200), (65535, 1200)] {
            assert_eq!(limits.keep_alive(requested), Duration::from_secs(effective), "{requested}");
        }
    }

    #[test]
    fn scaling_keeps_a_keep_alive_of_one_second() {
        let scaled = AwsLimits::default().scaled(14_400.0);
        assert_eq!((scaled.keep_alive(1), scaled.connection_ttl), (MIN_KEEP_ALIVE, Duration::from_secs(6)));
    }

    #[test]
    fn only_durations_are_scaled() {
        let scaled = AwsLimits::default().scaled(60.0);
        assert_eq!(scaled.connection_ttl, Duration::from_secs(1440));
        assert_eq!(scaled.keep_alive(5), Duration::from_secs(5));
        assert_eq!(scaled.keep_alive(60), Duration::from_secs(20));
        assert_eq!(scaled.subscriptions, 50);
        for invalid in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(AwsLimits::default().scaled(invalid), AwsLimits::default(), "{invalid}");
        }
    }
}
