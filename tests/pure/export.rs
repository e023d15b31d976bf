//! The export keeps the reference's format, reports corrections, and is always valid.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use serde_json::{Value, json};

use dropscope::classify::{
    AdviceAction, DropPrediction, Hypothesis, Pattern, RankedCause, SecondaryFinding, Verdict,
};
use dropscope::collector::Collector;
use dropscope::diagnostics::event::{ConnectKind, ConnectedEvent, DroppedEvent, Message};
use dropscope::diagnostics::{Diagnostics, Event, Snapshot, Stamp};
use dropscope::export::{Destination, Export, ExportOptions, markdown, save_json, save_report};

const FIXTURE: &str = include_str!("../fixtures/nwp500-export-example.json");

fn validator() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../../assets/export.schema.json")).expect("JSON");
    jsonschema::draft202012::meta::validate(&schema).expect("a schema");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn assert_valid(export: &Value) {
    let errors: Vec<String> =
        validator().iter_errors(export).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn json_of(snapshot: &Snapshot, options: &ExportOptions) -> Value {
    let text = Export::of(snapshot, None, options).to_json().expect("JSON");
    serde_json::from_str(&text).expect("JSON")
}

fn connected(event_type: ConnectKind, session_present: bool, return_code: Option<u8>, attempt: u32) -> Event {
    Event::Connected(ConnectedEvent {
        event_type,
        session_present,
        return_code,
        attempt_number: attempt,
        keep_alive_secs: 60.0,
        ..ConnectedEvent::default()
    })
}

fn dropped(name: Option<&str>, message: Option<&str>, code: Option<u32>, counts: (u32, u32, u32)) -> Event {
    Event::Dropped(DroppedEvent {
        error_name: name.map(str::to_owned),
        error_message: message.map(str::to_owned),
        error_code: code,
        reconnect_attempt: counts.0,
        active_subscriptions: counts.1,
        queued_commands: counts.2,
        ..DroppedEvent::default()
    })
}

fn published(queued: bool) -> Event {
    Event::Published(Message { topic: "t".into(), bytes: 1, queued, correlation_id: None, qos: None })
}

/// The script whose export by the reference is the fixture.
fn worked_example() -> Snapshot {
    let hangup = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";
    let upgrade = "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE";
    let hangup_text = format!("{hangup}: The connection was closed unexpectedly.");
    let upgrade_text = format!("{upgrade}: Failed to upgrade HTTP connection to Websocket.");
    let script = [
        (0.0, connected(ConnectKind::Connected, false, None, 0)),
        (0.0, published(false)),
        (0.0, published(false)),
        (0.0, published(false)),
        (1234.5, dropped(Some(hangup), Some(&hangup_text), Some(5134), (0, 2, 0))),
        (0.0, published(true)),
        (0.0, published(true)),
        (4.25, connected(ConnectKind::Resumed, true, Some(0), 0)),
        (300.0, dropped(None, Some("Connect timed out"), None, (1, 2, 1))),
        (10.0, dropped(Some(upgrade), Some(&upgrade_text), Some(2065), (3, 2, 1))),
        (20.0, dropped(None, None, None, (12, 0, 0))),
        (5.000_001, connected(ConnectKind::DeepReconnected, false, Some(0), 12)),
        (0.0, published(false)),
    ];
    let mut now = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    let mut diagnostics = Diagnostics::new(1000);
    for (after, event) in script {
        now = now.plus(Duration::from_secs_f64(after));
        diagnostics.apply(now, &event);
    }
    diagnostics.snapshot(now.plus(Duration::from_secs(60)))
}

/// Where two documents differ: path, theirs, ours.
fn differences(path: &str, theirs: &Value, ours: &Value, found: &mut Vec<(String, Value, Value)>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            let mut keys: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let side =
                    |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or(json!("absent"));
                differences(&format!("{path}/{key}"), &side(theirs), &side(ours), found);
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (index, (theirs, ours)) in theirs.iter().zip(ours).enumerate() {
                differences(&format!("{path}/{index}"), theirs, ours, found);
            }
        }
        _ if theirs == ours => {}
        _ => found.push((path.to_owned(), theirs.clone(), ours.clone())),
    }
}

