//! The content of the lanes of the timeline, column by column.
//!
//! One pass over the retained history per lane; nothing is drawn here.

use std::time::Duration;

use crate::diagnostics::{MarkKind, Snapshot};

use super::window::TimelineWindow;

/// One column of the link lane. The order is the precedence: a column shows the worst state it contains, so
/// that a column with any down time is never shown as up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum LinkCell {
    /// No data: before the run, after now, or evicted.
    #[default]
    Unknown,
    /// Connected for all of the known time.
    Up,
    /// Off on purpose for some of the time.
    Off,
    /// Down for some of the time.
    Down,
    /// This many drops were detected here.
    Drops(u32),
}

/// The link lane: one cell per column.
pub(super) fn link(snapshot: &Snapshot, window: &TimelineWindow) -> Vec<LinkCell> {
    let mut cells = vec![LinkCell::Unknown; window.columns()];
    let mut mark = |from: Duration, to: Duration, cell: LinkCell| {
        if let Some((first, last)) = window.columns_between(from, to) {
            cells[first..=last].iter_mut().for_each(|old| *old = cell.max(*old));
        }
    };
    let now = snapshot.at.boot;
    let mut gap = before_first(snapshot, window);
    let mut sessions = snapshot.connections.iter().peekable();
    while let Some(session) = sessions.next() {
        if let Some((from, cell)) = gap {
            mark(from, session.at.boot, cell);
        }
        let next = sessions.peek().map(|next| next.at.boot);
        let end = session.end.map(|end| end.at.boot).or(next).unwrap_or(now);
        mark(session.at.boot, end, LinkCell::Up);
        gap = session.end.map(|end| (end.at.boot, if end.dropped { LinkCell::Down } else { LinkCell::Off }));
    }
    if let Some((from, cell)) = gap {
        mark(from, now, cell);
    }
    for drop in snapshot.drops.iter() {
        if let Some(column) = window.column_at(drop.at.boot) {
            cells[column] = match cells[column] {
                LinkCell::Drops(count) => LinkCell::Drops(count.saturating_add(1)),
                _ => LinkCell::Drops(1),
            };
        }
    }
    cells
}

/// The time before the first session: down, unless older sessions were evicted, or the first connect took
/// less than one column.
fn before_first(snapshot: &Snapshot, window: &TimelineWindow) -> Option<(Duration, LinkCell)> {
    let first = snapshot.connections.iter().next();
    let waited = first.map_or(snapshot.at, |session| session.at).since(snapshot.since);
    let failed = first.map_or(snapshot.metrics.connect_failures > 0, |session| session.attempt_number > 0);
    let known = snapshot.connections.evicted() == 0 && snapshot.started.is_some();
    let long = failed || waited > window.column_span();
    (known && long).then_some((snapshot.since.boot, LinkCell::Down))
}

/// A span of the keep-alive lane: one keep-alive value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeepAliveSpan {
    /// First column.
    pub(super) first: usize,
    /// Last column.
    pub(super) last: usize,
    /// Keep-alive in seconds.
    pub(super) keep_alive_secs: u32,
    /// Whether the value took effect inside the window.
    pub(super) starts_here: bool,
}

/// The keep-alive lane: the keep-alive values in force, from left to right.
pub(super) fn keep_alive_spans(snapshot: &Snapshot, window: &TimelineWindow) -> Vec<KeepAliveSpan> {
    let mut spans: Vec<(Duration, Duration, u32)> = Vec::new();
    for session in snapshot.connections.iter() {
        let end = session.end.map_or(snapshot.at.boot, |end| end.at.boot);
        match spans.last_mut() {
            Some(last) if last.2 == session.keep_alive_secs => last.1 = end,
            Some(last) => {
                last.1 = session.at.boot;
                spans.push((session.at.boot, end, session.keep_alive_secs));
            }
            None => spans.push((session.at.boot, end, session.keep_alive_secs)),
        }
    }
    if let Some(last) = spans.last_mut() {
        last.1 = snapshot.at.boot;
    }
    let span = |(index, &(from, to, keep_alive_secs)): (usize, &(Duration, Duration, u32))| {
        let (first, last) = window.columns_between(from, to)?;
        let starts_here = index > 0 && window.column_at(from).is_some();
        Some(KeepAliveSpan { first, last, keep_alive_secs, starts_here })
    };
    spans.iter().enumerate().filter_map(span).collect()
}

/// One column of the mark lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MarkCell {
    /// The column.
    pub(super) column: usize,
    /// The most important kind in this column.
    pub(super) kind: MarkKind,
    /// Text of the newest mark of that kind.
    pub(super) text: std::sync::Arc<str>,
    /// Number of marks of that kind in the column.
    pub(super) count: u32,
}

/// The mark lane, from left to right: notes, system events, alerts and failures. The other lanes show
/// keep-alive changes and disconnects on purpose.
pub(super) fn marks(snapshot: &Snapshot, window: &TimelineWindow) -> Vec<MarkCell> {
    let mut cells: Vec<MarkCell> = Vec::new();
    for mark in snapshot.marks.iter() {
        let Some(column) = window.column_at(mark.at.boot).filter(|_| mark_priority(mark.kind) > 0) else {
            continue;
        };
        match cells.last_mut().filter(|last| last.column == column) {
            Some(cell) => {
                if mark.kind == cell.kind {
                    cell.count = cell.count.saturating_add(1);
                    cell.text = mark.text.clone();
                } else if mark_priority(mark.kind) > mark_priority(cell.kind) {
                    *cell = MarkCell { column, kind: mark.kind, text: mark.text.clone(), count: 1 };
                }
            }
            None => cells.push(MarkCell { column, kind: mark.kind, text: mark.text.clone(), count: 1 }),
        }
    }
    cells
}

/// Priority of a mark in a shared column; 0 = not in the mark lane.
fn mark_priority(kind: MarkKind) -> u8 {
    match kind {
        MarkKind::Note | MarkKind::Experiment => 5,
        MarkKind::System => 4,
        MarkKind::Alert => 3,
        MarkKind::Probe => 2,
        MarkKind::ConnectFailed | MarkKind::Device => 1,
        MarkKind::KeepAlive | MarkKind::Disconnect => 0,
    }
}
