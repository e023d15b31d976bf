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

mod automatic;
mod commander;
mod device;
mod folds;
mod pace;
mod published;
mod reports;
mod task;

pub use commander::DeviceSettings;
pub use folds::{Folds, Moment};
pub use published::{
    LinkActivity, Notice, NoticeKind, Playing, Published, RecorderState, Replay, Request, Runtime,
    Simulation, SimulationPort,
};
pub use reports::ReportSettings;
pub(crate) use reports::{Lost, ReportKind, Reports};
pub use task::{Handle, MonitorSettings, spawn, spawn_with};
