//! How is a verdict said in a line: the pattern, how sure, what it means, and what else it may be?

use super::{Hypothesis, Pattern, RankedCause, SecondaryFinding, Verdict};

/// From this probability on an answer is called sure, and likely.
const SURE: f64 = 0.9;
const LIKELY: f64 = 0.7;
/// A runner-up below this is not worth a word.
const NOTABLE: f64 = 0.03;
/// Probabilities closer than this are the same number.
const EQUAL_WITHIN: f64 = 1e-6;

/// How sure a probability (0 to 1) is, in a word: `sure`, `likely` or `maybe`.
pub fn confidence_word(probability: f64) -> &'static str {
    if probability >= SURE {
        "sure"
    } else if probability >= LIKELY {
        "likely"
    } else {
        "maybe"
    }
}

/// A probability (0 to 1) for people: `91 %`. Nothing is ever called certain or impossible: `>99 %`, `<1 %`.
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

impl Verdict {
    /// Whether a pattern is named; else the answer is that nothing can be said yet.
    pub fn is_named(&self) -> bool {
        self.classification.pattern != Pattern::Undetermined
    }

    /// The most probable cause, if the catalogue has one for the pattern.
    pub fn cause(&self) -> Option<&RankedCause> {
        self.diagnosis.causes.first()
    }

    /// What is known of a pattern's probability.
    pub fn hypothesis(&self, pattern: Pattern) -> Option<&Hypothesis> {
        self.classification.hypotheses.iter().find(|one| one.pattern == pattern)
    }

    /// The second of two causes that share the drops and the probability; other findings are none.
    pub fn second_cause(&self) -> Option<&SecondaryFinding> {
        let classification = &self.classification;
        let own = self.hypothesis(classification.pattern)?.probability;
        self.diagnosis
            .also
            .first()
            .filter(|_| self.is_named() && classification.confidence > own + EQUAL_WITHIN)
    }

    /// The most probable pattern with a name, where none is the answer.
    pub fn leading_hypothesis(&self) -> Option<&Hypothesis> {
        if self.is_named() { None } else { self.named().next() }
    }

    /// What it may be instead, if that is worth a word.
    pub fn runner_up(&self) -> Option<&Hypothesis> {
        let second = self.second_cause().map(|seen| seen.pattern);
        let first = self.leading_hypothesis().map_or(self.classification.pattern, |lead| lead.pattern);
        self.named().find(|one| one.pattern != first && Some(one.pattern) != second)
    }

    /// The name of the answer: `idle timeout`, or of two: `idle timeout and outage`.
    pub fn title(&self) -> String {
        let first = self.classification.pattern.title();
        match self.second_cause() {
            Some(second) => format!("{first} and {}", second.pattern.title()),
            None => first.to_owned(),
        }
    }

    /// The answer and how sure it is: `idle timeout, 91 % (sure)`; `undetermined` has no share.
    pub fn brief(&self) -> String {
        if !self.is_named() {
            return self.title();
        }
        let confidence = self.classification.confidence;
        format!("{}, {} ({})", self.title(), percent(confidence), confidence_word(confidence))
    }

    /// The answer in a sentence, without the full stop.
    pub fn sentence(&self) -> String {
        let classification = &self.classification;
        if self.is_named() {
            return format!("{}: {}", self.brief(), classification.pattern.meaning());
        }
        match &classification.missing {
            Some(missing) => format!("{}: {missing}", self.brief()),
            None => format!("{}: {}", self.brief(), classification.pattern.meaning()),
        }
    }

    /// Patterns with a name and a notable probability, the most probable first.
    fn named(&self) -> impl Iterator<Item = &Hypothesis> {
        let hypotheses = self.classification.hypotheses.iter();
        hypotheses.filter(|one| one.pattern != Pattern::Undetermined && one.probability >= NOTABLE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::Stamp;

    fn verdict(pattern: Pattern, shares: &[(Pattern, f64)]) -> Verdict {
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
        assert_eq!([0.97, 0.9, 0.71, 0.5].map(confidence_word), ["sure", "sure", "likely", "maybe"]);
    }

    #[test]
    fn one_answer_with_its_runner_up() {
        let verdict = verdict(Pattern::IdleTimeout, &[(Pattern::IdleTimeout, 0.88), (Pattern::Random, 0.1)]);
        assert_eq!(
            verdict.sentence(),
            "idle timeout, 88 % (likely): something on the way forgets a silent connection"
        );
        assert_eq!(verdict.runner_up().map(|one| one.pattern), Some(Pattern::Random));
        assert_eq!((verdict.second_cause(), verdict.leading_hypothesis()), (None, None));
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
        assert_eq!(verdict.leading_hypothesis().map(|one| one.pattern), Some(Pattern::Scheduled));
        assert_eq!(verdict.runner_up().map(|one| one.pattern), Some(Pattern::Bursty));
    }
}
