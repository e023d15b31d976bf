//! Merges the events of several files on one time axis.
//!
//! Each source has its own boot clock. All are placed on the axis of the earliest, at the distance of the wall clocks of
//! their first events; from there on only boot clocks count. A source is opened when its first event is next, so the
//! number of files is not limited by open files.

use std::collections::VecDeque;
use std::time::Duration;

use super::source::{EventSource, open_all};
use super::{FileFormat, FileReport, InputReport, InputSource};
use crate::diagnostics::event::StartedEvent;
use crate::diagnostics::{Event, Stamp, StampedEvent};

/// Greatest difference of the times of one event in two files, in milliseconds.
const SAME_MS: i64 = 5;
/// Rare events kept to find duplicates; more than can happen within [`SAME_MS`] of each other.
const MAX_RECENT_EVENTS: usize = 32;
/// Client ids kept for redaction.
const MAX_CLIENTS: usize = 64;
/// Warnings at most.
const MAX_WARNINGS: usize = 5;
/// Boot clocks that began within this of each other, in microseconds, are one: the parts of a run.
const SAME_RUN_US: i64 = 2_000_000;

/// Iterates over the events of all sources in the order of time.
pub(super) struct SourceMerge {
    /// Sources not yet opened, the earliest last.
    pending: Vec<EventSource>,
    active: Vec<ActiveSource>,
    /// Events that precede all others.
    ready: VecDeque<StampedEvent>,
    files: Vec<FileReport>,
    warnings: Vec<String>,
    /// Start of the boot clock by the wall clock, and offset on the axis, of each opened source.
    runs: Vec<(i64, i64)>,
    last: Option<Stamp>,
    /// The watched connection, from the newest `started`.
    started: Option<StartedEvent>,
    recent_events: VecDeque<RareEvent>,
    duplicate_events: u64,
    /// Events returned so far.
    event_count: u64,
    started_sources: usize,
    clients: Vec<String>,
    /// Position of the next pending source.
    next_start: Option<SourceStart>,
}

/// Position of a source on the axis.
#[derive(Debug, Clone, Copy)]
struct SourceStart {
    boot: Duration,
    /// Offset to its boot clock, in microseconds.
    offset: i64,
    /// Whether it is a later part of a run read before.
    is_continuation: bool,
}

/// An open source with its next event on the common axis.
struct ActiveSource {
    source: EventSource,
    number: usize,
    offset: i64,
    next_event: StampedEvent,
    client: Option<String>,
}

/// A rare event that was returned.
struct RareEvent {
    ms: i64,
    kind: std::mem::Discriminant<Event>,
    source: usize,
    is_export: bool,
    client: Option<String>,
}

impl SourceMerge {
    pub(super) fn new(inputs: Vec<InputSource>) -> Self {
        let (mut pending, files) = open_all(inputs);
        // Of two with the same start the recording precedes: it has more data than an export.
        pending.sort_by_key(|source| std::cmp::Reverse((source.first.at.wall, source.is_export)));
        let mut merge = Self {
            pending,
            active: Vec::new(),
            ready: VecDeque::new(),
            files,
            warnings: Vec::new(),
            runs: Vec::new(),
            last: None,
            started: None,
            recent_events: VecDeque::new(),
            duplicate_events: 0,
            event_count: 0,
            started_sources: 0,
            clients: Vec::new(),
            next_start: None,
        };
        merge.next_start = merge.find_next_start();
        merge
    }

    /// What was read; complete after the last event.
    pub(super) fn into_report(self) -> InputReport {
        let mut files = self.files;
        files.sort_by_key(|file| file.format == FileFormat::Unreadable);
        InputReport {
            files,
            events: self.event_count,
            duplicate_events: self.duplicate_events,
            warnings: self.warnings,
            clients: self.clients,
        }
    }

    /// The next event of all sources.
    pub(super) fn next(&mut self) -> Option<StampedEvent> {
        loop {
            if let Some(observed) = self.ready.pop_front() {
                self.last = Some(observed.at);
                return Some(observed);
            }
            self.start_due_sources();
            if !self.ready.is_empty() {
                continue;
            }
            let earliest = self.earliest_source()?;
            let (observed, rare_event) = self.take_next(earliest)?;
            if let Some(rare_event) = rare_event {
                if self.is_duplicate(&rare_event) {
                    self.duplicate_events += 1;
                    continue;
                }
                self.remember_event(rare_event);
            }
            self.last = Some(observed.at);
            self.event_count += 1;
            return Some(observed);
        }
    }

    /// Index of the source whose event is next.
    fn earliest_source(&self) -> Option<usize> {
        match self.active.as_slice() {
            [] => None,
            [_] => Some(0),
            many => many
                .iter()
                .enumerate()
                .min_by_key(|(_, active)| (active.next_event.at.boot, active.source.is_export, active.number))
                .map(|(place, _)| place),
        }
    }

    /// Takes the next event of a source, and its key if it is a rare one.
    fn take_next(&mut self, place: usize) -> Option<(StampedEvent, Option<RareEvent>)> {
        let is_rare = is_rare(&self.active.get(place)?.next_event.event);
        let rare_event = if is_rare { self.note_rare_event(place) } else { None };
        let active = self.active.get_mut(place)?;
        let observed = match active.source.next(&mut self.files) {
            Some(next) => {
                let next = StampedEvent { at: shift_stamp(next.at, active.offset), ..next };
                std::mem::replace(&mut active.next_event, next)
            }
            None => self.active.swap_remove(place).next_event,
        };
        Some((observed, rare_event))
    }

