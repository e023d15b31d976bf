//! The probability of each pattern, from its fit and its prior.

use std::collections::{BTreeMap, BTreeSet};

use super::Pattern;
use super::case::{Case, Frame};
use super::hypothesis::{self, Fit, Fits};
use super::math::{ln_sum_exp, real};

/// Prior probabilities; "other" (regular in a way without a name) is the rest.
const PRIORS: [(Pattern, f64); 13] = [
    (Pattern::Random, 0.14),
    (Pattern::Bursty, 0.12),
    (Pattern::IdleTimeout, 0.12),
    (Pattern::FixedLifetime, 0.10),
    (Pattern::Scheduled, 0.08),
    (Pattern::SystemEvent, 0.08),
    (Pattern::KeepAliveTimeout, 0.07),
    (Pattern::PublishTriggered, 0.06),
    (Pattern::CredentialExpiry, 0.06),
    (Pattern::Outage, 0.06),
    (Pattern::MessageCount, 0.05),
    (Pattern::MessageRate, 0.05),
    (Pattern::ClientIdTakeover, 0.05),
];
const PRIOR_OTHER: f64 = 0.03;
/// Lower bound of every probability, because the model class may be wrong.
const MIN_PROBABILITY: f64 = 0.000_7;
/// From this many drops on, a mechanism that explains few of them is a finding and not the pattern.
const MANY_DROPS: usize = 8;
/// Least share of many drops that a pattern must explain.
const MIN_SHARE: f64 = 0.38;
/// Fewest explained drops before a pattern may be named.
const MIN_HITS: usize = 3;
/// Hypotheses for the same drops share every misfit of the kernel: at most this many drops count as independent.
const MAX_INDEPENDENT_DROPS: f64 = 3.0;
/// Overlap of the explained drops from which two hypotheses compete for the same drops.
const SAME_DROPS: f64 = 0.7;
/// Least probability of a named pattern; below it the verdict is undetermined.
const MIN_WINNER_PROBABILITY: f64 = 0.5;
/// Least log Bayes factor, and least drops, of a second cause among the drops that the first does not explain.
const MIN_SECOND_FACTOR: f64 = 5.0;
const MIN_SECOND_HITS: usize = 3;

/// The outcome of weighing all hypotheses.
pub(super) struct Posterior {
    /// The answer.
    pub(super) pattern: Pattern,
    /// Its probability; with two causes that of both.
    pub(super) confidence: f64,
    /// The probability of every pattern; they sum to 1.
    pub(super) probabilities: BTreeMap<Pattern, f64>,
    /// How each pattern fits, by itself.
    pub(super) fits: BTreeMap<Pattern, Fit>,
    /// Log marginal likelihood of random loss.
    pub(super) null: f64,
    /// The most probable pattern, when the verdict is undetermined.
    pub(super) lead: Option<Pattern>,
    /// A second cause of the drops that the first does not explain.
    pub(super) second: Option<(Pattern, Fit)>,
}

impl Posterior {
    /// Natural logarithm of the Bayes factor of a pattern against random loss.
    pub(super) fn log_bayes_factor(&self, pattern: Pattern) -> f64 {
        self.fits.get(&pattern).map_or(0.0, |fit| fit.log_evidence - self.null)
    }
}

/// Weighs all drops of a frame, then the drops that the answer does not explain.
pub(super) fn compute_posterior(frame: &Frame) -> Posterior {
    let case = Case::new(frame, (0..frame.drops.len()).collect());
    let mut first = case_posterior(&case);
    if case.count() < MANY_DROPS
        || first.probabilities.get(&first.pattern).copied().unwrap_or(0.0) <= MIN_WINNER_PROBABILITY
    {
        return first;
    }
    let Some(found) = first.fits.get(&first.pattern).filter(|fit| fit.counts_hits) else { return first };
    let explained: BTreeSet<usize> = found.hits.iter().copied().collect();
    let unexplained: Vec<usize> = (0..frame.drops.len()).filter(|drop| !explained.contains(drop)).collect();
    if unexplained.len() < MIN_SECOND_HITS {
        return first;
    }
    let second = case_posterior(&Case::new(frame, unexplained));
    let is_specific = !matches!(second.pattern, Pattern::Random | Pattern::Undetermined | Pattern::Bursty)
        && second.pattern != first.pattern;
    let factor = second.log_bayes_factor(second.pattern);
    let fit = second.fits.get(&second.pattern).cloned().unwrap_or_default();
    if is_specific && factor > MIN_SECOND_FACTOR && fit.hits.len() >= MIN_SECOND_HITS {
        split_probability(&mut first, real(explained.len()), second.pattern, fit);
    }
    first
}

