//! Output without a screen: text lines on standard error, the recording on standard output.
//!
//! The verdict is written as text on standard error only: standard output is the recording line by line, and a recording
//! holds what happened, not the conclusions.
//!
//! *Must not depend on* ratatui, crossterm, rumqttc or the source of the events; it reads events and [`LiveState`].

mod lines;
mod verdict_text;

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval};

pub use lines::{event_line, status_line};

use crate::classify::{Pattern, Verdict};
use crate::diagnostics::recording::{RecorderState, encode};
use crate::diagnostics::summary::Summary;
use crate::diagnostics::{Level, Snapshot, StampedEvent, TimeScale, words};
use crate::state::{LiveState, Notice, NoticeKind};

/// How often a summary is written when no export interval is set.
pub const SUMMARY_EVERY: Duration = Duration::from_secs(300);

/// What to write, and how.
#[derive(Debug, Clone, Copy)]
pub struct HeadlessOptions {
    /// Write every event, not only the notable ones.
    pub verbose: bool,
    /// Write the recording to standard output.
    pub json: bool,
    /// Punctuation and symbols in ASCII only.
    pub ascii: bool,
    /// How often a summary goes to standard error; [`SUMMARY_EVERY`] unless an export interval is set.
    pub summary_every: Duration,
}

/// Why the lines ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadlessOutcome {
    /// The run is over.
    Finished,
    /// The reader of standard output is gone; the run should end without an error.
    OutputClosed,
}

/// Writes lines until the monitor has finished or the reader of standard output is gone.
///
/// Standard error is for the user: if it cannot be written, the run continues. The final summary goes to
/// standard output, or to standard error when that carries JSON. Writing blocks this task only.
///
/// # Errors
///
/// When standard output cannot be written for another reason than a closed pipe.
pub async fn run(
    events: broadcast::Receiver<Arc<StampedEvent>>,
    live_state: watch::Receiver<Arc<LiveState>>,
    options: HeadlessOptions,
    out: impl Write,
    err: impl Write,
) -> io::Result<HeadlessOutcome> {
    let mut output = HeadlessOutput {
        options,
        out,
        err,
        lost: 0,
        last_notice: None,
        is_recording_failing: false,
        pattern: Pattern::Undetermined,
        time_scale: TimeScale::default(),
    };
    match follow(events, live_state, &mut output).await {
        Ok(()) => Ok(HeadlessOutcome::Finished),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(HeadlessOutcome::OutputClosed),
        Err(error) => Err(error),
    }
}

