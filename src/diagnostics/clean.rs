//! Makes text from outside safe to print.
//!
//! Topics, broker reasons, host names and file names can hold control characters, terminal escape
//! sequences and invisible characters that reorder a line. None of them may reach a terminal.

use std::borrow::Cow;

/// Replaces a character that must not be printed.
const REPLACEMENT: char = '\u{fffd}';

/// `text` on one line, without control, bidirectional and invisible formatting characters.
///
/// Line breaks and tabs become spaces, everything else that is unsafe becomes U+FFFD. Removing ESC and
/// the C1 controls makes every escape sequence inert: what is left of one is shown as plain letters.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(printable).collect())
}

fn printable(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
        other if is_printable(other) => other,
        _ => REPLACEMENT,
    }
}

/// Whether a character shows as itself and moves, reorders, widens or hides nothing.
pub fn is_printable(character: char) -> bool {
    !(character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'))
}

/// `text` as a short quotation in a sentence of our own: unsafe characters are escaped (`\\u{1b}`), so that
/// they stay recognizable, and at most `max_chars` characters are kept.
pub fn quote(text: &str, max_chars: usize) -> String {
    let mut quoted = String::new();
    for (index, character) in text.trim().chars().enumerate() {
        if index == max_chars {
            quoted.push('…');
            break;
        }
        if is_printable(character) {
            quoted.push(character);
        } else {
            quoted.extend(character.escape_unicode());
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_borrowed_unchanged() {
        for text in ["", "home/heater/status", "température 21 °C", "日本語 ✓"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn terminal_control_sequences_are_replaced() {
        assert_eq!(clean("a\x1b[31mred\x1b[0m"), "a\u{fffd}[31mred\u{fffd}[0m");
        assert_eq!(clean("\x1b]0;title\x07x"), "\u{fffd}]0;title\u{fffd}x");
        assert_eq!(clean("\u{9b}2J"), "\u{fffd}2J");
        assert_eq!(clean("one\ntwo\tthree\r"), "one two three ");
        assert_eq!(clean("\0\x7f"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn characters_that_reorder_or_hide_text_are_replaced() {
        for hidden in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{200f}', '\u{feff}', '\u{e0041}', '\u{61c}'] {
            let text = format!("a{hidden}b");
            assert_eq!(clean(&text), "a\u{fffd}b", "{}", hidden.escape_unicode());
        }
    }

    #[test]
    fn a_quotation_escapes_exactly_what_cleaning_replaces() {
        assert_eq!(quote(" bad\x1b[2Jthing\r\n", 160), "bad\\u{1b}[2Jthing");
        assert_eq!(quote("Zugriff verweigert – 拒否", 160), "Zugriff verweigert – 拒否");
        assert_eq!(quote(&"x".repeat(500), 160).chars().count(), 161);
        for character in ('\0'..=char::MAX).filter(|character| !character.is_whitespace()) {
            let text = character.to_string();
            let is_safe = clean(&text) == text;
            assert_eq!(quote(&text, 160) == text, is_safe, "{}", character.escape_unicode());
            assert!(quote(&text, 160).chars().all(is_printable), "{}", character.escape_unicode());
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        let once = clean("x\x1b\u{202e}\ny").into_owned();
        assert!(matches!(clean(&once), Cow::Borrowed(_)));
    }
}
