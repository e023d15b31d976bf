//! The verdict on the sessions of a log.

use std::collections::BTreeMap;

use super::calm;
use super::case::{Frame, RecordedSessions};
use super::hypothesis::Fit;
use super::log::unix;
use super::posterior::Posterior;
use super::posterior::regimes::compute_regimes;
use super::{Cause, Classification, Diagnosis, Hypothesis, Pattern, RankedCause, SecondaryFinding, Verdict};
use super::{causes, explanation};
use crate::diagnostics::Stamp;

/// Least log Bayes factor of a finding of few drops.
const MIN_LN_FACTOR: f64 = 5.0;
/// Least probability of a pattern whose causes are ranked.
const MIN_PROBABILITY: f64 = 0.02;
/// Causes listed at most.
const MAX_CAUSES: usize = 5;

/// Weighs everything and puts it into words.
pub(super) fn build_verdict(history: &RecordedSessions, at: Stamp) -> Verdict {
    let regimes = compute_regimes(history);
    let (frame, posterior) = (&regimes.frame, &regimes.posterior);
    let classification = classification(frame, posterior);
    let mut diagnosis = diagnosis(frame, posterior, &classification.hypotheses, at);
    diagnosis.calm = calm::calm(history, &regimes);
    if let Some(advice) = diagnosis.calm.and_then(|calm| calm.advice()) {
        diagnosis.next = advice;
        diagnosis.separation = None;
    }
    if let Some((earlier_frame, earlier)) = &regimes.earlier {
        diagnosis.also.push(earlier_finding(earlier_frame, earlier));
    }
    Verdict { at, classification, diagnosis }
}

fn classification(frame: &Frame, posterior: &Posterior) -> Classification {
    Classification {
        pattern: posterior.pattern,
        confidence: posterior.confidence,
        hypotheses: hypotheses(posterior),
        drops: to_u64(frame.drops.len()),
        evidence: explanation::evidence(frame, posterior),
        parameters: parameters(posterior),
        missing: explanation::missing(frame, posterior),
    }
}

fn diagnosis(frame: &Frame, posterior: &Posterior, hypotheses: &[Hypothesis], at: Stamp) -> Diagnosis {
    let ranked = causes(frame, posterior, hypotheses);
    let fix = ranked.first().and_then(|(cause, _)| cause.fix.first()).map(String::as_str);
    let next = explanation::advice(frame, posterior, fix);
    let separation = explanation::separation_test(frame, posterior, next.keep_alive_secs);
    Diagnosis {
        causes: ranked.iter().map(|(cause, probability)| RankedCause::from((*cause, *probability))).collect(),
        also: secondary_findings(posterior),
        against: explanation::against(frame, posterior),
        separate: explanation::separating_sentence(posterior, separation.as_ref()),
        separation,
        next,
        expected: explanation::predict_next_drop(frame, posterior, unix(at)),
        outcomes: causes::outcomes(hypotheses),
        now: None,
        calm: None,
    }
}

/// The causes behind the likely patterns, the most probable first.
fn causes(frame: &Frame, posterior: &Posterior, hypotheses: &[Hypothesis]) -> Vec<(&'static Cause, f64)> {
    if posterior.pattern == Pattern::Undetermined {
        return Vec::new();
    }
    // Random loss beside a mechanism is its background: the causes are those of the mechanism.
    let background = posterior.second.as_ref().map(|(pattern, _)| *pattern);
    let background = background.filter(|second| matches!(second, Pattern::Random | Pattern::Bursty));
    let with_background = |hypothesis: &Hypothesis| {
        let is_answer = background.is_some() && hypothesis.pattern == posterior.pattern;
        let probability = if is_answer { posterior.confidence } else { hypothesis.probability };
        Hypothesis { probability, ..*hypothesis }
    };
    let likely: Vec<Hypothesis> = hypotheses
        .iter()
        .filter(|hypothesis| Some(hypothesis.pattern) != background)
        .map(with_background)
        .filter(|hypothesis| hypothesis.probability >= MIN_PROBABILITY)
        .collect();
    let mut ranked = causes::rank_all(&likely, &explanation::cause_context(frame, posterior));
    ranked.truncate(MAX_CAUSES);
    ranked
}

fn parameters(posterior: &Posterior) -> BTreeMap<String, f64> {
    let fit = posterior.fits.get(&posterior.pattern);
    fit.map(|fit| fit.parameters.to_named()).unwrap_or_default()
}

/// The second cause, and well supported findings of few drops.
fn secondary_findings(posterior: &Posterior) -> Vec<SecondaryFinding> {
    let second = posterior.second.as_ref().map(|(pattern, fit)| secondary_finding(*pattern, fit));
    let is_new = |pattern: Pattern| {
        pattern != posterior.pattern && posterior.second.as_ref().is_none_or(|(second, _)| *second != pattern)
    };
    let explained = posterior.fits.get(&posterior.pattern).map(|fit| fit.hits.as_slice()).unwrap_or_default();
    let findings = posterior.fits.iter().filter(|(pattern, fit)| {
        let unexplained = fit.hits.iter().filter(|hit| explained.binary_search(hit).is_err()).count();
        is_new(**pattern)
            && fit.counts_hits
            && unexplained >= 3
            && posterior.log_bayes_factor(**pattern) > MIN_LN_FACTOR
            && posterior.pattern != Pattern::Undetermined
    });
    second.into_iter().chain(findings.map(|(pattern, fit)| secondary_finding(*pattern, fit))).collect()
}

fn secondary_finding(pattern: Pattern, fit: &Fit) -> SecondaryFinding {
    let hits = fit.hits.len();
    SecondaryFinding {
        pattern,
        hits: to_u64(hits),
        sentence: format!("{hits} drops show that {}", pattern.meaning()),
    }
}

/// What explains the drops before the cause changed.
fn earlier_finding(frame: &Frame, posterior: &Posterior) -> SecondaryFinding {
    let until = frame.drops.last().map_or(0.0, |drop| drop.detected + drop.to_wall);
    #[expect(clippy::cast_possible_truncation, reason = "seconds of this century")]
    let until = chrono::DateTime::from_timestamp(until as i64, 0).unwrap_or_default();
    SecondaryFinding {
        pattern: posterior.pattern,
        hits: to_u64(frame.drops.len()),
        sentence: format!(
            "until {} UTC {} followed another cause: {}",
            until.format("%Y-%m-%d %H:%M"),
            crate::diagnostics::words::count(to_u64(frame.drops.len()), "drop", "drops"),
            posterior.pattern.title()
        ),
    }
}

fn hypotheses(posterior: &Posterior) -> Vec<Hypothesis> {
    let mut hypotheses: Vec<Hypothesis> = Pattern::ALL
        .into_iter()
        .map(|pattern| {
            let fit = posterior.fits.get(&pattern);
            Hypothesis {
                pattern,
                probability: posterior.probabilities.get(&pattern).copied().unwrap_or(0.0),
                hits: fit.map_or(0, |fit| to_u64(fit.hits.len())),
                opportunities: fit.map_or(0.0, |fit| fit.opportunities),
                // JSON has no infinity.
                log_bayes_factor: posterior.log_bayes_factor(pattern).clamp(-999.0, 1e9),
            }
        })
        .collect();
    hypotheses.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    hypotheses
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
