//! How does an analysis look to a program?

use serde_json::{Map, Value, json};

use super::super::FileReport;
use super::Report;
use crate::diagnostics::recording::Tally;
use crate::export::schema::ascii;

/// Version of the JSON form.
const SCHEMA_VERSION: u32 = 1;
/// Figures of the export's extension that stand among the metrics, under the same names.
const FIGURES: [&str; 11] = [
    "availability",
    "mtbf_secs",
    "mttr_secs",
    "session_percentiles",
    "recovery_percentiles",
    "drops_by_layer",
    "drops_by_how",
    "connect_failures",
    "latency",
    "keep_alive_arms",
    "commands",
];

impl Report {
    /// One JSON object in plain ASCII, ending in a line feed.
    ///
    /// # Errors
    /// None that its types can cause.
    pub fn json(&self) -> serde_json::Result<String> {
        let mut metrics = object(serde_json::to_value(&self.export.metrics)?);
        let mut extension = object(serde_json::to_value(&self.export.dropscope)?);
        for figure in FIGURES {
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
                "files": self.input.files.iter().map(file).collect::<Vec<_>>(),
                "events": self.input.events,
                "events_told_twice": self.input.told_twice,
                "unknown_events": tally.unknown,
                "lines": tally.lines,
                "lines_skipped": skipped(tally),
                "evicted": extension.remove("overflow"),
                "warnings": self.input.warnings,
            },
        });
        let mut text = ascii(&serde_json::to_string_pretty(&value)?);
        text.push('\n');
        Ok(text)
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn file(file: &FileReport) -> Value {
    json!({
        "name": file.name,
        "form": file.form.name(),
        "events": file.tally.events,
        "lines": file.tally.lines,
        "lines_skipped": skipped(file.tally),
        "remarks": file.remarks,
    })
}

fn skipped(tally: Tally) -> Value {
    json!({
        "total": tally.skipped(),
        "malformed": tally.malformed,
        "oversized": tally.oversized,
        "torn": tally.torn,
    })
}
