//! Regimes: the cause may change while the recording goes on.
//!
//! A router is replaced, the network changes, one fault is repaired and another begins. The recording is split where two
//! parts with their own causes explain it better than one, and the verdict is that of the current part.

use super::{Posterior, compute_posterior};
use crate::classify::case::{Frame, RecordedSessions};
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln, real};
use crate::classify::session::{EndKind, Session};

/// Fewest drops of a recording that is searched for changes.
const MIN_DROPS: usize = 6;
/// Most drops of a recording that is searched for changes: the search costs several verdicts.
const MAX_SEARCHED_DROPS: usize = 1_500;
/// Fewest drops of a part that has a verdict of its own.
pub(in crate::classify) const MIN_PART_DROPS: usize = 3;
/// Least log Bayes factor of a change.
const MIN_GAIN: f64 = 5.0;
/// Log prior penalty of a change at a moment when the configuration changed, and of one at any moment.
const KNOWN_CHANGE_PENALTY: f64 = 1.5;
const FOUND_CHANGE_PENALTY: f64 = 2.5;
/// Most probability of a pattern since a change that nothing in the recording accompanies.
const MAX_AFTER_FOUND_CHANGE: f64 = 0.89;
/// Least share of the time that each part takes. Shorter ones are bursts.
const MIN_PART_TIME: f64 = 0.1;
/// Known changes tried, the newest first.
const MAX_KNOWN_CHANGES: usize = 3;
/// Least share of the drops, and of the opportunities, that an answer explains which needs no change.
const SATISFYING_SHARE: f64 = 0.93;

/// The verdict of the current part, and of the part before.
pub(in crate::classify) struct Regimes<'a> {
    /// The frame of the verdict.
    pub(in crate::classify) frame: Frame<'a>,
    /// Its posterior.
    pub(in crate::classify) posterior: Posterior,
    /// The part before, if the cause changed since.
    pub(in crate::classify) earlier: Option<(Frame<'a>, Posterior)>,
    /// The first session after the verdict's part, where that has too few drops for a verdict of its own.
    pub(in crate::classify) calm_from: Option<usize>,
}

/// Weighs the recording as a whole and in two parts.
pub(in crate::classify) fn compute_regimes<'a>(history: &RecordedSessions<'a>) -> Regimes<'a> {
    let frame = history.whole();
    let posterior = compute_posterior(&frame);
    let whole = Regimes { frame, posterior, earlier: None, calm_from: None };
    let is_searched = (MIN_DROPS..=MAX_SEARCHED_DROPS).contains(&whole.frame.drops.len());
    if !is_searched || is_satisfying(&whole) {
        return whole;
    }
    let whole_evidence = whole.posterior.evidence;
    let sessions = history.sessions().len();
    let best = candidates(history, misfit_change(&whole))
        .into_iter()
        .map(|change| {
            let parts =
                evidence(&history.frame(0..change.at)) + evidence(&history.frame(change.at..sessions));
            (change, parts - whole_evidence - change.penalty)
        })
        .filter(|(_, gain)| *gain > MIN_GAIN)
        .max_by(|one, other| one.1.total_cmp(&other.1));
    let Some((RegimeChange { at, is_known, .. }, _)) = best else { return whole };
    let (before, after) = (history.frame(0..at), history.frame(at..sessions));
    let earlier = compute_posterior(&before);
    if after.drops.len() < MIN_PART_DROPS {
        return Regimes { frame: before, posterior: earlier, earlier: None, calm_from: Some(at) };
    }
    let mut posterior = compute_posterior(&after);
    if !is_known {
        posterior.limit_confidence(MAX_AFTER_FOUND_CHANGE);
    }
    let earlier = (before.drops.len() >= MIN_PART_DROPS).then_some((before, earlier));
    Regimes { frame: after, posterior, earlier, calm_from: None }
}

/// Log marginal likelihood of a part.
fn evidence(frame: &Frame) -> f64 {
    compute_posterior(frame).evidence
}

/// Whether one mechanism explains nearly all drops, the newest included, and hardly ever failed to strike.
fn is_satisfying(whole: &Regimes) -> bool {
    let posterior = &whole.posterior;
    let Some(fit) = posterior.fits.get(&posterior.pattern).filter(|fit| fit.counts_hits) else {
        return false;
    };
    let hits = real(fit.hits.len());
    let drops = whole.frame.drops.len();
    // A cause that explains none of the newest drops is over.
    let newest = drops.saturating_sub(MIN_PART_DROPS);
    let is_current = fit.hits.last().is_some_and(|last| *last >= newest);
    is_current && hits >= SATISFYING_SHARE * real(drops) && hits >= SATISFYING_SHARE * fit.opportunities
}

