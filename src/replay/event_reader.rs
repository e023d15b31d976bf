//! Reads the events of a recording from a position on, across its files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};

use super::source::{ReplayPosition, ReplaySource};
use crate::diagnostics::event::StampedEvent;
use crate::diagnostics::recording::{Decoder, RecordingReader};

/// Reads the files of a recording one after the other.
#[derive(Debug)]
pub(super) struct EventReader {
    /// The file being read, and the offset at which reading began.
    start: ReplayPosition,
    reader: Option<RecordingReader<BufReader<File>>>,
    /// Events read ahead.
    lookahead: VecDeque<StampedEvent>,
    /// The decoder for the next file.
    decoder: Decoder,
    is_finished: bool,
}

impl EventReader {
    /// Reads from a position on, with the decoder that read everything before.
    pub(super) fn from(start: ReplayPosition, decoder: Decoder) -> Self {
        Self { start, reader: None, lookahead: VecDeque::new(), decoder, is_finished: false }
    }

    /// The next event, without taking it.
    pub(super) fn peek(&mut self, source: &ReplaySource) -> io::Result<Option<&StampedEvent>> {
        self.fill_lookahead(source, 1)?;
        Ok(self.lookahead.front())
    }

    /// Takes the next event.
    pub(super) fn take(&mut self) -> Option<StampedEvent> {
        self.lookahead.pop_front()
    }

    /// Reads ahead until `count` events are available, or the recording ends.
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

    /// The events read ahead.
    pub(super) fn lookahead(&self) -> impl Iterator<Item = &StampedEvent> {
        self.lookahead.iter()
    }

    /// The position of reading and its decoder: right after the newest event only if no event is read ahead.
    pub(super) fn position(&self) -> (ReplayPosition, Decoder) {
        let Some(reader) = &self.reader else { return (self.start, self.decoder.clone()) };
        let offset = self.start.offset.saturating_add(reader.offset());
        (ReplayPosition { offset, ..self.start }, reader.decoder().clone())
    }
}
