//! A clock that follows tokio's, paused or not, and can be advanced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::diagnostics::{Clock, ClockReading, Stamp};

#[derive(Debug)]
pub(super) struct SimulatedClock {
    origin: Instant,
    start: DateTime<Utc>,
    skipped_secs: AtomicU64,
}

impl SimulatedClock {
    /// Starts at noon on a Monday.
    pub(super) fn new() -> Arc<Self> {
        let start = DateTime::from_timestamp(1_785_758_400, 0).unwrap();
        Arc::new(Self { origin: Instant::now(), start, skipped_secs: AtomicU64::new(0) })
    }

    /// Advances the time at once, for tests with real sockets.
    pub(super) fn skip(&self, secs: u64) {
        self.skipped_secs.fetch_add(secs, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn read(&self) -> ClockReading {
        let awake = self.origin.elapsed() + Duration::from_secs(self.skipped_secs.load(Ordering::Relaxed));
        let stamp = Stamp::new(self.start, Duration::ZERO).plus(awake);
        ClockReading { stamp, awake }
    }
}
