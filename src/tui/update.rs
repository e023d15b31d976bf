//! Pure update of the model by one [`UiMessage`]; effects are returned as data.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::keymap::{Action, KeymapMode};
use super::message::UiMessage;
use super::model::{
    ClickTarget, DropDetailView, DropSort, FrozenView, KeepAliveRequest, Model, Popup, Screen, Zoom,
};
use super::summary;

mod command;
mod inject;
mod replay;
mod separation;
mod typing;

pub use command::matching_commands;

/// A side effect for the render loop.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request to the monitor.
    Request(MonitorRequest),
    /// Copy a text to the clipboard.
    Copy(String),
    /// Restore the terminal and stop the process until it is continued.
    Suspend,
    /// Quit without waiting for the end of the run.
    Leave,
}

/// The keep-alive values that `-` and `+` step through, in seconds.
pub const KEEP_ALIVE_LADDER: [u16; 9] = [10, 15, 30, 60, 120, 240, 300, 600, 1200];

/// How long a requested keep-alive counts as the current one while it is not in force yet.
const KEEP_ALIVE_REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// One left or right moves the timeline by this part of its span.
const SCROLL_DIVISOR: u32 = 8;

/// Applies one message. `live` is the newest state, even while the view is frozen.
pub fn update(model: &mut Model, message: UiMessage, live: &Arc<LiveState>, now: Stamp) -> Vec<Effect> {
    match message {
        UiMessage::Action(action) => apply_action(model, action, live, now),
        UiMessage::Command(name) => command::start(model, &name, live, now),
        UiMessage::Edit(edit) => typing::edit(model, edit, live, now),
        UiMessage::Click(target) => {
            click(model, target, live);
            Vec::new()
        }
        UiMessage::Wheel(rows) => {
            scroll_rows(model, live, rows);
            Vec::new()
        }
    }
}

fn apply_action(model: &mut Model, action: Action, live: &Arc<LiveState>, now: Stamp) -> Vec<Effect> {
    match action {
        Action::Quit => return quit(model, live, now),
        Action::Suspend => return vec![Effect::Suspend],
        _ if model.is_typing() => {}
        _ if matches!(model.popup, Some(Popup::Inject { .. })) => return inject::act(model, action, live),
        _ if matches!(model.popup, Some(Popup::Separate(_))) => return separation::act(model, action),
        Action::Separate if matches!(model.popup, Some(Popup::Why { .. })) => {
            return act_on_screen(model, action, live, now);
        }
        _ if model.popup.is_some() && action != Action::Inject => act_in_popup(model, action, live),
        _ => return act_on_screen(model, action, live, now),
    }
    Vec::new()
}

fn act_on_screen(model: &mut Model, action: Action, live: &Arc<LiveState>, now: Stamp) -> Vec<Effect> {
    if let Some(effects) = replay::act(model, action, live, now) {
        return effects;
    }
    match action {
        Action::Inject => inject::open(model, live, now),
        Action::KeepAliveDown => return step_keep_alive(model, live, now, KeepAliveStep::Down),
        Action::KeepAliveUp => return step_keep_alive(model, live, now, KeepAliveStep::Up),
        Action::Separate => return separation::toggle(model, live, now),
        Action::Reconnect => return vec![Effect::Request(MonitorRequest::Reconnect)],
        Action::DeepReconnect => return vec![Effect::Request(MonitorRequest::DeepReconnect)],
        Action::ToggleConnection => return vec![Effect::Request(MonitorRequest::ToggleConnection)],
        Action::Export => return vec![Effect::Request(MonitorRequest::Export)],
        Action::Report => return vec![Effect::Request(MonitorRequest::Report)],
        Action::Copy => return vec![copy(model, live, now)],
        Action::KeepAliveType | Action::Note | Action::Filter => typing::open(model, action),
        Action::Help => model.popup = Some(Popup::Help { scroll: 0 }),
        Action::Why => model.popup = Some(Popup::Why { scroll: 0 }),
        Action::Close => close_topmost(model),
        Action::Overview => show(model, Screen::Overview),
        Action::Drops => show(model, Screen::Drops),
        Action::Device => show_device(model, live, now),
        Action::Command => command::open(model, live, now),
        Action::Details => model.popup = Some(Popup::Details { scroll: 0 }),
        Action::RequestStatus => return command::request_status(model, live, now),
        Action::NextScreen => switch_screen(model, live, true),
        Action::PreviousScreen => switch_screen(model, live, false),
        Action::Freeze => freeze(model, live, now),
        Action::ZoomIn | Action::ZoomOut => zoom(model, live, action == Action::ZoomIn),
        Action::Sort => model.sort = next(&DropSort::ALL, model.sort),
        Action::Left | Action::Right => move_horizontally(model, live, action == Action::Left, now),
        Action::Open if model.screen == Screen::Device => return command::start_selected(model, live, now),
        Action::Open => open(model, live),
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            scroll_rows(model, live, row_delta(model, action));
        }
        // Handled above, or without meaning outside a replay.
        _ => {}
    }
    Vec::new()
}

