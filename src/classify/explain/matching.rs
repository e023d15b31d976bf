//! Finds a known wording in a text.

use std::ops::Range;

/// Bytes that a `*` may skip at most.
const MAX_GAP_BYTES: usize = 160;

/// Words that a `*` may skip at most.
const MAX_GAP_WORDS: usize = 4;

/// Characters that may separate a context from its number.
const MAX_SEPARATORS: usize = 6;

/// A wording: literal pieces with up to four words between them.
#[derive(Debug)]
pub(super) struct WordingPattern {
    pieces: Vec<String>,
    /// Letters and digits: how specific it is.
    pub(super) letters: u32,
}

/// Position of a match, in bytes of the normalized text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MatchSpan {
    /// From the first piece to the last.
    pub(super) whole: Range<usize>,
    /// Ranges of the wildcards.
    pub(super) gaps: Vec<Range<usize>>,
}

/// Lower case, one blank between words, one spelling, no unprintable characters.
pub(super) fn normalize_text(text: &str) -> String {
    let lower: String = text
        .chars()
        .map(|character| match character {
            '\u{2019}' | '\u{2018}' => '\'',
            other if other.is_control() => ' ',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ").replace("authoris", "authoriz")
}

/// Whether a character continues a word.
pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl WordingPattern {
    /// Parses a pattern of the data files.
    pub(super) fn new(text: &str) -> Self {
        let pieces: Vec<String> = text
            .split('*')
            .map(|piece| normalize_text(piece).trim().to_owned())
            .filter(|piece| !piece.is_empty())
            .collect();
        let letters = pieces.iter().flat_map(|piece| piece.chars()).filter(|c| c.is_alphanumeric()).count();
        Self { pieces, letters: u32::try_from(letters).unwrap_or(u32::MAX) }
    }

    /// Whether the wildcards match client ids and addresses, which must not be searched.
    pub(super) fn gaps_are_names(&self) -> bool {
        let is_about_a_client = |piece: &String| piece == "client" || piece == "new client connected from";
        self.pieces.len() > 1 && self.pieces.first().is_some_and(is_about_a_client)
    }

    /// What every text that matches contains; a character that no normalized text contains if the wording is empty.
    pub(super) fn first_piece(&self) -> &str {
        self.pieces.first().map_or("\u{0}", String::as_str)
    }

    /// The first match.
    pub(super) fn find(&self, text: &str) -> Option<MatchSpan> {
        self.find_all(text).next()
    }

    /// All matches.
    pub(super) fn find_all<'a>(&'a self, text: &'a str) -> impl Iterator<Item = MatchSpan> + 'a {
        let first = self.first_piece();
        find_whole_words(text, first, 0)
            .filter_map(move |start| self.match_from(text, start, start + first.len()))
    }

    fn match_from(&self, text: &str, start: usize, mut end: usize) -> Option<MatchSpan> {
        let mut gaps = Vec::new();
        for piece in self.pieces.iter().skip(1) {
            let next =
                find_whole_words(text, piece, end).next().filter(|next| next - end <= MAX_GAP_BYTES)?;
            if text.get(end..next)?.split_whitespace().count() > MAX_GAP_WORDS {
                return None;
            }
            gaps.push(end..next);
            end = next + piece.len();
        }
        Some(MatchSpan { whole: start..end, gaps })
    }
}

/// Starts of `piece` in `text` from `from` on, where it is not part of a longer word.
fn find_whole_words<'a>(text: &'a str, piece: &'a str, from: usize) -> impl Iterator<Item = usize> + 'a {
    let starts_word = piece.chars().next().is_some_and(is_word);
    let ends_word = piece.chars().next_back().is_some_and(is_word);
    let rest = text.get(from..).unwrap_or_default();
    rest.match_indices(piece).map(move |(start, _)| from + start).filter(move |start| {
        let before = text.get(..*start).and_then(|text| text.chars().next_back());
        let after = text.get(start + piece.len()..).and_then(|text| text.chars().next());
        !(starts_word && before.is_some_and(is_word) || ends_word && after.is_some_and(is_word))
    })
}

/// A number in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    /// Its value.
    pub(super) value: i64,
    /// Whether it is written 0x….
    pub(super) is_hex: bool,
    /// Its end, in bytes.
    pub(super) end: usize,
}

/// The number after position `from`, with only brackets, quotes and the like between.
pub(super) fn number_after(text: &str, from: usize) -> Option<Number> {
    let rest = text.get(from..)?;
    let skipped: usize = rest
        .chars()
        .take(MAX_SEPARATORS)
        .take_while(|c| matches!(c, ' ' | '=' | ':' | '(' | '[' | '{' | '\'' | '"' | '`' | '#' | '<' | ','))
        .map(char::len_utf8)
        .sum();
    number_at(text, from + skipped)
}

/// The number at this position, up to the end of the word.
pub(super) fn number_at(text: &str, start: usize) -> Option<Number> {
    let rest = text.get(start..)?;
    let (sign, digits) = rest.strip_prefix('-').map_or((1, rest), |digits| (-1, digits));
    let (radix, digits) = digits.strip_prefix("0x").map_or((10, digits), |digits| (16, digits));
    let length = digits.find(|c: char| !c.is_ascii_hexdigit() || radix == 10 && !c.is_ascii_digit());
    let (number, after_number) = digits.split_at(length.unwrap_or(digits.len()));
    let mut next = after_number.chars();
    let is_longer = match next.next() {
        Some(c) if is_word(c) => true,
        // A version, an address, a time of day: 1.2, 10:42
        Some('.' | ':') => next.next().is_some_and(|c| c.is_ascii_digit()),
        _ => false,
    };
    if is_longer {
        return None;
    }
    let value = i64::from_str_radix(number, radix).ok()? * sign;
    Some(Number { value, is_hex: radix == 16, end: text.len() - after_number.len() })
}
