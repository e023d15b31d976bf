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
mod feed;
mod player;
mod present;
mod reel;
mod source;
mod tape;
mod task;

pub use player::{Player, SPEEDS};
pub use source::OpenError;
pub use tape::Tape;
pub use task::{Handle, ReplaySettings, StartAt, spawn};
