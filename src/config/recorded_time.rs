//! The text form of a position in a recording.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Days, NaiveDateTime, NaiveTime, TimeZone, Utc};

use super::values::{HumanDuration, ValueError};

/// Forms of a date with a time of day, the zone being that of the reader.
const DATE_TIME_FORMATS: [&str; 4] =
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"];
/// Forms of a time of day.
const TIME_FORMATS: [&str; 2] = ["%H:%M:%S", "%H:%M"];

/// A position in a recording: an offset from an end, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedTime {
    /// This long after the first event.
    FromBeginning(Duration),
    /// This long before the last event.
    FromEnd(Duration),
    /// An instant.
    At(DateTime<Utc>),
    /// A date and a time of day in the reader's time zone.
    LocalDateTime(NaiveDateTime),
    /// The first such time of day in the reader's time zone.
    LocalTime(NaiveTime),
}

impl FromStr for RecordedTime {
    type Err = ValueError;

    /// `90`, `1h30m`, `-10m`, `14:05`, `2026-11-20 14:05`, `2026-11-20T14:05:00Z`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix('-') {
            let HumanDuration(ago) = rest.parse().map_err(|_| ValueError::RecordedTime)?;
            return Ok(Self::FromEnd(ago));
        }
        if let Ok(HumanDuration(offset)) = text.trim_start_matches('+').parse() {
            return Ok(Self::FromBeginning(offset));
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(at.to_utc()));
        }
        let date_time =
            DATE_TIME_FORMATS.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let time_of_day = || TIME_FORMATS.iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok());
        date_time
            .map(Self::LocalDateTime)
            .or_else(|| time_of_day().map(Self::LocalTime))
            .ok_or(ValueError::RecordedTime)
    }
}

impl RecordedTime {
    /// The instant in a recording that starts at `start`, for a reader in `zone`; `None` for an offset from an end.
    pub fn instant<Z: TimeZone>(self, start: DateTime<Utc>, zone: &Z) -> Option<DateTime<Utc>> {
        match self {
            Self::FromBeginning(_) | Self::FromEnd(_) => None,
            Self::At(at) => Some(at),
            Self::LocalDateTime(local) => Some(utc(local, zone)),
            Self::LocalTime(time) => {
                let today = start.with_timezone(zone).date_naive();
                let same_day = utc(today.and_time(time), zone);
                if same_day >= start {
                    return Some(same_day);
                }
                let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
                Some(utc(tomorrow.and_time(time), zone))
            }
        }
    }
}

/// A local time that a daylight-saving change skips counts as UTC.
fn utc<Z: TimeZone>(local: NaiveDateTime, zone: &Z) -> DateTime<Utc> {
    zone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let secs = Duration::from_secs;
        let day = "2026-11-20T14:05:00Z".parse::<DateTime<Utc>>().expect("a time");
        let local = day.naive_utc();
        for (text, expected) in [
            ("90", Some(RecordedTime::FromBeginning(secs(90)))),
            ("+1h30m", Some(RecordedTime::FromBeginning(secs(5_400)))),
            ("-10m", Some(RecordedTime::FromEnd(secs(600)))),
            ("-0", Some(RecordedTime::FromEnd(secs(0)))),
            ("2026-11-20T15:05:00+01:00", Some(RecordedTime::At(day))),
            ("2026-11-20 14:05", Some(RecordedTime::LocalDateTime(local))),
            ("14:05", Some(RecordedTime::LocalTime(local.time()))),
            ("14:05:00", Some(RecordedTime::LocalTime(local.time()))),
            ("noon", None),
            ("--5", None),
            ("25:00", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<RecordedTime>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_time_of_day_means_its_first_occurrence_after_the_start() {
        let start: DateTime<Utc> = "2026-11-20T22:30:00Z".parse().expect("a time");
        let zone = FixedOffset::east_opt(3_600).expect("a zone");
        for (text, expected) in [
            ("23:45", "2026-11-20T22:45:00Z"),
            ("23:15", "2026-11-21T22:15:00Z"),
            ("00:10", "2026-11-20T23:10:00Z"),
            ("2026-11-25 01:00", "2026-11-25T00:00:00Z"),
        ] {
            let time: RecordedTime = text.parse().expect("a time");
            let expected: Option<DateTime<Utc>> = expected.parse().ok();
            assert_eq!(time.instant(start, &zone), expected, "{text}");
        }
        assert_eq!(RecordedTime::FromEnd(Duration::ZERO).instant(start, &zone), None);
    }
}
