//! The one async task: drives the link, folds its events, records, exports, publishes snapshots.
//!
//! *Must not know* ratatui, crossterm or rumqttc.

mod published;

pub use published::{LinkActivity, Notice, NoticeKind, Published, RecorderState, Request, Runtime};
