//! What verdict do the sessions of a log deserve?

use std::collections::BTreeMap;

use super::case::Frame;
use super::posterior::{Weighed, weigh};
use super::{Classification, Hypothesis, Pattern, Verdict};
use crate::diagnostics::Stamp;

/// Weighs everything and puts it into words.
pub(super) fn judge(frame: &Frame, at: Stamp) -> Verdict {
    let weighed = weigh(frame);
    let mut verdict = Verdict::nothing_yet(at);
    verdict.classification = classification(frame, &weighed);
    verdict
}

fn classification(frame: &Frame, weighed: &Weighed) -> Classification {
    Classification {
        pattern: weighed.pattern,
        confidence: weighed.confidence,
        hypotheses: hypotheses(weighed),
        drops: u64::try_from(frame.drops.len()).unwrap_or(u64::MAX),
        evidence: Vec::new(),
        parameters: BTreeMap::new(),
        missing: None,
    }
}

fn hypotheses(weighed: &Weighed) -> Vec<Hypothesis> {
    let mut hypotheses: Vec<Hypothesis> = Pattern::ALL
        .into_iter()
        .map(|pattern| {
            let fit = weighed.fits.get(&pattern);
            Hypothesis {
                pattern,
                probability: weighed.probabilities.get(&pattern).copied().unwrap_or(0.0),
                hits: fit.map_or(0, |fit| u64::try_from(fit.hits.len()).unwrap_or(u64::MAX)),
                opportunities: fit.map_or(0.0, |fit| fit.opportunities),
                // JSON has no infinity.
                log_bayes_factor: weighed.log_bayes_factor(pattern).clamp(-999.0, 1e9),
            }
        })
        .collect();
    hypotheses.sort_by(|one, other| other.probability.total_cmp(&one.probability));
    hypotheses
}
