//! How does a verdict enter an export? As it is, but without names and without numbers JSON has not.

use super::redact::Redactor;
use crate::classify::{AlsoSeen, Classification, Diagnosis, Expected, Hypothesis, Outcomes, RankedCause};

/// Weights of evidence beyond this say nothing more; JSON has no infinity.
const HEAVIEST: f64 = 1e9;

/// The pattern as it may leave the program.
pub(super) fn classification(judged: &Classification, redactor: &mut Redactor) -> Classification {
    let hypothesis = |weighed: &Hypothesis| Hypothesis {
        probability: share(weighed.probability),
        opportunities: count(weighed.opportunities),
        log_bayes_factor: weight(weighed.log_bayes_factor),
        ..*weighed
    };
    Classification {
        pattern: judged.pattern,
        confidence: share(judged.confidence),
        hypotheses: judged.hypotheses.iter().map(hypothesis).collect(),
        drops: judged.drops,
        evidence: texts(&judged.evidence, redactor),
        parameters: judged
            .parameters
            .iter()
            .filter(|(_, value)| value.is_finite())
            .map(|(name, value)| (name.clone(), *value))
            .collect(),
        missing: judged.missing.as_ref().map(|text| redactor.text(text)),
    }
}

/// What follows from it, as it may leave the program.
pub(super) fn diagnosis(judged: &Diagnosis, redactor: &mut Redactor) -> Diagnosis {
    let mut next = judged.next.clone();
    next.text = redactor.text(&next.text);
    let Outcomes { network, server, client, environment } = judged.outcomes;
    Diagnosis {
        causes: judged
            .causes
            .iter()
            .map(|cause| RankedCause { probability: share(cause.probability), ..cause.clone() })
            .collect(),
        also: judged
            .also
            .iter()
            .map(|seen| AlsoSeen { sentence: redactor.text(&seen.sentence), ..seen.clone() })
            .collect(),
        against: texts(&judged.against, redactor),
        separate: judged.separate.as_ref().map(|text| redactor.text(text)),
        next,
        expected: judged.expected.map(|one| Expected { within_secs: count(one.within_secs), ..one }),
        outcomes: Outcomes {
            network: share(network),
            server: share(server),
            client: share(client),
            environment: share(environment),
        },
    }
}

fn texts(sentences: &[String], redactor: &mut Redactor) -> Vec<String> {
    sentences.iter().map(|sentence| redactor.text(sentence)).collect()
}

/// A probability; what is none is 0.
fn share(value: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 }
}

/// A number that cannot be negative; what is none is 0.
fn count(value: f64) -> f64 {
    if value.is_finite() { value.max(0.0) } else { 0.0 }
}

fn weight(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-HEAVIEST, HEAVIEST) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::redact::Kind;
    use super::*;
    use crate::classify::Verdict;
    use crate::diagnostics::Stamp;

    #[test]
    fn names_are_replaced_and_every_number_has_a_form_in_json() {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::nothing_yet(at);
        let judged = &mut verdict.classification;
        judged.evidence.push("7 of 9 drops followed a publish to home/heater-of-anna".to_owned());
        judged.parameters.insert("limit_secs".to_owned(), f64::INFINITY);
        judged.hypotheses[1].log_bayes_factor = f64::NEG_INFINITY;
        judged.hypotheses[1].opportunities = f64::NAN;
        verdict.diagnosis.against.push("anna was away".to_owned());
        verdict.diagnosis.separate = Some("ask anna".to_owned());
        let mut redactor = Redactor::new(false);
        redactor.add_known(Kind::Client, "anna");
        let shown = (
            classification(&verdict.classification, &mut redactor),
            diagnosis(&verdict.diagnosis, &mut redactor),
        );
        let json = serde_json::to_string(&shown).expect("JSON");
        assert!(!json.contains("anna"), "{json}");
        let read: (Classification, Diagnosis) = serde_json::from_str(&json).expect("no null for a number");
        assert_eq!(read, shown);
        assert!(shown.0.parameters.is_empty());
        assert!((shown.0.hypotheses[1].log_bayes_factor + HEAVIEST).abs() < 1.0);
    }
}
