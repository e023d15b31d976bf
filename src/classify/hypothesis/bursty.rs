//! Bursts: drops come in groups with quiet periods between.
//!
//! A mixture of short and long lives (two-phase hyperexponential, fitted by expectation maximization with censoring)
//! against one kind of life.

use crate::classify::case::Case;
use crate::classify::math::{ln, quantile, real};
use crate::classify::{BurstParameters, FittedParameters};

use super::Fit;

/// Least ratio of the two mean lives.
const MIN_LIFE_RATIO: f64 = 6.0;
/// Fewer drops cannot show groups.
const MIN_DROPS: usize = 5;
/// Least drops from which bursts may be inferred without a mixture of lives.
const MIN_DROPS_FOR_CONTINUATIONS: usize = 8;
/// Age bins; the fit runs on them, not on the drops.
const BINS: usize = 128;
const ROUNDS: usize = 60;

/// Lives of about one age.
#[derive(Debug, Clone, Copy, Default)]
struct AgeBin {
    dropped: f64,
    censored: f64,
    /// Sums of the ages.
    dropped_secs: f64,
    censored_secs: f64,
}

impl AgeBin {
    fn count(&self) -> f64 {
        self.dropped + self.censored
    }
}

/// Two kinds of life.
#[derive(Debug, Clone, Copy)]
struct LifetimeMixture {
    /// Deaths per second of each kind.
    rates: [f64; 2],
    /// Share of the first kind.
    share: f64,
    likelihood: f64,
}

pub(super) fn fit(case: &Case) -> Fit {
    let lives = two_kinds_of_life(case);
    match continued_incidents(case) {
        Some(incidents) if incidents.log_evidence > lives.log_evidence => {
            Fit { parameters: lives.parameters, ..incidents }
        }
        _ => lives,
    }
}

/// Incidents most of which end the next sessions as well before a packet proves those alive. Differs from random loss
/// only in the prior of the share of such drops.
fn continued_incidents(case: &Case) -> Option<Fit> {
    let continuations = case.drops().filter(|(_, drop)| drop.is_continuation).count();
    let incidents = case.count() - continuations;
    if case.count() < MIN_DROPS_FOR_CONTINUATIONS || incidents < 3 || continuations < incidents {
        return None;
    }
    Some(Fit {
        log_evidence: case.ln_burst_likelihood(3.0, 1.0),
        hits: case.drop_indices.clone(),
        opportunities: case.count_f64(),
        parameters: FittedParameters::None,
        counts_hits: false,
        ..Fit::default()
    })
}

fn two_kinds_of_life(case: &Case) -> Fit {
    let mut fit = Fit { counts_hits: false, opportunities: case.count_f64(), ..Fit::default() };
    let lives = lives(case);
    let drops = lives.iter().filter(|(_, dropped)| *dropped).count();
    if drops < MIN_DROPS {
        fit.log_evidence = case.null - 1.0;
        return fit;
    }
    let bins = age_bins(&lives);
    let exposure: f64 = lives.iter().map(|(age, _)| age).sum();
    let exponential = real(drops) * ln(real(drops) / exposure) - real(drops);
    let mut ages: Vec<f64> = lives.iter().filter(|(_, dropped)| *dropped).map(|(age, _)| *age).collect();
    let best = [0.3, 0.5, 0.7]
        .into_iter()
        .map(|q| expectation_maximization(&bins, initial_mixture(&mut ages, q)))
        .filter(|mixture| life_ratio(mixture) > MIN_LIFE_RATIO)
        .max_by(|one, other| one.likelihood.total_cmp(&other.likelihood));
    let Some(best) = best else {
        fit.log_evidence = case.null - 3.0;
        return fit;
    };
    let [one, other] = best.rates;
    if !has_groups(case, 1.0 / (one * other).sqrt()) {
        // Lives of very different length, but no drops close together.
        fit.log_evidence = case.null - 1.0;
        return fit;
    }
    fit.log_evidence = case.ln_background(0) + (best.likelihood - exponential) - real(drops).ln() - 2.0;
    fit.parameters = FittedParameters::Bursty(BurstParameters {
        short_life_secs: 1.0 / one.max(other),
        long_life_secs: 1.0 / one.min(other),
    });
    fit.hits.clone_from(&case.drop_indices);
    fit
}

