//! Reads a file of any known format as a stream of events.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use super::from_export::events;
use super::{FileFormat, FileReport, InputSource, display_path};
use crate::diagnostics::recording::{DecodeStats, Decoder, RecordingReader};
use crate::diagnostics::{Stamp, StampedEvent};
use crate::export::Export;

/// Bytes of a file that are read to detect its format.
const PROBE_BYTES: u64 = 64 * 1024;
/// Bytes read at once from a recording.
const BUFFER_BYTES: usize = 256 * 1024;
/// Largest export in bytes; those of this program stay below a few MiB.
const MAX_EXPORT: u64 = 64 * 1024 * 1024;

type InputReader = BufReader<Chain<Cursor<Vec<u8>>, Box<dyn Read>>>;

/// The events of a recording with its rotated parts, or of an export.
pub(super) struct EventSource {
    /// The first event, which places the source in time.
    pub(super) first: StampedEvent,
    /// Whether it is an export: of duplicate events, that of a recording is kept.
    pub(super) is_export: bool,
    /// Index of its first file among the reports.
    pub(super) report: usize,
    /// Events returned so far.
    buffered: VecDeque<StampedEvent>,
    stream: SourceStream,
    /// Parts that follow, with their index among the reports.
    parts: VecDeque<(PathBuf, usize)>,
}

enum SourceStream {
    /// No open file; the next part continues the recording.
    BetweenParts(Decoder),
    Recording {
        reader: RecordingReader<InputReader>,
        before: DecodeStats,
        report: usize,
    },
    ExportEvents(std::vec::IntoIter<StampedEvent>),
}

/// The open file.
enum InputContent {
    Recording(InputReader),
    ExportEvents(Vec<StampedEvent>),
}

/// Opens all inputs: the sources in no particular order, and a report of each file.
pub(super) fn open_all(inputs: Vec<InputSource>) -> (Vec<EventSource>, Vec<FileReport>) {
    let (mut sources, mut reports) = (Vec::new(), Vec::new());
    for input in inputs {
        match input {
            InputSource::Stdin => {
                let index = add_report(&mut reports, "standard input".to_owned());
                sources.extend(open_once(Box::new(io::stdin()), index, &mut reports));
            }
            InputSource::Files(parts) => open_parts(parts, &mut sources, &mut reports),
        }
    }
    (sources, reports)
}

fn add_report(reports: &mut Vec<FileReport>, name: String) -> usize {
    let report = FileReport {
        name,
        format: FileFormat::Unreadable,
        tally: DecodeStats::default(),
        remarks: Vec::new(),
    };
    reports.push(report);
    reports.len() - 1
}

fn open_parts(parts: Vec<PathBuf>, sources: &mut Vec<EventSource>, reports: &mut Vec<FileReport>) {
    let mut newest: Option<(usize, Stamp)> = None;
    for path in parts {
        let index = add_report(reports, display_path(&path));
        if !fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            // A pipe can be read only once, so it stays open.
            match File::open(&path) {
                Ok(file) => sources.extend(open_once(Box::new(file), index, reports)),
                Err(error) => add_remark(reports, index, cannot_read(&error)),
            }
            continue;
        }
        let Some((first, stream)) = probe_file(&path, index, reports) else { continue };
        let continued_source = newest.filter(|(_, before)| {
            matches!(stream, SourceStream::BetweenParts(_)) && first.at.wall >= before.wall
        });
        if let Some(source) = continued_source.and_then(|(source, _)| sources.get_mut(source)) {
            source.parts.push_back((path, index));
        } else {
            let is_export = matches!(stream, SourceStream::ExportEvents(_));
            let parts = if is_export { VecDeque::new() } else { VecDeque::from([(path, index)]) };
            sources.push(EventSource {
                first: first.clone(),
                is_export,
                report: index,
                buffered: VecDeque::new(),
                stream,
                parts,
            });
        }
        newest = Some((sources.len() - 1, first.at));
    }
}

/// The first event of a file that can be opened again, and the source of the others.
fn probe_file(path: &Path, index: usize, reports: &mut [FileReport]) -> Option<(StampedEvent, SourceStream)> {
    let content = File::open(path).and_then(|file| open_input(Box::new(file), index, reports));
    match content {
        Ok(Some(InputContent::Recording(input))) => {
            let mut reader = RecordingReader::new(input);
            let Some(first) = reader.by_ref().find_map(Result::ok) else {
                add_tally(reports, index, reader.stats());
                return None;
            };
            set_format(reports, index, FileFormat::Recording);
            Some((first, SourceStream::BetweenParts(Decoder::new())))
        }
        Ok(Some(InputContent::ExportEvents(events))) => {
            let first = events.first()?.clone();
            Some((first, SourceStream::ExportEvents(events.into_iter())))
        }
        Ok(None) => None,
        Err(error) => {
            add_remark(reports, index, cannot_read(&error));
            None
        }
    }
}

