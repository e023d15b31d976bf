//! When something happened, on both clocks.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// One instant read on both clocks together, where the event was observed.
///
/// `wall` is the date and time (NTP or a person can step it); `boot` measures durations (it only moves
/// forward and includes the time the computer slept). Every duration comes from `boot`.
///
/// Both are rounded to what a recording stores (wall: 1 ms, boot: 1 µs), so that a replayed event
/// carries exactly the stamp the live event had.
///
/// Stamps are ordered by the boot clock: a later one is greater even if the wall clock was set back in
/// between. (The order of the fields is the order of comparison.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Boot-clock time since the run started, truncated to microseconds.
    pub boot: Duration,
    /// UTC wall-clock time, truncated to milliseconds.
    pub wall: DateTime<Utc>,
}

impl Stamp {
    /// Makes a stamp, truncating both clocks to recording precision.
    pub fn new(wall: DateTime<Utc>, boot: Duration) -> Self {
        Self {
            wall: wall.trunc_subsecs(3),
            boot: Duration::new(boot.as_secs(), boot.subsec_micros() * 1_000),
        }
    }

    /// Whether `due` is reached, by the boot clock alone. (The order of stamps is not enough: at one instant
    /// of the boot clock it goes by the wall clock, which may have been set back since `due` was computed.)
    pub fn has_reached(self, due: Self) -> bool {
        self.boot >= due.boot
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

    /// The stamp `elapsed` earlier on both clocks. The boot clock does not go below zero; a wall clock
    /// that cannot go back so far keeps its time.
    #[must_use]
    pub fn minus(self, elapsed: Duration) -> Self {
        let wall = chrono::TimeDelta::from_std(elapsed)
            .ok()
            .and_then(|delta| self.wall.checked_sub_signed(delta))
            .unwrap_or(self.wall);
        Self::new(wall, self.boot.saturating_sub(elapsed))
    }
}

/// One reading of the three clocks that reveal a suspend or a clock step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The stamp given to events.
    pub stamp: Stamp,
    /// A clock that stops while the computer sleeps, from the same origin as `stamp.boot`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_ordered_by_boot_time() {
        let noon: DateTime<Utc> = "2026-08-03T12:00:00Z".parse().expect("a time");
        let before = Stamp::new(noon, Duration::from_secs(10));
        let set_back = Stamp::new(noon - chrono::TimeDelta::hours(1), Duration::from_secs(11));
        assert!(set_back > before);
        assert_eq!(before.max(set_back).since(before), Duration::from_secs(1));
        let due = before.plus(Duration::from_secs(1));
        assert!(set_back.has_reached(due) && due.has_reached(set_back) && !before.has_reached(due));
    }

    #[test]
    fn plus_and_minus_move_both_clocks_and_stop_at_their_ends() {
        let noon = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::from_secs(10));
        let moved = noon.minus(Duration::from_millis(2_500));
        assert_eq!(moved.boot, Duration::from_millis(7_500));
        assert_eq!((noon.wall - moved.wall).num_milliseconds(), 2_500);
        assert_eq!(moved.plus(Duration::from_millis(2_500)), noon);
        assert_eq!(noon.minus(Duration::from_secs(60)).boot, Duration::ZERO);
        assert_eq!(noon.minus(Duration::MAX), Stamp { boot: Duration::ZERO, wall: noon.wall });
        assert_eq!(noon.plus(Duration::MAX).wall, noon.wall);
    }
}