/// Two causes share their probability by the drops they explain.
fn split_probability(first: &mut Posterior, hits: f64, pattern: Pattern, fit: Fit) {
    let one = first.probabilities.get(&first.pattern).copied().unwrap_or(0.0);
    let other = first.probabilities.get(&pattern).copied().unwrap_or(0.0);
    let part = hits / (hits + real(fit.hits.len()));
    first.probabilities.insert(first.pattern, (one + other) * part);
    first.probabilities.insert(pattern, (one + other) * (1.0 - part));
    first.confidence = one + other;
    let winner = first.pattern;
    if part < 0.5 {
        first.pattern = pattern;
        // The fit of the second cause to its own drops replaces its fit to all drops.
        first.fits.insert(pattern, fit);
        let found = first.fits.get(&winner).cloned().unwrap_or_default();
        first.second = Some((winner, found));
    } else {
        first.second = Some((pattern, fit));
    }
}

fn case_posterior(case: &Case) -> Posterior {
    let drops = case.count();
    let null = case.null;
    if drops < 2 {
        return undetermined_posterior(drops, null, BTreeMap::new());
    }
    let Fits { named: fits, other } = hypothesis::fit_all(case);
    if drops == 2 {
        // Two drops never prove a mechanism.
        return undetermined_posterior(drops, null, fits);
    }
    let evidence = adjust_evidence(case, &fits, other);
    let probabilities = probabilities(drops, &evidence);
    conclude(probabilities, fits, null)
}

fn undetermined_posterior(drops: usize, null: f64, fits: BTreeMap<Pattern, Fit>) -> Posterior {
    let undetermined = match drops {
        0 => 1.0,
        1 => 0.999,
        _ => 0.95,
    };
    let rest = (1.0 - undetermined) / real(Pattern::ALL.len() - 1);
    let chance = |pattern| (pattern, if pattern == Pattern::Undetermined { undetermined } else { rest });
    let named = fits.iter().filter(|(pattern, _)| **pattern != Pattern::Random);
    let lead = named
        .max_by(|one, other| one.1.log_evidence.total_cmp(&other.1.log_evidence))
        .filter(|(_, fit)| fit.log_evidence > null + 2.0)
        .map(|(pattern, _)| *pattern);
    Posterior {
        pattern: Pattern::Undetermined,
        confidence: undetermined,
        probabilities: Pattern::ALL.into_iter().map(chance).collect(),
        fits,
        null,
        lead,
        second: None,
    }
}

/// The evidence, adjusted for plurality and for competition over the same drops. `None` is "other".
fn adjust_evidence(case: &Case, fits: &BTreeMap<Pattern, Fit>, other: f64) -> BTreeMap<Option<Pattern>, f64> {
    let null = case.null;
    let specific = fits
        .iter()
        .filter(|(pattern, _)| **pattern != Pattern::Random)
        .map(|(_, fit)| fit.log_evidence - null)
        .fold(f64::NEG_INFINITY, f64::max);
    // A named mechanism that fits precedes "something regular".
    let other = if specific > 6.0 { other.min(null + specific - 2.0) } else { other };
    let mut evidence: BTreeMap<Option<Pattern>, f64> =
        fits.iter().map(|(pattern, fit)| (Some(*pattern), require_plurality(case, fit))).collect();
    evidence.insert(None, other);
    shrink_competing_evidence(fits, &mut evidence);
    trust_broker_reason(case, fits, &mut evidence);
    evidence
}

/// Where the broker names the cause of most drops by a reason code (session taken over, keep-alive timeout), the
/// timing of those drops is no evidence for another pattern: it shows when the other client connects, or how long the
/// silence lasted.
fn trust_broker_reason(
    case: &Case,
    fits: &BTreeMap<Pattern, Fit>,
    evidence: &mut BTreeMap<Option<Pattern>, f64>,
) {
    for pattern in [Pattern::ClientIdTakeover, Pattern::KeepAliveTimeout] {
        let fit = fits.get(&pattern);
        let Some(named_fit) = fit.filter(|fit| fit.parameters.is_named_by_broker()) else {
            continue;
        };
        if 2 * named_fit.hits.len() < case.count() {
            continue;
        }
        let most = evidence.values().copied().fold(case.null, f64::max);
        evidence.insert(Some(pattern), most + (named_fit.log_evidence - case.null).max(0.0));
    }
}

/// Limits the evidence of a mechanism that explains too few of the drops.
fn require_plurality(case: &Case, fit: &Fit) -> f64 {
    if !fit.counts_hits {
        return fit.log_evidence;
    }
    let share = real(fit.hits.len()) / case.count_f64();
    // Two drops that agree prove no mechanism.
    if fit.hits.len() < MIN_HITS && !fit.parameters.is_named_by_broker() {
        return fit.log_evidence.min(case.null + 0.5);
    }
    if case.count() >= MANY_DROPS && share < MIN_SHARE {
        fit.log_evidence.min(case.null - 2.0)
    } else if case.count() < MANY_DROPS && share <= 0.5 {
        fit.log_evidence - 2.0
    } else {
        fit.log_evidence
    }
}

