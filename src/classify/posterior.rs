//! The probability of each pattern, from its fit and its prior.
//!
//! Drops that state their cause come first ([`stated`]). The others are exposed to random loss and to at most two
//! mechanisms. [`weigh`] compares all single mechanisms, each with random loss as its background; [`mixture`] then adds what the first leaves over.

mod adjust;
mod doubt;
mod mixture;
pub(super) mod regimes;
mod stated;

use std::collections::BTreeMap;

use super::case::{Case, Frame};
use super::hypothesis::{self, Fit, Fits};
use super::math::{ln_sum_exp, real};
use super::{FittedParameters, Pattern};

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
/// Least probability of a named pattern; below it the verdict is undetermined.
const MIN_WINNER_PROBABILITY: f64 = 0.5;
/// Most probability of "undetermined" from three drops on.
const MAX_UNDETERMINED: f64 = 0.85;
/// Most probability of a takeover that neither the broker names nor a fresh client id ends: nothing else that a client can
/// record proves another client.
const MAX_UNPROVEN_TAKEOVER: f64 = 0.89;

/// The outcome of weighing all hypotheses.
#[derive(Clone)]
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
    /// Log marginal likelihood of the drops under all hypotheses together.
    pub(super) evidence: f64,
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

    /// Takes from the answer what exceeds `most`; the rest is undetermined.
    fn limit_confidence(&mut self, most: f64) {
        if self.confidence <= most || self.pattern == Pattern::Undetermined {
            return;
        }
        let factor = most / self.confidence;
        for (pattern, probability) in &mut self.probabilities {
            if *pattern != Pattern::Undetermined {
                *probability *= factor;
            }
        }
        let named: f64 = self
            .probabilities
            .iter()
            .filter(|(pattern, _)| **pattern != Pattern::Undetermined)
            .map(|(_, probability)| probability)
            .sum();
        self.probabilities.insert(Pattern::Undetermined, 1.0 - named);
        self.confidence = most;
    }

    /// The probability of a pattern.
    pub(super) fn probability(&self, pattern: Pattern) -> f64 {
        self.probabilities.get(&pattern).copied().unwrap_or(0.0)
    }
}

/// Weighs all drops of a frame, then the drops that the answer does not explain.
pub(super) fn compute_posterior(frame: &Frame) -> Posterior {
    let case = Case::new(frame, (0..frame.drops.len()).collect());
    let mut first = weigh(&case);
    let mut with_second = |case: &Case| {
        let mut posterior = weigh(case);
        mixture::add_second_cause(frame, case, &mut posterior);
        posterior
    };
    if let Some(stated) = stated::stated_posterior(frame, &first, &mut with_second) {
        return stated;
    }
    mixture::add_second_cause(frame, &case, &mut first);
    stated::own_network_posterior(frame, &first).unwrap_or(first)
}

/// Weighs the hypotheses for the drops of a case.
fn weigh(case: &Case) -> Posterior {
    let drops = case.count();
    let null = case.null;
    if drops < 2 {
        return undetermined_posterior(drops, null, BTreeMap::new());
    }
    let Fits { named: fits, other } = hypothesis::fit_all(case);
    if drops == 2 {
        return two_drops(case, fits);
    }
    let evidence = adjust::adjust_evidence(case, &fits, other);
    let (probabilities, total) = probabilities(drops, &evidence);
    let mut posterior = conclude(probabilities, fits, null);
    posterior.evidence = total;
    if let Some(most) = doubt::most_confidence(case, &posterior) {
        posterior.limit_confidence(most);
    }
    posterior
}

