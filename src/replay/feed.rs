//! What is the next event of the recording? Reads on from a place, over the ends of files.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader};

use super::source::{Place, Source};
use crate::diagnostics::event::Observed;
use crate::diagnostics::recording::{Decoder, Reader};

/// Reads the files of a recording one after the other.
#[derive(Debug)]
pub(super) struct Feed {
    /// The file being read, and where in it reading began.
    began: Place,
    reader: Option<Reader<BufReader<File>>>,
    /// Read, but not taken yet.
    ahead: VecDeque<Observed>,
    /// What reads the next file.
    decoder: Decoder,
    ended: bool,
}

impl Feed {
    /// Reads from a place on, with the decoder that read everything before.
    pub(super) fn from(place: Place, decoder: Decoder) -> Self {
        Self { began: place, reader: None, ahead: VecDeque::new(), decoder, ended: false }
    }

    /// The next event, still to be taken.
    pub(super) fn peek(&mut self, source: &Source) -> io::Result<Option<&Observed>> {
        self.look_ahead(source, 1)?;
        Ok(self.ahead.front())
    }

    /// Takes the event that was looked at.
    pub(super) fn take(&mut self) -> Option<Observed> {
        self.ahead.pop_front()
    }

    /// Reads until so many events wait to be taken, or the recording ends.
    pub(super) fn look_ahead(&mut self, source: &Source, count: usize) -> io::Result<()> {
        while self.ahead.len() < count && !self.ended {
            let Some(reader) = &mut self.reader else {
                self.reader = source.reader(self.began, self.decoder.clone())?;
                self.ended = self.reader.is_none();
                continue;
            };
            if let Some(observed) = reader.next() {
                self.ahead.push_back(observed?);
                continue;
            }
            self.decoder = reader.decoder().clone();
            self.began = Place { part: self.began.part + 1, offset: 0 };
            self.reader = None;
        }
        Ok(())
    }

    /// The events that wait to be taken.
    pub(super) fn ahead(&self) -> impl Iterator<Item = &Observed> {
        self.ahead.iter()
    }

    /// Where reading stands, and the decoder there: behind the newest event only if none waits.
    pub(super) fn stand(&self) -> (Place, Decoder) {
        let Some(reader) = &self.reader else { return (self.began, self.decoder.clone()) };
        let offset = self.began.offset.saturating_add(reader.offset());
        (Place { offset, ..self.began }, reader.decoder().clone())
    }
}
