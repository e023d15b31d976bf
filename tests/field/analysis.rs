//! What `dropscope analyze` says of recordings: its JSON, and the text for people.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// The figures of one analysis.
pub(crate) struct Analysis {
    /// The whole JSON object.
    pub(crate) json: Value,
    /// The section "Why" of the text for people, in lower case: without file names and counts of error names.
    pub(crate) why: String,
}

impl Analysis {
    /// Analyzes recordings together.
    pub(crate) fn of(recordings: &[&Path]) -> Result<Self, String> {
        let json = analyze("json", recordings)?;
        let json = serde_json::from_str(&json).map_err(|error| format!("analyze: {error}"))?;
        Ok(Self { json, why: section(&analyze("text", recordings)?, "Why").to_lowercase() })
    }

    /// Drops in the recordings.
    pub(crate) fn drops(&self) -> u64 {
        self.json["metrics"]["total_connection_drops"].as_u64().unwrap_or(0)
    }

    /// Time observed, s.
    pub(crate) fn observed_secs(&self) -> f64 {
        self.json["period"]["observed_secs"].as_f64().unwrap_or(0.0)
    }

    /// The pattern of the verdict.
    pub(crate) fn pattern(&self) -> String {
        self.json["classification"]["pattern"].as_str().unwrap_or("none").to_owned()
    }

    /// How sure it is, 0 to 1.
    pub(crate) fn confidence(&self) -> f64 {
        self.json["classification"]["confidence"].as_f64().unwrap_or(0.0)
    }

    /// A parameter of the pattern.
    pub(crate) fn parameter(&self, key: &str) -> Option<f64> {
        self.json["classification"]["parameters"][key].as_f64()
    }

    /// The likeliest cause and its probability.
    pub(crate) fn cause(&self) -> Option<(String, f64)> {
        let first = self.json["diagnosis"]["causes"].as_array()?.first()?;
        Some((first["id"].as_str()?.to_owned(), first["probability"].as_f64()?))
    }

    /// What it says of the connection at the end of the recording; empty without such an answer.
    pub(crate) fn now(&self) -> String {
        let places = [&self.json["diagnosis"]["now"], &self.json["now"], &self.json["verdict"]["now"]];
        let found = places.into_iter().find(|value| !value.is_null());
        found.map(|value| value.to_string().to_lowercase()).unwrap_or_default()
    }
}

/// The indented lines below a heading.
fn section(text: &str, heading: &str) -> String {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect::<Vec<_>>().join("\n")
}

fn analyze(format: &str, recordings: &[&Path]) -> Result<String, String> {
    let home = TempDir::new().map_err(|error| error.to_string())?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_dropscope"));
    command
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .args(["analyze", "--format", format]);
    command.args(recordings);
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return String::from_utf8(output.stdout).map_err(|error| error.to_string());
    }
    Err(format!("analyze fails: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
