//! Everything that can happen to a connection, as data.
//!
//! These are the kinds of recording format `dropscope-recording/1`. Fields marked optional there are
//! `Option` here, so that recordings of other programs with only the mandatory fields can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::recorded_word::Word;
use super::{RecordedWord, Stamp, Transport, VersionChoice};

mod link;
mod seconds;

/// A keep-alive in field time is a whole number of seconds; only one that is off is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "out of range becomes the nearest end"
)]
pub(crate) fn whole_secs(keep_alive: f64) -> u32 {
    if keep_alive > 0.0 { (keep_alive.round() as u32).max(1) } else { 0 }
}

pub use link::{
    Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Initiator, Layer,
    PacketNote, Phase, PhaseTiming,
};

/// The name of the recording format written by this version.
pub const FORMAT: &str = "dropscope-recording/1";

/// An event and when it was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct StampedEvent {
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
    Started(StartedEvent),
    /// One connect attempt ended (well or badly); how long each phase took.
    Attempt(Attempt),
    /// A session was accepted by the broker (CONNACK 0).
    Connected(ConnectedEvent),
    /// An established session ended without a request from this side.
    Dropped(DroppedEvent),
    /// A connect attempt failed.
    ConnectFailed(ConnectFailedEvent),
    /// An established session was ended on purpose (not a drop).
    Disconnected {
        /// Who requested it.
        by: Initiator,
    },
    /// The broker answered a SUBSCRIBE.
    Subscribed {
        /// Topic filters, in request order.
        filters: Vec<String>,
        /// SUBACK codes, one per filter; 0x80 and above are refusals.
        return_codes: Vec<u8>,
    },
    /// A PUBLISH was sent to the broker, or put in the queue.
    Published(Message),
    /// A PUBLISH arrived.
    Received(Message),
    /// Messages of a window counted together, because they were too fast to record one by one.
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
    Probe(ProbeResult),
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
        #[serde(with = "seconds")]
        from: f64,
        /// Seconds from now on.
        #[serde(with = "seconds")]
        to: f64,
    },
    /// New credentials came into force.
    Credentials {
        /// When they expire.
        expires_at: DateTime<Utc>,
    },
    /// A command or publish changed state.
    Command(CommandUpdate),
    /// The device itself changed (started heating, reports an error), as its driver reports it.
    Device {
        /// What changed, in words.
        message: String,
    },
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
        /// The new state.
        state: RecordedWord<AlertState>,
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
pub struct StartedEvent {
    /// [`FORMAT`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Version of the recording program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Requested keep-alive, in recorded seconds (fractions only in scaled lab runs); 0 = off.
    #[serde(with = "seconds")]
    pub keep_alive_secs: f64,
    /// MQTT client id.
    pub client_id: String,
    /// Broker address without user information, query or fragment.
    pub endpoint: String,
    /// The requested protocol version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt_version: Option<RecordedWord<VersionChoice>>,
    /// How the broker is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transport: Option<RecordedWord<Transport>>,
    /// Whether each connect requests a clean session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clean_session: Option<bool>,
    /// Field seconds per recorded second; only in scaled lab runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<f64>,
}

/// One PUBLISH.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde requires")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The result of one network probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
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

impl SystemSource {
    /// Its name in recordings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Power => "power",
            Self::Cron => "cron",
            Self::Dhcp => "dhcp",
            Self::Clock => "clock",
            Self::Service => "service",
            Self::Resource => "resource",
            Self::Other => "other",
        }
    }
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
    /// The broker refused it (PUBACK or PUBREC with a reason code of 0x80 or more).
    Refused,
    /// Never sent: larger than the packets that the broker accepts.
    TooLarge,
    /// Never sent: its topic is not valid, or a test holds it back.
    NotSent,
    /// Pushed out of (or refused by) the full queue.
    DroppedFull,
    /// Sent, and the device did not answer in time.
    Unanswered,
    /// A state this version does not know.
    #[serde(other)]
    Other,
}

/// The state of an alert rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// The condition holds.
    Raised,
    /// The condition is over.
    Cleared,
    /// The condition holds, and the alert is not shown.
    Suppressed,
}

impl Word for AlertState {
    const ALL: &'static [Self] = &[Self::Raised, Self::Cleared, Self::Suppressed];

    fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Cleared => "cleared",
            Self::Suppressed => "suppressed",
        }
    }
}

/// A command or publish changed state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CommandUpdate {
    /// Ties all states of one command together.
    pub correlation_id: String,
    /// Its name for the user.
    pub name: String,
    /// New state.
    pub state: CommandState,
    /// Milliseconds since it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
}
