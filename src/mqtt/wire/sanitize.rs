//! Text of the peer, made safe for our own sentences.

use crate::diagnostics::clean::quote;

/// Longest quotation, in characters.
const MAX_CHARS: usize = 160;

/// The text with control, bidirectional and invisible characters escaped, cut to one short line.
pub(in crate::mqtt) fn sanitize_text(text: &str) -> String {
    quote(text, MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_text_is_cut() {
        assert_eq!(sanitize_text(" bad\x1b[2Jthing\r\n"), "bad\\u{1b}[2Jthing");
        assert_eq!(sanitize_text("\u{202e}abc\u{fe0f}"), "\\u{202e}abc\\u{fe0f}");
        assert_eq!(sanitize_text("Zugriff verweigert – 拒否"), "Zugriff verweigert – 拒否");
        assert_eq!(sanitize_text(&"x".repeat(500)).chars().count(), MAX_CHARS + 1);
    }
}
