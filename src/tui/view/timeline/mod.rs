//! The Timeline panel.
//!
//! ```text
//! ╭ Timeline · 24 h ─────────────────────────────────────────────────────╮
//! │ link       ━━━━━━━╳━━━━━━━━━━3━━━━━━━━┄┄┄┄━━━━━━━━·····━━━━━━━━━━━━━ │  worst state of each column
//! │ keep-alive 1200 s ───────────────────────┤60 s ───────────────────── │  keep-alive in force
//! │ marks           ▲ suspended          ✎ restarted the router          │  computer, notes, failures
//! │            15:00     18:00     21:00     Nov 21    03:00     06:00   │  local time
//! ╰──────────────────────────────────────────────────────────────────────╯
//! ```
//!
//! With fewer rows, lanes are left out: first marks, then keep-alive. If the pattern predicts the next drop,
//! the title shows its time.

mod lanes;
mod prediction;
#[cfg(test)]
mod tests;
mod window;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{ErrorName, MarkKind};
use crate::tui::format;
use crate::tui::model::ClickTarget;
use crate::tui::text::width;

use self::lanes::{KeepAliveSpan, LinkCell, MarkCell};
use self::window::TimelineWindow;
use super::line_layout::{SpanGroup, draw_line, pad_right};
use super::panel::draw_panel;
use super::{ViewContext, ViewState};

/// Width of the lane names.
const LANE_NAME_WIDTH: u16 = 11;

/// One row of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    Link,
    KeepAlive,
    Marks,
    Axis,
}

impl Lane {
    /// The lanes that fit into `rows`, from top to bottom.
    fn fitting(rows: usize) -> &'static [Self] {
        match rows {
            0..=1 => &[Self::Link],
            2 => &[Self::Link, Self::Axis],
            3 => &[Self::Link, Self::KeepAlive, Self::Axis],
            _ => &[Self::Link, Self::KeepAlive, Self::Marks, Self::Axis],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::KeepAlive => "keep-alive",
            Self::Marks => "marks",
            Self::Axis => "",
        }
    }
}

/// Draws the panel.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let inner = draw_panel(frame, area, context, title(context, usize::from(area.width)));
    state.areas.push((area, ClickTarget::Timeline));
    let names = LANE_NAME_WIDTH.min(inner.width);
    let plot = Rect { x: inner.x + names, width: inner.width - names, ..inner };
    if plot.width == 0 {
        return;
    }
    let snapshot = context.snapshot();
    let span = context.model.zoom_for(snapshot).span();
    let window = TimelineWindow::new(context.now, span, context.model.scroll, usize::from(plot.width));
    for (row, lane) in Lane::fitting(usize::from(inner.height)).iter().enumerate() {
        let label = Line::styled(pad_right(lane.name(), usize::from(names)), context.theme.dim);
        draw_line(frame, Rect { width: names, ..inner }, row, &label);
        let line = match lane {
            Lane::Link => link_line(context, &lanes::link(snapshot, &window)),
            Lane::KeepAlive => {
                keep_alive_line(context, &lanes::keep_alive_spans(snapshot, &window), window.columns())
            }
            Lane::Marks => mark_line(context, &lanes::marks(snapshot, &window), window.columns()),
            Lane::Axis => axis_line(context, &window),
        };
        draw_line(frame, plot, row, &line);
    }
}

/// The title: the time span, the scroll position, and the predicted next drop if it fits.
fn title(context: &ViewContext, columns: usize) -> SpanGroup {
    let theme = context.theme;
    let zoom = context.model.zoom_for(context.snapshot());
    let mut title = vec![
        Span::styled("Timeline", theme.title),
        Span::styled(format!(" {} {}", context.glyphs.dot, zoom.label()), theme.dim),
    ];
    if !context.model.scroll.is_zero() {
        let back = format::short(context.model.scroll);
        title.push(Span::styled(format!(" {} {back} back", context.glyphs.left), theme.accent));
    }
    let used: usize = title.iter().map(Span::width).sum();
    // Two corners, and a blank on each side.
    let available = columns.saturating_sub(used + 4);
    title.extend(prediction::prediction_span(context, available));
    title
}

/// The link lane; a run of equal cells is one span.
fn link_line(context: &ViewContext, cells: &[LinkCell]) -> Line<'static> {
    let mut spans: Vec<Span> = Vec::new();
    let mut start = 0;
    while let Some(cell) = cells.get(start) {
        let length = cells[start..].iter().take_while(|next| *next == cell).count();
        let (sign, style) = link_sign(context, *cell);
        spans.push(Span::styled(sign.repeat(length), style));
        start += length;
    }
    Line::from(spans)
}

