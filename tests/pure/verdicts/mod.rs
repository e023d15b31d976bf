//! Accuracy of the pattern and calibration of the confidence, on many recordings.
//!
//! `cargo test --test pure verdicts -- --nocapture` prints the tables; `DROPSCOPE_VERDICTS_CASES=400` takes so many
//! recordings of each class instead of 40, `DROPSCOPE_VERDICTS_FROM=1000` others, and `DROPSCOPE_VERDICTS_WRONG=1` lists the wrong answers. The
//! test fails when a figure falls below `floor.toml`.
//!
//! The sources do not depend on the classifier, and the classifier is tuned to none of their constants:
//!
//! - [`statistical`]: worlds of timers drawn from wide priors;
//! - [`lab`]: the link itself against the lab in simulated time, where drops emerge from timers, tables, retries
//!   and other clients;
//! - [`sites`]: households and small sites over days: bare recordings, limits for a part of the day, cures, changes,
//!   mixtures, refused operations, local events.
//!
//! "Right" is the truth, or an answer the source declares as right. A *specific* answer names a mechanism: it
//! is not `random`, `bursty` or `undetermined`.

#![expect(clippy::expect_used, reason = "what a generator or its files cannot do must fail the test")]

mod case;
mod floor;
mod lab;
mod numbers;
mod rendering;
mod score;
mod sites;
mod statistical;
mod table;

use case::{CLASSES, Case};
use score::Answer;

/// A source of labeled recordings.
struct Source {
    name: &'static str,
    /// The classes or kinds of its recordings.
    kinds: fn() -> Vec<&'static str>,
    /// A case, and the share of its drops with another cause where it is known.
    case: fn(&str, u64) -> (Case, Option<f64>),
}

const SOURCES: [Source; 3] = [
    Source { name: "statistical", kinds: || CLASSES.to_vec(), case: statistical_case },
    Source { name: "lab", kinds: || CLASSES.to_vec(), case: |class, seed| (lab::case(class, seed), None) },
    Source { name: "sites", kinds: sites::kind_names, case: site_case },
];

fn site_case(kind: &str, seed: u64) -> (Case, Option<f64>) {
    let (case, foreign) = sites::labeled_case(kind, seed);
    (case, Some(foreign))
}

fn statistical_case(class: &str, seed: u64) -> (Case, Option<f64>) {
    let (case, foreign) = statistical::labeled_case(class, seed);
    (case, Some(foreign))
}

/// Seeds of each class.
fn seed_range() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let first = number("DROPSCOPE_VERDICTS_FROM").unwrap_or(0);
    first..first + number("DROPSCOPE_VERDICTS_CASES").unwrap_or(40)
}

impl Source {
    /// The answers to the recordings of each class, in the order of class and seed.
    fn answers(&self, seeds: &std::ops::Range<u64>) -> Vec<Answer> {
        let jobs: Vec<_> =
            (self.kinds)().into_iter().flat_map(|kind| seeds.clone().map(move |seed| (kind, seed))).collect();
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let share = jobs.len().div_ceil(workers).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = jobs
                .chunks(share)
                .map(|jobs| {
                    scope.spawn(|| {
                        let answer = |(class, seed): &(&str, u64)| {
                            let (case, foreign) = (self.case)(class, *seed);
                            Answer { foreign, ..score::answer(&case) }
                        };
                        jobs.iter().map(answer).collect::<Vec<_>>()
                    })
                })
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no case panics")).collect()
        })
    }
}

#[test]
fn the_answers_stay_above_the_floor() {
    let floors = floor::floors();
    let mut violations = Vec::new();
    for source in SOURCES {
        let answers = source.answers(&seed_range());
        let floor = floors.get(source.name).expect("a floor for every source");
        println!("{}{}", table::table(source.name, &answers, floor), table::confusion(&answers));
        if std::env::var_os("DROPSCOPE_VERDICTS_WRONG").is_some() {
            for one in answers.iter().filter(|one| !one.right) {
                println!(
                    "{} ({} drops): {}, not {}, {:.2}",
                    one.name, one.drops, one.truth, one.pattern, one.confidence
                );
            }
        }
        violations.extend(floor.violations(source.name, &answers));
    }
    assert!(violations.is_empty(), "below the floor:\n{}", violations.join("\n"));
}

/// Writes the cases as files with their truth beside them, for other programs:
/// `DROPSCOPE_VERDICTS_DIR=… cargo test --test pure verdicts -- --ignored`.
#[test]
#[ignore = "writes files for other programs"]
fn write_the_cases() {
    let Some(folder) = std::env::var_os("DROPSCOPE_VERDICTS_DIR").map(std::path::PathBuf::from) else {
        return;
    };
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut truths = serde_json::Map::new();
    for source in SOURCES {
        let kinds = (source.kinds)();
        for (class, seed) in kinds.iter().flat_map(|class| seed_range().map(move |seed| (class, seed))) {
            let (case, _) = (source.case)(class, seed);
            let name = format!("{}-{class}-{seed}.jsonl", source.name);
            std::fs::write(folder.join(&name), rendering::file(&case)).expect("a file");
            truths.insert(name, truth_json(&case));
        }
    }
    let text = serde_json::to_string_pretty(&truths).expect("JSON");
    std::fs::write(folder.join("truth.json"), text).expect("a file");
}

/// The label of a case for other programs.
fn truth_json(case: &Case) -> serde_json::Value {
    serde_json::json!({
        "kind": case.kind,
        "truth": case.truth,
        "also": case.also,
        "first": case.first,
        "second": case.second,
        "parameter": case.parameter,
        "cured": case.cured,
        "now": case.now,
    })
}

#[test]
fn a_case_is_the_same_whenever_it_is_drawn_and_reads_back_as_written() {
    for class in CLASSES {
        let (first, again) = (statistical::case(class, 7), statistical::case(class, 7));
        assert_eq!(first.events, again.events);
        assert_ne!(first.events, statistical::case(class, 8).events);
        let mut reader = dropscope::diagnostics::recording::RecordingReader::new(
            rendering::file(&first).into_bytes().leak() as &[u8],
        );
        let read: Vec<_> = reader.by_ref().map(|line| line.expect("memory")).collect();
        assert_eq!(reader.stats().skipped(), 0, "{class}");
        assert_eq!(read, first.events, "{class}");
    }
}
