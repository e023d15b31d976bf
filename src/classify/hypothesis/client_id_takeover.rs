//! Does another client with the same client id push this one out?
//!
//! Short sessions right after each reconnect, closed by the peer: the rival comes back after its own backoff.
//! Each session is an opportunity. MQTT 5 says it outright.

use crate::classify::case::Case;
use crate::classify::drops::Drop;
use crate::classify::math::{ln_beta_binomial, ln_mean_exp, ln_normal, real};
use crate::classify::session::Kind;

use super::{Fit, reason};

/// MQTT 5: session taken over.
const TAKEN_OVER: u8 = 0x8E;
/// Median lives under a rival, in seconds; the last three are a rival that backs off.
const MEDIANS: [f64; 12] = [0.5, 0.8, 1.2, 2.0, 3.0, 4.5, 7.0, 11.0, 16.0, 25.0, 45.0, 80.0];
/// Spreads of the logarithm of the life.
const SPREADS: [f64; 4] = [0.25, 0.4, 0.6, 0.9];
/// A rival that backs off is rarer.
const BACKED_OFF: f64 = 1.5;

/// One life that the peer ended.
struct Life {
    drop: usize,
    age: f64,
}

/// Weighs a takeover; a mixture of short and long lives that the peer ended speaks for it rather than for
/// bursts.
pub(super) fn fit(case: &Case, bursty: &mut Fit) -> Fit {
    let mut fit = short_lives(case);
    share_with_bursts(case, &mut fit, bursty);
    fit.log_evidence -= probes_lost(case);
    let closed = real(case.drops().filter(|(_, drop)| drop.kind == Kind::Clean).count());
    let politely =
        ln_beta_binomial(closed, case.n(), 20.0, 1.0) - ln_beta_binomial(closed, case.n(), 1.0, 1.0);
    fit.log_evidence += politely.min(0.0);
    if let Some((factor, coded)) = reason::says(case, &[TAKEN_OVER])
        && factor > 0.0
    {
        fit.log_evidence = fit.log_evidence.max(case.null) + factor;
        fit.opportunities = fit.opportunities.max(real(coded.len()));
        fit.hits = coded;
        fit.parameters.push(("named_by_the_broker", 1.0));
    }
    fit
}

fn short_lives(case: &Case) -> Fit {
    let lives: Vec<Life> = case
        .drops()
        .filter(|(_, drop)| drop.known && matches!(drop.kind, Kind::Clean | Kind::Reset))
        .map(|(index, drop)| Life { drop: index, age: drop.detected - drop.start })
        .filter(|life| life.age > 0.0)
        .collect();
    let sessions = real(case.frame.sessions.len());
    let mut terms = Vec::new();
    let mut best: Option<(f64, f64)> = None;
    for median in MEDIANS {
        for spread in SPREADS {
            let most = (4.0 * median).max(30.0);
            let is_hit = |life: &&Life| life.age < most && (life.age / median).ln().abs() <= 3.0 * spread;
            let (mut hits, mut density) = (0_usize, 0.0);
            for life in lives.iter().filter(is_hit) {
                hits += 1;
                density += ln_normal((life.age / median).ln(), spread) - life.age.ln();
            }
            if hits < 2 {
                continue;
            }
            let price = if median > 20.0 { BACKED_OFF } else { 0.0 };
            let evidence =
                ln_beta_binomial(real(hits), sessions, 2.0, 1.0) + case.rest(hits) + density - price;
            terms.push(evidence);
            if best.is_none_or(|(most, _)| evidence > most) {
                best = Some((evidence, median));
            }
        }
    }
    let Some((_, median)) = best else { return Fit::impossible() };
    let most = if median > 16.0 { 4.0 * median } else { 20.0 };
    Fit {
        log_evidence: ln_mean_exp(&terms, MEDIANS.len() * SPREADS.len()),
        hits: lives.iter().filter(|life| life.age < most).map(|life| life.drop).collect(),
        counts_hits: true,
        opportunities: sessions,
        parameters: vec![("typical_life_secs", median)],
        label: None,
    }
}

fn share_with_bursts(case: &Case, fit: &mut Fit, bursty: &mut Fit) {
    let Some(short) = bursty.parameter("short_life_secs").filter(|short| *short < 10.0) else { return };
    let by_peer = case.drops().filter(|(_, drop)| matches!(drop.kind, Kind::Clean | Kind::Reset)).count();
    if real(by_peer) < 0.7 * case.n() {
        return;
    }
    // A network that flaps rarely closes politely.
    let closed = case.drops().filter(|(_, drop)| drop.kind == Kind::Clean).count();
    let is_polite = real(closed) >= 0.9 * case.n();
    let (less, rival) = if short < 5.0 || is_polite { (1.0, 4.0) } else { (2.5, 1.5) };
    if bursty.log_evidence - less > fit.log_evidence {
        fit.log_evidence = bursty.log_evidence - less;
        let long = bursty.parameter("long_life_secs").unwrap_or(short);
        let is_short = |drop: &Drop| {
            matches!(drop.kind, Kind::Clean | Kind::Reset)
                && drop.detected - drop.start < (short * long).sqrt()
        };
        fit.hits =
            case.drops().filter(|(_, drop)| drop.known && is_short(drop)).map(|(index, _)| index).collect();
        fit.opportunities = real(case.frame.sessions.len());
        fit.parameters = vec![("typical_life_secs", short)];
    }
    bursty.log_evidence -= rival;
}

/// Flapping networks also lose probes; a takeover does not.
fn probes_lost(case: &Case) -> f64 {
    if case.frame.log.failed_probes.is_empty() {
        return 0.0;
    }
    let (mut short, mut lost) = (0_usize, 0_usize);
    for (_, drop) in case.drops().filter(|(_, drop)| drop.known && drop.detected - drop.start < 60.0) {
        short += 1;
        lost += usize::from(case.frame.probe_failed(drop.detected - 5.0, drop.detected + 10.0));
    }
    (1.6 * (real(lost) - 0.05 * real(short)).max(0.0)).min(8.0)
}
