//! What does this terminal event ask for? Keys, pastes and the mouse, put into one vocabulary.

use std::sync::Arc;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::keymap::{Action, Key, Keymap, Mode};
use super::model::{Model, Target};
use super::view::ViewState;

/// One thing the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A key of the keymap.
    Act(Action),
    /// The key of a command of the device.
    Run(Arc<str>),
    /// Editing of the typed line.
    Edit(Edit),
    /// A click on something drawn, or on nothing.
    Click(Option<Target>),
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
    /// Cursor one back.
    Left,
    /// Cursor one on.
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
    /// Take the text.
    Submit,
    /// Forget the text.
    Cancel,
}

/// Rows per step of the wheel.
const WHEEL_ROWS: isize = 3;

/// Translates an event in the light of what is on the screen; `None` = it means nothing here.
pub fn message(
    event: &Event,
    model: &Model,
    mode: Mode,
    keymap: &Keymap,
    state: &ViewState,
) -> Option<Message> {
    let typing = model.types();
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) if typing => typed(key, model, keymap),
        Event::Key(key) => {
            let action = keymap.action(key, model.screen, mode).map(Message::Act);
            let is_free = model.popup.is_none() && !mode.replay;
            action.or_else(|| keymap.command(key, model.screen).filter(|_| is_free).map(Message::Run))
        }
        Event::Paste(text) if typing => Some(Message::Edit(Edit::Insert(text.clone()))),
        Event::Mouse(mouse) => pointed(*mouse, model, state),
        _ => None,
    }
}

fn typed(key: &KeyEvent, model: &Model, keymap: &Keymap) -> Option<Message> {
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
        _ => return chord(key, model, keymap),
    };
    Some(Message::Edit(edit))
}

/// While typing, only leaving and suspending keep their Ctrl keys.
fn chord(key: &KeyEvent, model: &Model, keymap: &Keymap) -> Option<Message> {
    let action = keymap.action(key, model.screen, Mode::LIVE)?;
    matches!(action, Action::Quit | Action::Suspend).then_some(Message::Act(action))
}

fn pointed(mouse: MouseEvent, model: &Model, state: &ViewState) -> Option<Message> {
    let target = state.target_at(mouse.column, mouse.row);
    let over_timeline = target == Some(Target::Timeline) && model.popup.is_none();
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Message::Click(target)),
        MouseEventKind::ScrollUp if over_timeline => Some(Message::Act(Action::ZoomIn)),
        MouseEventKind::ScrollDown if over_timeline => Some(Message::Act(Action::ZoomOut)),
        MouseEventKind::ScrollUp => Some(Message::Wheel(-WHEEL_ROWS)),
        MouseEventKind::ScrollDown => Some(Message::Wheel(WHEEL_ROWS)),
        MouseEventKind::ScrollLeft if over_timeline => Some(Message::Act(Action::Left)),
        MouseEventKind::ScrollRight if over_timeline => Some(Message::Act(Action::Right)),
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
        let popup = Popup::Input(InputPopup { purpose, line, error: None, before: String::new() });
        Model { popup: Some(popup), ..Model::default() }
    }

    fn told(event: &Event, model: &Model) -> Option<Message> {
        let areas = vec![
            (Rect::new(0, 0, 80, 24), Target::Timeline),
            (Rect::new(0, 10, 80, 1), Target::Drop(7)),
            (Rect::new(10, 0, 8, 1), Target::Screen(Screen::Drops)),
        ];
        message(event, model, Mode::LIVE, &Keymap::default(), &ViewState { areas, ..ViewState::default() })
    }

    fn key(code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent { code, modifiers, kind, state: KeyEventState::NONE })
    }

    #[test]
    fn letters_are_text_while_typing_and_keys_otherwise() {
        let q = key(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Press);
        assert_eq!(told(&q, &Model::default()), Some(Message::Act(Action::Quit)));
        assert_eq!(told(&q, &typing()), Some(Message::Edit(Edit::Insert("q".to_owned()))));
        let capital = key(KeyCode::Char('Q'), KeyModifiers::SHIFT, KeyEventKind::Press);
        assert_eq!(told(&capital, &typing()), Some(Message::Edit(Edit::Insert("Q".to_owned()))));
    }

    #[test]
    fn control_keys_type_nothing() {
        let press = |code| key(KeyCode::Char(code), KeyModifiers::CONTROL, KeyEventKind::Press);
        assert_eq!(told(&press('c'), &typing()), Some(Message::Act(Action::Quit)));
        assert_eq!(told(&press('u'), &typing()), Some(Message::Edit(Edit::Clear)));
        assert_eq!(told(&press('d'), &typing()), None, "a paging key elsewhere");
        assert_eq!(told(&press('x'), &typing()), None);
    }

    #[test]
    fn releases_type_nothing_and_repeats_do() {
        let held = |kind| key(KeyCode::Backspace, KeyModifiers::NONE, kind);
        assert_eq!(told(&held(KeyEventKind::Release), &typing()), None);
        assert_eq!(told(&held(KeyEventKind::Repeat), &typing()), Some(Message::Edit(Edit::Backspace)));
    }

    #[test]
    fn a_paste_is_text_only_where_text_is_asked_for() {
        let paste = Event::Paste("q".to_owned());
        assert_eq!(told(&paste, &typing()), Some(Message::Edit(Edit::Insert("q".to_owned()))));
        assert_eq!(told(&paste, &Model::default()), None, "it must not quit");
    }

    #[test]
    fn the_mouse_hits_the_topmost_thing_drawn() {
        let at =
            |kind, column, row| Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
        let (down, wheel) = (MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollDown);
        let cases = [
            (at(down, 12, 0), Some(Message::Click(Some(Target::Screen(Screen::Drops))))),
            (at(down, 12, 10), Some(Message::Click(Some(Target::Drop(7))))),
            (at(down, 90, 10), Some(Message::Click(None))),
            (at(wheel, 12, 10), Some(Message::Wheel(3))),
            (at(wheel, 12, 5), Some(Message::Act(Action::ZoomOut))),
            (at(MouseEventKind::ScrollUp, 12, 5), Some(Message::Act(Action::ZoomIn))),
            (at(MouseEventKind::Moved, 12, 5), None),
            (at(MouseEventKind::Up(MouseButton::Left), 12, 10), None),
        ];
        for (event, expected) in cases {
            assert_eq!(told(&event, &Model::default()), expected, "{event:?}");
        }
        let help = Model { popup: Some(Popup::Help { scroll: 0 }), ..Model::default() };
        assert_eq!(told(&at(wheel, 12, 5), &help), Some(Message::Wheel(3)), "the popup has the wheel");
    }
}