/// Keys of a text popup: the key that opened it closes it; the key of another text replaces it.
fn act_in_popup(model: &mut Model, action: Action, live: &LiveState) {
    match (action, &model.popup) {
        (Action::Close, _)
        | (Action::Help, Some(Popup::Help { .. }))
        | (Action::Why, Some(Popup::Why { .. }))
        | (Action::Details, Some(Popup::Details { .. })) => model.popup = None,
        (Action::Help, _) => model.popup = Some(Popup::Help { scroll: 0 }),
        (Action::Why, _) => model.popup = Some(Popup::Why { scroll: 0 }),
        (Action::Beginning, _) => scroll_rows(model, live, isize::MIN),
        (Action::End, _) => scroll_rows(model, live, isize::MAX),
        (Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last, _) => {
            scroll_rows(model, live, row_delta(model, action));
        }
        _ => {}
    }
}

/// The first quit ends the run in order; a second one quits at once.
fn quit(model: &mut Model, live: &LiveState, now: Stamp) -> Vec<Effect> {
    if std::mem::replace(&mut model.quitting, true) {
        return vec![Effect::Leave];
    }
    if live.runtime.replay.is_none() {
        let text = "disconnecting and writing the last export; quit again to leave now";
        model.notify(now, NoticeKind::Info, text);
    }
    vec![Effect::Request(MonitorRequest::Shutdown)]
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeepAliveStep {
    Down,
    Up,
}

fn step_keep_alive(model: &mut Model, live: &LiveState, now: Stamp, step: KeepAliveStep) -> Vec<Effect> {
    let in_force = live.snapshot.keep_alive_secs;
    let pending = model
        .keep_alive_request
        .filter(|request| request.from == in_force && now.since(request.at) < KEEP_ALIVE_REQUEST_TIMEOUT);
    let base = pending.map_or(in_force, |request| u32::from(request.secs));
    // 0 means off, which is longer than any step.
    let length = if base == 0 { u32::MAX } else { base };
    let secs = match step {
        KeepAliveStep::Down => KEEP_ALIVE_LADDER.iter().rev().find(|secs| u32::from(**secs) < length),
        KeepAliveStep::Up => KEEP_ALIVE_LADDER.iter().find(|secs| u32::from(**secs) > length),
    };
    let Some(secs) = secs else {
        let end = if step == KeepAliveStep::Down { "shortest" } else { "longest" };
        model.notify(now, NoticeKind::Info, format!("{end} keep-alive step; press K to type another value"));
        return Vec::new();
    };
    vec![request_keep_alive(model, live, now, *secs)]
}

fn request_keep_alive(model: &mut Model, live: &LiveState, now: Stamp, secs: u16) -> Effect {
    model.keep_alive_request = Some(KeepAliveRequest { secs, from: live.snapshot.keep_alive_secs, at: now });
    Effect::Request(MonitorRequest::SetKeepAlive(secs))
}

fn copy(model: &Model, live: &LiveState, now: Stamp) -> Effect {
    let LiveState { snapshot, verdict, .. } = model.displayed_state(live);
    let verdict = verdict.as_deref();
    let opened = model.detail.filter(|_| model.screen == Screen::Drops);
    let drop = opened.and_then(|detail| snapshot.drops.iter().find(|drop| drop.number == detail.number));
    Effect::Copy(drop.map_or_else(
        || {
            summary::run_summary(
                snapshot,
                verdict,
                snapshot.field_time(model.displayed_at(live.runtime.display_time(now))),
            )
        },
        |drop| summary::drop_summary(drop, verdict),
    ))
}

/// Closes the topmost thing: detail, filter, frozen view, scroll or selection.
fn close_topmost(model: &mut Model) {
    let closed = (model.screen == Screen::Drops && close_on_drops(model))
        || model.frozen.take().is_some()
        || !std::mem::take(&mut model.scroll).is_zero();
    if !closed {
        model.selected = None;
    }
}

fn close_on_drops(model: &mut Model) -> bool {
    model.detail.take().is_some() || !std::mem::take(&mut model.filter).is_empty()
}

/// Shows a screen. If it is already shown, its detail closes.
fn show(model: &mut Model, screen: Screen) {
    if model.screen == screen {
        model.detail = None;
    }
    model.screen = screen;
}

/// Shows the Device screen, if there is a device or a sent command.
fn show_device(model: &mut Model, live: &LiveState, now: Stamp) {
    if KeymapMode::from_state(live).device {
        show(model, Screen::Device);
    } else {
        let text = "no device is configured; see `dropscope config`";
        model.notify(now, NoticeKind::Info, text);
    }
}

fn switch_screen(model: &mut Model, live: &LiveState, forward: bool) {
    let is_available = |screen: &Screen| *screen != Screen::Device || KeymapMode::from_state(live).device;
    let screens: Vec<Screen> = Screen::ALL.into_iter().filter(is_available).collect();
    let index = screens.iter().position(|screen| *screen == model.screen).unwrap_or(0);
    let step = if forward { 1 } else { screens.len() - 1 };
    model.screen = screens[(index + step) % screens.len()];
}

fn freeze(model: &mut Model, live: &Arc<LiveState>, now: Stamp) {
    model.frozen = match model.frozen {
        Some(_) => None,
        None => Some(FrozenView { published: Arc::clone(live), at: live.runtime.display_time(now) }),
    };
}

fn zoom(model: &mut Model, live: &LiveState, closer: bool) {
    let zoom = model.zoom_for(&model.displayed_state(live).snapshot);
    let index = Zoom::ALL.iter().position(|known| *known == zoom).unwrap_or(0);
    let new_index = if closer { index.saturating_sub(1) } else { (index + 1).min(Zoom::ALL.len() - 1) };
    model.zoom = Some(Zoom::ALL[new_index]);
}

fn next<T: Copy + PartialEq>(all: &[T], current: T) -> T {
    let index = all.iter().position(|item| *item == current).unwrap_or(0);
    all[(index + 1) % all.len()]
}

fn move_horizontally(model: &mut Model, live: &LiveState, left: bool, now: Stamp) {
    if model.screen == Screen::Drops {
        if model.detail.is_some() {
            move_selection(model, live, if left { -1 } else { 1 });
            open(model, live);
        }
        return;
    }
    let snapshot = &model.displayed_state(live).snapshot;
    let step = model.zoom_for(snapshot).span() / SCROLL_DIVISOR;
    let now = model.displayed_at(live.runtime.display_time(now));
    let run = snapshot.field_time(now).since(snapshot.since);
    model.scroll = if left { (model.scroll + step).min(run) } else { model.scroll.saturating_sub(step) };
}

/// Opens the selected drop on the Drops screen.
fn open(model: &mut Model, live: &LiveState) {
    let listed = model.listed_drops(&model.displayed_state(live).snapshot);
    let Some(number) = listed.get(model.selected_row(&listed)).map(|drop| drop.number) else { return };
    model.selected = Some(number);
    model.detail = Some(DropDetailView { number, scroll: 0 });
    model.screen = Screen::Drops;
}

/// The rows that a paging key moves by; `isize::MIN` and `MAX` for the ends.
fn row_delta(model: &Model, action: Action) -> isize {
    let page = isize::try_from(model.scroll_limits.rows.saturating_sub(1).max(1)).unwrap_or(1);
    match action {
        Action::Up => -1,
        Action::Down => 1,
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => isize::MIN,
        _ => isize::MAX,
    }
}

/// Scrolls what receives the keys: the popup text, the detail, or the selection.
fn scroll_rows(model: &mut Model, live: &LiveState, rows: isize) {
    let max_scroll = model.scroll_limits.max_scroll;
    let detail = model.detail.as_mut().filter(|_| model.screen == Screen::Drops);
    match (&mut model.popup, detail) {
        (Some(Popup::Help { scroll } | Popup::Why { scroll } | Popup::Details { scroll }), _) => {
            *scroll = clamped_move(*scroll, rows, max_scroll);
        }
        (Some(_), _) => {}
        (None, _) if model.screen == Screen::Device => command::move_cursor(model, live, rows),
        (None, Some(detail)) => detail.scroll = clamped_move(detail.scroll, rows, max_scroll),
        (None, None) => move_selection(model, live, rows),
    }
}

fn clamped_move(from: usize, by: isize, max: usize) -> usize {
    from.min(max).saturating_add_signed(by).min(max)
}

/// Moves the selection in the list. The first row means "no selection", so that it follows the newest
/// drop.
fn move_selection(model: &mut Model, live: &LiveState, rows: isize) {
    let listed = model.listed_drops(&model.displayed_state(live).snapshot);
    let Some(last) = listed.len().checked_sub(1) else { return };
    let row = clamped_move(model.selected_row(&listed), rows, last);
    model.selected = (row > 0).then(|| listed[row].number);
}

fn click(model: &mut Model, target: Option<ClickTarget>, live: &LiveState) {
    match (target, &model.popup) {
        (Some(ClickTarget::Popup | ClickTarget::Timeline) | None, None)
        | (Some(ClickTarget::Popup), Some(_))
        | (_, Some(Popup::Input(_) | Popup::Palette { .. } | Popup::Command(_))) => {}
        // Every other popup closes.
        (_, Some(_)) => model.popup = None,
        (Some(ClickTarget::Screen(screen)), None) => show(model, screen),
        (Some(ClickTarget::Drop(number)), None) => {
            let listed = model.listed_drops(&model.displayed_state(live).snapshot);
            let selected = listed.get(model.selected_row(&listed)).map(|drop| drop.number);
            model.selected = Some(number);
            if selected == Some(number) {
                open(model, live);
            }
        }
    }
}

#[cfg(test)]
mod tests;
