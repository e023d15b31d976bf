//! Device commands: choosing one, filling in its parameters, confirming and sending it.

use std::sync::Arc;

use crate::device::{CommandSpec, Confirmation, DeviceView};
use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::super::message::Edit;
use super::super::model::{CommandPopup, Model, Popup, Screen};
use super::super::text::LineEdit;
use super::{Effect, clamped_move};

/// The commands whose name or title contains `typed`, in their order.
pub fn matching_commands<'a>(device: &'a DeviceView, typed: &str) -> Vec<&'a CommandSpec> {
    let needle = typed.trim().to_lowercase();
    let contains = |text: &str| text.to_lowercase().contains(&needle);
    device.commands.iter().filter(|spec| contains(&spec.name) || contains(&spec.title)).collect()
}

/// Opens the list of all commands.
pub(super) fn open(model: &mut Model, live: &LiveState, now: Stamp) {
    if device_or_notify(model, live, now).is_some() {
        model.popup = Some(Popup::Palette { line: LineEdit::default(), selected: 0 });
    }
}

/// The device, or a notice that no commands are configured.
fn device_or_notify<'a>(model: &mut Model, live: &'a LiveState, now: Stamp) -> Option<&'a DeviceView> {
    let device = live.runtime.device.as_deref().filter(|device| !device.commands.is_empty());
    if device.is_none() {
        let text = "no commands are configured; see `dropscope config`";
        model.notify(now, NoticeKind::Info, text);
    }
    device
}

/// Requests the state of the device, if it has a status command.
pub(super) fn request_status(model: &mut Model, live: &LiveState, now: Stamp) -> Vec<Effect> {
    let Some(device) = device_or_notify(model, live, now) else { return Vec::new() };
    if let Some(name) = &device.status_command {
        return start(model, name, live, now);
    }
    model.notify(now, NoticeKind::Info, "this device has no status command (device.status-command)");
    Vec::new()
}

/// Starts the selected command.
pub(super) fn start_selected(model: &mut Model, live: &LiveState, now: Stamp) -> Vec<Effect> {
    let Some(device) = device_or_notify(model, live, now) else { return Vec::new() };
    let index = model.command.min(device.commands.len().saturating_sub(1));
    let name = device.commands.get(index).map(|spec| Arc::clone(&spec.name));
    name.map(|name| start(model, &name, live, now)).unwrap_or_default()
}

/// Starts a command: opens the prompt for the first parameter, or sends it.
pub(super) fn start(model: &mut Model, name: &str, live: &LiveState, now: Stamp) -> Vec<Effect> {
    model.popup = None;
    let Some(device) = device_or_notify(model, live, now) else { return Vec::new() };
    let Some(spec) = device.commands.iter().find(|spec| *spec.name == *name) else { return Vec::new() };
    if let Some(why) = &spec.unavailable {
        model.notify(now, NoticeKind::Bad, format!("{}: {why}", spec.name));
        return Vec::new();
    }
    let popup =
        CommandPopup { spec: spec.clone(), values: Vec::new(), line: LineEdit::default(), error: None };
    next_prompt_or_send(model, popup, now)
}

/// Moves the cursor of the list on the Device screen.
pub(super) fn move_cursor(model: &mut Model, live: &LiveState, rows: isize) {
    let count = live.runtime.device.as_ref().map_or(0, |device| device.commands.len());
    model.command = clamped_move(model.command, rows, count.saturating_sub(1));
}

/// One step of typing in the list or in a command.
pub(super) fn edit(model: &mut Model, edit: Edit, live: &LiveState, now: Stamp) -> Vec<Effect> {
    match model.popup.take() {
        Some(Popup::Palette { line, selected }) => edit_palette(model, (line, selected), edit, live, now),
        Some(Popup::Command(popup)) => edit_command(model, popup, edit, now),
        other => {
            model.popup = other;
            Vec::new()
        }
    }
}

fn edit_palette(
    model: &mut Model,
    (mut line, mut selected): (LineEdit, usize),
    edit: Edit,
    published: &LiveState,
    now: Stamp,
) -> Vec<Effect> {
    let Some(device) = published.runtime.device.as_deref() else { return Vec::new() };
    let last = |line: &LineEdit| matching_commands(device, line.text()).len().saturating_sub(1);
    match edit {
        Edit::Cancel => return Vec::new(),
        Edit::Submit => {
            let listed = matching_commands(device, line.text());
            if let Some(spec) = listed.get(selected.min(last(&line))) {
                return start(model, &spec.name, published, now);
            }
        }
        Edit::Up => selected = clamped_move(selected, -1, last(&line)),
        Edit::Down => selected = clamped_move(selected, 1, last(&line)),
        other => {
            line.apply(other);
            selected = 0;
        }
    }
    model.popup = Some(Popup::Palette { line, selected });
    Vec::new()
}

fn edit_command(model: &mut Model, mut popup: CommandPopup, edit: Edit, now: Stamp) -> Vec<Effect> {
    popup.error = None;
    match edit {
        Edit::Cancel => {
            model.notify(now, NoticeKind::Info, format!("{} was not sent", popup.spec.name));
            return Vec::new();
        }
        // Enter does not confirm: the Enter that chose the command can be pressed twice by accident.
        Edit::Insert(text) if popup.is_yes_no_question() => {
            if text.eq_ignore_ascii_case("y") {
                return send(model, popup, now);
            }
        }
        Edit::Submit if popup.is_yes_no_question() => {
            popup.error = Some("press y to send, Esc to cancel".to_owned());
        }
        Edit::Submit => return submit(model, popup, now),
        other => popup.line.apply(other),
    }
    model.popup = Some(Popup::Command(popup));
    Vec::new()
}

fn submit(model: &mut Model, mut popup: CommandPopup, now: Stamp) -> Vec<Effect> {
    match popup.parameter().map(|parameter| parameter.parse(popup.line.text())) {
        Some(Ok(value)) => {
            popup.values.push(value);
            popup.line = LineEdit::default();
            return next_prompt_or_send(model, popup, now);
        }
        Some(Err(error)) => popup.error = Some(error),
        None if popup.line.text().trim() == &*popup.spec.name => return send(model, popup, now),
        None => popup.error = Some(format!("type {} to send, or press Esc to cancel", popup.spec.name)),
    }
    model.popup = Some(Popup::Command(popup));
    Vec::new()
}

/// Opens the next prompt, or sends the command when nothing is missing.
fn next_prompt_or_send(model: &mut Model, popup: CommandPopup, now: Stamp) -> Vec<Effect> {
    if popup.parameter().is_none() && popup.spec.confirm == Confirmation::None {
        return send(model, popup, now);
    }
    model.popup = Some(Popup::Command(popup));
    Vec::new()
}

fn send(model: &mut Model, popup: CommandPopup, now: Stamp) -> Vec<Effect> {
    let name = popup.spec.name;
    if model.screen != Screen::Device {
        let text = format!("{name} requested; the Device screen shows its state");
        model.notify(now, NoticeKind::Info, text);
    }
    vec![Effect::Request(MonitorRequest::Command { name, values: popup.values })]
}

#[cfg(test)]
mod tests;
