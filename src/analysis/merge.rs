//! In which order do the events of several files happen, and on which axis of time?
//!
//! Each source has its own boot clock. All are put on the axis of the earliest, at the distance of the wall
//! clocks of their first events; from there on only boot clocks count. A source is opened when its time has
//! come, so as many files may be given as there are.

use std::collections::VecDeque;
use std::time::Duration;

use super::source::{Source, open_all};
use super::{FileReport, Form, Found, InputReport};
use crate::diagnostics::event::Started;
use crate::diagnostics::{Event, Observed, Stamp};

/// Two files tell the same event if their times differ by no more, in milliseconds.
const SAME_MS: i64 = 5;
/// Rare events remembered to find those told twice; more than can happen within [`SAME_MS`] of each other.
const REMEMBERED: usize = 32;
/// Client ids kept for redaction.
const CLIENTS: usize = 64;
/// Warnings given; more would say the same.
const WARNINGS: usize = 5;
/// Boot clocks that began within this of each other, in microseconds, are one: the parts of a run.
const SAME_RUN_US: i64 = 2_000_000;

/// Gives the events of all sources in the order of time.
pub(super) struct Merge {
    /// Not begun yet, the earliest last.
    pending: Vec<Source>,
    active: Vec<Active>,
    /// Events to be given before all others.
    due: VecDeque<Observed>,
    files: Vec<FileReport>,
    warnings: Vec<String>,
    /// Beginning of the boot clock by the wall clock, and offset on the axis, of each source begun.
    runs: Vec<(i64, i64)>,
    last: Option<Stamp>,
    /// What was watched, as told by the newest `started`.
    started: Option<Started>,
    told: VecDeque<Told>,
    told_twice: u64,
    /// Events of files given so far.
    given: u64,
    begun: usize,
    clients: Vec<String>,
    /// Where the next pending source belongs.
    next_begin: Option<Begin>,
}

/// Where a source belongs on the axis.
#[derive(Debug, Clone, Copy)]
struct Begin {
    boot: Duration,
    /// What to add to its boot clock, in microseconds.
    offset: i64,
    /// Whether it is a later part of a run read before.
    continues: bool,
}

/// A source that has begun, with its next event on the common axis.
struct Active {
    source: Source,
    number: usize,
    offset: i64,
    head: Observed,
    client: Option<String>,
}

/// A rare event that was given.
struct Told {
    ms: i64,
    kind: std::mem::Discriminant<Event>,
    by: usize,
    by_export: bool,
    client: Option<String>,
}

impl Merge {
    pub(super) fn new(found: Vec<Found>) -> Self {
        let (mut pending, files) = open_all(found);
        // Of two that begin together the recording comes first: it knows more than an export.
        pending.sort_by_key(|source| std::cmp::Reverse((source.first.at.wall, source.is_export)));
        let mut merge = Self {
            pending,
            active: Vec::new(),
            due: VecDeque::new(),
            files,
            warnings: Vec::new(),
            runs: Vec::new(),
            last: None,
            started: None,
            told: VecDeque::new(),
            told_twice: 0,
            given: 0,
            begun: 0,
            clients: Vec::new(),
            next_begin: None,
        };
        merge.next_begin = merge.next_begin();
        merge
    }

    /// What was read; complete after the last event.
    pub(super) fn into_report(self) -> InputReport {
        let mut files = self.files;
        files.sort_by_key(|file| file.form == Form::Unreadable);
        InputReport {
            files,
            events: self.given,
            told_twice: self.told_twice,
            warnings: self.warnings,
            clients: self.clients,
        }
    }

    /// The next event of all.
    pub(super) fn next(&mut self) -> Option<Observed> {
        loop {
            if let Some(observed) = self.due.pop_front() {
                self.last = Some(observed.at);
                return Some(observed);
            }
            self.begin_those_due();
            if !self.due.is_empty() {
                continue;
            }
            let earliest = self.earliest()?;
            let (observed, told) = self.take(earliest)?;
            if let Some(told) = told {
                if self.is_told_twice(&told) {
                    self.told_twice += 1;
                    continue;
                }
                self.remember(told);
            }
            self.last = Some(observed.at);
            self.given += 1;
            return Some(observed);
        }
    }

    /// The place of the source whose event is next.
    fn earliest(&self) -> Option<usize> {
        match self.active.as_slice() {
            [] => None,
            [_] => Some(0),
            many => many
                .iter()
                .enumerate()
                .min_by_key(|(_, active)| (active.head.at.boot, active.source.is_export, active.number))
                .map(|(place, _)| place),
        }
    }

    /// Takes the next event of a source, and what to remember of it if it is a rare one.
    fn take(&mut self, place: usize) -> Option<(Observed, Option<Told>)> {
        let is_rare = is_rare(&self.active.get(place)?.head.event);
        let told = if is_rare { self.note(place) } else { None };
        let active = self.active.get_mut(place)?;
        let observed = match active.source.next(&mut self.files) {
            Some(next) => {
                let next = Observed { at: shifted(next.at, active.offset), ..next };
                std::mem::replace(&mut active.head, next)
            }
            None => self.active.swap_remove(place).head,
        };
        Some((observed, told))
    }

