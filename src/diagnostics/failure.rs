//! A failed connect or the end of a session, in one vocabulary for every layer.

use chrono::{DateTime, Utc};

use super::ErrorName;
use super::event::{ConnectFailedEvent, DropKind, DroppedEvent, Layer, Phase};

/// One end of a session or one failed connect, classified.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Stable name.
    pub name: ErrorName,
    /// What was observed, in plain words ("the peer reset the connection").
    pub detail: String,
    /// The layer that signaled it.
    pub layer: Layer,
    /// How the layer signaled it.
    pub how: DropKind,
    /// MQTT 5 DISCONNECT reason code.
    pub reason_code: Option<u8>,
    /// WebSocket close code.
    pub ws_close_code: Option<u16>,
    /// CONNACK code (either protocol version) of a refused CONNECT.
    pub return_code: Option<u8>,
    /// HTTP status of a refused WebSocket upgrade.
    pub http_status: Option<u16>,
    /// The server's clock, if a refused upgrade contained it.
    pub server_date: Option<DateTime<Utc>>,
    /// Trying again cannot help.
    pub is_permanent: bool,
}

impl Failure {
    /// A failure without protocol codes.
    pub fn new(name: ErrorName, layer: Layer, how: DropKind, detail: impl Into<String>) -> Self {
        Self {
            name,
            detail: detail.into(),
            layer,
            how,
            reason_code: None,
            ws_close_code: None,
            return_code: None,
            http_status: None,
            server_date: None,
            is_permanent: false,
        }
    }

    /// `NAME: official text (detail)`, as recorded in `error_message`.
    pub fn message(&self) -> String {
        if self.detail.is_empty() {
            self.name.message()
        } else {
            format!("{} ({})", self.name.message(), self.detail)
        }
    }

    /// The drop of an established session that ended with this failure. Subscriptions, queue, silence and
    /// packets are the caller's to add.
    pub fn dropped_event(&self) -> DroppedEvent {
        DroppedEvent {
            error_name: Some(self.name.name.to_owned()),
            error_message: Some(self.message()),
            error_code: Some(self.name.code),
            layer: Some(self.layer),
            how: Some(self.how),
            reason_code: self.reason_code,
            ws_close_code: self.ws_close_code,
            ..DroppedEvent::default()
        }
    }

    /// The failed connect attempt that ended with this failure, in `phase` where it is known.
    pub fn connect_failed_event(&self, phase: Option<Phase>, attempt_number: u32) -> ConnectFailedEvent {
        ConnectFailedEvent {
            error_name: Some(self.name.name.to_owned()),
            error_message: Some(self.message()),
            error_code: Some(self.name.code),
            attempt_number,
            phase,
            layer: Some(self.layer),
            return_code: self.return_code,
            http_status: self.http_status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::error_name::AWS_ERROR_MQTT_UNEXPECTED_HANGUP;

    #[test]
    fn a_failure_becomes_a_drop_or_a_failed_connect_with_all_its_codes() {
        let name = AWS_ERROR_MQTT_UNEXPECTED_HANGUP;
        let failure = Failure {
            reason_code: Some(0x8E),
            ws_close_code: Some(1001),
            return_code: Some(5),
            http_status: Some(403),
            ..Failure::new(name, Layer::Mqtt, DropKind::Disconnect, "taken over")
        };
        let (error_name, error_message) = (Some(name.name.to_owned()), Some(failure.message()));
        let dropped = DroppedEvent {
            error_name: error_name.clone(),
            error_message: error_message.clone(),
            error_code: Some(name.code),
            layer: Some(Layer::Mqtt),
            how: Some(DropKind::Disconnect),
            reason_code: Some(0x8E),
            ws_close_code: Some(1001),
            ..DroppedEvent::default()
        };
        assert_eq!(failure.dropped_event(), dropped);
        let failed = ConnectFailedEvent {
            error_name,
            error_message,
            error_code: Some(name.code),
            attempt_number: 3,
            phase: Some(Phase::Connack),
            layer: Some(Layer::Mqtt),
            return_code: Some(5),
            http_status: Some(403),
        };
        assert_eq!(failure.connect_failed_event(Some(Phase::Connack), 3), failed);
    }
}
