//! System event: something on this computer or its network ends the session.
//!
//! A roam, a new lease, a changed route, a suspend: each kind of event is an anchor of its own, and each occurrence while
//! connected an opportunity. Frequent harmless events reduce their own evidence.

use std::collections::BTreeMap;

use crate::classify::case::Case;
use crate::classify::math::{ln_mean_exp, ln_mechanism, ln_occam, ln_sum_exp, ln_window, real};
use crate::classify::{DelayParameters, FittedParameters};

use super::Fit;
use super::location::{Interval, Sweep};

/// The death follows the event within this, in seconds.
const REACH: f64 = 15.0;
/// An event may be recorded this long after the drop it caused, in seconds.
const MAX_LOG_DELAY: f64 = 0.5;
/// Kernel widths in seconds.
const WIDTHS: [f64; 3] = [0.12, 0.5, 2.0];
/// Least log Bayes factor of a further kind of event.
const NOTABLE: f64 = 2.0;

/// One kind of event.
struct EventKindFit {
    evidence: f64,
    hits: Vec<usize>,
    opportunities: f64,
    delay: f64,
    name: u32,
}

pub(super) fn fit(case: &Case) -> Fit {
    let mut moments: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (at, name) in &case.frame.log.system_events {
        moments.entry(*name).or_default().push(*at);
    }
    let names = real(moments.len().max(1)).ln();
    let kinds: Vec<EventKindFit> =
        moments.iter().filter_map(|(name, at)| fit_event_kind(case, *name, at)).collect();
    let Some(best) = kinds.iter().max_by(|one, other| one.evidence.total_cmp(&other.evidence)) else {
        return Fit::impossible();
    };
    // Several kinds of event may end sessions together.
    let mut hits: Vec<usize> = kinds
        .iter()
        .filter(|kind| kind.name == best.name || kind.evidence - case.null - names > NOTABLE)
        .flat_map(|kind| kind.hits.iter().copied())
        .collect();
    hits.sort_unstable();
    hits.dedup();
    let evidence: Vec<f64> = kinds.iter().map(|kind| kind.evidence).collect();
    Fit {
        log_evidence: ln_sum_exp(&evidence) - names,
        counts_hits: true,
        opportunities: best.opportunities.max(real(hits.len())),
        hits,
        parameters: FittedParameters::SystemEvent(DelayParameters { delay_secs: best.delay }),
        label: Some(case.frame.log.system_names.name_of(best.name).to_owned()),
        ..Fit::default()
    }
}

fn fit_event_kind(case: &Case, name: u32, moments: &[f64]) -> Option<EventKindFit> {
    let (delays, opportunities) = delays(case, moments);
    if delays.len() < 2 {
        return None;
    }
    // The location is searched within the time after the event; the density covers the whole window.
    let reachable: Vec<Interval> = delays
        .iter()
        .map(|delay| Interval { lo: if delay.hi > 0.0 { delay.lo.max(0.0) } else { delay.hi }, ..*delay })
        .collect();
    let mut sweep = Sweep::new(&reachable);
    let mut terms = Vec::new();
    let mut best: Option<EventKindFit> = None;
    for sigma in WIDTHS.map(|sigma| sigma.max(case.frame.floor)) {
        let Some(center) =
            sweep.peaks(2.5 * sigma, 1).first().map(|(_, peak)| *peak).filter(|center| *center >= -1.0)
        else {
            continue;
        };
        let is_hit = |delay: &&Interval| delay.hi >= center - 3.5 * sigma && delay.lo <= center + 3.5 * sigma;
        let hits: Vec<&Interval> = delays.iter().filter(is_hit).collect();
        if hits.len() < 2 {
            continue;
        }
        let count = real(hits.len());
        let density: f64 = hits.iter().map(|delay| ln_window(delay.lo, delay.hi, center, sigma)).sum();
        let evidence = ln_mechanism(count, opportunities)
            + case.ln_background(hits.len())
            + density
            + ln_occam(sigma, count, REACH);
        terms.push(evidence);
        if best.as_ref().is_none_or(|best| evidence > best.evidence) {
            let mut hits: Vec<usize> = hits.iter().map(|delay| delay.drop).collect();
            hits.sort_unstable();
            best = Some(EventKindFit { evidence, hits, opportunities, delay: center, name });
        }
    }
    let mut best = best?;
    best.evidence = ln_mean_exp(&terms, WIDTHS.len());
    Some(best)
}

/// The delays from each event to the death of its session, and the number of opportunities. Several events in one
/// session before one drop count once.
fn delays(case: &Case, moments: &[f64]) -> (Vec<Interval>, f64) {
    let sessions = &case.frame.sessions;
    let mut delays: Vec<Interval> = Vec::new();
    let mut opportunities = 0_usize;
    for at in moments {
        let after = sessions.partition_point(|session| session.start <= *at);
        let Some(index) = after.checked_sub(1) else { continue };
        if sessions.get(index).is_none_or(|session| session.end + MAX_LOG_DELAY < *at) {
            continue;
        }
        let drop = case.drop_of_session(index);
        if drop.is_some_and(|drop| delays.last().is_some_and(|last| last.drop == drop)) {
            continue;
        }
        opportunities += 1;
        let Some((drop, death)) = drop.and_then(|drop| Some((drop, case.frame.drops.get(drop)?))) else {
            continue;
        };
        if death.lo - at <= REACH && death.hi >= at - 0.5 {
            delays.push(Interval { drop, lo: death.lo - at, hi: death.hi - at });
        }
    }
    (delays, real(opportunities))
}