/// The sign of a cell: a cross for one drop, a digit for 2 to 9, another sign for more.
fn link_sign(context: &ViewContext, cell: LinkCell) -> (String, Style) {
    let (glyphs, theme) = (context.glyphs, context.theme);
    match cell {
        LinkCell::Unknown => (glyphs.line_none.into(), theme.dim),
        LinkCell::Up => (glyphs.line_up.into(), theme.good),
        LinkCell::Off => (glyphs.line_off.into(), theme.dim),
        LinkCell::Down => (glyphs.line_down.into(), theme.bad),
        LinkCell::Drops(1) => (glyphs.drop.into(), theme.bad.patch(theme.strong)),
        LinkCell::Drops(few @ 2..=9) => (few.to_string(), theme.bad.patch(theme.strong)),
        LinkCell::Drops(_) => (glyphs.drops.into(), theme.bad.patch(theme.strong)),
    }
}

/// The keep-alive lane: each value at the start of its span.
fn keep_alive_line(context: &ViewContext, values: &[KeepAliveSpan], columns: usize) -> Line<'static> {
    let (glyphs, theme) = (context.glyphs, context.theme);
    let mut spans = Vec::new();
    let mut at = 0;
    for (index, value) in values.iter().enumerate() {
        // A column that two values share belongs to the later one, unless an even later one starts in it.
        let first = value.first.max(at);
        let end = values.get(index + 1).map_or(value.last + 1, |next| next.first.max(first)).min(columns);
        if first >= end {
            continue;
        }
        spans.push(Span::raw(" ".repeat(first - at)));
        let available = end - first;
        let tick = if value.starts_here { glyphs.tick } else { "" };
        let label = match value.keep_alive_secs {
            0 => "off ".to_owned(),
            secs => format!("{secs} s "),
        };
        let label = if width(&label) + width(tick) <= available { label } else { String::new() };
        let rest = available.saturating_sub(width(&label) + width(tick));
        spans.push(Span::styled(tick, theme.accent));
        spans.push(Span::styled(label, theme.text));
        spans.push(Span::styled(glyphs.rule.repeat(rest), theme.dim));
        at = end;
    }
    Line::from(spans)
}

/// The mark lane: the sign of each mark, and its text if it fits before the next mark.
fn mark_line(context: &ViewContext, marks: &[MarkCell], columns: usize) -> Line<'static> {
    /// Minimum columns for the text of a mark.
    const MIN_TEXT_WIDTH: usize = 4;
    let mut spans = Vec::new();
    let mut at = 0;
    for (index, mark) in marks.iter().enumerate() {
        let (sign, style) = mark_sign(context, mark.kind);
        spans.push(Span::raw(" ".repeat(mark.column.saturating_sub(at))));
        spans.push(Span::styled(sign, style));
        at = mark.column + 1;
        let end = marks.get(index + 1).map_or(columns, |next| next.column);
        let available = end.saturating_sub(at + 2);
        if available >= MIN_TEXT_WIDTH {
            let count = if mark.count > 1 { format!("{}x ", mark.count) } else { String::new() };
            // The error name alone; the Link panel shows the reason.
            let name = mark.text.split_once(" at ").filter(|_| mark.kind == MarkKind::ConnectFailed);
            let name = ErrorName::short(name.map_or(&*mark.text, |(name, _)| name));
            let text = context.truncated(&format!("{count}{name}"), available);
            at += width(&text) + 1;
            spans.push(Span::styled(format!(" {text}"), style));
        }
    }
    Line::from(spans)
}

fn mark_sign(context: &ViewContext, kind: MarkKind) -> (&'static str, Style) {
    let (glyphs, theme) = (context.glyphs, context.theme);
    match kind {
        MarkKind::Note | MarkKind::Experiment => (glyphs.note, theme.accent),
        MarkKind::System => (glyphs.system, theme.warn),
        MarkKind::Alert => (glyphs.alert, theme.bad),
        MarkKind::Device => (glyphs.dot, theme.accent),
        _ => (glyphs.alert, theme.warn),
    }
}

fn axis_line(context: &ViewContext, window: &TimelineWindow) -> Line<'static> {
    let mut text = String::new();
    for (column, label) in window.ticks(context.offset) {
        let used = width(&text);
        if column >= used && column + width(&label) <= window.columns() {
            text.push_str(&" ".repeat(column - used));
            text.push_str(&label);
        }
    }
    Line::styled(text, context.theme.dim)
}
