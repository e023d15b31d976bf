//! Drops that state their cause: the statistics of the others do not apply to them.
//!
//! A reason code of the broker, a close code, an error of this computer or an own limit explains a drop by itself. Codes that
//! only say that the server stops (0x8B, 0x89, 0x98, close codes 1001, 1012) explain nothing about when: those drops stay
//! in the statistics.

use super::Pattern;
use crate::diagnostics::codes::reason_words;
use crate::diagnostics::event::{DropKind, DroppedEvent, Layer};

/// Errors of this computer's own network.
const OWN_NETWORK_ERRORS: [&str; 7] =
    ["NO_ROUTE", "NOROUTE", "UNREACHABLE", "NETWORK_DOWN", "NETWORKDOWN", "INVALID_ADDRESS", "ADDRNOTAVAIL"];
/// Errors about the certificate of a side.
const CERTIFICATE_ALERTS: [&str; 3] = ["certificate expired", "certificate_expired", "certificate revoked"];

/// Circumstances of a drop that its event does not contain.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Circumstances {
    /// Whether this program or computer did not run during the silence before the drop.
    pub(super) did_not_run: bool,
    /// Whether the credentials of the session expired within seconds of the drop.
    pub(super) credentials_expired: bool,
}

/// What a drop states of its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StatedCause {
    /// The pattern that follows from it.
    pub(super) pattern: Pattern,
    pub(super) statement: Statement,
}

impl StatedCause {
    /// The cause of a drop after which the own address is another one.
    pub(super) const NEW_ADDRESS: Self =
        Self { pattern: Pattern::SystemEvent, statement: Statement::NewAddress };
}

/// What states a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Statement {
    /// A reason code of the broker (MQTT 5.0, table 3-10).
    ReasonCode(u8),
    /// A close code of the WebSocket (RFC 6455, section 7.4.1).
    CloseCode(u16),
    /// The broker sent more than this client accepts.
    OwnLimit,
    /// A TLS alert about a certificate.
    CertificateAlert,
    /// This program or computer had not run, so that the broker waited in vain.
    DidNotRun,
    /// The credentials had expired seconds before.
    ExpiredCredentials,
    /// The next connection came from another own address.
    NewAddress,
}

impl Statement {
    /// The name in the data file of the weights.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ReasonCode(_) => "reason_code",
            Self::CloseCode(_) => "close_code",
            Self::OwnLimit => "own_limit",
            Self::CertificateAlert => "certificate_alert",
            Self::DidNotRun => "did_not_run",
            Self::ExpiredCredentials => "expired_credentials",
            Self::NewAddress => "new_address",
        }
    }

    /// In words, after "all 5 drops: ".
    pub(super) fn words(self) -> String {
        match self {
            Self::ReasonCode(code) => {
                let words = reason_words(code).unwrap_or("no known reason");
                format!("the broker gives reason code 0x{code:02X} ({words})")
            }
            Self::CloseCode(code) => format!("the server closes the WebSocket with code {code}"),
            Self::OwnLimit => "the broker sent a packet above this client's own limit".to_owned(),
            Self::CertificateAlert => "a TLS alert says that a certificate is no longer valid".to_owned(),
            Self::DidNotRun => "this program had not run for a while before".to_owned(),
            Self::ExpiredCredentials => "the credentials had expired seconds before".to_owned(),
            Self::NewAddress => "the next connection came from another own address".to_owned(),
        }
    }
}

/// The cause that a drop states by itself; `None` if only the statistics can tell.
pub(super) fn stated_cause(
    drop: &DroppedEvent,
    reason_code: Option<u8>,
    circumstances: Circumstances,
) -> Option<StatedCause> {
    let by_reason =
        reason_code.and_then(|code| Some((pattern_of_reason(code)?, Statement::ReasonCode(code))));
    let by_close_code = || {
        drop.ws_close_code.and_then(|code| Some((pattern_of_close_code(code)?, Statement::CloseCode(code))))
    };
    let (pattern, statement) = by_reason.or_else(by_close_code).or_else(|| by_error(drop))?;
    let (pattern, statement) = match pattern {
        Pattern::KeepAliveTimeout if circumstances.did_not_run => {
            (Pattern::SystemEvent, Statement::DidNotRun)
        }
        Pattern::PublishTriggered if reason_code == Some(0x87) && circumstances.credentials_expired => {
            (Pattern::CredentialExpiry, Statement::ExpiredCredentials)
        }
        _ => (pattern, statement),
    };
    Some(StatedCause { pattern, statement })
}

