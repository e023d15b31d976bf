//! Which drops were there? The recent ones on the Overview, all of them on the Drops screen.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{DropRecord, ErrorName, words};
use crate::tui::format;
use crate::tui::model::{ClickTarget, Screen};

use super::line_layout::{SpanGroup, draw_line, pad_left, pad_right};
use super::panel::{draw_focused_panel, draw_panel};
use super::{ViewContext, ViewState, events};

/// Columns of the pointer and the blank after it.
const POINTER_WIDTH: usize = 2;
/// Blank columns between two cells.
const GAP: usize = 2;

/// One column of the table.
struct DropColumn {
    /// Heading.
    title: &'static str,
    /// Width in columns.
    width: usize,
    /// Figures are aligned to the right.
    right_aligned: bool,
    /// What it says about a drop.
    text: fn(&ViewContext, &DropRecord) -> String,
    /// How important: columns of the largest numbers go first when the screen is narrow.
    rank: u8,
}

/// All columns of the Drops screen in reading order.
const TABLE_COLUMNS: [DropColumn; 11] = [
    DropColumn {
        title: "#",
        width: 5,
        right_aligned: true,
        text: |_, drop| drop.number.to_string(),
        rank: 6,
    },
    DropColumn {
        title: "when",
        width: 12,
        right_aligned: false,
        text: |context, drop| context.format_time(drop.at),
        rank: 0,
    },
    DropColumn { title: "error", width: 17, right_aligned: false, text: error, rank: 1 },
    DropColumn {
        title: "ended by",
        width: 10,
        right_aligned: false,
        text: |_, d| words::drop_kind_short(d.event.how).into(),
        rank: 4,
    },
    DropColumn {
        title: "layer",
        width: 9,
        right_aligned: false,
        text: |_, d| words::layer(d.event.layer).into(),
        rank: 8,
    },
    DropColumn { title: "session", width: 12, right_aligned: true, text: session_age, rank: 2 },
    DropColumn {
        title: "silent",
        width: 7,
        right_aligned: true,
        text: |_, d| format::short_or_unknown(d.idle_in),
        rank: 5,
    },
    DropColumn {
        title: "sent",
        width: 7,
        right_aligned: true,
        text: |_, d| format::short_or_unknown(d.idle_out),
        rank: 9,
    },
    DropColumn { title: "back", width: 7, right_aligned: true, text: recovery_time, rank: 3 },
    DropColumn { title: "tries", width: 5, right_aligned: true, text: attempts, rank: 7 },
    DropColumn {
        title: "keep-alive",
        width: 10,
        right_aligned: true,
        text: |_, d| format!("{} s", d.keep_alive_secs),
        rank: 10,
    },
];

/// The columns of the Overview: fewer and narrower.
const RECENT_COLUMNS: [DropColumn; 6] = [
    DropColumn {
        title: "when",
        width: 12,
        right_aligned: false,
        text: |context, drop| context.format_time(drop.at),
        rank: 0,
    },
    DropColumn { title: "error", width: 17, right_aligned: false, text: error, rank: 1 },
    DropColumn {
        title: "ended by",
        width: 10,
        right_aligned: false,
        text: |_, d| words::drop_kind_short(d.event.how).into(),
        rank: 5,
    },
    DropColumn { title: "after", width: 7, right_aligned: true, text: session_age_short, rank: 2 },
    DropColumn {
        title: "silent",
        width: 7,
        right_aligned: true,
        text: |_, d| format::short_or_unknown(d.idle_in),
        rank: 4,
    },
    DropColumn { title: "back", width: 7, right_aligned: true, text: recovery_time, rank: 3 },
];

/// Draws the list: the panel of the Overview, or the table of the Drops screen.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let drops = context.model.listed_drops(context.snapshot());
    let title = title(context, drops.len());
    let table = context.model.screen == Screen::Drops;
    let inner = if table {
        draw_focused_panel(frame, area, context, title)
    } else {
        draw_panel(frame, area, context, title)
    };
    let columns = fitting_columns(
        usize::from(inner.width).saturating_sub(POINTER_WIDTH),
        if table { &TABLE_COLUMNS } else { &RECENT_COLUMNS },
    );
    let head = usize::from(inner.height >= 3);
    if head == 1 && !drops.is_empty() {
        draw_line(frame, inner, 0, &heading(context, &columns));
    }
    let rows = usize::from(inner.height).saturating_sub(head);
    state.page_rows = rows;
    if drops.is_empty() {
        draw_line(frame, inner, 0, &Line::styled(empty_text(context), context.theme.dim));
        if !table {
            events::render(frame, below(inner, 1 + usize::from(inner.height >= 6)), context);
        }
        return;
    }
    let selected = context.model.selected_row(&drops);
    state.list_offset = scroll_offset(state.list_offset, selected, rows, drops.len());
    for (row, drop) in drops.iter().enumerate().skip(state.list_offset).take(rows) {
        let place = head + row - state.list_offset;
        let chosen = row == selected;
        draw_line(frame, inner, place, &line(context, &columns, drop, chosen));
        let y = inner.y.saturating_add(u16::try_from(place).unwrap_or(u16::MAX));
        let hit = Rect { y, height: 1, ..inner };
        if chosen {
            frame.buffer_mut().set_style(hit, context.theme.selected);
        }
        state.areas.push((hit, ClickTarget::Drop(drop.number)));
    }
    draw_scroll_position(frame, area, context, (state.list_offset, rows, drops.len()));
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
fn scroll_offset(old: usize, selected: usize, rows: usize, all: usize) -> usize {
    let last = all.saturating_sub(rows);
    let lowest = (selected + 1).saturating_sub(rows);
    old.clamp(lowest.min(selected), selected).min(last)
}

