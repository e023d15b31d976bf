//! Exports and reports: when they are due, and writing them on the blocking pool, one after another.
//!
//! The monitor and the replay use it, so that neither waits for a disk. *Must not depend on* the link or the screens.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::diagnostics::{Stamp, clean};
use crate::export::{Destination, Export, ExportOptions, save_json, save_report};
use crate::state::{DiagnosticState, NoticeKind};

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

impl ReportSettings {
    /// Exports and reports on request only, redacted, named by time in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, file: None, every: None, at_exit: false, options: ExportOptions::default() }
    }
}

/// The kind of document to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportKind {
    Json,
    Markdown,
}

/// Losses so far because a queue was full; part of every export.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LostCounts {
    pub(crate) events: u64,
    pub(crate) recording_lines: u64,
}

/// The outcome of writing, to be shown.
type ReportOutcome = (NoticeKind, String);

/// Reports that may wait for a slow disk; more would repeat each other.
const MAX_WAITING: usize = 8;

/// One queued report.
#[derive(Debug)]
struct ReportJob {
    kind: ReportKind,
    state: DiagnosticState,
    now: Stamp,
    settings: ReportSettings,
    is_requested: bool,
}

/// Writes reports one at a time in order of request, so that an older state never replaces a newer one in the same file.
#[derive(Debug)]
pub(crate) struct ReportWriter {
    settings: ReportSettings,
    waiting: VecDeque<ReportJob>,
    running: JoinSet<Option<ReportOutcome>>,
    last_periodic: Option<Stamp>,
}

impl ReportWriter {
    pub(crate) fn new(settings: ReportSettings) -> Self {
        Self { settings, waiting: VecDeque::new(), running: JoinSet::new(), last_periodic: None }
    }

    /// Whether the periodic export is due. Called once a second; the interval begins at the first call.
    pub(crate) fn is_due(&mut self, now: Stamp) -> bool {
        let Some(every) = self.settings.every else { return false };
        let last = *self.last_periodic.get_or_insert(now);
        let due = now.since(last) >= every;
        if due {
            self.last_periodic = Some(now);
        }
        due
    }

    /// Queues a report. A file named by time is named by `now`, because the state may be of another time. The success of a
    /// report that was not requested is silent, a failure never is. Returns a failure at once if too many reports wait.
    #[must_use]
    pub(crate) fn write(
        &mut self,
        kind: ReportKind,
        state: DiagnosticState,
        now: Stamp,
        lost_counts: LostCounts,
        is_requested: bool,
    ) -> Option<ReportOutcome> {
        if self.waiting.len() >= MAX_WAITING {
            let text = format!("not written: {MAX_WAITING} exports are already queued");
            return Some((NoticeKind::Bad, text));
        }
        let mut settings = self.settings.clone();
        settings.options.events_lost = lost_counts.events;
        settings.options.recording_lines_lost = lost_counts.recording_lines;
        self.waiting.push_back(ReportJob { kind, state, now, settings, is_requested });
        self.start_next();
        None
    }

    fn start_next(&mut self) {
        if !self.running.is_empty() {
            return;
        }
        if let Some(job) = self.waiting.pop_front() {
            self.running.spawn_blocking(move || {
                let outcome = write(&job);
                (job.is_requested || outcome.0 == NoticeKind::Bad).then_some(outcome)
            });
        }
    }

    /// The end of the running report, with its outcome if there is one to show; `None` when none is running.
    async fn next_outcome(&mut self) -> Option<Option<ReportOutcome>> {
        let ended = self.running.join_next().await?;
        self.start_next();
        Some(ended.unwrap_or_else(|error| Some((NoticeKind::Bad, format!("the export failed: {error}")))))
    }

    /// The next outcome to show. Cancel-safe; pends while no report is being written.
    pub(crate) async fn next_finished(&mut self) -> ReportOutcome {
        loop {
            match self.next_outcome().await {
                Some(Some(outcome)) => return outcome,
                Some(None) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Writes the last export, if the settings require one, and waits for all queued reports.
    pub(crate) async fn finish(
        &mut self,
        state: DiagnosticState,
        now: Stamp,
        lost_counts: LostCounts,
    ) -> Vec<ReportOutcome> {
        let mut outcomes = Vec::new();
        if self.settings.at_exit {
            while self.waiting.len() >= MAX_WAITING {
                outcomes.extend(self.next_outcome().await.flatten());
            }
            outcomes.extend(self.write(ReportKind::Json, state, now, lost_counts, true));
        }
        while let Some(outcome) = self.next_outcome().await {
            outcomes.extend(outcome);
        }
        outcomes
    }
}

fn write(job: &ReportJob) -> ReportOutcome {
    let ReportJob { kind, state, now, settings, .. } = job;
    let export = Export::of(&state.snapshot, Some(&state.verdict), &settings.options);
    let written = match (kind, &settings.file) {
        (ReportKind::Json, Some(file)) => save_json(&export, now.wall, &Destination::File(file.clone())),
        (ReportKind::Json, None) => {
            save_json(&export, now.wall, &Destination::Directory(settings.dir.clone()))
        }
        (ReportKind::Markdown, _) => save_report(&export, now.wall, &settings.dir),
    };
    match written {
        Ok(path) => (NoticeKind::Good, format!("written {}", clean::clean(&path.display().to_string()))),
        Err(error) => (NoticeKind::Bad, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::state::EventFold;

    #[tokio::test]
    async fn reports_are_written_one_after_another_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("latest.json");
        let mut reports = ReportWriter::new(ReportSettings {
            file: Some(file.clone()),
            ..ReportSettings::new(dir.path().to_owned())
        });
        let at = |secs| Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs));
        let mut fold = EventFold::new(10);
        let mut refused = 0;
        for n in 0..12 {
            let state = fold.state_at(at(n));
            let rejected = reports.write(ReportKind::Json, state, at(n), LostCounts::default(), true);
            refused += usize::from(rejected.is_some());
            assert_eq!(reports.running.len(), 1);
        }
        assert_eq!(
            refused,
            12 - 1 - MAX_WAITING,
            "one is being written, some wait, the rest is refused with an outcome"
        );
        let outcomes = reports.finish(fold.state_at(at(20)), at(20), LostCounts::default()).await;
        assert_eq!(outcomes.len(), 1 + MAX_WAITING);
        let export: Export = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert!(export.timestamp.starts_with("1970-01-01T00:00:08"), "{}", export.timestamp);
    }
}
