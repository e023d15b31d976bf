//! The latest log entries, in the rows below the recent drops.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::Level;

use super::ViewContext;
use super::line_layout::{draw_line, pad_right};

/// Columns of the time and the blanks after it.
const TIME_WIDTH: usize = 14;

/// Draws a heading and the newest log entries, newest first; nothing in fewer than three rows.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let rows = usize::from(area.height);
    let log = &context.snapshot().log;
    if rows < 3 || log.is_empty() {
        return;
    }
    draw_line(frame, area, 0, &Line::styled("latest events", context.theme.dim));
    let available = usize::from(area.width).saturating_sub(TIME_WIDTH);
    for (row, entry) in log.iter().rev().take(rows - 1).enumerate() {
        let line = Line::from(vec![
            Span::styled(pad_right(&context.format_time(entry.at), TIME_WIDTH), context.theme.dim),
            Span::styled(context.truncated(&entry.text, available), level_style(context, entry.level)),
        ]);
        draw_line(frame, area, row + 1, &line);
    }
}

/// The style of an entry of this level.
pub(super) fn level_style(context: &ViewContext, level: Level) -> Style {
    match level {
        Level::Info => context.theme.text,
        Level::Good => context.theme.good,
        Level::Warn => context.theme.warn,
        Level::Bad => context.theme.bad,
    }
}
