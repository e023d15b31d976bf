//! What speaks for a pattern, in sentences with numbers?

use chrono::DateTime;

use super::phrase::{count, hits, length, min_max, quoted, share_of_drops, tolerance, whole_number};
use crate::classify::Pattern;
use crate::classify::case::Frame;
use crate::classify::hypothesis::Fit;
use crate::classify::math::{median, real};
use crate::classify::posterior::Posterior;
use crate::classify::rate::rate_interval;
use crate::diagnostics::event::Phase;
use crate::diagnostics::words;

/// The sentences for the answer, the most telling first; for a second cause as well.
pub(in crate::classify) fn evidence(frame: &Frame, posterior: &Posterior) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(fit) = posterior.fits.get(&posterior.pattern) {
        sentences.extend(pattern_evidence(frame, posterior.pattern, fit));
    }
    if let Some((pattern, fit)) = &posterior.second {
        sentences.extend(pattern_evidence(frame, *pattern, fit).into_iter().take(2));
    }
    if posterior.pattern == Pattern::Undetermined
        && let Some(lead) = posterior.lead
        && let Some(fit) = posterior.fits.get(&lead)
        && !matches!(lead, Pattern::Random | Pattern::Bursty)
    {
        let hints = pattern_evidence(frame, lead, fit);
        sentences
            .extend(hints.into_iter().take(1).map(|hint| format!("a first hint ({}): {hint}", lead.title())));
    }
    sentences
}

/// The sentences for one pattern.
pub(super) fn pattern_evidence(frame: &Frame, pattern: Pattern, fit: &Fit) -> Vec<String> {
    match pattern {
        Pattern::FixedLifetime => fixed_lifetime(frame, fit),
        Pattern::Scheduled => scheduled(frame, fit),
        Pattern::IdleTimeout => idle_timeout(frame, fit),
        Pattern::Random => random(frame),
        Pattern::Bursty => bursty(frame, fit),
        Pattern::MessageCount => message_count(frame, fit),
        Pattern::MessageRate => message_rate(frame, fit),
        Pattern::PublishTriggered => publish_triggered(frame, fit),
        Pattern::SystemEvent => system_event(frame, fit),
        Pattern::CredentialExpiry => credential_expiry(frame, fit),
        Pattern::ClientIdTakeover => client_id_takeover(frame, fit),
        Pattern::Outage => outage(frame, fit),
        Pattern::KeepAliveTimeout => keep_alive_timeout(frame, fit),
        Pattern::Undetermined => Vec::new(),
    }
}