/// Two drops never prove a mechanism of time. But an operation that ended the session both times, and nothing else did, is a
/// finding: the client must not repeat it a third time to know.
fn two_drops(case: &Case, fits: BTreeMap<Pattern, Fit>) -> Posterior {
    /// Least log Bayes factor of such a finding.
    const MIN_FACTOR: f64 = 3.0;
    /// Its probability.
    const PROBABILITY: f64 = 0.8;
    let is_finding = fits.get(&Pattern::PublishTriggered).is_some_and(|fit| {
        fit.hits.len() == 2 && fit.opportunities < 2.5 && fit.log_evidence > case.null + MIN_FACTOR
    });
    let mut posterior = undetermined_posterior(2, case.null, fits);
    if is_finding {
        let rest = (1.0 - PROBABILITY) / (1.0 - posterior.probability(Pattern::PublishTriggered));
        for (pattern, probability) in &mut posterior.probabilities {
            *probability =
                if *pattern == Pattern::PublishTriggered { PROBABILITY } else { *probability * rest };
        }
        posterior.pattern = Pattern::PublishTriggered;
        posterior.confidence = PROBABILITY;
        posterior.lead = None;
    }
    posterior
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
        evidence: null,
        lead,
        second: None,
    }
}

/// The posterior probabilities, and the log marginal likelihood of all hypotheses together.
fn probabilities(drops: usize, evidence: &BTreeMap<Option<Pattern>, f64>) -> (BTreeMap<Pattern, f64>, f64) {
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
    // "Regular in an unknown way" is never certain: losses may look like that.
    if drops > 2 {
        let excess = (undetermined - MAX_UNDETERMINED).max(0.0);
        undetermined -= excess;
        *posterior.entry(Pattern::Random).or_default() += excess;
    }
    posterior.insert(Pattern::Undetermined, undetermined);
    for probability in posterior.values_mut() {
        *probability = (1.0 - MIN_PROBABILITY * real(Pattern::ALL.len())) * *probability + MIN_PROBABILITY;
    }
    (posterior, total)
}

fn conclude(mut probabilities: BTreeMap<Pattern, f64>, fits: BTreeMap<Pattern, Fit>, null: f64) -> Posterior {
    limit_takeover(&mut probabilities, &fits);
    let new_posterior = |pattern, confidence, probabilities, fits, lead| Posterior {
        pattern,
        confidence,
        probabilities,
        fits,
        null,
        evidence: null,
        lead,
        second: None,
    };
    let named = probabilities.iter().filter(|(pattern, _)| **pattern != Pattern::Undetermined);
    let best = named.max_by(|one, other| one.1.total_cmp(other.1)).map(|(pattern, share)| (*pattern, *share));
    let Some((best, share)) = best.filter(|(_, share)| *share < MIN_WINNER_PROBABILITY) else {
        let (pattern, confidence) = most_probable(&probabilities);
        return new_posterior(pattern, confidence, probabilities, fits, None);
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
    new_posterior(Pattern::Undetermined, undetermined_share, probabilities, fits, Some(best))
}

/// What exceeds the most that may be claimed of a takeover is undetermined.
fn limit_takeover(probabilities: &mut BTreeMap<Pattern, f64>, fits: &BTreeMap<Pattern, Fit>) {
    let is_proven = match fits.get(&Pattern::ClientIdTakeover).map(|fit| fit.parameters) {
        Some(FittedParameters::ClientIdTakeover(takeover)) => {
            takeover.is_named_by_broker || takeover.is_shown_by_fresh_id
        }
        _ => false,
    };
    let Some(takeover) = probabilities.get_mut(&Pattern::ClientIdTakeover) else { return };
    let excess = (*takeover - MAX_UNPROVEN_TAKEOVER).max(0.0);
    if !is_proven && excess > 0.0 {
        *takeover -= excess;
        *probabilities.entry(Pattern::Undetermined).or_default() += excess;
    }
}

fn most_probable(probabilities: &BTreeMap<Pattern, f64>) -> (Pattern, f64) {
    let best = probabilities.iter().max_by(|one, other| one.1.total_cmp(other.1));
    best.map_or((Pattern::Undetermined, 1.0), |(pattern, probability)| (*pattern, *probability))
}
