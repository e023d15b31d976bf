//! What does this terminal event ask for? Keys, pastes and the mouse, put into one vocabulary.

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::keymap::{Action, Key, Keymap};
use super::model::{Model, Popup, Target};
use super::view::ViewState;

/// One thing the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A key of the keymap.
    Act(Action),
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
pub fn message(event: &Event, model: &Model, keymap: &Keymap, state: &ViewState) -> Option<Message> {
    let typing = matches!(model.popup, Some(Popup::Input(_)));
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => None,
        Event::Key(key) if typing => typed(key, model, keymap),
        Event::Key(key) => keymap.action(key, model.screen).map(Message::Act),
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
    let action = keymap.action(key, model.screen)?;
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
