//! How does a file, whatever its form, become a stream of events?

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use super::from_export::events;
use super::{FileReport, Form, Found, shown};
use crate::diagnostics::recording::{Decoder, Reader, Tally};
use crate::diagnostics::{Observed, Stamp};
use crate::export::Export;

/// How much of a file is looked at to tell what it is.
const HEAD: u64 = 64 * 1024;
/// Read at once from a recording.
const BUFFER: usize = 256 * 1024;
/// Largest export read; ours stay below a few MiB.
const MAX_EXPORT: u64 = 64 * 1024 * 1024;

type Input = BufReader<Chain<Cursor<Vec<u8>>, Box<dyn Read>>>;

/// The events of a recording with its rotated parts, or of an export.
pub(super) struct Source {
    /// The first event, with which the source has its place in time.
    pub(super) first: Observed,
    /// Whether it is an export: of events told twice, the recording's is kept.
    pub(super) is_export: bool,
    /// Place of its first file among the reports.
    pub(super) report: usize,
    /// Events taken out already.
    begun: VecDeque<Observed>,
    stream: Stream,
    /// Parts that follow, with their place among the reports.
    parts: VecDeque<(PathBuf, usize)>,
}

enum Stream {
    /// Nothing open; the next part continues what was read so far.
    Between(Decoder),
    Recording {
        reader: Reader<Input>,
        before: Tally,
        report: usize,
    },
    Listed(std::vec::IntoIter<Observed>),
}

/// What is opened.
enum Opened {
    Recording(Input),
    Listed(Vec<Observed>),
}

/// Looks into everything found: sources in no special order, and a report of each file.
pub(super) fn open_all(found: Vec<Found>) -> (Vec<Source>, Vec<FileReport>) {
    let (mut sources, mut reports) = (Vec::new(), Vec::new());
    for found in found {
        match found {
            Found::Stdin => {
                let index = begin(&mut reports, "standard input".to_owned());
                sources.extend(of_stream(Box::new(io::stdin()), index, &mut reports));
            }
            Found::Files(parts) => of_parts(parts, &mut sources, &mut reports),
        }
    }
    (sources, reports)
}

fn begin(reports: &mut Vec<FileReport>, name: String) -> usize {
    let report = FileReport { name, form: Form::Unreadable, tally: Tally::default(), remarks: Vec::new() };
    reports.push(report);
    reports.len() - 1
}

fn of_parts(parts: Vec<PathBuf>, sources: &mut Vec<Source>, reports: &mut Vec<FileReport>) {
    let mut newest: Option<(usize, Stamp)> = None;
    for path in parts {
        let index = begin(reports, shown(&path));
        if !fs::metadata(&path).is_ok_and(|there| there.is_file()) {
            // A pipe can be read once only, so it is opened once and stays open.
            match File::open(&path) {
                Ok(file) => sources.extend(of_stream(Box::new(file), index, reports)),
                Err(error) => tell(reports, index, cannot_read(&error)),
            }
            continue;
        }
        let Some((first, stream)) = look(&path, index, reports) else { continue };
        let continued =
            newest.filter(|(_, before)| matches!(stream, Stream::Between(_)) && first.at.wall >= before.wall);
        if let Some(source) = continued.and_then(|(source, _)| sources.get_mut(source)) {
            source.parts.push_back((path, index));
        } else {
            let is_export = matches!(stream, Stream::Listed(_));
            let parts = if is_export { VecDeque::new() } else { VecDeque::from([(path, index)]) };
            sources.push(Source {
                first: first.clone(),
                is_export,
                report: index,
                begun: VecDeque::new(),
                stream,
                parts,
            });
        }
        newest = Some((sources.len() - 1, first.at));
    }
}

/// The first event of a file that can be opened again, and where the others come from.
fn look(path: &Path, index: usize, reports: &mut [FileReport]) -> Option<(Observed, Stream)> {
    let opened = File::open(path).and_then(|file| open(Box::new(file), index, reports));
    match opened {
        Ok(Some(Opened::Recording(input))) => {
            let mut reader = Reader::new(input);
            let Some(first) = reader.by_ref().find_map(Result::ok) else {
                add_tally(reports, index, reader.tally());
                return None;
            };
            set_form(reports, index, Form::Recording);
            Some((first, Stream::Between(Decoder::new())))
        }
        Ok(Some(Opened::Listed(listed))) => {
            let first = listed.first()?.clone();
            Some((first, Stream::Listed(listed.into_iter())))
        }
        Ok(None) => None,
        Err(error) => {
            tell(reports, index, cannot_read(&error));
            None
        }
    }
}

