//! Everything that can happen to a connection, as data.
//!
//! These are the kinds of recording format `dropscope-recording/1`. Fields marked optional there are
//! `Option` here, so that recordings of other programs with only the mandatory fields can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Stamp;

/// The name of the recording format written by this version.
pub const FORMAT: &str = "dropscope-recording/1";

/// An event and when it was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Both clocks at the moment of observation.
    pub at: Stamp,
    /// What happened.
    pub event: Event,
}

/// What happened. One variant per recording `kind`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A run of the program began.
    Started(Started),
    /// One connect attempt ended (well or badly); how long each phase took.
    Attempt(Attempt),
    /// A session was accepted by the broker (CONNACK 0).
    Connected(Connected),
    /// An established session ended without anybody here asking for it.
    Dropped(Dropped),
    /// A connect attempt failed.
    ConnectFailed(ConnectFailed),
    /// An established session was ended on purpose (not a drop).
    Disconnected {
        /// Who asked for it.
        by: Initiator,
    },
    /// The broker answered a SUBSCRIBE.
    Subscribed {
        /// Topic filters, in request order.
        filters: Vec<String>,
        /// SUBACK codes, one per filter; 0x80 and above are refusals.
        return_codes: Vec<u8>,
    },
    /// A PUBLISH left for the broker, or was put in the queue.
    Published(Message),
    /// A PUBLISH arrived.
    Received(Message),
    /// Messages of a window counted together, because they came too fast to record each.
    Traffic {
        /// Messages sent in the window.
        published: u64,
        /// Messages received in the window.
        received: u64,
        /// Length of the window in seconds.
        window_secs: f64,
    },
    /// A PINGRESP arrived.
    Ping {
        /// PINGREQ→PINGRESP time in milliseconds.
        rtt_ms: f64,
    },
    /// A network probe beside the connection ended.
    Probe(Probe),
    /// Something happened to this computer or its network.
    System {
        /// Which part of the system.
        source: SystemSource,
        /// What happened, in words.
        message: String,
    },
    /// The keep-alive was changed while running.
    KeepAliveChanged {
        /// Seconds before.
        from: u32,
        /// Seconds from now on.
        to: u32,
    },
    /// New credentials came into force.
    Credentials {
        /// When they expire.
        expires_at: DateTime<Utc>,
    },
    /// A command or publish changed state.
    Command(Command),
    /// An experiment moved on.
    Experiment {
        /// Which experiment.
        id: String,
        /// `started`, `arm` or `finished`.
        what: String,
        /// Everything else, by name.
        #[serde(flatten)]
        details: BTreeMap<String, serde_json::Value>,
    },
    /// An alert rule changed state.
    Alert {
        /// Name of the rule.
        rule: String,
        /// `raised`, `cleared` or `suppressed`.
        state: String,
        /// The sentence shown.
        message: String,
    },
    /// A remark typed by the user.
    Note {
        /// The remark.
        text: String,
    },
    /// The run ended.
    Stopped {
        /// Why, when known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// A kind this version does not know; kept out of every computation.
    #[serde(other)]
    Unknown,
}

/// The first event of a run: what is watched and how.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Started {
    /// [`FORMAT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Version of the recording program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Keep-alive asked for, in seconds; 0 = off.
    pub keep_alive_secs: u32,
    /// MQTT client id.
    pub client_id: String,
    /// Broker address without user information, query or fragment.
    pub endpoint: String,
    /// `"3.1.1"`, `"5"` or `"auto"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt_version: Option<String>,
    /// `tcp`, `tls`, `ws` or `wss`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<String>,
    /// Whether each connect asks for a fresh session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_session: Option<bool>,
    /// Field seconds per recorded second; only in scaled lab runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<f64>,
}

/// A connect attempt and its phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// 0 for the first connect of an outage-free run, then 1, 2, 3… within one outage.
    pub attempt_number: u32,
    /// The phases reached, in order.
    pub phases: Vec<PhaseTiming>,
}

/// The steps from nothing to an MQTT session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
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
    /// Anything worth knowing: address, TLS version and cipher, HTTP status…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How a connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectKind {
    /// First connect, or a connect after a disconnect asked for.
    Connected,
    /// Back after a drop.
    Resumed,
    /// Back after a drop, with everything rebuilt.
    DeepReconnected,
    /// A word this version does not know (the reference's users write `initial`).
    #[serde(other)]
    Other,
}

/// A session accepted by the broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Connected {
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
    /// Keep-alive in force, in seconds (MQTT 5: the server's, if it set one).
    pub keep_alive_secs: u32,
    /// Address and port of the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Own address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<String>,
    /// Protocol agreed on: `"3.1.1"` or `"5"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt_version: Option<String>,
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
pub enum How {
    /// The peer closed the TCP stream politely.
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

/// An established session that ended without being asked to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
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
    pub how: Option<How>,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectFailed {
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
    /// The end of the run.
    Shutdown,
}

/// One PUBLISH.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Topic name.
    pub topic: Arc<str>,
    /// Payload size in bytes.
    pub bytes: u64,
    /// Sent only: it went into the queue, not on the wire.
    #[serde(default, skip_serializing_if = "is_false")]
    pub queued: bool,
    /// Correlation id of the command it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Quality of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qos: Option<u8>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The result of one network probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// `icmp`, `tcp`, `dns`, `gateway` or `internet`.
    pub probe: String,
    /// Whether it was answered.
    pub ok: bool,
    /// Round trip in milliseconds.
    #[serde(default)]
    pub rtt_ms: Option<f64>,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<String>,
    /// What was probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The part of the system an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemSource {
    /// Interfaces, routes, Wi-Fi.
    Network,
    /// Suspend and resume.
    Power,
    /// Scheduled jobs.
    Cron,
    /// Address leases.
    Dhcp,
    /// The wall clock was stepped.
    Clock,
    /// A service started, stopped or failed.
    Service,
    /// Processor, memory, disk.
    Resource,
    /// A source this version does not know.
    #[serde(other)]
    Other,
}

/// The life of a command or publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// Waiting in the queue for a connection.
    Queued,
    /// On the wire (the end of a QoS 0 publish).
    Sent,
    /// PUBACK received.
    Acknowledged,
    /// The device answered.
    Answered,
    /// Too old when the connection came back.
    Expired,
    /// Sent, and the connection died before the acknowledgement.
    Lost,
    /// Pushed out of (or refused by) the full queue.
    DroppedFull,
    /// A state this version does not know.
    #[serde(other)]
    Other,
}

/// A command or publish changed state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Ties all states of one command together.
    pub correlation_id: String,
    /// What the user calls it.
    pub name: String,
    /// New state.
    pub state: CommandState,
    /// Milliseconds since it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
}
