//! Delays between connect attempts: exponential backoff with jitter.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::settings::BackoffSettings;

/// The next attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RetryPlan {
    /// Time until it starts.
    pub(super) delay: Duration,
    /// Whether everything is rebuilt for it.
    pub(super) deep: bool,
}

/// Exponential growth with jitter. It starts over only after a session that was stable for long enough, so
/// that a broker that accepts and drops at once is not flooded with connects.
#[derive(Debug)]
pub(super) struct Backoff {
    settings: BackoffSettings,
    random: StdRng,
    /// Attempts planned since the last stable session.
    level: u32,
}

impl Backoff {
    pub(super) fn new(settings: BackoffSettings, seed: u64) -> Self {
        Self { settings, random: StdRng::seed_from_u64(seed), level: 0 }
    }

    /// Plans reconnect attempt number `attempt` (1, 2, …) of this outage; `None` = give up.
    /// `since_connect` is the time since the last CONNECT, if there was one.
    pub(super) fn next_retry(&mut self, attempt: u32, since_connect: Option<Duration>) -> Option<RetryPlan> {
        if self.settings.max_attempts.is_some_and(|most| attempt > most) {
            return None;
        }
        let growth = self.settings.multiplier.max(1.0).powf(f64::from(self.level));
        self.level = self.level.saturating_add(1);
        let jitter = self.random.random_range(0.5..=1.5);
        let max = self.settings.max.as_secs_f64();
        let secs = (self.settings.initial.as_secs_f64() * growth).min(max) * jitter;
        let delay = Duration::try_from_secs_f64(secs.min(max)).unwrap_or(self.settings.max);
        let threshold = self.settings.deep_threshold;
        let deep = threshold > 0 && attempt >= threshold && attempt.is_multiple_of(threshold);
        Some(RetryPlan { delay: delay.max(self.remaining_connect_interval(since_connect)), deep })
    }

    /// Shortest delay that keeps the required interval between two CONNECTs.
    pub(super) fn remaining_connect_interval(&self, since_connect: Option<Duration>) -> Duration {
        since_connect.map_or(Duration::ZERO, |since| self.settings.min_connect_interval.saturating_sub(since))
    }

    /// A session ended at the age of `session_age`.
    pub(super) fn session_ended(&mut self, session_age: Duration) {
        if session_age >= self.settings.stable_after {
            self.level = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(value: f64) -> Duration {
        Duration::from_secs_f64(value)
    }

    #[test]
    fn delays_grow_within_the_jitter_and_stop_at_the_maximum() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 7);
        let nominal = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0];
        for (index, nominal) in nominal.into_iter().enumerate() {
            let attempt = u32::try_from(index + 1).unwrap();
            let plan = backoff.next_retry(attempt, None).unwrap();
            assert!(plan.delay >= secs(nominal * 0.5) && plan.delay <= secs((nominal * 1.5).min(60.0)));
            assert_eq!(plan.deep, attempt.is_multiple_of(5), "attempt {attempt}");
        }
    }

    #[test]
    fn only_a_stable_session_resets_the_backoff() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 1);
        for _ in 0..8 {
            backoff.next_retry(1, None);
            backoff.session_ended(Duration::from_secs(29));
        }
        assert!(backoff.next_retry(1, None).unwrap().delay >= secs(30.0));
        backoff.session_ended(Duration::from_secs(30));
        assert!(backoff.next_retry(1, None).unwrap().delay <= secs(0.75));
    }

    #[test]
    fn backoff_gives_up_after_the_configured_attempts() {
        let settings = BackoffSettings { max_attempts: Some(2), ..BackoffSettings::default() };
        let mut backoff = Backoff::new(settings, 1);
        assert!(backoff.next_retry(1, None).is_some() && backoff.next_retry(2, None).is_some());
        assert_eq!(backoff.next_retry(3, None), None);
    }

    #[test]
    fn delays_depend_on_the_seed_only() {
        let delays = |seed| {
            let mut backoff = Backoff::new(BackoffSettings::default(), seed);
            (1..9).map(|attempt| backoff.next_retry(attempt, None).unwrap().delay).collect::<Vec<_>>()
        };
        assert_eq!(delays(3), delays(3));
        assert_ne!(delays(3), delays(4));
    }

    proptest! {
        #[test]
        fn delays_respect_the_connect_interval_and_the_maximum(
            seed: u64,
            initial in 0u64..10_000,
            max in 1_000u64..100_000,
            multiplier in 0.0f64..10.0,
            since in proptest::option::of(0u64..3_000),
        ) {
            let settings = BackoffSettings {
                initial: Duration::from_millis(initial),
                max: Duration::from_millis(max),
                multiplier,
                ..BackoffSettings::default()
            };
            let mut backoff = Backoff::new(settings, seed);
            let since = since.map(Duration::from_millis);
            for attempt in 1..60 {
                let plan = backoff.next_retry(attempt, since).unwrap();
                prop_assert!(plan.delay <= settings.max);
                if let Some(since) = since {
                    prop_assert!(plan.delay + since >= settings.min_connect_interval);
                }
            }
        }
    }
}
