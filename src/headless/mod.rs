//! A run without a screen: lines for people on standard error, the recording for programs on standard
//! output.
//!
//! What is said about the drops is told in words only: the recording holds what happened, not what was
//! concluded from it, and standard output is the recording line by line.
//!
//! *Must not know* ratatui, crossterm, rumqttc or who makes the events; it only reads what the monitor
//! publishes.

mod lines;
mod why;

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

pub use lines::{line, remark};

use crate::classify::{Pattern, Verdict};
use crate::diagnostics::recording::encode;
use crate::diagnostics::summary::Summary;
use crate::diagnostics::{Level, Observed, Snapshot, TimeScale};
use crate::monitor::{Notice, NoticeKind, Published, RecorderState};

/// How often a summary is written when exports do not set the pace.
pub const SUMMARY_EVERY: Duration = Duration::from_secs(300);

/// What is written, and how.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Tell every event, not only the notable ones.
    pub tells_all: bool,
    /// Write the recording to standard output.
    pub json: bool,
    /// Punctuation and symbols in ASCII only.
    pub ascii: bool,
    /// How often a summary goes to standard error; [`SUMMARY_EVERY`] unless exports set the pace.
    pub summary_every: Duration,
}

/// Why the lines ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The run is over.
    Finished,
    /// Nobody reads standard output any more; the run should end quietly.
    OutputClosed,
}

/// Writes lines until the monitor has finished or nobody reads standard output any more.
///
/// Standard error is for people: if it cannot be written, the run goes on. The final summary goes to
/// standard output, or to standard error when that carries JSON. Writing blocks this task only.
///
/// # Errors
///
/// When standard output cannot be written for another reason than that its reader went away.
pub async fn run(
    events: broadcast::Receiver<Arc<Observed>>,
    published: watch::Receiver<Arc<Published>>,
    options: Options,
    out: impl Write,
    err: impl Write,
) -> io::Result<Outcome> {
    let mut lines = Lines {
        options,
        out,
        err,
        lost: 0,
        last_notice: None,
        recording_fails: false,
        pattern: Pattern::Undetermined,
        time_scale: TimeScale::default(),
    };
    match follow(events, published, &mut lines).await {
        Ok(()) => Ok(Outcome::Finished),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Outcome::OutputClosed),
        Err(error) => Err(error),
    }
}

async fn follow<O: Write, E: Write>(
    mut events: broadcast::Receiver<Arc<Observed>>,
    mut published: watch::Receiver<Arc<Published>>,
    lines: &mut Lines<O, E>,
) -> io::Result<()> {
    let every = lines.options.summary_every.max(Duration::from_secs(1));
    let mut summaries = interval(every);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick comes at once, when there is nothing to sum up yet.
    summaries.tick().await;
    let mut watches_end = true;
    loop {
        if watches_end {
            let state = Arc::clone(&published.borrow_and_update());
            lines.news(&state);
            if state.runtime.finished {
                break;
            }
        }
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(observed) => lines.event(&observed)?,
                Err(RecvError::Lagged(count)) => lines.lagged(count, &published.borrow().snapshot),
                Err(RecvError::Closed) => break,
            },
            changed = published.changed(), if watches_end => watches_end = changed.is_ok(),
            _ = summaries.tick() => lines.periodic_summary(&published.borrow()),
        }
    }
    // The end was published after the last event was sent: what is still waiting belongs to the run.
    loop {
        match events.try_recv() {
            Ok(observed) => lines.event(&observed)?,
            Err(TryRecvError::Lagged(count)) => lines.lagged(count, &published.borrow().snapshot),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    let last = Arc::clone(&published.borrow());
    lines.final_summary(&last)
}

struct Lines<O, E> {
    options: Options,
    out: O,
    err: E,
    lost: u64,
    /// The newest notice told.
    last_notice: Option<Notice>,
    recording_fails: bool,
    /// The answer told last.
    pattern: Pattern,
    time_scale: TimeScale,
}

impl<O: Write, E: Write> Lines<O, E> {
    fn event(&mut self, observed: &Observed) -> io::Result<()> {
        if let Some(line) = line(&self.time_scale.field(observed), self.options.tells_all, self.options.ascii)
        {
            self.tell(&line);
        }
        if self.options.json {
            writeln!(self.out, "{}", encode(observed))?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// What the program has to say of itself: notices, and trouble with the recording.
    fn news(&mut self, state: &Published) {
        let notices = &state.runtime.notices;
        let told = |last: &Notice| notices.iter().rposition(|notice| notice == last);
        let told = self.last_notice.as_ref().and_then(told).map_or(0, |index| index + 1);
        for notice in &notices[told..] {
            let level = match notice.kind {
                NoticeKind::Good => Level::Good,
                NoticeKind::Info => Level::Info,
                NoticeKind::Bad => Level::Bad,
            };
            let at = state.snapshot.field_time(notice.at);
            self.tell(&remark(at, level, &notice.text, self.options.ascii));
        }
        self.last_notice = notices.last().cloned().or_else(|| self.last_notice.take());
        let (fails, level, text) = match &state.runtime.recorder {
            RecorderState::Failing { error, .. } => {
                (true, Level::Bad, format!("the recording cannot be written: {error}; the watch goes on"))
            }
            _ => (false, Level::Good, "the recording is being written again".to_owned()),
        };
        if std::mem::replace(&mut self.recording_fails, fails) != fails {
            self.tell(&remark(state.snapshot.at, level, &text, self.options.ascii));
        }
        if let Some(verdict) = &state.verdict {
            self.verdict(verdict);
        }
    }

    /// What is said about the drops, when the answer is another one than before.
    fn verdict(&mut self, verdict: &Verdict) {
        let pattern = verdict.classification.pattern;
        if std::mem::replace(&mut self.pattern, pattern) != pattern {
            let text = format!("Verdict: {}", verdict.sentence());
            self.tell(&remark(verdict.at, Level::Info, &text, self.options.ascii));
        }
    }

    fn lagged(&mut self, count: u64, snapshot: &Snapshot) {
        self.lost += count;
        let text =
            format!("{count} events came faster than they could be written here and are missing above");
        self.tell(&remark(snapshot.at, Level::Warn, &text, self.options.ascii));
    }

    /// The figures, what was lost, and the verdict with its next step at the end.
    fn summary(&self, state: &Published) -> String {
        let mut summary = Summary(&state.snapshot).to_string();
        if self.lost > 0 {
            let _ = writeln!(summary, "{} events were not written here", self.lost);
        }
        summary.extend(state.verdict.as_deref().map(why::paragraph));
        let summary = summary.trim_end();
        if self.options.ascii { lines::to_ascii(summary) } else { summary.to_owned() }
    }

    fn periodic_summary(&mut self, state: &Published) {
        let summary = self.summary(state);
        self.tell(&summary);
    }

    fn final_summary(&mut self, state: &Published) -> io::Result<()> {
        let summary = self.summary(state);
        if self.options.json {
            self.tell(&summary);
            return Ok(());
        }
        writeln!(self.out, "{summary}")?;
        self.out.flush()
    }

    /// Standard error is a courtesy: nobody reading it is no reason to stop.
    fn tell(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}").and_then(|()| self.err.flush());
    }
}

#[cfg(test)]
mod tests;
