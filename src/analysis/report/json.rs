//! The analysis as JSON.

use serde_json::{Map, Value, json};

use super::super::FileReport;
use super::AnalysisReport;
use crate::diagnostics::recording::DecodeStats;
use crate::export::schema::escape_non_ascii;

/// Version of the JSON format.
const SCHEMA_VERSION: u32 = 1;
/// Members of the export's extension that move to the metrics, under the same names.
const METRIC_KEYS: [&str; 13] = [
    "availability",
    "availability_proven",
    "mtbf_secs",
    "mttr_secs",
    "own_waiting_share",
    "session_percentiles",
    "recovery_percentiles",
    "drops_by_layer",
    "drops_by_how",
    "connect_failures",
    "latency",
    "keep_alive_arms",
    "commands",
];

impl AnalysisReport {
    /// One JSON object in plain ASCII, ending in a line feed.
    ///
    /// # Errors
    /// None that its types can cause.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut metrics = into_object(serde_json::to_value(&self.export.metrics)?);
        let mut extension = into_object(serde_json::to_value(&self.export.dropscope)?);
        for figure in METRIC_KEYS {
            if let Some(value) = extension.remove(figure) {
                metrics.insert(figure.to_owned(), value);
            }
        }
        metrics.insert("messages_received".to_owned(), self.snapshot.metrics.messages_received.into());
        let tally = self.input.tally();
        let value = json!({
            "schema_version": SCHEMA_VERSION,
            "version": env!("CARGO_PKG_VERSION"),
            "redacted": extension.remove("redacted"),
            "classification": self.classification,
            "diagnosis": self.diagnosis,
            "metrics": metrics,
            "period": extension.remove("period"),
            "input": {
                "files": self.input.files.iter().map(file_json).collect::<Vec<_>>(),
                "events": self.input.events,
                "events_told_twice": self.input.duplicate_events,
                "unknown_events": tally.unknown,
                "lines": tally.lines,
                "lines_skipped": skipped_json(tally),
                "evicted": extension.remove("overflow"),
                "warnings": self.input.warnings,
            },
        });
        let mut text = escape_non_ascii(&serde_json::to_string_pretty(&value)?);
        text.push('\n');
        Ok(text)
    }
}

fn into_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn file_json(file: &FileReport) -> Value {
    json!({
        "name": file.name,
        "form": file.format.name(),
        "events": file.tally.events,
        "lines": file.tally.lines,
        "lines_skipped": skipped_json(file.tally),
        "remarks": file.remarks,
    })
}

fn skipped_json(tally: DecodeStats) -> Value {
    json!({
        "total": tally.skipped(),
        "malformed": tally.malformed,
        "oversized": tally.oversized,
        "torn": tally.truncated,
    })
}
