//! What is the next event of the recording? Reads on from a place, over the ends of files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};

use super::source::{ReplayPosition, ReplaySource};
use crate::diagnostics::event::StampedEvent;
use crate::diagnostics::recording::{Decoder, RecordingReader};

/// Reads the files of a recording one after the other.
#[derive(Debug)]
pub(super) struct EventReader {
    /// The file being read, and where in it reading began.
    start: ReplayPosition,
    reader: Option<RecordingReader<BufReader<File>>>,
    /// Read, but not taken yet.
    lookahead: VecDeque<StampedEvent>,
    /// What reads the next file.
    decoder: Decoder,
    is_finished: bool,
}

impl EventReader {
    /// Reads from a place on, with the decoder that read everything before.
    pub(super) fn from(place: ReplayPosition, decoder: Decoder) -> Self {
        Self { start: place, reader: None, lookahead: VecDeque::new(), decoder, is_finished: false }
    }

    /// The next event, still to be taken.
    pub(super) fn peek(&mut self, source: &ReplaySource) -> io::Result<Option<&StampedEvent>> {
        self.fill_lookahead(source, 1)?;
        Ok(self.lookahead.front())
    }

    /// Takes the event that was looked at.
    pub(super) fn take(&mut self) -> Option<StampedEvent> {
        self.lookahead.pop_front()
    }

    /// Reads until so many events wait to be taken, or the recording ends.
    pub(super) fn fill_lookahead(&mut self, source: &ReplaySource, count: usize) -> io::Result<()> {
        while self.lookahead.len() < count && !self.is_finished {
            let Some(reader) = &mut self.reader else {
                self.reader = source.reader(self.start, self.decoder.clone())?;
                self.is_finished = self.reader.is_none();
                continue;
            };
            if let Some(observed) = reader.next() {
                self.lookahead.push_back(observed?);
                continue;
            }
            self.decoder = reader.decoder().clone();
            self.start = ReplayPosition { part: self.start.part + 1, offset: 0 };
            self.reader = None;
        }
        Ok(())
    }

    /// The events that wait to be taken.
    pub(super) fn lookahead(&self) -> impl Iterator<Item = &StampedEvent> {
        self.lookahead.iter()
    }

    /// Where reading stands, and the decoder there: behind the newest event only if none waits.
    pub(super) fn position(&self) -> (ReplayPosition, Decoder) {
        let Some(reader) = &self.reader else { return (self.start, self.decoder.clone()) };
        let offset = self.start.offset.saturating_add(reader.offset());
        (ReplayPosition { offset, ..self.start }, reader.decoder().clone())
    }
}
