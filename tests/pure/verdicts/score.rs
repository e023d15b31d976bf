//! Scores of a set of answers.

use dropscope::diagnostics::{Diagnostics, Event};
use dropscope::state::EventFold;

use crate::verdicts::case::Case;
use crate::verdicts::rendering::{Rendering, rendering};

/// One case with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) name: String,
    /// The class or kind the case was drawn from.
    pub(crate) kind: &'static str,
    pub(crate) truth: &'static str,
    pub(crate) pattern: &'static str,
    pub(crate) right: bool,
    pub(crate) confidence: f64,
    /// Probability of the truth, or of an equally right answer if that is higher.
    pub(crate) truth_probability: f64,
    pub(crate) drops: usize,
    pub(crate) rendering: Rendering,
    /// Share of the drops with another cause, where the source provides it.
    pub(crate) foreign: Option<f64>,
    /// Of a mixture: whether both causes have a probability of at least [`NAMED`].
    pub(crate) names_both: Option<bool>,
}

/// Least probability at which a cause of a mixture counts as named.
const NAMED: f64 = 0.05;

/// Runs the classifier on a case.
pub(crate) fn answer(case: &Case) -> Answer {
    let mut fold = EventFold::without_live_verdict(Diagnostics::DEFAULT_MAX_EVENTS);
    for observed in &case.events {
        fold.apply(observed.at, &observed.event);
    }
    let at = case.events.last().map(|observed| observed.at).expect("no recording is empty");
    let verdict = fold.verdict_at(at);
    let found = &verdict.classification;
    let pattern = found.pattern.name();
    let is_right = |name: &str| name == case.truth || case.also.contains(&name);
    let fitting = found.hypotheses.iter().filter(|one| is_right(one.pattern.name()));
    let truth_probability = fitting.map(|one| one.probability).fold(0.0, f64::max);
    let has = |name: &str| {
        found.hypotheses.iter().any(|one| one.pattern.name() == name && one.probability >= NAMED)
    };
    let names_both = case.second.map(|second| has(case.first_cause()) && has(second));
    let drops = case.events.iter().filter(|one| matches!(one.event, Event::Dropped(_))).count();
    Answer {
        name: case.name.clone(),
        kind: case.kind,
        truth: case.truth,
        pattern,
        right: is_right(pattern),
        confidence: found.confidence,
        truth_probability,
        drops,
        rendering: rendering(&case.events),
        foreign: None,
        names_both,
    }
}

/// An answer that names a mechanism: anything but `random`, `bursty` and `undetermined`.
pub(crate) fn is_specific(pattern: &str) -> bool {
    !matches!(pattern, "random" | "bursty" | "undetermined")
}

/// The figures of a set of answers; shares from 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Score {
    pub(crate) cases: usize,
    /// Share answered right.
    pub(crate) top1: f64,
    /// Expected calibration error over ten bins of equal width, weighted by their cases.
    pub(crate) calibration_error: f64,
    /// Mean of (confidence − right)².
    pub(crate) brier: f64,
    /// Mean of −ln(probability of the truth, or of the best equally right answer).
    pub(crate) log: f64,
    /// Cases answered with at least 0.9, and the share of them that was wrong.
    pub(crate) sure: usize,
    pub(crate) sure_wrong: f64,
    /// Cases whose truth is random or undetermined, the share answered with a mechanism, with bursts.
    pub(crate) shapeless: usize,
    pub(crate) false_specific: f64,
    pub(crate) false_bursty: f64,
    /// Mixtures, and the share of them in which both causes are named.
    pub(crate) mixtures: usize,
    pub(crate) both_named: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of cases")]
fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

