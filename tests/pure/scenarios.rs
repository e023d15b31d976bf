//! Recordings and what they must add up to: a user's recording becomes a test by dropping in two files.
//!
//! Put `NAME.jsonl` (the recording, shortened and with names changed as you like) and
//! `NAME.expected.json` (the expected summary) into this folder. The summary of a recording without expectations
//! is printed by the failing test; check it by hand before keeping it. An expectation may leave keys out;
//! what it names must be so.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use dropscope::diagnostics::recording::{DecodeStats, RecordingReader};
use dropscope::diagnostics::{Diagnostics, DropRecord, LinkState, Snapshot};
use dropscope::export::{Export, ExportOptions};
use serde_json::{Map, Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// The recordings of this folder, by name.
fn recordings() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder()).expect("the folder");
    let mut found: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    found.sort();
    found
}

fn fold(bytes: &[u8]) -> (Snapshot, DecodeStats) {
    let mut diagnostics = Diagnostics::new(Diagnostics::DEFAULT_MAX_EVENTS);
    let mut reader = RecordingReader::new(bytes);
    let mut last = None;
    for observed in reader.by_ref() {
        let observed = observed.expect("memory can be read");
        diagnostics.apply(observed.at, &observed.event);
        last = Some(observed.at);
    }
    (diagnostics.snapshot(last.expect("an event")), reader.stats())
}

/// Seconds with three decimals: precise enough to check by hand.
fn secs(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000.0).round() / 1_000.0
}

fn summary(snapshot: &Snapshot, tally: DecodeStats) -> Value {
    let metrics = &snapshot.metrics;
    let link = match snapshot.link {
        LinkState::Idle => "idle",
        LinkState::Connecting { .. } => "connecting",
        LinkState::Connected { .. } => "connected",
        LinkState::Down { .. } => "down",
        LinkState::Off { .. } => "off",
    };
    let arms: Map<String, Value> = snapshot
        .arms
        .iter()
        .map(|arm| {
            let counts =
                json!({"connected": secs(arm.connected), "sessions": arm.sessions, "drops": arm.drops});
            (arm.keep_alive_secs.to_string(), counts)
        })
        .collect();
    json!({
        "lines": tally.lines,
        "skipped": tally.skipped(),
        "torn": tally.truncated,
        "drops": snapshot.drops.iter().map(|drop| drop_summary(drop)).collect::<Vec<_>>(),
        "drop_count": metrics.total_connection_drops,
        "connects": metrics.total_connections,
        "recoveries": metrics.connection_recovered,
        "disconnects": metrics.total_disconnects,
        "reconnect_attempts": metrics.total_reconnect_attempts,
        "connect_failures": metrics.connect_failures,
        "observed": secs(metrics.observed),
        "connected": secs(metrics.connected),
        "down": secs(metrics.down),
        "availability": metrics.availability().map(|share| (share * 1e6).round() / 1e6),
        "clock_steps": metrics.clock_steps,
        "suspends": metrics.suspends,
        "keep_alives": arms,
        "link": link,
    })
}

fn drop_summary(drop: &DropRecord) -> Value {
    json!({
        "detected": drop.at.wall,
        "error_name": drop.event.error_name,
        "layer": drop.event.layer,
        "how": drop.event.how,
        "reason_code": drop.event.reason_code,
        "keep_alive_secs": drop.keep_alive_secs,
        "session": drop.session_start.map(|start| secs(drop.at.since(start))),
        "alive_for": drop.session_age.map(secs),
        "silent": drop.idle_in.map(secs),
        "death_window": secs(drop.death_window.1.since(drop.death_window.0)),
        "failed_attempts": drop.failed_attempts,
        "back_after": drop.recovery.as_ref().map(|recovery| secs(recovery.took)),
    })
}

/// What `expected` names and `found` has not so.
fn differences(place: &str, expected: &Value, found: &Value) -> Vec<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .flat_map(|(key, expected)| {
                let found = found.get(key).unwrap_or(&Value::Null);
                differences(&format!("{place}.{key}"), expected, found)
            })
            .collect(),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let pairs = expected.iter().zip(found).enumerate();
            pairs
                .flat_map(|(index, (one, other))| differences(&format!("{place}[{index}]"), one, other))
                .collect()
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => Vec::new(),
        (expected, found) if expected == found => Vec::new(),
        (expected, found) => vec![format!("{place}: expected {expected}, found {found}")],
    }
}

#[test]
fn every_recording_matches_its_expected_summary() {
    let mut wrong = Vec::new();
    for path in recordings() {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (snapshot, tally) = fold(&fs::read(&path).expect("a recording"));
        let found = summary(&snapshot, tally);
        let Ok(expected) = fs::read(path.with_extension("expected.json")) else {
            wrong.push(format!(
                "{name}.expected.json is missing; this is the summary of the recording: {found:#}"
            ));
            continue;
        };
        let expected = serde_json::from_slice(&expected).expect("JSON");
        wrong.extend(differences(&name, &expected, &found));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(recordings().len() >= 6);
}

#[test]
fn every_recording_balances_and_gives_the_same_export_twice() {
    for path in recordings() {
        let bytes = fs::read(&path).expect("a recording");
        let ((one, _), (other, _)) = (fold(&bytes), fold(&bytes));
        let metrics = &one.metrics;
        assert_eq!(metrics.connected + metrics.down, metrics.observed, "{}", path.display());
        let text = |snapshot| Export::of(snapshot, None, &ExportOptions::default()).to_json().expect("JSON");
        assert_eq!(text(&one), text(&other), "{}", path.display());
    }
}

#[test]
fn a_wrong_expectation_fails() {
    let found = json!({"a": 1, "b": [{"c": 2.0, "d": null}], "e": "x"});
    for right in
        [json!({}), json!({"a": 1.0}), json!({"b": [{"c": 2}]}), json!({"b": [{"d": null}], "e": "x"})]
    {
        assert_eq!(differences("", &right, &found), Vec::<String>::new(), "{right}");
    }
    for wrong in
        [json!({"a": 2}), json!({"b": []}), json!({"b": [{"c": 3}]}), json!({"f": 1}), json!({"e": null})]
    {
        assert_eq!(differences("", &wrong, &found).len(), 1, "{wrong}");
    }
}
