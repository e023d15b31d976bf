//! How is a password typed so that nobody reads it over a shoulder?

use std::io::{self, Write as _};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, read};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

/// Longest password taken, in bytes; room for it is made at once, so that growing leaves no copies behind.
const LONGEST: usize = 1024;

/// What a key does to the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Typed {
    GoesOn,
    Done,
    Cancelled,
}

/// Asks on the terminal, without showing what is typed. Enter ends; Ctrl-C, Ctrl-D and Esc give `None`.
///
/// # Errors
/// When there is no terminal to ask on.
pub fn ask_secret(question: &str) -> io::Result<Option<SecretString>> {
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let answer = Raw::enter().and_then(|_raw| line());
    writeln!(out)?;
    answer
}

/// The terminal neither shows nor interprets what is typed, until dropped.
struct Raw;

impl Raw {
    fn enter() -> io::Result<Self> {
        enable_raw_mode().map(|()| Self)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = disable_raw_mode();
    }
}

fn line() -> io::Result<Option<SecretString>> {
    let mut typed = Zeroizing::new(String::with_capacity(LONGEST));
    loop {
        let Event::Key(key) = read()? else { continue };
        match take(&mut typed, key) {
            Typed::GoesOn => {}
            Typed::Done => return Ok(Some(SecretString::from(typed.as_str()))),
            Typed::Cancelled => return Ok(None),
        }
    }
}

fn take(typed: &mut String, key: KeyEvent) -> Typed {
    if key.kind == KeyEventKind::Release {
        return Typed::GoesOn;
    }
    let is_control =
        key.modifiers.contains(KeyModifiers::CONTROL) && !key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Enter => return Typed::Done,
        KeyCode::Esc => return Typed::Cancelled,
        KeyCode::Char('c' | 'd') if is_control => return Typed::Cancelled,
        KeyCode::Char('j' | 'm') if is_control => return Typed::Done,
        KeyCode::Char('u') if is_control => typed.clear(),
        KeyCode::Backspace => {
            typed.pop();
        }
        KeyCode::Char(letter) if !is_control && typed.len() + letter.len_utf8() <= LONGEST => {
            typed.push(letter);
        }
        _ => {}
    }
    Typed::GoesOn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_corrected_and_ended() {
        let mut typed = String::new();
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        for letter in "wrong".chars() {
            take(&mut typed, plain(KeyCode::Char(letter)));
        }
        take(&mut typed, control('u'));
        assert_eq!(typed, "");
        for letter in "pä§x".chars() {
            take(&mut typed, plain(KeyCode::Char(letter)));
        }
        take(&mut typed, plain(KeyCode::Backspace));
        take(&mut typed, plain(KeyCode::Left));
        take(&mut typed, control('a'));
        let mut release = plain(KeyCode::Char('z'));
        release.kind = KeyEventKind::Release;
        take(&mut typed, release);
        assert_eq!(typed, "pä§");
        // On some keyboards @ is Ctrl+Alt+q.
        let alt_graph = KeyModifiers::CONTROL | KeyModifiers::ALT;
        take(&mut typed, KeyEvent::new(KeyCode::Char('@'), alt_graph));
        assert_eq!(typed, "pä§@");
        assert_eq!(take(&mut typed, plain(KeyCode::Enter)), Typed::Done);
        for cancels in [control('c'), control('d'), plain(KeyCode::Esc)] {
            assert_eq!(take(&mut typed, cancels), Typed::Cancelled);
        }
        for _ in 0..2 * LONGEST {
            take(&mut typed, plain(KeyCode::Char('ä')));
        }
        assert!(typed.len() <= LONGEST);
    }
}
