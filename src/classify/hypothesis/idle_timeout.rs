//! Idle timeout: a silence of a certain length ends the session.
//!
//! A NAT, firewall or proxy drops an idle connection in one of two ways: it closes at the limit, or it drops its state
//! silently, and the next outgoing packet is lost or reset.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln, ln_beta_binomial, ln_mean_exp, ln_sum_exp, quantile, real};
use crate::classify::session::EndKind;
use crate::classify::{FittedParameters, IdleTimeoutParameters};

use super::Fit;
use super::location::{self, Interval, Search};

/// Common idle limits, in seconds: proxies, clouds, home gateways.
const ROUND_LIMITS: [f64; 9] = [60.0, 100.0, 120.0, 180.0, 240.0, 300.0, 350.0, 600.0, 900.0];
/// Shorter silences are no idle limit, in seconds.
const MIN_SILENCE: f64 = 20.0;
/// Limits tried for the second way.
const LIMITS: usize = 40;
/// Log penalty of a limit that coincides with a simpler anchor by construction.
const COINCIDENCE_PENALTY: f64 = 3.0;

pub(super) fn fit(case: &Case) -> Fit {
    // The silences between messages that were only counted are not known.
    if case.frame.log.aggregated > case.frame.log.single {
        return Fit::impossible();
    }
    let closed = fit_closed_at_limit(case);
    let noticed = fit_noticed_at_next_packet(case);
    let both = ln_mean_exp(&[closed.log_evidence, noticed.log_evidence], 2);
    let mut best = if closed.log_evidence >= noticed.log_evidence { closed } else { noticed };
    best.log_evidence = both;
    best
}

/// The peer closes when the silence has lasted long enough.
fn fit_closed_at_limit(case: &Case) -> Fit {
    let silences: Vec<Interval> = case
        .drops()
        .filter(|(_, drop)| drop.kind == EndKind::Clean)
        .filter_map(|(index, drop)| {
            let silence = (drop.detected - last_activity(case, drop)?).max(0.0);
            Some(Interval { drop: index, lo: silence, hi: silence })
        })
        .collect();
    let search = Search { round_values: &ROUND_LIMITS, min: MIN_SILENCE, parameters: limit_parameters };
    let mut fit = location::fit(case, &silences, &case.frame.survived, &search);
    if is_coincidence(case, &fit) {
        fit.log_evidence -= COINCIDENCE_PENALTY;
    }
    fit
}

fn limit_parameters(limit_secs: f64, spread_secs: f64) -> FittedParameters {
    FittedParameters::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit { limit_secs, spread_secs })
}

fn last_activity(case: &Case, drop: &DeathWindow) -> Option<f64> {
    let ending = case.frame.session_ending(drop)?;
    Some(ending.packets.iter().map(|packet| packet.at).fold(drop.start, f64::max))
}

/// The last traffic always comes the same time after connect (then connect is the simpler anchor), or the
/// limit is the server's one and a half keep-alives.
fn is_coincidence(case: &Case, fit: &Fit) -> bool {
    let FittedParameters::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit {
        limit_secs: limit,
        spread_secs: sigma,
    }) = fit.parameters
    else {
        return false;
    };
    let hits: Vec<&DeathWindow> = fit.hits.iter().filter_map(|index| case.frame.drops.get(*index)).collect();
    let mut after_connect: Vec<f64> =
        hits.iter().filter_map(|drop| Some(last_activity(case, drop)? - drop.start)).collect();
    let late = quantile(&mut after_connect, 0.8).unwrap_or(f64::INFINITY);
    let early = quantile(&mut after_connect, 0.2).unwrap_or(0.0);
    let is_server =
        |drop: &&DeathWindow| (limit - 1.5 * drop.keep_alive).abs() < 0.03 * drop.keep_alive + 2.0;
    late - early < (3.0 * sigma).max(3.0) || hits.iter().all(is_server)
}

/// A silence that ended a session, detected at the next outgoing packet.
struct FatalSilence {
    drop: usize,
    silence: f64,
    /// Log density of the death, per second.
    density: f64,
}

/// Every silence longer than the limit ends the session; the next outgoing packet detects it.
fn fit_noticed_at_next_packet(case: &Case) -> Fit {
    let silences = fatal_silences(case);
    // Sums of the densities over all fatal silences from one on.
    let mut density_from: Vec<f64> = silences
        .iter()
        .rev()
        .scan(0.0, |sum, one| {
            *sum += one.density;
            Some(*sum)
        })
        .collect();
    density_from.reverse();
    let step = (silences.len() / LIMITS).max(1);
    let mut terms = Vec::new();
    let mut best: Option<IdleLimit> = None;
    for candidate in silences.iter().step_by(step) {
        // The margin counts pings that survived the same keep-alive.
        let limit = 0.98 * candidate.silence - 0.5 - case.frame.lateness;
        let first = silences.partition_point(|one| one.silence <= limit);
        let density = density_from.get(first).copied().unwrap_or(0.0);
        let Some(fitted) = weigh_limit(case, limit, first, silences.len() - first, density) else { continue };
        terms.push(fitted.evidence);
        if best.as_ref().is_none_or(|best| fitted.evidence > best.evidence) {
            best = Some(fitted);
        }
    }
    let Some(best) = best else { return Fit::impossible() };
    let mut hits: Vec<usize> = silences.iter().skip(best.first).map(|one| one.drop).collect();
    hits.sort_unstable();
    let shortest = silences.get(best.first).map_or(best.secs, |one| one.silence);
    let longest_survived = case.frame.survived.neighbors(best.secs).0;
    Fit {
        log_evidence: ln_mean_exp(&terms, terms.len()) - 1.0,
        hits,
        counts_hits: true,
        opportunities: best.opportunities,
        parameters: FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs: shortest,
            longest_survived_silence_secs: longest_survived,
        }),
        label: None,
    }
}

