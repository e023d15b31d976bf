//! The facts of a log, beside the pattern, that weigh the causes.

use std::collections::BTreeMap;

use super::evidence::most_frequent_statement;
use super::phrase::hits;
use crate::classify::case::Frame;
use crate::classify::math::{median, real};
use crate::classify::posterior::Posterior;
use crate::classify::{Anchor, CauseContext, EndShares, Pattern};
use crate::diagnostics::event::{DropKind, SystemSource};
use crate::diagnostics::{RecordedWord, Transport, words};

/// The context of the answer.
pub(in crate::classify) fn cause_context(frame: &Frame, posterior: &Posterior) -> CauseContext {
    let fit = posterior.fits.get(&posterior.pattern);
    let parameters = fit.map(|fit| fit.parameters).unwrap_or_default();
    let started = frame.log.started.as_ref();
    let keep_alive = frame.sessions.last().map(|session| session.keep_alive);
    let mut ages: Vec<f64> = fit
        .map(|fit| {
            hits(frame, fit)
                .filter(|drop| drop.is_start_known)
                .map(|drop| drop.detected - drop.start)
                .collect()
        })
        .unwrap_or_default();
    let platform = match started {
        Some(started) => Some(platform(&started.endpoint)),
        None => is_reference_export(frame).then_some("aws"),
    };
    CauseContext {
        transport: started
            .and_then(|started| started.transport.clone().or_else(|| transport_of(&started.endpoint)))
            .map(|transport| transport.as_str().to_owned())
            .or_else(|| is_reference_export(frame).then(|| "wss".to_owned())),
        is_aws: platform.map(|platform| platform == "aws"),
        platform: platform.map(str::to_owned),
        pings_sent_in_time: pings_sent_in_time(frame),
        client_id_is_random: frame.sessions.last().map(|last| last.has_random_client_id()),
        statement: most_frequent_statement(frame, posterior.pattern)
            .map(|(statement, _)| statement.name().to_owned()),
        keep_alive_secs: keep_alive.map(|secs| if secs.is_finite() { secs } else { 0.0 }),
        limit_secs: parameters.limit_secs(),
        period_secs: parameters.period_secs(),
        anchor: anchor(posterior.pattern),
        end_shares: end_shares(frame),
        reason_code: most_frequent(frame, |ending| ending.reason_code),
        ws_close_code: most_frequent(frame, |ending| ending.ws_close_code),
        first_try_share: first_try_share(frame),
        gateway_failing: failed_probe_share(frame, true),
        internet_failing: failed_probe_share(frame, false),
        dns_failing: None,
        failed_phase: failed_phase(frame),
        connects_refused: None,
        http_status: frame
            .log
            .http_refusals
            .iter()
            .max_by_key(|(_, count)| **count)
            .map(|(status, _)| *status),
        system_source: fit.and_then(|fit| system_source(fit.label.as_deref()?)),
        mqtt_version: frame
            .log
            .mqtt_version
            .clone()
            .or_else(|| started.and_then(|started| Some(started.mqtt_version.as_ref()?.as_str().to_owned()))),
        session_age_secs: median(&mut ages),
        credentials_known: Some(!frame.log.credentials.is_empty()),
    }
}

fn transport_of(endpoint: &str) -> Option<RecordedWord<Transport>> {
    let (scheme, _) = endpoint.split_once("://")?;
    Transport::from_scheme(scheme).map(Into::into)
}

/// Whether the sessions are those of an export of the reference client, which reaches AWS IoT by WebSocket: it has neither a
/// header nor how a session ended, while a part of an own recording has the latter.
fn is_reference_export(frame: &Frame) -> bool {
    let mut endings = frame.drops.iter().filter_map(|drop| frame.session_ending(drop));
    frame.log.started.is_none() && endings.all(|ending| ending.how.is_none())
}

