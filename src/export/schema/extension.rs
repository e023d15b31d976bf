//! What dropscope adds to the reference's export.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::classify::{Classification, Diagnosis};

/// The content of the key `dropscope`. Durations are seconds, times are strings like those of the
/// reference. Null means: not known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub version: String,
    /// Whether identities were replaced by placeholders.
    pub redacted: bool,
    /// The time described.
    pub period: Period,
    /// Broker address.
    pub endpoint: Option<String>,
    /// `tcp`, `tls`, `ws` or `wss`.
    pub transport: Option<String>,
    /// Protocol of the newest session, or the requested one before the first session.
    pub mqtt_version: Option<String>,
    /// MQTT client id.
    pub client_id: Option<String>,
    /// Keep-alive in force, in seconds.
    pub keep_alive_secs: u32,
    /// Field seconds per recorded second; only in scaled lab runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<f64>,
    /// Connected share of the time that was meant to be connected, 0…1.
    pub availability: Option<f64>,
    /// The same without the time from the last proof of life to the detection of each drop, 0…1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_proven: Option<f64>,
    /// Connected time per drop.
    pub mtbf_secs: Option<f64>,
    /// Mean time from drop to recovery.
    pub mttr_secs: Option<f64>,
    /// Share of it that this client itself waited between its attempts, 0…1; absent where the attempts were not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_waiting_share: Option<f64>,
    /// Lengths of the sessions that ended in a drop.
    pub session_percentiles: Option<SecondsPercentiles>,
    /// Times to recover.
    pub recovery_percentiles: Option<SecondsPercentiles>,
    /// Drops by the layer whose signal ended the session (`unknown` = not recorded).
    pub drops_by_layer: BTreeMap<String, u64>,
    /// Drops by manner (`unknown` = not recorded).
    pub drops_by_how: BTreeMap<String, u64>,
    /// Connect attempts that failed.
    pub connect_failures: ConnectFailures,
    /// Round trips of the keep-alive pings.
    pub latency: Latency,
    /// What happened under each keep-alive.
    pub keep_alive_arms: Vec<ArmEntry>,
    /// Planned experiments and their verdicts.
    pub experiments: Vec<serde_json::Value>,
    /// Which pattern the drops follow; null without a verdict.
    pub classification: Option<Classification>,
    /// What follows from the pattern, in words; null without a verdict.
    #[serde(default)]
    pub diagnosis: Option<Diagnosis>,
    /// Facts that bear on the cause.
    pub evidence: Evidence,
    /// Alerts raised.
    pub alerts: Vec<AlertEntry>,
    /// How many commands and publishes ever reached each state.
    pub commands: BTreeMap<String, u64>,
    /// The same drops as `recent_drops`, with all facts about them.
    pub drops: Vec<DropDetails>,
    /// What did not fit.
    pub overflow: Overflow,
}

/// The time described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// Start of the run.
    pub start: String,
    /// The moment of the export.
    pub end: String,
    /// Length on the boot clock.
    pub observed_secs: f64,
    /// Time with a session.
    pub connected_secs: f64,
    /// Time without one, `planned_down_secs` included.
    pub down_secs: f64,
    /// Time without one after a requested disconnect.
    pub planned_down_secs: f64,
}

/// Points of a distribution, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondsPercentiles {
    /// How many values.
    pub count: u64,
    /// Smallest.
    pub min: f64,
    /// 10th percentile.
    pub p10: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Largest.
    pub max: f64,
}

/// Connect attempts that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectFailures {
    /// All of them.
    pub total: u64,
    /// By error name.
    pub by_error: BTreeMap<String, u64>,
}

/// Round trips of the keep-alive pings, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Pings answered.
    pub count: u64,
    /// Newest.
    pub last_ms: Option<f64>,
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
    /// Largest.
    pub max_ms: Option<f64>,
}

/// What happened under one keep-alive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmEntry {
    /// Keep-alive in seconds.
    pub keep_alive_secs: u32,
    /// Connected time under it.
    pub connected_secs: f64,
    /// Sessions accepted under it.
    pub sessions: u64,
    /// Drops under it.
    pub drops: u64,
}

