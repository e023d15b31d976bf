//! Converts the recorded time of a scaled lab run to field time.
//!
//! A recording holds the times of the clocks. `started.time_scale` is the number of field seconds per recorded
//! second; everything shown, exported or classified is in field time, so that the same thresholds apply to a
//! lab run as to a run of days.

use std::borrow::Cow;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::event::{
    Attempt, CommandUpdate, ConnectedEvent, DroppedEvent, Event, PacketNote, PhaseTiming, ProbeResult,
    StampedEvent, StartedEvent,
};
use super::{Snapshot, Stamp};

/// Field seconds per recorded second that make sense; anything else counts as 1.
const VALID_FACTORS: std::ops::RangeInclusive<f64> = 0.001..=86_400.0;

/// Maps recorded time to field time: the same instant at each `started`, `factor` times as fast from
/// there. Before the first scaled run it changes nothing at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeScale {
    factor: f64,
    /// The `started` it counts from, as recorded and in field time.
    origin: Option<(Stamp, Stamp)>,
}

impl Default for TimeScale {
    fn default() -> Self {
        Self { factor: 1.0, origin: None }
    }
}

impl TimeScale {
    /// Field seconds per recorded second; 1 outside the lab.
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Reads the scale of a `started`; every other event changes nothing.
    pub fn observe(&mut self, at: Stamp, event: &Event) {
        let Event::Started(StartedEvent { time_scale, .. }) = event else { return };
        let factor = time_scale.filter(|factor| VALID_FACTORS.contains(factor)).unwrap_or(1.0);
        if factor.to_bits() != self.factor.to_bits() || self.origin.is_some() {
            self.origin = Some((at, self.stamp(at)));
            self.factor = factor;
        }
    }

    /// The field time of a recorded stamp.
    #[must_use]
    pub fn stamp(&self, recorded: Stamp) -> Stamp {
        let Some((from, field)) = self.origin else { return recorded };
        let passed = signed_micros(recorded.boot) - signed_micros(from.boot);
        let boot = signed_micros(field.boot).saturating_add(self.scale_micros(passed)).max(0);
        let passed = (recorded.wall - from.wall).num_microseconds().unwrap_or(0);
        Stamp::new(
            self.add_scaled_micros(field.wall, passed),
            Duration::from_micros(u64::try_from(boot).unwrap_or(0)),
        )
    }

    /// The event with its durations in field time.
    pub fn event<'a>(&self, event: &'a Event) -> Cow<'a, Event> {
        if self.origin.is_none() {
            return Cow::Borrowed(event);
        }
        let scaled = match event {
            Event::Started(started) => Event::Started(StartedEvent {
                keep_alive_secs: self.scale(started.keep_alive_secs),
                ..started.clone()
            }),
            Event::Attempt(Attempt { attempt_number, phases }) => {
                let phases =
                    phases.iter().map(|phase| PhaseTiming { ms: self.scale(phase.ms), ..phase.clone() });
                Event::Attempt(Attempt { attempt_number: *attempt_number, phases: phases.collect() })
            }
            Event::Connected(connected) => Event::Connected(ConnectedEvent {
                keep_alive_secs: self.scale(connected.keep_alive_secs),
                ..connected.clone()
            }),
            Event::Dropped(dropped) => Event::Dropped(self.dropped(dropped)),
            Event::Traffic { published, received, window_secs } => Event::Traffic {
                published: *published,
                received: *received,
                window_secs: self.scale(*window_secs),
            },
            Event::Ping { rtt_ms } => Event::Ping { rtt_ms: self.scale(*rtt_ms) },
            Event::Probe(probe) => {
                Event::Probe(ProbeResult { rtt_ms: probe.rtt_ms.map(|ms| self.scale(ms)), ..probe.clone() })
            }
            Event::KeepAliveChanged { from, to } => {
                Event::KeepAliveChanged { from: self.scale(*from), to: self.scale(*to) }
            }
            Event::Credentials { expires_at } => Event::Credentials { expires_at: self.wall(*expires_at) },
            Event::Command(command) => {
                Event::Command(CommandUpdate { ms: command.ms.map(|ms| self.scale(ms)), ..command.clone() })
            }
            _ => return Cow::Borrowed(event),
        };
        Cow::Owned(scaled)
    }

    /// Observes the event and returns it in field time, with its stamp.
    pub fn observe_and_scale<'a>(&mut self, observed: &'a StampedEvent) -> Cow<'a, StampedEvent> {
        self.observe(observed.at, &observed.event);
        if self.origin.is_none() {
            return Cow::Borrowed(observed);
        }
        Cow::Owned(StampedEvent {
            at: self.stamp(observed.at),
            event: self.event(&observed.event).into_owned(),
        })
    }

    fn dropped(&self, dropped: &DroppedEvent) -> DroppedEvent {
        let packets = dropped
            .packets
            .iter()
            .map(|packet| PacketNote { ago_secs: self.scale(packet.ago_secs), ..packet.clone() });
        DroppedEvent {
            last_rx_secs: dropped.last_rx_secs.map(|secs| self.scale(secs)),
            last_tx_secs: dropped.last_tx_secs.map(|secs| self.scale(secs)),
            packets: packets.collect(),
            ..dropped.clone()
        }
    }

    /// A length of any unit.
    fn scale(&self, length: f64) -> f64 {
        length * self.factor
    }

    fn wall(&self, recorded: DateTime<Utc>) -> DateTime<Utc> {
        let Some((from, field)) = self.origin else { return recorded };
        self.add_scaled_micros(field.wall, (recorded - from.wall).num_microseconds().unwrap_or(0))
    }

    fn add_scaled_micros(&self, field: DateTime<Utc>, passed_us: i64) -> DateTime<Utc> {
        field.checked_add_signed(TimeDelta::microseconds(self.scale_micros(passed_us))).unwrap_or(field)
    }

    #[expect(clippy::cast_precision_loss, reason = "exact for 285 years of microseconds")]
    #[expect(clippy::cast_possible_truncation, reason = "out of range becomes the nearest end")]
    fn scale_micros(&self, passed: i64) -> i64 {
        if self.factor.to_bits() == 1.0_f64.to_bits() {
            return passed;
        }
        (passed as f64 * self.factor).round() as i64
    }
}

fn signed_micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Snapshot {
    /// The field time of a moment of this computer's clocks; the same moment outside a scaled lab run.
    pub fn field_time(&self, now: Stamp) -> Stamp {
        self.time_scale.stamp(now)
    }

    /// Field seconds per second of this computer's clocks; 1 outside a scaled lab run.
    pub fn time_scale(&self) -> f64 {
        self.time_scale.factor()
    }
}

#[cfg(test)]
mod tests;
