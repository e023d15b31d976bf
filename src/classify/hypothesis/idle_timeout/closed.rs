//! The peer, or a proxy, closes when the silence has lasted long enough.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::hypothesis::Fit;
use crate::classify::hypothesis::location::{self, Interval, Search};
use crate::classify::math::{quantile, real};
use crate::classify::session::EndKind;
use crate::classify::survivors::SurvivalTable;
use crate::classify::{FittedParameters, IdleTimeoutParameters, SilenceDirection};
use crate::diagnostics::event::DropKind;

use super::MIN_SILENCE;

/// Common idle limits, in seconds: proxies, clouds, home gateways.
const ROUND_LIMITS: [f64; 11] = [30.0, 50.0, 60.0, 100.0, 120.0, 180.0, 240.0, 300.0, 350.0, 600.0, 900.0];
/// Log penalty of a limit that coincides with the server's keep-alive limit by construction.
const COINCIDENCE_PENALTY: f64 = 3.0;
/// Log factor of an idle limit over a lifetime where every session was silent from its connect on: proxies and NATs with
/// idle limits are far more common than limits of the age.
const IDLE_OVER_LIFETIME: f64 = 0.35;
/// The longest keep-alive in common use, in seconds; for a keep-alive that is not recorded.
const LONGEST_USUAL_KEEP_ALIVE: f64 = 1_800.0;
/// Without recorded packets a session may have been silent until its first ping, at this many keep-alives.
const FIRST_PING: f64 = 1.08;

/// The fits with their weights.
pub(super) fn fits(case: &Case, lifetime: &Fit) -> Vec<(f64, Fit)> {
    let frame = case.frame;
    let either = silent_from_connect(case, lifetime, fit(case, SilenceDirection::Either, &frame.survived));
    vec![
        (0.45, either),
        (0.07, fit(case, SilenceDirection::FromPeer, &frame.survived_incoming)),
        (0.05, fit(case, SilenceDirection::FromClient, &frame.survived_outgoing)),
    ]
}

fn fit(case: &Case, direction: SilenceDirection, survived: &SurvivalTable) -> Fit {
    let silences: Vec<Interval> = case
        .drops()
        .filter(|(_, drop)| drop.kind == EndKind::Clean && drop.is_activity_known)
        .filter_map(|(index, drop)| {
            let silence = silence(case, drop, direction)?;
            Some(Interval { drop: index, lo: silence, hi: silence })
        })
        .collect();
    let parameters = match direction {
        SilenceDirection::Either => either as fn(f64, f64) -> FittedParameters,
        SilenceDirection::FromPeer => from_peer,
        SilenceDirection::FromClient => from_client,
    };
    let search = Search { round_values: &ROUND_LIMITS, min: MIN_SILENCE, parameters };
    let mut fit = location::fit(case, &silences, survived, &search);
    if is_server_keep_alive(case, &fit) {
        fit.log_evidence -= COINCIDENCE_PENALTY;
    }
    fit
}

fn either(limit_secs: f64, spread_secs: f64) -> FittedParameters {
    closed_at(limit_secs, spread_secs, SilenceDirection::Either)
}

fn from_peer(limit_secs: f64, spread_secs: f64) -> FittedParameters {
    closed_at(limit_secs, spread_secs, SilenceDirection::FromPeer)
}

fn from_client(limit_secs: f64, spread_secs: f64) -> FittedParameters {
    closed_at(limit_secs, spread_secs, SilenceDirection::FromClient)
}

fn closed_at(limit_secs: f64, spread_secs: f64, direction: SilenceDirection) -> FittedParameters {
    FittedParameters::IdleTimeout(IdleTimeoutParameters::ClosedAtLimit { limit_secs, spread_secs, direction })
}

/// Silence before a close, in seconds.
fn silence(case: &Case, drop: &DeathWindow, direction: SilenceDirection) -> Option<f64> {
    let ending = case.frame.session_ending(drop)?;
    let newest = |is_outgoing: bool| {
        let packets = ending.packets.iter().filter(|packet| packet.is_outgoing == is_outgoing);
        drop.detected - packets.map(|packet| packet.at).fold(drop.start, f64::max)
    };
    // What closes a layer politely is itself the last that was received.
    let is_close_received = matches!(
        ending.how,
        Some(DropKind::Disconnect | DropKind::WsClose | DropKind::TlsClose | DropKind::TlsAlert)
    );
    let last_rx = ending.last_rx.filter(|last| !is_close_received || *last > 1.0);
    // Packets without a line of their own (SUBSCRIBE, CONNACK) count in the link's own stamps.
    let sent = newest(true).min(ending.last_tx.unwrap_or(f64::INFINITY));
    let received = newest(false).min(last_rx.unwrap_or(f64::INFINITY));
    Some(
        match direction {
            SilenceDirection::Either => sent.min(received),
            SilenceDirection::FromPeer => received,
            SilenceDirection::FromClient => sent,
        }
        .max(0.0),
    )
}

/// The limit is the server's one and a half keep-alives.
fn is_server_keep_alive(case: &Case, fit: &Fit) -> bool {
    let Some(limit) = fit.parameters.limit_secs() else { return false };
    let mut hits = fit.hits.iter().filter_map(|index| case.frame.drops.get(*index));
    hits.all(|drop| (limit - 1.5 * drop.keep_alive).abs() < 0.03 * drop.keep_alive + 2.0)
}

/// Where every session was silent from its connect on, an idle limit and a lifetime fit equally well, and waiting cannot
/// separate them: the idle limit then is as good as the lifetime.
fn silent_from_connect(case: &Case, lifetime: &Fit, idle: Fit) -> Fit {
    let FittedParameters::FixedLifetime(age) = lifetime.parameters else { return idle };
    if lifetime.hits.len() < 2 || !lifetime.log_evidence.is_finite() {
        return idle;
    }
    let hits: Vec<&DeathWindow> =
        lifetime.hits.iter().filter_map(|index| case.frame.drops.get(*index)).collect();
    let mut first_silence: Vec<f64> = hits.iter().filter_map(|drop| quiet_share(case, drop)).collect();
    if first_silence.len() < hits.len() || quantile(&mut first_silence, 0.1).unwrap_or(0.0) < 0.9 {
        return idle;
    }
    let outlived = case.frame.survived.count_above(age.limit_secs + 3.5 * age.spread_secs);
    if outlived > 0.3 * real(hits.len()) {
        return idle;
    }
    let evidence = lifetime.log_evidence + IDLE_OVER_LIFETIME;
    if idle.log_evidence >= evidence && !idle.hits.is_empty() {
        return idle;
    }
    Fit {
        // The other weights of this mechanism must not make the same data less probable.
        log_evidence: evidence - 0.45_f64.ln(),
        parameters: either(age.limit_secs, age.spread_secs),
        ..lifetime.clone()
    }
}

/// Share of a session that the silence before its end took.
fn quiet_share(case: &Case, drop: &DeathWindow) -> Option<f64> {
    if drop.kind != EndKind::Clean && drop.kind != EndKind::Reset {
        return None;
    }
    let age = (drop.detected - drop.start).max(0.1);
    if drop.is_activity_known {
        return Some(silence(case, drop, SilenceDirection::Either)? / age);
    }
    (age <= FIRST_PING * drop.keep_alive.min(LONGEST_USUAL_KEEP_ALIVE)).then_some(1.0)
}
