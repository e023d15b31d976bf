//! The clocks of this computer. The only place that reads them.

#[cfg(all(test, feature = "link"))]
mod tokio_clock;

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::diagnostics::{Clock, ClockReading, Stamp};

#[cfg(all(test, feature = "link"))]
pub(crate) use tokio_clock::TokioClock;

/// The clocks of this computer, counted from the creation of this value.
#[derive(Debug)]
pub struct SystemClock {
    boot_origin: Duration,
    awake_origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is now.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock of the program")]
    pub fn new() -> Self {
        let awake_origin = Instant::now();
        Self { boot_origin: boot_time(awake_origin), awake_origin }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one clock of the program")]
    fn read(&self) -> ClockReading {
        let boot = boot_time(self.awake_origin).saturating_sub(self.boot_origin);
        ClockReading { stamp: Stamp::new(Utc::now(), boot), awake: self.awake_origin.elapsed() }
    }
}

/// A clock that continues while the computer sleeps.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot_time(_origin: Instant) -> Duration {
    clock_reading(rustix::time::ClockId::Boottime)
}

/// A clock that continues while the computer sleeps: on macOS the monotonic clock does.
#[cfg(target_vendor = "apple")]
fn boot_time(_origin: Instant) -> Duration {
    clock_reading(rustix::time::ClockId::Monotonic)
}

/// The standard clock on other systems (on Windows it counts sleep as well).
#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn boot_time(origin: Instant) -> Duration {
    origin.elapsed()
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn clock_reading(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(secs, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clocks_start_at_zero_and_only_move_forward() {
        let clock = SystemClock::new();
        let first = clock.read();
        assert!(first.stamp.boot < Duration::from_secs(5), "{first:?}");
        assert!(first.awake < Duration::from_secs(5), "{first:?}");
        let mut before = first;
        for _ in 0..1_000 {
            let now = clock.read();
            assert!(now.stamp.boot >= before.stamp.boot && now.awake >= before.awake);
            before = now;
        }
    }

    #[test]
    fn boot_and_awake_agree_while_the_computer_is_awake() {
        let clock = SystemClock::new();
        for _ in 0..100 {
            let now = clock.read();
            let apart = now.stamp.boot.abs_diff(now.awake);
            assert!(apart < Duration::from_secs(1), "{now:?}");
        }
    }
}