/// A limit with the silences above it.
struct IdleLimit {
    evidence: f64,
    secs: f64,
    /// The first of the fatal silences above it.
    first: usize,
    opportunities: f64,
}

/// Weighs a limit that `hits` fatal silences exceed; `None` if most such silences are survived.
fn weigh_limit(case: &Case, limit: f64, first: usize, hits: usize, density: f64) -> Option<IdleLimit> {
    let longer = case.frame.survived.count_above(limit);
    let opportunities = real(hits) + longer;
    if hits < 2 || real(hits) < 0.5 * opportunities {
        return None;
    }
    let natural = ln_natural_silences(case, limit, real(hits), longer);
    let evidence =
        ln_beta_binomial(real(hits), opportunities, 10.0, 1.0) + natural + case.ln_background(hits) + density;
    Some(IdleLimit { evidence, secs: limit, first, opportunities })
}

/// Log likelihood of the silences themselves. A dead session sends nothing, so a death produces its own silence where
/// the peer usually sends often. The weight of a silence follows from the outgoing pauses of that length which the peer
/// interrupted, and, where pings came more often than the limit, from how often the peer was silent that long.
fn ln_natural_silences(case: &Case, limit: f64, hits: f64, longer: f64) -> f64 {
    let frame = case.frame;
    let interrupted_pauses = frame.survived_outgoing.count_above(limit) - longer;
    if interrupted_pauses < 1.0 {
        return 0.0;
    }
    let sheltered: f64 = frame
        .sessions
        .iter()
        .filter(|session| session.keep_alive <= limit)
        .map(|session| session.age())
        .sum();
    let keep_alives = case.drops().map(|(_, drop)| drop.keep_alive).filter(|secs| *secs > limit);
    let (sum, count) = keep_alives.fold((0.0, 0.0), |(sum, count), secs| (sum + secs, count + 1.0));
    let pauses = if count > 0.0 && sum.is_finite() { sheltered * count / sum } else { 0.0 };
    let silent = (frame.survived_peer.count_above(limit) - longer).clamp(0.0, pauses);
    let (a, b) = (1.0 + silent, 1.0 + pauses - silent);
    // Random loss has to explain the interrupted pauses as well.
    ln_beta_binomial(hits, hits + interrupted_pauses, a, b) - ln_beta_binomial(0.0, interrupted_pauses, a, b)
}

/// The silences that ended sessions, shortest first.
fn fatal_silences(case: &Case) -> Vec<FatalSilence> {
    // A broker ends a session after 1.5 keep-alives without a packet of the client. Where hardly any session outlived
    // that, a longer silence is no evidence of another limit.
    let beyond_server_limit = case
        .drops()
        .filter(|(_, drop)| drop.silence.is_some_and(|secs| secs >= 1.47 * drop.keep_alive))
        .count();
    let is_server_limit_active =
        case.frame.survived_excess.outlived_by(2.0) <= 0.5 * real(beyond_server_limit);
    let fatal_silence = |(index, drop): (usize, &DeathWindow)| {
        let (tx, silence) = (drop.tx?, drop.silence?);
        let is_server_timeout = is_server_limit_active && silence >= 1.47 * drop.keep_alive;
        if drop.is_own_timeout
            || silence <= MIN_SILENCE
            || is_server_timeout
            || slept_between(case, tx - silence, drop.detected)
        {
            return None;
        }
        let uniform = -ln(silence);
        // Half the mass is for an answer to the packet, which comes within about a second.
        let answered = 0.75_f64.ln() - 1.5 * (drop.detected - tx).max(0.0);
        let density = match drop.kind {
            EndKind::Silent | EndKind::Reset => uniform,
            _ => ln_sum_exp(&[uniform - std::f64::consts::LN_2, answered]),
        };
        Some(FatalSilence { drop: index, silence, density })
    };
    let mut silences: Vec<FatalSilence> = case.drops().filter_map(fatal_silence).collect();
    silences.sort_unstable_by(|one, other| one.silence.total_cmp(&other.silence));
    silences
}

/// Whether the computer slept between two moments: such a silence is no evidence of an idle limit.
fn slept_between(case: &Case, from: f64, to: f64) -> bool {
    let slept = &case.frame.log.power_events;
    slept.partition_point(|at| *at < from) != slept.partition_point(|at| *at <= to)
}
