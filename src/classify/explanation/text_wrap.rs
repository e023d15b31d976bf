//! Line breaks of sentences: one rule for every renderer.

use textwrap::{Options, WordSplitter};

/// How sentences are broken into lines: only at blanks, so that `keep-alive` stays whole. A no-break space is no
/// blank.
#[derive(Debug, Clone, Copy)]
pub struct TextWrap<'a> {
    columns: usize,
    hanging_indent: &'a str,
    breaks_words: bool,
}

impl<'a> TextWrap<'a> {
    /// Lines of at most `columns`; a longer word gets a line of its own.
    pub fn new(columns: usize) -> Self {
        Self { columns: columns.max(1), hanging_indent: "", breaks_words: false }
    }

    /// Puts `indent` before every line but the first; it counts as part of the width.
    #[must_use]
    pub fn hanging_indent(self, indent: &'a str) -> Self {
        Self { hanging_indent: indent, ..self }
    }

    /// Breaks words that are longer than a line.
    #[must_use]
    pub fn breaking_words(self) -> Self {
        Self { breaks_words: true, ..self }
    }

    /// The lines of a text, runs of blanks reduced to one; none for an empty text.
    pub fn lines(self, text: &str) -> Vec<String> {
        let is_blank = |sign: char| sign.is_whitespace() && sign != '\u{a0}';
        let words: Vec<&str> = text.split(is_blank).filter(|word| !word.is_empty()).collect();
        if words.is_empty() {
            return Vec::new();
        }
        let options = Options::new(self.columns)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(self.breaks_words)
            .subsequent_indent(self.hanging_indent);
        textwrap::wrap(&words.join(" "), options).into_iter().map(std::borrow::Cow::into_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_only() {
        assert_eq!(
            TextWrap::new(10).lines("a  keep-alive\nof 60\u{a0}s"),
            ["a", "keep-alive", "of 60\u{a0}s"]
        );
        assert_eq!(TextWrap::new(4).lines("abcdefgh i"), ["abcdefgh", "i"]);
        assert_eq!(TextWrap::new(3).breaking_words().lines("abcdefgh i"), ["abc", "def", "gh", "i"]);
        assert_eq!(TextWrap::new(6).hanging_indent("  ").lines("one two three"), ["one", "  two", "  three"]);
        assert!(TextWrap::new(5).lines(" ").is_empty());
    }
}
