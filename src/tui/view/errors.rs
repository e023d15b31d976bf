//! The Errors panel: counts of drops by error and by kind, and of failed connects.

use std::collections::BTreeMap;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::{ErrorName, words};
use crate::tui::format;
use crate::tui::text::width;

use super::ViewContext;
use super::line_layout::{SpanGroup, bar_text, draw_line, draw_lines, pad_left, pad_right};
use super::panel::draw_panel;

/// Minimum width of the panel for full headings of one-row sections.
const FULL_HEADING_WIDTH: usize = 36;

/// Draws the panel. With enough rows, every section has bars; else only the error names, and the other
/// sections have one row each.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let inner = draw_panel(frame, area, context, title(context));
    let (rows, columns) = (usize::from(inner.height), usize::from(inner.width));
    let sections = sections(context);
    if sections.is_empty() {
        draw_line(frame, inner, 0, &Line::styled("no drop, no failed connect", context.theme.dim));
        return;
    }
    let whole: usize = sections.iter().map(|section| section.counts.len() + 2).sum();
    let mut lines = Vec::new();
    if whole - 2 <= rows {
        for (index, section) in sections.iter().enumerate() {
            if index > 0 {
                lines.push(Line::default());
                lines.push(Line::styled(section.heading, context.theme.dim));
            }
            lines.extend(histogram(context, section, section.counts.len(), columns));
        }
    } else {
        let summaries: Vec<_> =
            sections[1..].iter().map(|section| summary_line(context, section, columns)).collect();
        let available = rows.saturating_sub(summaries.len()).max(1);
        lines.extend(histogram(context, &sections[0], available, columns));
        lines.extend(summaries);
    }
    draw_lines(frame, inner, &lines);
}

/// Counts of one kind.
struct ErrorSection {
    heading: &'static str,
    /// Heading on a narrow panel.
    short_heading: &'static str,
    style: Style,
    /// Names and their counts, most frequent first.
    counts: Vec<(String, u64)>,
}

/// Drops by error, drops by kind, failed connects by error; empty sections are left out.
fn sections(context: &ViewContext) -> Vec<ErrorSection> {
    let theme = context.theme;
    let metrics = &context.snapshot().metrics;
    let named = |counts: &BTreeMap<String, u64>| {
        counts.iter().map(|(name, count)| (ErrorName::short(name).to_owned(), *count)).collect()
    };
    let drop_kinds = metrics.drops_by_how.iter();
    let drop_kinds =
        drop_kinds.map(|(how, count)| (words::drop_kind_short(*how).to_owned(), *count)).collect();
    let mut sections = vec![
        ErrorSection {
            heading: "drops",
            short_heading: "drops",
            style: theme.bad,
            counts: named(&metrics.connection_drops_by_error),
        },
        ErrorSection { heading: "ended by", short_heading: "by", style: theme.accent, counts: drop_kinds },
        ErrorSection {
            heading: "failed connects",
            short_heading: "failed",
            style: theme.warn,
            counts: named(&metrics.failures_by_error),
        },
    ];
    sections.retain(|section| !section.counts.is_empty());
    for section in &mut sections {
        section.counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    }
    sections
}

/// `ended by  peer FIN 7  silence 2` in one row; names that do not fit are left out.
fn summary_line(context: &ViewContext, section: &ErrorSection, columns: usize) -> Line<'static> {
    let theme = context.theme;
    let heading = if columns < FULL_HEADING_WIDTH { section.short_heading } else { section.heading };
    let mut spans = vec![Span::styled(format!("{heading}  "), theme.dim)];
    let mut available = columns.saturating_sub(heading.len() + 2);
    for (name, count) in &section.counts {
        let count = format!(" {}", format::count(*count));
        let first = spans.len() == 1;
        let gap = if first { 0 } else { 2 };
        if !first && gap + width(name) + count.len() > available {
            break;
        }
        let name = context.truncated(name, available.saturating_sub(gap + count.len()));
        available = available.saturating_sub(gap + width(&name) + count.len());
        spans.push(Span::raw(format!("{}{name}", " ".repeat(gap))));
        spans.push(Span::styled(count, theme.strong));
    }
    Line::from(spans)
}

fn title(context: &ViewContext) -> SpanGroup {
    let metrics = &context.snapshot().metrics;
    let (drops, failed) = (metrics.total_connection_drops, metrics.connect_failures);
    let mut title = vec![Span::styled("Errors", context.theme.title)];
    if drops > 0 {
        let text = format!(" {} {}", context.glyphs.dot, words::count(drops, "drop", "drops"));
        title.push(Span::styled(text, context.theme.dim));
    } else if failed > 0 {
        let text = words::count(failed, "failed connect", "failed connects");
        title.push(Span::styled(format!(" {} {text}", context.glyphs.dot), context.theme.dim));
    }
    title
}

/// `NAME  ████ 7`, most frequent first; the last row sums up the names that do not fit.
fn histogram(
    context: &ViewContext,
    section: &ErrorSection,
    rows: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    /// Minimum width of a bar.
    const MIN_BAR_WIDTH: usize = 4;
    let all = section.counts.len();
    let shown = if all <= rows { all } else { rows.saturating_sub(1) };
    let (shown, rest) = section.counts.split_at(shown);
    let highest = section.counts.first().map_or(1, |(_, count)| *count).max(1);
    let figures = format::count(highest).len();
    let widest = shown.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let names = widest.min(columns.saturating_sub(figures + 3 + MIN_BAR_WIDTH));
    let bars = columns.saturating_sub(names + figures + 3);
    let mut lines: Vec<Line> = shown
        .iter()
        .map(|(name, count)| {
            #[expect(clippy::cast_precision_loss, reason = "a share of a bar")]
            let bar = bar_text(*count as f64 / highest as f64, bars, context.glyphs);
            Line::from(vec![
                Span::styled(
                    format!("{}  ", pad_right(&context.truncated(name, names), names)),
                    context.theme.text,
                ),
                Span::styled(pad_right(&bar, bars), section.style),
                Span::styled(pad_left(&format::count(*count), figures + 1), context.theme.strong),
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
