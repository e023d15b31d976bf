//! Text of the peer, made safe for our own sentences.

/// Longest quotation, in characters.
const MAX_CHARS: usize = 160;

/// The text with control, bidirectional and invisible characters escaped, cut to one short line.
pub(in crate::mqtt) fn sanitize_text(text: &str) -> String {
    let mut sanitized = String::new();
    for (index, letter) in text.trim().chars().enumerate() {
        if index == MAX_CHARS {
            sanitized.push('…');
            break;
        }
        if is_hidden(letter) { sanitized.extend(letter.escape_unicode()) } else { sanitized.push(letter) }
    }
    sanitized
}

fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_text_is_cut() {
        assert_eq!(sanitize_text(" bad\x1b[2Jthing\r\n"), "bad\\u{1b}[2Jthing");
        assert_eq!(sanitize_text("\u{202e}abc"), "\\u{202e}abc");
        assert_eq!(sanitize_text("Zugriff verweigert – 拒否"), "Zugriff verweigert – 拒否");
        assert_eq!(sanitize_text(&"x".repeat(500)).chars().count(), MAX_CHARS + 1);
    }
}
