//! The program in a real terminal: keys, screens, and the restored terminal.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod terminal;

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use dropscope::diagnostics::event::{DropKind, Initiator};
use dropscope::diagnostics::recording::RecordingReader;
use dropscope::diagnostics::{Event, StampedEvent};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use terminal::{Terminal, state_dir};

const DEMO: &[&str] = &["demo", "--seed", "42", "--keep-alive", "5"];

/// The files in a folder of the program's state directory.
fn files(home: &Path, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state_dir(home).join(folder)) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// All events of the only recording, which must be complete.
fn recorded(home: &Path) -> Vec<StampedEvent> {
    let files = files(home, "recordings");
    assert_eq!(files.len(), 1, "one recording a run: {files:?}");
    let mut reader = RecordingReader::new(BufReader::new(fs::File::open(&files[0]).expect("a recording")));
    let events: Vec<StampedEvent> = reader.by_ref().map(|event| event.expect("a readable file")).collect();
    assert_eq!((reader.stats().skipped(), reader.stats().unknown), (0, 0));
    assert!(matches!(events.first().map(|first| &first.event), Some(Event::Started(_))));
    assert!(matches!(events.last().map(|last| &last.event), Some(Event::Stopped { .. })), "{events:?}");
    events
}

/// Reads an export and validates it against the schema and the keys of the reference client.
fn valid_export(path: &Path) -> Value {
    let export: Value = serde_json::from_slice(&fs::read(path).expect("an export")).expect("JSON");
    let schema =
        serde_json::from_str(include_str!("../../../assets/export.schema.json")).expect("a JSON schema");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator.iter_errors(&export).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let reference: Value =
        serde_json::from_str(include_str!("../../fixtures/nwp500-export-example.json")).expect("JSON");
    for (key, value) in reference.as_object().expect("an object") {
        assert!(export.get(key).is_some(), "the reference's key {key} is missing");
        if key == "metrics" {
            for inner in value.as_object().expect("an object").keys() {
                assert!(export[key].get(inner).is_some(), "the reference's key {key}.{inner} is missing");
            }
        }
    }
    export
}

/// Checks that each keep-alive change of an open session is followed by a disconnect on purpose; returns
/// the number of changes.
fn count_keep_alive_changes_without_a_drop(events: &[StampedEvent]) -> usize {
    let mut up = false;
    let mut changing = false;
    let mut changes = 0;
    for StampedEvent { event, .. } in events {
        match event {
            Event::Connected(_) => up = true,
            Event::KeepAliveChanged { .. } => changing = up,
            Event::Dropped(_) | Event::Disconnected { .. } => {
                if std::mem::take(&mut changing) {
                    assert_eq!(*event, Event::Disconnected { by: Initiator::Experiment });
                    changes += 1;
                }
                up = false;
            }
            _ => {}
        }
    }
    changes
}

fn wait_for_connected(terminal: &mut Terminal) {
    terminal.wait_for("a live session", |screen| screen.contents().contains("CONNECTED "));
}

fn visit_every_screen(terminal: &mut Terminal) {
    terminal.wait_for("the Overview", |screen| screen.contents().contains("Timeline"));
    terminal.press("2");
    terminal.wait_for("the Drops screen", |screen| !screen.contents().contains("Timeline"));
    terminal.press("1");
    terminal.wait_for_text("Timeline");
    terminal.press("?");
    terminal.wait_for_text("everything at a glance");
    terminal.press("\x1b");
    terminal.wait_for("no help", |screen| !screen.contents().contains("everything at a glance"));
}

fn change_keep_alive(terminal: &mut Terminal) {
    for (key, expected) in [("+", "keep-alive 10 s"), ("+", "keep-alive 15 s"), ("-", "keep-alive 10 s")] {
        terminal.press(key);
        terminal.wait_for(expected, |screen| {
            let text = screen.contents();
            text.contains("CONNECTED ") && text.contains(expected)
        });
    }
}

fn operate_by_keys(size: (u16, u16)) {
    let home = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::start(size, home.path(), DEMO, &[]);
    wait_for_connected(&mut terminal);
    assert!(terminal.is_changed(), "the terminal is in raw mode while the program runs");
    assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
    assert_ne!(terminal.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);

    visit_every_screen(&mut terminal);
    change_keep_alive(&mut terminal);

    terminal.press("n");
    terminal.wait_for_text("Note for the recording");
    terminal.press("restarted the router é\r");
    terminal.wait_for_text("✎");

    terminal.press("e");
    terminal.wait_for_text("written /");
    let exports = files(home.path(), "exports");
    assert_eq!(exports.len(), 1, "{exports:?}");
    valid_export(&exports[0]);

    terminal.press("x");
    terminal.wait_for_text("OFF");
    terminal.press("x");
    wait_for_connected(&mut terminal);

    terminal.resize((20, 5));
    terminal.wait_for("the smallest screen", |screen| {
        let first = screen.contents().lines().next().map(str::to_owned).unwrap_or_default();
        ["CONNECTED", "CONNECTING", "DOWN", "IDLE"].iter().any(|state| first.contains(state))
    });
    // A key pressed during the resize is not lost.
    terminal.resize(size);
    terminal.press("2");
    terminal.wait_for_text("2 Drops");
    terminal.wait_for("the Drops screen", |screen| !screen.contents().contains("Timeline"));
    terminal.press("n");
    terminal.wait_for_text("Note for the recording");
    // Longer than one read of the terminal.
    let pasted = "long ".repeat(500);
    terminal.press(&format!("\x1b[200~{pasted}\x1b[201~\r"));
    terminal.wait_for("an end of the typing", |screen| !screen.contents().contains("Note for the"));

    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
    terminal.assert_restored();
    assert!(terminal.has_color_output(), "a color terminal gets colors");

    let events = recorded(home.path());
    let is_note = |event: &Event| matches!(event, Event::Note { text } if text == "restarted the router é");
    assert!(events.iter().any(|stamped| is_note(&stamped.event)));
    let is_pasted = |event: &Event| matches!(event, Event::Note { text } if text.starts_with("long long"));
    assert!(events.iter().any(|stamped| is_pasted(&stamped.event)));
    assert!(count_keep_alive_changes_without_a_drop(&events) >= 2, "{events:?}");
    let drops = events.iter().filter(|stamped| matches!(stamped.event, Event::Dropped(_))).count();
    let exports = files(home.path(), "exports");
    assert_eq!(exports.len(), 2, "one on request, one at the end: {exports:?}");
    let last = exports.iter().max().map(|path| valid_export(path)).expect("an export");
    assert_eq!(last["metrics"]["total_connection_drops"], drops);
}