/// A source that can be read once only.
fn of_stream(input: Box<dyn Read>, index: usize, reports: &mut [FileReport]) -> Option<Source> {
    let (begun, stream) = match open(input, index, reports) {
        Ok(Some(Opened::Recording(input))) => {
            let mut reader = Reader::new(input);
            let first = reader.by_ref().find_map(Result::ok);
            if first.is_none() {
                add_tally(reports, index, reader.tally());
            }
            set_form(reports, index, if first.is_some() { Form::Recording } else { Form::Unreadable });
            (first, Stream::Recording { reader, before: Tally::default(), report: index })
        }
        Ok(Some(Opened::Listed(listed))) => {
            let mut listed = listed.into_iter();
            (listed.next(), Stream::Listed(listed))
        }
        Ok(None) => return None,
        Err(error) => {
            tell(reports, index, cannot_read(&error));
            return None;
        }
    };
    let first = begun?;
    let is_export = matches!(stream, Stream::Listed(_));
    Some(Source {
        first: first.clone(),
        is_export,
        report: index,
        begun: VecDeque::from([first]),
        stream,
        parts: VecDeque::new(),
    })
}

/// Tells exports from recordings; `None`, with the reason in the report, for what is neither.
fn open(mut input: Box<dyn Read>, index: usize, reports: &mut [FileReport]) -> io::Result<Option<Opened>> {
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head)?;
    if head.starts_with(b"\x1f\x8b") {
        tell(
            reports,
            index,
            "it is compressed: unpack it, as in `zcat FILE | dropscope analyze -`".to_owned(),
        );
        return Ok(None);
    }
    if !looks_like_export(&head) {
        return Ok(Some(Opened::Recording(BufReader::with_capacity(BUFFER, Cursor::new(head).chain(input)))));
    }
    let mut text = head;
    input.take(MAX_EXPORT).read_to_end(&mut text)?;
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
    match serde_json::from_slice::<Export>(text) {
        Ok(export) => {
            let (listed, remarks) = events(&export);
            set_form(
                reports,
                index,
                if export.dropscope.is_some() { Form::Export } else { Form::ReferenceExport },
            );
            let count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
            add_tally(reports, index, Tally { events: count, ..Tally::default() });
            for remark in remarks {
                tell(reports, index, remark);
            }
            Ok(Some(Opened::Listed(listed)))
        }
        Err(error) => {
            tell(
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
    let has = |key: &[u8]| memchr::memmem::find(head, key).is_some();
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    text.starts_with(b"{")
        && has(b"\"metrics\"")
        && has(b"\"timestamp\"")
        && Decoder::new().line(first_line).is_none()
}

fn cannot_read(error: &io::Error) -> String {
    format!("it cannot be read: {error}; check its permissions and the disk")
}

fn tell(reports: &mut [FileReport], index: usize, remark: String) {
    if let Some(report) = reports.get_mut(index) {
        report.remarks.push(remark);
    }
}

fn set_form(reports: &mut [FileReport], index: usize, form: Form) {
    if let Some(report) = reports.get_mut(index) {
        report.form = form;
    }
}

fn add_tally(reports: &mut [FileReport], index: usize, tally: Tally) {
    if let Some(report) = reports.get_mut(index) {
        report.tally = tally;
    }
}

impl Source {
    /// The next event; at the end of each file its report is completed.
    pub(super) fn next(&mut self, reports: &mut [FileReport]) -> Option<Observed> {
        loop {
            if let Some(observed) = self.begun.pop_front() {
                return Some(observed);
            }
            match &mut self.stream {
                Stream::Listed(listed) => return listed.next(),
                Stream::Recording { reader, report, .. } => match reader.next() {
                    Some(Ok(observed)) => return Some(observed),
                    Some(Err(error)) => tell(reports, *report, format!("reading ended early: {error}")),
                    None => self.close(reports),
                },
                Stream::Between(_) => self.open_next(reports)?,
            }
        }
    }

    fn close(&mut self, reports: &mut [FileReport]) {
        let stream = std::mem::replace(&mut self.stream, Stream::Between(Decoder::new()));
        if let Stream::Recording { reader, before, report } = stream {
            add_tally(reports, report, difference(reader.tally(), before));
            self.stream = Stream::Between(reader.into_decoder());
        }
    }

    fn open_next(&mut self, reports: &mut [FileReport]) -> Option<()> {
        let (path, report) = self.parts.pop_front()?;
        let empty: Box<dyn Read> = match File::open(&path) {
            Ok(file) => Box::new(file),
            Err(error) => {
                // It could be opened a moment ago: somebody removed it.
                tell(reports, report, cannot_read(&error));
                Box::new(io::empty())
            }
        };
        set_form(reports, report, Form::Recording);
        let Stream::Between(decoder) = &mut self.stream else { return Some(()) };
        let decoder = std::mem::take(decoder);
        let before = decoder.tally();
        let input = BufReader::with_capacity(BUFFER, Cursor::new(Vec::new()).chain(empty));
        self.stream = Stream::Recording { reader: Reader::continuing(input, decoder), before, report };
        Some(())
    }
}

fn difference(all: Tally, before: Tally) -> Tally {
    Tally {
        lines: all.lines - before.lines,
        events: all.events - before.events,
        unknown: all.unknown - before.unknown,
        malformed: all.malformed - before.malformed,
        oversized: all.oversized - before.oversized,
        torn: all.torn - before.torn,
    }
}