#[test]
fn the_worked_example_differs_from_the_reference_only_in_known_errors() {
    let theirs: Value = serde_json::from_str(FIXTURE).expect("JSON");
    let mut ours = json_of(&worked_example(), &ExportOptions::default());
    assert_valid(&ours);
    let extension = ours.as_object_mut().and_then(|map| map.remove("dropscope")).expect("our part");
    let mut found = Vec::new();
    differences("", &theirs, &ours, &mut found);
    let first_two_drops = json!([theirs["recent_drops"][0], theirs["recent_drops"][1]]);
    let by_error = json!({"AWS_ERROR_MQTT_UNEXPECTED_HANGUP": 1, "unknown": 1});
    let expected = [
        // Our wall clock is exact to the millisecond, durations to the microsecond.
        ("/timestamp", json!("2026-08-03T12:27:13.750000+00:00")),
        ("/metrics/last_successful_connect_timestamp", json!("2026-08-03T12:26:13.750000+00:00")),
        ("/recent_connections/2/timestamp", json!("2026-08-03T12:26:13.750000+00:00")),
        // One outage is one drop: two failed attempts of the second outage are no further sessions.
        ("/metrics/total_connection_drops", json!(2)),
        ("/metrics/average_session_seconds", json!(767.25)),
        ("/metrics/last_drop_timestamp", json!("2026-08-03T12:25:38.750000+00:00")),
        ("/recent_drops", first_two_drops),
        ("/session_history_summary/total_sessions", json!(2)),
        ("/session_history_summary/sample_durations", json!([1234.5, 300.0])),
        // A drop without a name is counted, a failed connect is no drop.
        ("/aws_error_counts/AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", json!("absent")),
        ("/aws_error_counts/unknown", json!(1)),
        ("/metrics/connection_drops_by_error/AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", json!("absent")),
        ("/metrics/connection_drops_by_error/unknown", json!(1)),
        // Recoveries by the attempts they took, and not drops by a number given at the drop.
        ("/metrics/reconnection_attempts_distribution/1", json!(1)),
        ("/metrics/reconnection_attempts_distribution/11+", json!("absent")),
        // From the beginning of the outage, and not from its latest failed attempt.
        ("/recent_connections/2/time_to_reconnect_seconds", json!(35.000_001)),
    ];
    let mut expected: Vec<_> =
        expected.iter().map(|(path, ours)| ((*path).to_owned(), ours.clone())).collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    let mut found: Vec<_> = found.into_iter().map(|(path, _, ours)| (path, ours)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, expected);
    assert_eq!(ours["aws_error_counts"], by_error);
    // What left the drops is found among the failed connects.
    let failures =
        json!({"total": 2, "by_error": {"AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE": 1, "unknown": 1}});
    assert_eq!(extension["connect_failures"], failures);
}

#[test]
fn keys_stand_in_the_order_of_the_reference_and_whole_floats_stay_floats() {
    let keys = |json: &str| -> Vec<String> {
        let top = json.lines().filter(|line| line.starts_with("  \"") || line.starts_with("    \""));
        let keys = top.filter_map(|line| line.trim_start().split('"').nth(1)).map(str::to_owned);
        keys.filter(|key| {
            !key.starts_with("AWS_") && !key.starts_with(|c: char| c.is_ascii_digit()) && key != "unknown"
        })
        .collect()
    };
    let ours = Export::of(&worked_example(), None, &ExportOptions::default()).to_json().expect("JSON");
    let (ours, whole) = (keys(ours.split("\n  \"dropscope\"").next().expect("text")), ours);
    assert_eq!(ours, keys(FIXTURE));
    assert!(whole.contains("\"shortest_session_seconds\": 300.0,"), "{whole}");
}

#[test]
fn the_references_export_and_an_empty_one_are_valid() {
    assert_valid(&serde_json::from_str(FIXTURE).expect("JSON"));
    let now = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    let empty = json_of(&Diagnostics::new(10).snapshot(now), &ExportOptions::default());
    assert_valid(&empty);
    assert_eq!(empty["timestamp"], "2026-08-03T12:00:00+00:00");
    assert_eq!(empty["metrics"]["shortest_session_seconds"], Value::Null);
    assert_eq!(empty["metrics"]["longest_session_seconds"], json!(0.0));
    assert_eq!(empty["recent_drops"], json!([]));
}

