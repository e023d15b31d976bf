//! Why a connect failed or a session ended, in one vocabulary for every layer.

use chrono::{DateTime, Utc};

use super::ErrorName;
use super::event::{DropKind, Layer};

/// One ending or one failed connect, classified.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Stable name.
    pub name: ErrorName,
    /// What exactly was seen, in plain words ("the peer reset the connection").
    pub detail: String,
    /// The layer whose signal it was.
    pub layer: Layer,
    /// The manner.
    pub how: DropKind,
    /// MQTT 5 DISCONNECT reason code.
    pub reason_code: Option<u8>,
    /// WebSocket close code.
    pub ws_close_code: Option<u16>,
    /// CONNACK code (either protocol version) of a refused CONNECT.
    pub return_code: Option<u8>,
    /// HTTP status of a refused WebSocket upgrade.
    pub http_status: Option<u16>,
    /// The server's clock, if a refused upgrade told it.
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
}
