//! Schedule: drops follow the wall clock.
//!
//! A job, a lease, a nightly reset of the line: ticks with a period and a phase, independent of the age of the
//! connection. Every tick inside a session is an opportunity.

mod candidates;
mod clock;

use std::collections::BTreeSet;

use crate::classify::case::Case;
use crate::classify::math::{ln, ln_mechanism, ln_occam, ln_window, real};
use crate::classify::{FittedParameters, ScheduleParameters};

use super::Fit;
use super::location::{Interval, Sweep};

use candidates::{candidate_periods, is_concentrated};
use clock::{ScheduleClock, WallWindow, lives, moments};

/// Common periods, in seconds.
const ROUND_PERIODS: [f64; 18] = [
    30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 900.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 14_400.0,
    21_600.0, 28_800.0, 43_200.0, 86_400.0, 604_800.0,
];
/// Kernel widths in seconds.
const WIDTHS: [f64; 14] = [0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 120.0, 240.0, 480.0];
/// Shorter uncommon periods are no schedules, in seconds.
const MIN_FREE_PERIOD: f64 = 5.0;
/// Below this period, in seconds, a schedule also resembles the timers of the client itself (pings, reconnects): it needs
/// more drops, and windows that are narrower.
const SHORT_PERIOD: f64 = 240.0;
const MIN_HITS_OF_SHORT_PERIOD: usize = 5;
/// Newest drops in the search, whose cost is drops × candidates.
const MAX_SEARCHED_DROPS: usize = 80;
/// Schedules that are fitted to all drops.
const MAX_CANDIDATES: usize = 4;
/// Least step of the wall clock that matters, in seconds.
const MIN_CLOCK_STEP: f64 = 1.0;
/// An hour, by which local time jumps.
const HOUR: f64 = 3_600.0;

/// A fitted schedule.
struct FittedSchedule {
    period: f64,
    is_round: bool,
    phase: f64,
    sigma: f64,
    evidence: f64,
    hits: Vec<usize>,
    opportunities: f64,
    follows_local_time: bool,
}

pub(super) fn fit(case: &Case) -> Fit {
    let recorded = fit_on_clock(case, ScheduleClock::Recorded);
    let Some(newest) = case.frame.sessions.last().map(|last| last.end_wall - last.end) else {
        return recorded;
    };
    let is_stepped = case.drops().any(|(_, drop)| (drop.to_wall - newest).abs() > MIN_CLOCK_STEP);
    if !is_stepped {
        return recorded;
    }
    let unstepped = fit_on_clock(case, ScheduleClock::Unstepped(newest));
    let mut best = if unstepped.log_evidence > recorded.log_evidence { unstepped } else { recorded };
    best.log_evidence -= std::f64::consts::LN_2;
    best
}

fn fit_on_clock(case: &Case, clock: ScheduleClock) -> Fit {
    let all = moments(case, clock);
    let recent = all.get(all.len().saturating_sub(MAX_SEARCHED_DROPS)..).unwrap_or_default();
    if recent.len() < 3 {
        return Fit::impossible();
    }
    let found = search_periods(case, clock, recent);
    let best = if recent.len() == all.len() {
        found.into_iter().next()
    } else {
        refit_on_all(case, clock, &all, &found)
    };
    best.map_or_else(Fit::impossible, into_fit)
}

/// The best few schedules of some drops, best first.
fn search_periods(case: &Case, clock: ScheduleClock, moments: &[WallWindow]) -> Vec<FittedSchedule> {
    let lives = lives(case, clock, moments);
    let mut found: Vec<FittedSchedule> = Vec::new();
    for (period, is_round) in candidate_periods(moments) {
        if !is_concentrated(moments, period) {
            continue;
        }
        let phases = Phases::new(moments, period);
        let period_fit = PeriodFit { case, moments, lives: &lives, period, is_round };
        found.extend(period_fit.best(phases));
        found.sort_by(|one, other| other.evidence.total_cmp(&one.evidence));
        found.truncate(MAX_CANDIDATES);
    }
    found
}

/// The best candidates of the newest drops, fitted to all drops.
fn refit_on_all(
    case: &Case,
    clock: ScheduleClock,
    all: &[WallWindow],
    found: &[FittedSchedule],
) -> Option<FittedSchedule> {
    let lives = lives(case, clock, all);
    // A schedule that explains few of the newest drops cannot explain enough of all.
    let strongest = found.iter().filter(|ticks| 4 * ticks.hits.len() >= MAX_SEARCHED_DROPS).take(2);
    let refitted = strongest.filter_map(|ticks| {
        let period_fit =
            PeriodFit { case, moments: all, lives: &lives, period: ticks.period, is_round: ticks.is_round };
        let phase = Phases::new(all, ticks.period).best(ticks.sigma)?;
        period_fit.fit(ticks.sigma, phase)
    });
    refitted.max_by(|one, other| one.evidence.total_cmp(&other.evidence))
}

