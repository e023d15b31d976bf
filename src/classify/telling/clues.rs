//! What does a log tell beside the pattern, to weigh the causes by?

use std::collections::BTreeMap;

use super::phrase::hits;
use crate::classify::case::Frame;
use crate::classify::math::{median, real};
use crate::classify::posterior::Weighed;
use crate::classify::{Anchor, Clues, Manner, Pattern};
use crate::diagnostics::event::{How, SystemSource};
use crate::diagnostics::words;

/// Gathers the clues for the answer.
pub(in crate::classify) fn clues(frame: &Frame, weighed: &Weighed) -> Clues {
    let fit = weighed.fits.get(&weighed.pattern);
    let number = |name: &str| fit.and_then(|fit| fit.parameter(name));
    let started = frame.log.started.as_ref();
    let keep_alive = frame.sessions.last().map(|session| session.keep_alive);
    let mut ages: Vec<f64> = fit
        .map(|fit| {
            hits(frame, fit).filter(|drop| drop.known).map(|drop| drop.detected - drop.start).collect()
        })
        .unwrap_or_default();
    Clues {
        transport: started
            .and_then(|started| started.transport.clone().or_else(|| scheme(&started.endpoint))),
        is_aws: started.map(|started| started.endpoint.contains(".amazonaws.com")),
        keep_alive_secs: keep_alive.map(|secs| if secs.is_finite() { secs } else { 0.0 }),
        limit_secs: number("limit_secs").or_else(|| number("shortest_fatal_silence_secs")),
        period_secs: number("period_secs"),
        anchor: anchor(weighed.pattern),
        manner: manner(frame),
        reason_code: most_frequent(frame, |ending| ending.reason_code),
        ws_close_code: most_frequent(frame, |ending| ending.ws_close_code),
        first_try_share: first_try(frame),
        gateway_failing: failing(frame, true),
        internet_failing: failing(frame, false),
        dns_failing: None,
        failed_phase: failed_phase(frame),
        connects_refused: None,
        http_status: frame
            .log
            .http_refusals
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(status, _)| *status),
        system_source: fit.and_then(|fit| source(fit.label.as_deref()?)),
        mqtt_version: frame
            .log
            .mqtt_version
            .clone()
            .or_else(|| started.and_then(|started| started.mqtt_version.clone())),
        session_age_secs: median(&mut ages),
        credentials_known: Some(!frame.log.credentials.is_empty()),
    }
}

fn scheme(endpoint: &str) -> Option<String> {
    let (scheme, _) = endpoint.split_once("://")?;
    let transport = match scheme {
        "mqtt" | "tcp" => "tcp",
        "mqtts" | "ssl" | "tls" => "tls",
        "ws" => "ws",
        "wss" => "wss",
        _ => return None,
    };
    Some(transport.into())
}

fn anchor(pattern: Pattern) -> Option<Anchor> {
    match pattern {
        Pattern::FixedLifetime => Some(Anchor::Connect),
        Pattern::IdleTimeout | Pattern::KeepAliveTimeout => Some(Anchor::Idle),
        Pattern::Scheduled => Some(Anchor::WallClock),
        Pattern::CredentialExpiry => Some(Anchor::Credentials),
        _ => None,
    }
}

fn manner(frame: &Frame) -> Option<Manner> {
    let told: Vec<How> = frame.drops.iter().filter_map(|drop| frame.ending(drop)?.how).collect();
    if told.is_empty() {
        return None;
    }
    let share =
        |wanted: &[How]| real(told.iter().filter(|how| wanted.contains(how)).count()) / real(told.len());
    Some(Manner {
        fin: share(&[How::Fin]),
        rst: share(&[How::Rst]),
        silent: share(&[How::PingTimeout, How::Io]),
        tls: share(&[How::TlsClose, How::TlsAlert]),
        ws_close: share(&[How::WsClose]),
        disconnect: share(&[How::Disconnect]),
        local: share(&[How::Local]),
    })
}

fn most_frequent<T: Ord + Copy>(
    frame: &Frame,
    of: impl Fn(&crate::classify::session::Ending) -> Option<T>,
) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for code in frame.drops.iter().filter_map(|drop| of(frame.ending(drop)?)) {
        *counts.entry(code).or_default() += 1;
    }
    let (code, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count >= frame.drops.len()).then_some(code)
}

fn first_try(frame: &Frame) -> Option<f64> {
    let back: Vec<u32> = frame
        .drops
        .iter()
        .filter_map(|drop| frame.ending(drop))
        .filter(|ending| ending.back_after.is_some())
        .map(|ending| ending.failed_connects)
        .collect();
    let first = back.iter().filter(|failed| **failed == 0).count();
    (!back.is_empty()).then(|| real(first) / real(back.len()))
}

/// Share of the drops near which a probe of the gateway, or of something beyond it, failed.
fn failing(frame: &Frame, gateway: bool) -> Option<f64> {
    if frame.log.probes == 0 || frame.drops.is_empty() {
        return None;
    }
    let probes = &frame.log.failed_probes;
    let near = frame.drops.iter().filter(|drop| {
        let from = probes.partition_point(|(at, _)| *at < drop.lo - 10.0);
        let near = probes.iter().skip(from).take_while(|(at, _)| *at < drop.detected + 30.0);
        near.into_iter().any(|(_, is_gateway)| *is_gateway == gateway)
    });
    Some(real(near.count()) / real(frame.drops.len()))
}

fn failed_phase(frame: &Frame) -> Option<String> {
    let (phase, _) = frame.log.failed_phases.iter().max_by_key(|(_, count)| **count)?;
    Some(words::phase((*phase)?).to_ascii_lowercase())
}

/// The source that a system event's name begins with.
fn source(label: &str) -> Option<SystemSource> {
    let (source, _) = label.split_once(':')?;
    serde_json::from_value(serde_json::Value::String(source.to_owned())).ok()
}
