//! Exports and reports: when they are due, and writing them without holding up the link.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinSet;

use super::NoticeKind;
use crate::diagnostics::{Snapshot, Stamp, clean};
use crate::export::{Export, ExportOptions, file, markdown};

/// Where and when exports are written.
#[derive(Debug, Clone)]
pub struct ReportSettings {
    /// Directory of reports, and of exports named by time.
    pub dir: PathBuf,
    /// One file that each JSON export replaces instead.
    pub file: Option<PathBuf>,
    /// Export this often.
    pub every: Option<Duration>,
    /// Export at the end of the run.
    pub at_exit: bool,
    /// Redaction and the like.
    pub options: ExportOptions,
}

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportKind {
    Json,
    Markdown,
}

/// What was lost so far because a queue was full; goes into every export.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lost {
    pub(super) events: u64,
    pub(super) recording_lines: u64,
}

/// How writing went, to be shown.
type Done = (NoticeKind, String);

/// Writes reports on the blocking pool, one at a time in order of request.
#[derive(Debug)]
pub(super) struct Reports {
    settings: ReportSettings,
    running: JoinSet<Option<Done>>,
    last_periodic: Option<Stamp>,
}

impl Reports {
    pub(super) fn new(settings: ReportSettings) -> Self {
        Self { settings, running: JoinSet::new(), last_periodic: None }
    }

    /// Whether the periodic export is due; asked once a second, it starts counting at the first call.
    pub(super) fn is_due(&mut self, now: Stamp) -> bool {
        let Some(every) = self.settings.every else { return false };
        let last = *self.last_periodic.get_or_insert(now);
        let due = now.since(last) >= every;
        if due {
            self.last_periodic = Some(now);
        }
        due
    }

    /// Starts writing; a file named by time is named by `now`, for the snapshot may tell of another time.
    /// A success nobody asked for is silent; a failure never is.
    pub(super) fn write(
        &mut self,
        kind: ReportKind,
        snapshot: Snapshot,
        now: Stamp,
        lost: Lost,
        asked: bool,
    ) {
        let mut settings = self.settings.clone();
        settings.options.events_lost = lost.events;
        settings.options.recording_lines_lost = lost.recording_lines;
        self.running.spawn_blocking(move || {
            let done = write(kind, &snapshot, now, &settings);
            (asked || done.0 == NoticeKind::Bad).then_some(done)
        });
    }

    /// The next report that has something to say. Cancel-safe; pends while none is being written.
    pub(super) async fn finished(&mut self) -> Done {
        loop {
            match self.running.join_next().await {
                Some(Ok(Some(done))) => return done,
                Some(Ok(None)) => {}
                Some(Err(error)) => return (NoticeKind::Bad, format!("the export failed: {error}")),
                None => std::future::pending().await,
            }
        }
    }

    /// Writes the last export, if one is wanted, and waits for everything under way.
    pub(super) async fn finish(&mut self, snapshot: Snapshot, now: Stamp, lost: Lost) -> Vec<Done> {
        if self.settings.at_exit {
            self.write(ReportKind::Json, snapshot, now, lost, true);
        }
        let mut said = Vec::new();
        while let Some(result) = self.running.join_next().await {
            match result {
                Ok(done) => said.extend(done),
                Err(error) => said.push((NoticeKind::Bad, format!("the export failed: {error}"))),
            }
        }
        said
    }
}

fn write(kind: ReportKind, snapshot: &Snapshot, now: Stamp, settings: &ReportSettings) -> Done {
    match write_file(kind, snapshot, now, settings) {
        Ok(path) => (NoticeKind::Good, format!("written {}", clean::clean(&path.display().to_string()))),
        Err(sentence) => (NoticeKind::Bad, sentence),
    }
}

fn write_file(
    kind: ReportKind,
    snapshot: &Snapshot,
    now: Stamp,
    settings: &ReportSettings,
) -> Result<PathBuf, String> {
    let export = Export::from_snapshot(snapshot, &settings.options);
    let (prefix, extension, text) = match kind {
        ReportKind::Json => ("diagnostics", "json", export.to_json().map_err(|error| error.to_string())?),
        ReportKind::Markdown => ("report", "md", markdown::report(&export)),
    };
    match &settings.file {
        Some(path) if kind == ReportKind::Json => file::replace(path, text.as_bytes()),
        _ => file::write_new(&settings.dir, prefix, now.wall, extension, text.as_bytes()),
    }
    .map_err(|error| error.to_string())
}
