//! Translation of terminal events (keys, paste, mouse) into [`UiMessage`]s.

use std::sync::Arc;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::keymap::{Action, Key, Keymap, KeymapMode};
use super::model::{ClickTarget, Model};
use super::view::ViewState;

/// One user input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UiMessage {
    /// A key of the keymap.
    Action(Action),
    /// The key of a command of the device.
    Command(Arc<str>),
    /// Editing of the typed line.
    Edit(Edit),
    /// A click, and the thing it hit.
    Click(Option<ClickTarget>),
    /// The wheel: rows down (negative: up).
    Wheel(isize),
}

/// One step of editing a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Typed or pasted.
    Insert(String),
    /// Remove the character before the cursor.
    Backspace,
    /// Remove the character under the cursor.
    Delete,
    /// Cursor one character left.
    Left,
    /// Cursor one character right.
    Right,
    /// Cursor to the beginning.
    Home,
    /// Cursor to the end.
    End,
    /// One row up in the list below the line.
    Up,
    /// One row down in the list below the line.
    Down,
    /// Remove everything.
    Clear,
    /// Accept the text.
    Submit,
    /// Discard the text.
    Cancel,
}

/// Rows per step of the wheel.
const WHEEL_ROWS: isize = 3;

/// Translates an event, given the open screen and popup; `None` = the event has no meaning there.
pub fn translate_event(
    event: &Event,
    model: &Model,
    mode: KeymapMode,
    keymap: &Keymap,
    state: &ViewState,
) -> Option<UiMessage> {
    let typing = model.is_typing();
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) if typing => translate_typing(key, model, keymap),
        Event::Key(key) => {
            let action = keymap.action(key, model.screen, mode).map(UiMessage::Action);
            let is_free = model.popup.is_none() && !mode.replay;
            action.or_else(|| keymap.command(key, model.screen).filter(|_| is_free).map(UiMessage::Command))
        }
        Event::Paste(text) if typing => Some(UiMessage::Edit(Edit::Insert(text.clone()))),
        Event::Mouse(mouse) => translate_mouse(*mouse, model, state),
        _ => None,
    }
}

