//! A recording gives the export of the run that wrote it; bad recordings are one-sentence errors.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::headless::run::{ProcessOutput, run};

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn failed_replay(home: &Path, arguments: &[&str]) -> String {
    let ProcessOutput { code, out, err } = run(home, arguments);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    err
}

/// A demo with its recording and its one export.
fn demo(home: &Path, scenario: &str, flags: &[&str]) -> (String, String) {
    let (recording, exports) = (home.join("run.jsonl"), home.join("exports"));
    let (file, dir) = (text(&recording), text(&exports));
    let mut arguments = vec!["demo", scenario, "--seed", "7", "--duration", "8s", "--headless"];
    arguments.extend(["--record", &file, "--export-dir", &dir]);
    arguments.extend(flags);
    let ended = run(home, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut files = std::fs::read_dir(exports).expect("exports").map(|entry| entry.expect("an entry").path());
    (file, std::fs::read_to_string(files.next().expect("an export")).expect("text"))
}

/// The recording gives the same bytes as the run: the last export is of the instant of the last event.
fn gives_the_same_export(scenario: &str, flags: &[&str]) {
    let home = TempDir::new().expect("a folder");
    let (recording, live) = demo(home.path(), scenario, flags);
    let export: Value = serde_json::from_str(&live).expect("JSON");
    assert!(export["metrics"]["total_connection_drops"].as_u64() > Some(0), "{live}");
    let mut arguments = vec!["replay", &recording, "--export", "-"];
    arguments.extend(flags);
    let replayed = run(home.path(), &arguments);
    assert_eq!((replayed.code, replayed.err.as_str()), (Some(0), ""));
    assert_eq!(replayed.out, live, "{scenario}");
}

#[test]
fn the_export_of_a_recording_equals_that_of_the_demo() {
    gives_the_same_export("mixed", &[]);
}

#[test]
fn the_export_of_a_scaled_recording_equals_that_of_the_demo() {
    gives_the_same_export("takeover", &["--no-redact", "--max-events", "3"]);
}

#[test]
fn reports_and_exports_are_written_to_the_given_paths() {
    let home = TempDir::new().expect("a folder");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/example.jsonl");
    let (file, dir) = (text(&home.path().join("one.json")), text(home.path()) + "/many/");
    let report = run(home.path(), &["replay", example, "--report", "-"]);
    assert_eq!(report.code, Some(0), "{}", report.err);
    assert!(report.out.starts_with("# MQTT connection report\n"), "{}", report.out);
    let written = run(home.path(), &["replay", example, "--export", &file, "--report", &dir]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""), "{}", written.err);
    assert!(written.err.lines().all(|line| line.starts_with("written ")), "{}", written.err);
    let export = std::fs::read_to_string(file).expect("an export");
    let printed = run(home.path(), &["replay", example, "--export", "-", "--at", "-0"]);
    assert_eq!(printed.out, export, "the end is the end");
    let reports = std::fs::read_dir(home.path().join("many")).expect("a directory");
    let reports: Vec<_> = reports.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(reports.len(), 1);
    assert_eq!(std::fs::read_to_string(&reports[0]).expect("a report"), report.out);
    let early = run(home.path(), &["replay", example, "--export", "-", "--at", "1s"]);
    let early: Value = serde_json::from_str(&early.out).expect("JSON");
    assert_eq!(early["metrics"]["total_connection_drops"], 0);
    assert_eq!(early["dropscope"]["period"]["observed_secs"], 1.0);
}

#[test]
fn replay_errors_are_one_sentence() {
    let home = TempDir::new().expect("a folder");
    let (empty, missing) = (home.path().join("empty.jsonl"), home.path().join("missing.jsonl"));
    std::fs::write(&empty, "not a recording\n\n").expect("a file");
    let (empty, missing, folder) = (text(&empty), text(&missing), text(home.path()));
    for (arguments, sentence) in [
        (&["replay", &missing, "--export", "-"][..], "cannot open the recording"),
        (&["replay", &empty, "--export", "-"], "there is no event in"),
        (&["replay", &folder, "--export", "-"], "it is not a regular file"),
        (&["replay", &empty], "standard output is not a terminal"),
        (&["replay", &empty, "--export", "-", "--report", "-"], "only one of --export and --report"),
    ] {
        let error = failed_replay(home.path(), arguments);
        assert!(error.starts_with("error: ") && error.contains(sentence), "{error}");
    }
    let usage = run(home.path(), &["replay"]);
    assert_eq!(usage.code, Some(2), "{}", usage.err);
    let usage = run(home.path(), &["replay", &empty, "--at", "noon"]);
    assert_eq!(usage.code, Some(2));
    assert!(usage.err.contains("write a position in a recording as 90"), "{}", usage.err);
}

#[test]
fn unreadable_lines_are_counted_and_reported() {
    let home = TempDir::new().expect("a folder");
    let example = include_str!("../../../assets/example.jsonl");
    let torn = home.path().join("torn.jsonl");
    let mut damaged: Vec<&str> = example.lines().collect();
    damaged.insert(5, "{\"t\": nonsense}");
    damaged.insert(50, "\u{1b}[2J");
    std::fs::write(&torn, damaged.join("\n") + "\n{\"t\":\"2026").expect("a file");
    let whole = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/example.jsonl");
    let expected = run(home.path(), &["replay", whole, "--export", "-"]);
    let ended = run(home.path(), &["replay", &text(&torn), "--export", "-"]);
    assert_eq!((ended.code, ended.out), (Some(0), expected.out));
    assert_eq!(ended.err, "warning: 3 lines of the recording cannot be read\n");
}