/// A source that can be read only once.
fn open_once(input: Box<dyn Read>, index: usize, reports: &mut [FileReport]) -> Option<EventSource> {
    let (first_event, stream) = match open_input(input, index, reports) {
        Ok(Some(InputContent::Recording(input))) => {
            let mut reader = RecordingReader::new(input);
            let first = reader.by_ref().find_map(Result::ok);
            if first.is_none() {
                add_tally(reports, index, reader.stats());
            }
            set_format(
                reports,
                index,
                if first.is_some() { FileFormat::Recording } else { FileFormat::Unreadable },
            );
            (first, SourceStream::Recording { reader, before: DecodeStats::default(), report: index })
        }
        Ok(Some(InputContent::ExportEvents(events))) => {
            let mut events = events.into_iter();
            (events.next(), SourceStream::ExportEvents(events))
        }
        Ok(None) => return None,
        Err(error) => {
            add_remark(reports, index, cannot_read(&error));
            return None;
        }
    };
    let first = first_event?;
    let is_export = matches!(stream, SourceStream::ExportEvents(_));
    Some(EventSource {
        first: first.clone(),
        is_export,
        report: index,
        buffered: VecDeque::from([first]),
        stream,
        parts: VecDeque::new(),
    })
}

/// Distinguishes exports from recordings; `None`, with the reason in the report, for any other file.
fn open_input(
    mut input: Box<dyn Read>,
    index: usize,
    reports: &mut [FileReport],
) -> io::Result<Option<InputContent>> {
    let mut head = Vec::new();
    input.by_ref().take(PROBE_BYTES).read_to_end(&mut head)?;
    if head.starts_with(b"\x1f\x8b") {
        add_remark(
            reports,
            index,
            "it is compressed: unpack it, as in `zcat FILE | dropscope analyze -`".to_owned(),
        );
        return Ok(None);
    }
    if !looks_like_export(&head) {
        return Ok(Some(InputContent::Recording(BufReader::with_capacity(
            BUFFER_BYTES,
            Cursor::new(head).chain(input),
        ))));
    }
    let mut text = head;
    input.take(MAX_EXPORT).read_to_end(&mut text)?;
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    match serde_json::from_slice::<Export>(text) {
        Ok(export) => {
            let (events, remarks) = events(&export);
            set_format(
                reports,
                index,
                if export.dropscope.is_some() { FileFormat::Export } else { FileFormat::ReferenceExport },
            );
            let count = u64::try_from(events.len()).unwrap_or(u64::MAX);
            add_tally(reports, index, DecodeStats { events: count, ..DecodeStats::default() });
            for remark in remarks {
                add_remark(reports, index, remark);
            }
            Ok(Some(InputContent::ExportEvents(events)))
        }
        Err(error) => {
            add_remark(
                reports,
                index,
                format!(
                    "it looks like an export but is damaged ({error}): export again, or use the recording"
                ),
            );
            Ok(None)
        }
    }
}

/// An export is one object with the reference's keys; a recording has an event on its first line that is not blank.
fn looks_like_export(head: &[u8]) -> bool {
    let contains = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    text.starts_with(b"{")
        && contains(b"\"metrics\"")
        && contains(b"\"timestamp\"")
        && Decoder::new().decode_line(first_line).is_none()
}

fn cannot_read(error: &io::Error) -> String {
    format!("it cannot be read: {error}; check its permissions and the disk")
}

fn add_remark(reports: &mut [FileReport], index: usize, remark: String) {
    if let Some(report) = reports.get_mut(index) {
        report.remarks.push(remark);
    }
}

fn set_format(reports: &mut [FileReport], index: usize, format: FileFormat) {
    if let Some(report) = reports.get_mut(index) {
        report.format = format;
    }
}

fn add_tally(reports: &mut [FileReport], index: usize, tally: DecodeStats) {
    if let Some(report) = reports.get_mut(index) {
        report.tally = tally;
    }
}

impl EventSource {
    /// The next event; at the end of each file its report is completed.
    pub(super) fn next(&mut self, reports: &mut [FileReport]) -> Option<StampedEvent> {
        loop {
            if let Some(observed) = self.buffered.pop_front() {
                return Some(observed);
            }
            match &mut self.stream {
                SourceStream::ExportEvents(events) => return events.next(),
                SourceStream::Recording { reader, report, .. } => match reader.next() {
                    Some(Ok(observed)) => return Some(observed),
                    Some(Err(error)) => add_remark(reports, *report, format!("reading ended early: {error}")),
                    None => self.close(reports),
                },
                SourceStream::BetweenParts(_) => self.open_next(reports)?,
            }
        }
    }

    fn close(&mut self, reports: &mut [FileReport]) {
        let stream = std::mem::replace(&mut self.stream, SourceStream::BetweenParts(Decoder::new()));
        if let SourceStream::Recording { reader, before, report } = stream {
            add_tally(reports, report, tally_difference(reader.stats(), before));
            self.stream = SourceStream::BetweenParts(reader.into_decoder());
        }
    }

    fn open_next(&mut self, reports: &mut [FileReport]) -> Option<()> {
        let (path, report) = self.parts.pop_front()?;
        let empty: Box<dyn Read> = match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                // It was removed since its first event was read.
                add_remark(reports, report, cannot_read(&error));
                Box::new(io::empty())
            }
        };
        set_format(reports, report, FileFormat::Recording);
        let SourceStream::BetweenParts(decoder) = &mut self.stream else { return Some(()) };
        let decoder = std::mem::take(decoder);
        let before = decoder.stats();
        let input = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(Vec::new()).chain(empty));
        self.stream =
            SourceStream::Recording { reader: RecordingReader::with_decoder(input, decoder), before, report };
        Some(())
    }
}

fn tally_difference(all: DecodeStats, before: DecodeStats) -> DecodeStats {
    DecodeStats {
        lines: all.lines - before.lines,
        events: all.events - before.events,
        unknown: all.unknown - before.unknown,
        malformed: all.malformed - before.malformed,
        oversized: all.oversized - before.oversized,
        truncated: all.truncated - before.truncated,
    }
}
