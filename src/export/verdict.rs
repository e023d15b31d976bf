//! The verdict in an export: private names replaced, numbers that JSON cannot represent removed.

use super::redact::Redactor;
use crate::classify::{
    Classification, Diagnosis, DropPrediction, Hypothesis, OutcomeShares, PresentFault, RankedCause,
    SecondaryFinding, SeparationTest,
};

/// Bound of the log Bayes factors; JSON has no infinity.
const MAX_LOG_BAYES_FACTOR: f64 = 1e9;

/// The classification, redacted.
pub(super) fn classification(original: &Classification, redactor: &mut Redactor) -> Classification {
    let hypothesis = |hypothesis: &Hypothesis| Hypothesis {
        probability: clamp_probability(hypothesis.probability),
        opportunities: clamp_count(hypothesis.opportunities),
        log_bayes_factor: clamp_log_bayes_factor(hypothesis.log_bayes_factor),
        ..*hypothesis
    };
    Classification {
        pattern: original.pattern,
        confidence: clamp_probability(original.confidence),
        hypotheses: original.hypotheses.iter().map(hypothesis).collect(),
        drops: original.drops,
        evidence: redacted(&original.evidence, redactor),
        parameters: original
            .parameters
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.clone(), *value))
            .collect(),
        missing: original.missing.as_ref().map(|text| redactor.text(text)),
    }
}

/// The diagnosis, redacted.
pub(super) fn diagnosis(original: &Diagnosis, redactor: &mut Redactor) -> Diagnosis {
    let mut next = original.next.clone();
    next.text = redactor.text(&next.text);
    let OutcomeShares { network, server, client, environment } = original.outcomes;
    Diagnosis {
        causes: original
            .causes
            .iter()
            .map(|cause| RankedCause { probability: clamp_probability(cause.probability), ..cause.clone() })
            .collect(),
        also: original
            .also
            .iter()
            .map(|seen| SecondaryFinding { sentence: redactor.text(&seen.sentence), ..seen.clone() })
            .collect(),
        against: redacted(&original.against, redactor),
        separate: original.separate.as_ref().map(|text| redactor.text(text)),
        separation: original.separation.as_ref().and_then(|test| separation(test, redactor)),
        next,
        expected: original
            .expected
            .map(|one| DropPrediction { within_secs: clamp_count(one.within_secs), ..one }),
        outcomes: OutcomeShares {
            network: clamp_probability(network),
            server: clamp_probability(server),
            client: clamp_probability(client),
            environment: clamp_probability(environment),
        },
        now: original
            .now
            .as_ref()
            .map(|fault| PresentFault { sentence: redactor.text(&fault.sentence), ..fault.clone() }),
        calm: original.calm.filter(|calm| {
            [calm.connected_secs, calm.expected, calm.secs_per_drop_before].iter().all(|one| one.is_finite())
        }),
    }
}

/// A test without private names; `None` if a number has no form in JSON.
fn separation(test: &SeparationTest, redactor: &mut Redactor) -> Option<SeparationTest> {
    match test {
        SeparationTest::PingHalfway { limit_secs } if !limit_secs.is_finite() => None,
        SeparationTest::WithholdTopic { topic } => {
            Some(SeparationTest::WithholdTopic { topic: redactor.text(topic) })
        }
        other => Some(other.clone()),
    }
}

fn redacted(sentences: &[String], redactor: &mut Redactor) -> Vec<String> {
    sentences.iter().map(|sentence| redactor.text(sentence)).collect()
}

/// A probability from 0 to 1; 0 if it is not finite.
fn clamp_probability(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

/// A number of at least 0; 0 if it is not finite.
fn clamp_count(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

fn clamp_log_bayes_factor(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-MAX_LOG_BAYES_FACTOR, MAX_LOG_BAYES_FACTOR) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::redact::SensitiveKind;
    use super::*;
    use crate::classify::Verdict;
    use crate::diagnostics::Stamp;

    #[test]
    fn names_are_replaced_and_every_number_has_a_form_in_json() {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        let classified = &mut verdict.classification;
        classified.evidence.push("7 of 9 drops followed a publish to home/heater-of-anna".to_owned());
        classified.parameters.insert("limit_secs".to_owned(), f64::INFINITY);
        classified.hypotheses[1].log_bayes_factor = f64::NEG_INFINITY;
        classified.hypotheses[1].opportunities = f64::NAN;
        verdict.diagnosis.against.push("anna was away".to_owned());
        verdict.diagnosis.separate = Some("ask anna".to_owned());
        let mut redactor = Redactor::new(false);
        redactor.add_known(SensitiveKind::Client, "anna");
        let exported = (
            classification(&verdict.classification, &mut redactor),
            diagnosis(&verdict.diagnosis, &mut redactor),
        );
        let json = serde_json::to_string(&exported).expect("JSON");
        assert!(!json.contains("anna"), "{json}");
        let read: (Classification, Diagnosis) = serde_json::from_str(&json).expect("no null for a number");
        assert_eq!(read, exported);
        assert!(exported.0.parameters.is_empty());
        assert!((exported.0.hypotheses[1].log_bayes_factor + MAX_LOG_BAYES_FACTOR).abs() < 1.0);
    }
}
