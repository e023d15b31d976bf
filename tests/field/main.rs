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
//! `DROPSCOPE_FIELD_KEEP=FOLDER` keeps the recordings and the table. `DROPSCOPE_FIELD_FROM=FOLDER` judges kept
//! recordings again, in seconds and without root: what a change of the verdict does to them.

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
mod run;
mod runner;
mod script;
mod table;
mod trial;
mod world;
mod worlds;

use std::fs;
use std::path::PathBuf;

use runner::Source;
use table::{Floors, Totals};
use tempfile::TempDir;
use trial::Trial;

const TEST: &str = "verdicts_behind_real_middleboxes";

#[test]
#[ignore = "needs root, network namespaces, haproxy, nginx, stunnel and mosquitto"]
fn verdicts_behind_real_middleboxes() {
    if let Some(folder) = folder_of("DROPSCOPE_FIELD_FROM") {
        judge_all(&Source::Kept(folder));
        return;
    }
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
    let folder = folder_of("DROPSCOPE_FIELD_KEEP").unwrap_or_else(|| temporary.path().to_owned());
    fs::create_dir_all(&folder).expect("a folder for the recordings");
    judge_all(&Source::Live(folder));
}

/// Judges every trial, prints the table, and compares the totals with the floors.
fn judge_all(source: &Source) {
    let (trials, is_selection) = selected();
    let rows = runner::run_all(trials, source);
    let totals = Totals::of(&rows);
    let text = format!("{}{}", table::print(&rows), totals.print());
    println!("{text}");
    if let Source::Live(folder) = source {
        fs::write(folder.join("table.txt"), text).expect("the table");
    }
    let floors: Floors = toml::from_str(include_str!("floor.toml")).expect("floors");
    let below = totals.below(&floors);
    assert!(is_selection || below.is_empty(), "below the floors: {below:#?}");
}

fn folder_of(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from)
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