pub(crate) fn score<'a>(answers: impl Iterator<Item = &'a Answer>) -> Score {
    let answers: Vec<_> = answers.collect();
    let count = |which: &dyn Fn(&Answer) -> bool| answers.iter().filter(|one| which(one)).count();
    let cases = answers.len();
    let sure = count(&|one| one.confidence >= 0.9);
    let shapeless = |one: &Answer| matches!(one.truth, "random" | "undetermined");
    let shapeless_cases = count(&shapeless);
    let mixtures = count(&|one| one.names_both.is_some());
    let mean = |of: &dyn Fn(&Answer) -> f64| answers.iter().map(|one| of(one)).sum::<f64>() * share(1, cases);
    let hit = |one: &Answer| if one.right { 1.0 } else { 0.0 };
    Score {
        cases,
        top1: share(count(&|one| one.right), cases),
        calibration_error: calibration_error(&answers),
        brier: mean(&|one| (one.confidence - hit(one)).powi(2)),
        log: mean(&|one| -one.truth_probability.max(1e-6).ln()),
        sure,
        sure_wrong: share(count(&|one| one.confidence >= 0.9 && !one.right), sure),
        shapeless: shapeless_cases,
        false_specific: share(
            count(&|one| shapeless(one) && is_specific(one.pattern) && !one.right),
            shapeless_cases,
        ),
        mixtures,
        both_named: share(count(&|one| one.names_both == Some(true)), mixtures),
        false_bursty: share(
            count(&|one| shapeless(one) && one.pattern == "bursty" && !one.right),
            shapeless_cases,
        ),
    }
}

fn calibration_error(answers: &[&Answer]) -> f64 {
    const BINS: usize = 10;
    let mut bins = [(0_usize, 0.0, 0_usize); BINS];
    for one in answers {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10")]
        let bin = ((one.confidence * 10.0) as usize).min(BINS - 1);
        bins[bin].0 += 1;
        bins[bin].1 += one.confidence;
        bins[bin].2 += usize::from(one.right);
    }
    bins.iter()
        .filter(|(cases, ..)| *cases > 0)
        .map(|(cases, confidence, right)| {
            (confidence * share(1, *cases) - share(*right, *cases)).abs() * share(*cases, answers.len())
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(truth: &'static str, pattern: &'static str, confidence: f64) -> Answer {
        Answer {
            name: String::new(),
            kind: "",
            truth,
            pattern,
            right: truth == pattern,
            confidence,
            truth_probability: if truth == pattern { confidence } else { 0.1 },
            drops: 9,
            rendering: Rendering::Full,
            foreign: None,
            names_both: None,
        }
    }

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-9
    }

    #[test]
    fn matching_confidence_has_no_calibration_error() {
        let mut answers = vec![answer("random", "random", 0.75); 3];
        answers.push(answer("outage", "random", 0.75));
        assert!(close(score(answers.iter()).calibration_error, 0.0));
        answers.extend(vec![answer("outage", "scheduled", 0.95); 4]);
        let all = score(answers.iter());
        assert!(close(all.calibration_error, 0.475) && close(all.top1, 3.0 / 8.0));
        assert_eq!((all.sure, all.shapeless), (4, 3));
        assert!(close(all.sure_wrong, 1.0));
    }

    #[test]
    fn only_a_named_mechanism_is_a_false_claim() {
        let answers = [
            answer("random", "outage", 0.6),
            answer("undetermined", "bursty", 0.6),
            answer("random", "undetermined", 0.6),
            answer("outage", "scheduled", 0.6),
        ];
        let all = score(answers.iter());
        assert!(close(all.false_specific, 1.0 / 3.0) && close(all.false_bursty, 1.0 / 3.0));
    }

    #[test]
    fn each_floor_violation_is_reported() {
        let floor: crate::verdicts::floor::Floor = toml::from_str(
            "top1 = 0.5\nfalse_specific = 0.4\ncalibration_error = 1.0\nsure_wrong = 1.0\n[classes]\noutage = 0.9\nrandom = 0.5",
        )
        .expect("a floor");
        let answers = [answer("random", "random", 0.9), answer("outage", "scheduled", 0.9)];
        let violations = floor.violations("made up", &answers);
        assert_eq!(violations, ["made up: classes.outage is 0.000, at least 0.900 is required"]);
    }
}
