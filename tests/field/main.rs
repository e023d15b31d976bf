//! Field trials: the program behind real routers, proxies and brokers, its verdict compared with the truth.
//!
//! Each trial has network namespaces of its own (client, router, server), real programs in them, and dropscope
//! without a screen as the client. All trials run at the same time and mostly wait; together they take about ten
//! minutes. The recording of each is analyzed and judged, advice that a machine can follow is followed in a second
//! run, and one table shows everything.
//!
//! The trials need Linux, root (or `sudo -n`) and the programs of [`environment`]; plain `cargo test` ignores them, and
//! `cargo field` runs them. With `DROPSCOPE_FIELD=required` something missing is a failure, otherwise the test reports
//! it and passes. `DROPSCOPE_FIELD_ONLY=nat,haproxy` runs the trials whose names contain one of these words;
//! `DROPSCOPE_FIELD_KEEP=FOLDER` keeps the recordings and the table.

#![cfg(target_os = "linux")]
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "test code outside of test functions"
)]

mod advice;
mod analysis;
mod environment;
mod judge;
mod netns;
mod peers;
mod process;
mod script;
mod table;
mod trial;
mod world;
mod worlds;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use advice::{Advice, Followed};
use analysis::Analysis;
use table::{Floors, Row, Totals};
use tempfile::TempDir;
use trial::{Trial, Truth};

const TEST: &str = "verdicts_behind_real_middleboxes";

#[test]
#[ignore = "needs root, network namespaces, haproxy, nginx, stunnel and mosquitto"]
fn verdicts_behind_real_middleboxes() {
    if !environment::is_root() {
        match environment::run_as_root(TEST) {
            Some(is_passed) => assert!(is_passed, "the trials failed as root"),
            None => skip("root, or sudo without a password"),
        }
        return;
    }
    if let Some(what) = environment::missing() {
        skip(&what);
        return;
    }
    let temporary = TempDir::new().expect("a folder");
    let kept = std::env::var_os("DROPSCOPE_FIELD_KEEP").map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&folder).expect("a folder for the recordings");
    let (trials, is_selection) = selected();
    let rows = run_all(trials, &folder);
    let totals = Totals::of(&rows);
    let text = format!("{}{}", table::print(&rows), totals.print());
    println!("{text}");
    fs::write(folder.join("table.txt"), text).expect("the table");
    let floors: Floors = toml::from_str(include_str!("floor.toml")).expect("floors");
    let below = totals.below(&floors);
    assert!(is_selection || below.is_empty(), "below the floors: {below:#?}");
}

fn skip(what: &str) {
    let is_required = std::env::var("DROPSCOPE_FIELD").is_ok_and(|value| value == "required");
    assert!(!is_required, "missing: {what}, and DROPSCOPE_FIELD=required");
    eprintln!("missing: {what}; nothing was tested");
}

/// The trials to run, and whether these are a part of all.
fn selected() -> (Vec<Trial>, bool) {
    let trials = worlds::all();
    let Ok(words) = std::env::var("DROPSCOPE_FIELD_ONLY") else { return (trials, false) };
    let is_chosen = |trial: &Trial| words.split(',').any(|word| trial.name.contains(word.trim()));
    (trials.into_iter().filter(is_chosen).collect(), true)
}

fn run_all(trials: Vec<Trial>, folder: &Path) -> Vec<Row> {
    thread::scope(|scope| {
        let running: Vec<_> = trials
            .into_iter()
            .map(|trial| {
                // Each trial starts two dozen short programs at its beginning.
                thread::sleep(std::time::Duration::from_millis(200));
                scope.spawn(move || run_trial(&trial, folder))
            })
            .collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// One trial to its end; a panic in its world becomes the error of its row.
fn run_trial(trial: &Trial, folder: &Path) -> Row {
    let mut row = Row {
        name: trial.name,
        truth: trial.truth.clone(),
        result: Err(String::new()),
        advice: None,
        after: None,
    };
    if let Err(error) = caught(|| first_run(trial, folder, &mut row)) {
        row.result = Err(error);
    }
    println!("{} ended", trial.name);
    row
}

fn first_run(trial: &Trial, folder: &Path, row: &mut Row) -> Result<(), String> {
    let recording = folder.join(format!("{}.jsonl", trial.name));
    let run = world::run(trial, &trial.client, &recording);
    let first = Analysis::of(&[&run.recording])?;
    let judgment = judge::judge(&trial.truth, &run, &first);
    row.result = Ok(judgment);
    if !matches!(trial.truth, Truth::Drops { .. }) || first.drops() == 0 {
        return Ok(());
    }
    let Some(advice) = Advice::of(&first) else { return Ok(()) };
    // A failure of the second run does not undo the judgment on the first.
    let followed = caught(|| follow(trial, &advice, &first, &run.recording, folder, &mut row.after));
    row.advice = Some((advice.words(), followed.unwrap_or_else(Followed::Unknown)));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred drops")]
fn follow(
    trial: &Trial,
    advice: &Advice,
    first: &Analysis,
    recording: &Path,
    folder: &Path,
    after: &mut Option<(String, f64)>,
) -> Result<Followed, String> {
    let drops_per_sec = first.drops() as f64 / first.observed_secs();
    let Some(options) = advice.options(&trial.client, drops_per_sec) else {
        return Ok(Followed::Unknown("the drops are too rare".to_owned()));
    };
    let second_recording = folder.join(format!("{}.followed.jsonl", trial.name));
    let run = world::run(trial, &options, &second_recording);
    let second = Analysis::of(&[&run.recording])?;
    let both = Analysis::of(&[recording, &run.recording])?;
    *after = Some((both.pattern(), both.confidence()));
    Ok(advice::judge(&trial.truth, drops_per_sec, &second, &both))
}

/// Runs a part of a trial; the message of a panic is the error.
fn caught<T>(part: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned())
    })
}
