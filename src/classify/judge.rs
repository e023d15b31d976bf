//! What verdict do the sessions of a log deserve?

use std::collections::BTreeMap;

use super::case::Frame;
use super::log::unix;
use super::posterior::{Weighed, weigh};
use super::{AlsoSeen, Cause, Classification, Diagnosis, Hypothesis, Pattern, RankedCause, Verdict};
use super::{causes, telling};
use crate::diagnostics::Stamp;

/// A finding of few drops is told from this log Bayes factor on.
const NOTABLE: f64 = 5.0;
/// Patterns less probable than this bring no causes of their own.
const LIKELY: f64 = 0.02;
/// Causes told.
const CAUSES: usize = 5;

/// Weighs everything and puts it into words.
pub(super) fn judge(frame: &Frame, at: Stamp) -> Verdict {
    let weighed = weigh(frame);
    let classification = classification(frame, &weighed);
    let diagnosis = diagnosis(frame, &weighed, &classification.hypotheses, at);
    Verdict { at, classification, diagnosis }
}

fn classification(frame: &Frame, weighed: &Weighed) -> Classification {
    Classification {
        pattern: weighed.pattern,
        confidence: weighed.confidence,
        hypotheses: hypotheses(weighed),
        drops: whole(frame.drops.len()),
        evidence: telling::evidence(frame, weighed),
        parameters: parameters(weighed),
        missing: telling::missing(frame, weighed),
    }
}

fn diagnosis(frame: &Frame, weighed: &Weighed, hypotheses: &[Hypothesis], at: Stamp) -> Diagnosis {
    let ranked = causes(frame, weighed, hypotheses);
    let fix = ranked.first().and_then(|(cause, _)| cause.fix.first()).map(String::as_str);
    Diagnosis {
        causes: ranked.iter().map(|(cause, probability)| RankedCause::from((*cause, *probability))).collect(),
        also: also(weighed),
        against: telling::against(frame, weighed),
        separate: telling::separate(weighed),
        next: telling::advice(frame, weighed, fix),
        expected: telling::expected(frame, weighed, unix(at)),
        outcomes: causes::outcomes(hypotheses),
    }
}

/// The causes behind the likely patterns, the most probable first.
fn causes(frame: &Frame, weighed: &Weighed, hypotheses: &[Hypothesis]) -> Vec<(&'static Cause, f64)> {
    if weighed.pattern == Pattern::Undetermined {
        return Vec::new();
    }
    let likely: Vec<Hypothesis> =
        hypotheses.iter().filter(|hypothesis| hypothesis.probability >= LIKELY).copied().collect();
    let mut ranked = causes::rank_all(&likely, &telling::clues(frame, weighed));
    ranked.truncate(CAUSES);
    ranked
}

fn parameters(weighed: &Weighed) -> BTreeMap<String, f64> {
    let fit = weighed.fits.get(&weighed.pattern);
    let named = fit.into_iter().flat_map(|fit| fit.parameters.iter());
    named.filter(|(_, value)| value.is_finite()).map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

/// The second cause, and sure findings of few drops.
fn also(weighed: &Weighed) -> Vec<AlsoSeen> {
    let second = weighed.second.as_ref().map(|(pattern, fit)| AlsoSeen {
        pattern: *pattern,
        hits: whole(fit.hits.len()),
        sentence: format!("{} drops show that {}", fit.hits.len(), pattern.meaning()),
    });
    let is_new = |pattern: Pattern| {
        pattern != weighed.pattern && weighed.second.as_ref().is_none_or(|(second, _)| *second != pattern)
    };
    let explained = weighed.fits.get(&weighed.pattern).map(|fit| fit.hits.as_slice()).unwrap_or_default();
    let findings = weighed.fits.iter().filter(|(pattern, fit)| {
        let alone = fit.hits.iter().filter(|hit| explained.binary_search(hit).is_err()).count();
        is_new(**pattern)
            && fit.counts_hits
            && alone >= 3
            && weighed.log_bayes_factor(**pattern) > NOTABLE
            && weighed.pattern != Pattern::Undetermined
    });
    let findings = findings.map(|(pattern, fit)| AlsoSeen {
        pattern: *pattern,
        hits: whole(fit.hits.len()),
        sentence: format!("also seen in {} drops: {}", fit.hits.len(), pattern.meaning()),
    });
    second.into_iter().chain(findings).collect()
}

fn hypotheses(weighed: &Weighed) -> Vec<Hypothesis> {
    let mut hypotheses: Vec<Hypothesis> = Pattern::ALL
        .into_iter()
        .map(|pattern| {
            let fit = weighed.fits.get(&pattern);
            Hypothesis {
                pattern,
                probability: weighed.probabilities.get(&pattern).copied().unwrap_or(0.0),
                hits: fit.map_or(0, |fit| whole(fit.hits.len())),
                opportunities: fit.map_or(0.0, |fit| fit.opportunities),
                // JSON has no infinity.
                log_bayes_factor: weighed.log_bayes_factor(pattern).clamp(-999.0, 1e9),
            }
        })
        .collect();
    hypotheses.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    hypotheses
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