/// The service behind an endpoint.
fn platform(endpoint: &str) -> &'static str {
    const HOSTS: [(&str, &str); 4] = [
        (".amazonaws.com", "aws"),
        (".azure-devices.net", "azure"),
        ("mqtt.googleapis.com", "gcp"),
        (".clearblade.com", "gcp"),
    ];
    HOSTS.iter().find(|(host, _)| endpoint.contains(host)).map_or("other", |(_, name)| name)
}

/// Whether this client had sent a packet within a keep-alive or so before each drop; `None` where packets are not recorded.
fn pings_sent_in_time(frame: &Frame) -> Option<bool> {
    if frame.log.pings == 0 {
        return None;
    }
    let is_in_time: Vec<bool> = frame
        .drops
        .iter()
        .filter_map(|drop| Some(frame.session_ending(drop)?.last_tx? <= 1.2 * drop.keep_alive))
        .collect();
    let in_time = is_in_time.iter().filter(|is_in_time| **is_in_time).count();
    (!is_in_time.is_empty()).then(|| real(in_time) >= 0.8 * real(is_in_time.len()))
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

fn end_shares(frame: &Frame) -> Option<EndShares> {
    let kinds: Vec<DropKind> =
        frame.drops.iter().filter_map(|drop| frame.session_ending(drop)?.how).collect();
    if kinds.is_empty() {
        return None;
    }
    let share = |counted: &[DropKind]| {
        real(kinds.iter().filter(|how| counted.contains(how)).count()) / real(kinds.len())
    };
    Some(EndShares {
        fin: share(&[DropKind::Fin]),
        rst: share(&[DropKind::Rst]),
        unprompted_rst: real(unprompted_resets(frame)) / real(kinds.len()),
        silent: share(&[DropKind::PingTimeout, DropKind::Io]),
        tls: share(&[DropKind::TlsClose, DropKind::TlsAlert]),
        ws_close: share(&[DropKind::WsClose]),
        disconnect: share(&[DropKind::Disconnect]),
        local: share(&[DropKind::Local]),
    })
}

/// Resets that answer no packet of this client: a router that has forgotten the connection sends none of itself.
fn unprompted_resets(frame: &Frame) -> usize {
    /// A reset this long after the newest own packet does not answer it, in seconds.
    const NO_ANSWER_AFTER: f64 = 3.0;
    let endings = frame.drops.iter().filter_map(|drop| frame.session_ending(drop));
    let resets = endings.filter(|ending| ending.how == Some(DropKind::Rst));
    resets.filter(|ending| ending.last_tx.is_some_and(|ago| ago > NO_ANSWER_AFTER)).count()
}

fn most_frequent<T: Ord + Copy>(
    frame: &Frame,
    code_of: impl Fn(&crate::classify::session::SessionEnding) -> Option<T>,
) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for code in frame.drops.iter().filter_map(|drop| code_of(frame.session_ending(drop)?)) {
        *counts.entry(code).or_default() += 1;
    }
    let (code, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count >= frame.drops.len()).then_some(code)
}

fn first_try_share(frame: &Frame) -> Option<f64> {
    let failed_attempts: Vec<u32> = frame
        .drops
        .iter()
        .filter_map(|drop| frame.session_ending(drop))
        .filter(|ending| ending.reconnect_secs.is_some())
        .map(|ending| ending.failed_connects)
        .collect();
    let at_once = failed_attempts.iter().filter(|failed| **failed == 0).count();
    (!failed_attempts.is_empty()).then(|| real(at_once) / real(failed_attempts.len()))
}

/// Share of the drops near which a probe of the gateway, or of something beyond it, failed.
fn failed_probe_share(frame: &Frame, gateway: bool) -> Option<f64> {
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

/// The source at the beginning of a system event's name.
fn system_source(label: &str) -> Option<SystemSource> {
    let (source, _) = label.split_once(':')?;
    serde_json::from_value(serde_json::Value::String(source.to_owned())).ok()
}