#[test]
fn documents_outside_the_schema_are_invalid() {
    let valid = json_of(&worked_example(), &ExportOptions::default());
    for (pointer, wrong) in [
        ("/timestamp", json!("2026-08-03T12:00:00Z")),
        ("/metrics/longest_session_seconds", Value::Null),
        ("/recent_drops/0/error_code", json!("5134")),
        ("/dropscope/availability", json!(1.5)),
        ("/dropscope/drops/0/how", json!("magic")),
    ] {
        let mut changed = valid.clone();
        *changed.pointer_mut(pointer).expect("there") = wrong;
        assert!(!validator().is_valid(&changed), "{pointer}");
    }
}

#[test]
fn only_the_newest_fifty_are_listed_and_the_rest_is_counted() {
    let mut now = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    let mut diagnostics = Diagnostics::new(60);
    for attempt in 0..70 {
        diagnostics.apply(now, &connected(ConnectKind::Resumed, false, Some(0), attempt));
        now = now.plus(Duration::from_secs(100));
        diagnostics.apply(now, &dropped(None, None, None, (0, 0, 0)));
        now = now.plus(Duration::from_secs(1));
    }
    let export = json_of(&diagnostics.snapshot(now), &ExportOptions::default());
    assert_valid(&export);
    let length = |pointer: &str| export.pointer(pointer).and_then(Value::as_array).map(Vec::len);
    assert_eq!(length("/recent_drops"), Some(50));
    assert_eq!(length("/recent_connections"), Some(50));
    assert_eq!(length("/dropscope/drops"), Some(50));
    assert_eq!(export["recent_connections"][49]["attempt_number"], 69);
    assert_eq!(export["dropscope"]["drops"][49]["number"], 70);
    assert_eq!(export["dropscope"]["overflow"]["drops_evicted"], 10);
}

#[test]
fn an_export_and_a_report_are_written_and_read_back() {
    let dir = tempfile::tempdir().expect("directory");
    let snapshot = worked_example();
    let export = Export::of(&snapshot, None, &ExportOptions::default());
    let to = Destination::Directory(dir.path().join("exports"));
    let path = save_json(&export, snapshot.at.wall, &to).expect("written");
    assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("diagnostics_20260803_122713.json"));
    let read: Export = serde_json::from_slice(&std::fs::read(&path).expect("read")).expect("JSON");
    assert_eq!(read, export);
    let report = markdown::report(&export);
    for part in
        ["## Summary", "## What is known", "## Drops", "Connect timed out", "## Environment", "| Drops | 2 |"]
    {
        assert!(report.contains(part), "{part} in {report}");
    }
    let path = save_report(&export, snapshot.at.wall, dir.path()).expect("written");
    assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("report_20260803_122713.md"));
    assert_eq!(std::fs::read_to_string(path).expect("read"), report);
    let latest = Destination::File(dir.path().join("latest.json"));
    for _ in 0..2 {
        let path = save_json(&export, snapshot.at.wall, &latest).expect("written");
        assert_eq!(path.file_name().and_then(|name| name.to_str()), Some("latest.json"));
    }
}

