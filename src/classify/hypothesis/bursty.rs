//! Do drops come in groups, with quiet between?
//!
//! About the process of ups and downs, not about ages: a mixture of short and long lives (two-phase
//! hyperexponential, fitted by expectation maximisation with censoring) against one kind of life.

use crate::classify::case::Case;
use crate::classify::math::{ln, quantile, real};

use super::Fit;

/// Least ratio of the two mean lives.
const RATIO: f64 = 6.0;
/// Fewer drops cannot show groups.
const LEAST: usize = 5;
/// Drops from which spells may be told from single incidents.
const ENOUGH: usize = 8;
/// Age bins; the fit runs on them, not on the drops.
const BINS: usize = 128;
const ROUNDS: usize = 60;

/// Lives of about one age.
#[derive(Debug, Clone, Copy, Default)]
struct Bin {
    dropped: f64,
    censored: f64,
    /// Sums of the ages.
    dropped_secs: f64,
    censored_secs: f64,
}

impl Bin {
    fn count(&self) -> f64 {
        self.dropped + self.censored
    }
}

/// Two kinds of life.
#[derive(Debug, Clone, Copy)]
struct Mixture {
    /// Deaths per second of each kind.
    rates: [f64; 2],
    /// Share of the first kind.
    share: f64,
    likelihood: f64,
}

pub(super) fn fit(case: &Case) -> Fit {
    let lives = two_kinds_of_life(case);
    match spells(case) {
        Some(spells) if spells.log_evidence > lives.log_evidence => {
            Fit { parameters: lives.parameters, ..spells }
        }
        _ => lives,
    }
}

/// Incidents most of which kill the next sessions as well before those prove to be alive: the same as random loss
/// in incidents, but for what is expected of the share of such drops.
fn spells(case: &Case) -> Option<Fit> {
    let again = case.drops().filter(|(_, drop)| drop.continuation).count();
    let incidents = case.count() - again;
    if case.count() < ENOUGH || incidents < 3 || again < incidents {
        return None;
    }
    Some(Fit {
        log_evidence: case.in_spells(3.0, 1.0),
        hits: case.mine.clone(),
        opportunities: case.n(),
        parameters: Vec::new(),
        counts_hits: false,
        label: None,
    })
}

fn two_kinds_of_life(case: &Case) -> Fit {
    let mut fit = Fit { counts_hits: false, opportunities: case.n(), ..Fit::default() };
    let lives = lives(case);
    let drops = lives.iter().filter(|(_, dropped)| *dropped).count();
    if drops < LEAST {
        fit.log_evidence = case.null - 1.0;
        return fit;
    }
    let bins = bins(&lives);
    let exposure: f64 = lives.iter().map(|(age, _)| age).sum();
    let plain = real(drops) * ln(real(drops) / exposure) - real(drops);
    let mut ages: Vec<f64> = lives.iter().filter(|(_, dropped)| *dropped).map(|(age, _)| *age).collect();
    let best = [0.3, 0.5, 0.7]
        .into_iter()
        .map(|q| expectation_maximisation(&bins, start(&mut ages, q)))
        .filter(|mixture| ratio(mixture) > RATIO)
        .max_by(|one, other| one.likelihood.total_cmp(&other.likelihood));
    let Some(best) = best else {
        fit.log_evidence = case.null - 3.0;
        return fit;
    };
    let [one, other] = best.rates;
    fit.log_evidence = case.rest(0) + (best.likelihood - plain) - real(drops).ln() - 2.0;
    fit.parameters =
        vec![("short_life_secs", 1.0 / one.max(other)), ("long_life_secs", 1.0 / one.min(other))];
    fit.hits.clone_from(&case.mine);
    fit
}

fn lives(case: &Case) -> Vec<(f64, bool)> {
    let sessions = case.frame.sessions.iter().enumerate().filter(|(_, session)| session.known);
    sessions.map(|(index, session)| (session.age().max(0.05), case.drop_of(index).is_some())).collect()
}

fn bins(lives: &[(f64, bool)]) -> Vec<Bin> {
    let least = lives.iter().map(|(age, _)| *age).fold(f64::INFINITY, f64::min);
    let most = lives.iter().map(|(age, _)| *age).fold(0.0, f64::max);
    let range = (most / least).ln().max(1e-9);
    let mut bins = vec![Bin::default(); BINS];
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

/// Where the fit begins: the shortest share `q` of the lives, and the others.
fn start(ages: &mut [f64], q: f64) -> Mixture {
    let cut = quantile(ages, q).unwrap_or(0.1).max(0.1);
    let mean = |ages: Vec<f64>, otherwise: f64| {
        if ages.is_empty() { otherwise } else { ages.iter().sum::<f64>() / real(ages.len()) }
    };
    let short = mean(ages.iter().copied().filter(|age| *age <= cut).collect(), cut).max(0.05);
    let long = mean(ages.iter().copied().filter(|age| *age > cut).collect(), 2.0 * cut).max(1.0);
    Mixture { rates: [1.0 / short, 1.0 / long], share: q, likelihood: f64::NEG_INFINITY }
}

fn ratio(mixture: &Mixture) -> f64 {
    let [one, other] = mixture.rates;
    one.max(other) / one.min(other)
}

fn expectation_maximisation(bins: &[Bin], mut mixture: Mixture) -> Mixture {
    for _ in 0..ROUNDS {
        let before = mixture.likelihood;
        mixture = step(bins, mixture);
        if (mixture.likelihood - before).abs() < 1e-6 {
            break;
        }
    }
    mixture
}

/// One round: who is of which kind, and what that makes of the kinds.
fn step(bins: &[Bin], mixture: Mixture) -> Mixture {
    let Mixture { rates: [first, second], share, .. } = mixture;
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
    Mixture {
        rates: [rate(sums[1], sums[2]), rate(sums[3], sums[4])],
        share: (sums[0] / f64::max(count, 1.0)).clamp(0.02, 0.98),
        likelihood,
    }
}