fn fixed_lifetime(frame: &Frame, fit: &Fit) -> Vec<String> {
    let (Some(limit), Some(sigma)) = (fit.parameter("limit_secs"), fit.parameter("spread_secs")) else {
        return Vec::new();
    };
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

fn scheduled(frame: &Frame, fit: &Fit) -> Vec<String> {
    let (Some(period), Some(phase), Some(sigma)) =
        (fit.parameter("period_secs"), fit.parameter("phase_secs"), fit.parameter("spread_secs"))
    else {
        return Vec::new();
    };
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let at = clock_time(period, phase).map_or_else(String::new, |at| format!(", {at}"));
    let local =
        if fit.parameter("follows_local_time").is_some() { ", following local time (DST)" } else { "" };
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

/// When in the day or hour a round period ticks.
pub(super) fn clock_time(period: f64, phase: f64) -> Option<String> {
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

fn idle_timeout(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let mut sentences = Vec::new();
    let limit = if let Some(limit) = fit.parameter("limit_secs") {
        let sigma = fit.parameter("spread_secs").unwrap_or(0.0);
        sentences.push(format!(
            "{which} came {} after the last packet in either direction ({})",
            length(limit),
            tolerance(2.0 * sigma)
        ));
        limit - 3.5 * sigma
    } else {
        let shortest = fit.parameter("shortest_fatal_silence_secs").unwrap_or(0.0);
        sentences.push(format!("{which} followed a silence of {} or more", length(shortest)));
        fit.parameter("longest_survived_silence_secs").unwrap_or(shortest).min(shortest)
    };
    let (below, above) =
        (frame.survived.total() - frame.survived.count_above(limit), frame.survived.count_above(limit));
    if below >= 1.0 {
        let longest = frame.survived.neighbors(limit).0.unwrap_or(limit);
        sentences.push(format!(
            "all {} shorter silences, up to {}, were survived",
            whole_number(below),
            length(longest)
        ));
    }
    if above < 1.0 {
        sentences.push("no longer silence was survived".into());
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

fn random(frame: &Frame) -> Vec<String> {
    let drops = frame.drops.len();
    let (least, most) = rate_interval(drops, frame.exposure);
    let mean = frame.exposure / real(drops.max(1));
    let mut sentences = vec![format!(
        "one drop per {} connected on average (95 % sure: between {} and {})",
        length(mean),
        length(1.0 / most.max(1e-12)),
        if least > 0.0 { length(1.0 / least) } else { "never".into() },
    )];
    sentences.push(
        "neither session age, clock, silence, messages nor system events tell when the next one comes".into(),
    );
    sentences
}

fn bursty(frame: &Frame, fit: &Fit) -> Vec<String> {
    /// Drops closer than this, in seconds, are one group.
    const GROUP_SECS: f64 = 300.0;
    let mut groups: Vec<usize> = Vec::new();
    let mut before: Option<f64> = None;
    for drop in &frame.drops {
        match groups.last_mut() {
            Some(group) if before.is_some_and(|at| drop.detected - at <= GROUP_SECS) => *group += 1,
            _ => groups.push(1),
        }
        before = Some(drop.detected);
    }
    let largest = groups.iter().copied().max().unwrap_or(0);
    let mut sentences = vec![format!(
        "{} came in {}, the largest of {largest}",
        count(frame.drops.len(), "drop", "drops"),
        count(groups.len(), "group", "groups"),
    )];
    if let (Some(short), Some(long)) = (fit.parameter("short_life_secs"), fit.parameter("long_life_secs")) {
        sentences.push(format!(
            "two kinds of session: about {} in a bad spell, about {} otherwise",
            length(short),
            length(long)
        ));
    }
    sentences.extend(probes_near(frame));
    sentences
}

/// How often a probe failed near a drop.
fn probes_near(frame: &Frame) -> Option<String> {
    if frame.log.failed_probes.is_empty() {
        return None;
    }
    let near =
        frame.drops.iter().filter(|drop| frame.probe_failed(drop.lo - 10.0, drop.detected + 30.0)).count();
    Some(format!("{} had a failed network probe near", share_of_drops(near, frame.drops.len())))
}

fn message_count(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let (number, what) = match (fit.parameter("published_messages"), fit.parameter("messages")) {
        (Some(number), _) => (number, "messages of ours"),
        (None, Some(number)) => (number, "messages in both directions"),
        (None, None) => return Vec::new(),
    };
    let spread = fit.parameter("spread_messages").unwrap_or(0.0);
    let beyond = (fit.opportunities - real(fit.hits.len())).round();
    let beyond = if beyond < 1.0 {
        "no session got further".into()
    } else {
        format!("{} sessions got further", whole_number(beyond))
    };
    vec![format!(
        "{which} came after {} {what} (± {}); {beyond}",
        whole_number(number),
        whole_number((2.0 * spread).ceil())
    )]
}

fn message_rate(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let size = fit.parameter("burst_messages").unwrap_or(0.0);
    vec![
        format!("{which} came within seconds of a burst of {} messages or more", whole_number(size)),
        format!("there were {} such bursts", whole_number(fit.opportunities)),
    ]
}

fn publish_triggered(frame: &Frame, fit: &Fit) -> Vec<String> {
    let topic = fit.label.as_deref().unwrap_or_default();
    let delay = fit.parameter("delay_secs").unwrap_or(0.0);
    let all = whole_number(fit.opportunities);
    let others = frame.log.topic_counts.iter().copied().fold(0, u64::saturating_add);
    #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
    let others = (others as f64 - fit.opportunities).max(0.0);
    vec![
        format!(
            "{} of {all} publishes to {} were followed by a drop, {} later",
            fit.hits.len(),
            quoted(topic),
            length(delay)
        ),
        format!("{} publishes went to other topics", whole_number(others)),
    ]
}

fn system_event(frame: &Frame, fit: &Fit) -> Vec<String> {
    let name = fit.label.as_deref().unwrap_or_default();
    let delay = fit.parameter("delay_secs").unwrap_or(0.0).max(0.0);
    vec![format!(
        "{} of {} events {} were followed by a drop, {} later",
        fit.hits.len().min(frame.drops.len()),
        whole_number(fit.opportunities),
        quoted(name),
        length(delay)
    )]
}

fn credential_expiry(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    let delay = fit.parameter("delay_secs").unwrap_or(0.0);
    let whose = if fit.parameter("bound_at_connect").is_some() {
        "the credentials the session connected with"
    } else {
        "the newest credentials"
    };
    vec![
        format!("{which} came {} after {whose} expired", length(delay)),
        format!("that happened {} times while connected", whole_number(fit.opportunities)),
    ]
}

fn client_id_takeover(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    if fit.parameter("named_by_the_broker").is_some() {
        return vec![format!("{which}: the broker said \"session taken over\" (0x8E)")];
    }
    let mut ages: Vec<f64> = hits(frame, fit).map(|drop| drop.detected - drop.start).collect();
    let typical = median(&mut ages).unwrap_or(0.0);
    let (least, most) = (ages.first().copied().unwrap_or(0.0), ages.last().copied().unwrap_or(0.0));
    vec![
        format!(
            "{which}: the peer closed soon after the connect, {} on average ({} to {})",
            length(typical),
            length(least),
            length(most)
        ),
        "so it looks when two clients push each other out".into(),
    ]
}

fn outage(frame: &Frame, fit: &Fit) -> Vec<String> {
    let longest = fit.parameter("longest_outage_secs").unwrap_or(0.0);
    let outages = fit.parameter("outages").unwrap_or(0.0);
    let failed: u32 = hits(frame, fit)
        .filter_map(|drop| frame.session_ending(drop))
        .map(|ending| ending.failed_connects)
        .fold(0, u32::saturating_add);
    let times = if outages < 1.5 { "once".into() } else { format!("{} times", whole_number(outages)) };
    let failed = count(usize::try_from(failed).unwrap_or(usize::MAX), "connect", "connects");
    let failed_phase = main_failed_phase(frame).map(|place| format!(", mostly {place}")).unwrap_or_default();
    vec![
        format!("{times} it took minutes to come back, {} at the longest", length(longest)),
        format!("{failed} failed meanwhile{failed_phase}"),
    ]
}

/// Where most connects failed, and with which HTTP status: it tells a silent line from refused credentials.
fn main_failed_phase(frame: &Frame) -> Option<String> {
    let (phases, refusals) = (&frame.log.failed_phases, &frame.log.http_refusals);
    let all: u64 = phases.values().sum();
    let (phase, count) = phases.iter().max_by_key(|(_, count)| **count)?;
    let phase = phase.filter(|_| 2 * count > all)?;
    let status = refusals.iter().find(|(_, refused)| 2 * **refused > *count).map(|(status, _)| status);
    let status = status.filter(|_| phase == Phase::Websocket).map(|status| format!(" with HTTP {status}"));
    Some(format!("at {}{}", words::phase(phase), status.unwrap_or_default()))
}

fn keep_alive_timeout(frame: &Frame, fit: &Fit) -> Vec<String> {
    let which = share_of_drops(fit.hits.len(), frame.drops.len());
    if fit.parameter("ping_unanswered").is_some() {
        let heard = fit.parameter("heard_after_the_ping").unwrap_or(0.0);
        let mut sentences = vec![format!("{which}: a ping of ours stayed unanswered")];
        if heard >= 1.0 {
            sentences.push(format!(
                "in {} of them the peer was heard after that ping: the way was open",
                whole_number(heard)
            ));
        } else {
            sentences.push("the way back was free at once each time".into());
        }
        return sentences;
    }
    let mut sentences = Vec::new();
    if fit.parameter("named_by_the_broker").is_some() {
        sentences.push("the broker said \"keep alive timeout\" (0x8D)".into());
    }
    if let Some(ratio) = fit.parameter("silence_in_keep_alives") {
        sentences.push(format!(
            "{which} came {ratio:.2} keep-alives after the last packet we sent (the broker's limit is 1.5)"
        ));
    }
    sentences
}
