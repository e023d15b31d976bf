//! The typed line: opening, editing, accepting and canceling it.

use std::sync::Arc;

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest};

use super::super::keymap::Action;
use super::super::message::Edit;
use super::super::model::{InputPopup, InputPurpose, Model, Popup, Screen};
use super::super::text::LineEdit;
use super::{Effect, request_keep_alive};

/// Opens the input line of an action.
pub(super) fn open(model: &mut Model, action: Action) {
    let (purpose, text) = match action {
        Action::KeepAliveType => (InputPurpose::KeepAlive, ""),
        Action::Filter if model.screen == Screen::Drops => (InputPurpose::Filter, model.filter.as_str()),
        Action::Note => (InputPurpose::Note, ""),
        _ => return,
    };
    let (line, previous) = (LineEdit::new(text), text.to_owned());
    if purpose == InputPurpose::Filter {
        model.detail = None;
    }
    model.popup = Some(Popup::Input(InputPopup { purpose, line, error: None, previous }));
}

/// One step of editing.
pub(super) fn edit(model: &mut Model, edit: Edit, live: &Arc<LiveState>, now: Stamp) -> Vec<Effect> {
    let Some(Popup::Input(input)) = &mut model.popup else {
        return super::command::edit(model, edit, live, now);
    };
    match edit {
        Edit::Submit => return submit(model, live, now),
        Edit::Cancel => {
            let previous = std::mem::take(&mut input.previous);
            if input.purpose == InputPurpose::Filter {
                model.filter = previous;
            }
            model.popup = None;
            return Vec::new();
        }
        other => input.line.apply(other),
    }
    input.error = None;
    if input.purpose == InputPurpose::Filter {
        input.line.text().trim().clone_into(&mut model.filter);
    }
    Vec::new()
}

fn submit(model: &mut Model, live: &LiveState, now: Stamp) -> Vec<Effect> {
    let Some(Popup::Input(input)) = &mut model.popup else { return Vec::new() };
    let effect = match input.purpose {
        InputPurpose::Filter => None,
        InputPurpose::Note => match input.line.text().trim() {
            "" => {
                input.error = Some("type a text, or press Esc to cancel".to_owned());
                return Vec::new();
            }
            text => Some(Effect::Request(MonitorRequest::Note(text.to_owned()))),
        },
        InputPurpose::KeepAlive => match parse_keep_alive(input.line.text()) {
            Ok(secs) => Some(request_keep_alive(model, live, now, secs)),
            Err(error) => {
                input.error = Some(error);
                return Vec::new();
            }
        },
    };
    model.popup = None;
    effect.into_iter().collect()
}

/// Reads `60`, `60 s` or `60s`.
fn parse_keep_alive(text: &str) -> Result<u16, String> {
    let number = text.trim().trim_end_matches(['s', 'S']).trim_end();
    number.parse().map_err(|_| format!("type a whole number of seconds from 0 (off) to {}", u16::MAX))
}
