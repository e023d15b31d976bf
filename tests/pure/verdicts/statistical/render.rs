//! The rendering of a run as a recording.

use std::time::Duration;

use chrono::DateTime;
use dropscope::diagnostics::event::DropKind;
use dropscope::diagnostics::recording::{Decoder, encode};
use dropscope::diagnostics::{Event, Stamp, StampedEvent};

use super::draw::Draw;
use super::world::Line;
use crate::verdicts::rendering::without_boot_clock;

/// Start of the true time of every world, in microseconds of the epoch (2026-03-02, 07:21:13 UTC).
pub(super) const EPOCH_US: i64 = 1_772_436_073_000_000;

pub(super) fn error_name(how: DropKind) -> &'static str {
    match how {
        DropKind::PingTimeout => "AWS_ERROR_MQTT_TIMEOUT",
        DropKind::Io => "AWS_IO_SOCKET_TIMEOUT",
        DropKind::Rst => "AWS_IO_SOCKET_CONNECTION_RESET",
        DropKind::Local => "AWS_IO_SOCKET_NETWORK_UNREACHABLE",
        DropKind::TlsAlert => "AWS_IO_TLS_ERROR_ALERT_RECEIVED",
        DropKind::TlsClose | DropKind::WsClose => "AWS_ERROR_MQTT_CONNECTION_CLOSED",
        DropKind::Fin | DropKind::Disconnect => "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
    }
}

/// In some recordings lines are missing.
pub(super) fn degrade(mut lines: Vec<Line>, draw: &mut Draw) -> Vec<Line> {
    if draw.chance(0.2) {
        let share = draw.between(0.005, 0.05);
        let mut first = true;
        lines.retain(|line| {
            let missable = matches!(line.event, Event::Connected(_) | Event::Dropped(_));
            let keep = first || !missable || !draw.chance(share);
            first = first && !missable;
            keep
        });
    }
    lines
}

/// Everything, or only what the format demands; then without a boot clock and perhaps in whole seconds.
pub(super) fn render(lines: Vec<Line>, draw: &mut Draw) -> Vec<StampedEvent> {
    let full = draw.chance(0.5);
    let whole_secs = !full && draw.chance(0.3);
    let mut decoder = Decoder::new();
    let observed = lines.into_iter().filter_map(|line| {
        #[expect(clippy::cast_possible_truncation, reason = "times of a few years in microseconds")]
        let mut wall = EPOCH_US + (1e6 * (line.at + line.ahead)).round() as i64;
        if whole_secs {
            wall = wall.div_euclid(1_000_000) * 1_000_000;
        }
        let wall = DateTime::from_timestamp_micros(wall)?;
        let at = Stamp::new(wall, Duration::from_secs_f64(line.at));
        if full {
            return Some(StampedEvent { at, event: line.event });
        }
        let observed = StampedEvent { at, event: mandatory_fields(line.event)? };
        decoder.decode_line(without_boot_clock(&encode(&observed)).as_bytes())
    });
    observed.collect()
}

/// The event with its mandatory fields only.
fn mandatory_fields(event: Event) -> Option<Event> {
    Some(match event {
        Event::Attempt(_) => return None,
        Event::Started(mut started) => {
            started.format = None;
            started.version = None;
            started.mqtt_version = None;
            started.transport = None;
            Event::Started(started)
        }
        Event::Connected(mut connected) => {
            connected.remote = None;
            Event::Connected(connected)
        }
        Event::ConnectFailed(mut failed) => {
            failed.phase = None;
            Event::ConnectFailed(failed)
        }
        Event::Dropped(mut dropped) => {
            dropped.layer = None;
            dropped.how = None;
            dropped.reason_code = None;
            dropped.last_rx_secs = None;
            dropped.last_tx_secs = None;
            Event::Dropped(dropped)
        }
        other => other,
    })
}
