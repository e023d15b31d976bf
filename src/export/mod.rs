//! Everything that leaves the program as a file: the recording, the JSON export, the Markdown report.
//!
//! *Must not know* the monitor, the link or the screen: it is given snapshots, lines and paths.

mod build;
mod facts;
pub mod file;
pub mod markdown;
pub mod recorder;
pub mod redact;
pub mod schema;

pub use build::ExportOptions;
pub use file::{Destination, ExportError, save_json, save_report};
pub use recorder::{Recorder, RecorderSettings, RecorderState, RecorderTarget};
pub use redact::Redactor;
pub use schema::Export;
