use std::fs;
use std::path::Path;

use super::*;

const LIMIT: Duration = Duration::from_secs(20);

fn in_dir(dir: &Path, client_id: &str) -> RecorderSettings {
    let started = "2026-08-03T12:00:00Z".parse().expect("a time");
    let target = RecorderTarget::Directory { dir: dir.to_owned(), started, client_id: client_id.to_owned() };
    RecorderSettings { retry: Duration::from_millis(5), ..RecorderSettings::new(target) }
}

fn to_file(path: &Path) -> RecorderSettings {
    let target = RecorderTarget::File(path.to_owned());
    RecorderSettings { retry: Duration::from_millis(5), ..RecorderSettings::new(target) }
}

fn record(settings: RecorderSettings, lines: &[&str]) -> RecorderState {
    let recorder = Recorder::start(settings);
    for line in lines {
        recorder.append((*line).to_owned(), line.starts_with("drop"));
    }
    recorder.finish(LIMIT)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("listed").map(|entry| entry.expect("entry").file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// Waits, within bounds, until the recorder's state is as expected.
fn wait_for(recorder: &Recorder, is_expected: impl Fn(&RecorderState) -> bool) -> RecorderState {
    for _ in 0..4000 {
        let state = recorder.state();
        if is_expected(&state) {
            return state;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("never so: {:?}", recorder.state());
}

#[test]
fn every_line_is_in_one_private_file_per_run() {
    let dir = tempfile::tempdir().expect("directory");
    let state_dir = dir.path().join("state/dropscope");
    let state = record(in_dir(&state_dir, "../heater\n№1"), &["one", "drop", "three"]);
    assert_eq!(names(&state_dir), ["dropscope_20260803_120000_.._heater__1.jsonl"]);
    let path = state_dir.join(&names(&state_dir)[0]);
    assert_eq!(fs::read_to_string(&path).expect("read"), "one\ndrop\nthree\n");
    assert_eq!(state, RecorderState::Recording { path: path.clone(), bytes: 15 });
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for (path, mode) in [(path, 0o600), (state_dir, 0o700)] {
            assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, mode);
        }
    }
}

#[test]
fn a_run_of_the_same_second_and_id_gets_its_own_file() {
    let dir = tempfile::tempdir().expect("directory");
    record(in_dir(dir.path(), "c"), &["first"]);
    record(in_dir(dir.path(), "c"), &["second"]);
    assert_eq!(
        names(dir.path()),
        ["dropscope_20260803_120000_c.jsonl", "dropscope_20260803_120000_c_0002.jsonl"]
    );
}

#[test]
fn a_full_file_is_rotated_and_the_oldest_is_removed() {
    let dir = tempfile::tempdir().expect("directory");
    for other in ["notes.jsonl", "dropscope_x.jsonl"] {
        fs::write(dir.path().join(other), "not ours").expect("written");
    }
    fs::write(dir.path().join("dropscope_20250101_000000_old.jsonl"), "ours, old").expect("written");
    let settings = RecorderSettings { max_bytes: 10, max_files: 2, ..in_dir(dir.path(), "c") };
    record(settings, &["aaaa", "bbbb", "cccc", "dddd", "eeeeeeeeeeeeeeee", "ffff"]);
    assert_eq!(
        names(dir.path()),
        [
            "dropscope_20260803_120000_c_0003.jsonl",
            "dropscope_20260803_120000_c_0004.jsonl",
            "dropscope_x.jsonl",
            "notes.jsonl"
        ]
    );
    let read = |part: &str| fs::read_to_string(dir.path().join(part)).expect("read");
    assert_eq!(read("dropscope_20260803_120000_c_0003.jsonl"), "eeeeeeeeeeeeeeee\n");
    assert_eq!(read("dropscope_20260803_120000_c_0004.jsonl"), "ffff\n");
}

#[test]
fn a_named_file_rotates_to_numbers_and_continues_after_a_torn_line() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("watch.jsonl");
    fs::write(&path, "one\ntw").expect("written");
    let settings = || RecorderSettings { max_bytes: 12, max_files: 3, ..to_file(&path) };
    record(settings(), &["three"]);
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect("read");
    // "one\ntw\n" and "three\n" do not fit together.
    assert_eq!((read("watch.jsonl").as_str(), read("watch.jsonl.1").as_str()), ("three\n", "one\ntw\n"));
    record(settings(), &["four", "five", "six", "seven"]);
    assert_eq!(names(dir.path()), ["watch.jsonl", "watch.jsonl.1", "watch.jsonl.2"]);
    assert_eq!(read("watch.jsonl"), "seven\n");
    assert_eq!(read("watch.jsonl.1"), "five\nsix\n");
    assert_eq!(read("watch.jsonl.2"), "three\nfour\n");
}

#[test]
fn a_write_failure_is_reported_and_recovers_without_loss() {
    let dir = tempfile::tempdir().expect("directory");
    let blocker = dir.path().join("state");
    fs::write(&blocker, "a file where the directory should be").expect("written");
    let recorder = Recorder::start(in_dir(&blocker, "c"));
    recorder.append("kept".to_owned(), true);
    let state = wait_for(&recorder, |state| matches!(state, RecorderState::Failing { .. }));
    let RecorderState::Failing { error, lost_lines: 0 } = state else { panic!("{state:?}") };
    assert!(error.starts_with("cannot make the directory"), "{error}");
    fs::remove_file(&blocker).expect("removed");
    wait_for(&recorder, |state| matches!(state, RecorderState::Recording { .. }));
    recorder.append("after".to_owned(), false);
    let RecorderState::Recording { path, .. } = recorder.finish(LIMIT) else { panic!("not recording") };
    assert_eq!(fs::read_to_string(path).expect("read"), "kept\nafter\n");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_only_lines_beyond_the_queue() {
    let settings =
        RecorderSettings { queue: 4, retry: Duration::from_secs(60), ..to_file(Path::new("/dev/full")) };
    let recorder = Recorder::start(settings);
    recorder.append("first".to_owned(), true);
    let state = wait_for(&recorder, |state| matches!(state, RecorderState::Failing { .. }));
    let RecorderState::Failing { error, .. } = state else { panic!("{state:?}") };
    assert!(error.contains("No space left"), "{error}");
    for _ in 0..10 {
        recorder.append("more".to_owned(), false);
    }
    assert_eq!(recorder.lost_lines(), 6);
    // The end does not wait for the next try; what could not be written is counted.
    let state = recorder.finish(LIMIT);
    assert!(matches!(state, RecorderState::Failing { lost_lines: 11, .. }), "{state:?}");
}

#[cfg(unix)]
#[test]
fn a_deleted_file_is_created_again() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("watch.jsonl");
    let recorder = Recorder::start(to_file(&path));
    recorder.append("gone".to_owned(), false);
    wait_for(&recorder, |state| matches!(state, RecorderState::Recording { bytes: 5, .. }));
    fs::remove_file(&path).expect("removed");
    recorder.append("here".to_owned(), false);
    recorder.finish(LIMIT);
    assert_eq!(fs::read_to_string(&path).expect("read"), "here\n");
}

#[cfg(unix)]
#[test]
fn a_recording_is_locked_against_a_second_writer() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("watch.jsonl");
    let first = Recorder::start(to_file(&path));
    first.append("first".to_owned(), false);
    wait_for(&first, |state| matches!(state, RecorderState::Recording { .. }));
    let second = Recorder::start(to_file(&path));
    second.append("second".to_owned(), false);
    let state = wait_for(&second, |state| matches!(state, RecorderState::Failing { .. }));
    assert!(format!("{state:?}").contains("another dropscope"), "{state:?}");
    first.finish(LIMIT);
    wait_for(&second, |state| matches!(state, RecorderState::Recording { .. }));
    second.finish(LIMIT);
    assert_eq!(fs::read_to_string(&path).expect("read"), "first\nsecond\n");
}

#[cfg(unix)]
#[test]
fn a_recording_another_program_writes_is_not_removed() {
    let dir = tempfile::tempdir().expect("directory");
    let old = RecorderTarget::Directory {
        dir: dir.path().to_owned(),
        started: "2026-08-01T12:00:00Z".parse().expect("a time"),
        client_id: "long".to_owned(),
    };
    let long_run = Recorder::start(RecorderSettings::new(old));
    long_run.append("alive".to_owned(), false);
    wait_for(&long_run, |state| matches!(state, RecorderState::Recording { .. }));
    record(RecorderSettings { max_files: 1, ..in_dir(dir.path(), "short") }, &["x"]);
    assert_eq!(names(dir.path()).len(), 2);
    long_run.finish(LIMIT);
    record(RecorderSettings { max_files: 1, ..in_dir(dir.path(), "shorter") }, &["x"]);
    assert_eq!(names(dir.path()), ["dropscope_20260803_120000_shorter.jsonl"]);
}