fn into_fit(mut best: FittedSchedule) -> Fit {
    best.hits.sort_unstable();
    Fit {
        // The penalty for taking the best of a grid, as if a few of its widths were equally good.
        log_evidence: best.evidence - 1.3,
        hits: best.hits,
        counts_hits: true,
        opportunities: best.opportunities,
        parameters: FittedParameters::Scheduled(ScheduleParameters {
            period_secs: best.period,
            phase_secs: best.phase,
            spread_secs: best.sigma,
            follows_local_time: best.follows_local_time,
        }),
        ..Fit::default()
    }
}

/// The windows of the drops modulo one period, over two periods.
struct Phases(Sweep);

impl Phases {
    fn new(moments: &[WallWindow], period: f64) -> Self {
        let mut first: Vec<Interval> = moments
            .iter()
            .map(|moment| {
                let lo = moment.lo.rem_euclid(period);
                Interval { drop: 0, lo, hi: lo + (moment.hi - moment.lo).clamp(0.0, period) }
            })
            .collect();
        // The sweep sorts again, which costs little in this order.
        first.sort_unstable_by(|one, other| one.lo.total_cmp(&other.lo));
        let second = first.iter().map(|one| Interval { drop: 0, lo: one.lo + period, hi: one.hi + period });
        let intervals: Vec<Interval> = first.iter().copied().chain(second).collect();
        Self(Sweep::new(&intervals))
    }

    /// The phase that most windows cover.
    fn best(&mut self, sigma: f64) -> Option<f64> {
        self.0.peaks(2.25 * sigma, 1).first().map(|(_, peak)| *peak)
    }
}

/// The fit of one period.
struct PeriodFit<'a> {
    case: &'a Case<'a>,
    moments: &'a [WallWindow],
    lives: &'a [(f64, f64)],
    period: f64,
    is_round: bool,
}

