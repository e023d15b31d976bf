//! The one-line form of a verdict: the pattern, its probability, its meaning and what else is possible.

use super::{Classification, Hypothesis, Pattern, RankedCause, SecondaryFinding, Verdict};

/// Least probabilities of an answer that is called sure, and likely.
const SURE: f64 = 0.9;
const LIKELY: f64 = 0.7;
/// Least probability of a rival that is listed.
pub(super) const NOTABLE: f64 = 0.03;
/// Rivals listed at most.
const MAX_RIVALS: usize = 3;
/// Probabilities closer than this are the same number.
const EQUAL_WITHIN: f64 = 1e-6;

/// A probability in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfidenceLevel {
    /// At least 90 %.
    Sure,
    /// At least 70 %.
    Likely,
    /// Less.
    Maybe,
}

impl ConfidenceLevel {
    /// The level of a probability (0 to 1).
    pub fn of(probability: f64) -> Self {
        if probability >= SURE {
            Self::Sure
        } else if probability >= LIKELY {
            Self::Likely
        } else {
            Self::Maybe
        }
    }

    /// `sure`, `likely` or `maybe`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Likely => "likely",
            Self::Maybe => "maybe",
        }
    }
}

/// A probability (0 to 1) for people: `91 %`. Nothing is certain or impossible: `>99 %`, `<1 %`.
pub fn percent(probability: f64) -> String {
    let percent = probability * 100.0;
    if percent >= 99.5 {
        ">99 %".into()
    } else if percent >= 0.5 {
        format!("{percent:.0} %")
    } else {
        "<1 %".into()
    }
}

impl Classification {
    /// Whether a pattern is named.
    pub fn is_named(&self) -> bool {
        self.pattern != Pattern::Undetermined
    }

    /// A pattern with its probability.
    pub fn hypothesis(&self, pattern: Pattern) -> Option<&Hypothesis> {
        self.hypotheses.iter().find(|one| one.pattern == pattern)
    }

    /// The most probable pattern, where none is named.
    pub fn leading_hypothesis(&self) -> Option<&Hypothesis> {
        if self.is_named() { None } else { self.notable().next() }
    }

    /// The second of two causes that share the drops and the probability; other findings are none.
    pub(super) fn second_cause<'a>(&self, also: &'a [SecondaryFinding]) -> Option<&'a SecondaryFinding> {
        let own = self.hypothesis(self.pattern)?.probability;
        also.first().filter(|_| self.is_named() && self.confidence > own + EQUAL_WITHIN)
    }

    /// The patterns that are possible instead, the most probable first.
    pub(super) fn rivals(&self, also: &[SecondaryFinding]) -> impl Iterator<Item = &Hypothesis> {
        let second = self.second_cause(also).map(|seen| seen.pattern);
        let first = self.leading_hypothesis().map_or(self.pattern, |lead| lead.pattern);
        self.notable().filter(move |one| one.pattern != first && Some(one.pattern) != second).take(MAX_RIVALS)
    }

    /// The name of the answer: `idle timeout`, or of two: `idle timeout and outage`.
    pub(super) fn title(&self, also: &[SecondaryFinding]) -> String {
        let first = self.pattern.title();
        match self.second_cause(also) {
            Some(second) => format!("{first} and {}", second.pattern.title()),
            None => first.to_owned(),
        }
    }

    /// Patterns with a name and a notable probability, the most probable first.
    fn notable(&self) -> impl Iterator<Item = &Hypothesis> {
        let hypotheses = self.hypotheses.iter();
        hypotheses.filter(|one| one.pattern != Pattern::Undetermined && one.probability >= NOTABLE)
    }
}

impl Verdict {
    /// Whether a pattern is named.
    pub fn is_named(&self) -> bool {
        self.classification.is_named()
    }

    /// The most probable cause, if the catalogue has one for the pattern.
    pub fn cause(&self) -> Option<&RankedCause> {
        self.diagnosis.causes.first()
    }

    /// The second of two causes that share the drops and the probability; other findings are none.
    pub fn second_cause(&self) -> Option<&SecondaryFinding> {
        self.classification.second_cause(&self.diagnosis.also)
    }

