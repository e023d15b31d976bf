//! What was the state at a moment of the recording? Reads files, keeps no events.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::checkpoints::Checkpoints;
use super::feed::Feed;
use super::reel::Reel;
use super::source::{OpenError, Source};
use crate::classify::Verdict;
use crate::diagnostics::event::Observed;
use crate::diagnostics::recording::Tally;
use crate::diagnostics::{Snapshot, Stamp};
use crate::monitor::Moment;

/// How many events ahead are looked at for what the link was doing.
const AHEAD: usize = 64;

/// A recording that can be shown at any moment of it. Positions are field time since the first event.
///
/// ```no_run
/// use std::time::Duration;
///
/// use dropscope::replay::Tape;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut tape = Tape::open(&["day.jsonl".into()], 1_000)?;
/// while !tape.read_on(100_000)? {}
/// while !tape.go(tape.length() / 2, 100_000)? {}
/// println!("{} drops by noon", tape.snapshot().metrics.total_connection_drops);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Tape {
    source: Source,
    feed: Feed,
    reel: Reel,
    checkpoints: Checkpoints,
    drops: Vec<Duration>,
    sought: Option<Sought>,
    /// Set once everything was read.
    whole: Option<Whole>,
    shown: Duration,
}

/// A time of day on the recording's wall clock, and where it is.
#[derive(Debug, Clone, Copy)]
struct Sought {
    wall: DateTime<Utc>,
    found: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Whole {
    length: Duration,
    tally: Tally,
}

impl Tape {
    /// Opens the files of one recording, in any order. Nothing but their first events is read yet.
    ///
    /// # Errors
    /// If a file cannot be opened, or none holds an event.
    pub fn open(files: &[PathBuf], max_events: usize) -> Result<Self, OpenError> {
        let source = Source::open(files)?;
        let reel = Reel::new(max_events);
        Ok(Self {
            source,
            feed: Feed::from(reel.place, reel.decoder.clone()),
            checkpoints: Checkpoints::new(reel.clone()),
            reel,
            drops: Vec::new(),
            sought: None,
            whole: None,
            shown: Duration::ZERO,
        })
    }

    /// The file with the first event.
    pub fn first_file(&self) -> Option<&Path> {
        self.source.first_file()
    }

    /// The wall clock at the first event.
    pub fn begins(&self) -> DateTime<Utc> {
        self.source.begins()
    }

    /// Lets the first reading look for a time of the wall clock (field time).
    pub fn seek_wall(&mut self, wall: DateTime<Utc>) {
        self.sought = Some(Sought { wall, found: None });
    }

    /// Where the time asked for by [`Tape::seek_wall`] lies: at an end, if it is not inside.
    pub fn found(&self) -> Option<Duration> {
        self.sought.map(|sought| sought.found.unwrap_or_else(|| self.length()))
    }

    /// Reads on for the first time, at most `events` of them. Says whether the whole was read; then the tape
    /// stands at its end.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read_on(&mut self, events: usize) -> io::Result<bool> {
        for _ in 0..events {
            if self.whole.is_some() {
                return Ok(true);
            }
            let (before, drops) = (self.reel.field_now(), self.reel.folds.drops_so_far());
            if !self.step(Duration::MAX)? {
                self.finish_reading();
                return Ok(true);
            }
            if self.reel.folds.drops_so_far() > drops {
                self.drops.push(self.reel.position());
            }
            self.look_for_wall(before);
            if self.checkpoints.wants(self.reel.events()) {
                self.checkpoints.keep(self.checkpoint());
            }
        }
        Ok(false)
    }

    fn finish_reading(&mut self) {
        let end = self.checkpoint();
        self.shown = end.position();
        self.whole = Some(Whole { length: end.position(), tally: end.decoder.tally() });
        self.checkpoints.keep_end(end);
    }

