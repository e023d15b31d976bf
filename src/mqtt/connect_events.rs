//! The recorded events of a connect attempt, made from what the handshake returned.

use super::handshake::EstablishedSession;
use super::wire::OpenFailure;
use crate::diagnostics::event::{ConnectFailedEvent, ConnectKind, ConnectedEvent};

/// The record of an accepted session.
pub(super) fn connected_event(
    established: &EstablishedSession,
    event_type: ConnectKind,
    attempt_number: u32,
    requested_keep_alive: f64,
) -> ConnectedEvent {
    let accepted = &established.connack;
    ConnectedEvent {
        event_type,
        session_present: accepted.session_present,
        return_code: Some(0),
        attempt_number,
        keep_alive_secs: accepted.server_keep_alive.map_or(requested_keep_alive, f64::from),
        remote: Some(established.remote.to_string()),
        local: Some(established.local.to_string()),
        mqtt_version: Some(established.framed.codec().protocol().name().to_owned()),
        limits: accepted.limits.clone(),
    }
}

/// The record of a failed attempt.
pub(super) fn connect_failed_event(open: &OpenFailure, attempt_number: u32) -> ConnectFailedEvent {
    let failure = &open.failure;
    ConnectFailedEvent {
        error_name: Some(failure.name.name.to_owned()),
        error_message: Some(failure.message()),
        error_code: Some(failure.name.code),
        attempt_number,
        phase: Some(open.phase),
        layer: Some(failure.layer),
        return_code: failure.return_code,
        http_status: failure.http_status,
    }
}
