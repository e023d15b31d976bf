//! The state at any moment of a recording. Reads files, retains no events.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::checkpoints::Checkpoints;
use super::event_reader::EventReader;
use super::replay_state::ReplayState;
use super::source::{OpenError, ReplaySource};
use crate::classify::Verdict;
use crate::diagnostics::event::StampedEvent;
use crate::diagnostics::recording::DecodeStats;
use crate::diagnostics::{Snapshot, Stamp};
use crate::state::DiagnosticState;

/// Events read ahead to derive the activity of the link.
const LOOKAHEAD: usize = 64;

/// A recording with its state at any moment. Positions are field time since the first event.
///
/// ```no_run
/// use std::time::Duration;
///
/// use dropscope::replay::RecordingPlayer;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut player = RecordingPlayer::open(&["day.jsonl".into()], 1_000)?;
/// while !player.read_events(100_000)? {}
/// while !player.seek(player.length() / 2, 100_000)? {}
/// println!("{} drops by noon", player.snapshot().metrics.total_connection_drops);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RecordingPlayer {
    source: ReplaySource,
    reader: EventReader,
    state: ReplayState,
    checkpoints: Checkpoints,
    drops: Vec<Duration>,
    wall_seek: Option<WallSeek>,
    /// Set once the whole recording was read.
    extent: Option<RecordingExtent>,
    shown_position: Duration,
}

/// A time of the recording's wall clock, and its position.
#[derive(Debug, Clone, Copy)]
struct WallSeek {
    wall: DateTime<Utc>,
    position: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct RecordingExtent {
    length: Duration,
    stats: DecodeStats,
}

impl RecordingPlayer {
    /// Opens the files of one recording, in any order. Nothing but their first events is read yet.
    ///
    /// # Errors
    /// If a file cannot be opened, or none holds an event.
    pub fn open(files: &[PathBuf], max_events: usize) -> Result<Self, OpenError> {
        let source = ReplaySource::open(files)?;
        let state = ReplayState::new(max_events);
        Ok(Self {
            source,
            reader: EventReader::from(state.file_position, state.decoder.clone()),
            checkpoints: Checkpoints::new(state.clone()),
            state,
            drops: Vec::new(),
            wall_seek: None,
            extent: None,
            shown_position: Duration::ZERO,
        })
    }

    /// The file with the first event.
    pub fn first_file(&self) -> Option<&Path> {
        self.source.first_file()
    }

    /// The wall clock at the first event.
    pub fn start_time(&self) -> DateTime<Utc> {
        self.source.start_time()
    }

    /// Sets a time of the wall clock (field time) whose position the first reading finds.
    pub fn seek_wall(&mut self, wall: DateTime<Utc>) {
        self.wall_seek = Some(WallSeek { wall, position: None });
    }

    /// The position of the time given to [`RecordingPlayer::seek_wall`]: an end of the recording, if it is outside.
    pub fn wall_position(&self) -> Option<Duration> {
        self.wall_seek.map(|seek| seek.position.unwrap_or_else(|| self.length()))
    }

    /// Reads on for the first time, at most `events` events. Returns whether the whole recording was read; then the player
    /// is at its end.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read_events(&mut self, events: usize) -> io::Result<bool> {
        for _ in 0..events {
            if self.extent.is_some() {
                return Ok(true);
            }
            let (before, drops) = (self.state.field_now(), self.state.fold.drops_so_far());
            if !self.step(Duration::MAX)? {
                self.finish_reading();
                return Ok(true);
            }
            if self.state.fold.drops_so_far() > drops {
                self.drops.push(self.state.position());
            }
            self.update_wall_seek(before);
            if self.checkpoints.is_due(self.state.events()) {
                self.checkpoints.push(self.checkpoint());
            }
        }
        Ok(false)
    }

    fn finish_reading(&mut self) {
        let end = self.checkpoint();
        self.shown_position = end.position();
        self.extent = Some(RecordingExtent { length: end.position(), stats: end.decoder.stats() });
        self.checkpoints.push_end(end);
    }

