//! The evidence for a pattern, in sentences with numbers.

mod timing;
mod traffic;

use std::collections::BTreeMap;

use super::phrase::{count, length, share_of_drops};
use crate::classify::case::Frame;
use crate::classify::hypothesis::Fit;
use crate::classify::math::real;
use crate::classify::posterior::Posterior;
use crate::classify::rate::rate_interval;
use crate::classify::stated_cause::Statement;
use crate::classify::{BurstParameters, FittedParameters, Pattern};

/// The sentences for the answer, the most significant first, and two for a second cause.
pub(in crate::classify) fn evidence(frame: &Frame, posterior: &Posterior) -> Vec<String> {
    let mut sentences: Vec<String> = stated(frame, posterior.pattern).into_iter().collect();
    if let Some(fit) = posterior.fits.get(&posterior.pattern) {
        sentences.extend(pattern_evidence(frame, posterior.pattern, fit));
    }
    // Random loss beside a mechanism has no marks of its own; its sentences are about all drops.
    let second = posterior
        .second
        .as_ref()
        .filter(|(pattern, _)| !matches!(pattern, Pattern::Random | Pattern::Bursty));
    if let Some((pattern, fit)) = second {
        sentences.extend(pattern_evidence(frame, *pattern, fit).into_iter().take(2));
    }
    if posterior.pattern == Pattern::Undetermined
        && let Some(lead) = posterior.lead
        && let Some(fit) = posterior.fits.get(&lead)
        && !matches!(lead, Pattern::Random | Pattern::Bursty)
    {
        let first = pattern_evidence(frame, lead, fit).into_iter().next();
        sentences.extend(first.map(|first| format!("first indication ({}): {first}", lead.title())));
    }
    sentences
}

/// What most of the drops that state this pattern say.
fn stated(frame: &Frame, pattern: Pattern) -> Option<String> {
    let (statement, count) = most_frequent_statement(frame, pattern)?;
    Some(format!("{}: {}", share_of_drops(count, frame.drops.len()), statement.words()))
}

/// The most frequent statement for a pattern, and how many drops make it.
pub(super) fn most_frequent_statement(frame: &Frame, pattern: Pattern) -> Option<(Statement, usize)> {
    let mut counts: BTreeMap<Statement, usize> = BTreeMap::new();
    let stated = frame.drops.iter().filter_map(|drop| frame.session_ending(drop)?.stated);
    for stated in stated.filter(|stated| stated.pattern == pattern) {
        *counts.entry(stated.statement).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count)
}

/// The sentences for one pattern.
fn pattern_evidence(frame: &Frame, pattern: Pattern, fit: &Fit) -> Vec<String> {
    match fit.parameters {
        FittedParameters::FixedLifetime(lifetime) => timing::fixed_lifetime(frame, fit, lifetime),
        FittedParameters::Scheduled(schedule) => timing::scheduled(frame, fit, schedule),
        FittedParameters::IdleTimeout(idle) => timing::idle_timeout(frame, fit, idle),
        FittedParameters::Bursty(burst) => bursty(frame, Some(burst)),
        FittedParameters::MessageCount(limit) => traffic::message_count(frame, fit, limit),
        FittedParameters::MessageRate(rate) => traffic::message_rate(frame, fit, rate),
        FittedParameters::PublishTriggered(delay) => traffic::publish_triggered(frame, fit, delay),
        FittedParameters::SystemEvent(delay) => traffic::system_event(frame, fit, delay),
        FittedParameters::CredentialExpiry(expiry) => timing::credential_expiry(frame, fit, expiry),
        FittedParameters::ClientIdTakeover(takeover) => traffic::client_id_takeover(frame, fit, takeover),
        FittedParameters::Outage(outage) => timing::outage(frame, fit, outage),
        FittedParameters::KeepAliveTimeout(timeout) => timing::keep_alive_timeout(frame, fit, timeout),
        FittedParameters::None if pattern == Pattern::Random => random(frame),
        FittedParameters::None if pattern == Pattern::Bursty => bursty(frame, None),
        FittedParameters::None => Vec::new(),
    }
}

fn random(frame: &Frame) -> Vec<String> {
    let drops = frame.drops.len();
    let (least, most) = rate_interval(drops, frame.exposure);
    let mean = frame.exposure / real(drops.max(1));
    vec![
        format!(
            "one drop per {} connected on average (95 % sure: between {} and {})",
            length(mean),
            length(1.0 / most.max(1e-12)),
            if least > 0.0 { length(1.0 / least) } else { "never".into() },
        ),
        "session age, clock, silence, messages and system events do not predict the next drop".into(),
    ]
}

fn bursty(frame: &Frame, burst: Option<BurstParameters>) -> Vec<String> {
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
    sentences.extend(burst.map(|burst| {
        format!(
            "two kinds of session: about {} within a burst, about {} otherwise",
            length(burst.short_life_secs),
            length(burst.long_life_secs)
        )
    }));
    sentences.extend(probes_near(frame));
    sentences
}

/// The share of drops near which a network probe failed.
fn probes_near(frame: &Frame) -> Option<String> {
    if frame.log.failed_probes.is_empty() {
        return None;
    }
    let near =
        frame.drops.iter().filter(|drop| frame.probe_failed(drop.lo - 10.0, drop.detected + 30.0)).count();
    Some(format!("{} had a failed network probe near", share_of_drops(near, frame.drops.len())))
}