#[test]
fn keys_work_and_a_large_terminal_is_restored() {
    operate_by_keys((120, 40));
}

#[test]
fn keys_work_and_a_small_terminal_is_restored() {
    operate_by_keys((80, 24));
}

#[test]
fn sigterm_ends_the_run_and_restores_the_terminal() {
    let home = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::start((80, 24), home.path(), DEMO, &[("NO_COLOR", "1")]);
    wait_for_connected(&mut terminal);
    let pid = i32::try_from(terminal.pid()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::TERM).expect("a signal");
    assert_eq!(terminal.wait_for_end(), 0);
    terminal.assert_restored();
    assert!(!terminal.has_color_output(), "NO_COLOR turns colors off");
    recorded(home.path());
    assert_eq!(files(home.path(), "exports").len(), 1, "the export at the end");
}

#[test]
fn ctrl_c_quits() {
    let home = tempfile::tempdir().expect("a directory");
    let mut terminal = Terminal::start((80, 24), home.path(), &["demo", "--no-mouse", "--ascii"], &[]);
    wait_for_connected(&mut terminal);
    assert_eq!(terminal.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(terminal.screen().contents().is_ascii(), "{}", terminal.screen().contents());
    terminal.press("\x03");
    assert_eq!(terminal.wait_for_end(), 0);
    terminal.assert_restored();
}

/// The displayed uptime of the session in seconds.
fn uptime(screen: &vt100::Screen) -> Option<u64> {
    let text = screen.contents();
    let (_, rest) = text.split_once("CONNECTED")?;
    let clock = rest.split_whitespace().next()?;
    clock.split(':').try_fold(0, |secs, part| Some(secs * 60 + part.parse::<u64>().ok()?))
}

#[test]
fn shorter_keep_alive_stops_the_demo_drops_and_a_key_injects_a_fault() {
    let home = tempfile::tempdir().expect("a directory");
    let demo = ["demo", "--seed", "1", "--speed", "600"];
    let mut terminal = Terminal::start((120, 40), home.path(), &demo, &[]);
    wait_for_connected(&mut terminal);
    terminal.wait_for("what is simulated", |screen| {
        let text = screen.contents();
        text.contains("simulated, 1 s = 10 min") && text.contains("fault: a NAT silently forgets")
    });
    terminal.wait_for("two drops", |screen| screen.contents().contains(" drops ─"));
    terminal.press("-");
    terminal.wait_for_text("keep-alive 300 s");
    // Five times the idle timeout of the NAT.
    terminal.wait_for("a long session", |screen| uptime(screen).is_some_and(|secs| secs > 1_750));
    terminal.press("!");
    terminal.wait_for_text("Inject a fault now");
    terminal.press("j\r");
    terminal.wait_for("a note", |screen| screen.contents().contains("✎"));
    terminal.wait_for("a new session", |screen| uptime(screen).is_some_and(|secs| secs < 1_700));
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
    let events = recorded(home.path());
    let changed = |stamped: &StampedEvent| matches!(stamped.event, Event::KeepAliveChanged { .. });
    let change = events.iter().position(changed).expect("a change");
    let how = |stamped: &StampedEvent| match &stamped.event {
        Event::Dropped(dropped) => dropped.how,
        _ => None,
    };
    let before: Vec<_> = events[..change].iter().filter_map(how).collect();
    assert!(before.len() >= 2 && before.iter().all(|how| *how == DropKind::PingTimeout), "{before:?}");
    let after: Vec<_> = events[change..].iter().filter_map(how).collect();
    assert_eq!(after, [DropKind::Rst], "only the injected fault");
}

#[test]
fn replay_seeks_exports_and_quits() {
    let home = tempfile::tempdir().expect("a directory");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/example.jsonl");
    let mut terminal = Terminal::start((120, 40), home.path(), &["replay", example, "--paused"], &[]);
    terminal.wait_for_text("PAUSED");
    terminal.press("]");
    terminal.wait_for_text("1 drop ");
    terminal.press("r");
    terminal.wait_for_text("a replay has no connection");
    terminal.press("e");
    terminal.wait_for_text("written");
    terminal.press("q");
    assert_eq!(terminal.wait_for_end(), 0);
    terminal.assert_restored();
    let exports = files(home.path(), "exports");
    assert_eq!(exports.len(), 1, "{exports:?}");
    assert_eq!(valid_export(&exports[0])["metrics"]["total_connection_drops"], 1);
    assert!(files(home.path(), "recordings").is_empty(), "a replay records nothing");
}
