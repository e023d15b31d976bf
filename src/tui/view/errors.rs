//! By what names and in what manner did sessions end, and why did connects fail?

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{ErrorName, words};
use crate::tui::format;
use crate::tui::text::width;

use super::ViewContext;
use super::ink::{Item, bar, left, put, put_all, right, strip};
use super::panel::panel;

/// Draws the panel: bars, then the failed connects, then the manners.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let metrics = &context.snapshot().metrics;
    let inner = panel(frame, area, context, title(context));
    let (rows, columns) = (usize::from(inner.height), usize::from(inner.width));
    if rows == 0 {
        return;
    }
    if metrics.total_connection_drops == 0 && metrics.connect_failures == 0 {
        put(frame, inner, 0, &Line::styled("no drop, no failed connect", context.theme.dim));
        return;
    }
    let bars = metrics.connection_drops_by_error.len() + metrics.failures_by_error.len();
    let apart = metrics.connect_failures > 0 && rows >= bars + 3;
    let below = below(context, columns, apart);
    let room = rows.saturating_sub(below.len().min(rows.saturating_sub(1)));
    let style = context.theme.bad;
    let mut lines = histogram(context, &metrics.connection_drops_by_error, style, room, columns);
    if apart {
        let text = format!("connects that failed  {}", format::count(metrics.connect_failures));
        lines.push(Line::styled(text, context.theme.dim));
        let left = room - lines.len();
        lines.extend(histogram(context, &metrics.failures_by_error, context.theme.warn, left, columns));
    }
    let used = lines.len();
    lines.truncate(room);
    put_all(frame, inner, &lines);
    let gap = usize::from(rows > used.min(room) + below.len());
    for (index, line) in below.iter().enumerate() {
        put(frame, inner, used.min(room) + gap + index, line);
    }
}

fn title(context: &ViewContext) -> Item {
    let drops = context.snapshot().metrics.total_connection_drops;
    let mut title = vec![Span::styled("Errors", context.theme.title)];
    if drops > 0 {
        let text = format!(" {} {}", context.glyphs.dot, words::count(drops, "drop", "drops"));
        title.push(Span::styled(text, context.theme.dim));
    }
    title
}

/// `NAME  ████ 7`, most frequent first; what does not fit is summed up in the last row.
fn histogram(
    context: &ViewContext,
    counts: &BTreeMap<String, u64>,
    style: Style,
    rows: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut sorted: Vec<_> = counts.iter().map(|(name, count)| (ErrorName::short(name), *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let whole = sorted.len() <= rows;
    let rest = sorted.split_off(sorted.len().min(if whole { rows } else { rows.saturating_sub(1) }));
    let most = sorted.first().map_or(1, |(_, count)| *count).max(1);
    let figures = format::count(most).len();
    let names = sorted.iter().map(|(name, _)| width(name)).max().unwrap_or(0).min(columns * 3 / 5);
    let bars = columns.saturating_sub(names + figures + 3);
    let mut lines: Vec<Line> = sorted
        .iter()
        .map(|(name, count)| {
            let name = left(&context.cut(name, names), names);
            #[expect(clippy::cast_precision_loss, reason = "a share of a bar")]
            let bar = bar(*count as f64 / most as f64, bars, context.glyphs);
            let count = right(&format::count(*count), figures + 1);
            Line::from(vec![
                Span::styled(format!("{name}  "), context.theme.text),
                Span::styled(left(&bar, bars), style),
                Span::styled(count, context.theme.strong),
            ])
        })
        .collect();
    if !rest.is_empty() && rows > 0 {
        let sum: u64 = rest.iter().map(|(_, count)| count).sum();
        let text = format!("{} {} other names: {}", context.glyphs.ellipsis, rest.len(), format::count(sum));
        lines.push(Line::styled(text, context.theme.dim));
    }
    lines
}

/// The rows at the end: manners of the drops, and the failed connects in brief if they have no bars.
fn below(context: &ViewContext, columns: usize, failures_shown: bool) -> Vec<Line<'static>> {
    let theme = context.theme;
    let metrics = &context.snapshot().metrics;
    let mut below = Vec::new();
    if metrics.total_connection_drops > 0 {
        let mut manners: Vec<_> = metrics.drops_by_how.iter().collect();
        manners.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let one = |(how, count): (&Option<_>, &u64)| {
            let label = words::how_short(*how);
            vec![Span::raw(format!("{label} ")), Span::styled(format::count(*count), theme.strong)]
        };
        let items = manners.into_iter().map(|(how, count)| one((how, count)));
        let lead = "closed by  ";
        let mut spans = vec![Span::styled(lead, theme.dim)];
        spans.extend(strip(items, columns.saturating_sub(lead.len()), 2).spans);
        below.push(Line::from(spans));
    }
    if metrics.connect_failures > 0 && !failures_shown {
        let most = metrics.failures_by_error.iter().max_by_key(|(_, count)| **count);
        let name = most.map(|(name, _)| ErrorName::short(name)).unwrap_or_default();
        let lead = "failed connects  ";
        let count = format::count(metrics.connect_failures);
        let room = columns.saturating_sub(lead.len() + count.len() + 2);
        below.push(Line::from(vec![
            Span::styled(lead, theme.dim),
            Span::styled(count, theme.strong),
            Span::styled(format!("  {}", context.cut(name, room)), theme.text),
        ]));
    }
    below
}
