//! The path drops its state silently after a silence; the next outgoing packet is lost or reset.

mod part_day;

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::hypothesis::Fit;
use crate::classify::hypothesis::location::ln_short_limit;
use crate::classify::math::{ln, ln_beta_binomial, ln_mean_exp, ln_sum_exp, real};
use crate::classify::session::EndKind;
use crate::classify::{FittedParameters, IdleTimeoutParameters};

use super::MIN_SILENCE;

/// Least share of the longer silences that end a session.
const MIN_FATAL_SHARE: f64 = 0.88;
/// Limits tried.
const LIMITS: usize = 40;
const DAY: f64 = 86_400.0;

/// A silence that ended a session, detected at the next outgoing packet.
struct FatalSilence {
    drop: usize,
    silence: f64,
    /// Log density of the death, per second.
    density: f64,
    /// Keep-alive in force, in seconds.
    keep_alive: f64,
    /// Time of day (UTC, in hours) at which it ended, and the day.
    hour: f64,
    day: f64,
}

/// The fits with their weights.
pub(super) fn fits(case: &Case) -> Vec<(f64, Fit)> {
    let silences = fatal_silences(case);
    vec![(0.38, all_day(case, &silences)), (0.05, part_day::fit(case, &silences))]
}

/// Every silence longer than the limit ends the session; the next outgoing packet detects it.
fn all_day(case: &Case, silences: &[FatalSilence]) -> Fit {
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
        let Some(fitted) = weigh_limit(case, silences, limit, first, density) else { continue };
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
        log_evidence: limit_without_contrast(case, &best, shortest, ln_mean_exp(&terms, terms.len()) - 1.0),
        hits,
        counts_hits: true,
        opportunities: best.opportunities,
        parameters: FittedParameters::IdleTimeout(IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs: shortest,
            longest_survived_silence_secs: longest_survived,
            hours: None,
        }),
        ..Fit::default()
    }
}

/// Few drops that all followed the usual silence of a quiet client show no limit: any loss on the path looks the same until
/// a shorter silence has been survived.
fn limit_without_contrast(case: &Case, best: &IdleLimit, shortest: f64, evidence: f64) -> f64 {
    /// Silences from this share of the limit on are a contrast to it.
    const CONTRAST_SHARE: f64 = 0.15;
    /// Most log Bayes factor without a contrast, per drop.
    const MAX_FACTOR_PER_DROP: f64 = 0.9;
    let contrast = case.frame.survived.count_above(CONTRAST_SHARE * shortest);
    let hits = best.opportunities;
    if contrast >= 2.0 || hits >= 8.0 {
        return evidence;
    }
    evidence.min(case.null + MAX_FACTOR_PER_DROP * hits)
}

/// Where the last packet of the peer fell between two pings. Random loss leaves any silence before the ping that notices it,
/// from 0 to a keep-alive; an idle limit none below the limit.
fn ln_phase(hits: &[FatalSilence], limit: f64) -> f64 {
    let between_pings =
        hits.iter().filter(|one| one.keep_alive.is_finite() && one.silence < 0.98 * one.keep_alive);
    between_pings.map(|one| -ln(1.0 - (limit / one.keep_alive).clamp(0.0, 0.95))).sum()
}

/// A table without an entry loses every packet: hardly any longer silence is survived.
fn ln_fatal_share(hits: f64, opportunities: f64) -> f64 {
    ln_sum_exp(&[
        0.85_f64.ln() + ln_beta_binomial(hits, opportunities, 50.0, 1.0),
        0.15_f64.ln() + ln_beta_binomial(hits, opportunities, 8.0, 1.0),
    ])
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
fn weigh_limit(
    case: &Case,
    silences: &[FatalSilence],
    limit: f64,
    first: usize,
    density: f64,
) -> Option<IdleLimit> {
    let hits = silences.len() - first;
    let longer = case.frame.survived.count_above(limit);
    let opportunities = real(hits) + longer;
    if hits < 2 || real(hits) < MIN_FATAL_SHARE * opportunities {
        return None;
    }
    let natural = ln_natural_silences(case, limit, real(hits), longer);
    let evidence = ln_fatal_share(real(hits), opportunities)
        + ln_phase(silences.get(first..).unwrap_or_default(), limit)
        + ln_short_limit(limit)
        + natural
        + case.ln_background(hits)
        + density;
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
        // Without recorded packets nobody knows how many such silences were survived.
        if drop.is_own_timeout
            || !drop.are_packets_recorded
            || silence <= MIN_SILENCE
            || is_server_timeout
            // A silence during which the computer slept is no evidence of an idle limit.
            || case.frame.slept_between(tx - silence, drop.detected)
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
        let hour = (tx + drop.to_wall).rem_euclid(DAY) / 3_600.0;
        let day = (tx + drop.to_wall).div_euclid(DAY);
        Some(FatalSilence { drop: index, silence, density, keep_alive: drop.keep_alive, hour, day })
    };
    let mut silences: Vec<FatalSilence> = case.drops().filter_map(fatal_silence).collect();
    silences.sort_unstable_by(|one, other| one.silence.total_cmp(&other.silence));
    silences
}
