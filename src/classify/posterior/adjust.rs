//! Evidence adjusted for plurality, for what an observed event explains, and for competition over the same drops.

use std::collections::BTreeMap;

use super::MANY_DROPS;
use crate::classify::case::Case;
use crate::classify::hypothesis::Fit;
use crate::classify::math::{ln_beta_binomial, real};
use crate::classify::{FittedParameters, IdleTimeoutParameters, Pattern, SilenceDirection};

/// Least share of many drops that a pattern must explain.
const MIN_SHARE: f64 = 0.38;
/// Fewest explained drops before a pattern may be named.
const MIN_HITS: usize = 3;
/// Hypotheses for the same drops share every misfit of the kernel: at most this many drops count as independent.
const MAX_INDEPENDENT_DROPS: f64 = 6.0;
/// The same where the second explains as many drops.
const MAX_SAME_DROPS: f64 = 3.0;
/// Overlap of the explained drops from which two hypotheses compete for the same drops.
const SAME_DROPS: f64 = 0.7;
/// Least share of the drops of a timer that an observed event must explain to precede it.
const MIN_OBSERVED_SHARE: f64 = 0.9;
/// Log Bayes factor of an observed event over a timer that fits the same drops.
const OBSERVED_FACTOR: f64 = 3.0;

/// The evidence of each pattern after all adjustments. `None` is "other".
pub(super) fn adjust_evidence(
    case: &Case,
    fits: &BTreeMap<Pattern, Fit>,
    other: f64,
) -> BTreeMap<Option<Pattern>, f64> {
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
    prefer_observed_events(case, fits, &mut evidence);
    keep_coincidence(fits, &mut evidence);
    trust_broker_reason(case, fits, &mut evidence);
    evidence
}

/// A timer that nobody saw (a lifetime, a schedule) yields to an event in the recording (an expiry, a system event, a
/// publish) that explains the same drops and hardly ever passes without one: the timer drives that event.
fn prefer_observed_events(
    case: &Case,
    fits: &BTreeMap<Pattern, Fit>,
    evidence: &mut BTreeMap<Option<Pattern>, f64>,
) {
    for observed in [Pattern::CredentialExpiry, Pattern::PublishTriggered, Pattern::MessageRate] {
        let Some(event) = fits.get(&observed).filter(|fit| fit.hits.len() >= MIN_HITS) else { continue };
        let is_reliable = real(event.hits.len()) >= MIN_OBSERVED_SHARE * event.opportunities;
        if !is_reliable || event.log_evidence < case.null + 3.0 {
            continue;
        }
        let Some(value) = evidence.get(&Some(observed)).copied() else { continue };
        for timer in [Pattern::FixedLifetime, Pattern::Scheduled] {
            let Some(fit) = fits.get(&timer) else { continue };
            let shared = fit.hits.iter().filter(|hit| event.hits.binary_search(hit).is_ok()).count();
            if real(shared) >= MIN_OBSERVED_SHARE * real(fit.hits.len().max(1)) {
                let most = value - OBSERVED_FACTOR;
                evidence.entry(Some(timer)).and_modify(|evidence| *evidence = evidence.min(most));
            }
        }
    }
}

/// Where sessions are silent from their connect on, an idle limit and a lifetime are the same observation. What makes them
/// differ afterwards (competition with third hypotheses) must not decide between them.
fn keep_coincidence(fits: &BTreeMap<Pattern, Fit>, evidence: &mut BTreeMap<Option<Pattern>, f64>) {
    let (Some(idle), Some(lifetime)) = (fits.get(&Pattern::IdleTimeout), fits.get(&Pattern::FixedLifetime))
    else {
        return;
    };
    let is_same = match (idle.parameters, lifetime.parameters) {
        (
            FittedParameters::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit {
                limit_secs,
                direction: SilenceDirection::Either,
                ..
            }),
            FittedParameters::FixedLifetime(age),
        ) => {
            (limit_secs - age.limit_secs).abs() < 1e-6
                && idle.hits == lifetime.hits
                && (idle.opportunities - lifetime.opportunities).abs() < 0.5
        }
        _ => false,
    };
    if !is_same {
        return;
    }
    let value = |pattern| evidence.get(&Some(pattern)).copied().unwrap_or(f64::NEG_INFINITY);
    let most = value(Pattern::IdleTimeout).max(value(Pattern::FixedLifetime));
    let apart = (idle.log_evidence - lifetime.log_evidence).clamp(0.0, 1.0);
    evidence.insert(Some(Pattern::IdleTimeout), most);
    evidence.insert(Some(Pattern::FixedLifetime), most - apart);
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
    if hits <= MAX_SAME_DROPS {
        return;
    }
    for (pattern, value) in evidence.iter_mut() {
        let Some(fit) = pattern.and_then(|pattern| fits.get(&pattern)) else { continue };
        if *pattern != Some(best) && value.is_finite() && overlap(&winner.hits, &fit.hits) >= SAME_DROPS {
            // The very same drops cannot separate the two; one drop more or less can, and a session that outlived the limit
            // of one of them can.
            let independent =
                if winner.hits.len() <= fit.hits.len() { MAX_SAME_DROPS } else { MAX_INDEPENDENT_DROPS };
            let gap = most - *value;
            let by_misses = (ln_misses(winner) - ln_misses(fit)).clamp(0.0, gap);
            *value = most - by_misses - (gap - by_misses) * independent.min(hits) / hits;
        }
    }
}

/// Log likelihood of the opportunities that a mechanism missed; it strikes nearly always.
fn ln_misses(fit: &Fit) -> f64 {
    /// Parameters of the beta distribution of the share of opportunities at which it strikes.
    const STRIKES: f64 = 2.0;
    const MISSES: f64 = 0.25;
    let hits = real(fit.hits.len());
    let missed = (fit.opportunities - hits).max(0.0);
    ln_beta_binomial(hits, hits + missed, STRIKES, MISSES) - ln_beta_binomial(hits, hits, STRIKES, MISSES)
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
