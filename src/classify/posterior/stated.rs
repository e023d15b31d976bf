//! Drops that state their cause come first: they are explained, and leave the statistics of the others.

use std::collections::BTreeMap;

use super::{MIN_PROBABILITY, Posterior};
use crate::classify::case::{Case, Frame};
use crate::classify::hypothesis::Fit;
use crate::classify::math::real;
use crate::classify::{FittedParameters, KeepAliveParameters, Pattern, TakeoverParameters};

/// Probability of a stated cause, by the number of drops that state it: one, two, more.
const STATED: [f64; 3] = [0.85, 0.93, 0.985];
/// Least share of the drops that a further cause explains to be worth a word.
const MIN_SHARE: f64 = 0.06;

/// A cause and the drops it explains.
struct Group {
    pattern: Pattern,
    drops: Vec<usize>,
    probability: f64,
    fit: Fit,
    /// All probabilities, where several patterns are possible.
    probabilities: Option<BTreeMap<Pattern, f64>>,
}

/// The posterior where some drops state their cause; `None` if none does. `others` weighs the drops that do not.
pub(super) fn stated_posterior(
    frame: &Frame,
    whole: &Posterior,
    others: &mut dyn FnMut(&Case) -> Posterior,
) -> Option<Posterior> {
    let mut by_pattern: BTreeMap<Pattern, Vec<usize>> = BTreeMap::new();
    let mut unstated = Vec::new();
    for (index, drop) in frame.drops.iter().enumerate() {
        match frame.session_ending(drop).and_then(|ending| ending.stated) {
            Some(stated) => by_pattern.entry(stated.pattern).or_default().push(index),
            None => unstated.push(index),
        }
    }
    if by_pattern.is_empty() {
        return None;
    }
    let mut groups: Vec<Group> = by_pattern
        .into_iter()
        .map(|(pattern, drops)| {
            let probability =
                STATED.get(drops.len() - 1).or(STATED.last()).copied().unwrap_or(MIN_PROBABILITY);
            let pattern = best_of_equal_statements(frame, whole, pattern, &drops);
            let fit = stated_fit(whole, pattern, &drops);
            Group { pattern, probability, fit, drops, probabilities: None }
        })
        .collect();
    let rest = (!unstated.is_empty()).then(|| others(&Case::new(frame, unstated.clone())));
    if let Some(rest) = &rest {
        let fit = rest.fits.get(&rest.pattern).cloned().unwrap_or_default();
        // Few drops without a statement beside many with one most likely have the same cause.
        let is_unclear = rest.pattern == Pattern::Undetermined && unstated.len() < 3;
        if !is_unclear {
            groups.push(Group {
                pattern: rest.pattern,
                drops: unstated,
                probability: rest.confidence,
                fit,
                probabilities: Some(rest.probabilities.clone()),
            });
        }
    }
    Some(combine(frame, whole, groups))
}

/// "Quota exceeded" (0x97) and "receive maximum exceeded" (0x93) say that something was too much, and the timing shows what:
/// a burst, the number of messages, or one operation.
fn best_of_equal_statements(frame: &Frame, whole: &Posterior, stated: Pattern, drops: &[usize]) -> Pattern {
    const QUOTA: [u8; 2] = [0x93, 0x97];
    const EQUAL: [Pattern; 3] = [Pattern::MessageRate, Pattern::MessageCount, Pattern::PublishTriggered];
    let is_quota = |index: &usize| {
        let ending = frame.drops.get(*index).and_then(|drop| frame.session_ending(drop));
        ending.and_then(|ending| ending.reason_code).is_some_and(|code| QUOTA.contains(&code))
    };
    if !EQUAL.contains(&stated) || !drops.iter().all(is_quota) {
        return stated;
    }
    let evidence = |pattern: &Pattern| {
        let fit = whole.fits.get(pattern).filter(|fit| 2 * fit.hits.len() >= drops.len());
        fit.map_or(whole.null, |fit| fit.log_evidence) + if *pattern == stated { 0.5 } else { 0.0 }
    };
    EQUAL.into_iter().max_by(|one, other| evidence(one).total_cmp(&evidence(other))).unwrap_or(stated)
}

