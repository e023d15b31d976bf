//! Fits one value at which most drops happen: an age, or a length of silence.

use crate::classify::FittedParameters;
use crate::classify::case::Case;
use crate::classify::math::{
    ln, ln_limit, ln_mean_exp, ln_mechanism, ln_occam, ln_window, phi, quantile, real,
};
use crate::classify::survivors::SurvivalTable;

use super::{Fit, MIN_HIT_SHARE};

/// A value known to lie within a window, with the drop it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    pub(super) drop: usize,
    pub(super) lo: f64,
    pub(super) hi: f64,
}

impl Interval {
    /// Whether it overlaps the kernel around `center`.
    fn overlaps(&self, center: f64, sigma: f64) -> bool {
        self.hi >= center - 3.5 * sigma && self.lo <= center + 3.5 * sigma
    }
}

/// The parameters of a search for a location.
pub(super) struct Search<'a> {
    /// Common values, which hold half of the prior mass.
    pub(super) round_values: &'a [f64],
    /// Least location.
    pub(super) min: f64,
    /// The parameters of a fit, from the location and its spread.
    pub(super) parameters: fn(f64, f64) -> FittedParameters,
}

/// Logarithm of the range of a location that is not round: 1 s to 20,000 s.
const LN_RANGE: f64 = 9.9;
/// A location is considered if at least one in this many drops is near it.
const MAX_DROPS_PER_HIT: usize = 100;
/// Widest kernel, relative to the location, but at least this many seconds: a limit is a timer.
const MAX_RELATIVE_WIDTH: f64 = 0.035;
const MIN_WIDEST: f64 = 0.4;
/// Limits shorter than this are rare, in seconds, and how fast they become rarer.
const SHORT_LIMIT: f64 = 20.0;
const SHORT_LIMIT_POWER: f64 = 2.0;
/// Fewest drops, and the log prior penalty, of a limit that most sessions outlive.
const MIN_PARTIAL_HITS: usize = 4;
const PARTIAL_PENALTY: f64 = 3.0;
/// Kernel widths tried: 0.06 s × 2^k.
const WIDTHS: i32 = 15;

/// Fits "the drops happen at one value", location and width unknown. `survived` are values that sessions outlived; a
/// drop that is no hit outlived everything up to its `lo`.
pub(super) fn fit(case: &Case, values: &[Interval], survived: &SurvivalTable, search: &Search) -> Fit {
    if values.len() < 2 {
        return Fit::impossible();
    }
    let widths = widths(values, case.frame.floor);
    let mut sweep = Sweep::new(values);
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    let mut partial = f64::NEG_INFINITY;
    // With very many drops, only the best location can be the pattern.
    let places = if values.len() > 10 * MAX_DROPS_PER_HIT { 1 } else { 3 };
    for sigma in &widths {
        for (covered, place) in sweep.peaks(2.5 * sigma, places) {
            // A location that explains hardly any of very many drops is not the pattern.
            if covered * MAX_DROPS_PER_HIT < values.len() {
                break;
            }
            let Some(fit) = fit_at(case, values, survived, search, *sigma, place) else { continue };
            let hits = real(fit.hits.len());
            if place < SHORT_LIMIT && (hits < 0.85 * fit.opportunities || hits < 0.7 * real(values.len())) {
                // Short lives of any cause crowd near zero.
                continue;
            }
            if hits < MIN_HIT_SHARE * fit.opportunities {
                if place >= SHORT_LIMIT && fit.hits.len() >= MIN_PARTIAL_HITS {
                    partial = partial.max(fit.log_evidence - PARTIAL_PENALTY);
                }
                continue;
            }
            terms.push(fit.log_evidence);
            if fit.log_evidence > best.log_evidence {
                best = fit;
            }
        }
    }
    best.log_evidence = ln_mean_exp(&terms, widths.len());
    best.partial = partial.is_finite().then_some(partial);
    best
}

