//! The output of `analyze` in each format, and its exit codes.

use dropscope::classify::{Classification, Diagnosis};
use dropscope::export::schema::{MetricsEntry, Period};
use serde_json::Value;

use super::{AnalyzeFixture, recorded_run, recording, text};

fn fixture_with_recording() -> AnalyzeFixture {
    let fixture = AnalyzeFixture::new();
    fixture.write("a.jsonl", recording(&recorded_run(0, "client-7", 6)));
    fixture
}

#[test]
fn the_json_has_the_documented_shape() {
    let json = fixture_with_recording().json(&["a.jsonl"]);
    let keys: Vec<_> = json.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "classification",
        "diagnosis",
        "input",
        "metrics",
        "period",
        "redacted",
        "schema_version",
        "version",
    ];
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    let classification: Classification =
        serde_json::from_value(json["classification"].clone()).expect("the classifier's own form");
    assert_eq!(serde_json::to_value(&classification).expect("JSON"), json["classification"]);
    serde_json::from_value::<Diagnosis>(json["diagnosis"].clone()).expect("the classifier's own form");
    let metrics: MetricsEntry = serde_json::from_value(json["metrics"].clone()).expect("the export's names");
    assert_eq!((metrics.total_connection_drops, metrics.connection_recovered), (6, 5));
    let period: Period = serde_json::from_value(json["period"].clone()).expect("the export's names");
    assert_eq!(period.start, "2026-08-03T12:00:00+00:00");
    assert!(json["metrics"]["availability"].is_f64() && json["metrics"]["drops_by_how"]["fin"] == 6);
    let input = &json["input"];
    assert_eq!((&input["events"], &input["lines"]), (&Value::from(79), &Value::from(79)));
    assert_eq!(input["files"][0]["form"], "recording");
}

#[test]
fn private_values_are_redacted_by_default() {
    let fixture = fixture_with_recording();
    for format in ["text", "json", "markdown"] {
        let args = ["a.jsonl", "--format", format];
        let redacted = text(&fixture.analyze(&args).stdout);
        assert!(!redacted.contains("client-7") && !redacted.contains("private.example"), "{redacted}");
    }
    let unredacted = text(&fixture.analyze(&["a.jsonl", "--no-redact"]).stdout);
    assert!(unredacted.contains("mqtts://broker.private.example"), "{unredacted}");
}

#[test]
fn text_is_plain_without_a_terminal_and_has_the_essentials() {
    let output = fixture_with_recording().analyze(&["a.jsonl"]);
    let stdout = text(&output.stdout);
    for words in [
        "2026-08-03 12:00:00 to 2026-08-03 13:05:30 UTC",
        "Availability",
        "Session length  10 min, median 10 min",
        "Drops           6, one per 10 min connected",
        "6 × AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
        "Verdict",
        "Next step",
        "79 events from 1 file",
    ] {
        assert!(stdout.contains(words), "{words}\n{stdout}");
    }
    assert!(stdout.chars().all(|c| c == '\n' || !c.is_control()), "{stdout}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 100), "{stdout}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn markdown_is_the_report_of_the_export_with_the_input_last() {
    let markdown = text(&fixture_with_recording().analyze(&["a.jsonl", "--format", "markdown"]).stdout);
    let headings: Vec<_> = markdown.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings.first().copied(), Some("# MQTT connection report"));
    assert!(headings.contains(&"## Verdict"), "{headings:?}");
    assert_eq!(headings.last().copied(), Some("## Input"));
    assert!(markdown.contains("| 2026-08-03 12:10:00 | AWS_ERROR_MQTT_UNEXPECTED_HANGUP |"), "{markdown}");
}

#[test]
fn fail_on_decides_the_exit_code() {
    let fixture = fixture_with_recording();
    for (condition, code) in
        [("drops>5", 5), ("drops>6", 0), ("availability<99.9", 5), ("drops>6,mttr>30s", 5)]
    {
        let output = fixture.analyze(&["a.jsonl", "--fail-on", condition]);
        assert_eq!(output.status.code(), Some(code), "{condition}");
        assert!(!output.stdout.is_empty());
    }
    assert_eq!(fixture.analyze(&["a.jsonl", "--fail-on", "luck<1"]).status.code(), Some(2));
    assert_eq!(fixture.analyze(&["a.jsonl", "--format", "xml"]).status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_closed_output_pipe_is_no_failure() {
    let fixture = fixture_with_recording();
    let program = env!("CARGO_BIN_EXE_dropscope");
    let script = format!("'{program}' analyze a.jsonl; echo $? >&2");
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("({script}) | true")])
        .current_dir(fixture.dir.path())
        .output()
        .expect("a shell");
    assert_eq!(text(&output.stderr).trim(), "0");
}
