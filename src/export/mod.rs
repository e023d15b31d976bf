//! Everything that leaves the program as a file: the recording, the JSON export, the Markdown report.
//!
//! *Must not depend on* the monitor, the link or the screen: it is given snapshots, lines and paths.
//!
//! An export every five minutes, as a service would make it:
//!
//! ```
//! use std::time::Duration;
//!
//! use dropscope::diagnostics::{Diagnostics, Snapshot, Stamp};
//! use dropscope::export::{Destination, Export, ExportOptions, save_json};
//! use tokio::sync::watch;
//!
//! async fn export_every(
//!     pause: Duration,
//!     mut snapshots: watch::Receiver<Snapshot>,
//!     to: Destination,
//! ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//!     let mut timer = tokio::time::interval(pause);
//!     while snapshots.has_changed().is_ok() {
//!         timer.tick().await;
//!         let (snapshot, to) = (snapshots.borrow_and_update().clone(), to.clone());
//!         let export = Export::of(&snapshot, None, &ExportOptions::default());
//!         // A slow disk must not hold up the connection.
//!         tokio::task::spawn_blocking(move || save_json(&export, snapshot.at.wall, &to)).await??;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let dir = tempfile::tempdir()?;
//! let now = Stamp::new("2026-08-03T12:00:00Z".parse()?, Duration::ZERO);
//! let (publisher, snapshots) = watch::channel(Diagnostics::new(1000).snapshot(now));
//! let to = Destination::Directory(dir.path().to_owned());
//! let exports = tokio::spawn(export_every(Duration::from_secs(300), snapshots, to));
//! tokio::time::sleep(Duration::from_secs(601)).await;
//! drop(publisher);
//! exports.await?.map_err(|error| error.to_string())?;
//! assert_eq!(std::fs::read_dir(dir.path())?.count(), 4);
//! # Ok(())
//! # }
//! ```

mod build;
pub mod file;
pub mod markdown;
pub mod recorder;
pub mod redact;
pub mod schema;
mod verdict;

pub use build::{ExportOptions, redactor};
pub use file::{Destination, ExportError, save_json, save_report};
pub use recorder::{Recorder, RecorderSettings, RecorderTarget};
pub use redact::Redactor;
pub use schema::Export;
