//! The replay of a recording: the same fold, the same state and the same requests as live.
//!
//! ```text
//!  files ──────────► RecordingPlayer: lines ─► EventFold ─► Arc<LiveState>   as live, plus `RuntimeStatus::replay`
//!                      ▲ checkpoints: position in the file + fold
//!  MonitorRequest ─► Playback: position and speed                             pure; time is passed in
//! ```
//!
//! The recording is read once to learn its length and its drops, leaving a bounded number of checkpoints.
//! A seek continues from the nearest checkpoint before the target. Events are not retained.
//!
//! *Must not depend on* screens, sockets, the link or the monitor.

mod checkpoints;
mod event_reader;
mod playback;
mod recording_player;
mod replay_state;
mod runtime_status;
mod source;
mod task;

pub use playback::{Playback, SPEEDS};
pub use recording_player::RecordingPlayer;
pub use source::OpenError;
pub use task::{ReplayHandle, ReplaySettings, StartAt, spawn};
