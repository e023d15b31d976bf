//! The one async task: drives the link, folds its events, records, exports, publishes snapshots.
//!
//! ```text
//!  Request ─► ┌─────────────────────────────────────────┐ ─► watch<Arc<Published>>   screens, headless
//!             │ select: request · link.next() · timers   │ ─► broadcast<Arc<Observed>> every event, losses counted
//!  Link ────► │ observe: record → fold → publish         │ ─► recorder thread          one line an event
//!             └─────────────────────────────────────────┘ ─► blocking pool            exports, reports
//! ```
//!
//! Nothing here waits for a disk, a screen or a reader: every way out is bounded and counts what it
//! loses. *Must not know* ratatui, crossterm or rumqttc.

mod automatic_commands;
mod device;
mod device_session;
mod event_fold;
mod live_state;
mod push_throttle;
mod reports;
mod task;

pub use device_session::DeviceSettings;
pub use event_fold::{DiagnosticState, EventFold};
pub use live_state::{
    LinkActivity, LiveState, MonitorRequest, Notice, NoticeKind, PlaybackAction, RecorderState, ReplayStatus,
    RuntimeStatus, Simulation, SimulationPort,
};
pub use reports::ReportSettings;
pub(crate) use reports::{LostCounts, ReportKind, Reports};
pub use task::{MonitorHandle, MonitorSettings, spawn, spawn_with};
