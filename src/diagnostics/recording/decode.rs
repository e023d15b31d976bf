//! Reads recordings line by line.
//!
//! A recording ends in the middle of a line when the recorder is killed, may be written by other programs and
//! versions, and may be edited by hand. Nothing in it is an error: what cannot be read is counted.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::super::event::{Event, StampedEvent};
use super::fast_parser::{FastParser, ParsedLine};
use super::time_axis::{TimeAxis, micros};

/// Longest line read, in bytes; longer ones are skipped and counted.
pub const MAX_LINE_BYTES: usize = 1024 * 1024;

/// Counts of the lines given to a [`Decoder`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecodeStats {
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
    pub truncated: u64,
}

impl DecodeStats {
    /// Lines without an event.
    pub fn skipped(&self) -> u64 {
        self.malformed + self.oversized + self.truncated
    }
}

/// Turns lines into events on one axis of time. Feed it the files of a recording in order. A clone
/// continues from the same place.
#[derive(Debug, Clone, Default)]
pub struct Decoder {
    time_axis: TimeAxis,
    stats: DecodeStats,
    fast_parser: FastParser,
}

/// A line of the file.
#[derive(Deserialize)]
struct RecordingLine {
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
    pub fn decode_line(&mut self, line: &[u8]) -> Option<StampedEvent> {
        self.decode(line, true)
    }

    /// What was found so far.
    pub fn stats(&self) -> DecodeStats {
        self.stats
    }

    fn decode(&mut self, line: &[u8], complete: bool) -> Option<StampedEvent> {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
        if line.is_empty() {
            return None;
        }
        self.stats.lines += 1;
        if line.len() > MAX_LINE_BYTES {
            self.stats.oversized += 1;
            return None;
        }
        let Some(ParsedLine { t, m, event }) =
            self.fast_parser.parse_line(line).or_else(|| parse_json_line(line))
        else {
            let counter = if complete { &mut self.stats.malformed } else { &mut self.stats.truncated };
            *counter += 1;
            return None;
        };
        self.stats.events += 1;
        self.stats.unknown += u64::from(matches!(event, Event::Unknown));
        Some(StampedEvent { at: self.time_axis.stamp(t, m, &event), event })
    }

    fn skip_oversized(&mut self) {
        self.stats.lines += 1;
        self.stats.oversized += 1;
    }
}

/// Reads a line of any form that JSON allows. This parser defines the meaning of a line.
pub(super) fn parse_json_line(line: &[u8]) -> Option<ParsedLine> {
    let RecordingLine { t, m, event } = serde_json::from_slice(line).ok()?;
    let m = match m {
        Some(secs) => Some(micros(secs)?),
        None => None,
    };
    Some(ParsedLine { t, m, event })
}

/// Reads a recording event by event in bounded memory.
///
/// ```
/// use dropscope::diagnostics::recording::RecordingReader;
///
/// let recording = b"{\"t\":\"2026-08-03T12:00:00.000Z\",\"kind\":\"note\",\"text\":\"hello\"}\n{\"t\":\"20";
/// let mut reader = RecordingReader::new(&recording[..]);
/// assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 1);
/// assert_eq!(reader.stats().truncated, 1);
/// ```
#[derive(Debug)]
pub struct RecordingReader<R> {
    input: R,
    decoder: Decoder,
    line: Vec<u8>,
    offset: u64,
    is_finished: bool,
}

impl<R: BufRead> RecordingReader<R> {
    /// Reads `input` as the first file of a recording.
    pub fn new(input: R) -> Self {
        Self::with_decoder(input, Decoder::new())
    }

    /// Reads `input` as the next file of a recording that `decoder` has read so far.
    pub fn with_decoder(input: R, decoder: Decoder) -> Self {
        Self { input, decoder, line: Vec::new(), offset: 0, is_finished: false }
    }

    /// What was found so far.
    pub fn stats(&self) -> DecodeStats {
        self.decoder.stats()
    }

    /// Bytes of the input taken so far: where the line after the newest event begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The decoder; a clone of it continues from this place.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder, to continue with the next file.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }

    /// Decodes the next line inside the input's buffer; continues if the buffer does not hold all of it.
    fn line_in_buffer(&mut self) -> io::Result<ControlFlow<Option<StampedEvent>>> {
        let buffer = match self.input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(ControlFlow::Continue(())),
            Err(error) => return Err(error),
        };
        match memchr::memchr(b'\n', buffer) {
            Some(end) if end <= MAX_LINE_BYTES => {
                let observed = self.decoder.decode(buffer.get(..end).unwrap_or_default(), true);
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
                self.is_finished = true;
                return Ok(match (oversized, self.line.is_empty()) {
                    (true, _) => Some(LineEnd::Oversized),
                    (false, true) => None,
                    (false, false) => Some(LineEnd::Truncated),
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
    Truncated,
    Oversized,
}

impl<R: BufRead> Iterator for RecordingReader<R> {
    type Item = io::Result<StampedEvent>;

    /// The next event. An error of the input is given once and ends the iteration.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_finished {
            match self.line_in_buffer() {
                Ok(ControlFlow::Break(Some(observed))) => return Some(Ok(observed)),
                Ok(ControlFlow::Break(None)) => continue,
                Ok(ControlFlow::Continue(())) => {}
                Err(error) => {
                    self.is_finished = true;
                    return Some(Err(error));
                }
            }
            match self.next_line() {
                Ok(None) => return None,
                Ok(Some(LineEnd::Oversized)) => self.decoder.skip_oversized(),
                Ok(Some(end)) => {
                    if let Some(observed) = self.decoder.decode(&self.line, end == LineEnd::Complete) {
                        return Some(Ok(observed));
                    }
                }
                Err(error) => {
                    self.is_finished = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}
