//! Analysis of recordings and exports, read together.
//!
//! The module must not depend on the link, the monitor or the screens. Files of any size and number are read as streams,
//! in the order of time; every event passes the same fold and the same classifier as in a live run. Invalid content is
//! no error: it is counted and reported.

pub mod find;
mod from_export;
mod merge;
mod report;
mod source;

use std::path::Path;
use std::sync::Arc;

use crate::classify::Verdict;
use crate::diagnostics::Snapshot;
use crate::diagnostics::clean::clean;
use crate::diagnostics::recording::DecodeStats;
use crate::state::{DiagnosticState, EventFold};

pub use find::{InputLookup, InputSource, find_inputs};
use merge::SourceMerge;
pub use report::{AnalysisReport, TextStyle};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileFormat {
    /// JSON Lines, one event per line.
    Recording,
    /// An export of this program.
    Export,
    /// An export of the reference collector.
    ReferenceExport,
    /// No known format.
    Unreadable,
}

impl FileFormat {
    /// The name in JSON output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Export => "export",
            Self::ReferenceExport => "reference_export",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The result of reading one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// Its path, safe to print; `standard input` for `-`.
    pub name: String,
    /// Its format.
    pub format: FileFormat,
    /// Counts of lines and events.
    pub tally: DecodeStats,
    /// Remarks, in sentences: what it counts but does not list, where reading ended.
    pub remarks: Vec<String>,
}

/// The result of reading all input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputReport {
    /// Every file; those without an event are last.
    pub files: Vec<FileReport>,
    /// Events taken into account.
    pub events: u64,
    /// Events left out because another file contains them as well.
    pub duplicate_events: u64,
    /// Sentences about files that do not belong together.
    pub warnings: Vec<String>,
    /// Client ids seen (the first 64), for redaction.
    pub clients: Vec<String>,
}

impl InputReport {
    /// Counts of all files together.
    pub fn tally(&self) -> DecodeStats {
        self.files.iter().fold(DecodeStats::default(), |sum, file| DecodeStats {
            lines: sum.lines + file.tally.lines,
            events: sum.events + file.tally.events,
            unknown: sum.unknown + file.tally.unknown,
            malformed: sum.malformed + file.tally.malformed,
            oversized: sum.oversized + file.tally.oversized,
            truncated: sum.truncated + file.tally.truncated,
        })
    }
}

/// The state and the verdict after all files.
#[derive(Debug)]
pub struct Analysis {
    /// The state after the last event.
    pub snapshot: Snapshot,
    /// The verdict on the drops.
    pub verdict: Arc<Verdict>,
}

/// Reads and classifies all input; `None` if there is no event. Retains at most `max_events` drops, sessions, marks and
/// log entries; memory does not depend on the size of recordings.
pub fn analyze(inputs: Vec<InputSource>, max_events: usize) -> (Option<Analysis>, InputReport) {
    let mut merge = SourceMerge::new(inputs);
    let mut fold = EventFold::without_live_verdict(max_events);
    let mut last = None;
    while let Some(observed) = merge.next() {
        fold.apply(observed.at, &observed.event);
        last = Some(observed.at);
    }
    let analysis = last.map(|at| {
        let DiagnosticState { snapshot, verdict } = fold.state_at(at);
        Analysis { snapshot, verdict }
    });
    (analysis, merge.into_report())
}

/// A path as text without control characters.
fn display_path(path: &Path) -> String {
    clean(&path.to_string_lossy()).into_owned()
}
