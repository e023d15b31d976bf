//! Two causes: what the first one leaves over is random loss, or a second mechanism.

use std::collections::BTreeSet;

use super::{MANY_DROPS, MIN_WINNER_PROBABILITY, Posterior, weigh};
use crate::classify::Pattern;
use crate::classify::case::{Case, Frame};
use crate::classify::hypothesis::Fit;
use crate::classify::math::real;

/// Least log Bayes factor, and least drops, of a second mechanism among the drops that the first does not explain.
const MIN_SECOND_FACTOR: f64 = 5.0;
const MIN_SECOND_HITS: usize = 3;
/// Least probability among those drops, where the Bayes factor is smaller.
const MIN_SECOND_PROBABILITY: f64 = 0.8;
/// Least log Bayes factor, drops and share of a mechanism that explains the smaller part of mostly random drops.
const MIN_MINOR_FACTOR: f64 = 7.0;
const MIN_MINOR_HITS: usize = 4;
/// Probability of such a mechanism.
const MINOR_PROBABILITY: f64 = 0.9;
const MIN_MINOR_SHARE: f64 = 0.12;
/// Least drops, and share, of random loss beside a mechanism that is worth a word.
const MIN_RANDOM_DROPS: usize = 2;
const MIN_RANDOM_SHARE: f64 = 0.12;

/// Adds the second cause to the answer, if there is one.
pub(super) fn add_second_cause(frame: &Frame, case: &Case, first: &mut Posterior) {
    if case.count() < MANY_DROPS {
        return;
    }
    if first.pattern == Pattern::Random {
        add_minor_mechanism(case, first);
        return;
    }
    if first.probability(first.pattern) <= MIN_WINNER_PROBABILITY {
        return;
    }
    let Some(found) = first.fits.get(&first.pattern).filter(|fit| fit.counts_hits) else { return };
    let explained: BTreeSet<usize> = found.hits.iter().copied().collect();
    let left: Vec<usize> =
        case.drop_indices.iter().copied().filter(|drop| !explained.contains(drop)).collect();
    let unexplained = left.len();
    if unexplained < MIN_RANDOM_DROPS {
        return;
    }
    let second = weigh(&Case::new(frame, left.clone()));
    let is_specific = !matches!(second.pattern, Pattern::Random | Pattern::Undetermined | Pattern::Bursty)
        && second.pattern != first.pattern;
    let fit = second.fits.get(&second.pattern).cloned().unwrap_or_default();
    let is_likely = second.log_bayes_factor(second.pattern) > MIN_SECOND_FACTOR
        || second.probability(second.pattern) > MIN_SECOND_PROBABILITY;
    if is_specific && is_likely && fit.hits.len() >= MIN_SECOND_HITS {
        first.evidence += (second.evidence - second.null).max(0.0);
        split(first, second.pattern, fit, explained.len(), second.probability(second.pattern));
    } else if real(unexplained) >= MIN_RANDOM_SHARE * case.count_f64() {
        let rest = if second.pattern == Pattern::Bursty { Pattern::Bursty } else { Pattern::Random };
        let fit = Fit { hits: left, opportunities: real(unexplained), ..Fit::default() };
        split(first, rest, fit, explained.len(), 1.0);
    }
}

/// Among mostly random drops, a mechanism may explain a part.
fn add_minor_mechanism(case: &Case, first: &mut Posterior) {
    let minor = first
        .fits
        .iter()
        .filter(|(pattern, fit)| {
            !matches!(pattern, Pattern::Random | Pattern::Bursty | Pattern::Outage)
                && fit.counts_hits
                && fit.hits.len() >= MIN_MINOR_HITS
                && real(fit.hits.len()) >= MIN_MINOR_SHARE * case.count_f64()
                && fit.log_evidence > first.null + MIN_MINOR_FACTOR
        })
        .max_by(|one, other| one.1.log_evidence.total_cmp(&other.1.log_evidence));
    let Some((pattern, fit)) = minor.map(|(pattern, fit)| (*pattern, fit.clone())) else { return };
    let random: Vec<usize> =
        case.drop_indices.iter().copied().filter(|drop| fit.hits.binary_search(drop).is_err()).collect();
    let count = random.len();
    if let Some(loss) = first.fits.get_mut(&Pattern::Random) {
        loss.opportunities = real(count);
        loss.hits = random;
    }
    split(first, pattern, fit, count, MINOR_PROBABILITY);
}

/// Two causes share their probability by the drops they explain; the one with more drops is the pattern.
/// `probability` is that of the second cause of its drops.
fn split(first: &mut Posterior, pattern: Pattern, fit: Fit, first_hits: usize, probability: f64) {
    let winner = first.pattern;
    let all = first.probability(winner) + first.probability(pattern);
    let both = all * probability;
    *first.probabilities.entry(Pattern::Undetermined).or_default() += all - both;
    let share = real(first_hits) / real(first_hits + fit.hits.len()).max(1.0);
    first.probabilities.insert(winner, both * share);
    first.probabilities.insert(pattern, both * (1.0 - share));
    first.confidence = both;
    let is_shapeless = matches!(pattern, Pattern::Random | Pattern::Bursty);
    if share < 0.5 && !is_shapeless {
        first.pattern = pattern;
        // The fit of the second cause to its own drops replaces its fit to all drops.
        first.fits.insert(pattern, fit);
        let found = first.fits.get(&winner).cloned().unwrap_or_default();
        first.second = Some((winner, found));
    } else {
        first.second = Some((pattern, fit));
    }
}