/// Whether drops follow each other within `apart` seconds, in two groups at least: one bad hour is no pattern.
fn has_groups(case: &Case, apart: f64) -> bool {
    let moments: Vec<f64> = case.drops().map(|(_, drop)| drop.detected).collect();
    let (mut close, mut groups, mut is_in_group) = (0_usize, 0_usize, false);
    for (one, next) in moments.iter().zip(moments.iter().skip(1)) {
        let is_close = *next - *one <= apart;
        close += usize::from(is_close);
        groups += usize::from(is_close && !is_in_group);
        is_in_group = is_close;
    }
    groups >= 2 && close >= 3 && 3 * close >= moments.len()
}

fn lives(case: &Case) -> Vec<(f64, bool)> {
    let sessions = case.frame.sessions.iter().enumerate().filter(|(_, session)| session.is_start_known);
    sessions
        .map(|(index, session)| (session.age().max(0.05), case.drop_of_session(index).is_some()))
        .collect()
}

fn age_bins(lives: &[(f64, bool)]) -> Vec<AgeBin> {
    let least = lives.iter().map(|(age, _)| *age).fold(f64::INFINITY, f64::min);
    let most = lives.iter().map(|(age, _)| *age).fold(0.0, f64::max);
    let range = (most / least).ln().max(1e-9);
    let mut bins = vec![AgeBin::default(); BINS];
    for (age, dropped) in lives {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and BINS")]
        let index = ((age / least).ln() / range * real(BINS - 1)).round() as usize;
        let Some(bin) = bins.get_mut(index.min(BINS - 1)) else { continue };
        if *dropped {
            bin.dropped += 1.0;
            bin.dropped_secs += age;
        } else {
            bin.censored += 1.0;
            bin.censored_secs += age;
        }
    }
    bins.retain(|bin| bin.count() > 0.0);
    bins
}

/// The start of the fit: the shortest share `q` of the lives, and the others.
fn initial_mixture(ages: &mut [f64], q: f64) -> LifetimeMixture {
    let cut = quantile(ages, q).unwrap_or(0.1).max(0.1);
    let mean = |ages: Vec<f64>, otherwise: f64| {
        if ages.is_empty() { otherwise } else { ages.iter().sum::<f64>() / real(ages.len()) }
    };
    let short = mean(ages.iter().copied().filter(|age| *age <= cut).collect(), cut).max(0.05);
    let long = mean(ages.iter().copied().filter(|age| *age > cut).collect(), 2.0 * cut).max(1.0);
    LifetimeMixture { rates: [1.0 / short, 1.0 / long], share: q, likelihood: f64::NEG_INFINITY }
}

fn life_ratio(mixture: &LifetimeMixture) -> f64 {
    let [one, other] = mixture.rates;
    one.max(other) / one.min(other)
}

fn expectation_maximization(bins: &[AgeBin], mut mixture: LifetimeMixture) -> LifetimeMixture {
    for _ in 0..ROUNDS {
        let before = mixture.likelihood;
        mixture = em_step(bins, mixture);
        if (mixture.likelihood - before).abs() < 1e-6 {
            break;
        }
    }
    mixture
}

/// One round: the membership of each bin, then the parameters of both kinds.
fn em_step(bins: &[AgeBin], mixture: LifetimeMixture) -> LifetimeMixture {
    let LifetimeMixture { rates: [first, second], share, .. } = mixture;
    let (mut likelihood, mut count) = (0.0, 0.0);
    // Members, deaths and seconds of the first kind, deaths and seconds of the second.
    let mut sums = [0.0_f64; 5];
    for bin in bins {
        for (members, secs, died) in
            [(bin.dropped, bin.dropped_secs, true), (bin.censored, bin.censored_secs, false)]
        {
            if members <= 0.0 {
                continue;
            }
            let age = secs / members;
            let density =
                |weight: f64, rate: f64| ln(weight) + if died { ln(rate) } else { 0.0 } - rate * age;
            let (one, other) = (density(share, first), density(1.0 - share, second));
            let most = one.max(other);
            let total = most + ((one - most).exp() + (other - most).exp()).ln();
            let belongs = (one - total).exp();
            likelihood += members * total;
            count += members;
            sums[0] += members * belongs;
            sums[2] += secs * belongs;
            sums[4] += secs * (1.0 - belongs);
            if died {
                sums[1] += members * belongs;
                sums[3] += members * (1.0 - belongs);
            }
        }
    }
    let rate = |deaths: f64, secs: f64| ((deaths + 1e-9) / (secs + 1e-9)).max(1e-9);
    LifetimeMixture {
        rates: [rate(sums[1], sums[2]), rate(sums[3], sums[4])],
        share: (sums[0] / f64::max(count, 1.0)).clamp(0.02, 0.98),
        likelihood,
    }
}