fn title(context: &ViewContext, listed: usize) -> SpanGroup {
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
        let filter = context.truncated(&context.model.filter, 24);
        title.push(Span::styled(format!(" {dot} \"{filter}\" {listed} found"), theme.accent));
    }
    if snapshot.drops.evicted() > 0 {
        let gone = format!(" {dot} the oldest {} no longer kept", snapshot.drops.evicted());
        title.push(Span::styled(gone, theme.dim));
    }
    title
}

fn empty_text(context: &ViewContext) -> &'static str {
    if context.snapshot().drops.is_empty() { "no drop yet" } else { "no drop contains this text" }
}

/// The columns that fit, in reading order.
fn fitting_columns(room: usize, all: &'static [DropColumn]) -> Vec<&'static DropColumn> {
    let mut by_rank: Vec<&DropColumn> = all.iter().collect();
    by_rank.sort_by_key(|column| column.rank);
    let mut used = 0;
    let fits = |column: &&&DropColumn| {
        used += column.width + GAP;
        used <= room + GAP
    };
    let chosen: Vec<u8> = by_rank.iter().take_while(fits).map(|column| column.rank).collect();
    all.iter().filter(|column| chosen.contains(&column.rank)).collect()
}

fn heading(context: &ViewContext, columns: &[&DropColumn]) -> Line<'static> {
    let cells = columns.iter().map(|column| pad(column.title, column));
    let text = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
    Line::styled(format!("{}{text}", " ".repeat(POINTER_WIDTH)), context.theme.dim)
}

fn pad(text: &str, column: &DropColumn) -> String {
    if column.right_aligned { pad_left(text, column.width) } else { pad_right(text, column.width) }
}

fn line(
    context: &ViewContext,
    columns: &[&DropColumn],
    drop: &Arc<DropRecord>,
    chosen: bool,
) -> Line<'static> {
    let pointer = if chosen { context.glyphs.pointer } else { " " };
    let mut spans = vec![Span::styled(pad_right(pointer, POINTER_WIDTH), context.theme.text)];
    for column in columns {
        let text = context.truncated(&(column.text)(context, drop), column.width);
        // The chosen row is reversed as a whole: one colour, or it falls into pieces.
        let style = if chosen { context.theme.text } else { style(context, column, drop) };
        spans.push(Span::styled(pad(&text, column), style));
        spans.push(Span::raw(" ".repeat(GAP)));
    }
    Line::from(spans)
}

fn style(context: &ViewContext, column: &DropColumn, drop: &DropRecord) -> Style {
    match column.title {
        "error" => context.theme.bad,
        "back" if drop.recovery.is_none() => context.theme.bad,
        "#" | "layer" | "sent" | "keep-alive" => context.theme.dim,
        _ => context.theme.text,
    }
}

/// Says on the border that there is more above or below.
fn draw_scroll_position(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    (offset, rows, all): (usize, usize, usize),
) {
    if all <= rows || area.width < 16 {
        return;
    }
    let up = if offset > 0 { context.glyphs.up } else { " " };
    let down = if offset + rows < all { context.glyphs.below } else { " " };
    let text = format!(" {}-{} of {all} {up}{down} ", offset + 1, (offset + rows).min(all));
    let columns = u16::try_from(text.len().min(usize::from(area.width - 4))).unwrap_or(0);
    let bottom = Rect { x: area.right() - columns - 2, y: area.bottom() - 1, width: columns, height: 1 };
    draw_line(frame, bottom, 0, &Line::styled(text, context.theme.dim));
}

fn error(_: &ViewContext, drop: &DropRecord) -> String {
    drop.event.error_name.as_deref().map_or("unnamed", ErrorName::short).to_owned()
}

fn session_age(_: &ViewContext, drop: &DropRecord) -> String {
    drop.session_start.map_or_else(|| format::UNKNOWN.into(), |start| format::uptime(drop.at.since(start)))
}

/// Like [`session`], in one unit.
fn session_age_short(_: &ViewContext, drop: &DropRecord) -> String {
    format::short_or_unknown(drop.session_start.map(|start| drop.at.since(start)))
}

fn recovery_time(_: &ViewContext, drop: &DropRecord) -> String {
    drop.recovery.as_ref().map_or_else(|| "not yet".into(), |recovery| format::short(recovery.took))
}

/// Attempts until it was back, the successful one included.
fn attempts(_: &ViewContext, drop: &DropRecord) -> String {
    drop.failed_attempts.saturating_add(u32::from(drop.recovery.is_some())).to_string()
}