    /// Notes where the wall clock passes the time looked for, between the event `before` and the newest.
    fn look_for_wall(&mut self, before: Option<Stamp>) {
        let Some(sought) = self.sought.as_mut().filter(|sought| sought.found.is_none()) else { return };
        let (Some(now), Some(origin)) = (self.reel.field_now(), self.reel.origin()) else { return };
        if now.wall < sought.wall {
            return;
        }
        let before = before.unwrap_or(origin);
        let ahead = (sought.wall - before.wall).to_std().unwrap_or(Duration::ZERO);
        let here = before.since(origin).saturating_add(ahead);
        sought.found = Some(here.min(self.reel.position()));
    }

    /// Percent of the bytes read for the first time; `None` once all are.
    pub fn reading(&self) -> Option<u8> {
        self.whole.is_none().then(|| self.source.percent(self.feed.stand().0))
    }

    /// Field time from the first event to the last; zero before the whole was read.
    pub fn length(&self) -> Duration {
        self.whole.map_or(Duration::ZERO, |whole| whole.length)
    }

    /// What was found in the lines, once the whole was read.
    pub fn tally(&self) -> Tally {
        self.whole.map(|whole| whole.tally).unwrap_or_default()
    }

    /// Where the drops lie, in order.
    pub fn drops(&self) -> &[Duration] {
        &self.drops
    }

    /// Where the moment shown lies.
    pub fn position(&self) -> Duration {
        self.shown
    }

    /// Goes to a moment, folding at most `events` events. Says whether it is there; if not, call again.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn go(&mut self, to: Duration, events: usize) -> io::Result<bool> {
        // Forward from here, unless here is behind or a checkpoint lies between.
        let here = &self.reel;
        let is_better = |reel: &&Reel| here.position() > to || reel.events() > here.events();
        if let Some(reel) = self.checkpoints.nearest(to).filter(is_better) {
            self.feed = Feed::from(reel.place, reel.decoder.clone());
            self.reel = reel.clone();
        }
        for _ in 0..events {
            if !self.step(to)? {
                self.shown = to.max(self.reel.position());
                return Ok(true);
            }
        }
        self.shown = self.reel.position();
        Ok(false)
    }

    /// The moment shown, on the clocks of the recording.
    pub fn now(&self) -> Stamp {
        self.reel.moment_at(self.shown)
    }

    /// The field time of a moment of the recording's clocks.
    pub fn field_time(&self, at: Stamp) -> Stamp {
        self.reel.folds.field_time(at)
    }

    /// The state at the moment shown.
    pub fn snapshot(&mut self) -> Snapshot {
        let now = self.now();
        self.reel.folds.snapshot(now)
    }

    /// What a screen said about the drops at that moment.
    pub fn verdict(&mut self) -> Option<Arc<Verdict>> {
        self.reel.folds.verdict()
    }

    /// State and verdict for an export of that moment.
    pub fn moment(&mut self) -> Moment {
        let now = self.now();
        self.reel.folds.moment(now)
    }

    /// The next events after the moment shown, as recorded, as many as may matter for what the link was doing.
    /// None before the whole was read.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn upcoming(&mut self) -> io::Result<impl Iterator<Item = &Observed>> {
        // A checkpoint cannot be made where events wait.
        if self.whole.is_some() {
            self.feed.look_ahead(&self.source, AHEAD)?;
        }
        Ok(self.feed.ahead())
    }

    /// Folds the next event if it does not lie after `to`; says whether it did.
    fn step(&mut self, to: Duration) -> io::Result<bool> {
        let Some(next) = self.feed.peek(&self.source)? else { return Ok(false) };
        if self.reel.position_of(next) > to {
            return Ok(false);
        }
        if let Some(next) = self.feed.take() {
            self.reel.apply(&next);
        }
        Ok(true)
    }

    /// A state to come back to. Nothing may wait in the feed.
    fn checkpoint(&self) -> Reel {
        let (place, decoder) = self.feed.stand();
        let mut reel = self.reel.clone();
        (reel.place, reel.decoder) = (place, decoder);
        reel
    }
}

#[cfg(test)]
mod tests;
