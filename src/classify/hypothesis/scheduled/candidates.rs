//! The periods worth a search.

use std::collections::BTreeSet;

use super::{MIN_FREE_PERIOD, ROUND_PERIODS, WallWindow};
use crate::classify::math::{median, real};

/// Common periods shorter than the span, and periods from the gaps between drops.
pub(super) fn candidate_periods(moments: &[WallWindow]) -> Vec<(f64, bool)> {
    let times: Vec<f64> = moments.iter().map(|moment| moment.hi).collect();
    let span = times.last().unwrap_or(&0.0) - times.first().unwrap_or(&0.0);
    let mut gaps: Vec<f64> = (1..=3_usize)
        .flat_map(|apart| times.iter().zip(times.iter().skip(apart)).map(|(one, other)| other - one))
        .collect();
    gaps.sort_unstable_by(f64::total_cmp);
    let mut free = Vec::new();
    for width in [1.0, 10.0, 60.0] {
        free.extend(densest_medians(&gaps, width, 4));
    }
    let step = if moments.len() <= 8 { 1 } else { (gaps.len() / 12).max(1) };
    free.extend(gaps.iter().step_by(step));
    let free: BTreeSet<u64> = free
        .iter()
        .flat_map(|gap| [1.0, 2.0, 3.0].map(|parts| gap / parts))
        .filter(|period| *period > MIN_FREE_PERIOD && *period < 1e9)
        .map(hundredths)
        .collect();
    let rounds = ROUND_PERIODS.into_iter().filter(|period| *period < span).map(|period| (period, true));
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds below 10^11")]
    let free = free.into_iter().map(|hundredths| hundredths as f64 / 100.0);
    rounds.chain(distinct(free, span).map(|period| (period, false))).collect()
}

/// Ascending periods that differ enough to put the last tick of the span elsewhere; the fit refines each.
fn distinct(periods: impl Iterator<Item = f64>, span: f64) -> impl Iterator<Item = f64> {
    /// Part of a period by which the last tick may move.
    const TOLERANCE: f64 = 0.02;
    let mut last = 0.0;
    periods.filter(move |period| {
        let cycles = (span / period).clamp(5.0, 400.0);
        let is_new = *period > last * (1.0 + TOLERANCE / cycles);
        if is_new {
            last = *period;
        }
        is_new
    })
}

/// Whether more drops share a phase than chance would put there; a quick look before the search. The window of seven bins is
/// as wide as the widest kernel.
pub(super) fn is_concentrated(moments: &[WallWindow], period: f64) -> bool {
    const BINS: usize = 50;
    const WINDOW: usize = 7;
    /// Below this many drops the search is quick.
    const FEW: usize = 25;
    if moments.len() < FEW {
        return true;
    }
    let mut bins = [0_usize; BINS];
    for moment in moments {
        let share = (f64::midpoint(moment.lo, moment.hi) / period).rem_euclid(1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to BINS")]
        let bin = (share * real(BINS)) as usize;
        if let Some(count) = bins.get_mut(bin.min(BINS - 1)) {
            *count += 1;
        }
    }
    let mut within: usize = bins.iter().take(WINDOW).sum();
    let mut most = within;
    for start in 1..BINS {
        let at = |index: usize| bins.get(index % BINS).copied().unwrap_or(0);
        within = within + at(start + WINDOW - 1) - at(start - 1);
        most = most.max(within);
    }
    let expected = real(moments.len() * WINDOW) / real(BINS);
    real(most) >= expected + 3.0 * (expected * (1.0 - real(WINDOW) / real(BINS))).sqrt()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "periods are positive and below 10^9"
)]
fn hundredths(secs: f64) -> u64 {
    (secs * 100.0).round() as u64
}

/// The medians of the densest windows of a width, over sorted values.
fn densest_medians(sorted: &[f64], width: f64, top: usize) -> Vec<f64> {
    let mut windows: Vec<(usize, usize)> = Vec::with_capacity(sorted.len());
    let mut end = 0;
    for (start, value) in sorted.iter().enumerate() {
        while sorted.get(end).is_some_and(|later| *later <= value + width) {
            end += 1;
        }
        windows.push((start, end));
    }
    windows.sort_unstable_by_key(|(start, end)| std::cmp::Reverse(end - start));
    let mut chosen: Vec<(usize, usize)> = Vec::new();
    for (start, end) in windows {
        if end - start < 2 || chosen.len() == top {
            break;
        }
        if chosen.iter().all(|(from, to)| start >= *to || end <= *from) {
            chosen.push((start, end));
        }
    }
    chosen.into_iter().filter_map(|(start, end)| median(&mut sorted.get(start..end)?.to_vec())).collect()
}
