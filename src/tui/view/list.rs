//! Selectable lists, the input line of popups, and position marks on the bottom border.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::text::{self, LineEdit};

use super::ViewContext;
use super::line_layout::draw_line;

/// Draws the part of a list that contains the selected row. `line` gives the text of a row, and
/// `selected_style` is patched over the selected one.
pub(super) fn draw_list<T>(
    frame: &mut Frame,
    area: Rect,
    items: &[T],
    selected: usize,
    selected_style: Style,
    line: impl Fn(&T, bool) -> Line<'static>,
) {
    let rows = usize::from(area.height);
    let selected = selected.min(items.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(rows);
    for (row, (index, item)) in items.iter().enumerate().skip(first).take(rows).enumerate() {
        let is_selected = index == selected;
        draw_line(frame, area, row, &line(item, is_selected));
        if is_selected {
            let y = area.y.saturating_add(u16::try_from(row).unwrap_or(u16::MAX));
            frame.buffer_mut().set_style(Rect { y, height: 1, ..area }, selected_style);
        }
    }
}

/// Draws the typed text into the first row of `area` and puts the cursor there.
pub(super) fn draw_input(frame: &mut Frame, area: Rect, context: &ViewContext, line: &LineEdit) {
    if area.is_empty() {
        return;
    }
    let prompt = format!("{} ", context.glyphs.pointer);
    let prompt_width = text::width(&prompt);
    let available = usize::from(area.width).saturating_sub(prompt_width + 1);
    let (text, cursor) = line.visible(available);
    let spans = vec![Span::styled(prompt, context.theme.key), Span::styled(text, context.theme.strong)];
    draw_line(frame, area, 0, &Line::from(spans));
    let column = u16::try_from(prompt_width + cursor).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(area.x.saturating_add(column).min(area.right() - 1), area.y));
}

/// Writes a text on the bottom border of a panel, near the right corner; nothing on a narrow panel.
pub(super) fn draw_border_text(frame: &mut Frame, panel: Rect, text: String, style: Style) {
    /// Columns of the border to the left and right of the text.
    const MARGIN: u16 = 2;
    let columns = u16::try_from(text::width(&text)).unwrap_or(u16::MAX);
    if panel.height == 0 || columns > panel.width.saturating_sub(2 * MARGIN) {
        return;
    }
    let x = panel.right() - columns - MARGIN;
    let area = Rect { x, y: panel.bottom() - 1, width: columns, height: 1 };
    draw_line(frame, area, 0, &Line::styled(text, style));
}

/// Arrows for more rows above and below; a blank where there are none.
pub(super) fn scroll_arrows(context: &ViewContext, above: bool, below: bool) -> String {
    let up = if above { context.glyphs.up } else { " " };
    let down = if below { context.glyphs.below } else { " " };
    format!("{up}{down}")
}
