//! The recording format: one line per observed event, written and read back.
//!
//! Format `dropscope-recording/1`: JSON Lines, one object per event, `t` (UTC wall clock, milliseconds)
//! and `m` (boot clock since `started`, seconds with microseconds) followed by the event's own fields.
//!
//! A recording is the user's own file (mode 0600) and holds client
//! ids, topics and addresses as they are, because the pattern of drops hides in them. Passwords, tokens
//! and signed query strings never reach an event, so they never reach a recording. The file to
//! share is the export, which is redacted.

mod decode;
mod fast_parser;
mod line_scanner;
mod recorder_state;
mod time_axis;

use chrono::SecondsFormat;

use super::Event;
use super::event::StampedEvent;

pub use decode::{DecodeStats, Decoder, MAX_LINE_BYTES, RecordingReader};
pub use recorder_state::RecorderState;

/// Keys of an experiment line that its details must not repeat.
const RESERVED_KEYS: [&str; 5] = ["t", "m", "kind", "id", "what"];

/// The line of one event, without the line feed. It contains no raw control character.
///
/// Reading it back gives an equal event. Numbers must be finite: JSON has no other.
pub fn encode(observed: &StampedEvent) -> String {
    let fields = fields(&observed.event);
    let at = observed.at;
    format!(
        "{{\"t\":\"{}\",\"m\":{}.{:06},{}",
        at.wall.to_rfc3339_opts(SecondsFormat::Millis, true),
        at.boot.as_secs(),
        at.boot.subsec_micros(),
        fields.strip_prefix('{').unwrap_or(&fields),
    )
}

/// The event as a JSON object.
fn fields(event: &Event) -> String {
    let clean;
    let event = match event {
        Event::Experiment { id, what, details }
            if RESERVED_KEYS.iter().any(|key| details.contains_key(*key)) =>
        {
            let mut details = details.clone();
            details.retain(|key, _| !RESERVED_KEYS.contains(&key.as_str()));
            clean = Event::Experiment { id: id.clone(), what: what.clone(), details };
            &clean
        }
        other => other,
    };
    // Events hold only what JSON can express; should that ever change, the reader counts the line as unknown.
    serde_json::to_string(event).unwrap_or_else(|_| "{\"kind\":\"unencodable\"}".to_owned())
}

#[cfg(test)]
mod parser_agreement;
#[cfg(test)]
mod tests;
