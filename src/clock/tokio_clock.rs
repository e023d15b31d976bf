//! A clock on tokio's time, paused or not, for unit tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::diagnostics::{Clock, ClockReading, Stamp};

/// A clock that can be set forward: by time that timers count too, or by a suspend that they do not see.
#[derive(Debug)]
pub(crate) struct TokioClock {
    origin: Instant,
    start: DateTime<Utc>,
    skipped_secs: AtomicU64,
    suspended_ms: AtomicU64,
}

impl TokioClock {
    /// A clock that shows `start` now.
    pub(crate) fn starting(start: DateTime<Utc>) -> Arc<Self> {
        let (skipped_secs, suspended_ms) = (AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { origin: Instant::now(), start, skipped_secs, suspended_ms })
    }

    /// A clock that shows the Unix epoch now.
    pub(crate) fn at_epoch() -> Arc<Self> {
        Self::starting(DateTime::UNIX_EPOCH)
    }

    /// A clock that shows noon on a Monday (2026-08-03) now.
    pub(crate) fn at_noon() -> Arc<Self> {
        Self::starting(DateTime::UNIX_EPOCH + Duration::from_secs(1_785_758_400))
    }

    /// Advances all clocks at once.
    pub(crate) fn skip(&self, secs: u64) {
        self.skipped_secs.fetch_add(secs, Ordering::Relaxed);
    }

    /// Suspends the computer: time passes, but not for its timers.
    pub(crate) fn suspend(&self, ms: u64) {
        self.suspended_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TokioClock {
    fn read(&self) -> ClockReading {
        let awake = self.origin.elapsed() + Duration::from_secs(self.skipped_secs.load(Ordering::Relaxed));
        let boot = awake + Duration::from_millis(self.suspended_ms.load(Ordering::Relaxed));
        ClockReading { stamp: Stamp::new(self.start + boot, boot), awake }
    }
}
