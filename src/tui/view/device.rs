//! The Device screen: the state of the device, its commands, and the command history.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::device::{CommandSpec, Confirmation, DeviceView, Fact, FactLevel};
use crate::diagnostics::event::CommandState;
use crate::diagnostics::{CommandRecord, LinkState};
use crate::tui::{format, text};

use super::line_layout::{SpanGroup, draw_line, pad_right};
use super::list::{draw_border_text, draw_list};
use super::panel::{draw_focused_panel, draw_panel};
use super::table::{self, TableColumn};
use super::{ViewContext, ViewState, split_rows};

/// Minimum width of a column of facts.
const MIN_FACT_WIDTH: usize = 36;
/// Width of the label of a fact.
const LABEL_WIDTH: usize = 20;
/// From this width on, the command list is beside the history.
const SIDE_BY_SIDE_WIDTH: u16 = 110;
/// Width of the command list beside the history.
const COMMANDS_WIDTH: u16 = 52;
/// Width of a command's key.
const KEY_WIDTH: usize = 5;
/// Range of the width of the command names.
const NAME_WIDTH: std::ops::RangeInclusive<usize> = 12..=20;

/// Draws the screen below the link.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let Some(device) = context.published.runtime.device.as_deref() else {
        history(frame, area, context);
        return;
    };
    let columns = fact_columns(area.width);
    let lines = device.facts.len().div_ceil(columns).max(1);
    let max_height = usize::from(area.height / 3).max(3);
    let facts = u16::try_from((lines + 2).min(max_height)).unwrap_or(3).min(area.height);
    let rows = split_rows(area, &[facts, area.height - facts]);
    render_facts(frame, rows[0], context, device);
    if device.commands.is_empty() {
        history(frame, rows[1], context);
    } else if area.width >= SIDE_BY_SIDE_WIDTH {
        let first = Rect { width: COMMANDS_WIDTH, ..rows[1] };
        commands(frame, first, context, device, state);
        history(
            frame,
            Rect { x: rows[1].x + COMMANDS_WIDTH, width: rows[1].width - COMMANDS_WIDTH, ..rows[1] },
            context,
        );
    } else {
        let full_height = u16::try_from(device.commands.len() + 2).unwrap_or(u16::MAX);
        let height = full_height.min((rows[1].height / 2).max(3));
        let parts = split_rows(rows[1], &[height, rows[1].height.saturating_sub(height)]);
        commands(frame, parts[0], context, device, state);
        history(frame, parts[1], context);
    }
}

fn fact_columns(width: u16) -> usize {
    (usize::from(width.saturating_sub(4)) / MIN_FACT_WIDTH).max(1)
}

fn render_facts(frame: &mut Frame, area: Rect, context: &ViewContext, device: &DeviceView) {
    let inner = draw_panel(frame, area, context, title(context, device));
    if device.facts.is_empty() {
        let words = if device.last_heard.is_some() { "no readable message yet" } else { "no message yet" };
        draw_line(frame, inner, 0, &Line::styled(words, context.theme.dim));
        return;
    }
    let (columns, rows) = (fact_columns(area.width), usize::from(inner.height));
    let width = usize::from(inner.width) / columns;
    // Filled column by column, so that related facts are below each other.
    let per_column = device.facts.len().div_ceil(columns).min(rows.max(1));
    for (index, fact) in device.facts.iter().take(per_column * columns).enumerate() {
        let (column, row) = (index / per_column, index % per_column);
        let x = inner.x.saturating_add(u16::try_from(column * width).unwrap_or(u16::MAX));
        let place = Rect { x: x.min(inner.right()), width: inner.right().saturating_sub(x), ..inner };
        draw_line(frame, place, row, &fact_line(context, fact, width));
    }
    let hidden = device.facts.len().saturating_sub(per_column * columns);
    if hidden > 0 {
        draw_border_text(frame, area, format!(" {hidden} more "), context.theme.dim);
    }
}

