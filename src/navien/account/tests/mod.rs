//! The account against documented and undocumented answers.

mod cloud;
mod scripted;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::AccountSettings;
use crate::diagnostics::{Clock, ClockReading, Stamp};

const EMAIL: &str = "owner@example.invalid";
const PASSWORD: &str = "correct-horse-battery";

/// Follows tokio's time, paused or not, and can be set forward.
#[derive(Debug)]
struct SkippingClock {
    origin: Instant,
    start: DateTime<Utc>,
    skipped_secs: AtomicU64,
}

impl SkippingClock {
    fn new() -> Arc<Self> {
        let start = DateTime::from_timestamp(1_785_758_400, 0).unwrap();
        Arc::new(Self { origin: Instant::now(), start, skipped_secs: AtomicU64::new(0) })
    }

    fn skip(&self, secs: u64) {
        self.skipped_secs.fetch_add(secs, Ordering::Relaxed);
    }
}

impl Clock for SkippingClock {
    fn read(&self) -> ClockReading {
        let skipped = Duration::from_secs(self.skipped_secs.load(Ordering::Relaxed));
        let awake = self.origin.elapsed() + skipped;
        ClockReading { stamp: Stamp::new(self.start, Duration::ZERO).plus(awake), awake }
    }
}

fn settings(cache: Option<PathBuf>) -> AccountSettings {
    AccountSettings {
        email: EMAIL.to_owned(),
        password: PASSWORD.into(),
        cloud: "https://cloud.example/api".to_owned(),
        cache,
    }
}
