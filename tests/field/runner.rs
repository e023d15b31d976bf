//! Runs the trials at the same time, and each one's second run with the advice of the first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::advice::{self, Advice, Followed};
use crate::analysis::Analysis;
use crate::judge;
use crate::run::Run;
use crate::table::Row;
use crate::trial::{Trial, Truth};
use crate::world;

/// Time between the starts of two trials: each begins with two dozen short programs.
const START_INTERVAL: Duration = Duration::from_millis(200);

/// Where the recordings come from.
pub(crate) enum Source {
    /// From worlds that run now; the recordings go to this folder.
    Live(PathBuf),
    /// From this folder, which an earlier run has written.
    Kept(PathBuf),
}

/// Runs and judges these trials.
pub(crate) fn run_all(trials: Vec<Trial>, source: &Source) -> Vec<Row> {
    thread::scope(|scope| {
        let start = |trial: Trial| {
            if matches!(source, Source::Live(_)) {
                thread::sleep(START_INTERVAL);
            }
            scope.spawn(move || run_trial(&trial, source))
        };
        let running: Vec<_> = trials.into_iter().map(start).collect();
        running.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

/// One trial to its end; a panic in its world becomes the error of its row.
fn run_trial(trial: &Trial, source: &Source) -> Row {
    let mut row = Row {
        name: trial.name,
        truth: trial.truth.clone(),
        result: Err(String::new()),
        advice: None,
        after: None,
    };
    if let Err(error) = caught(|| judge_runs(trial, source, &mut row)) {
        row.result = Err(error);
    }
    row
}

fn judge_runs(trial: &Trial, source: &Source, row: &mut Row) -> Result<(), String> {
    let run = match source {
        Source::Live(folder) => {
            world::run(trial, &trial.client, folder.join(format!("{}.jsonl", trial.name)))
        }
        Source::Kept(folder) => Run::load(folder.join(format!("{}.jsonl", trial.name)))?,
    };
    if matches!(source, Source::Live(_)) {
        run.save(None)?;
    }
    let first = Analysis::of(&[&run.recording])?;
    row.result = Ok(judge::judge(&trial.truth, &run, &first));
    if !matches!(trial.truth, Truth::Drops { .. }) || first.drops() == 0 {
        return Ok(());
    }
    let Some(advice) = Advice::of(&first) else { return Ok(()) };
    // A failure of the second run does not undo the judgment on the first.
    let followed = caught(|| follow(trial, source, &advice, (&run, &first), &mut row.after));
    row.advice = Some((advice.words(), followed.unwrap_or_else(Followed::Unknown)));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred drops")]
fn follow(
    trial: &Trial,
    source: &Source,
    advice: &Advice,
    (first_run, first): (&Run, &Analysis),
    after: &mut Option<(String, f64)>,
) -> Result<Followed, String> {
    let drops_per_sec = first.drops() as f64 / first.observed_secs();
    let Some(options) = advice.options(&trial.client, drops_per_sec) else {
        return Ok(Followed::Unknown("the drops are too rare".to_owned()));
    };
    let name = format!("{}.followed.jsonl", trial.name);
    let run = match source {
        Source::Live(folder) => world::run(trial, &options, folder.join(name)),
        Source::Kept(folder) => Run::load(folder.join(name))?,
    };
    match source {
        Source::Live(_) => run.save(Some(&advice.words()))?,
        Source::Kept(_) if run.advice.as_deref() != Some(advice.words().as_str()) => {
            let kept = run.advice.as_deref().unwrap_or("none");
            return Ok(Followed::Unknown(format!("the kept run followed: {kept}")));
        }
        Source::Kept(_) => {}
    }
    let second = Analysis::of(&[&run.recording])?;
    let both = Analysis::of(&[&first_run.recording, &run.recording])?;
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