async fn follow<O: Write, E: Write>(
    mut events: broadcast::Receiver<Arc<StampedEvent>>,
    mut live_state: watch::Receiver<Arc<LiveState>>,
    output: &mut HeadlessOutput<O, E>,
) -> io::Result<()> {
    let every = output.options.summary_every.max(Duration::from_secs(1));
    let mut summaries = interval(every);
    summaries.set_missed_tick_behavior(MissedTickBehavior::Skip);
    // The first tick comes at once, when there is nothing to summarize yet.
    summaries.tick().await;
    let mut is_monitor_alive = true;
    loop {
        if is_monitor_alive {
            let state = Arc::clone(&live_state.borrow_and_update());
            output.write_notices(&state);
            if state.runtime.finished {
                break;
            }
        }
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(observed) => output.write_event(&observed)?,
                Err(RecvError::Lagged(count)) => output.on_lagged(count, &live_state.borrow().snapshot),
                Err(RecvError::Closed) => break,
            },
            changed = live_state.changed(), if is_monitor_alive => is_monitor_alive = changed.is_ok(),
            _ = summaries.tick() => output.periodic_summary(&live_state.borrow()),
        }
    }
    // The last state was pushed after the last event was sent: the events still queued belong to the run.
    loop {
        match events.try_recv() {
            Ok(observed) => output.write_event(&observed)?,
            Err(TryRecvError::Lagged(count)) => output.on_lagged(count, &live_state.borrow().snapshot),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    let last = Arc::clone(&live_state.borrow());
    output.final_summary(&last)
}

struct HeadlessOutput<O, E> {
    options: HeadlessOptions,
    out: O,
    err: E,
    lost: u64,
    /// The newest notice written.
    last_notice: Option<Notice>,
    is_recording_failing: bool,
    /// The pattern of the last verdict written.
    pattern: Pattern,
    time_scale: TimeScale,
}

impl<O: Write, E: Write> HeadlessOutput<O, E> {
    fn write_event(&mut self, observed: &StampedEvent) -> io::Result<()> {
        if let Some(line) =
            event_line(&self.time_scale.observe_and_scale(observed), self.options.verbose, self.options.ascii)
        {
            self.write_status(&line);
        }
        if self.options.json {
            writeln!(self.out, "{}", encode(observed))?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Notices, failures of the recording, and a changed verdict.
    fn write_notices(&mut self, state: &LiveState) {
        let notices = &state.runtime.notices;
        let find_last = |last: &Notice| notices.iter().rposition(|notice| notice == last);
        let first_new = self.last_notice.as_ref().and_then(find_last).map_or(0, |index| index + 1);
        for notice in &notices[first_new..] {
            let level = match notice.kind {
                NoticeKind::Good => Level::Good,
                NoticeKind::Info => Level::Info,
                NoticeKind::Bad => Level::Bad,
            };
            let at = state.snapshot.field_time(notice.at);
            self.write_status(&status_line(at, level, &notice.text, self.options.ascii));
        }
        self.last_notice = notices.last().cloned().or_else(|| self.last_notice.take());
        let (is_failing, level, text) = match &state.runtime.recorder {
            RecorderState::Failing { error, .. } => {
                (true, Level::Bad, format!("the recording cannot be written: {error}; monitoring continues"))
            }
            _ => (false, Level::Good, "the recording is being written again".to_owned()),
        };
        if std::mem::replace(&mut self.is_recording_failing, is_failing) != is_failing {
            self.write_status(&status_line(state.snapshot.at, level, &text, self.options.ascii));
        }
        if let Some(verdict) = &state.verdict {
            self.write_verdict_change(verdict);
        }
    }

    /// The verdict, when its pattern differs from the one written before.
    fn write_verdict_change(&mut self, verdict: &Verdict) {
        let pattern = verdict.classification.pattern;
        if std::mem::replace(&mut self.pattern, pattern) != pattern {
            let text = format!("Verdict: {}", verdict.sentence());
            self.write_status(&status_line(verdict.at, Level::Info, &text, self.options.ascii));
        }
    }

    fn on_lagged(&mut self, count: u64, snapshot: &Snapshot) {
        self.lost += count;
        let events = words::count(count, "event", "events");
        let text = format!("{events} dropped from this output: too many at once");
        self.write_status(&status_line(snapshot.at, Level::Warn, &text, self.options.ascii));
    }

    /// The figures, the losses, and the verdict with its next step at the end.
    fn summary(&self, state: &LiveState) -> String {
        let mut summary = Summary(&state.snapshot).to_string();
        if self.lost > 0 {
            let events = words::count(self.lost, "event", "events");
            let _ = writeln!(summary, "{events} dropped from this output");
        }
        summary.extend(state.verdict.as_deref().map(verdict_text::verdict_paragraph));
        let summary = summary.trim_end();
        if self.options.ascii { lines::to_ascii(summary) } else { summary.to_owned() }
    }

    fn periodic_summary(&mut self, state: &LiveState) {
        let summary = self.summary(state);
        self.write_status(&summary);
    }

    fn final_summary(&mut self, state: &LiveState) -> io::Result<()> {
        let summary = self.summary(state);
        if self.options.json {
            self.write_status(&summary);
            return Ok(());
        }
        writeln!(self.out, "{summary}")?;
        self.out.flush()
    }

    /// Errors of standard error are ignored: the run continues without a reader.
    fn write_status(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}").and_then(|()| self.err.flush());
    }
}

#[cfg(test)]
mod tests;