/// The widths worth trying: up to 3 s, or 2 % of the location.
fn widths(values: &[Interval], floor: f64) -> Vec<f64> {
    let mut upper: Vec<f64> = values.iter().map(|value| value.hi).collect();
    let typical = [0.0, 0.5, 0.75, 1.0].map(|q| quantile(&mut upper, q).unwrap_or(0.0));
    let most = typical.into_iter().fold(0.0, f64::max) * 0.02;
    let mut widths: Vec<f64> = (0..WIDTHS)
        .map(|power| 0.06 * 2f64.powi(power))
        .filter(|sigma| *sigma <= most.max(3.0))
        .map(|sigma| sigma.max(floor))
        .collect();
    widths.dedup_by(|one, other| (*one - *other).abs() < 1e-4);
    widths
}

fn fit_at(
    case: &Case,
    values: &[Interval],
    survived: &SurvivalTable,
    search: &Search,
    sigma: f64,
    place: f64,
) -> Option<Fit> {
    if place < search.min || sigma > (MAX_RELATIVE_WIDTH * place).max(MIN_WIDEST) {
        return None;
    }
    let (sum, met) = values
        .iter()
        .filter(|value| value.overlaps(place, sigma))
        .fold((0.0, 0_usize), |(sum, met), value| {
            (sum + place.clamp(value.lo, value.hi.max(value.lo)), met + 1)
        });
    if met < 2 {
        return None;
    }
    let place = sum / real(met);
    let mut fit = Fit { counts_hits: true, ..Fit::default() };
    let (mut density, mut width, mut outlived) = (0.0, 0.0, 0.0);
    for value in values {
        if value.overlaps(place, sigma) {
            fit.hits.push(value.drop);
            density += ln_window(value.lo, value.hi, place, sigma);
            width += value.hi - value.lo;
        } else {
            outlived += phi((value.lo - place) / sigma);
        }
    }
    if fit.hits.len() < 2 {
        return None;
    }
    let hits = real(fit.hits.len());
    fit.opportunities = hits + survived.outlived(place, sigma) + outlived;
    let spread = (sigma * sigma + (width / hits).powi(2) / 12.0).sqrt();
    fit.log_evidence = ln_hit_share(hits, fit.opportunities)
        + density
        + case.ln_background(fit.hits.len())
        + ln_location_prior(place, spread, sigma, hits, search.round_values)
        + ln_short_limit(place);
    fit.parameters = (search.parameters)(place, sigma);
    Some(fit)
}

/// Log likelihood of the share of opportunities that ended a session. What most sessions survive is no limit, but may be
/// a regularity.
fn ln_hit_share(hits: f64, opportunities: f64) -> f64 {
    if hits < MIN_HIT_SHARE * opportunities {
        ln_mechanism(hits, opportunities)
    } else {
        ln_limit(hits, opportunities)
    }
}

/// Log prior penalty of a limit below what timers of brokers, proxies and NATs usually are.
pub(super) fn ln_short_limit(place: f64) -> f64 {
    (SHORT_LIMIT_POWER * ln(place / SHORT_LIMIT)).min(0.0)
}

/// Log prior of the fitted location: half of the prior mass is on common values.
fn ln_location_prior(place: f64, spread: f64, sigma: f64, hits: f64, rounds: &[f64]) -> f64 {
    let free = ln_occam(spread, hits, place * LN_RANGE) - std::f64::consts::LN_2;
    rounds
        .iter()
        .filter(|round| (place - **round).abs() < (2.5 * sigma / hits.sqrt()).max(0.003 * **round + 1.0))
        .map(|round| ln(0.5 / real(rounds.len())) + ln_occam(spread, hits, 0.006 * round + 2.0))
        .fold(free, f64::max)
}

/// Finds the points that most widened intervals cover.
pub(super) struct Sweep {
    /// Lower ends ascending, and upper ends ascending, each with the index of its interval.
    starts: Vec<(f64, usize)>,
    ends: Vec<(f64, usize)>,
    is_removed: Vec<bool>,
}

