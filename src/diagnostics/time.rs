//! When something happened, on both clocks.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// One instant read on both clocks together, where the event was observed.
///
/// `wall` says *when* (it can be stepped by NTP or a person); `boot` says *how long* (it only moves
/// forward and counts the time the computer slept). Every duration comes from `boot`.
///
/// Both are rounded to what a recording stores (wall: 1 ms, boot: 1 µs), so that a replayed event
/// carries exactly the stamp the live event had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// UTC wall-clock time, truncated to milliseconds.
    pub wall: DateTime<Utc>,
    /// Boot-clock time since the run started, truncated to microseconds.
    pub boot: Duration,
}

impl Stamp {
    /// Makes a stamp, truncating both clocks to recording precision.
    pub fn new(wall: DateTime<Utc>, boot: Duration) -> Self {
        Self {
            wall: wall.trunc_subsecs(3),
            boot: Duration::new(boot.as_secs(), boot.subsec_micros() * 1_000),
        }
    }

    /// Time from `earlier` to `self` on the boot clock; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.boot.saturating_sub(earlier.boot)
    }

    /// The stamp `elapsed` later on both clocks.
    #[must_use]
    pub fn plus(self, elapsed: Duration) -> Self {
        let wall = chrono::TimeDelta::from_std(elapsed)
            .ok()
            .and_then(|delta| self.wall.checked_add_signed(delta))
            .unwrap_or(self.wall);
        Self::new(wall, self.boot.saturating_add(elapsed))
    }
}

/// One reading of the three clocks a suspend or a clock step can be told from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The stamp given to events.
    pub stamp: Stamp,
    /// A clock that stands still while the computer sleeps, from the same origin as `stamp.boot`.
    pub awake: Duration,
}

/// The one port through which time enters the program.
///
/// Everything below the edges takes stamps as arguments; tests implement this over simulated time.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Reads all clocks together.
    fn read(&self) -> ClockReading;

    /// The stamp of this moment.
    fn now(&self) -> Stamp {
        self.read().stamp
    }
}