    /// The most probable pattern that is possible instead of the answer.
    pub fn runner_up(&self) -> Option<&Hypothesis> {
        self.classification.rivals(&self.diagnosis.also).next()
    }

    /// The name of the answer: `idle timeout`, or of two: `idle timeout and outage`.
    pub fn title(&self) -> String {
        self.classification.title(&self.diagnosis.also)
    }

    /// The answer and its probability: `idle timeout, 91 % (sure)`; `undetermined` has none.
    pub fn brief(&self) -> String {
        if !self.is_named() {
            return self.title();
        }
        let confidence = self.classification.confidence;
        let level = ConfidenceLevel::of(confidence);
        format!("{}, {} ({})", self.title(), percent(confidence), level.word())
    }

    /// The answer in a sentence, without the full stop.
    pub fn sentence(&self) -> String {
        let classification = &self.classification;
        let missing = classification.missing.as_deref().filter(|_| !self.is_named());
        format!("{}: {}", self.brief(), missing.unwrap_or(classification.pattern.meaning()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::Stamp;

    /// A verdict with these probabilities; the patterns without one have 0.
    pub(in crate::classify) fn verdict(pattern: Pattern, shares: &[(Pattern, f64)]) -> Verdict {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        for one in &mut verdict.classification.hypotheses {
            one.probability = shares.iter().find(|share| share.0 == one.pattern).map_or(0.0, |share| share.1);
        }
        let hypotheses = &mut verdict.classification.hypotheses;
        hypotheses.sort_by(|one, other| other.probability.total_cmp(&one.probability));
        verdict.classification.pattern = pattern;
        verdict.classification.confidence =
            shares.iter().find(|share| share.0 == pattern).map_or(0.0, |share| share.1);
        verdict
    }

    #[test]
    fn nothing_is_certain_and_nothing_impossible() {
        let percents = [1.0, 0.994, 0.912, 0.7, 0.004].map(percent);
        assert_eq!(percents, [">99 %", "99 %", "91 %", "70 %", "<1 %"]);
        assert_eq!(
            [0.97, 0.9, 0.71, 0.5].map(|share| ConfidenceLevel::of(share).word()),
            ["sure", "sure", "likely", "maybe"]
        );
    }

    #[test]
    fn one_answer_with_its_runner_up() {
        let verdict = verdict(Pattern::IdleTimeout, &[(Pattern::IdleTimeout, 0.88), (Pattern::Random, 0.1)]);
        assert_eq!(
            verdict.sentence(),
            "idle timeout, 88 % (likely): a NAT, firewall or proxy drops idle connections"
        );
        assert_eq!(verdict.runner_up().map(|one| one.pattern), Some(Pattern::Random));
        assert_eq!((verdict.second_cause(), verdict.classification.leading_hypothesis()), (None, None));
    }

    #[test]
    fn two_causes_share_the_probability() {
        let shares = [(Pattern::FixedLifetime, 0.7), (Pattern::Outage, 0.27), (Pattern::Random, 0.01)];
        let mut verdict = verdict(Pattern::FixedLifetime, &shares);
        let outage = SecondaryFinding { pattern: Pattern::Outage, hits: 12, sentence: "12 drops".into() };
        verdict.diagnosis.also.push(outage);
        assert_eq!(verdict.second_cause(), None, "a finding beside a sole answer is no second cause");
        verdict.classification.confidence = 0.97;
        assert_eq!(verdict.brief(), "fixed lifetime and outage, 97 % (sure)");
        assert_eq!(verdict.runner_up(), None, "the second cause is no rival");
    }

    #[test]
    fn an_undetermined_verdict_has_a_leading_hypothesis() {
        let shares = [(Pattern::Undetermined, 0.5), (Pattern::Scheduled, 0.3), (Pattern::Bursty, 0.2)];
        let verdict = verdict(Pattern::Undetermined, &shares);
        assert_eq!(verdict.sentence(), "undetermined: no drop yet");
        assert_eq!(
            verdict.classification.leading_hypothesis().map(|one| one.pattern),
            Some(Pattern::Scheduled)
        );
        assert_eq!(verdict.runner_up().map(|one| one.pattern), Some(Pattern::Bursty));
    }
}
