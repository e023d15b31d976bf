//! The contract with scripts: output, files, signals and exit codes of the program without a screen.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod checks;
mod commands;
mod replays;
mod run;

use std::fs;
use std::io::BufReader;
use std::net::TcpListener;
use std::path::Path;

use dropscope::diagnostics::recording::{DecodeStats, Decoder, RecordingReader};
use dropscope::diagnostics::{Event, StampedEvent};
use run::{RunningProcess, files, run};

use crate::child::command;
use rustix::process::Signal;
use serde_json::Value;

fn home() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

/// The URL of a closed port.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("mqtt://{}", listener.local_addr().expect("an address"))
}

fn assert_valid_export(path: &Path) {
    let export: Value = serde_json::from_slice(&fs::read(path).expect("an export")).expect("JSON");
    let schema =
        serde_json::from_str(include_str!("../../../assets/export.schema.json")).expect("a JSON schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&export).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// The events of a text that holds nothing but whole recording lines.
fn decoded(text: &str) -> Vec<StampedEvent> {
    let mut decoder = Decoder::new();
    let events: Vec<StampedEvent> =
        text.lines().filter_map(|line| decoder.decode_line(line.as_bytes())).collect();
    let tally = decoder.stats();
    assert_eq!((tally.skipped(), tally.unknown), (0, 0), "{text}");
    assert_eq!(events.len(), text.lines().count());
    events
}

fn read_recording(home: &Path) -> (Vec<StampedEvent>, DecodeStats) {
    let files = files(home, "recordings");
    assert_eq!(files.len(), 1, "{files:?}");
    let mut reader = RecordingReader::new(BufReader::new(fs::File::open(&files[0]).expect("a recording")));
    let events = reader.by_ref().map(|event| event.expect("a readable file")).collect();
    (events, reader.stats())
}

fn assert_starts_and_stops(events: &[StampedEvent]) {
    assert!(matches!(events.first().map(|first| &first.event), Some(Event::Started(_))), "{events:?}");
    assert!(matches!(events.last().map(|last| &last.event), Some(Event::Stopped { .. })), "{events:?}");
}

#[test]
fn json_is_on_stdout_text_on_stderr_and_an_export_is_written() {
    let home = home();
    let exports = home.path().join("given");
    let dir = exports.to_str().expect("text");
    let ended = run(home.path(), &["demo", "--headless", "--duration", "6s", "--json", "--export-dir", dir]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let events = decoded(&ended.out);
    assert_starts_and_stops(&events);
    assert!(events.iter().any(|observed| matches!(observed.event, Event::Connected(_))));
    assert!(events.iter().any(|observed| matches!(observed.event, Event::Received(_))));
    assert!(ended.err.contains("onnected"), "{}", ended.err);
    assert!(!ended.err.contains("\"kind\""), "{}", ended.err);
    assert!(!ended.err.contains(|c: char| c.is_control() && c != '\n'), "{:?}", ended.err);
    let written: Vec<_> =
        fs::read_dir(&exports).expect("made").map(|entry| entry.expect("one").path()).collect();
    assert_eq!(written.len(), 1, "{written:?}");
    assert_valid_export(&written[0]);
    let recording = files(home.path(), "recordings");
    assert_eq!(fs::read_to_string(&recording[0]).expect("a recording"), ended.out, "the same lines");
}

#[test]
fn conditions_and_outages_have_their_exit_codes() {
    let url = closed_port();
    let cases: [(&[&str], i32); 4] = [
        (&["demo", "--duration", "1s", "--fail-on", "drops>=0"], 5),
        (&["demo", "--duration", "1s", "--fail-on", "drops>1000"], 0),
        (&[&url, "--duration", "2s"], 3),
        (&[&url, "--max-reconnect-attempts", "1"], 3),
    ];
    for (arguments, code) in cases {
        let home = home();
        let ended = run(home.path(), arguments);
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.out, ended.err);
        assert!(!ended.out.is_empty(), "the summary is the output of {arguments:?}");
    }
}

#[test]
fn usage_errors_are_one_sentence() {
    let cases: [&[&str]; 4] =
        [&["gopher://x"], &["mqtt://"], &["mqtt://x", "--cafile", "/nowhere"], &["mqtt://x", "-k", "99999"]];
    for arguments in cases {
        let home = home();
        let ended = run(home.path(), arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.err);
        let first = ended.err.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && first.len() > 20, "{}", ended.err);
        assert!(!ended.err.contains("panicked") && ended.err.lines().count() <= 4, "{}", ended.err);
    }
}

#[test]
fn sigint_exits_with_130_and_sigterm_with_0() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 0)] {
        let home = home();
        let mut run = RunningProcess::start(&mut command(home.path(), &["demo", "--json"]));
        run.wait_for_line("\"kind\":\"connected\"");
        run.signal(signal);
        let ended = run.end();
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert_starts_and_stops(&decoded(&ended.out));
        assert_starts_and_stops(&read_recording(home.path()).0);
        assert_valid_export(&files(home.path(), "exports")[0]);
    }
}

#[test]
fn signals_trigger_exports_during_the_run() {
    for signal in [Signal::USR1, Signal::HUP] {
        let home = home();
        let mut run = RunningProcess::start(&mut command(home.path(), &["demo", "--json"]));
        run.wait_for_line("\"kind\":\"connected\"");
        run.signal(signal);
        let place = home.path().to_owned();
        let is_whole = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
        run.wait_until("an export", || files(&place, "exports").iter().any(is_whole));
        assert_valid_export(files(home.path(), "exports").iter().find(|path| is_whole(path)).expect("one"));
        run.signal(Signal::TERM);
        assert_eq!(run.end().code, Some(0));
    }
}

#[test]
fn a_closed_stdout_ends_the_run_without_error() {
    let home = home();
    let mut run = RunningProcess::start(&mut command(home.path(), &["demo", "--json"]));
    run.wait_for_line("\"kind\":\"started\"");
    run.stop_reading();
    let ended = run.end();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("panicked") && !ended.err.contains("rror:"), "{}", ended.err);
    let (events, tally) = read_recording(home.path());
    assert_eq!(tally.skipped(), 0);
    assert_starts_and_stops(&events);
}

#[test]
fn a_killed_run_leaves_at_most_one_truncated_line() {
    let home = home();
    let mut run = RunningProcess::start(&mut command(home.path(), &["demo", "--json"]));
    // Checks the file, not the output: recording lines may still be queued when the output shows an event.
    let place = home.path().to_owned();
    let is_received = |observed: &StampedEvent| matches!(observed.event, Event::Received(_));
    run.wait_until("a recorded message", || {
        !files(&place, "recordings").is_empty() && read_recording(&place).0.iter().any(is_received)
    });
    run.signal(Signal::KILL);
    let ended = run.end();
    assert_eq!(ended.code, None);
    let (events, tally) = read_recording(home.path());
    assert!(tally.truncated <= 1 && tally.malformed == 0 && tally.oversized == 0, "{tally:?}");
    assert!(events.iter().any(|observed| matches!(observed.event, Event::Connected(_))), "{events:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_and_does_not_end_the_run() {
    let home = home();
    let ended = run(home.path(), &["demo", "--json", "--duration", "3s", "--record", "/dev/full"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let events = decoded(&ended.out);
    assert_starts_and_stops(&events);
    assert!(events.iter().any(|observed| matches!(observed.event, Event::Received(_))));
    assert!(ended.err.contains("recording"), "standard error: {}", ended.err);
}
