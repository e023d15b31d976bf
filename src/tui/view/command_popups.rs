//! Which command, with which values, and really? The list of commands and the questions before one is sent.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use crate::device::Confirm;
use crate::tui::model::{CommandPopup, Target};
use crate::tui::text::{self, LineEdit};
use crate::tui::update::found;

use super::ink::{put, wrap};
use super::panel::popup;
use super::{ViewContext, ViewState, device};

/// Width of both.
const WIDTH: u16 = 72;
/// Most rows of the list.
const LISTED: usize = 16;

/// The list of commands, and what was typed to find one.
pub(super) fn palette(
    frame: &mut Frame,
    context: &ViewContext,
    (line, selected): (&LineEdit, usize),
    state: &mut ViewState,
) {
    let Some(shown) = context.live.runtime.device.as_deref() else { return };
    let listed = found(shown, line.text());
    let rows = shown.commands.len().min(LISTED);
    let height = u16::try_from(rows + 3).unwrap_or(u16::MAX).min(frame.area().height.saturating_sub(2));
    let (area, inner) = popup(frame, context, (WIDTH, height), "Send a command");
    state.areas.push((area, Target::Popup));
    typed(frame, inner, context, line);
    let rows = usize::from(inner.height).saturating_sub(1);
    state.page_rows = rows;
    if listed.is_empty() {
        put(frame, inner, 1, &Line::styled("no command contains this text", context.theme.dim));
    }
    let selected = selected.min(listed.len().saturating_sub(1));
    let name = device::name_width(&shown.commands);
    let first = (selected + 1).saturating_sub(rows);
    for (row, (index, spec)) in listed.iter().enumerate().skip(first).take(rows).enumerate() {
        let chosen = index == selected;
        let widths = (name, usize::from(inner.width));
        put(frame, inner, row + 1, &device::command_line(context, spec, widths, chosen));
        let y = inner.y.saturating_add(u16::try_from(row + 1).unwrap_or(u16::MAX));
        if chosen && y < inner.bottom() {
            frame.buffer_mut().set_style(Rect { y, height: 1, ..inner }, context.theme.selected);
        }
    }
}

/// The next question before a command is sent.
pub(super) fn command(frame: &mut Frame, context: &ViewContext, asked: &CommandPopup, state: &mut ViewState) {
    let theme = context.theme;
    let title = context.cut(&format!("{}: {}", asked.spec.name, asked.spec.title), usize::from(WIDTH) - 6);
    let title = if asked.spec.name == asked.spec.title { asked.spec.name.to_string() } else { title };
    let mut lines: Vec<Line> = Vec::new();
    let columns = usize::from(WIDTH - 4);
    if let Some(explanation) = &asked.spec.explanation {
        let rows = wrap(&context.safe(explanation), columns);
        lines.extend(rows.into_iter().map(|text| Line::styled(text, theme.dim)));
    }
    for (parameter, value) in asked.spec.parameters.iter().zip(&asked.values) {
        lines.push(Line::from(vec![
            Span::styled(format!("{} ", parameter.name), theme.dim),
            Span::styled(context.cut(&parameter.words(value), 50), theme.strong),
        ]));
    }
    let question = match asked.parameter() {
        Some(parameter) => {
            let default = parameter.default.as_ref().map(|value| parameter.words(value));
            let default = default.filter(|value| !value.is_empty());
            let default = default.map(|value| format!("; empty: {value}")).unwrap_or_default();
            format!("{}: {}{default}", parameter.name, parameter.range())
        }
        None if asked.spec.confirm == Confirm::Type => {
            format!("This can do harm. Type {} to send it.", asked.spec.name)
        }
        None => "This changes the device. Send it? y = yes, Esc = no".to_owned(),
    };
    lines.extend(
        wrap(&context.safe(&question), columns).into_iter().map(|text| Line::styled(text, theme.text)),
    );
    let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).min(frame.area().height);
    let (area, inner) = popup(frame, context, (WIDTH, height), &title);
    state.areas.push((area, Target::Popup));
    let count = lines.len();
    for (row, line) in lines.into_iter().enumerate() {
        put(frame, inner, row, &line);
    }
    let row = u16::try_from(count).unwrap_or(u16::MAX).min(inner.height);
    let below = Rect { y: inner.y + row, height: inner.height - row, ..inner };
    if !asked.asks_yes_or_no() {
        typed(frame, below, context, &asked.line);
    }
    if let Some(error) = &asked.error {
        let text = context.cut(&format!("{} {error}", context.glyphs.cross), usize::from(inner.width));
        put(frame, below, 1, &Line::styled(text, theme.bad));
    }
}

/// What was typed, with the cursor.
fn typed(frame: &mut Frame, area: Rect, context: &ViewContext, line: &LineEdit) {
    if area.is_empty() {
        return;
    }
    let prompt = format!("{} ", context.glyphs.pointer);
    let room = usize::from(area.width).saturating_sub(text::width(&prompt) + 1);
    let (text, cursor) = line.visible(room);
    let before = text::width(&prompt) + cursor;
    let spans = vec![Span::styled(prompt, context.theme.key), Span::styled(text, context.theme.strong)];
    put(frame, area, 0, &Line::from(spans));
    let column = u16::try_from(before).unwrap_or(u16::MAX);
    frame.set_cursor_position(Position::new(area.x.saturating_add(column).min(area.right() - 1), area.y));
}