/// The session of the drop from which on the answer explains another share of the drops than before.
fn misfit_change(whole: &Regimes) -> Option<usize> {
    let posterior = &whole.posterior;
    let fit = posterior.fits.get(&posterior.pattern).filter(|fit| fit.counts_hits)?;
    let (all, drops) = (real(fit.hits.len()), whole.frame.drops.len());
    let ln_binomial = |hits: f64, count: f64| {
        let share = hits / count;
        hits * ln(share) + (count - hits) * ln(1.0 - share)
    };
    let mut before = 0_usize;
    let mut best: Option<(f64, usize)> = None;
    for index in 1..drops {
        before += usize::from(fit.hits.binary_search(&(index - 1)).is_ok());
        let (hits, count) = (real(before), real(index));
        let value = ln_binomial(hits, count) + ln_binomial(all - hits, real(drops) - count);
        if best.is_none_or(|(most, _)| value > most) {
            best = Some((value, index));
        }
    }
    let (_, index) = best?;
    Some(whole.frame.drops.get(index)?.session)
}

/// A possible change.
#[derive(Clone, Copy)]
struct RegimeChange {
    /// The first session after it.
    at: usize,
    /// Log prior penalty.
    penalty: f64,
    /// Whether this client moved to another network there. (A keep-alive changes no network: one limit holds for all.)
    is_known: bool,
}

/// The possible changes.
fn candidates(history: &RecordedSessions, misfit: Option<usize>) -> Vec<RegimeChange> {
    let sessions = history.sessions();
    let pairs = sessions.iter().zip(sessions.iter().skip(1)).enumerate();
    let known: Vec<usize> = pairs
        .filter(|(_, (before, after))| after.is_in_another_network(before))
        .map(|(index, _)| index + 1)
        .collect();
    let penalty = KNOWN_CHANGE_PENALTY + real(known.len() + 1).ln();
    let known = known.into_iter().rev().take(MAX_KNOWN_CHANGES);
    let mut candidates: Vec<RegimeChange> =
        known.map(|at| RegimeChange { at, penalty, is_known: true }).collect();
    let found_penalty = FOUND_CHANGE_PENALTY + real(sessions.len()).ln();
    let found = strongest_change(history.drops()).into_iter().chain(misfit);
    for at in found.filter(|at| takes_its_time(sessions, *at)) {
        if !candidates.iter().any(|known| known.at == at) {
            candidates.push(RegimeChange { at, penalty: found_penalty, is_known: false });
        }
    }
    candidates
}

/// Whether both parts take a good share of the time.
fn takes_its_time(sessions: &[&Session], at: usize) -> bool {
    let (Some(first), Some(last), Some(change)) = (sessions.first(), sessions.last(), sessions.get(at))
    else {
        return false;
    };
    let shortest = MIN_PART_TIME * (last.end - first.start);
    change.start - first.start >= shortest && last.end - change.start >= shortest
}

/// Sums over the drops up to one: kinds of end, logarithms of the ages and their squares.
#[derive(Clone, Copy, Default)]
struct Sums {
    kinds: [f64; 4],
    ages: f64,
    squares: f64,
    count: f64,
}

impl Sums {
    fn with(mut self, drop: &DeathWindow) -> Self {
        let [clean, reset, silent, local] = &mut self.kinds;
        *match drop.kind {
            EndKind::Clean => clean,
            EndKind::Reset => reset,
            EndKind::Silent => silent,
            EndKind::Local => local,
        } += 1.0;
        let age = ln((drop.detected - drop.start).max(0.5));
        self.ages += age;
        self.squares += age * age;
        self.count += 1.0;
        self
    }

    fn minus(&self, other: &Self) -> Self {
        let mut kinds = self.kinds;
        for (kind, others) in kinds.iter_mut().zip(other.kinds) {
            *kind -= others;
        }
        Self {
            kinds,
            ages: self.ages - other.ages,
            squares: self.squares - other.squares,
            count: self.count - other.count,
        }
    }

    /// Greatest log likelihood of the kinds of end and of log-normal ages.
    fn ln_likelihood(&self) -> f64 {
        let kinds: f64 =
            self.kinds.iter().filter(|count| **count > 0.0).map(|count| count * ln(count / self.count)).sum();
        let mean = self.ages / self.count;
        let variance = (self.squares / self.count - mean * mean).max(1e-4);
        kinds - 0.5 * self.count * ln(variance)
    }
}

/// The session with which the kinds of end and the ages change most.
fn strongest_change(drops: &[DeathWindow]) -> Option<usize> {
    let mut sum = Sums::default();
    let sums: Vec<Sums> = drops
        .iter()
        .map(|drop| {
            sum = sum.with(drop);
            sum
        })
        .collect();
    let all = *sums.last()?;
    let parts = sums.iter().zip(drops.iter().skip(1)).skip(1).take(drops.len().saturating_sub(3));
    parts
        .map(|(before, next)| (next.session, before.ln_likelihood() + all.minus(before).ln_likelihood()))
        .max_by(|one, other| one.1.total_cmp(&other.1))
        .map(|(session, _)| session)
}
