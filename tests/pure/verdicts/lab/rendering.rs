//! The rendering of a run as a file.

use chrono::{DateTime, SecondsFormat, Utc};
use dropscope::diagnostics::event::{DropKind, Layer};
use dropscope::diagnostics::recording::{RecordingReader, encode};
use dropscope::diagnostics::{Event, RecordedWord, StampedEvent, TimeScale, Transport};
use serde_json::Value;

use super::dice::Dice;

/// Kinds with nothing but the fields that are mandatory.
const MANDATORY: &[(&str, &[&str])] = &[
    ("started", &["keep_alive_secs", "client_id", "endpoint"]),
    ("connected", &["event_type", "session_present", "return_code", "attempt_number", "keep_alive_secs"]),
    (
        "dropped",
        &[
            "error_name",
            "error_message",
            "error_code",
            "reconnect_attempt",
            "active_subscriptions",
            "queued_commands",
        ],
    ),
    ("connect_failed", &["error_name", "error_message", "attempt_number"]),
    ("disconnected", &["by"]),
    ("subscribed", &["filters", "return_codes"]),
    ("published", &["topic", "bytes"]),
    ("received", &["topic", "bytes"]),
    ("traffic", &["published", "received", "window_secs"]),
    ("ping", &["rtt_ms"]),
    ("probe", &["probe", "ok", "rtt_ms", "error"]),
    ("system", &["source", "message"]),
    ("keep_alive_changed", &["from", "to"]),
    ("credentials", &["expires_at"]),
    ("stopped", &[]),
];

/// The recording in field time.
pub(crate) fn in_field_time(events: Vec<StampedEvent>) -> Vec<StampedEvent> {
    let mut scale = TimeScale::default();
    let field = events.into_iter().map(|StampedEvent { at, event }| {
        // Each run of a recording begins where the last one ended, in field time.
        if scale.factor().to_bits() == 1.0_f64.to_bits() {
            scale.observe(at, &event);
        }
        let event = match scale.event(&event).into_owned() {
            Event::Started(mut started) => {
                started.time_scale = None;
                Event::Started(started)
            }
            event => event,
        };
        StampedEvent { at: scale.stamp(at), event }
    });
    field.collect()
}

/// Endings as the transport of the recording would show them: the simulated one is plain TCP.
pub(crate) fn add_optional_fields(events: &mut [StampedEvent], dice: &mut Dice) {
    let transport = events.iter().find_map(|observed| match &observed.event {
        Event::Started(started) => started.transport.as_ref().and_then(RecordedWord::known),
        _ => None,
    });
    let (layer, how, code) = match transport {
        Some(Transport::Tls) => (Layer::Tls, DropKind::TlsClose, None),
        Some(Transport::Wss | Transport::Ws) => (Layer::Websocket, DropKind::WsClose, Some(1000)),
        _ => return,
    };
    if dice.chance(0.3) {
        return;
    }
    for observed in events {
        if let Event::Dropped(dropped) = &mut observed.event
            && dropped.how == Some(DropKind::Fin)
        {
            (dropped.layer, dropped.how, dropped.ws_close_code) = (Some(layer), Some(how), code);
        }
    }
}

/// Leaves out some lines.
pub(crate) fn remove_events(events: &mut Vec<StampedEvent>, dice: &mut Dice) {
    if !dice.chance(0.15) {
        return;
    }
    let share = dice.between(0.01, 0.06);
    events.retain(|observed| {
        !matches!(observed.event, Event::Connected(_) | Event::Dropped(_)) || !dice.chance(share)
    });
}

/// The lines of a recording.
pub(crate) fn lines(events: &[StampedEvent]) -> String {
    events.iter().fold(String::new(), |text, observed| text + &encode(observed) + "\n")
}

/// The same by a program that writes only what is mandatory; a `terse` one has an error's text and no detail.
pub(crate) fn minimal(text: &str, whole_seconds: bool, terse: bool) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let Ok(Value::Object(fields)) = serde_json::from_str(line) else { continue };
        let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
        let Some((_, mandatory)) = MANDATORY.iter().find(|(name, _)| *name == kind) else { continue };
        let kept = fields.iter().filter_map(|(name, value)| match name.as_str() {
            "t" if whole_seconds => Some((name.clone(), Value::from(truncated(value.as_str()?)?))),
            "t" | "kind" => Some((name.clone(), value.clone())),
            "error_message" if terse => {
                let message = value.as_str()?;
                let text = message.split_once(" (").map_or(message, |(text, _)| text);
                Some((name.clone(), Value::from(text)))
            }
            field => mandatory.contains(&field).then(|| (name.clone(), value.clone())),
        });
        lines += &Value::Object(kept.collect()).to_string();
        lines.push('\n');
    }
    lines
}

/// The recorder died while it wrote the last line.
pub(crate) fn tear_last_line(text: &mut String) {
    let start = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    text.truncate(start + (text.len() - start) / 2);
}

fn truncated(time: &str) -> Option<String> {
    let time: DateTime<Utc> = time.parse().ok()?;
    let whole = DateTime::from_timestamp(time.timestamp(), 0)?;
    Some(whole.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// The events that a reader decodes from the lines.
pub(crate) fn read(text: &str) -> Vec<StampedEvent> {
    RecordingReader::new(text.as_bytes()).filter_map(Result::ok).collect()
}