impl PeriodFit<'_> {
    /// The best width.
    fn best(&self, mut phases: Phases) -> Option<FittedSchedule> {
        let most = |sigma: f64| if sigma <= 60.0 { 0.02 * self.period } else { 0.006 * self.period };
        let widths: Vec<f64> = WIDTHS
            .into_iter()
            .map(|sigma| sigma.max(self.case.frame.floor))
            .filter(|sigma| *sigma <= most(*sigma))
            .collect();
        let mut fit = |index: usize| {
            let sigma = *widths.get(index)?;
            self.fit(sigma, phases.best(sigma)?)
        };
        let better = |one: &FittedSchedule, other: &FittedSchedule| one.evidence.total_cmp(&other.evidence);
        // The evidence has one peak over the widths: every third one, then the neighbors of the best.
        let coarse = (0..widths.len()).step_by(3).filter_map(|index| Some((index, fit(index)?)));
        let (index, best) = coarse.max_by(|one, other| better(&one.1, &other.1))?;
        let near = [index.checked_sub(2), index.checked_sub(1), Some(index + 1), Some(index + 2)];
        near.into_iter().flatten().filter_map(fit).chain([best]).max_by(better)
    }

    fn fit(&self, sigma: f64, phase: f64) -> Option<FittedSchedule> {
        let (period, phase) = self.refine(sigma, phase)?;
        let mut hits: Vec<(usize, f64)> = self.hits(period, phase, sigma);
        let counts: Vec<f64> = hits.iter().map(|(_, tick)| ((tick - phase) / period).round()).collect();
        let ticks: BTreeSet<u64> = counts.iter().map(|count| count.to_bits()).collect();
        if hits.len() < self.min_hits() || ticks.len() < 3 || !self.has_sharp_windows(&hits) {
            return None;
        }
        let mut ln_prior = if hits.len() == 3 { -2.0 } else { 0.0 };
        let shifted = self.shifted_by_an_hour(period, phase, sigma, &hits);
        let follows_local_time = !shifted.is_empty();
        if follows_local_time {
            ln_prior -= ln(2.0 * real(self.moments.len()));
            hits.extend(shifted);
        }
        let count = real(hits.len());
        let opportunities = count + self.survived(period, phase, sigma);
        if !self.is_plausible(count, opportunities) {
            return None;
        }
        let (mut density, mut width) = (0.0, 0.0);
        for (index, tick) in &hits {
            let moment = self.moments.get(*index)?;
            density += ln_window(moment.lo - tick, moment.hi - tick, 0.0, sigma);
            width += moment.hi - moment.lo;
        }
        let spread = (sigma * sigma + (width / count).powi(2) / 12.0).sqrt();
        ln_prior += ln_occam(spread, count, period) + self.price_of_period(&counts, spread, count, period);
        Some(FittedSchedule {
            period,
            is_round: self.is_round,
            phase: phase.rem_euclid(period),
            sigma,
            evidence: ln_mechanism(count, opportunities)
                + density
                + self.case.ln_background(hits.len())
                + ln_prior,
            hits: hits.iter().filter_map(|(index, _)| Some(self.moments.get(*index)?.drop)).collect(),
            opportunities,
            follows_local_time,
        })
    }

    /// A schedule needs narrow windows: wide ones also fit the period of the client's own pings and reconnects.
    fn has_sharp_windows(&self, hits: &[(usize, f64)]) -> bool {
        let widest = if self.period < SHORT_PERIOD { 0.03 } else { 0.1 } * self.period;
        let is_narrow = |moment: &WallWindow| moment.hi - moment.lo <= widest;
        let sharp =
            hits.iter().filter_map(|(index, _)| self.moments.get(*index)).filter(|moment| is_narrow(moment));
        sharp.count() >= self.min_hits()
    }

    /// A period that nobody would choose, or one of seconds, is found by chance unless it explains most drops and hardly
    /// ever passes without one.
    fn is_plausible(&self, hits: f64, opportunities: f64) -> bool {
        let is_usual = self.is_round && self.period >= SHORT_PERIOD;
        is_usual || (hits >= 0.6 * real(self.moments.len()) && hits >= 0.65 * opportunities)
    }

    fn min_hits(&self) -> usize {
        match (self.period < SHORT_PERIOD, self.is_round) {
            (true, _) => MIN_HITS_OF_SHORT_PERIOD,
            (false, true) => 3,
            (false, false) => 5,
        }
    }

    fn price_of_period(&self, counts: &[f64], spread: f64, hits: f64, period: f64) -> f64 {
        if self.is_round {
            return ln(0.5 / real(ROUND_PERIODS.len()));
        }
        let mean = counts.iter().sum::<f64>() / hits;
        let scatter = (counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / hits).sqrt().max(0.5);
        ln_occam(spread / scatter, hits, period * 6.0) - std::f64::consts::LN_2
    }

    /// The period and the phase, fitted to the drops near the best covered phase.
    fn refine(&self, sigma: f64, mut phase: f64) -> Option<(f64, f64)> {
        let mut period = self.period;
        let hits = self.hits(period, phase, sigma);
        if hits.len() < 3 {
            return None;
        }
        let clipped: Vec<(f64, f64, f64)> = hits
            .iter()
            .filter_map(|(index, tick)| {
                let moment = self.moments.get(*index)?;
                let at = tick.clamp(moment.lo, moment.hi.max(moment.lo));
                Some((((tick - phase) / period).round(), at, *tick))
            })
            .collect();
        let count = real(clipped.len());
        if self.is_round {
            phase += clipped.iter().map(|(_, at, tick)| at - tick).sum::<f64>() / count;
        } else {
            let mean_k = clipped.iter().map(|(k, ..)| k).sum::<f64>() / count;
            let mean_at = clipped.iter().map(|(_, at, _)| at).sum::<f64>() / count;
            let variance: f64 = clipped.iter().map(|(k, ..)| (k - mean_k).powi(2)).sum();
            if variance > 0.0 {
                let slope =
                    clipped.iter().map(|(k, at, _)| (k - mean_k) * (at - mean_at)).sum::<f64>() / variance;
                phase = mean_at - slope * mean_k;
                period = slope;
            }
        }
        (period >= 0.8 * MIN_FREE_PERIOD).then_some((period, phase))
    }

    /// Drops near a tick, with the tick.
    fn hits(&self, period: f64, phase: f64, sigma: f64) -> Vec<(usize, f64)> {
        let reach = 3.5 * sigma;
        let near = self.moments.iter().enumerate().map(|(index, moment)| {
            let tick = phase + ((f64::midpoint(moment.lo, moment.hi) - phase) / period).round() * period;
            (index, tick, moment)
        });
        near.filter(|(_, tick, moment)| moment.hi >= tick - reach && moment.lo <= tick + reach)
            .map(|(index, tick, _)| (index, tick))
            .collect()
    }

    /// Drops that are exactly one hour off, all of them before or after the others: a schedule in local time.
    fn shifted_by_an_hour(
        &self,
        period: f64,
        phase: f64,
        sigma: f64,
        hits: &[(usize, f64)],
    ) -> Vec<(usize, f64)> {
        if !self.is_round || self.period < 7_200.0 || hits.len() == self.moments.len() {
            return Vec::new();
        }
        let is_hit: BTreeSet<usize> = hits.iter().map(|(index, _)| *index).collect();
        let (first, last) = (is_hit.first().copied().unwrap_or(0), is_hit.last().copied().unwrap_or(0));
        for jump in [HOUR, -HOUR] {
            let mut shifted = self.hits(period, phase + jump, sigma);
            shifted.retain(|(index, _)| !is_hit.contains(index));
            let before = shifted.iter().all(|(index, _)| *index < first);
            let after = shifted.iter().all(|(index, _)| *index > last);
            if shifted.len() >= 2 && (before || after) {
                return shifted;
            }
        }
        Vec::new()
    }

    /// Ticks that sessions survived. Those near the start or end of a session do not count, because jitter could count
    /// them twice.
    fn survived(&self, period: f64, phase: f64, sigma: f64) -> f64 {
        let reach = 3.5 * sigma;
        let ticks = |(start, end): &(f64, f64)| {
            let last = ((end - phase - reach) / period).floor();
            let before = ((start - phase + reach) / period).floor();
            (last - before).max(0.0)
        };
        self.lives.iter().map(ticks).sum()
    }
}
