//! A password prompt on the terminal without echo.

use std::io::{self, Write as _};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// Longest password in bytes. The buffer is allocated at once, so that no reallocation leaves a copy in memory.
const MAX_PASSWORD_BYTES: usize = 1024;

/// State of the prompt after a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PromptState {
    Editing,
    Submitted,
    Canceled,
}

/// Prompts for a password on the terminal without echo. Enter submits; Ctrl-C, Ctrl-D and Esc give `None`.
///
/// # Errors
/// When there is no terminal.
pub fn ask_secret(question: &str) -> io::Result<Option<SecretString>> {
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let answer = RawModeGuard::enter().and_then(|_raw| read_line());
    writeln!(out)?;
    answer
}

/// Raw mode of the terminal (no echo, no line editing) until dropped.
struct RawModeGuard;

impl RawModeGuard {
    fn enter() -> io::Result<Self> {
        enable_raw_mode().map(|()| Self)
    }
}

impl Drop for RawModeGuard {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

fn read_line() -> io::Result<Option<SecretString>> {
    let mut typed = Zeroizing::new(String::with_capacity(MAX_PASSWORD_BYTES));
    loop {
        let Event::Key(key) = read()? else { continue };
        match apply_key(&mut typed, key) {
            PromptState::Editing => {}
            PromptState::Submitted => return Ok(Some(SecretString::from(typed.as_str()))),
            PromptState::Canceled => return Ok(None),
        }
    }
}

fn apply_key(typed: &mut String, key: KeyEvent) -> PromptState {
    if key.kind == KeyEventKind::Release {
        return PromptState::Editing;
    }
    let is_control =
        key.modifiers.contains(KeyModifiers::CONTROL) && !key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Enter => return PromptState::Submitted,
        KeyCode::Esc => return PromptState::Canceled,
        KeyCode::Char('c' | 'd') if is_control => return PromptState::Canceled,
        KeyCode::Char('j' | 'm') if is_control => return PromptState::Submitted,
        KeyCode::Char('u') if is_control => typed.clear(),
        KeyCode::Backspace => {
            typed.pop();
        }
        KeyCode::Char(letter) if !is_control && typed.len() + letter.len_utf8() <= MAX_PASSWORD_BYTES => {
            typed.push(letter);
        }
        _ => {}
    }
    PromptState::Editing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_typed_corrected_and_submitted() {
        let mut typed = String::new();
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for letter in "wrong".chars() {
            apply_key(&mut typed, plain(KeyCode::Char(letter)));
        }
        apply_key(&mut typed, control('u'));
        assert_eq!(typed, "");
        for letter in "pä§x".chars() {
            apply_key(&mut typed, plain(KeyCode::Char(letter)));
        }
        apply_key(&mut typed, plain(KeyCode::Backspace));
        apply_key(&mut typed, plain(KeyCode::Left));
        apply_key(&mut typed, control('a'));
        let mut release = plain(KeyCode::Char('z'));
        release.kind = KeyEventKind::Release;
        apply_key(&mut typed, release);
        assert_eq!(typed, "pä§");
        // On some keyboards @ is Ctrl+Alt+q.
        let alt_graph = KeyModifiers::CONTROL | KeyModifiers::ALT;
        apply_key(&mut typed, KeyEvent::new(KeyCode::Char('@'), alt_graph));
        assert_eq!(typed, "pä§@");
        assert_eq!(apply_key(&mut typed, plain(KeyCode::Enter)), PromptState::Submitted);
        for cancel_key in [control('c'), control('d'), plain(KeyCode::Esc)] {
            assert_eq!(apply_key(&mut typed, cancel_key), PromptState::Canceled);
        }
        for _ in 0..2 * MAX_PASSWORD_BYTES {
            apply_key(&mut typed, plain(KeyCode::Char('ä')));
        }
        assert!(typed.len() <= MAX_PASSWORD_BYTES);
    }
}