    /// Sets the position at which the wall clock passes the requested time, between the event `before` and the newest.
    fn update_wall_seek(&mut self, before: Option<Stamp>) {
        let Some(wall_seek) = self.wall_seek.as_mut().filter(|seek| seek.position.is_none()) else {
            return;
        };
        let (Some(now), Some(origin)) = (self.state.field_now(), self.state.origin()) else { return };
        if now.wall < wall_seek.wall {
            return;
        }
        let before = before.unwrap_or(origin);
        let ahead = (wall_seek.wall - before.wall).to_std().unwrap_or(Duration::ZERO);
        let here = before.since(origin).saturating_add(ahead);
        wall_seek.position = Some(here.min(self.state.position()));
    }

    /// Percent of the bytes read so far; `None` once all are read.
    pub fn percent_read(&self) -> Option<u8> {
        self.extent.is_none().then(|| self.source.percent(self.reader.position().0))
    }

    /// Field time from the first event to the last; zero before the whole recording was read.
    pub fn length(&self) -> Duration {
        self.extent.map_or(Duration::ZERO, |extent| extent.length)
    }

    /// Counts of the lines, once the whole recording was read.
    pub fn stats(&self) -> DecodeStats {
        self.extent.map(|extent| extent.stats).unwrap_or_default()
    }

    /// The positions of the drops, in order.
    pub fn drops(&self) -> &[Duration] {
        &self.drops
    }

    /// The position of the moment shown.
    pub fn position(&self) -> Duration {
        self.shown_position
    }

    /// Moves to a position, folding at most `events` events. Returns whether it was reached; if not, call again.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn seek(&mut self, to: Duration, events: usize) -> io::Result<bool> {
        // From the current state, unless it is after the target or a checkpoint is nearer.
        let current = &self.state;
        let is_better = |state: &&ReplayState| current.position() > to || state.events() > current.events();
        if let Some(state) = self.checkpoints.nearest(to).filter(is_better) {
            self.reader = EventReader::from(state.file_position, state.decoder.clone());
            self.state = state.clone();
        }
        for _ in 0..events {
            if !self.step(to)? {
                self.shown_position = to.max(self.state.position());
                return Ok(true);
            }
        }
        self.shown_position = self.state.position();
        Ok(false)
    }

    /// The moment shown, on the clocks of the recording.
    pub fn now(&self) -> Stamp {
        self.state.stamp_at(self.shown_position)
    }

    /// The field time of a moment of the recording's clocks.
    pub fn field_time(&self, at: Stamp) -> Stamp {
        self.state.fold.field_time(at)
    }

    /// The state at the moment shown.
    pub fn snapshot(&mut self) -> Snapshot {
        let now = self.now();
        self.state.fold.snapshot(now)
    }

    /// The live verdict of that moment.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        self.state.fold.verdict()
    }

    /// State and verdict for an export of that moment.
    pub fn diagnostic_state(&mut self) -> DiagnosticState {
        let now = self.now();
        self.state.fold.state_at(now)
    }

    /// The next events after the moment shown, as recorded, as many as may matter for the activity of the link. None
    /// before the whole recording was read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn upcoming_events(&mut self) -> io::Result<impl Iterator<Item = &StampedEvent>> {
        // No checkpoint can be made while events are read ahead.
        if self.extent.is_some() {
            self.reader.fill_lookahead(&self.source, LOOKAHEAD)?;
        }
        Ok(self.reader.lookahead())
    }

    /// Folds the next event if it is not after `to`; returns whether it did.
    fn step(&mut self, to: Duration) -> io::Result<bool> {
        let Some(next) = self.reader.peek(&self.source)? else { return Ok(false) };
        if self.state.position_of(next) > to {
            return Ok(false);
        }
        if let Some(next) = self.reader.take() {
            self.state.apply(&next);
        }
        Ok(true)
    }

    /// A state to continue from. No event may be read ahead.
    fn checkpoint(&self) -> ReplayState {
        let (position, decoder) = self.reader.position();
        let mut state = self.state.clone();
        (state.file_position, state.decoder) = (position, decoder);
        state
    }
}

#[cfg(test)]
mod tests;