fn translate_typing(key: &KeyEvent, model: &Model, keymap: &Keymap) -> Option<UiMessage> {
    let edit = match (key.code, key.modifiers.contains(KeyModifiers::CONTROL)) {
        (KeyCode::Enter, _) => Edit::Submit,
        (KeyCode::Esc, _) => Edit::Cancel,
        (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => Edit::Backspace,
        (KeyCode::Delete, _) => Edit::Delete,
        (KeyCode::Up, _) => Edit::Up,
        (KeyCode::Down, _) => Edit::Down,
        (KeyCode::Left, _) => Edit::Left,
        (KeyCode::Right, _) => Edit::Right,
        (KeyCode::Home, _) | (KeyCode::Char('a'), true) => Edit::Home,
        (KeyCode::End, _) | (KeyCode::Char('e'), true) => Edit::End,
        (KeyCode::Char('u'), true) => Edit::Clear,
        (KeyCode::Char(c), _) if !Key::from(*key).is_chord() => Edit::Insert(c.to_string()),
        _ => return translate_chord(key, model, keymap),
    };
    Some(UiMessage::Edit(edit))
}

/// While typing, only quit and suspend keep their Ctrl keys.
fn translate_chord(key: &KeyEvent, model: &Model, keymap: &Keymap) -> Option<UiMessage> {
    let action = keymap.action(key, model.screen, KeymapMode::LIVE)?;
    matches!(action, Action::Quit | Action::Suspend).then_some(UiMessage::Action(action))
}

fn translate_mouse(mouse: MouseEvent, model: &Model, state: &ViewState) -> Option<UiMessage> {
    let target = state.target_at(mouse.column, mouse.row);
    let over_timeline = target == Some(ClickTarget::Timeline) && model.popup.is_none();
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(UiMessage::Click(target)),
        MouseEventKind::ScrollUp if over_timeline => Some(UiMessage::Action(Action::ZoomIn)),
        MouseEventKind::ScrollDown if over_timeline => Some(UiMessage::Action(Action::ZoomOut)),
        MouseEventKind::ScrollUp => Some(UiMessage::Wheel(-WHEEL_ROWS)),
        MouseEventKind::ScrollDown => Some(UiMessage::Wheel(WHEEL_ROWS)),
        MouseEventKind::ScrollLeft if over_timeline => Some(UiMessage::Action(Action::Left)),
        MouseEventKind::ScrollRight if over_timeline => Some(UiMessage::Action(Action::Right)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyEventState;
    use ratatui::layout::Rect;

    use super::*;
    use crate::tui::model::{InputPopup, InputPurpose, Popup, Screen};
    use crate::tui::text::LineEdit;

    fn typing() -> Model {
        let (purpose, line) = (InputPurpose::Note, LineEdit::default());
        let popup = Popup::Input(InputPopup { purpose, line, error: None, previous: String::new() });
        Model { popup: Some(popup), ..Model::default() }
    }

    fn translate(event: &Event, model: &Model) -> Option<UiMessage> {
        let areas = vec![
            (Rect::new(0, 0, 80, 24), ClickTarget::Timeline),
            (Rect::new(0, 10, 80, 1), ClickTarget::Drop(7)),
            (Rect::new(10, 0, 8, 1), ClickTarget::Screen(Screen::Drops)),
        ];
        translate_event(
            event,
            model,
            KeymapMode::LIVE,
            &Keymap::default(),
            &ViewState { areas, ..ViewState::default() },
        )
    }

    fn key(code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent { code, modifiers, kind, state: KeyEventState::NONE })
    }

    #[test]
    fn letters_are_text_while_typing_and_keys_otherwise() {
        let q = key(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Press);
        assert_eq!(translate(&q, &Model::default()), Some(UiMessage::Action(Action::Quit)));
        assert_eq!(translate(&q, &typing()), Some(UiMessage::Edit(Edit::Insert("q".to_owned()))));
        let capital = key(KeyCode::Char('Q'), KeyModifiers::SHIFT, KeyEventKind::Press);
        assert_eq!(translate(&capital, &typing()), Some(UiMessage::Edit(Edit::Insert("Q".to_owned()))));
    }

    #[test]
    fn control_keys_insert_no_text() {
        let press = |code| key(KeyCode::Char(code), KeyModifiers::CONTROL, KeyEventKind::Press);
        assert_eq!(translate(&press('c'), &typing()), Some(UiMessage::Action(Action::Quit)));
        assert_eq!(translate(&press('u'), &typing()), Some(UiMessage::Edit(Edit::Clear)));
        assert_eq!(translate(&press('d'), &typing()), None, "a paging key elsewhere");
        assert_eq!(translate(&press('x'), &typing()), None);
    }

    #[test]
    fn key_releases_are_ignored_and_repeats_count() {
        let backspace = |kind| key(KeyCode::Backspace, KeyModifiers::NONE, kind);
        assert_eq!(translate(&backspace(KeyEventKind::Release), &typing()), None);
        assert_eq!(
            translate(&backspace(KeyEventKind::Repeat), &typing()),
            Some(UiMessage::Edit(Edit::Backspace))
        );
    }

    #[test]
    fn paste_is_ignored_outside_text_input() {
        let paste = Event::Paste("q".to_owned());
        assert_eq!(translate(&paste, &typing()), Some(UiMessage::Edit(Edit::Insert("q".to_owned()))));
        assert_eq!(translate(&paste, &Model::default()), None, "it must not quit");
    }

    #[test]
    fn mouse_hits_the_topmost_area() {
        let at =
            |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
        let (down, wheel) = (MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollDown);
        let cases = [
            (at(down, 12, 0), Some(UiMessage::Click(Some(ClickTarget::Screen(Screen::Drops))))),
            (at(down, 12, 10), Some(UiMessage::Click(Some(ClickTarget::Drop(7))))),
            (at(down, 90, 10), Some(UiMessage::Click(None))),
            (at(wheel, 12, 10), Some(UiMessage::Wheel(3))),
            (at(wheel, 12, 5), Some(UiMessage::Action(Action::ZoomOut))),
            (at(MouseEventKind::ScrollUp, 12, 5), Some(UiMessage::Action(Action::ZoomIn))),
            (at(MouseEventKind::Moved, 12, 5), None),
            (at(MouseEventKind::Up(MouseButton::Left), 12, 10), None),
        ];
        for (event, expected) in cases {
            assert_eq!(translate(&event, &Model::default()), expected, "{event:?}");
        }
        let help = Model { popup: Some(Popup::Help { scroll: 0 }), ..Model::default() };
        assert_eq!(
            translate(&at(wheel, 12, 5), &help),
            Some(UiMessage::Wheel(3)),
            "the popup receives the wheel"
        );
    }
}
