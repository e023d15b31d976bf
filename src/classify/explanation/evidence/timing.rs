//! Evidence of the patterns about time: the age of the session, the wall clock, silence, expiry and outages.

use chrono::DateTime;

use super::super::phrase::{
    count, hits, length, min_max, rounded_count, share_of_drops, tolerance, whole_number,
};
use crate::classify::case::Frame;
use crate::classify::hypothesis::Fit;
use crate::classify::{
    CredentialExpiryParameters, ExpiryAnchor, IdleTimeoutParameters, KeepAliveParameters, LifetimeParameters,
    OutageParameters, ScheduleParameters, SilenceDirection,
};
use crate::diagnostics::event::Phase;
use crate::diagnostics::words;

pub(super) fn fixed_lifetime(frame: &Frame, fit: &Fit, lifetime: LifetimeParameters) -> Vec<String> {
    let LifetimeParameters { limit_secs: limit, spread_secs: sigma } = lifetime;
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let longer = frame
        .sessions
        .iter()
        .filter(|session| session.is_start_known && session.age() > limit + 3.5 * sigma)
        .count();
    let beyond = match longer {
        0 => "no session lived longer".to_owned(),
        some => format!("{} lived longer", count(some, "session", "sessions")),
    };
    let mut sentences = vec![format!(
        "{which} came when the session was {} old ({}); {beyond}",
        length(limit),
        tolerance(2.0 * sigma)
    )];
    let mut keep_alives: Vec<f64> = hits(frame, fit).map(|drop| drop.keep_alive).collect();
    keep_alives.sort_unstable_by(f64::total_cmp);
    keep_alives.dedup();
    if keep_alives.len() > 1 {
        sentences
            .push(format!("the same at {} keep-alive values: it is not about silence", keep_alives.len()));
    }
    sentences
}

pub(super) fn scheduled(frame: &Frame, fit: &Fit, schedule: ScheduleParameters) -> Vec<String> {
    let (period, sigma) = (schedule.period_secs, schedule.spread_secs);
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let at = clock_time(period, schedule.phase_secs).map_or_else(String::new, |at| format!(", {at}"));
    let local = if schedule.follows_local_time { ", following local time (DST)" } else { "" };
    let mut sentences =
        vec![format!("{which} came every {}{at} ({}){local}", length(period), tolerance(2.0 * sigma))];
    if let Some((least, most)) =
        min_max(hits(frame, fit).filter(|drop| drop.is_start_known).map(|drop| drop.hi - drop.start))
        && most > least + 4.0 * sigma
    {
        sentences.push(format!(
            "the sessions were {} to {} old then: it follows the clock",
            length(least),
            length(most)
        ));
    }
    sentences
}

/// The time of day or hour at which a round period ticks.
fn clock_time(period: f64, phase: f64) -> Option<String> {
    let divides = |whole: f64| (whole / period).fract().min(1.0 - (whole / period).fract()) < 1e-6;
    #[expect(clippy::cast_possible_truncation, reason = "a phase is below a week")]
    let at = DateTime::from_timestamp(phase as i64, 0)?;
    if (period - 86_400.0).abs() < 1.0 {
        Some(format!("at {} UTC", at.format("%H:%M:%S")))
    } else if period >= 300.0 && divides(3_600.0) {
        Some(format!("at {} past", at.format("%M:%S")))
    } else {
        None
    }
}

pub(super) fn idle_timeout(frame: &Frame, fit: &Fit, idle: IdleTimeoutParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let mut sentences = Vec::new();
    let limit = match idle {
        IdleTimeoutParameters::ClosedAtLimit { limit_secs, spread_secs, direction } => {
            let last = match direction {
                SilenceDirection::Either => "the last packet in either direction",
                SilenceDirection::FromPeer => "the last packet from the peer, whatever this client sent",
                SilenceDirection::FromClient => "the last packet of this client, whatever the peer sent",
            };
            sentences.push(format!(
                "{which} came {} after {last} ({})",
                length(limit_secs),
                tolerance(2.0 * spread_secs)
            ));
            limit_secs - 3.5 * spread_secs
        }
        IdleTimeoutParameters::NoticedAtNextPacket {
            shortest_fatal_silence_secs: shortest,
            longest_survived_silence_secs: survived,
            hours,
        } => {
            let when = hours.map_or_else(String::new, |hours| {
                format!(", all between {:02.0}:00 and {:02.0}:00 UTC", hours.from, hours.to)
            });
            sentences.push(format!("{which} followed a silence of {} or more{when}", length(shortest)));
            survived.unwrap_or(shortest).min(shortest)
        }
    };
    let (below, above) =
        (frame.survived.total() - frame.survived.count_above(limit), frame.survived.count_above(limit));
    if below >= 1.0 {
        let longest = frame.survived.neighbors(limit).0.unwrap_or(limit);
        sentences.push(format!(
            "sessions survived {}, up to {}",
            rounded_count(below, "shorter silence", "shorter silences"),
            length(longest)
        ));
    }
    if above < 1.0 {
        sentences.push("no session survived a longer silence".into());
    }
    sentences.extend(drop_free_keep_alives(frame, limit));
    sentences
}

