//! The expected events of the link.

use dropscope::diagnostics::event::{ConnectFailedEvent, ConnectKind, DropKind, DroppedEvent, Layer, Phase};
use dropscope::diagnostics::{ErrorName, Transport, VersionChoice};

pub(crate) const ALL: &[Transport] = &[Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
pub(crate) const TCP: &[Transport] = &[Transport::Tcp];
pub(crate) const TLS: &[Transport] = &[Transport::Tls];
pub(crate) const WS: &[Transport] = &[Transport::Ws];
pub(crate) const WSS: &[Transport] = &[Transport::Wss];
/// With TLS.
pub(crate) const SECURE: &[Transport] = &[Transport::Tls, Transport::Wss];
/// With WebSocket.
pub(crate) const FRAMED: &[Transport] = &[Transport::Ws, Transport::Wss];
/// Transports on which a bare FIN is not a clean close.
pub(crate) const LAYERED: &[Transport] = &[Transport::Tls, Transport::Ws, Transport::Wss];

pub(crate) const V3: &[VersionChoice] = &[VersionChoice::V311];
pub(crate) const V5: &[VersionChoice] = &[VersionChoice::V5];
pub(crate) const BOTH: &[VersionChoice] = &[VersionChoice::V311, VersionChoice::V5];

/// The exact fields of a drop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ExpectedDrop {
    pub(crate) layer: Layer,
    pub(crate) how: DropKind,
    pub(crate) name: ErrorName,
    pub(crate) reason_code: Option<u8>,
    pub(crate) ws_close_code: Option<u16>,
}

impl ExpectedDrop {
    pub(crate) const fn new(layer: Layer, how: DropKind, name: ErrorName) -> Self {
        Self { layer, how, name, reason_code: None, ws_close_code: None }
    }

    /// A DISCONNECT of MQTT 5.
    pub(crate) const fn disconnect(reason: u8, name: ErrorName) -> Self {
        Self { reason_code: Some(reason), ..Self::new(Layer::Mqtt, DropKind::Disconnect, name) }
    }

    pub(crate) const fn ws_close(code: Option<u16>, name: ErrorName) -> Self {
        Self { ws_close_code: code, ..Self::new(Layer::Websocket, DropKind::WsClose, name) }
    }

    /// Checks the recorded event.
    pub(crate) fn check(&self, actual: &DroppedEvent) -> Result<(), String> {
        let name = (actual.error_name.as_deref(), actual.error_code);
        let actual_kind = (actual.layer, actual.how, actual.reason_code, actual.ws_close_code);
        let is_right = name == (Some(self.name.name), Some(self.name.code))
            && actual_kind == (Some(self.layer), Some(self.how), self.reason_code, self.ws_close_code)
            && actual.reconnect_attempt == 0
            && is_explained(actual.error_message.as_deref(), self.name);
        if is_right { Ok(()) } else { Err(format!("expected {self:?}\n    actual   {actual:?}")) }
    }
}

/// The exact fields of a failed connect.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ExpectedFailure {
    pub(crate) phase: Phase,
    pub(crate) layer: Layer,
    pub(crate) name: ErrorName,
    pub(crate) return_code: Option<u8>,
    pub(crate) http_status: Option<u16>,
    /// The name on a computer that cannot reach its name server.
    pub(crate) offline: Option<ErrorName>,
    /// The kind of the connect after it.
    pub(crate) reconnect_kind: ConnectKind,
}

impl ExpectedFailure {
    pub(crate) const fn new(phase: Phase, layer: Layer, name: ErrorName) -> Self {
        let (return_code, http_status, offline) = (None, None, None);
        Self { phase, layer, name, return_code, http_status, offline, reconnect_kind: ConnectKind::Resumed }
    }

    /// CONNACK with a code other than 0.
    pub(crate) const fn refused(code: u8, name: ErrorName) -> Self {
        Self { return_code: Some(code), ..Self::new(Phase::Connack, Layer::Mqtt, name) }
    }

    /// An HTTP status other than 101. After a 4xx, everything is rebuilt for the next attempt.
    pub(crate) const fn http(status: u16, name: ErrorName) -> Self {
        let is_ours = matches!(status, 400..500);
        let back = if is_ours { ConnectKind::DeepReconnected } else { ConnectKind::Resumed };
        Self {
            http_status: Some(status),
            reconnect_kind: back,
            ..Self::new(Phase::Websocket, Layer::Websocket, name)
        }
    }

    /// Checks the recorded event.
    pub(crate) fn check(&self, actual: &ConnectFailedEvent) -> Result<(), String> {
        let named = |name: ErrorName| {
            (actual.error_name.as_deref(), actual.error_code) == (Some(name.name), Some(name.code))
                && is_explained(actual.error_message.as_deref(), name)
        };
        let place = (actual.phase, actual.layer, actual.return_code, actual.http_status);
        let is_right = (named(self.name) || self.offline.is_some_and(named))
            && place == (Some(self.phase), Some(self.layer), self.return_code, self.http_status)
            && actual.attempt_number == 1;
        if is_right { Ok(()) } else { Err(format!("expected {self:?}\n    actual   {actual:?}")) }
    }
}

/// The message contains the official text and, in parentheses, what was observed.
fn is_explained(message: Option<&str>, name: ErrorName) -> bool {
    let rest = message.and_then(|message| message.strip_prefix(&name.message()));
    rest.is_some_and(|rest| rest.len() > 10 && rest.starts_with(" (") && rest.ends_with(')'))
}