fn shrink_competing_evidence(fits: &BTreeMap<Pattern, Fit>, evidence: &mut BTreeMap<Option<Pattern>, f64>) {
    let best = evidence.iter().max_by(|one, other| one.1.total_cmp(other.1));
    let Some((Some(best), most)) = best.map(|(pattern, most)| (*pattern, *most)) else { return };
    let Some(winner) = fits.get(&best) else { return };
    let hits = real(winner.hits.len());
    if hits <= MAX_INDEPENDENT_DROPS {
        return;
    }
    for (pattern, value) in evidence.iter_mut() {
        let Some(fit) = pattern.and_then(|pattern| fits.get(&pattern)) else { continue };
        if *pattern != Some(best) && value.is_finite() && overlap(&winner.hits, &fit.hits) >= SAME_DROPS {
            *value = most - (most - *value) * MAX_INDEPENDENT_DROPS / hits;
        }
    }
}

/// Intersection over union of two ascending lists.
fn overlap(one: &[usize], other: &[usize]) -> f64 {
    let (mut left, mut right) = (one.iter().peekable(), other.iter().peekable());
    let mut common = 0_usize;
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => drop(left.next()),
            std::cmp::Ordering::Greater => drop(right.next()),
            std::cmp::Ordering::Equal => {
                common += 1;
                left.next();
                right.next();
            }
        }
    }
    real(common) / real((one.len() + other.len() - common).max(1))
}

fn probabilities(drops: usize, evidence: &BTreeMap<Option<Pattern>, f64>) -> BTreeMap<Pattern, f64> {
    let prior = |pattern: &Option<Pattern>| match pattern {
        Some(pattern) => PRIORS.iter().find(|(name, _)| name == pattern).map_or(0.0, |(_, prior)| *prior),
        None => PRIOR_OTHER,
    };
    let log_weights: Vec<(Option<Pattern>, f64)> =
        evidence.iter().map(|(pattern, value)| (*pattern, value + prior(pattern).ln())).collect();
    let logarithms: Vec<f64> = log_weights.iter().map(|(_, value)| *value).collect();
    let total = ln_sum_exp(&logarithms);
    let mut posterior: BTreeMap<Pattern, f64> = BTreeMap::new();
    let mut undetermined = 0.0;
    for (pattern, value) in log_weights {
        let probability = (value - total).exp();
        // A few drops prove neither memorylessness nor bursts.
        let undetermined_share = match pattern {
            Some(Pattern::Random) if drops < 5 => 4.0 / (real(drops) + 4.0),
            Some(Pattern::Random) => 1.5 / real(drops),
            Some(Pattern::Bursty) if drops < MANY_DROPS => 0.5,
            Some(_) => 0.0,
            None => 1.0,
        };
        undetermined += undetermined_share * probability;
        if let Some(pattern) = pattern {
            posterior.insert(pattern, (1.0 - undetermined_share) * probability);
        }
    }
    posterior.insert(Pattern::Undetermined, undetermined);
    for probability in posterior.values_mut() {
        *probability = (1.0 - MIN_PROBABILITY * real(Pattern::ALL.len())) * *probability + MIN_PROBABILITY;
    }
    posterior
}

fn conclude(mut probabilities: BTreeMap<Pattern, f64>, fits: BTreeMap<Pattern, Fit>, null: f64) -> Posterior {
    let named = probabilities.iter().filter(|(pattern, _)| **pattern != Pattern::Undetermined);
    let best = named.max_by(|one, other| one.1.total_cmp(other.1)).map(|(pattern, share)| (*pattern, *share));
    let Some((best, share)) = best.filter(|(_, share)| *share < MIN_WINNER_PROBABILITY) else {
        let (pattern, confidence) = most_probable(&probabilities);
        return Posterior { pattern, confidence, probabilities, fits, null, lead: None, second: None };
    };
    // "Undetermined" is at least as probable as the best pattern is improbable.
    let undetermined = probabilities.entry(Pattern::Undetermined).or_default();
    let undetermined_share = undetermined.max(1.0 - share);
    let others = 1.0 - *undetermined;
    *undetermined = undetermined_share;
    for (pattern, probability) in &mut probabilities {
        if *pattern != Pattern::Undetermined {
            *probability *= (1.0 - undetermined_share) / others.max(1e-9);
        }
    }
    let pattern = Pattern::Undetermined;
    Posterior {
        pattern,
        confidence: undetermined_share,
        probabilities,
        fits,
        null,
        lead: Some(best),
        second: None,
    }
}

fn most_probable(probabilities: &BTreeMap<Pattern, f64>) -> (Pattern, f64) {
    let best = probabilities.iter().max_by(|one, other| one.1.total_cmp(other.1));
    best.map_or((Pattern::Undetermined, 1.0), |(pattern, probability)| (*pattern, *probability))
}