/// Keep-alive values below a limit under which nothing dropped.
fn drop_free_keep_alives(frame: &Frame, limit: f64) -> Option<String> {
    let is_below = |keep_alive: f64| keep_alive < limit;
    let connected: f64 = frame
        .sessions
        .iter()
        .filter(|session| is_below(session.keep_alive))
        .map(|session| session.age())
        .sum();
    let drops = frame.drops.iter().filter(|drop| is_below(drop.keep_alive)).count();
    (connected > 600.0 && drops == 0).then(|| {
        format!("with a keep-alive below {} there was no drop in {}", length(limit), length(connected))
    })
}

pub(super) fn credential_expiry(frame: &Frame, fit: &Fit, expiry: CredentialExpiryParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let whose = match expiry.anchor {
        ExpiryAnchor::UsedAtConnect => "the credentials the session connected with",
        ExpiryAnchor::Newest => "the newest credentials",
    };
    vec![
        format!("{which} came {} after {whose} expired", length(expiry.delay_secs)),
        format!("that happened {} while connected", rounded_count(fit.opportunities, "time", "times")),
    ]
}

pub(super) fn outage(frame: &Frame, fit: &Fit, outage: OutageParameters) -> Vec<String> {
    let failed: u32 = hits(frame, fit)
        .filter_map(|drop| frame.session_ending(drop))
        .map(|ending| ending.failed_connects)
        .fold(0, u32::saturating_add);
    let failed = count(usize::try_from(failed).unwrap_or(usize::MAX), "connect", "connects");
    let failed_phase = main_failed_phase(frame).map(|place| format!(", mostly {place}")).unwrap_or_default();
    vec![
        format!(
            "{} of minutes, the longest {}",
            rounded_count(outage.outages, "outage", "outages"),
            length(outage.longest_outage_secs)
        ),
        format!("{failed} failed meanwhile{failed_phase}"),
    ]
}

/// The phase in which most connects failed, and the HTTP status: these distinguish an unreachable network from
/// refused credentials.
fn main_failed_phase(frame: &Frame) -> Option<String> {
    let (phases, refusals) = (&frame.log.failed_phases, &frame.log.http_refusals);
    let all: u64 = phases.values().sum();
    let (phase, count) = phases.iter().max_by_key(|(_, count)| **count)?;
    let phase = phase.filter(|_| 2 * count > all)?;
    let status = refusals.iter().find(|(_, refused)| 2 * **refused > *count).map(|(status, _)| status);
    let status = status.filter(|_| phase == Phase::Websocket).map(|status| format!(" with HTTP {status}"));
    Some(format!("at {}{}", words::phase(phase), status.unwrap_or_default()))
}

pub(super) fn keep_alive_timeout(frame: &Frame, fit: &Fit, timeout: KeepAliveParameters) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    match timeout {
        KeepAliveParameters::PingUnanswered { heard_after_the_ping: answered } => {
            let path = if answered >= 1.0 {
                format!(
                    "in {} of them the peer sent something after that ping: the path was up",
                    whole_number(answered)
                )
            } else {
                "the reconnect succeeded at once each time".into()
            };
            vec![format!("{which}: a PINGREQ was not answered"), path]
        }
        KeepAliveParameters::ClosedByBroker { silence_in_keep_alives, is_named_by_broker } => {
            let named = is_named_by_broker.then(|| "reason code 0x8D (keep-alive timeout)".to_owned());
            let silence = silence_in_keep_alives.map(|ratio| {
                format!(
                    "{which} came {ratio:.2} keep-alives after the last packet of this client (the broker's limit is 1.5)"
                )
            });
            named.into_iter().chain(silence).collect()
        }
    }
}