/// Where nothing shows what makes the drops come, the error of the own network at least says where.
pub(super) fn own_network_posterior(frame: &Frame, whole: &Posterior) -> Option<Posterior> {
    /// Least share of the drops.
    const MIN_OWN_SHARE: f64 = 0.6;
    /// Probability that the own network is the cause.
    const PROBABILITY: f64 = 0.88;
    if !matches!(whole.pattern, Pattern::Random | Pattern::Undetermined) {
        return None;
    }
    let own = |index: &usize| {
        let ending = frame.drops.get(*index).and_then(|drop| frame.session_ending(drop));
        ending.is_some_and(|ending| ending.is_own_network)
    };
    let (drops, other): (Vec<usize>, Vec<usize>) = (0..frame.drops.len()).partition(own);
    if drops.is_empty() || real(drops.len()) < MIN_OWN_SHARE * real(frame.drops.len()) {
        return None;
    }
    let fit = stated_fit(whole, Pattern::SystemEvent, &drops);
    let own_network = Pattern::SystemEvent;
    let mut groups =
        vec![Group { pattern: own_network, drops, probability: PROBABILITY, fit, probabilities: None }];
    if !other.is_empty() {
        let fit = Fit { hits: other.clone(), ..Fit::default() };
        groups.push(Group {
            pattern: Pattern::Random,
            drops: other,
            probability: PROBABILITY,
            fit,
            probabilities: None,
        });
    }
    Some(combine(frame, whole, groups))
}

/// The probability of each pattern is its share of the drops, as far as its cause is sure.
fn combine(frame: &Frame, whole: &Posterior, mut groups: Vec<Group>) -> Posterior {
    let explained = real(groups.iter().map(|group| group.drops.len()).sum::<usize>()).max(1.0);
    groups.sort_by_key(|group| std::cmp::Reverse(group.drops.len()));
    let mut probabilities: BTreeMap<Pattern, f64> =
        Pattern::ALL.into_iter().map(|pattern| (pattern, MIN_PROBABILITY)).collect();
    for group in &groups {
        let share = real(group.drops.len()) / explained;
        match &group.probabilities {
            None => *probabilities.entry(group.pattern).or_default() += share * group.probability,
            Some(all) => {
                for (pattern, probability) in all {
                    *probabilities.entry(*pattern).or_default() += share * probability;
                }
            }
        }
    }
    let named: f64 =
        probabilities.iter().filter(|(one, _)| **one != Pattern::Undetermined).map(|(_, share)| share).sum();
    let undetermined = probabilities.entry(Pattern::Undetermined).or_default();
    *undetermined = (1.0 - named).max(*undetermined);
    let sum: f64 = probabilities.values().sum();
    for probability in probabilities.values_mut() {
        *probability /= sum;
    }
    let mut fits = whole.fits.clone();
    for group in groups.iter().rev() {
        fits.insert(group.pattern, group.fit.clone());
    }
    let first = groups.first().map_or(Pattern::Undetermined, |group| group.pattern);
    let second = groups.iter().skip(1).find(|group| {
        group.pattern != first
            && group.pattern != Pattern::Undetermined
            && real(group.drops.len()) >= MIN_SHARE * real(frame.drops.len())
    });
    let share = |pattern: Pattern| probabilities.get(&pattern).copied().unwrap_or(0.0);
    let confidence = share(first) + second.map_or(0.0, |second| share(second.pattern));
    Posterior {
        pattern: first,
        confidence,
        second: second.map(|second| (second.pattern, second.fit.clone())),
        probabilities,
        fits,
        null: whole.null,
        evidence: whole.evidence,
        lead: None,
    }
}

/// The fit of a stated cause: that of the timing where it exists, with the drops that state it.
fn stated_fit(whole: &Posterior, pattern: Pattern, drops: &[usize]) -> Fit {
    let timing = whole.fits.get(&pattern).filter(|fit| !fit.hits.is_empty());
    let parameters = match (pattern, timing.map(|fit| fit.parameters)) {
        (Pattern::ClientIdTakeover, Some(FittedParameters::ClientIdTakeover(takeover))) => {
            FittedParameters::ClientIdTakeover(TakeoverParameters {
                is_named_by_broker: true,
                is_shown_by_fresh_id: false,
                ..takeover
            })
        }
        (Pattern::ClientIdTakeover, _) => FittedParameters::ClientIdTakeover(TakeoverParameters {
            is_named_by_broker: true,
            is_shown_by_fresh_id: false,
            typical_life_secs: None,
        }),
        (Pattern::KeepAliveTimeout, Some(FittedParameters::KeepAliveTimeout(keep_alive))) => {
            FittedParameters::KeepAliveTimeout(keep_alive)
        }
        (Pattern::KeepAliveTimeout, _) => {
            FittedParameters::KeepAliveTimeout(KeepAliveParameters::ClosedByBroker {
                silence_in_keep_alives: None,
                is_named_by_broker: true,
            })
        }
        (_, Some(parameters)) => parameters,
        (_, None) => FittedParameters::None,
    };
    let opportunities = timing.map_or(0.0, |fit| fit.opportunities).max(real(drops.len()));
    Fit {
        hits: drops.to_vec(),
        counts_hits: true,
        opportunities,
        parameters,
        log_evidence: timing.map_or(whole.null, |fit| fit.log_evidence).max(whole.null),
        label: timing.and_then(|fit| fit.label.clone()),
        ..Fit::default()
    }
}
