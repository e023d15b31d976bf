//! Formats of durations, sizes, counts and times: short, with units, of bounded width.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};

/// Placeholder of an unknown figure.
pub const UNKNOWN: &str = "-";

/// A running duration to the second: `04:12:09`, `3d 04:12:09`. At most 15 columns.
pub fn uptime(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (days, hours, minutes, seconds) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60);
    match days {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        1..=99_999 => format!("{days}d {hours:02}:{minutes:02}:{seconds:02}"),
        _ => ">99999d".to_owned(),
    }
}

/// A duration in one unit: `41 ms`, `1.9 s`, `291 s`, `12 min`, `5.2 h`, `3.4 d`. At most 7 columns.
///
/// Seconds are used up to ten minutes, because idle times are compared with keep-alive values.
pub fn short(duration: Duration) -> String {
    let secs = duration.as_secs_f64();
    match secs {
        ..0.9995 => format!("{:.0} ms", secs * 1e3),
        ..9.95 => format!("{secs:.1} s"),
        ..600.0 => format!("{secs:.0} s"),
        ..5_970.0 => format!("{:.0} min", secs / 60.0),
        ..172_620.0 => format!("{:.1} h", secs / 3_600.0),
        ..8_596_800.0 => format!("{:.1} d", secs / 86_400.0),
        ..86_313_600.0 => format!("{:.0} d", secs / 86_400.0),
        _ => ">999 d".to_owned(),
    }
}

/// Like [`short`], or [`UNKNOWN`].
pub fn short_or_unknown(duration: Option<Duration>) -> String {
    duration.map_or_else(|| UNKNOWN.to_owned(), short)
}

/// A replay speed: `0.5x`, `7.5x`, `60x`, `3600x`.
pub fn speed(factor: f64) -> String {
    let tenths = (factor * 10.0).round() / 10.0;
    if tenths < 10.0 && tenths.fract() != 0.0 { format!("{tenths:.1}x") } else { format!("{tenths:.0}x") }
}

/// Milliseconds: `0.3 ms`, `41 ms`, `1.9 s`. At most 7 columns; [`UNKNOWN`] for a negative value or NaN.
pub fn millis(ms: f64) -> String {
    match Duration::try_from_secs_f64(ms / 1e3) {
        Ok(_) if ms < 9.95 => format!("{ms:.1} ms"),
        Ok(duration) => short(duration),
        Err(_) => UNKNOWN.to_owned(),
    }
}

/// A count: `7`, `9999`, `12.3 k`, `1.23 M`. At most 6 columns.
pub fn count(count: u64) -> String {
    if count < 10_000 {
        return count.to_string();
    }
    scaled(count, 1_000, &["k", "M", "G", "T", "P", "E"])
}

/// A size: `512 B`, `1.20 KiB`, `64.0 MiB`. At most 8 columns.
pub fn bytes(bytes: u64) -> String {
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    scaled(bytes, 1_024, &["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"])
}

/// Three significant digits and a unit; `value` is at least `base`.
fn scaled(value: u64, base: u64, units: &[&str]) -> String {
    let mut unit = 0;
    let mut divisor = u128::from(base);
    // Switch to the next unit where rounding to three digits would give a fourth.
    while unit + 1 < units.len() && u128::from(value) * 2 >= divisor * 1_999 {
        divisor *= u128::from(base);
        unit += 1;
    }
    let (value, name) = (u128::from(value), units[unit]);
    let rounded = |parts: u128| (value * parts * 2 + divisor) / (divisor * 2);
    if value * 1_000 < divisor * 9_995 {
        format!("{}.{:02} {name}", rounded(100) / 100, rounded(100) % 100)
    } else if value * 100 < divisor * 9_995 {
        format!("{}.{} {name}", rounded(10) / 10, rounded(10) % 10)
    } else {
        format!("{} {name}", rounded(1))
    }
}

/// A share 0…1: `99.71 %`. Never rounded up to 100 % or down to 0 %. At most 8 columns.
pub fn percent(share: f64) -> String {
    if share >= 1.0 {
        "100 %".to_owned()
    } else if share > 0.0 {
        format!("{:.2} %", (share * 100.0).clamp(0.01, 99.99))
    } else {
        "0 %".to_owned()
    }
}

/// How long ago: `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. At most 11 columns.
pub fn age(duration: Duration) -> String {
    match duration.as_secs() {
        0..2 => "just now".to_owned(),
        secs @ 2..60 => format!("{secs} s ago"),
        secs @ 60..3_600 => format!("{} min ago", secs / 60),
        secs @ 3_600..172_800 => format!("{} h ago", secs / 3_600),
        secs @ 172_800..86_400_000 => format!("{} d ago", secs / 86_400),
        _ => ">999 d ago".to_owned(),
    }
}

