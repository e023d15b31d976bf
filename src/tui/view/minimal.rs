//! The smallest screen: the link state and a few facts, one per row.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::classify;
use crate::diagnostics::words;
use crate::tui::text::width;

use super::ViewContext;
use super::line_layout::draw_lines;
use super::link;

/// One fact per row, the most important first.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let theme = context.theme;
    let metrics = &context.snapshot().metrics;
    let (sign, word, style) = link::state_sign(context);
    let mut head = vec![Span::styled(format!("{sign} {word}"), style.patch(theme.strong))];
    head.extend(link::state_duration(context).map(|duration| Span::raw(format!(" {duration}"))));
    let mut lines = vec![Line::from(head)];
    lines.push(Line::raw(words::count(metrics.total_connection_drops, "drop", "drops")));
    if let Some(verdict) = context.published.verdict.as_deref().filter(|verdict| verdict.is_named()) {
        // The number comes first, because a long name can be clipped.
        let share = classify::percent(verdict.classification.confidence);
        lines.push(Line::styled(format!("{share} {}", verdict.title()), theme.strong));
    }
    if let Some(drop) = context.snapshot().drops.last() {
        lines.push(Line::raw(format!("last {}", context.format_time(drop.at))));
        lines.push(Line::raw(words::drop_kind(drop.event.how)));
    }
    if let Some(share) = words::availability(metrics) {
        lines.push(Line::raw(format!("up {}", context.sanitized(&share))));
    }
    if context.model.frozen.is_some() {
        lines.push(Line::styled("FROZEN", theme.badge));
    }
    let key = context.keymap.key_text(crate::tui::keymap::Action::Quit);
    let hint = format!("{key}: quit; enlarge for more");
    let fits = width(&hint) <= usize::from(area.width);
    lines.push(Line::styled(if fits { hint } else { format!("{key}: quit") }, theme.dim));
    draw_lines(frame, area, &lines);
}
