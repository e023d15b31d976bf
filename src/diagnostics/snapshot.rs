//! The immutable read model: everything a screen, an export or a headless line may show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::clean::clean;
use super::event::{
    Attempt, CommandState, ConnectFailedEvent, ConnectKind, DroppedEvent, Initiator, PhaseTiming,
    StartedEvent,
};
use super::time_totals::TimeTotals;
use super::{CommandHistory, History, Metrics, MqttVersion, RecordedWord, Stamp, TimeScale};

/// The state of the fold at one instant, in field time. Cloning is cheap: histories are shared.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The instant it describes; running durations are computed up to here.
    pub at: Stamp,
    /// Grows by one with every applied event; equal generations have equal content but for `at`.
    pub generation: u64,
    /// What is watched; `None` before the first `started`.
    pub started: Option<Arc<StartedEvent>>,
    /// When the run started (stamp of the first event).
    pub since: Stamp,
    /// The connection now.
    pub link: LinkState,
    /// Keep-alive in force or requested, in seconds.
    pub keep_alive_secs: u32,
    /// The protocol version of the newest session.
    pub mqtt_version: Option<RecordedWord<MqttVersion>>,
    /// Limits stated by the broker in the newest session.
    pub limits: Option<Arc<BTreeMap<String, u64>>>,
    /// Expiry of the newest credentials.
    pub credentials_expire_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Counters and sums by the names of the investigation guide.
    pub metrics: Metrics,
    /// Drops, oldest first.
    pub drops: History<DropRecord>,
    /// Accepted sessions, oldest first.
    pub connections: History<ConnectionRecord>,
    /// Things to mark on the timeline (notes, keep-alive changes, suspends…), oldest first.
    pub marks: History<Mark>,
    /// Notable events in words (no single messages, no pings), oldest first.
    pub log: History<LogEntry>,
    /// The newest connect attempt with its phases.
    pub last_attempt: Option<Arc<Attempt>>,
    /// The newest failed attempt of the current outage.
    pub last_failure: Option<Arc<ConnectFailedEvent>>,
    /// Round-trip times of PINGREQ→PINGRESP.
    pub ping: PingStats,
    /// Counts of one session so far, or of the last one while down.
    pub session: SessionCounts,
    /// Life cycle of commands and publishes: how many ever reached each state.
    pub commands: BTreeMap<CommandState, u64>,
    /// The newest commands one by one, their round trips, and whether the device is silent.
    pub command_history: CommandHistory,
    /// The experiment that runs, if one does.
    pub experiment: Option<Arc<RunningExperiment>>,
    /// Drops and sessions per keep-alive value.
    pub arms: Vec<KeepAliveArm>,
    /// Events of a kind this version does not know.
    pub unknown_events: u64,
    /// Sums of time, to advance from.
    pub(super) time_totals: TimeTotals,
    /// Whether time is observed: not after the end of the run.
    pub(super) running: bool,
    /// From the clocks of this computer to the stamps in here.
    pub(super) time_scale: TimeScale,
}

impl Snapshot {
    /// The state before the first event. The stamps mean nothing yet.
    pub(super) fn empty(max_events: usize) -> Self {
        let epoch = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        Self {
            at: epoch,
            generation: 0,
            started: None,
            since: epoch,
            link: LinkState::Idle,
            keep_alive_secs: 0,
            mqtt_version: None,
            limits: None,
            credentials_expire_at: None,
            metrics: Metrics {
                session_histogram: Arc::new(vec![0; Metrics::SESSION_BOUNDS.len() + 1]),
                ..Metrics::default()
            },
            drops: History::new(max_events),
            connections: History::new(max_events),
            marks: History::new(max_events),
            log: History::new(max_events),
            last_attempt: None,
            last_failure: None,
            ping: PingStats::default(),
            session: SessionCounts::default(),
            commands: BTreeMap::new(),
            command_history: CommandHistory::default(),
            experiment: None,
            arms: Vec::new(),
            unknown_events: 0,
            time_totals: TimeTotals::default(),
            running: true,
            time_scale: TimeScale::default(),
        }
    }
}

/// The connection, as far as events show it.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkState {
    /// No connect was attempted yet.
    Idle,
    /// The first connect of the run, or a requested one, is under way.
    Connecting {
        /// Since when.
        since: Stamp,
        /// Failed attempts so far.
        failures: u32,
    },
    /// A session is up.
    Connected {
        /// Since when.
        since: Stamp,
    },
    /// Lost; being reconnected.
    Down {
        /// Since when (detection of the drop).
        since: Stamp,
        /// Failed attempts so far.
        failures: u32,
    },
    /// Disconnected on purpose.
    Off {
        /// Since when.
        since: Stamp,
        /// By whom.
        by: Initiator,
    },
}

/// An experiment that runs, as its newest event describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningExperiment {
    /// The `id` of its events.
    pub id: String,
    /// Since when.
    pub since: Stamp,
    /// The details of its newest event, as recorded.
    pub details: BTreeMap<String, serde_json::Value>,
}

impl RunningExperiment {
    /// Key of the title among the details.
    pub const TITLE: &'static str = "title";

    /// What it does, free of control characters; its id where no title is recorded.
    pub fn title(&self) -> String {
        let title = self.details.get(Self::TITLE).and_then(serde_json::Value::as_str);
        clean(title.unwrap_or(&self.id)).into_owned()
    }
}