/// MQTT 5 reason codes of a DISCONNECT (MQTT 5.0, table 3-10) that name the cause.
fn pattern_of_reason(code: u8) -> Option<Pattern> {
    match code {
        0x8E => Some(Pattern::ClientIdTakeover),
        0x8D => Some(Pattern::KeepAliveTimeout),
        0xA0 => Some(Pattern::FixedLifetime),
        0x96 | 0x97 => Some(Pattern::MessageRate),
        // Malformed packet, protocol error, not authorized, topic or filter invalid, receive maximum, topic alias, packet
        // too large, payload format, retain, QoS, shared, subscription identifiers and wildcards not supported.
        0x81 | 0x82 | 0x87 | 0x8F | 0x90 | 0x93..=0x95 | 0x99..=0x9B | 0x9E | 0xA1 | 0xA2 => {
            Some(Pattern::PublishTriggered)
        }
        _ => None,
    }
}

/// WebSocket close codes (RFC 6455, section 7.4.1) that name the cause: policy violation, message too big.
fn pattern_of_close_code(code: u16) -> Option<Pattern> {
    matches!(code, 1008 | 1009).then_some(Pattern::PublishTriggered)
}

fn by_error(drop: &DroppedEvent) -> Option<(Pattern, Statement)> {
    let message = drop.error_message.as_deref().unwrap_or_default();
    if message.contains("; the limit here is ") {
        return Some((Pattern::PublishTriggered, Statement::OwnLimit));
    }
    if drop.how == Some(DropKind::TlsAlert) {
        let message = message.to_ascii_lowercase();
        let is_certificate = CERTIFICATE_ALERTS.iter().any(|alert| message.contains(alert));
        return is_certificate.then_some((Pattern::CredentialExpiry, Statement::CertificateAlert));
    }
    None
}

/// Whether an error of this computer's own network ended the session. That states where the cause is, and not what makes it
/// come: an outage, bursts and a schedule remain possible.
pub(super) fn is_own_network(drop: &DroppedEvent) -> bool {
    let name = drop.error_name.as_deref().unwrap_or_default().to_ascii_uppercase();
    let is_local = drop.how == Some(DropKind::Local) || drop.layer == Some(Layer::Local);
    is_local && OWN_NETWORK_ERRORS.iter().any(|error| name.contains(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(drop: &DroppedEvent) -> Option<Pattern> {
        stated_cause(drop, drop.reason_code, Circumstances::default()).map(|stated| stated.pattern)
    }

    fn with_code(reason_code: u8) -> DroppedEvent {
        DroppedEvent {
            reason_code: Some(reason_code),
            how: Some(DropKind::Disconnect),
            ..DroppedEvent::default()
        }
    }

    #[test]
    fn reason_codes_that_name_the_cause_explain_the_drop() {
        assert_eq!(stated(&with_code(0x8E)), Some(Pattern::ClientIdTakeover));
        assert_eq!(stated(&with_code(0x87)), Some(Pattern::PublishTriggered));
        assert_eq!(stated(&with_code(0x95)), Some(Pattern::PublishTriggered));
        assert_eq!(stated(&with_code(0x97)), Some(Pattern::MessageRate));
        assert_eq!(stated(&with_code(0xA0)), Some(Pattern::FixedLifetime));
    }

    #[test]
    fn a_server_that_stops_explains_nothing_about_when() {
        for code in [0x00, 0x80, 0x88, 0x89, 0x8B, 0x98, 0x9C, 0x9D] {
            assert_eq!(stated(&with_code(code)), None, "{code:#x}");
        }
        let closed = |code| DroppedEvent {
            ws_close_code: Some(code),
            how: Some(DropKind::WsClose),
            ..DroppedEvent::default()
        };
        assert_eq!(stated(&closed(1001)), None);
        assert_eq!(stated(&closed(1008)), Some(Pattern::PublishTriggered));
    }

    #[test]
    fn circumstances_name_what_is_behind_a_code() {
        let stopped = Circumstances { did_not_run: true, ..Circumstances::default() };
        let drop = with_code(0x8D);
        let pattern = |drop, code, circumstances| {
            stated_cause(drop, Some(code), circumstances).map(|stated| stated.pattern)
        };
        assert_eq!(pattern(&drop, 0x8D, stopped), Some(Pattern::SystemEvent));
        let expired = Circumstances { credentials_expired: true, ..Circumstances::default() };
        assert_eq!(pattern(&with_code(0x87), 0x87, expired), Some(Pattern::CredentialExpiry));
    }

    #[test]
    fn an_own_limit_explains_the_drop_and_the_own_network_where_to_look() {
        let error = |name: &str, message: &str, how| DroppedEvent {
            error_name: Some(name.to_owned()),
            error_message: Some(message.to_owned()),
            how: Some(how),
            ..DroppedEvent::default()
        };
        let limit = "the broker sent a packet of 3000011 bytes; the limit here is 1048576";
        assert_eq!(stated(&error("X", limit, DropKind::Local)), Some(Pattern::PublishTriggered));
        let route = error("AWS_IO_SOCKET_NO_ROUTE_TO_HOST", "no route", DropKind::Local);
        assert!(is_own_network(&route) && stated(&route).is_none());
        assert_eq!(stated(&error("AWS_IO_SOCKET_TIMEOUT", "timed out", DropKind::Io)), None);
    }
}
