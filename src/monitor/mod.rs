//! The one async task: drives the link, records and folds its events, writes exports, pushes the newest state.
//!
//! ```text
//!  MonitorRequest ─► ┌────────────────────────────────────────┐ ─► watch<Arc<LiveState>>        screens, headless
//!                    │ select: request · link.next() · timers │ ─► broadcast<Arc<StampedEvent>> every event, losses counted
//!  Link ───────────► │ observe: record → fold → push          │ ─► recorder thread              one line per event
//!                    └────────────────────────────────────────┘ ─► blocking pool                exports, reports
//! ```
//!
//! Every event passes the same steps: the event queue orders it, the device session derives the events that follow from it, the
//! event pipeline records, folds and broadcasts it.
//!
//! Nothing here waits for a disk, a screen or a reader: every output is bounded and counts its losses. *Must not depend on*
//! ratatui, crossterm or rumqttc.

mod automatic_commands;
mod device;
mod device_session;
mod event_pipeline;
mod event_queue;
mod push_throttle;
mod separation;
mod simulation_port;
mod started_event;
mod task;

pub use device_session::DeviceSettings;
pub use simulation_port::SimulationPort;
pub use task::{MonitorHandle, MonitorSettings, spawn, spawn_with};