fn fact_line(context: &ViewContext, fact: &Fact, width: usize) -> Line<'static> {
    let label = pad_right(&context.truncated(&fact.label, LABEL_WIDTH - 1), LABEL_WIDTH);
    let unit = fact.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let words = format!("{}{}{unit}", level_sign(context, fact.level), fact.value);
    let value = context.truncated(&words, width.saturating_sub(LABEL_WIDTH + 2));
    let style = level_style(context, fact.level);
    Line::from(vec![Span::styled(label, context.theme.dim), Span::styled(value, style)])
}

/// A sign and a blank before an unusual value, so that color is never the only information.
pub(super) fn level_sign(context: &ViewContext, level: FactLevel) -> String {
    let sign = match level {
        FactLevel::Normal => return String::new(),
        FactLevel::Good => context.glyphs.check,
        FactLevel::Warn => context.glyphs.alert,
        FactLevel::Bad => context.glyphs.cross,
    };
    format!("{sign} ")
}

pub(super) fn level_style(context: &ViewContext, level: FactLevel) -> Style {
    let theme = context.theme;
    match level {
        FactLevel::Normal => theme.strong,
        FactLevel::Good => theme.good,
        FactLevel::Warn => theme.warn,
        FactLevel::Bad => theme.bad,
    }
}

fn title(context: &ViewContext, device: &DeviceView) -> SpanGroup {
    let (theme, dot) = (context.theme, context.glyphs.dot);
    let age = |since: Option<Duration>| {
        since.map_or_else(|| "no message yet".to_owned(), |age| format!("last message {}", format::age(age)))
    };
    let last_message = age(device.last_heard.map(|at| context.now.since(at)));
    let mut title = vec![
        Span::styled(context.truncated(&device.title, 32), theme.title),
        Span::styled(format!(" {dot} {last_message}"), theme.dim),
    ];
    let snapshot = context.snapshot();
    let is_connected = matches!(snapshot.link, LinkState::Connected { .. });
    if let Some(since) = snapshot.command_history.silent_since().filter(|_| is_connected) {
        let age = format::short(context.now.since(since));
        let words = format!(" {} NO ANSWER for {age}", context.glyphs.cross);
        title.push(Span::styled(words, theme.bad));
    }
    if device.unread > 0 {
        title.push(Span::styled(format!(" {dot} {} unreadable", format::count(device.unread)), theme.warn));
    }
    title
}

fn commands(
    frame: &mut Frame,
    area: Rect,
    context: &ViewContext,
    device: &DeviceView,
    state: &mut ViewState,
) {
    let inner = draw_focused_panel(frame, area, context, vec![Span::styled("Commands", context.theme.title)]);
    state.scroll_limits.rows = usize::from(inner.height);
    let widths = (name_width(&device.commands), usize::from(inner.width));
    let line = |spec: &CommandSpec, is_selected| command_line(context, spec, widths, is_selected);
    draw_list(frame, inner, &device.commands, context.model.command, context.theme.selected, line);
}

/// Columns of the names in a list of commands.
pub(super) fn name_width(commands: &[CommandSpec]) -> usize {
    let longest = commands.iter().map(|spec| text::width(&spec.name)).max().unwrap_or(0);
    longest.clamp(*NAME_WIDTH.start(), *NAME_WIDTH.end())
}

/// A row of the command list and of the palette; `name` and `width` are the columns of the name and of the row.
pub(super) fn command_line(
    context: &ViewContext,
    spec: &CommandSpec,
    (name, width): (usize, usize),
    is_selected: bool,
) -> Line<'static> {
    let theme = context.theme;
    let pointer = if is_selected { context.glyphs.pointer } else { " " };
    let key = context.keymap.command_key(&spec.name);
    let unless_selected = |style: Style| if is_selected { theme.text } else { style };
    let available = width.saturating_sub(2 + KEY_WIDTH + name + 1);
    let description = context.truncated(&command_description(spec, available), available);
    let style = if spec.unavailable.is_some() { theme.dim } else { theme.text };
    Line::from(vec![
        Span::styled(pad_right(pointer, 2), theme.text),
        Span::styled(
            pad_right(&context.truncated(&key, KEY_WIDTH - 1), KEY_WIDTH),
            unless_selected(theme.key),
        ),
        Span::styled(pad_right(&context.truncated(&spec.name, name), name + 1), unless_selected(style)),
        Span::styled(description, unless_selected(theme.dim)),
    ])
}

