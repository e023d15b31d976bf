//! The time span of the timeline, divided into columns.

use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, TimeDelta, Timelike, Utc};

use crate::diagnostics::Stamp;

/// A time span divided into equal columns.
///
/// Columns are on a fixed grid of the boot clock: the timeline moves by whole columns, so that it does not
/// flicker from frame to frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimelineWindow {
    /// Length of one column in microseconds, at least 1.
    column_us: i64,
    /// Grid index of the first column; negative before the run.
    first: i64,
    /// Number of columns.
    columns: usize,
    /// Wall clock at boot clock zero, computed from the newest stamp.
    origin: DateTime<Utc>,
}

impl TimelineWindow {
    /// The `span` that ends `scroll` before `now`, in `columns` columns (at least one).
    pub(super) fn new(now: Stamp, span: Duration, scroll: Duration, columns: usize) -> Self {
        let columns = columns.max(1);
        let count = i64::try_from(columns).unwrap_or(i64::MAX);
        let column_us = (micros(span) / count).max(1);
        let last = (micros(now.boot).saturating_sub(micros(scroll))).div_euclid(column_us);
        let origin = now.wall.checked_sub_signed(TimeDelta::microseconds(micros(now.boot)));
        Self { column_us, first: last - count + 1, columns, origin: origin.unwrap_or(now.wall) }
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// The time span of one column.
    pub(super) fn column_span(&self) -> Duration {
        Duration::from_micros(self.column_us.unsigned_abs())
    }

    /// The column of an instant inside the window.
    pub(super) fn column_at(&self, boot: Duration) -> Option<usize> {
        self.column_of_index(micros(boot).div_euclid(self.column_us))
    }

    /// The first and last column that `from..to` overlaps; `None` if it is outside the window.
    pub(super) fn columns_between(&self, from: Duration, to: Duration) -> Option<(usize, usize)> {
        let start = micros(from).div_euclid(self.column_us);
        let end = (micros(to) - 1).max(micros(from)).div_euclid(self.column_us);
        let last = self.first + i64::try_from(self.columns).unwrap_or(i64::MAX) - 1;
        if end < self.first || start > last {
            return None;
        }
        Some((self.column_of_index(start.max(self.first))?, self.column_of_index(end.min(last))?))
    }

    fn column_of_index(&self, index: i64) -> Option<usize> {
        usize::try_from(index - self.first).ok().filter(|column| *column < self.columns)
    }

    /// Round local times inside the window: column and label, far enough apart to be readable.
    pub(super) fn ticks(&self, zone: FixedOffset) -> Vec<(usize, String)> {
        /// Minimum columns of a label and the space after it.
        const MIN_LABEL_COLUMNS: i64 = 10;
        const SECOND: i64 = 1_000_000;
        let steps =
            [1, 5, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];
        let fits = |step: &i64| step * SECOND >= self.column_us * MIN_LABEL_COLUMNS;
        let step = steps.into_iter().find(fits).unwrap_or(172_800) * SECOND;
        let zero = self.origin.with_timezone(&zone).naive_local();
        let zero_us = zero.and_utc().timestamp_micros();
        let start = self.first * self.column_us + zero_us;
        let end = start + self.column_us * i64::try_from(self.columns).unwrap_or(0);
        let mut ticks = Vec::new();
        let mut at = (start + step - 1).div_euclid(step) * step;
        while at < end {
            let column = usize::try_from((at - start) / self.column_us).unwrap_or(0);
            if let Some(moment) = DateTime::from_timestamp_micros(at) {
                ticks.push((column, label(moment, step < 60 * SECOND)));
            }
            at += step;
        }
        ticks
    }
}

/// `14:30`, `14:30:10`, and the date at midnight.
fn label(local: DateTime<Utc>, seconds: bool) -> String {
    if local.num_seconds_from_midnight() == 0 {
        return format!("{} {}", local.format("%b"), local.day());
    }
    local.format(if seconds { "%H:%M:%S" } else { "%H:%M" }).to_string()
}

fn micros(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use chrono::{Offset, TimeZone};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(boot: Duration) -> Stamp {
        let noon = Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).single().expect("a valid instant");
        Stamp::new(noon, Duration::ZERO).plus(boot)
    }

    #[test]
    fn now_is_in_the_last_column_and_the_grid_is_fixed() {
        let early = TimelineWindow::new(at(MINUTE * 60), MINUTE * 60, Duration::ZERO, 60);
        assert_eq!(early.column_at(MINUTE * 60), Some(59));
        assert_eq!(early.column_at(MINUTE * 61), None);
        let later = TimelineWindow::new(at(MINUTE * 60 + MINUTE / 2), MINUTE * 60, Duration::ZERO, 60);
        assert_eq!(early, later, "half a column later nothing has moved");
    }

    #[test]
    fn range_covers_every_column_it_overlaps() {
        let window = TimelineWindow::new(at(MINUTE * 59), MINUTE * 60, Duration::ZERO, 60);
        assert_eq!(window.columns_between(MINUTE * 10, MINUTE * 12), Some((10, 11)));
        assert_eq!(
            window.columns_between(MINUTE * 10, MINUTE * 12 + Duration::from_millis(1)),
            Some((10, 12))
        );
        assert_eq!(
            window.columns_between(MINUTE * 10, MINUTE * 10),
            Some((10, 10)),
            "an instant has a column"
        );
        assert_eq!(window.columns_between(Duration::ZERO, MINUTE * 600), Some((0, 59)));
        assert_eq!(window.columns_between(MINUTE * 60, MINUTE * 70), None);
    }

    #[test]
    fn ticks_are_round_local_times_with_a_date_at_midnight() {
        let utc = Utc.fix();
        let window = TimelineWindow::new(at(MINUTE * 60 * 24), MINUTE * 60 * 24, Duration::ZERO, 96);
        let ticks = window.ticks(utc);
        assert_eq!(ticks[0], (11, "15:00".into()), "a tick every three hours");
        let labels: Vec<_> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert!(labels.contains(&"Nov 21"), "{labels:?}");
        let half_past = FixedOffset::east_opt(5 * 3600 + 1800).expect("a valid offset");
        let shifted = window.ticks(half_past);
        assert!(shifted.iter().all(|(_, label)| label.ends_with(":00") || label == "Nov 21"), "{shifted:?}");
    }

    #[test]
    fn close_up_ticks_show_seconds() {
        let window = TimelineWindow::new(at(MINUTE * 5), MINUTE, Duration::ZERO, 60);
        assert_eq!(window.ticks(Utc.fix())[0].1.len(), "12:04:10".len());
    }
}
