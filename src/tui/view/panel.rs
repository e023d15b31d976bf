//! The border and title of panels and popups.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding};

use super::ViewContext;
use super::line_layout::SpanGroup;

/// Draws a border with `title` and returns the inner area, one blank column from the border.
pub(super) fn draw_panel(frame: &mut Frame, area: Rect, context: &ViewContext, title: SpanGroup) -> Rect {
    draw_bordered(frame, area, context, title, false)
}

/// Like [`draw_panel`], for the panel that receives the keys.
pub(super) fn draw_focused_panel(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    title: SpanGroup,
) -> Rect {
    draw_bordered(frame, area, context, title, true)
}

/// Draws a panel in the middle of the screen, at most `width`×`height`; returns its outer and inner area.
pub(super) fn draw_popup(
    frame: &mut Frame,
    context: &ViewContext,
    (width, height): (u16, u16),
    title: &str,
) -> (Rect, Rect) {
    let screen = frame.area();
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + (screen.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, area);
    let title = vec![Span::styled(title.to_owned(), context.theme.title)];
    (area, draw_focused_panel(frame, area, context, title))
}

fn draw_bordered(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    title: SpanGroup,
    focus: bool,
) -> Rect {
    let style = if focus { context.theme.border_focused } else { context.theme.border };
    let mut block = Block::bordered()
        .border_set(context.glyphs.border)
        .border_style(style)
        .padding(Padding::horizontal(1));
    if !title.is_empty() {
        let mut spans = vec![Span::raw(" ")];
        // The title does not inherit the dim style of the border.
        spans.extend(title.into_iter().map(|span| {
            let style = Style::reset().patch(span.style);
            span.style(style)
        }));
        spans.push(Span::raw(" "));
        block = block.title(Line::from(spans));
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}
