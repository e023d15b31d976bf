//! An idle limit that holds for part of the day only, for example while the table of a NAT is full.

use crate::classify::case::Case;
use crate::classify::hypothesis::{Fit, MIN_HIT_SHARE};
use crate::classify::math::{ln_limit, ln_mean_exp, real};
use crate::classify::silences::SilenceKind;
use crate::classify::{ActiveHours, FittedParameters, IdleTimeoutParameters};

use super::{DAY, FatalSilence};

/// Limits tried.
const LIMITS: usize = 8;
/// Fewest drops, and fewest days on which they came.
const MIN_HITS: usize = 4;
const MIN_DAYS: usize = 2;
/// Longest part of a day, in hours.
const MAX_HOURS: f64 = 14.0;
/// Least number of longer silences that were survived at other hours.
const MIN_CONTRAST: f64 = 3.0;
/// Logarithm of the number of parts of a day, by whole hours.
const LN_PARTS: f64 = 5.7;

/// Survived silences by length and hour of the day, with their number.
struct SurvivedByHour(Vec<(f64, f64, f64)>);

impl SurvivedByHour {
    fn of(case: &Case) -> Self {
        let frame = case.frame;
        let to_wall = frame.drops.first().map_or(0.0, |drop| drop.to_wall);
        let mut silences = Vec::new();
        frame.log.silences.for_each(SilenceKind::Either, &frame.times, &mut |at, length, count| {
            #[expect(clippy::cast_precision_loss, reason = "counts of silences")]
            silences.push((length, (at + to_wall).rem_euclid(DAY) / 3_600.0, count as f64));
        });
        Self(silences)
    }

    /// Silences above a limit, inside and outside of the hours.
    fn above(&self, limit: f64, hours: ActiveHours) -> (f64, f64) {
        let mut counts = (0.0, 0.0);
        for (_, hour, count) in self.0.iter().filter(|(length, ..)| *length > limit) {
            if hours.contains(*hour) { counts.0 += count } else { counts.1 += count }
        }
        counts
    }
}

pub(super) fn fit(case: &Case, silences: &[FatalSilence]) -> Fit {
    if silences.len() < MIN_HITS || case.frame.times.end - case.frame.times.start < DAY {
        return Fit::impossible();
    }
    let survived = SurvivedByHour::of(case);
    let step = (silences.len() / LIMITS).max(1);
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    for candidate in silences.iter().step_by(step) {
        let limit = 0.98 * candidate.silence - 0.5 - case.frame.lateness;
        let hits: Vec<&FatalSilence> = silences.iter().filter(|one| one.silence > limit).collect();
        let Some(fit) = fit_limit(case, limit, &hits, &survived) else { continue };
        terms.push(fit.log_evidence);
        if fit.log_evidence > best.log_evidence {
            best = fit;
        }
    }
    best.log_evidence = ln_mean_exp(&terms, terms.len()) - LN_PARTS;
    best
}

fn fit_limit(case: &Case, limit: f64, hits: &[&FatalSilence], survived: &SurvivedByHour) -> Option<Fit> {
    let mut days: Vec<i64> = hits
        .iter()
        .map(|hit| {
            #[expect(clippy::cast_possible_truncation, reason = "days of this century")]
            let day = hit.day as i64;
            day
        })
        .collect();
    days.sort_unstable();
    days.dedup();
    if hits.len() < MIN_HITS || days.len() < MIN_DAYS {
        return None;
    }
    let hours = ActiveHours::around(hits.iter().map(|hit| hit.hour))?;
    let (inside, outside) = survived.above(limit, hours);
    let count = real(hits.len());
    if hours.length() > MAX_HOURS || outside < MIN_CONTRAST || count < MIN_HIT_SHARE * (count + inside) {
        return None;
    }
    let mut drops: Vec<usize> = hits.iter().map(|hit| hit.drop).collect();
    drops.sort_unstable();
    let shortest = hits.iter().map(|hit| hit.silence).fold(f64::INFINITY, f64::min);
    Some(Fit {
        log_evidence: ln_limit(count, count + inside)
            + case.ln_background(hits.len())
            + hits.iter().map(|hit| hit.density).sum::<f64>(),
        hits: drops,
        counts_hits: true,
        opportunities: count + inside,
        parameters: FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs: shortest,
            longest_survived_silence_secs: case.frame.survived.neighbors(limit).0,
            hours: Some(hours),
        }),
        ..Fit::default()
    })
}
