//! Detects a stepped wall clock and a sleeping computer.

use std::time::Duration;

use super::event::SystemSource;
use super::{ClockReading, Event};

/// Compares successive readings of the three clocks.
///
/// * wall − boot changed → the wall clock was stepped (NTP, a person, a time zone mishap);
/// * boot − awake changed → the computer slept in between.
#[derive(Debug, Default)]
pub struct ClockMonitor {
    last: Option<ClockReading>,
}

impl ClockMonitor {
    /// Disagreement of wall and boot clock that counts as a step. NTP slews by 0.05 % at most, which
    /// is far below this at one reading a second.
    pub const MIN_STEP: Duration = Duration::from_secs(1);
    /// Disagreement of boot and awake clock that counts as sleep.
    pub const MIN_SLEEP: Duration = Duration::from_secs(2);

    /// Takes a reading; returns what happened since the one before.
    pub fn observe(&mut self, now: ClockReading) -> Vec<Event> {
        let Some(last) = self.last.replace(now) else { return Vec::new() };
        let boot = now.stamp.since(last.stamp);
        let awake = now.awake.saturating_sub(last.awake);
        let mut events = Vec::new();
        let slept = boot.saturating_sub(awake);
        if slept >= Self::MIN_SLEEP {
            let message = format!("this computer slept for {} s", slept.as_secs());
            events.push(Event::System { source: SystemSource::Power, message });
        }
        let wall_ms = (now.stamp.wall - last.stamp.wall).num_milliseconds();
        let step_ms = wall_ms - i64::try_from(boot.as_millis()).unwrap_or(i64::MAX);
        if step_ms.unsigned_abs() >= Self::MIN_STEP.as_secs() * 1_000 {
            let message = clock_step_message(step_ms);
            events.push(Event::System { source: SystemSource::Clock, message });
        }
        events
    }
}

/// The message of a step of the wall clock, to a tenth of a second: `wall clock stepped by +30.0 s`.
fn clock_step_message(step_ms: i64) -> String {
    let tenths = (step_ms.unsigned_abs() + 50) / 100;
    let sign = if step_ms < 0 { '-' } else { '+' };
    format!("wall clock stepped by {sign}{}.{} s", tenths / 10, tenths % 10)
}

/// The seconds in a message about a step of the wall clock; other programs may omit the space before `s`.
pub(super) fn clock_step_secs(message: &str) -> Option<f64> {
    let (_, rest) = message.split_once("stepped by ")?;
    rest.split_whitespace().next()?.trim_end_matches('s').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Stamp;
    use chrono::{DateTime, TimeDelta};

    fn reading(wall: f64, boot: f64, awake: f64) -> ClockReading {
        #[expect(clippy::cast_possible_truncation, reason = "test values are small")]
        let wall = DateTime::UNIX_EPOCH + TimeDelta::milliseconds((wall * 1000.0) as i64);
        ClockReading {
            stamp: Stamp::new(wall, Duration::from_secs_f64(boot)),
            awake: Duration::from_secs_f64(awake),
        }
    }

    #[test]
    fn the_step_is_read_back_from_its_message() {
        for (step_ms, secs) in [(30_000, 30.0), (-3_600_000, -3600.0), (1_049, 1.0), (-1_050, -1.1)] {
            assert_eq!(clock_step_secs(&clock_step_message(step_ms)), Some(secs));
        }
        assert_eq!(clock_step_secs("stepped by -2.5s"), Some(-2.5));
        assert_eq!(clock_step_secs("synchronized"), None);
    }

    #[test]
    fn sleep_and_clock_step_are_distinguished() {
        let cases = [
            ((1.0, 1.0, 1.0), vec![]),
            ((32.0, 32.0, 1.5), vec!["this computer slept for 30 s"]),
            ((31.0, 1.0, 1.0), vec!["wall clock stepped by +30.0 s"]),
            ((-59.5, 1.0, 1.0), vec!["wall clock stepped by -60.5 s"]),
            ((92.0, 32.0, 2.0), vec!["this computer slept for 30 s", "wall clock stepped by +60.0 s"]),
        ];
        for ((wall, boot, awake), expected) in cases {
            let mut watch = ClockMonitor::default();
            assert!(watch.observe(reading(0.0, 0.0, 0.0)).is_empty());
            let seen = watch.observe(reading(wall, boot, awake));
            let texts: Vec<_> = seen
                .iter()
                .map(|event| match event {
                    Event::System { message, .. } => message.as_str(),
                    _ => "",
                })
                .collect();
            assert_eq!(texts, expected);
        }
    }
}
