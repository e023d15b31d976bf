//! The time from the first line to a line, independent of steps of the wall clock.
//!
//! With `m` (boot clock) it is `base + m`; the base is set again at every `started`. Without `m` the order in
//! the file is the true order, and steps of the wall clock are subtracted.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::Stamp;
use super::super::clock_watch::clock_step_secs;
use super::super::event::{Event, SystemSource};

/// A wall clock that goes back further than this, in microseconds, was stepped.
const STEP_US: i64 = 5_000_000;
/// Agreement of wall and boot clock, in microseconds, within which a `started` continues the same axis
/// (`t` is rounded to a millisecond).
const ALIGNED_US: i64 = 2_000;

/// Puts the lines of one or several runs on one axis of boot time. No duration within a run comes from the
/// wall clock.
#[derive(Debug, Clone, Default)]
pub(super) struct TimeAxis {
    /// What to add to `m`, in microseconds.
    base: i64,
    /// Sum of the steps of the wall clock seen, in microseconds.
    steps: i64,
    /// Newest `m`, in microseconds.
    last_m: Option<i64>,
    last: Option<LatestLine>,
}

/// The latest line so far.
#[derive(Debug, Clone, Copy)]
struct LatestLine {
    /// Wall clock without its steps, in microseconds.
    wall: i64,
    /// Position on the axis, in microseconds.
    boot: i64,
}

impl TimeAxis {
    /// The stamp of the next line; `m` in microseconds.
    pub(super) fn stamp(&mut self, wall: DateTime<Utc>, m: Option<i64>, event: &Event) -> Stamp {
        if let Event::System { source: SystemSource::Clock, message } = event {
            self.steps = self.steps.saturating_add(clock_step_secs(message).and_then(micros).unwrap_or(0));
        }
        let wall_us = wall.timestamp_micros().saturating_sub(self.steps);
        let boot = match m {
            Some(m) => self.position_from_boot_clock(wall_us, m, matches!(event, Event::Started(_))),
            None => self.position_from_wall_clock(wall_us),
        };
        let latest = self.last.unwrap_or(LatestLine { wall: i64::MIN, boot: 0 });
        let corrected = wall.timestamp_micros().saturating_sub(self.steps);
        self.last = Some(LatestLine { wall: latest.wall.max(corrected), boot: latest.boot.max(boot) });
        Stamp::new(wall, Duration::from_micros(u64::try_from(boot).unwrap_or(0)))
    }

    fn position_from_boot_clock(&mut self, wall: i64, m: i64, started: bool) -> i64 {
        if let Some(last) = self.last {
            // A boot clock that falls back is a run whose `started` line was lost.
            let new_axis = self.last_m.is_none_or(|newest| m < newest.saturating_sub(STEP_US));
            let continued = last.boot.saturating_add(wall.saturating_sub(last.wall).max(0));
            let off_by = continued.saturating_sub(self.base.saturating_add(m));
            if (started || new_axis) && off_by.saturating_abs() > ALIGNED_US {
                self.base = continued.saturating_sub(m);
            }
        }
        self.last_m = Some(m);
        self.base.saturating_add(m)
    }

    fn position_from_wall_clock(&mut self, wall: i64) -> i64 {
        let Some(last) = self.last else { return 0 };
        let elapsed = wall.saturating_sub(last.wall);
        if elapsed < -STEP_US {
            self.steps = self.steps.saturating_add(elapsed);
        }
        last.boot.saturating_add(elapsed.max(0))
    }
}

/// Seconds as whole microseconds; `None` outside ±317 years.
pub(super) fn micros(secs: f64) -> Option<i64> {
    const LIMIT: f64 = 1e10;
    #[expect(clippy::cast_possible_truncation, reason = "bounded by LIMIT just before")]
    (secs.is_finite() && secs.abs() <= LIMIT).then(|| (secs * 1e6).round() as i64)
}