    /// The key of the rare event that is next in a source; a `started` names the watched connection.
    fn note_rare_event(&mut self, place: usize) -> Option<RareEvent> {
        let active = self.active.get_mut(place)?;
        let is_started = if let Event::Started(started) = &active.next_event.event {
            active.client = real_client_id(&started.client_id);
            self.started = Some(started.clone());
            true
        } else {
            false
        };
        let client = active.client.clone();
        let rare_event = RareEvent {
            ms: active.next_event.at.wall.timestamp_millis(),
            kind: std::mem::discriminant(&active.next_event.event),
            source: active.number,
            is_export: active.source.is_export,
            client: client.clone(),
        };
        let is_new = |client: &String| is_started && !self.clients.contains(client);
        if let Some(client) = client.filter(is_new).filter(|_| self.clients.len() < MAX_CLIENTS) {
            self.clients.push(client);
        }
        if is_started {
            self.warn_of_overlaps(rare_event.source);
        }
        Some(rare_event)
    }

    /// Opens the sources whose first event is next.
    fn start_due_sources(&mut self) {
        while let Some(SourceStart { boot, offset, is_continuation }) = self.next_start {
            if self.active.iter().any(|active| active.next_event.at.boot < boot) {
                return;
            }
            let Some(mut source) = self.pending.pop() else { return };
            self.runs.push((boot_origin(&source.first), offset));
            self.next_start = self.find_next_start();
            let Some(next_event) = source.next(&mut self.files) else { continue };
            let next_event = StampedEvent { at: shift_stamp(next_event.at, offset), ..next_event };
            if self.active.is_empty() && !is_continuation && !matches!(next_event.event, Event::Started(_)) {
                self.insert_gap(next_event.at);
            }
            let client = match &next_event.event {
                Event::Started(started) => real_client_id(&started.client_id),
                _ => None,
            };
            self.started_sources += 1;
            self.active.push(ActiveSource {
                source,
                number: self.started_sources,
                offset,
                next_event,
                client,
            });
            if !self.ready.is_empty() {
                return;
            }
        }
    }

    /// Position of the next pending source.
    fn find_next_start(&self) -> Option<SourceStart> {
        let source = self.pending.last()?;
        let (offset, is_continuation) = self.offset_of(source);
        Some(SourceStart { boot: shift_stamp(source.first.at, offset).boot, offset, is_continuation })
    }

    fn offset_of(&self, source: &EventSource) -> (i64, bool) {
        let Some((first_origin, first_offset)) = self.runs.first() else { return (0, false) };
        let origin = boot_origin(&source.first);
        let same = |(other, _): &&(i64, i64)| origin.saturating_sub(*other).saturating_abs() <= SAME_RUN_US;
        let is_part = !source.is_export && !matches!(source.first.event, Event::Started(_));
        match self.runs.iter().find(same).filter(|_| is_part) {
            Some((_, offset)) => (*offset, true),
            None => (origin.saturating_sub(*first_origin).saturating_add(*first_offset), false),
        }
    }

    /// The time between two files was not watched: the previous one ends with its last event.
    fn insert_gap(&mut self, at: Stamp) {
        let Some(last) = self.last else { return };
        self.ready.push_back(StampedEvent { at: last, event: Event::Stopped { by: None } });
        let started = self.started.clone().unwrap_or_default();
        self.ready.push_back(StampedEvent { at, event: Event::Started(started) });
    }

    /// Two clients watched at the same time are two connections, which one fold cannot hold.
    fn warn_of_overlaps(&mut self, number: usize) {
        let Some(one) = self.active.iter().find(|one| one.number == number) else { return };
        let is_other_client = |other: &&ActiveSource| {
            other.client.is_some() && one.client.is_some() && other.client != one.client
        };
        for other in self
            .active
            .iter()
            .filter(is_other_client)
            .take(MAX_WARNINGS - self.warnings.len().min(MAX_WARNINGS))
        {
            let name =
                |source: &EventSource| self.files.get(source.report).map_or("?", |file| file.name.as_str());
            self.warnings.push(format!(
                "{} and {} overlap in time but watch different client ids: they count here as one \
                 connection, so analyze them separately",
                name(&other.source),
                name(&one.source),
            ));
        }
    }

    fn is_duplicate(&self, event: &RareEvent) -> bool {
        self.recent_events.iter().any(|recent| {
            recent.kind == event.kind
                && recent.source != event.source
                && (recent.ms - event.ms).abs() <= SAME_MS
                && (recent.is_export || event.is_export || recent.client == event.client)
        })
    }

    fn remember_event(&mut self, event: RareEvent) {
        if self.recent_events.len() >= MAX_RECENT_EVENTS {
            self.recent_events.pop_front();
        }
        self.recent_events.push_back(event);
    }
}

/// Events that an export lists as well.
fn is_rare(event: &Event) -> bool {
    matches!(
        event,
        Event::Started(_)
            | Event::Connected(_)
            | Event::Dropped(_)
            | Event::ConnectFailed(_)
            | Event::Note { .. }
            | Event::System { .. }
    )
}

/// Placeholders of an export are no identity.
fn real_client_id(client_id: &str) -> Option<String> {
    (!client_id.is_empty() && !client_id.starts_with('<')).then(|| client_id.to_owned())
}

/// Start of the boot clock of a source, by the wall clock of its first event, in microseconds.
fn boot_origin(first: &StampedEvent) -> i64 {
    first.at.wall.timestamp_micros().saturating_sub(micros(first.at.boot))
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn shift_stamp(at: Stamp, offset: i64) -> Stamp {
    if offset == 0 {
        return at;
    }
    let boot = micros(at.boot).saturating_add(offset);
    Stamp { boot: Duration::from_micros(u64::try_from(boot).unwrap_or(0)), ..at }
}
