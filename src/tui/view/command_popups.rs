//! Popups of device commands: the list of commands, their parameters and the confirmation.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::device::{CommandSpec, Confirmation};
use crate::tui::model::{ClickTarget, CommandPopup};
use crate::tui::text::LineEdit;
use crate::tui::update::matching_commands;

use super::line_layout::{draw_line, wrap};
use super::list::{draw_input, draw_list};
use super::panel::draw_popup;
use super::{ViewContext, ViewState, device};

/// Width of both popups.
const POPUP_WIDTH: u16 = 72;
/// Maximum rows of the list.
const MAX_LISTED_COMMANDS: usize = 16;

/// The list of commands that match the search text.
pub(super) fn palette(
    frame: &mut Frame,
    context: &ViewContext,
    (line, selected): (&LineEdit, usize),
    state: &mut ViewState,
) {
    let Some(device_view) = context.live.runtime.device.as_deref() else { return };
    let listed = matching_commands(device_view, line.text());
    let rows = device_view.commands.len().min(MAX_LISTED_COMMANDS);
    let height = u16::try_from(rows + 3).unwrap_or(u16::MAX).min(frame.area().height.saturating_sub(2));
    let (area, inner) = draw_popup(frame, context, (POPUP_WIDTH, height), "Send a command");
    state.areas.push((area, ClickTarget::Popup));
    draw_input(frame, inner, context, line);
    let rows = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    state.scroll_limits.rows = usize::from(rows.height);
    if listed.is_empty() {
        draw_line(frame, inner, 1, &Line::styled("no command contains this text", context.theme.dim));
    }
    let widths = (device::name_width(&device_view.commands), usize::from(inner.width));
    let line = |spec: &&CommandSpec, is_selected| device::command_line(context, spec, widths, is_selected);
    draw_list(frame, rows, &listed, selected, context.theme.selected, line);
}

/// The next prompt before a command is sent.
pub(super) fn command(
    frame: &mut Frame,
    context: &ViewContext,
    pending: &CommandPopup,
    state: &mut ViewState,
) {
    let theme = context.theme;
    let title = context
        .truncated(&format!("{}: {}", pending.spec.name, pending.spec.title), usize::from(POPUP_WIDTH) - 6);
    let title = if pending.spec.name == pending.spec.title { pending.spec.name.to_string() } else { title };
    let mut lines: Vec<Line> = Vec::new();
    let columns = usize::from(POPUP_WIDTH - 4);
    if let Some(explanation) = &pending.spec.explanation {
        let rows = wrap(&context.sanitized(explanation), columns);
        lines.extend(rows.into_iter().map(|text| Line::styled(text, theme.dim)));
    }
    for (parameter, value) in pending.spec.parameters.iter().zip(&pending.values) {
        lines.push(Line::from(vec![
            Span::styled(format!("{} ", parameter.name), theme.dim),
            Span::styled(context.truncated(&parameter.format_value(value), 50), theme.strong),
        ]));
    }
    let question = match pending.parameter() {
        Some(parameter) => {
            let default = parameter.default.as_ref().map(|value| parameter.format_value(value));
            let default = default.filter(|value| !value.is_empty());
            let default = default.map(|value| format!("; default {value}")).unwrap_or_default();
            format!("{}: {}{default}", parameter.name, parameter.range())
        }
        None if pending.spec.confirm == Confirmation::Type => {
            format!("This command is dangerous. Type {} to send it.", pending.spec.name)
        }
        None => "This changes the device. Press y to send, Esc to cancel.".to_owned(),
    };
    lines.extend(
        wrap(&context.sanitized(&question), columns).into_iter().map(|text| Line::styled(text, theme.text)),
    );
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).min(frame.area().height);
    let (area, inner) = draw_popup(frame, context, (POPUP_WIDTH, height), &title);
    state.areas.push((area, ClickTarget::Popup));
    let count = lines.len();
    for (row, line) in lines.into_iter().enumerate() {
        draw_line(frame, inner, row, &line);
    }
    let row = u16::try_from(count).unwrap_or(u16::MAX).min(inner.height);
    let below = Rect { y: inner.y + row, height: inner.height - row, ..inner };
    if !pending.is_yes_no_question() {
        draw_input(frame, below, context, &pending.line);
    }
    if let Some(error) = &pending.error {
        let text = context.truncated(&format!("{} {error}", context.glyphs.cross), usize::from(inner.width));
        draw_line(frame, below, 1, &Line::styled(text, theme.bad));
    }
}
