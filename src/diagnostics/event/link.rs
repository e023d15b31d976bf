//! The events of the session itself: attempts, connects, drops, and how they happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::diagnostics::{MqttVersion, RecordedWord};

/// A connect attempt and its phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 0 for the first connect of an outage-free run, then 1, 2, 3… within one outage.
    pub attempt_number: u32,
    /// The phases reached, in order.
    pub phases: Vec<PhaseTiming>,
}

/// The steps of a connect, from name resolution to CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Credentials and signature for the WebSocket upgrade, where it is signed.
    Credentials,
    /// Name resolution.
    Dns,
    /// TCP handshake.
    Tcp,
    /// TLS handshake.
    Tls,
    /// HTTP upgrade to WebSocket.
    Websocket,
    /// CONNECT→CONNACK.
    Connack,
}

/// How one phase of a connect went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseTiming {
    /// Which phase.
    pub phase: Phase,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// Whether it succeeded.
    pub ok: bool,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Further facts: address, TLS version and cipher, HTTP status…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// The kind of a connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectKind {
    /// First connect, or a connect after a requested disconnect.
    #[default]
    Connected,
    /// Reconnected after a drop.
    Resumed,
    /// Reconnected after a drop, with everything rebuilt.
    DeepReconnected,
    /// A word this version does not know (the reference's users write `initial`).
    #[serde(other)]
    Other,
}

/// A session accepted by the broker.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConnectedEvent {
    /// How it came about.
    pub event_type: ConnectKind,
    /// CONNACK session-present flag.
    #[serde(default)]
    pub session_present: bool,
    /// CONNACK code; 0 here.
    #[serde(default)]
    pub return_code: Option<u8>,
    /// Which attempt succeeded (0 = first connect).
    #[serde(default)]
    pub attempt_number: u32,
    /// Keep-alive in force, in recorded seconds (MQTT 5: the server's, if it set one).
    #[serde(with = "super::seconds")]
    pub keep_alive_secs: f64,
    /// Address and port of the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Own address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// The protocol version of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt_version: Option<RecordedWord<MqttVersion>>,
    /// Limits the broker stated (MQTT 5 CONNACK properties), by property name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, u64>>,
}

/// The layer whose signal ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Name resolution.
    Dns,
    /// TCP: FIN, RST, time-out.
    Tcp,
    /// TLS: alert, `close_notify`, bad record.
    Tls,
    /// WebSocket: close frame, protocol violation, refused upgrade.
    Websocket,
    /// MQTT: DISCONNECT, missing PINGRESP, malformed packet, refused CONNECT.
    Mqtt,
    /// This computer: interface down, address gone, local limit.
    Local,
}

/// The manner in which a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropKind {
    /// The peer closed the TCP stream with a FIN.
    Fin,
    /// The peer, or something on the path, reset the TCP stream.
    Rst,
    /// TLS `close_notify`.
    TlsClose,
    /// A fatal TLS alert.
    TlsAlert,
    /// A WebSocket close frame.
    WsClose,
    /// An MQTT DISCONNECT packet from the server.
    Disconnect,
    /// No PINGRESP before the deadline.
    PingTimeout,
    /// Reading or writing failed otherwise (time-out, protocol violation).
    Io,
    /// Ended by this computer's network or a limit of our own.
    Local,
}

/// An established session that ended without a request.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DroppedEvent {
    /// Stable name, AWS CRT vocabulary (`AWS_ERROR_MQTT_UNEXPECTED_HANGUP`).
    #[serde(default)]
    pub error_name: Option<String>,
    /// Name, text and detail.
    #[serde(default)]
    pub error_message: Option<String>,
    /// AWS CRT code that belongs to the name.
    #[serde(default)]
    pub error_code: Option<u32>,
    /// Reconnect attempts of the outage so far; 0 for an established session.
    #[serde(default)]
    pub reconnect_attempt: u32,
    /// Subscriptions in force.
    #[serde(default)]
    pub active_subscriptions: u32,
    /// Publishes waiting in the queue.
    #[serde(default)]
    pub queued_commands: u32,
    /// Layer whose signal ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// Manner in which it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<DropKind>,
    /// MQTT 5 DISCONNECT reason code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_code: Option<u8>,
    /// WebSocket close code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ws_close_code: Option<u16>,
    /// Seconds from the last byte received to the detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_rx_secs: Option<f64>,
    /// Seconds from the last byte sent to the detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_tx_secs: Option<f64>,
    /// The last few packets of the session, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packets: Vec<PacketNote>,
}

/// One MQTT packet, as remembered around a drop (no payload).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PacketNote {
    /// Seconds before the detection of the drop.
    pub ago_secs: f64,
    /// `true`: received, `false`: sent.
    pub incoming: bool,
    /// Packet type in the words of the MQTT specification: `PUBLISH`, `PINGREQ`…
    pub packet: String,
    /// Topic of a PUBLISH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Arc<str>>,
    /// Size on the wire in bytes.
    pub bytes: u32,
}

/// A connect attempt that failed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ConnectFailedEvent {
    /// Stable name, AWS CRT vocabulary.
    #[serde(default)]
    pub error_name: Option<String>,
    /// Name, text and detail.
    #[serde(default)]
    pub error_message: Option<String>,
    /// AWS CRT code that belongs to the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<u32>,
    /// Which attempt failed.
    #[serde(default)]
    pub attempt_number: u32,
    /// Phase it failed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Layer that refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// CONNACK code, when the broker refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_code: Option<u8>,
    /// HTTP status, when the WebSocket upgrade was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

/// Who ended a session on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Initiator {
    /// The user, by a key.
    User,
    /// An experiment, or a keep-alive change.
    Experiment,
    /// A planned reconnect, made before credentials expire or the server's time limit is over.
    Planned,
    /// The end of the run.
    Shutdown,
    /// A word this version does not know.
    #[serde(other)]
    Other,
}
