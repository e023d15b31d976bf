//! Which fault of the simulation is to strike? Choosing it from the list.

use crate::diagnostics::Stamp;
use crate::monitor::{NoticeKind, Published, Request};

use super::super::keymap::Action;
use super::super::model::{Model, Popup};
use super::{Effect, moved, rows_of};

/// Opens the list, where there is one.
pub(super) fn open(model: &mut Model, live: &Published, now: Stamp) {
    match &live.runtime.simulation {
        Some(simulation) if !simulation.menu.is_empty() => model.popup = Some(Popup::Inject { selected: 0 }),
        _ => {
            let text = "only a simulation takes faults by key: dropscope demo";
            model.notify(now, NoticeKind::Info, text);
        }
    }
}

/// What a key does while the list is open.
pub(super) fn act(model: &mut Model, action: Action, live: &Published) -> Vec<Effect> {
    let Some(Popup::Inject { selected }) = model.popup else { return Vec::new() };
    let faults = live.runtime.simulation.as_ref().map_or(0, |simulation| simulation.menu.len());
    match action {
        Action::Open => {
            model.popup = None;
            return vec![Effect::Request(Request::Inject(selected))];
        }
        Action::Close | Action::Inject => model.popup = None,
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            let selected = moved(selected, rows_of(model, action), faults.saturating_sub(1));
            model.popup = Some(Popup::Inject { selected });
        }
        _ => {}
    }
    Vec::new()
}
