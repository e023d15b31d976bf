//! What lies over the screen: the help, the verdict in full, a choice, or a line of text being typed?

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::tui::keymap::KeymapMode;
use crate::tui::model::{ClickTarget, InputPopup, InputPurpose, Popup};
use crate::tui::text;

use super::line_layout::{draw_line, pad_right, wrap};
use super::panel::draw_popup;
use super::{ViewContext, ViewState, command_popups, device_details, why};

/// Widest help; longer lines are hard to read.
const HELP_WIDTH: u16 = 96;

/// Width of the list of faults.
const FAULTS_WIDTH: u16 = 64;

/// Draws the popup that is open, if any.
pub(super) fn render(frame: &mut Frame, context: &ViewContext, state: &mut ViewState) {
    match &context.model.popup {
        Some(Popup::Help { scroll }) => help(frame, context, *scroll, state),
        Some(Popup::Why { scroll }) => why::popup(frame, context, *scroll, state),
        Some(Popup::Details { scroll }) => device_details::render(frame, context, *scroll, state),
        Some(Popup::Inject { selected }) => faults(frame, context, *selected, state),
        Some(Popup::Input(input)) => line_input(frame, context, input, state),
        Some(Popup::Palette { line, selected }) => {
            command_popups::palette(frame, context, (line, *selected), state);
        }
        Some(Popup::Command(asked)) => command_popups::command(frame, context, asked, state),
        None => {}
    }
}

/// The whole keymap, in sections.
fn help(frame: &mut Frame, context: &ViewContext, scroll: usize, state: &mut ViewState) {
    scrollable_popup(frame, context, ("Help", HELP_WIDTH), scroll, state, |columns| {
        help_lines(context, columns)
    });
}

/// A popup for more lines than fit, `scroll` lines down: its title, its width where there is room, and what makes the
/// lines for a number of columns.
pub(super) fn scrollable_popup(
    frame: &mut Frame,
    context: &ViewContext,
    (title, max_width): (&'static str, u16),
    scroll: usize,
    state: &mut ViewState,
    lines: impl FnOnce(usize) -> Vec<Line<'static>>,
) {
    let screen = frame.area();
    let width = if screen.width < max_width + 8 { screen.width } else { max_width };
    let lines = lines(usize::from(width.saturating_sub(4)));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(screen.height.saturating_sub(2));
    let (area, inner) = draw_popup(frame, context, (width, height), title);
    state.areas.push((area, ClickTarget::Popup));
    let rows = usize::from(inner.height);
    state.page_rows = rows;
    state.max_scroll = lines.len().saturating_sub(rows);
    let scroll = scroll.min(state.max_scroll);
    for (row, line) in lines.iter().skip(scroll).take(rows).enumerate() {
        draw_line(frame, inner, row, line);
    }
    if state.max_scroll > 0 && area.width > 16 {
        let up = if scroll > 0 { context.glyphs.up } else { " " };
        let below = if scroll < state.max_scroll { context.glyphs.below } else { " " };
        let bottom = Rect { x: area.right() - 12, y: area.bottom() - 1, width: 10, height: 1 };
        draw_line(frame, bottom, 0, &Line::styled(format!(" more {up}{below} "), context.theme.key));
    }
}

fn help_lines(context: &ViewContext, columns: usize) -> Vec<Line<'static>> {
    let theme = context.theme;
    let sections = context.keymap.help(KeymapMode::from_state(context.live));
    let keys = sections.iter().flat_map(|section| &section.rows).map(|(keys, _)| text::width(keys)).max();
    let keys = keys.unwrap_or(0).min(columns / 3) + 2;
    let mut lines = Vec::new();
    for section in sections.iter().filter(|section| !section.rows.is_empty()) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(section.title, theme.accent.patch(theme.strong)));
        for (names, description) in &section.rows {
            let texts = wrap(description, columns.saturating_sub(keys));
            for (index, text) in texts.into_iter().enumerate() {
                let names = if index == 0 { names.as_str() } else { "" };
                let names = pad_right(&context.truncated(names, keys - 2), keys);
                lines.push(Line::from(vec![Span::styled(names, theme.key), Span::styled(text, theme.text)]));
            }
        }
    }
    lines
}

/// The faults of the simulation, the one to strike marked.
fn faults(frame: &mut Frame, context: &ViewContext, selected: usize, state: &mut ViewState) {
    let Some(simulation) = &context.live.runtime.simulation else { return };
    let menu = &simulation.faults;
    let height = u16::try_from(menu.len() + 2).unwrap_or(u16::MAX).min(frame.area().height.saturating_sub(2));
    let (area, inner) = draw_popup(frame, context, (FAULTS_WIDTH, height), "Let a fault strike now");
    state.areas.push((area, ClickTarget::Popup));
    let rows = usize::from(inner.height);
    state.page_rows = rows;
    let selected = selected.min(menu.len().saturating_sub(1));
    let first = (selected + 1).saturating_sub(rows);
    for (row, (index, fault)) in menu.iter().enumerate().skip(first).take(rows).enumerate() {
        let (mark, style) = if index == selected {
            (context.glyphs.pointer, context.theme.key)
        } else {
            (" ", context.theme.text)
        };
        let text = context.truncated(fault, usize::from(inner.width).saturating_sub(2));
        draw_line(frame, inner, row, &Line::styled(format!("{mark} {text}"), style));
    }
}

/// A question, the text typed so far, and what is wrong with it.
fn line_input(frame: &mut Frame, context: &ViewContext, input: &InputPopup, state: &mut ViewState) {
    let theme = context.theme;
    let (area, inner) = draw_popup(frame, context, (62, 4), input.purpose.title());
    state.areas.push((area, ClickTarget::Popup));
    if inner.is_empty() {
        return;
    }
    let columns = usize::from(inner.width);
    let prompt = format!("{} ", context.glyphs.pointer);
    let room = columns.saturating_sub(text::width(&prompt) + 1);
    let (text, cursor) = input.line.visible(room);
    let line = Line::from(vec![Span::styled(prompt.clone(), theme.key), Span::styled(text, theme.strong)]);
    draw_line(frame, inner, 0, &line);
    let (below, style) = match &input.error {
        Some(error) => (format!("{} {error}", context.glyphs.cross), theme.bad),
        None => (hint(input.purpose).to_owned(), theme.dim),
    };
    draw_line(frame, inner, 1, &Line::styled(context.truncated(&below, columns), style));
    let column = u16::try_from(text::width(&prompt) + cursor).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(inner.x.saturating_add(column).min(inner.right() - 1), inner.y));
}

fn hint(purpose: InputPurpose) -> &'static str {
    match purpose {
        InputPurpose::KeepAlive => "0 turns pings off; the change reconnects, not counted as a drop",
        InputPurpose::Note => "marked on the timeline, kept in recording and export",
        InputPurpose::Filter => "error names, messages, layers; empty shows all",
    }
}
