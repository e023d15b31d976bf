//! The list of drops: the recent ones on the Overview, all of them on the Drops screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{DropRecord, ErrorName, words};
use crate::tui::format;
use crate::tui::model::{ClickTarget, Screen};

use super::line_layout::{SpanGroup, draw_line, pad_right};
use super::list::{draw_border_text, scroll_arrows};
use super::panel::{draw_focused_panel, draw_panel};
use super::table::{self, TableColumn};
use super::{ViewContext, ViewState, events};

/// Columns of the pointer and the blank after it.
const POINTER_WIDTH: usize = 2;

/// A column of the drops list.
type DropColumn = TableColumn<DropRecord>;

/// All columns of the Drops screen in reading order.
const TABLE_COLUMNS: [DropColumn; 11] = [
    DropColumn::figure(6, "#", 5, |_, drop| drop.number.to_string()).styled(dim),
    DropColumn::text(0, "when", 12, when),
    DropColumn::text(1, "error", 17, error).styled(bad),
    DropColumn::text(4, "ended by", 10, ended_by),
    DropColumn::text(8, "layer", 9, |_, drop| words::layer(drop.event.layer).into()).styled(dim),
    DropColumn::figure(2, "session", 12, session_age),
    DropColumn::figure(5, "idle in", 7, idle_in),
    DropColumn::figure(9, "idle out", 8, |_, drop| format::short_or_unknown(drop.idle_out)).styled(dim),
    DropColumn::figure(3, "recovery", 8, recovery_time).styled(recovery_style),
    DropColumn::figure(7, "attempts", 8, attempts),
    DropColumn::figure(10, "keep-alive", 10, |_, drop| format!("{} s", drop.keep_alive_secs)).styled(dim),
];

/// The columns of the Overview: fewer and narrower.
const RECENT_COLUMNS: [DropColumn; 6] = [
    DropColumn::text(0, "when", 12, when),
    DropColumn::text(1, "error", 17, error).styled(bad),
    DropColumn::text(5, "ended by", 10, ended_by),
    DropColumn::figure(2, "lasted", 7, session_age_short),
    DropColumn::figure(4, "idle in", 7, idle_in),
    DropColumn::figure(3, "recovery", 8, recovery_time).styled(recovery_style),
];

/// Draws the list: the panel of the Overview, or the table of the Drops screen.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let drops = context.model.listed_drops(context.snapshot());
    let title = title(context, drops.len());
    let is_table = context.model.screen == Screen::Drops;
    let inner = if is_table {
        draw_focused_panel(frame, area, context, title)
    } else {
        draw_panel(frame, area, context, title)
    };
    let columns = table::fitting_columns(
        usize::from(inner.width).saturating_sub(POINTER_WIDTH),
        if is_table { &TABLE_COLUMNS } else { &RECENT_COLUMNS },
    );
    let head = usize::from(inner.height >= 3);
    if head == 1 && !drops.is_empty() {
        draw_line(frame, inner, 0, &table::heading(context, &columns, POINTER_WIDTH));
    }
    let rows = usize::from(inner.height).saturating_sub(head);
    state.scroll_limits.rows = rows;
    if drops.is_empty() {
        draw_line(frame, inner, 0, &Line::styled(empty_text(context), context.theme.dim));
        if !is_table {
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
    if !is_table {
        events::render(frame, below(inner, head + drops.len() + 1), context);
    }
}

/// The part of `area` below its first `rows`.
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
        let gone = format!(" {dot} oldest {} no longer in the history", snapshot.drops.evicted());
        title.push(Span::styled(gone, theme.dim));
    }
    title
}

fn empty_text(context: &ViewContext) -> &'static str {
    if context.snapshot().drops.is_empty() { "no drop yet" } else { "no drop contains this text" }
}

fn line(
    context: &ViewContext,
    columns: &[&DropColumn],
    drop: &DropRecord,
    is_selected: bool,
) -> Line<'static> {
    let pointer = if is_selected { context.glyphs.pointer } else { " " };
    let mut spans = vec![Span::styled(pad_right(pointer, POINTER_WIDTH), context.theme.text)];
    spans.extend(table::cells(context, columns, drop, is_selected));
    Line::from(spans)
}

/// The visible rows on the bottom border, if not all rows fit.
fn draw_scroll_position(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    (offset, rows, all): (usize, usize, usize),
) {
    if all > rows {
        let last = (offset + rows).min(all);
        let arrows = scroll_arrows(context, offset > 0, last < all);
        let text = format!(" {}-{last} of {all} {arrows} ", offset + 1);
        draw_border_text(frame, area, text, context.theme.dim);
    }
}

fn bad(context: &ViewContext, _: &DropRecord) -> Style {
    context.theme.bad
}

fn dim(context: &ViewContext, _: &DropRecord) -> Style {
    context.theme.dim
}

fn recovery_style(context: &ViewContext, drop: &DropRecord) -> Style {
    if drop.recovery.is_none() { context.theme.bad } else { context.theme.text }
}

fn when(context: &ViewContext, drop: &DropRecord) -> String {
    context.format_time(drop.at)
}

fn ended_by(_: &ViewContext, drop: &DropRecord) -> String {
    words::drop_kind_short(drop.event.how).into()
}

fn idle_in(_: &ViewContext, drop: &DropRecord) -> String {
    format::short_or_unknown(drop.idle_in)
}

fn error(_: &ViewContext, drop: &DropRecord) -> String {
    drop.event.error_name.as_deref().map_or("unnamed", ErrorName::short).to_owned()
}

fn session_age(_: &ViewContext, drop: &DropRecord) -> String {
    drop.session_start.map_or_else(|| format::UNKNOWN.into(), |start| format::uptime(drop.at.since(start)))
}

/// Like [`session_age`], in one unit.
fn session_age_short(_: &ViewContext, drop: &DropRecord) -> String {
    format::short_or_unknown(drop.session_start.map(|start| drop.at.since(start)))
}

fn recovery_time(_: &ViewContext, drop: &DropRecord) -> String {
    drop.recovery.as_ref().map_or_else(|| "not yet".into(), |recovery| format::short(recovery.took))
}

/// Connect attempts until the recovery, including the successful one.
fn attempts(_: &ViewContext, drop: &DropRecord) -> String {
    drop.failed_attempts.saturating_add(u32::from(drop.recovery.is_some())).to_string()
}
