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
mod event_pipeline;
mod event_queue;
mod push_throttle;
mod simulation_port;
mod task;

pub use device_session::DeviceSettings;
pub use simulation_port::SimulationPort;
pub use task::{MonitorHandle, MonitorSettings, spawn, spawn_with};