/// A verdict with something in every field.
fn verdict_for(snapshot: &Snapshot) -> Verdict {
    let mut verdict = Verdict::undetermined(snapshot.at);
    let chance = |pattern, probability| Hypothesis {
        pattern,
        probability,
        hits: 2,
        opportunities: 2.5,
        log_bayes_factor: 4.25,
    };
    let judged = &mut verdict.classification;
    judged.pattern = Pattern::IdleTimeout;
    judged.confidence = 0.91;
    judged.hypotheses = vec![
        chance(Pattern::IdleTimeout, 0.91),
        chance(Pattern::Random, 0.085),
        chance(Pattern::Outage, 0.005),
    ];
    judged.drops = 2;
    judged.evidence = vec!["both drops followed a silence of 285 s | more".to_owned()];
    judged.parameters.insert("limit_secs".to_owned(), 285.0);
    judged.missing = Some("more drops".to_owned());
    let diagnosis = &mut verdict.diagnosis;
    diagnosis.causes =
        vec![RankedCause { id: "nat".to_owned(), name: "a NAT forgets".to_owned(), probability: 0.8 }];
    diagnosis.also = vec![SecondaryFinding {
        pattern: Pattern::SystemEvent,
        hits: 1,
        sentence: "one followed a suspend".to_owned(),
    }];
    diagnosis.against = vec!["one silence of 290 s survived".to_owned()];
    diagnosis.separate = Some("a day with keep-alive 240 s".to_owned());
    "shorten the keep-alive below 240 s".clone_into(&mut diagnosis.next.text);
    diagnosis.next.action = AdviceAction::ShortenKeepAlive;
    diagnosis.expected = Some(DropPrediction { at: snapshot.at.wall, within_secs: 1.5 });
    verdict
}

#[test]
fn the_verdict_is_in_the_export_and_the_report() {
    let snapshot = worked_example();
    let verdict = verdict_for(&snapshot);
    let export = Export::of(&snapshot, Some(&verdict), &ExportOptions::default());
    let json: Value = serde_json::from_str(&export.to_json().expect("JSON")).expect("JSON");
    assert_valid(&json);
    let part = |name: &str| json["dropscope"][name].clone();
    assert_eq!(part("classification"), serde_json::to_value(&verdict.classification).expect("JSON"));
    assert_eq!(part("diagnosis"), serde_json::to_value(&verdict.diagnosis).expect("JSON"));
    assert_eq!(serde_json::from_value::<Export>(json).expect("our own format"), export);
    let report = markdown::report(&export);
    let section = report.split("\n## ").find(|section| section.starts_with("Verdict\n")).expect("a section");
    let expected = "Verdict

**Idle timeout** (91 %): a NAT, firewall or proxy drops idle connections, based on 2 drops.

- For: both drops followed a silence of 285 s \\| more
- Against: one silence of 290 s survived
- Missing: more drops
- Alternatives: random loss, 8 %
- Also seen: one followed a suspend
- Separating test: a day with keep-alive 240 s
- Next drop expected: 2026-08-03 12:27:13 UTC ± 1.5 s

Likely causes:

1. a NAT forgets, 80 %

Next step: shorten the keep-alive below 240 s.
";
    assert_eq!(section, expected);
}

#[test]
fn without_a_verdict_there_is_no_section_and_null() {
    let export = Export::of(&worked_example(), None, &ExportOptions::default());
    assert!(!markdown::report(&export).contains("## Verdict"));
    let json: Value = serde_json::from_str(&export.to_json().expect("JSON")).expect("JSON");
    assert_valid(&json);
    assert_eq!(
        (&json["dropscope"]["classification"], &json["dropscope"]["diagnosis"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn the_schema_knows_every_pattern_and_nothing_else() {
    let schema: Value = serde_json::from_str(include_str!("../../assets/export.schema.json")).expect("JSON");
    let names: Vec<&str> = Pattern::ALL.iter().map(|pattern| pattern.name()).collect();
    assert_eq!(schema["$defs"]["pattern"]["enum"], json!(names));
    let snapshot = worked_example();
    let export = Export::of(&snapshot, Some(&verdict_for(&snapshot)), &ExportOptions::default());
    let mut json: Value = serde_json::from_str(&export.to_json().expect("JSON")).expect("JSON");
    json["dropscope"]["classification"]["confidence"] = json!(1.5);
    assert!(!validator().is_valid(&json));
}

#[test]
fn the_library_exports_its_verdict() {
    let mut collector = Collector::new(10);
    collector.record_connection_success(ConnectKind::Connected, false, Some(0), 0);
    let json: Value = serde_json::from_str(&collector.export_json().expect("JSON")).expect("JSON");
    assert_valid(&json);
    let verdict = collector.verdict();
    assert_eq!(json["dropscope"]["classification"]["pattern"], json!(verdict.classification.pattern.name()));
}
