//! The schema of the exported JSON.
//!
//! The first keys are exactly those of the reference collector of the `nwp500-python` client, same types,
//! same null rules, same order, so that its users' scripts read our exports. Everything else is under
//! the one key `dropscope`. These structs are the file format and nothing else: the domain may change
//! without them. `assets/export.schema.json` describes the same in JSON Schema.

mod extension;

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::{DateTime, Timelike, Utc};
use serde::{Deserialize, Serialize};

pub use extension::{
    AlertEntry, ArmEntry, AttemptPhase, ConnectFailures, DeathWindowEntry, DropDetails, Evidence, Extension,
    Latency, LogLine, MarkEntry, Overflow, PacketEntry, Period, RecoveryEntry, SecondsPercentiles,
};

/// Version of the part under `dropscope`.
pub const SCHEMA_VERSION: u32 = 1;
/// How many drops and connections the export lists.
pub const RECENT: usize = 50;

/// The whole export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// When it was made.
    pub timestamp: String,
    /// The reference's metrics.
    pub metrics: MetricsEntry,
    /// The newest [`RECENT`] drops, oldest first.
    pub recent_drops: Vec<DropEntry>,
    /// The newest [`RECENT`] accepted sessions, oldest first.
    pub recent_connections: Vec<ConnectionEntry>,
    /// The same as `metrics.connection_drops_by_error`, as in the reference.
    pub aws_error_counts: BTreeMap<String, u64>,
    /// Lengths of sessions.
    pub session_history_summary: SessionHistory,
    /// Everything beyond the reference; absent in its exports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropscope: Option<Extension>,
}

/// The reference's metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricsEntry {
    /// First connects and connects after a requested disconnect.
    pub total_connections: u64,
    /// Sessions ended on purpose.
    pub total_disconnects: u64,
    /// Drops.
    pub total_connection_drops: u64,
    /// Connect attempts during outages.
    pub total_reconnect_attempts: u64,
    /// 0 before the first drop.
    pub longest_session_seconds: f64,
    /// Null before the first drop.
    pub shortest_session_seconds: Option<f64>,
    /// 0 before the first drop.
    pub average_session_seconds: f64,
    /// 0 while down.
    pub current_session_uptime_seconds: f64,
    /// Drops by error name.
    pub connection_drops_by_error: BTreeMap<String, u64>,
    /// Recoveries by the attempts they took.
    pub reconnection_attempts_distribution: AttemptBuckets,
    /// When the newest drop was detected.
    pub last_drop_timestamp: Option<String>,
    /// When the newest session was accepted.
    pub last_successful_connect_timestamp: Option<String>,
    /// Sessions accepted after a drop.
    pub connection_recovered: u64,
    /// Messages sent.
    pub messages_published: u64,
    /// Messages queued.
    pub messages_queued: u64,
}

/// Counts per class of attempts; empty classes are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptBuckets {
    /// One attempt.
    #[serde(rename = "1", default, skip_serializing_if = "Option::is_none")]
    pub one: Option<u64>,
    /// Two to five.
    #[serde(rename = "2-5", default, skip_serializing_if = "Option::is_none")]
    pub few: Option<u64>,
    /// Six to ten.
    #[serde(rename = "6-10", default, skip_serializing_if = "Option::is_none")]
    pub some: Option<u64>,
    /// More.
    #[serde(rename = "11+", default, skip_serializing_if = "Option::is_none")]
    pub many: Option<u64>,
}

/// One drop in the reference's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DropEntry {
    /// When it was detected.
    pub timestamp: String,
    /// Stable name.
    pub error_name: Option<String>,
    /// Name, text and detail.
    pub error_message: Option<String>,
    /// Code of the name.
    pub error_code: Option<u32>,
    /// Attempts of the outage so far.
    pub reconnect_attempt: u32,
    /// Length of the session; null if its beginning was not seen.
    pub duration_connected_seconds: Option<f64>,
    /// Subscriptions in force.
    pub active_subscriptions: u32,
    /// Publishes waiting.
    pub queued_commands: u32,
}

/// One accepted session in the reference's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionEntry {
    /// When.
    pub timestamp: String,
    /// `connected`, `resumed`, `deep_reconnected`.
    pub event_type: String,
    /// CONNACK flag.
    pub session_present: bool,
    /// CONNACK code.
    pub return_code: Option<u8>,
    /// Which attempt succeeded.
    pub attempt_number: u32,
    /// Time since the drop it repaired.
    pub time_to_reconnect_seconds: Option<f64>,
}

/// Lengths of sessions that ended in a drop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionHistory {
    /// How many.
    pub total_sessions: u64,
    /// The newest 20 in seconds, oldest first.
    pub sample_durations: Vec<f64>,
}

impl Export {
    /// The document: two spaces of indentation, plain ASCII, a line feed at the end.
    ///
    /// # Errors
    /// None that its types can cause; kept for the day when a field can fail.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut json = escape_non_ascii(&serde_json::to_string_pretty(self)?);
        json.push('\n');
        Ok(json)
    }
}

/// Escapes everything beyond ASCII; outside of strings JSON has nothing there. So a terminal shows an
/// export as it is, without hidden or direction-changing characters.
pub fn escape_non_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

/// A time as the reference prints it: offset `+00:00`, microseconds, no fraction if it is zero.
pub fn timestamp(at: DateTime<Utc>) -> String {
    let format =
        if at.nanosecond() / 1_000 == 0 { "%Y-%m-%dT%H:%M:%S+00:00" } else { "%Y-%m-%dT%H:%M:%S%.6f+00:00" };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_the_reference_does() {
        for (at, printed) in [
            ("2026-08-03T12:00:00Z", "2026-08-03T12:00:00+00:00"),
            ("2026-08-03T12:27:13.750001Z", "2026-08-03T12:27:13.750001+00:00"),
            ("2026-08-03T12:27:13.5Z", "2026-08-03T12:27:13.500000+00:00"),
        ] {
            assert_eq!(timestamp(at.parse().expect("a time")), printed);
        }
    }

    #[test]
    fn what_is_not_ascii_is_escaped_and_comes_back() {
        let text = "Grüße \u{202e}\u{7f} 🚿";
        let json = escape_non_ascii(&serde_json::to_string(text).expect("JSON"));
        assert!(json.is_ascii());
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }

    #[test]
    fn the_reference_export_is_read_and_written_back_alike() {
        let fixture = include_str!("../../../tests/fixtures/nwp500-export-example.json");
        let export: Export = serde_json::from_str(fixture).expect("the reference's format");
        assert_eq!(export.dropscope, None);
        let written = export.to_json().expect("JSON");
        let sort =
            |json: &str| json.lines().map(|line| line.trim_end_matches(',').to_owned()).collect::<Vec<_>>();
        let (mut ours, mut theirs) = (sort(&written), sort(fixture));
        // The reference lists error names in the order of their appearance, we in alphabetical order.
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);
    }
}
