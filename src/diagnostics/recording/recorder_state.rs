//! The state of the writer of a recording. The recorder reports it and screens show it; it is defined here, next to the
//! format, so that a screen needs nothing of the code that writes files.

use std::path::PathBuf;
use std::sync::Arc;

/// The state of the recorder.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum RecorderState {
    /// Switched off.
    #[default]
    Off,
    /// Writing.
    Recording {
        /// The current file.
        path: PathBuf,
        /// Bytes written to it.
        bytes: u64,
    },
    /// Not writing (disk full, no permission…); monitoring continues and writing is retried.
    Failing {
        /// The reason, as text.
        error: Arc<str>,
        /// Lines that could not be written so far.
        lost_lines: u64,
    },
}
