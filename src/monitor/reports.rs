//! Exports and reports: when they are due, and writing them without holding up the link.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Moment, NoticeKind};
use crate::diagnostics::{Stamp, clean};
use crate::export::{Destination, Export, ExportOptions, save_json, save_report};

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
pub(crate) enum ReportKind {
    Json,
    Markdown,
}

/// What was lost so far because a queue was full; goes into every export.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lost {
    pub(crate) events: u64,
    pub(crate) recording_lines: u64,
}

/// How writing went, to be shown.
type Done = (NoticeKind, String);

/// Reports that may wait for a slow disk; more would only repeat each other.
const WAITING: usize = 8;

/// One report that was asked for.
#[derive(Debug)]
struct Job {
    kind: ReportKind,
    moment: Moment,
    now: Stamp,
    settings: ReportSettings,
    asked: bool,
}

/// Writes reports on the blocking pool, one at a time in order of request, so that an older state never
/// replaces a newer one in the same file.
#[derive(Debug)]
pub(crate) struct Reports {
    settings: ReportSettings,
    waiting: VecDeque<Job>,
    running: JoinSet<Option<Done>>,
    last_periodic: Option<Stamp>,
}

impl Reports {
    pub(crate) fn new(settings: ReportSettings) -> Self {
        Self { settings, waiting: VecDeque::new(), running: JoinSet::new(), last_periodic: None }
    }

    /// Whether the periodic export is due; asked once a second, it starts counting at the first call.
    pub(crate) fn is_due(&mut self, now: Stamp) -> bool {
        let Some(every) = self.settings.every else { return false };
        let last = *self.last_periodic.get_or_insert(now);
        let due = now.since(last) >= every;
        if due {
            self.last_periodic = Some(now);
        }
        due
    }

    /// Asks for a report; a file named by time is named by `now`, for the moment may tell of another
    /// time. A success nobody asked for is silent; a failure never is. Answers at once if too many wait.
    #[must_use]
    pub(crate) fn write(
        &mut self,
        kind: ReportKind,
        moment: Moment,
        now: Stamp,
        lost: Lost,
        asked: bool,
    ) -> Option<Done> {
        if self.waiting.len() >= WAITING {
            let text = format!("not written: {WAITING} exports wait for the disk already");
            return Some((NoticeKind::Bad, text));
        }
        let mut settings = self.settings.clone();
        settings.options.events_lost = lost.events;
        settings.options.recording_lines_lost = lost.recording_lines;
        self.waiting.push_back(Job { kind, moment, now, settings, asked });
        self.start_next();
        None
    }

    fn start_next(&mut self) {
        if !self.running.is_empty() {
            return;
        }
        if let Some(job) = self.waiting.pop_front() {
            self.running.spawn_blocking(move || {
                let done = write(&job);
                (job.asked || done.0 == NoticeKind::Bad).then_some(done)
            });
        }
    }

    /// The end of the report under way, with what it has to say; `None` when nothing is under way.
    async fn next_end(&mut self) -> Option<Option<Done>> {
        let ended = self.running.join_next().await?;
        self.start_next();
        Some(ended.unwrap_or_else(|error| Some((NoticeKind::Bad, format!("the export failed: {error}")))))
    }

    /// The next report that has something to say. Cancel-safe; pends while none is being written.
    pub(crate) async fn finished(&mut self) -> Done {
        loop {
            match self.next_end().await {
                Some(Some(done)) => return done,
                Some(None) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// Writes the last export, if one is wanted, and waits for everything under way.
    pub(crate) async fn finish(&mut self, moment: Moment, now: Stamp, lost: Lost) -> Vec<Done> {
        let mut said = Vec::new();
        if self.settings.at_exit {
            while self.waiting.len() >= WAITING {
                said.extend(self.next_end().await.flatten());
            }
            said.extend(self.write(ReportKind::Json, moment, now, lost, true));
        }
        while let Some(done) = self.next_end().await {
            said.extend(done);
        }
        said
    }
}

fn write(job: &Job) -> Done {
    let Job { kind, moment, now, settings, .. } = job;
    let export = Export::of(&moment.snapshot, Some(&moment.verdict), &settings.options);
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
    use crate::monitor::Folds;

    #[tokio::test]
    async fn reports_are_written_one_after_another_and_the_newest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("latest.json");
        let mut reports = Reports::new(ReportSettings {
            dir: dir.path().to_owned(),
            file: Some(file.clone()),
            every: None,
            at_exit: false,
            options: ExportOptions::default(),
        });
        let at = |secs| Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs));
        let mut folds = Folds::new(10);
        let mut refused = 0;
        for n in 0..12 {
            let moment = folds.moment(at(n));
            let answer = reports.write(ReportKind::Json, moment, at(n), Lost::default(), true);
            refused += usize::from(answer.is_some());
            assert_eq!(reports.running.len(), 1);
        }
        assert_eq!(refused, 12 - 1 - WAITING, "one is being written, some wait, the rest is refused aloud");
        let said = reports.finish(folds.moment(at(20)), at(20), Lost::default()).await;
        assert_eq!(said.len(), 1 + WAITING);
        let export: Export = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        assert!(export.timestamp.starts_with("1970-01-01T00:00:08"), "{}", export.timestamp);
    }
}
