//! A recording as if it were live: the same folds, published on the same channel, taking the same requests.
//!
//! ```text
//!  files ─► Tape: lines ─► folds ─► Arc<Published>       the screens see no difference but `Runtime::replay`
//!             ▲ checkpoints: place in the file + folds
//!  Request ─► Player: position, speed, where to go next  pure; time passed in
//! ```
//!
//! The recording is read once to learn its length and its drops, leaving a bounded number of checkpoints.
//! Going somewhere means: the nearest checkpoint before, then the events from there. Events are never kept.
//!
//! *Must not know* screens, sockets or the link.

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
