//! Keep-alive timeout: the broker received nothing from this client for 1.5 keep-alives (MQTT 3.1.1 §3.1.2.10).
//!
//! The client did not send, for example because it stalled. A missing PINGRESP is detection, not a cause; it counts
//! only where silent drops prevail and everything else worked.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln, ln_mean_exp, ln_mechanism, ln_normal, ln_occam, ln_sum_exp, median, real};
use crate::classify::reason_code::KEEP_ALIVE_TIMEOUT;
use crate::classify::session::{EndKind, Session};
use crate::classify::{FittedParameters, KeepAliveParameters};

use super::{Fit, reason};

/// Kernel widths in seconds.
const WIDTHS: [f64; 6] = [0.06, 0.12, 0.25, 0.5, 1.0, 2.0];
/// Widest kernel, in keep-alives.
const MAX_WIDTH_SHARE: f64 = 0.1;
/// Plausible ping timeouts of clients, in seconds.
const PLAUSIBLE_PING_TIMEOUTS: std::ops::Range<f64> = 0.0..95.0;
/// Least share of silent drops for the client's side.
const MIN_SILENT_SHARE: f64 = 0.38;

/// One drop that was not silent.
struct AnsweredDrop {
    drop: usize,
    /// Time without an outgoing packet before the one that the close answered (or before the close), in seconds.
    silence: f64,
    /// Time without an outgoing packet before the end, beyond 1.5 keep-alives, in seconds.
    excess: f64,
    keep_alive: f64,
    /// From the last outgoing packet to the end in seconds, if one closely preceded it.
    answered: Option<f64>,
}

pub(super) fn fit(case: &Case) -> Fit {
    // The silences between messages that were only counted are not known.
    if case.frame.log.aggregated > case.frame.log.single {
        return Fit::impossible();
    }
    let mut fit = server_side(case);
    if let Some((factor, hits)) = reason::reason_code_factor(case, &[KEEP_ALIVE_TIMEOUT])
        && factor > 0.0
    {
        fit.log_evidence = fit.log_evidence.max(case.null) + factor.min(6.0);
        if fit.hits.len() < hits.len() {
            fit.opportunities = fit.opportunities.max(real(hits.len()));
            fit.hits = hits;
        }
        let silence_in_keep_alives = match fit.parameters {
            FittedParameters::KeepAliveTimeout(KeepAliveParameters::ClosedByBroker {
                silence_in_keep_alives,
                ..
            }) => silence_in_keep_alives,
            _ => None,
        };
        fit.parameters = closed_by_broker(silence_in_keep_alives, true);
    }
    let client = client_side(case);
    if client.log_evidence > fit.log_evidence { client } else { fit }
}

/// The server closes after 1.5 keep-alives without a packet.
fn server_side(case: &Case) -> Fit {
    let drops: Vec<AnsweredDrop> =
        case.drops().filter_map(|(index, drop)| answered_drop(case, index, drop)).collect();
    let mut widths: Vec<f64> = WIDTHS.map(|sigma| sigma.max(case.frame.floor)).to_vec();
    widths.dedup_by(|one, other| (*one - *other).abs() < 1e-4);
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    for sigma in widths.iter().copied() {
        let reach = 3.5 * sigma;
        // A kernel that reaches the pings of a healthy client is no evidence.
        let is_hit = |one: &&AnsweredDrop| {
            sigma <= MAX_WIDTH_SHARE * one.keep_alive
                && one.excess > 0.1 - reach
                && one.silence > 1.5 * one.keep_alive - reach
        };
        let hits: Vec<&AnsweredDrop> = drops.iter().filter(is_hit).collect();
        if hits.len() < 2 {
            continue;
        }
        let count = real(hits.len());
        let opportunities = count + case.frame.survived_excess.outlived(sigma);
        let evidence = ln_mechanism(count, opportunities)
            + case.ln_background(hits.len())
            + density(&hits, sigma)
            + ln_occam(sigma, count, 2.0);
        terms.push(evidence);
        if evidence > best.log_evidence {
            let mean =
                hits.iter().map(|one| (one.excess + 1.5 * one.keep_alive) / one.keep_alive).sum::<f64>();
            best = Fit {
                log_evidence: evidence,
                hits: hits.iter().map(|one| one.drop).collect(),
                counts_hits: true,
                opportunities,
                parameters: closed_by_broker(Some(mean / count), false),
                ..Fit::default()
            };
        }
    }
    best.log_evidence = ln_mean_exp(&terms, WIDTHS.len());
    best
}

fn closed_by_broker(silence_in_keep_alives: Option<f64>, is_named_by_broker: bool) -> FittedParameters {
    FittedParameters::KeepAliveTimeout(KeepAliveParameters::ClosedByBroker {
        silence_in_keep_alives,
        is_named_by_broker,
    })
}

