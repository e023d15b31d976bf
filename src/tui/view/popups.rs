//! Popups: help, the full verdict, device details, lists to choose from, and the input line.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::tui::keymap::KeymapMode;
use crate::tui::model::{ClickTarget, InputPopup, InputPurpose, Popup, ScrollLimits};
use crate::tui::text;

use super::line_layout::{draw_line, pad_right, wrap};
use super::list::{draw_border_text, draw_input, draw_list, scroll_arrows};
use super::panel::draw_popup;
use super::{ViewContext, ViewState, command_popups, device_details, separation, why};

/// Maximum width of the help; longer lines are hard to read.
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
        Some(Popup::Separate(test)) => separation::question(frame, context, test, state),
        Some(Popup::Input(input)) => line_input(frame, context, input, state),
        Some(Popup::Palette { line, selected }) => {
            command_popups::palette(frame, context, (line, *selected), state);
        }
        Some(Popup::Command(popup)) => command_popups::command(frame, context, popup, state),
        None => {}
    }
}

/// The whole keymap, in sections.
fn help(frame: &mut Frame, context: &ViewContext, scroll: usize, state: &mut ViewState) {
    scrollable_popup(frame, context, ("Help", HELP_WIDTH), scroll, state, |columns| {
        help_lines(context, columns)
    });
}

/// A scrollable popup with its title and maximum width, `scroll` lines down; `lines` makes the lines for a number of
/// columns.
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
    let max_scroll = lines.len().saturating_sub(rows);
    state.scroll_limits = ScrollLimits { rows, max_scroll };
    let scroll = scroll.min(max_scroll);
    for (row, line) in lines.iter().skip(scroll).take(rows).enumerate() {
        draw_line(frame, inner, row, line);
    }
    if max_scroll > 0 {
        let arrows = scroll_arrows(context, scroll > 0, scroll < max_scroll);
        draw_border_text(frame, area, format!(" more {arrows} "), context.theme.key);
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

/// The faults of the simulation, with the selected one marked.
fn faults(frame: &mut Frame, context: &ViewContext, selected: usize, state: &mut ViewState) {
    let Some(simulation) = &context.live.runtime.simulation else { return };
    let menu = &simulation.faults;
    let height = u16::try_from(menu.len() + 2).unwrap_or(u16::MAX).min(frame.area().height.saturating_sub(2));
    let (area, inner) = draw_popup(frame, context, (FAULTS_WIDTH, height), "Inject a fault now");
    state.areas.push((area, ClickTarget::Popup));
    state.scroll_limits.rows = usize::from(inner.height);
    let line = |fault: &Arc<str>, is_selected| {
        let mark = if is_selected { context.glyphs.pointer } else { " " };
        let style = if is_selected { context.theme.key } else { context.theme.text };
        let text = context.truncated(fault, usize::from(inner.width).saturating_sub(2));
        Line::styled(format!("{mark} {text}"), style)
    };
    draw_list(frame, inner, menu, selected, Style::new(), line);
}

/// The input line with its title, and an error or a hint below.
fn line_input(frame: &mut Frame, context: &ViewContext, input: &InputPopup, state: &mut ViewState) {
    let theme = context.theme;
    let (area, inner) = draw_popup(frame, context, (62, 4), input.purpose.title());
    state.areas.push((area, ClickTarget::Popup));
    draw_input(frame, inner, context, &input.line);
    let (below, style) = match &input.error {
        Some(error) => (format!("{} {error}", context.glyphs.cross), theme.bad),
        None => (hint(input.purpose).to_owned(), theme.dim),
    };
    let below = context.truncated(&below, usize::from(inner.width));
    draw_line(frame, inner, 1, &Line::styled(below, style));
}

fn hint(purpose: InputPurpose) -> &'static str {
    match purpose {
        InputPurpose::KeepAlive => "0 turns pings off; reconnects, not counted as a drop",
        InputPurpose::Note => "shown on the timeline, saved in the recording and export",
        InputPurpose::Filter => "error name, message, layer or keep-alive; empty shows all",
    }
}