/// The title of a command and a remark, as far as both fit into `available`. Why a command is unavailable is more important
/// than its title.
fn command_description(spec: &CommandSpec, available: usize) -> String {
    let title = if spec.title == spec.name { "" } else { &*spec.title };
    let remark = match (&spec.unavailable, spec.interval) {
        (Some(why), _) => why.to_string(),
        (None, Some(interval)) => format!("every {}", format::short(interval)),
        (None, None) if spec.confirm == Confirmation::Type => "confirm by typing its name".to_owned(),
        (None, None) => String::new(),
    };
    if title.is_empty() || remark.is_empty() {
        return format!("{title}{remark}");
    }
    let both = format!("{title}, {remark}");
    if text::width(&both) <= available {
        both
    } else if spec.unavailable.is_some() {
        remark
    } else {
        title.to_owned()
    }
}

/// The columns of the command history in reading order.
const HISTORY_COLUMNS: [TableColumn<CommandRecord>; 5] = [
    TableColumn::text(0, "when", 12, |context, record| context.format_time(record.requested_at)),
    TableColumn::text(1, "command", 18, |_, record| record.name.to_string()),
    TableColumn::text(2, "state", 12, |_, record: &CommandRecord| state_name(record.state).to_owned())
        .styled(|context, record| state_style(context, record.state)),
    TableColumn::figure(3, "PUBACK", 7, |_, record| format::short_or_unknown(record.acknowledgement())),
    TableColumn::figure(4, "answer", 7, |_, record| format::short_or_unknown(record.round_trip())),
];

fn history(frame: &mut Frame, area: Rect, context: &ViewContext) {
    if area.height < 3 {
        return;
    }
    let command_history = &context.snapshot().command_history;
    let (theme, dot) = (context.theme, context.glyphs.dot);
    let count = u64::try_from(command_history.records().len())
        .unwrap_or(u64::MAX)
        .saturating_add(command_history.evicted());
    let mut title = vec![Span::styled("History", theme.title)];
    if count > 0 {
        title.push(Span::styled(format!(" {dot} {}", format::count(count)), theme.dim));
    }
    if let Some(trips) = command_history.round_trips() {
        let [p50, p95, max] = [trips.p50, trips.p95, trips.max].map(format::short);
        let words = format!(" {dot} answers: median {p50}, 95 % {p95}, longest {max}");
        title.push(Span::styled(words, theme.dim));
    }
    let inner = draw_panel(frame, area, context, title);
    if count == 0 {
        draw_line(frame, inner, 0, &Line::styled("no command sent yet", theme.dim));
        return;
    }
    let columns = table::fitting_columns(usize::from(inner.width), &HISTORY_COLUMNS);
    draw_line(frame, inner, 0, &table::heading(context, &columns, 0));
    let rows = usize::from(inner.height).saturating_sub(1);
    for (row, record) in command_history.records().rev().take(rows).enumerate() {
        draw_line(frame, inner, row + 1, &Line::from(table::cells(context, &columns, record, false)));
    }
}

fn state_name(state: CommandState) -> &'static str {
    match state {
        CommandState::Queued => "queued",
        CommandState::Sent => "sent",
        CommandState::Acknowledged => "acknowledged",
        CommandState::Answered => "answered",
        CommandState::Expired => "expired",
        CommandState::Lost => "lost",
        CommandState::Refused => "refused",
        CommandState::TooLarge => "too large",
        CommandState::NotSent => "not sent",
        CommandState::Unanswered => "no answer",
        CommandState::DroppedFull => "queue full",
        CommandState::Other => "unknown",
    }
}

fn state_style(context: &ViewContext, state: CommandState) -> Style {
    match state {
        CommandState::Answered => context.theme.good,
        CommandState::Queued => context.theme.warn,
        CommandState::Expired
        | CommandState::Lost
        | CommandState::Refused
        | CommandState::TooLarge
        | CommandState::NotSent
        | CommandState::Unanswered
        | CommandState::DroppedFull => context.theme.bad,
        CommandState::Sent | CommandState::Acknowledged | CommandState::Other => context.theme.text,
    }
}
