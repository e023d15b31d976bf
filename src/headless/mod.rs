//! A run without a screen: lines for people on standard error, the recording for programs on standard
//! output.
//!
//! What is said about the drops is told in words only: the recording holds what happened, not what was
//! concluded from it, and standard output is the recording line by line.
//!
//! *Must not know* ratatui, crossterm, rumqttc or who makes the events; it only reads what the monitor
//! publishes.

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
use crate::diagnostics::recording::RecorderState;
use crate::diagnostics::recording::encode;
use crate::diagnostics::summary::Summary;
use crate::diagnostics::{Level, Snapshot, StampedEvent, TimeScale};
use crate::state::{LiveState, Notice, NoticeKind};

/// How often a summary is written when exports do not set the pace.
pub const SUMMARY_EVERY: Duration = Duration::from_secs(300);

/// What is written, and how.
#[derive(Debug, Clone, Copy)]
pub struct HeadlessOptions {
    /// Tell every event, not only the notable ones.
    pub verbose: bool,
    /// Write the recording to standard output.
    pub json: bool,
    /// Punctuation and symbols in ASCII only.
    pub ascii: bool,
    /// How often a summary goes to standard error; [`SUMMARY_EVERY`] unless exports set the pace.
    pub summary_every: Duration,
}

/// Why the lines ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadlessOutcome {
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
    // The first tick comes at once, when there is nothing to sum up yet.
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
    // The end was published after the last event was sent: what is still waiting belongs to the run.
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
    /// The newest notice told.
    last_notice: Option<Notice>,
    is_recording_failing: bool,
    /// The answer told last.
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

    /// What the program has to say of itself: notices, and trouble with the recording.
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
                (true, Level::Bad, format!("the recording cannot be written: {error}; the watch goes on"))
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

    /// What is said about the drops, when the answer is another one than before.
    fn write_verdict_change(&mut self, verdict: &Verdict) {
        let pattern = verdict.classification.pattern;
        if std::mem::replace(&mut self.pattern, pattern) != pattern {
            let text = format!("Verdict: {}", verdict.sentence());
            self.write_status(&status_line(verdict.at, Level::Info, &text, self.options.ascii));
        }
    }

    fn on_lagged(&mut self, count: u64, snapshot: &Snapshot) {
        self.lost += count;
        let text =
            format!("{count} events came faster than they could be written here and are missing above");
        self.write_status(&status_line(snapshot.at, Level::Warn, &text, self.options.ascii));
    }

    /// The figures, what was lost, and the verdict with its next step at the end.
    fn summary(&self, state: &LiveState) -> String {
        let mut summary = Summary(&state.snapshot).to_string();
        if self.lost > 0 {
            let _ = writeln!(summary, "{} events were not written here", self.lost);
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

    /// Standard error is a courtesy: nobody reading it is no reason to stop.
    fn write_status(&mut self, text: &str) {
        let _ = writeln!(self.err, "{text}").and_then(|()| self.err.flush());
    }
}

#[cfg(test)]
mod tests;