    /// What to remember of the rare event that is next in a source; a `started` tells who is watched.
    fn note(&mut self, place: usize) -> Option<Told> {
        let active = self.active.get_mut(place)?;
        let is_started = if let Event::Started(started) = &active.head.event {
            active.client = known(&started.client_id);
            self.started = Some(started.clone());
            true
        } else {
            false
        };
        let client = active.client.clone();
        let told = Told {
            ms: active.head.at.wall.timestamp_millis(),
            kind: std::mem::discriminant(&active.head.event),
            by: active.number,
            by_export: active.source.is_export,
            client: client.clone(),
        };
        let is_new = |client: &String| is_started && !self.clients.contains(client);
        if let Some(client) = client.filter(is_new).filter(|_| self.clients.len() < CLIENTS) {
            self.clients.push(client);
        }
        if is_started {
            self.warn_of_overlaps(told.by);
        }
        Some(told)
    }

    /// Begins the sources whose first event is next.
    fn begin_those_due(&mut self) {
        while let Some(Begin { boot, offset, continues }) = self.next_begin {
            if self.active.iter().any(|active| active.head.at.boot < boot) {
                return;
            }
            let Some(mut source) = self.pending.pop() else { return };
            self.runs.push((origin(&source.first), offset));
            self.next_begin = self.next_begin();
            let Some(head) = source.next(&mut self.files) else { continue };
            let head = Observed { at: shifted(head.at, offset), ..head };
            if self.active.is_empty() && !continues && !matches!(head.event, Event::Started(_)) {
                self.separate(head.at);
            }
            let client = match &head.event {
                Event::Started(started) => known(&started.client_id),
                _ => None,
            };
            self.begun += 1;
            self.active.push(Active { source, number: self.begun, offset, head, client });
            if !self.due.is_empty() {
                return;
            }
        }
    }

    /// Where the next pending source belongs.
    fn next_begin(&self) -> Option<Begin> {
        let source = self.pending.last()?;
        let (offset, continues) = self.offset_of(source);
        Some(Begin { boot: shifted(source.first.at, offset).boot, offset, continues })
    }

    fn offset_of(&self, source: &Source) -> (i64, bool) {
        let Some((first_origin, first_offset)) = self.runs.first() else { return (0, false) };
        let origin = origin(&source.first);
        let same = |(other, _): &&(i64, i64)| origin.saturating_sub(*other).saturating_abs() <= SAME_RUN_US;
        let is_part = !source.is_export && !matches!(source.first.event, Event::Started(_));
        match self.runs.iter().find(same).filter(|_| is_part) {
            Some((_, offset)) => (*offset, true),
            None => (origin.saturating_sub(*first_origin).saturating_add(*first_offset), false),
        }
    }

    /// The time between two files was not watched: the one before ends with its last event.
    fn separate(&mut self, at: Stamp) {
        let Some(last) = self.last else { return };
        self.due.push_back(Observed { at: last, event: Event::Stopped { by: None } });
        let started = self.started.clone().unwrap_or_default();
        self.due.push_back(Observed { at, event: Event::Started(started) });
    }

    /// Two clients watched at the same time are two connections, which one fold cannot hold.
    fn warn_of_overlaps(&mut self, number: usize) {
        let Some(one) = self.active.iter().find(|one| one.number == number) else { return };
        let differs =
            |other: &&Active| other.client.is_some() && one.client.is_some() && other.client != one.client;
        for other in self.active.iter().filter(differs).take(WARNINGS - self.warnings.len().min(WARNINGS)) {
            let name = |source: &Source| self.files.get(source.report).map_or("?", |file| file.name.as_str());
            self.warnings.push(format!(
                "{} and {} overlap in time but watch different client ids: they are judged here as one \
                 connection, so analyse them one by one",
                name(&other.source),
                name(&one.source),
            ));
        }
    }

    fn is_told_twice(&self, told: &Told) -> bool {
        self.told.iter().any(|before| {
            before.kind == told.kind
                && before.by != told.by
                && (before.ms - told.ms).abs() <= SAME_MS
                && (before.by_export || told.by_export || before.client == told.client)
        })
    }

    fn remember(&mut self, told: Told) {
        if self.told.len() >= REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(told);
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

/// Placeholders of an export name nobody.
fn known(client_id: &str) -> Option<String> {
    (!client_id.is_empty() && !client_id.starts_with('<')).then(|| client_id.to_owned())
}

/// When the boot clock of a source began, by the wall clock of its first event, in microseconds.
fn origin(first: &Observed) -> i64 {
    first.at.wall.timestamp_micros().saturating_sub(micros(first.at.boot))
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn shifted(at: Stamp, offset: i64) -> Stamp {
    if offset == 0 {
        return at;
    }
    let boot = micros(at.boot).saturating_add(offset);
    Stamp { boot: Duration::from_micros(u64::try_from(boot).unwrap_or(0)), ..at }
}
