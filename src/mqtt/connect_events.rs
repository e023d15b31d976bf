//! The recorded event of an accepted session, made from what the handshake returned.

use super::handshake::EstablishedSession;
use crate::diagnostics::event::{ConnectKind, ConnectedEvent};

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
        mqtt_version: Some(established.framed.codec().protocol().into()),
        limits: accepted.limits.clone(),
    }
}
