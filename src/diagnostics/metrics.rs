//! Counters and sums by the names of the investigation guide, and further ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Stamp;
use super::event::{DropKind, Layer};

/// Aggregates; the first block carries the reference collector's names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metrics {
    /// First connects and connects after a requested disconnect.
    pub total_connections: u64,
    /// Sessions ended on purpose.
    pub total_disconnects: u64,
    /// Drops: one per established session that ended without a request.
    pub total_connection_drops: u64,
    /// Connect attempts made while an outage lasted.
    pub total_reconnect_attempts: u64,
    /// Longest session that ended in a drop.
    pub longest_session: Option<Duration>,
    /// Shortest session that ended in a drop.
    pub shortest_session: Option<Duration>,
    /// Mean length of the sessions that ended in a drop.
    pub average_session: Option<Duration>,
    /// Age of the session now; zero while down.
    pub current_session_uptime: Duration,
    /// Drops by error name (`"unknown"` for a nameless one).
    pub connection_drops_by_error: Arc<BTreeMap<String, u64>>,
    /// Recoveries by the attempts they took, see [`Metrics::ATTEMPT_CLASSES`].
    pub reconnection_attempts_distribution: Arc<BTreeMap<&'static str, u64>>,
    /// When the newest drop was detected.
    pub last_drop: Option<Stamp>,
    /// When the newest session was accepted.
    pub last_successful_connect: Option<Stamp>,
    /// Sessions accepted after a drop.
    pub connection_recovered: u64,
    /// Messages sent.
    pub messages_published: u64,
    /// Messages put in the queue.
    pub messages_queued: u64,

    /// Messages received.
    pub messages_received: u64,
    /// Failed connect attempts, first connects included.
    pub connect_failures: u64,
    /// Failed connect attempts by error name.
    pub failures_by_error: Arc<BTreeMap<String, u64>>,
    /// Drops by layer (`None` = not recorded).
    pub drops_by_layer: Arc<BTreeMap<Option<Layer>, u64>>,
    /// Drops by manner (`None` = not recorded).
    pub drops_by_how: Arc<BTreeMap<Option<DropKind>, u64>>,
    /// Connected + down; everything since `started`.
    pub observed: Duration,
    /// Time with a session.
    pub connected: Duration,
    /// Time without one, `planned_down` included.
    pub down: Duration,
    /// Time without a session after a requested disconnect.
    pub planned_down: Duration,
    /// Time of first connects before any of their attempts failed, within `down`.
    pub first_connect: Duration,
    /// Connected time without a proof of life: from the last packet of the peer to the detection of each drop that the peer did
    /// not announce.
    pub unproven: Duration,
    /// Sessions that ended in a drop and whose length is known.
    pub total_sessions: u64,
    /// Lengths of those sessions, newest last (at most 20).
    pub sample_durations: Arc<Vec<Duration>>,
    /// Distribution of their lengths.
    pub session_percentiles: Option<Percentiles>,
    /// Counts per length class for a small histogram, see [`Metrics::SESSION_BOUNDS`].
    pub session_histogram: Arc<Vec<u64>>,
    /// Distribution of the times to recover.
    pub recovery_percentiles: Option<Percentiles>,
    /// Mean time from drop to recovery (outages that ended).
    pub mttr: Option<Duration>,
    /// Time of the recorded connect attempts during outages; the rest of an outage is this client's own waiting.
    pub attempting: Duration,
    /// Steps of the wall clock seen.
    pub clock_steps: u64,
    /// Suspends seen.
    pub suspends: u64,
    /// Refused subscriptions since the run started.
    pub refused_subscriptions: u64,
}

impl Metrics {
    /// Upper bounds of the session-length classes, in seconds; the last class is open.
    pub const SESSION_BOUNDS: [u64; 11] = [1, 5, 15, 60, 300, 900, 1800, 3600, 14_400, 43_200, 86_400];

    /// The classes of [`Metrics::reconnection_attempts_distribution`], ascending.
    pub const ATTEMPT_CLASSES: [&'static str; 4] = ["1", "2-5", "6-10", "11+"];

    /// The class of a recovery that took so many attempts.
    pub(super) fn attempt_class(attempts: u32) -> &'static str {
        let [one, few, some, many] = Self::ATTEMPT_CLASSES;
        match attempts {
            0..=1 => one,
            2..=5 => few,
            6..=10 => some,
            _ => many,
        }
    }

    /// Connected share of the time that was meant to be connected, 0…1; `None` before any such time passed. A first connect
    /// that succeeds at once does not count.
    pub fn availability(&self) -> Option<f64> {
        self.share_of_planned_time(self.connected)
    }

    /// The least availability: a session may have died right after its last proof of life.
    pub fn proven_availability(&self) -> Option<f64> {
        self.share_of_planned_time(self.connected.saturating_sub(self.unproven))
    }

    fn share_of_planned_time(&self, connected: Duration) -> Option<f64> {
        let not_meant = self.planned_down + self.first_connect;
        let planned_up_secs = self.observed.saturating_sub(not_meant).as_secs_f64();
        (planned_up_secs > 0.0).then(|| (connected.as_secs_f64() / planned_up_secs).clamp(0.0, 1.0))
    }

    /// The longest session, the running one included.
    pub fn longest_with_running(&self) -> Option<Duration> {
        let running = Some(self.current_session_uptime).filter(|uptime| !uptime.is_zero());
        self.longest_session.max(running)
    }

    /// Mean length of the sessions. The running one counts once it is longer than the mean of the ended ones: until then its
    /// length says nothing.
    pub fn average_with_running(&self) -> Option<Duration> {
        let running = self.current_session_uptime;
        let ended = u32::try_from(self.total_sessions).unwrap_or(u32::MAX);
        match self.average_session {
            Some(mean) if running > mean && ended < u32::MAX => {
                mean.checked_mul(ended)?.checked_add(running)?.checked_div(ended + 1)
            }
            mean => mean,
        }
    }

    /// Share of the recovery times that this client itself waited between its attempts, 0…1; `None` where the attempts were not
    /// recorded or nothing has recovered.
    pub fn own_waiting_share(&self) -> Option<f64> {
        let recovered = u32::try_from(self.connection_recovered).ok().filter(|recovered| *recovered > 0)?;
        let recovering = self.mttr?.checked_mul(recovered)?.as_secs_f64();
        let is_known = !self.attempting.is_zero() && recovering > 0.0;
        is_known.then(|| (1.0 - self.attempting.as_secs_f64() / recovering).clamp(0.0, 1.0))
    }

    /// Mean time between failures: connected time per drop (exposure ÷ events, so that sessions still
    /// alive count); `None` without a drop.
    pub fn mtbf(&self) -> Option<Duration> {
        let drops = u32::try_from(self.total_connection_drops).unwrap_or(u32::MAX);
        self.connected.checked_div(drops)
    }
}

/// Points of a distribution of durations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentiles {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min: Duration,
    /// 10th percentile.
    pub p10: Duration,
    /// Median.
    pub p50: Duration,
    /// 90th percentile.
    pub p90: Duration,
    /// 99th percentile.
    pub p99: Duration,
    /// Largest.
    pub max: Duration,
}