/// One drop with all facts about it.
#[derive(Debug, Clone, PartialEq)]
pub struct DropRecord {
    /// 1 for the first drop of the run.
    pub number: u64,
    /// When it was *detected*.
    pub at: Stamp,
    /// The event itself.
    pub event: DroppedEvent,
    /// When the session began; `None` if its `connected` was never seen.
    pub session_start: Option<Stamp>,
    /// Keep-alive in force, in seconds.
    pub keep_alive_secs: u32,
    /// Earliest and latest instant at which the session can have died: last byte received … detection.
    /// Where the last byte was not recorded, the last event from the broker is used instead.
    pub death_window: (Stamp, Stamp),
    /// Session age when the last byte was received (lower bound of the age at death); `None` if that time
    /// is unknown.
    pub session_age: Option<Duration>,
    /// Silence on the incoming side before the detection.
    pub idle_in: Option<Duration>,
    /// Silence on the outgoing side before the detection.
    pub idle_out: Option<Duration>,
    /// Messages, bytes and pings of the session.
    pub counts: SessionCounts,
    /// The attempt that made the session.
    pub attempt: Option<Arc<Attempt>>,
    /// Notable events of the 60 s before (newest [`DropRecord::MAX_CONTEXT_EVENTS`] at most), oldest first.
    pub before: Vec<Arc<LogEntry>>,
    /// Notable events of the 60 s after (first [`DropRecord::MAX_CONTEXT_EVENTS`] at most), oldest first.
    pub after: Vec<Arc<LogEntry>>,
    /// Failed connect attempts until it recovered.
    pub failed_attempts: u32,
    /// The recovery; `None` while down or if the user disconnected.
    pub recovery: Option<Recovery>,
}

impl DropRecord {
    /// How many log entries are kept on each side.
    pub const MAX_CONTEXT_EVENTS: usize = 16;
    /// How far the kept log entries reach on each side.
    pub const CONTEXT_SPAN: Duration = Duration::from_secs(60);
}

/// How an outage ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// When.
    pub at: Stamp,
    /// From detection of the drop to CONNACK.
    pub took: Duration,
    /// Whether the broker still had the session.
    pub session_present: bool,
    /// Phases of the attempt that succeeded.
    pub phases: Vec<PhaseTiming>,
}

/// One accepted session.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectionRecord {
    /// When CONNACK arrived.
    pub at: Stamp,
    /// The kind of the connect.
    pub event_type: ConnectKind,
    /// CONNACK session-present flag.
    pub session_present: bool,
    /// CONNACK code.
    pub return_code: Option<u8>,
    /// Which attempt succeeded.
    pub attempt_number: u32,
    /// Time since the drop it repaired; `None` without one.
    pub time_to_reconnect: Option<Duration>,
    /// Keep-alive in force, in seconds.
    pub keep_alive_secs: u32,
    /// When and how it ended; `None` while it lives.
    pub end: Option<SessionEnd>,
}

/// The end of a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionEnd {
    /// When.
    pub at: Stamp,
    /// `true`: a drop; `false`: requested, or not observed.
    pub dropped: bool,
}

/// A point worth a mark on the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When.
    pub at: Stamp,
    /// What kind.
    pub kind: MarkKind,
    /// In words.
    pub text: Arc<str>,
}

/// Kinds of timeline marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// A remark by the user.
    Note,
    /// The keep-alive changed.
    KeepAlive,
    /// The computer slept, a network interface changed, the clock was stepped…
    System,
    /// Disconnected on purpose.
    Disconnect,
    /// The first failed connect of an outage.
    ConnectFailed,
    /// A probe failed.
    Probe,
    /// An alert was raised.
    Alert,
    /// The device itself changed.
    Device,
    /// An experiment moved on.
    Experiment,
}

/// One notable event in words.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// When.
    pub at: Stamp,
    /// How serious.
    pub level: Level,
    /// One sentence, free of control characters.
    pub text: Arc<str>,
}

/// How serious a log entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Normal course of things.
    Info,
    /// Good news: connected, recovered.
    Good,
    /// Worth a look.
    Warn,
    /// A drop or a failed connect.
    Bad,
}

/// Round-trip times of the keep-alive pings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PingStats {
    /// Pings answered since the run started.
    pub count: u64,
    /// The newest round trips in milliseconds, oldest first (at most [`PingStats::RECENT`]).
    pub recent_ms: Arc<Vec<f32>>,
    /// Newest round trip in milliseconds.
    pub last_ms: Option<f64>,
    /// When the newest PINGRESP arrived.
    pub last_at: Option<Stamp>,
    /// Median in milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile in milliseconds.
    pub p95_ms: Option<f64>,
    /// 99th percentile in milliseconds.
    pub p99_ms: Option<f64>,
    /// Largest in milliseconds.
    pub max_ms: Option<f64>,
}

impl PingStats {
    /// How many recent round trips are kept for the sparkline.
    pub const RECENT: usize = 64;
}

/// What went over one session.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SessionCounts {
    /// Messages received.
    pub received: u64,
    /// Messages sent.
    pub published: u64,
    /// Pings answered.
    pub pings: u64,
    /// When the newest message (either way) passed.
    pub last_message: Option<Stamp>,
    /// When the newest own publish was sent.
    pub last_publish: Option<Stamp>,
    /// Subscriptions accepted by the broker.
    pub subscriptions: u32,
    /// Subscriptions refused by the broker (SUBACK 0x80 and above).
    pub refused_subscriptions: u32,
}

/// What happened under one keep-alive value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeepAliveArm {
    /// Keep-alive in seconds.
    pub keep_alive_secs: u32,
    /// Connected time under it.
    pub connected: Duration,
    /// Sessions accepted under it.
    pub sessions: u64,
    /// Drops under it.
    pub drops: u64,
}
