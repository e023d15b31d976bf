//! What did a recording say, as far as it can be read?
//!
//! Recordings end in the middle of a line when the recorder is killed, come from other programs and other
//! versions, and are edited by hand. Nothing in them is an error: what cannot be read is counted.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::super::event::{Event, Observed};
use super::clocks::{Clocks, micros};
use super::fast::{Fast, Said};

/// Longest line read, in bytes; longer ones are skipped and counted.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// What was found in the lines given to a [`Decoder`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were not blank.
    pub lines: u64,
    /// Lines that became events, unknown kinds included.
    pub events: u64,
    /// Events of a kind this version does not know.
    pub unknown: u64,
    /// Lines that are no event: not JSON, not UTF-8, mandatory fields missing.
    pub malformed: u64,
    /// Lines longer than [`MAX_LINE_BYTES`].
    pub oversized: u64,
    /// Unreadable ends of files without a line feed: the recorder was killed while writing.
    pub torn: u64,
}

impl Tally {
    /// Lines that gave nothing.
    pub fn skipped(&self) -> u64 {
        self.malformed + self.oversized + self.torn
    }
}

/// Turns lines into events on one axis of time. Feed it the files of a recording in order. A clone
/// continues from the same place.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    clocks: Clocks,
    tally: Tally,
    fast: Fast,
}

/// A line as it stands in the file.
#[derive(Deserialize)]
struct Line {
    t: DateTime<Utc>,
    #[serde(default)]
    m: Option<f64>,
    #[serde(flatten)]
    event: Event,
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads one line, with or without its line feed; `None` if it is blank or cannot be read.
    pub fn line(&mut self, line: &[u8]) -> Option<Observed> {
        self.read(line, true)
    }

    /// What was found so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    fn read(&mut self, line: &[u8], complete: bool) -> Option<Observed> {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return None;
        }
        self.tally.lines += 1;
        if line.len() > MAX_LINE_BYTES {
            self.tally.oversized += 1;
            return None;
        }
        let Some(Said { t, m, event }) = self.fast.line(line).or_else(|| parse(line)) else {
            let counter = if complete { &mut self.tally.malformed } else { &mut self.tally.torn };
            *counter += 1;
            return None;
        };
        self.tally.events += 1;
        self.tally.unknown += u64::from(matches!(event, Event::Unknown));
        Some(Observed { at: self.clocks.stamp(t, m, &event), event })
    }

    fn skip_oversized(&mut self) {
        self.tally.lines += 1;
        self.tally.oversized += 1;
    }
}

/// Reads a line of any form that JSON allows: what a line means is decided here.
pub(super) fn parse(line: &[u8]) -> Option<Said> {
    let Line { t, m, event } = serde_json::from_slice(line).ok()?;
    let m = match m {
        Some(secs) => Some(micros(secs)?),
        None => None,
    };
    Some(Said { t, m, event })
}

/// Reads a recording event by event in bounded memory.
///
/// ```
/// use dropscope::diagnostics::recording::Reader;
///
/// let recording = b"{\"t\":\"2026-08-03T12:00:00.000Z\",\"kind\":\"note\",\"text\":\"hello\"}\n{\"t\":\"20";
/// let mut reader = Reader::new(&recording[..]);
/// assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 1);
/// assert_eq!(reader.tally().torn, 1);
/// ```
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    decoder: Decoder,
    line: Vec<u8>,
    offset: u64,
    ended: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads `input` as the first file of a recording.
    pub fn new(input: R) -> Self {
        Self::continuing(input, Decoder::new())
    }

    /// Reads `input` as the next file of a recording that `decoder` has read so far.
    pub fn continuing(input: R, decoder: Decoder) -> Self {
        Self { input, decoder, line: Vec::new(), offset: 0, ended: false }
    }

    /// What was found so far.
    pub fn tally(&self) -> Tally {
        self.decoder.tally()
    }

    /// Bytes of the input taken so far: where the line after the newest event begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The decoder, to come back to this place with a clone of it.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, to continue with the next file.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }

    /// Reads the next line where it lies in the buffer of the input; goes on if it does not lie there whole.
    fn line_in_buffer(&mut self) -> io::Result<ControlFlow<Option<Observed>>> {
        let buffer = match self.input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(error),
        };
        match memchr::memchr(b'\n', buffer) {
            Some(end) if end <= MAX_LINE_BYTES => {
                let observed = self.decoder.read(buffer.get(..end).unwrap_or_default(), true);
                self.input.consume(end + 1);
                self.offset += end as u64 + 1;
                Ok(ControlFlow::Break(observed))
            }
            _ => Ok(ControlFlow::Continue(())),
        }
    }

    /// Fills `self.line` with the next line; `None` at the end of the input.
    fn next_line(&mut self) -> io::Result<Option<LineEnd>> {
        self.line.clear();
        let mut oversized = false;
        loop {
            let buffer = match self.input.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if buffer.is_empty() {
                self.ended = true;
                return Ok(match (oversized, self.line.is_empty()) {
                    (true, _) => Some(LineEnd::Oversized),
                    (false, true) => None,
                    (false, false) => Some(LineEnd::Torn),
                });
            }
            let line_feed = memchr::memchr(b'\n', buffer);
            let taken = line_feed.unwrap_or(buffer.len());
            oversized |= self.line.len() + taken > MAX_LINE_BYTES;
            if !oversized {
                self.line.extend_from_slice(&buffer[..taken]);
            }
            let used = taken + usize::from(line_feed.is_some());
            self.input.consume(used);
            self.offset += used as u64;
            if line_feed.is_some() {
                return Ok(Some(if oversized { LineEnd::Oversized } else { LineEnd::Complete }));
            }
        }
    }
}

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Complete,
    Torn,
    Oversized,
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = io::Result<Observed>;

    /// The next event. An error of the input is given once and ends the iteration.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            match self.line_in_buffer() {
                Ok(ControlFlow::Break(Some(observed))) => return Some(Ok(observed)),
                Ok(ControlFlow::Break(None)) => continue,
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
            match self.next_line() {
                Ok(None) => return None,
                Ok(Some(LineEnd::Oversized)) => self.decoder.skip_oversized(),
                Ok(Some(end)) => {
                    if let Some(observed) = self.decoder.read(&self.line, end == LineEnd::Complete) {
                        return Some(Ok(observed));
                    }
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