impl Sweep {
    pub(super) fn new(values: &[Interval]) -> Self {
        let sorted = |end: fn(&Interval) -> f64| {
            let mut ends: Vec<(f64, usize)> =
                values.iter().enumerate().map(|(index, value)| (end(value), index)).collect();
            ends.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
            ends
        };
        Self {
            starts: sorted(|value| value.lo),
            ends: sorted(|value| value.hi),
            is_removed: vec![false; values.len()],
        }
    }

    /// The `top` best points and how many intervals cover each, each without the intervals around the points before. Every
    /// interval is widened by `margin` on both sides.
    pub(super) fn peaks(&mut self, margin: f64, top: usize) -> Vec<(usize, f64)> {
        let mut peaks = Vec::with_capacity(top);
        self.is_removed.fill(false);
        while peaks.len() < top {
            let Some((covered, peak)) = self.peak(margin) else { break };
            peaks.push((covered, peak));
            if peaks.len() < top {
                self.remove(peak, margin);
            }
        }
        peaks
    }

    fn peak(&self, margin: f64) -> Option<(usize, f64)> {
        let is_present = |index: usize| !self.is_removed.get(index).copied().unwrap_or(true);
        let (mut passed_ends, mut covering, mut most) = (0_usize, 0_usize, 1_usize);
        // Position of the start at which most intervals overlap, and how many ends came before it.
        let mut best: Option<(usize, usize)> = None;
        for (position, (start, index)) in self.starts.iter().enumerate() {
            if !is_present(*index) {
                continue;
            }
            let start = start - margin;
            while let Some((end, index)) = self.ends.get(passed_ends) {
                let is_present = is_present(*index);
                if is_present && end + margin >= start {
                    break;
                }
                covering = covering.saturating_sub(usize::from(is_present));
                passed_ends += 1;
            }
            covering += 1;
            if covering > most {
                most = covering;
                best = Some((position, passed_ends));
            }
        }
        let (position, passed_ends) = best?;
        let present = |(value, index): &(f64, usize)| is_present(*index).then_some(*value);
        let start = self.starts.get(position)?.0 - margin;
        let next = self.starts.iter().skip(position + 1).find_map(present);
        let end = self.ends.iter().skip(passed_ends).find_map(present);
        let next = next.map_or(f64::INFINITY, |next| next - margin);
        let peak = f64::midpoint(start, next.min(end.map_or(f64::INFINITY, |end| end + margin)));
        peak.is_finite().then_some((most, peak))
    }

    fn remove(&mut self, peak: f64, margin: f64) {
        let starts_before = self.starts.partition_point(|(lo, _)| lo - margin <= peak);
        let mut contains_peak = vec![false; self.is_removed.len()];
        for (_, index) in self.starts.iter().take(starts_before) {
            if let Some(flag) = contains_peak.get_mut(*index) {
                *flag = true;
            }
        }
        let ends_before = self.ends.partition_point(|(hi, _)| hi + margin < peak);
        for (_, index) in self.ends.iter().skip(ends_before) {
            if let (Some(true), Some(flag)) = (contains_peak.get(*index), self.is_removed.get_mut(*index)) {
                *flag = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(values: &[f64]) -> Vec<Interval> {
        values.iter().enumerate().map(|(drop, value)| Interval { drop, lo: *value, hi: *value }).collect()
    }

    #[test]
    fn the_sweep_finds_the_densest_places_in_order() {
        let values = points(&[100.0, 100.2, 100.1, 50.0, 50.3, 7.0]);
        let peaks = Sweep::new(&values).peaks(0.5, 3);
        assert_eq!(peaks.len(), 2);
        assert!(
            (peaks[0].1 - 100.1).abs() < 0.6 && (peaks[1].1 - 50.15).abs() < 0.6 && peaks[0].0 == 3,
            "{peaks:?}"
        );
    }

    #[test]
    fn a_wide_window_covers_every_value_inside_it() {
        let mut values = points(&[100.0, 100.2]);
        values.push(Interval { drop: 2, lo: 40.0, hi: 160.0 });
        let peaks = Sweep::new(&values).peaks(0.5, 1);
        assert!((peaks[0].1 - 100.1).abs() < 0.6);
    }
}