/// Facts that bear on the cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Observations in sentences, the most informative first.
    pub facts: Vec<String>,
    /// Information that is needed and missing.
    pub missing: Vec<String>,
    /// Limits the broker stated (MQTT 5).
    pub broker_limits: BTreeMap<String, u64>,
    /// Expiry of the newest credentials.
    pub credentials_expire_at: Option<String>,
    /// Messages received.
    pub messages_received: u64,
    /// Subscriptions refused.
    pub refused_subscriptions: u64,
    /// Suspends of this computer.
    pub suspends: u64,
    /// Steps of the wall clock.
    pub clock_steps: u64,
    /// Notes, keep-alive changes, suspends and so on, oldest first.
    pub marks: Vec<MarkEntry>,
}

/// A point worth a mark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarkEntry {
    /// When.
    pub timestamp: String,
    /// `note`, `keep_alive`, `system`, `disconnect`, `connect_failed`, `probe`, `alert`.
    pub kind: String,
    /// In words.
    pub text: String,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertEntry {
    /// When it was raised.
    pub timestamp: String,
    /// The sentence shown.
    pub message: String,
}

/// Earliest and latest moment at which the session can have died.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeathWindowEntry {
    /// The last sign of life.
    pub earliest: String,
    /// The detection, at the latest.
    pub latest: String,
    /// The time between.
    pub width_secs: f64,
}

/// One drop with all facts about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DropDetails {
    /// 1 for the first drop of the run.
    pub number: u64,
    /// When it was detected.
    pub timestamp: String,
    /// Stable name.
    pub error_name: Option<String>,
    /// Layer whose signal ended the session.
    pub layer: Option<String>,
    /// Manner in which it ended.
    pub how: Option<String>,
    /// MQTT 5 DISCONNECT reason code.
    pub reason_code: Option<u8>,
    /// WebSocket close code.
    pub ws_close_code: Option<u16>,
    /// Keep-alive in force, in seconds.
    pub keep_alive_secs: u32,
    /// When the session began.
    pub session_start: Option<String>,
    /// Age of the session when the last byte was received.
    pub session_age_secs: Option<f64>,
    /// When it can have died.
    pub death_window: DeathWindowEntry,
    /// Silence on the incoming side before the detection.
    pub idle_in_secs: Option<f64>,
    /// Silence on the outgoing side before the detection.
    pub idle_out_secs: Option<f64>,
    /// Messages received in the session.
    pub messages_received: u64,
    /// Messages sent in the session.
    pub messages_published: u64,
    /// Pings answered in the session.
    pub pings: u64,
    /// Phases of the connect that made the session.
    pub connect_phases: Vec<AttemptPhase>,
    /// The last packets, oldest first.
    pub last_packets: Vec<PacketEntry>,
    /// Notable events of the minute before.
    pub before: Vec<LogLine>,
    /// Notable events of the minute after.
    pub after: Vec<LogLine>,
    /// Failed connect attempts until it was back.
    pub failed_attempts: u32,
    /// How it came back; null while down.
    pub recovery: Option<RecoveryEntry>,
}

/// How one phase of a connect went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AttemptPhase {
    /// `dns`, `tcp`, `tls`, `websocket` or `connack`.
    pub phase: String,
    /// Milliseconds it took.
    pub ms: Option<f64>,
    /// Whether it succeeded.
    pub ok: bool,
    /// What went wrong.
    pub error: Option<String>,
    /// Address, TLS version and so on.
    pub detail: Option<String>,
}

/// One MQTT packet before a drop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PacketEntry {
    /// Seconds before the detection.
    pub ago_secs: Option<f64>,
    /// `in` or `out`.
    pub direction: String,
    /// Packet type.
    pub packet: String,
    /// Topic of a PUBLISH.
    pub topic: Option<String>,
    /// Size in bytes.
    pub bytes: u32,
}

/// One notable event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub timestamp: String,
    /// One sentence.
    pub text: String,
}

/// How an outage ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryEntry {
    /// When.
    pub timestamp: String,
    /// From detection to CONNACK.
    pub took_secs: f64,
    /// Whether the broker still had the session.
    pub session_present: bool,
    /// Phases of the attempt that succeeded.
    pub phases: Vec<AttemptPhase>,
}

/// What did not fit or could not be understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Overflow {
    /// Drops pushed out of the bounded history.
    pub drops_evicted: u64,
    /// Sessions pushed out of it.
    pub connections_evicted: u64,
    /// Marks pushed out of it.
    pub marks_evicted: u64,
    /// Log entries pushed out of it.
    pub log_evicted: u64,
    /// All of these together.
    pub events_evicted: u64,
    /// Events of a kind this version does not know.
    pub unknown_events: u64,
    /// Events lost because a queue was full.
    pub events_lost: u64,
    /// Recording lines that could not be written.
    pub recording_lines_lost: u64,
}