fn answered_drop(case: &Case, index: usize, drop: &DeathWindow) -> Option<AnsweredDrop> {
    if drop.kind == EndKind::Silent || !drop.keep_alive.is_finite() || !drop.is_activity_known {
        return None;
    }
    let ending = case.frame.session_ending(drop)?;
    let unanswered_at = drop.tx.map_or(f64::INFINITY, |tx| tx - 0.05);
    let mut last = ending
        .packets
        .iter()
        .rev()
        .find(|packet| packet.is_outgoing && packet.at < unanswered_at)
        .map_or(drop.start, |packet| packet.at);
    if let (None, Some(reported)) = (drop.tx, ending.last_tx) {
        last = last.max(drop.detected - reported);
    }
    // A client that slept missed its pings because of that.
    if case.frame.slept_between(last, drop.detected) {
        return None;
    }
    let to = drop.tx.unwrap_or(drop.detected);
    Some(AnsweredDrop {
        drop: index,
        silence: to - last,
        excess: drop.detected - last - 1.5 * drop.keep_alive,
        keep_alive: drop.keep_alive,
        answered: drop.tx.map(|tx| (drop.detected - tx).max(0.0)),
    })
}

/// Either the server closed on time, or the client detected it after a stall; a recording is mostly of one kind.
fn density(hits: &[&AnsweredDrop], sigma: f64) -> f64 {
    let mut excess: Vec<f64> = hits.iter().map(|one| one.excess).collect();
    let center = median(&mut excess).unwrap_or(0.0).clamp(0.0, 2.0);
    let (mut on_time, mut stalled) = (0.0, 0.0);
    for one in hits {
        let exact = ln_normal(one.excess - center, sigma);
        let mut woke = -ln(one.excess.max(0.0) + 2.0 * sigma);
        if let Some(answered) = one.answered {
            woke = ln_sum_exp(&[woke - std::f64::consts::LN_2, 0.75_f64.ln() - 1.5 * answered]);
        }
        on_time += ln_sum_exp(&[0.98_f64.ln() + exact, 0.02_f64.ln() + woke]);
        stalled += ln_sum_exp(&[0.3_f64.ln() + exact, 0.7_f64.ln() + woke]);
    }
    ln_mean_exp(&[on_time, stalled], 2)
}

/// An unanswered ping shows how the loss was detected, not its cause. Only a packet of the peer after the ping proves
/// that the path was up and one end hung. Everything else (an immediate reconnect) is weak evidence that leaves random
/// loss and a hung end about equal.
fn client_side(case: &Case) -> Fit {
    let silent: Vec<(usize, &DeathWindow)> =
        case.drops().filter(|(_, drop)| drop.kind == EndKind::Silent).collect();
    if silent.len() < 3 || real(silent.len()) < MIN_SILENT_SHARE * case.count_f64() {
        return Fit::impossible();
    }
    let (mut hints, mut proofs) = (0.0, 0_usize);
    for (_, drop) in &silent {
        if drop.is_own_timeout {
            proofs += 1;
        } else {
            hints += if has_no_other_fault(case, drop) { 0.1 } else { -1.6 };
        }
    }
    // This program sends its pings, so a missing answer alone is no sign of a client that hangs.
    let is_own = silent.iter().all(|(_, drop)| {
        let session = case.frame.session(drop);
        session.is_some_and(Session::has_random_client_id)
    });
    if is_own && proofs == 0 {
        return Fit::impossible();
    }
    Fit {
        log_evidence: case.null - 1.0 + f64::min(hints, 1.0) + (2.0 * real(proofs)).min(12.0),
        hits: silent.iter().map(|(index, _)| *index).collect(),
        counts_hits: true,
        opportunities: case.count_f64(),
        parameters: FittedParameters::KeepAliveTimeout(KeepAliveParameters::PingUnanswered {
            heard_after_the_ping: real(proofs),
        }),
        ..Fit::default()
    }
}

/// Whether a single ping was unanswered and everything else worked at once.
fn has_no_other_fault(case: &Case, drop: &DeathWindow) -> bool {
    let Some(ending) = case.frame.session_ending(drop) else { return false };
    let last_out =
        ending.packets.iter().rev().find(|packet| packet.is_outgoing).map_or(drop.start, |packet| packet.at);
    let deadline = drop.detected - last_out - drop.keep_alive;
    ending.failed_connects == 0
        && deadline > PLAUSIBLE_PING_TIMEOUTS.start
        && deadline < PLAUSIBLE_PING_TIMEOUTS.end
        && ending.last_tx.is_none_or(|last| last >= deadline - 1.0)
        && !case.frame.probe_failed(drop.lo, drop.detected + 10.0)
}
