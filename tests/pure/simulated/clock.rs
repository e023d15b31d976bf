//! The clocks of a computer whose timers are tokio's paused ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dropscope::diagnostics::{Clock, ClockReading, Stamp};
use tokio::time::Instant;

/// A clock that starts at a fixed instant, can be suspended, and whose wall clock can be stepped.
#[derive(Debug)]
pub(crate) struct SimClock {
    origin: Instant,
    start: DateTime<Utc>,
    slept_ms: AtomicU64,
    stepped_ms: AtomicI64,
}

impl SimClock {
    /// A clock that shows `start` now.
    pub(crate) fn starting(start: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            start,
            slept_ms: AtomicU64::new(0),
            stepped_ms: AtomicI64::new(0),
        })
    }

    /// Suspends the computer: time passes, but not for its timers.
    pub(crate) fn sleep(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).expect("a sleep of some days at most");
        self.slept_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Steps the wall clock, forwards or backwards.
    pub(crate) fn step(&self, by: TimeDelta) {
        self.stepped_ms.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn read(&self) -> ClockReading {
        let awake = self.origin.elapsed();
        let boot = awake + Duration::from_millis(self.slept_ms.load(Ordering::Relaxed));
        let stepped = TimeDelta::milliseconds(self.stepped_ms.load(Ordering::Relaxed));
        ClockReading { stamp: Stamp::new(self.start + boot + stepped, boot), awake }
    }
}
