//! A clock that follows tokio's, paused or not.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::diagnostics::{Clock, ClockReading, Stamp};

#[derive(Debug)]
pub(super) struct SimulatedClock {
    origin: Instant,
    start: DateTime<Utc>,
}

impl SimulatedClock {
    /// Starts at noon of a Monday.
    pub(super) fn new() -> Arc<Self> {
        let start = DateTime::from_timestamp(1_785_758_400, 0).unwrap();
        Arc::new(Self { origin: Instant::now(), start })
    }
}

impl Clock for SimulatedClock {
    fn read(&self) -> ClockReading {
        let awake = self.origin.elapsed();
        let stamp = Stamp::new(self.start, Duration::ZERO).plus(awake);
        ClockReading { stamp, awake }
    }
}
