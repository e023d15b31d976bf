//! Which drops were there? The recent ones on the Overview, all of them on the Drops screen.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{DropRecord, ErrorName, words};
use crate::tui::format;
use crate::tui::model::{Screen, Target};

use super::ink::{Item, left, put, right};
use super::panel::{focused, panel};
use super::{ViewContext, ViewState, events};

/// Columns of the pointer and the blank after it.
const POINTER: usize = 2;
/// Blank columns between two cells.
const GAP: usize = 2;

/// One column of the table.
struct Column {
    /// Heading.
    title: &'static str,
    /// Width in columns.
    width: usize,
    /// Figures are aligned to the right.
    figures: bool,
    /// What it says about a drop.
    text: fn(&ViewContext, &DropRecord) -> String,
    /// How important: columns of the largest numbers go first when the screen is narrow.
    rank: u8,
}

/// All columns of the Drops screen in reading order.
const TABLE: [Column; 11] = [
    Column { title: "#", width: 5, figures: true, text: |_, drop| drop.number.to_string(), rank: 6 },
    Column { title: "when", width: 12, figures: false, text: |context, drop| context.when(drop.at), rank: 0 },
    Column { title: "error", width: 17, figures: false, text: error, rank: 1 },
    Column {
        title: "ended by",
        width: 10,
        figures: false,
        text: |_, d| words::drop_kind_short(d.event.how).into(),
        rank: 4,
    },
    Column {
        title: "layer",
        width: 9,
        figures: false,
        text: |_, d| words::layer(d.event.layer).into(),
        rank: 8,
    },
    Column { title: "session", width: 12, figures: true, text: session, rank: 2 },
    Column {
        title: "silent",
        width: 7,
        figures: true,
        text: |_, d| format::short_or_unknown(d.idle_in),
        rank: 5,
    },
    Column {
        title: "sent",
        width: 7,
        figures: true,
        text: |_, d| format::short_or_unknown(d.idle_out),
        rank: 9,
    },
    Column { title: "back", width: 7, figures: true, text: back, rank: 3 },
    Column { title: "tries", width: 5, figures: true, text: tries, rank: 7 },
    Column {
        title: "keep-alive",
        width: 10,
        figures: true,
        text: |_, d| format!("{} s", d.keep_alive_secs),
        rank: 10,
    },
];

/// The columns of the Overview: fewer and narrower.
const RECENT: [Column; 6] = [
    Column { title: "when", width: 12, figures: false, text: |context, drop| context.when(drop.at), rank: 0 },
    Column { title: "error", width: 17, figures: false, text: error, rank: 1 },
    Column {
        title: "ended by",
        width: 10,
        figures: false,
        text: |_, d| words::drop_kind_short(d.event.how).into(),
        rank: 5,
    },
    Column { title: "after", width: 7, figures: true, text: lasted, rank: 2 },
    Column {
        title: "silent",
        width: 7,
        figures: true,
        text: |_, d| format::short_or_unknown(d.idle_in),
        rank: 4,
    },
    Column { title: "back", width: 7, figures: true, text: back, rank: 3 },
];

/// Draws the list: the panel of the Overview, or the table of the Drops screen.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let drops = context.model.listed(context.snapshot());
    let title = title(context, drops.len());
    let table = context.model.screen == Screen::Drops;
    let inner = if table { focused(frame, area, context, title) } else { panel(frame, area, context, title) };
    let columns =
        fitting(usize::from(inner.width).saturating_sub(POINTER), if table { &TABLE } else { &RECENT });
    let head = usize::from(inner.height >= 3);
    if head == 1 && !drops.is_empty() {
        put(frame, inner, 0, &heading(context, &columns));
    }
    let rows = usize::from(inner.height).saturating_sub(head);
    state.page_rows = rows;
    if drops.is_empty() {
        put(frame, inner, 0, &Line::styled(nothing(context), context.theme.dim));
        if !table {
            events::render(frame, below(inner, 1 + usize::from(inner.height >= 6)), context);
        }
        return;
    }
    let selected = context.model.selected_row(&drops);
    state.list_offset = offset(state.list_offset, selected, rows, drops.len());
    for (row, drop) in drops.iter().enumerate().skip(state.list_offset).take(rows) {
        let place = head + row - state.list_offset;
        let chosen = row == selected;
        put(frame, inner, place, &line(context, &columns, drop, chosen));
        let y = inner.y.saturating_add(u16::try_from(place).unwrap_or(u16::MAX));
        let hit = Rect { y, height: 1, ..inner };
        if chosen {
            frame.buffer_mut().set_style(hit, context.theme.selected);
        }
        state.areas.push((hit, Target::Drop(drop.number)));
    }
    more(frame, area, context, (state.list_offset, rows, drops.len()));
    if !table {
        events::render(frame, below(inner, head + drops.len() + 1), context);
    }
}

