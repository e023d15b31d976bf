//! Compares the verdict on a recording with the truth about its world.

use crate::analysis::Analysis;
use crate::run::Run;
use crate::trial::{Parameter, Truth};

/// A claim of at least this confidence is a sure one.
pub(crate) const SURE: f64 = 0.9;
/// What the classifier calls a pattern that it does not know yet.
const UNDETERMINED: &str = "undetermined";

/// How a verdict compares with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Right,
    /// Nothing is claimed, although there is something to find.
    Undetermined,
    Wrong,
    /// The world did not do what the trial is about: the trial itself is broken.
    NoWorld,
}

/// The verdict on one run, judged.
pub(crate) struct Judgment {
    pub(crate) outcome: Outcome,
    /// Something that is not accepted is claimed with at least 90 %.
    pub(crate) is_wrong_and_sure: bool,
    pub(crate) drops: u64,
    pub(crate) verdict: String,
    pub(crate) confidence: f64,
    /// The parameter found, and whether it is in range.
    pub(crate) parameter: Option<(f64, bool)>,
    /// The likeliest cause, and whether it is accepted.
    pub(crate) cause: Option<(String, bool)>,
    /// Why the outcome is not `Right`.
    pub(crate) remark: String,
}

/// Judges the analysis of a run.
pub(crate) fn judge(truth: &Truth, run: &Run, analysis: &Analysis) -> Judgment {
    let mut judgment = Judgment {
        outcome: Outcome::Wrong,
        is_wrong_and_sure: false,
        drops: analysis.drops(),
        verdict: analysis.pattern(),
        confidence: analysis.confidence(),
        parameter: None,
        cause: None,
        remark: String::new(),
    };
    match truth {
        Truth::Drops { patterns, causes, parameter, least } => {
            judge_drops(&mut judgment, analysis, patterns, causes, *parameter);
            require(&mut judgment, run, 0, *least, u64::MAX);
        }
        Truth::Nothing { most_drops } => {
            judge_silence(&mut judgment, analysis);
            require(&mut judgment, run, 0, *most_drops, *most_drops);
        }
        Truth::NeverConnects { words, exit_code } => {
            judge_refusal(&mut judgment, analysis, words);
            require(&mut judgment, run, *exit_code, 0, 0);
        }
    }
    judgment
}

fn judge_drops(
    judgment: &mut Judgment,
    analysis: &Analysis,
    patterns: &[&str],
    causes: &[&str],
    parameter: Option<Parameter>,
) {
    let is_accepted = patterns.contains(&judgment.verdict.as_str());
    let cause = analysis.cause();
    let sure_cause =
        cause.as_ref().is_some_and(|(id, share)| *share >= SURE && !causes.contains(&id.as_str()));
    judgment.cause = cause.map(|(id, _)| {
        let is_accepted = causes.contains(&id.as_str());
        (id, is_accepted)
    });
    let is_undetermined = judgment.verdict == UNDETERMINED;
    judgment.is_wrong_and_sure =
        sure_cause || (!is_accepted && !is_undetermined && judgment.confidence >= SURE);
    if let (true, Some(Parameter { key, low, high })) = (is_accepted, parameter) {
        judgment.parameter = analysis.parameter(key).map(|value| (value, (low..=high).contains(&value)));
    }
    let is_out_of_range = judgment.parameter.is_some_and(|(_, is_in_range)| !is_in_range);
    judgment.outcome = match (is_accepted, is_undetermined) {
        (true, _) if !is_out_of_range => Outcome::Right,
        (false, true) => Outcome::Undetermined,
        _ => Outcome::Wrong,
    };
    if is_out_of_range {
        "the parameter is out of range".clone_into(&mut judgment.remark);
    } else if sure_cause {
        "the cause is sure and not accepted".clone_into(&mut judgment.remark);
    }
}

/// Where nothing can be found, only a sure claim is wrong.
fn judge_silence(judgment: &mut Judgment, analysis: &Analysis) {
    let is_specific = judgment.verdict != UNDETERMINED && judgment.verdict != "none";
    judgment.is_wrong_and_sure = is_specific && judgment.confidence >= SURE;
    judgment.cause = analysis.cause().filter(|_| is_specific).map(|(id, _)| (id, false));
    judgment.outcome = if judgment.is_wrong_and_sure { Outcome::Wrong } else { Outcome::Right };
}

fn judge_refusal(judgment: &mut Judgment, analysis: &Analysis, words: &[&str]) {
    let now = analysis.now();
    // Without an answer for the present in the JSON, the text for people has to explain it.
    let explanation = if now.is_empty() { &analysis.why } else { &now };
    let word = words.iter().find(|word| explanation.contains(**word));
    judgment.outcome = if word.is_some() { Outcome::Right } else { Outcome::Wrong };
    if word.is_none() {
        judgment.remark = format!("none of {words:?} explains it");
    }
    let is_specific = judgment.verdict != UNDETERMINED && judgment.verdict != "none";
    judgment.is_wrong_and_sure = word.is_none() && is_specific && judgment.confidence >= SURE;
}

/// A world that did not happen says nothing about the verdict.
fn require(judgment: &mut Judgment, run: &Run, exit_code: i32, least: u64, most: u64) {
    let tail: String = run.output.lines().rev().take(3).collect::<Vec<_>>().join(" | ");
    let problem = if run.exit_code != exit_code {
        format!("exit code {} in place of {exit_code}: {tail}", run.exit_code)
    } else if judgment.drops < least || judgment.drops > most {
        format!("{} drops in place of {least} to {most}", judgment.drops)
    } else {
        return;
    };
    judgment.outcome = Outcome::NoWorld;
    judgment.is_wrong_and_sure = false;
    judgment.remark = problem;
}
