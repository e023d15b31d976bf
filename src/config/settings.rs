//! The resolved settings, one struct per concern.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::device::ConfiguredDevice;
use crate::diagnostics::NameMask;
use crate::exit::FailOn;
use crate::logging::LogSettings;
use crate::mqtt::settings::LinkSettings;

/// All settings, resolved and validated. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ResolvedSettings {
    /// The connection.
    pub link: LinkSettings,
    /// The device behind the broker, if the file describes one.
    pub device: Option<ConfiguredDevice>,
    /// Send nothing to the device automatically.
    pub quiet_link: bool,
    /// The recording.
    pub recording: RecordingSettings,
    /// JSON exports and reports.
    pub export: ExportSettings,
    /// The run as a whole.
    pub run: RunSettings,
    /// The screen.
    pub ui: UiSettings,
    /// The program's own log.
    pub log: LogSettings,
    /// Names that are masked in all output.
    pub name_mask: NameMask,
}

/// Where the recording goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingDestination {
    /// Nowhere.
    Off,
    /// Exactly this file, appended to.
    File(PathBuf),
    /// One file per run in this directory.
    Directory(PathBuf),
}

/// The recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingSettings {
    /// Where it goes.
    pub destination: RecordingDestination,
    /// Size in bytes at which a new file starts.
    pub max_bytes: u64,
    /// Files kept, the current one included.
    pub max_files: usize,
}

/// JSON exports and Markdown reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSettings {
    /// Directory for files named by time.
    pub dir: PathBuf,
    /// One file that is replaced by each JSON export instead.
    pub file: Option<PathBuf>,
    /// Interval of automatic exports.
    pub every: Option<Duration>,
    /// Replace account, ids, names and addresses by placeholders.
    pub redact: bool,
}

/// The run as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// No terminal screen: lines on standard error.
    pub headless: bool,
    /// Recording lines on standard output.
    pub json: bool,
    /// When to stop; `None` = never.
    pub duration: Option<Duration>,
    /// Conditions that make the run count as failed.
    pub fail_on: Vec<FailOn>,
    /// Drops, sessions, marks and log entries kept in memory, each.
    pub max_events: usize,
}

/// The screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiSettings {
    /// Without colors.
    pub no_color: bool,
    /// ASCII characters only.
    pub ascii: bool,
    /// Mouse wheel and clicks.
    pub mouse: bool,
    /// Keys by action name, replacing the built-in ones.
    pub keys: BTreeMap<String, Vec<String>>,
}