/// What is left of `area` below its first `rows`.
fn below(area: Rect, rows: usize) -> Rect {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The first row shown so that the selected one is visible.
fn offset(old: usize, selected: usize, rows: usize, all: usize) -> usize {
    let last = all.saturating_sub(rows);
    let lowest = (selected + 1).saturating_sub(rows);
    old.clamp(lowest.min(selected), selected).min(last)
}

fn title(context: &ViewContext, listed: usize) -> Item {
    let theme = context.theme;
    let snapshot = context.snapshot();
    let dot = context.glyphs.dot;
    let mut title = vec![Span::styled("Drops", theme.title)];
    if context.model.screen == Screen::Overview {
        return title;
    }
    let all = snapshot.metrics.total_connection_drops;
    title.push(Span::styled(format!(" {dot} {all} {dot} {}", context.model.sort.label()), theme.dim));
    if !context.model.filter.is_empty() {
        let filter = context.cut(&context.model.filter, 24);
        title.push(Span::styled(format!(" {dot} \"{filter}\" {listed} found"), theme.accent));
    }
    if snapshot.drops.evicted() > 0 {
        let gone = format!(" {dot} the oldest {} no longer kept", snapshot.drops.evicted());
        title.push(Span::styled(gone, theme.dim));
    }
    title
}

fn nothing(context: &ViewContext) -> &'static str {
    if context.snapshot().drops.is_empty() { "no drop yet" } else { "no drop contains this text" }
}

/// The columns that fit, in reading order.
fn fitting(room: usize, all: &'static [Column]) -> Vec<&'static Column> {
    let mut by_rank: Vec<&Column> = all.iter().collect();
    by_rank.sort_by_key(|column| column.rank);
    let mut used = 0;
    let fits = |column: &&&Column| {
        used += column.width + GAP;
        used <= room + GAP
    };
    let chosen: Vec<u8> = by_rank.iter().take_while(fits).map(|column| column.rank).collect();
    all.iter().filter(|column| chosen.contains(&column.rank)).collect()
}

fn heading(context: &ViewContext, columns: &[&Column]) -> Line<'static> {
    let cells = columns.iter().map(|column| fill(column.title, column));
    let text = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    Line::styled(format!("{}{text}", " ".repeat(POINTER)), context.theme.dim)
}

fn fill(text: &str, column: &Column) -> String {
    if column.figures { right(text, column.width) } else { left(text, column.width) }
}

fn line(context: &ViewContext, columns: &[&Column], drop: &Arc<DropRecord>, chosen: bool) -> Line<'static> {
    let pointer = if chosen { context.glyphs.pointer } else { " " };
    let mut spans = vec![Span::styled(left(pointer, POINTER), context.theme.text)];
    for column in columns {
        let text = context.cut(&(column.text)(context, drop), column.width);
        // The chosen row is reversed as a whole: one colour, or it falls into pieces.
        let style = if chosen { context.theme.text } else { style(context, column, drop) };
        spans.push(Span::styled(fill(&text, column), style));
        spans.push(Span::raw(" ".repeat(GAP)));
    }
    Line::from(spans)
}

fn style(context: &ViewContext, column: &Column, drop: &DropRecord) -> Style {
    match column.title {
        "error" => context.theme.bad,
        "back" if drop.recovery.is_none() => context.theme.bad,
        "#" | "layer" | "sent" | "keep-alive" => context.theme.dim,
        _ => context.theme.text,
    }
}

/// Says on the border that there is more above or below.
fn more(frame: &mut Frame, area: Rect, context: &ViewContext, (offset, rows, all): (usize, usize, usize)) {
    if all <= rows || area.width < 16 {
        return;
    }
    let up = if offset > 0 { context.glyphs.up } else { " " };
    let down = if offset + rows < all { context.glyphs.below } else { " " };
    let text = format!(" {}-{} of {all} {up}{down} ", offset + 1, (offset + rows).min(all));
    let columns = u16::try_from(text.len().min(usize::from(area.width - 4))).unwrap_or(0);
    let bottom = Rect { x: area.right() - columns - 2, y: area.bottom() - 1, width: columns, height: 1 };
    put(frame, bottom, 0, &Line::styled(text, context.theme.dim));
}

fn error(_: &ViewContext, drop: &DropRecord) -> String {
    drop.event.error_name.as_deref().map_or("unnamed", ErrorName::short).to_owned()
}

fn session(_: &ViewContext, drop: &DropRecord) -> String {
    drop.session_start.map_or_else(|| format::UNKNOWN.into(), |start| format::uptime(drop.at.since(start)))
}

/// Like [`session`], in one unit.
fn lasted(_: &ViewContext, drop: &DropRecord) -> String {
    format::short_or_unknown(drop.session_start.map(|start| drop.at.since(start)))
}

fn back(_: &ViewContext, drop: &DropRecord) -> String {
    drop.recovery.as_ref().map_or_else(|| "not yet".into(), |recovery| format::short(recovery.took))
}

/// Attempts until it was back, the successful one included.
fn tries(_: &ViewContext, drop: &DropRecord) -> String {
    drop.failed_attempts.saturating_add(u32::from(drop.recovery.is_some())).to_string()
}