/// Local time of day: `14:03:22`.
pub fn time_of_day(at: DateTime<Utc>, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%H:%M:%S").to_string()
}

/// Local time of day to the millisecond: `14:03:22.417`.
pub fn time_of_day_ms(at: DateTime<Utc>, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%H:%M:%S%.3f").to_string()
}

/// Local time to the minute, for axes: `14:03`.
pub fn time_of_day_minute(at: DateTime<Utc>, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%H:%M").to_string()
}

/// Local day, for axes of several days: `Nov 20`.
pub fn day(at: DateTime<Utc>, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%b %d").to_string()
}

/// For lists: `14:03:22` on the local day of `now`, else `Nov 20 14:03`. At most 12 columns.
pub fn time_or_date(at: DateTime<Utc>, now: DateTime<Utc>, offset: FixedOffset) -> String {
    let local = at.with_timezone(&offset);
    if local.date_naive() == now.with_timezone(&offset).date_naive() {
        return time_of_day(at, offset);
    }
    local.format("%b %d %H:%M").to_string()
}

/// In full with the zone: `2026-11-20 14:03:22 +01:00`.
pub fn date_time(at: DateTime<Utc>, offset: FixedOffset) -> String {
    at.with_timezone(&offset).format("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        let secs = Duration::from_secs;
        assert_eq!(uptime(secs(4 * 3600 + 12 * 60 + 9)), "04:12:09");
        assert_eq!(uptime(secs(3 * 86_400 + 4 * 3600 + 12 * 60 + 9)), "3d 04:12:09");
        let cases = [
            (0.041, "41 ms"),
            (0.9996, "1.0 s"),
            (1.9, "1.9 s"),
            (291.2, "291 s"),
            (720.0, "12 min"),
            (18_800.0, "5.2 h"),
            (300_000.0, "3.5 d"),
            (8_600_000.0, "100 d"),
        ];
        for (secs, text) in cases {
            assert_eq!(short(Duration::from_secs_f64(secs)), text);
        }
        assert_eq!(short_or_unknown(None), "-");
        assert_eq!(
            (millis(0.31), millis(41.0), millis(1900.0)),
            ("0.3 ms".into(), "41 ms".into(), "1.9 s".into())
        );
        assert_eq!((millis(f64::NAN), millis(-1.0)), ("-".into(), "-".into()));
        assert_eq!(
            (age(secs(1)), age(secs(61)), age(secs(7_300))),
            ("just now".into(), "1 min ago".into(), "2 h ago".into())
        );
    }

    #[test]
    fn counts_sizes_and_shares() {
        let counts = [
            (9_999, "9999"),
            (12_340, "12.3 k"),
            (999_499, "999 k"),
            (999_500, "1.00 M"),
            (1_234_567, "1.23 M"),
        ];
        for (n, text) in counts {
            assert_eq!(count(n), text);
        }
        assert_eq!(
            (bytes(512), bytes(1_229), bytes(64 << 20)),
            ("512 B".into(), "1.20 KiB".into(), "64.0 MiB".into())
        );
        let shares = [
            (1.0, "100 %"),
            (0.999_999, "99.99 %"),
            (0.5, "50.00 %"),
            (0.000_001, "0.01 %"),
            (f64::NAN, "0 %"),
        ];
        for (share, text) in shares {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn times_are_local() {
        let at = Utc.with_ymd_and_hms(2026, 11, 20, 23, 3, 22).unwrap();
        let offset = FixedOffset::east_opt(3_600).unwrap();
        assert_eq!(time_of_day(at, offset), "00:03:22");
        assert_eq!(time_of_day_ms(at, offset), "00:03:22.000");
        assert_eq!(time_or_date(at, at, offset), "00:03:22");
        assert_eq!(time_or_date(at, at + chrono::TimeDelta::days(1), offset), "Nov 21 00:03");
        assert_eq!(date_time(at, offset), "2026-11-21 00:03:22 +01:00");
        assert_eq!((time_of_day_minute(at, offset), day(at, offset)), ("00:03".into(), "Nov 21".into()));
    }

    proptest! {
        #[test]
        fn widths_are_bounded(secs in any::<u64>(), nanos in 0_u32..1_000_000_000, shift in 0_u32..64, share in any::<f64>()) {
            let secs = secs >> shift;
            let duration = Duration::new(secs, nanos);
            prop_assert!(uptime(duration).len() <= 15, "{}", uptime(duration));
            prop_assert!(short(duration).len() <= 7, "{}", short(duration));
            prop_assert!(age(duration).len() <= 11, "{}", age(duration));
            prop_assert!(count(secs).len() <= 6, "{}", count(secs));
            prop_assert!(bytes(secs).len() <= 8, "{}", bytes(secs));
            prop_assert!(percent(share).len() <= 8, "{}", percent(share));
            prop_assert!(millis(share).len() <= 7, "{}", millis(share));
        }
    }
}
