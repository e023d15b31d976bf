//! The pure core: events, the fold over them, and the snapshot everything else reads.
//!
//! *Must not depend on* tokio, ratatui, rumqttc, files, sockets or a clock: time arrives as [`Stamp`]s.

mod advance;
pub mod aws_limits;
pub mod clean;
mod clock_watch;
pub mod codes;
pub mod commands;
mod distribution;
pub mod drop_description;
pub mod error_name;
pub mod event;
pub mod facts;
pub mod failure;
mod fold;
mod history;
mod link_activity;
mod metrics;
mod name_mask;
mod protocol;
mod recorded_word;
pub mod recording;
pub mod sentence;
mod snapshot;
pub mod summary;
mod time;
mod time_scale;
mod time_totals;
pub mod topics;
pub mod traffic;
pub mod words;

pub use clock_watch::ClockMonitor;
pub use commands::{CommandHistory, CommandRecord};
pub use error_name::ErrorName;
pub use event::{Event, StampedEvent};
pub use fold::Diagnostics;
pub use history::History;
pub use link_activity::LinkActivity;
pub use metrics::{Metrics, Percentiles};
pub use name_mask::NameMask;
pub use protocol::{MqttVersion, Transport, VersionChoice};
pub use recorded_word::{RecordedWord, Word};
pub use snapshot::{
    ConnectionRecord, DropRecord, KeepAliveArm, Level, LinkState, LogEntry, Mark, MarkKind, PingStats,
    Recovery, RunningExperiment, SessionCounts, SessionEnd, Snapshot,
};
pub use time::{Clock, ClockReading, Stamp};
pub use time_scale::TimeScale;
