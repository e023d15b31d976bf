//! Text from outside: sanitizing, truncating by display width, and the editor of one line.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::diagnostics::clean::is_printable;

use super::message::Edit;

/// The display width of a text in columns.
pub fn width(text: &str) -> usize {
    text.width()
}

/// Truncates sanitized text to at most `max` columns; truncated text ends with `ellipsis` (one column wide).
pub fn truncate<'a>(text: &'a str, max: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let available = max.saturating_sub(width(ellipsis));
    let mut used = 0;
    let mut end = 0;
    for (start, c) in text.char_indices() {
        used += c.width().unwrap_or(1);
        if used > available {
            break;
        }
        end = start + c.len_utf8();
    }
    let ellipsis = if width(ellipsis) <= max { ellipsis } else { "" };
    Cow::Owned(format!("{}{ellipsis}", &text[..end]))
}

/// Cuts the middle out, so that both ends stay readable: `a1t3…amazonaws.com`.
pub fn truncate_middle<'a>(text: &'a str, max: usize, ellipsis: &str) -> Cow<'a, str> {
    if width(text) <= max {
        return Cow::Borrowed(text);
    }
    let available = max.saturating_sub(width(ellipsis));
    let tail_width = available - available / 3;
    let mut used = 0;
    let mut start = text.len();
    for (index, c) in text.char_indices().rev() {
        used += c.width().unwrap_or(1);
        if used > tail_width {
            break;
        }
        start = index;
    }
    let head = truncate(text, available / 3, "");
    let ellipsis = if width(ellipsis) <= max { ellipsis } else { "" };
    Cow::Owned(format!("{head}{ellipsis}{}", &text[start..]))
}

/// The last check before the terminal: replaces characters that were drawn without [`clean`](crate::diagnostics::clean::clean), and
/// every character outside ASCII if the terminal is not known to support UTF-8 (there, the bytes of an
/// ordinary letter can be a control code).
pub fn replace_unsafe_cells(buffer: &mut Buffer, unicode: bool) {
    let replacement = if unicode { "\u{fffd}" } else { "?" };
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        let is_safe =
            matches!(symbol.as_bytes(), [b' '..=b'~'] | []) || unicode && symbol.chars().all(is_printable);
        if !is_safe {
            cell.set_symbol(replacement);
        }
    }
}

/// A line of text being edited, and the cursor in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineEdit {
    text: String,
    /// Byte index; always on a character boundary, never before a combining mark.
    cursor: usize,
}

impl LineEdit {
    /// Most characters of a line.
    pub const MAX_CHARS: usize = 200;

    /// A line with the cursor at its end.
    pub fn new(text: &str) -> Self {
        let mut line = Self::default();
        line.insert(text);
        line
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Column of the cursor.
    pub fn cursor_column(&self) -> usize {
        width(&self.text[..self.cursor])
    }

    /// Inserts typed or pasted text at the cursor. Line ends and tabs become spaces; other control and
    /// invisible characters, and text beyond [`LineEdit::MAX_CHARS`], are left out.
    pub fn insert(&mut self, text: &str) {
        let mut available = Self::MAX_CHARS.saturating_sub(self.text.chars().count());
        for c in text.chars() {
            let c = if matches!(c, '\n' | '\t') { ' ' } else { c };
            if available > 0 && is_printable(c) {
                self.text.insert(self.cursor, c);
                self.cursor += c.len_utf8();
                available -= 1;
            }
        }
        self.cursor = self.boundary_at_or_after(self.cursor);
    }

    /// Removes the character before the cursor.
    pub fn backspace(&mut self) {
        let end = self.cursor;
        self.left();
        self.text.drain(self.cursor..end);
        self.cursor = self.boundary_at_or_after(self.cursor);
    }

    /// Removes the character under the cursor.
    pub fn delete(&mut self) {
        let start = self.cursor;
        self.right();
        let end = std::mem::replace(&mut self.cursor, start);
        self.text.drain(start..end);
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// One character left.
    pub fn left(&mut self) {
        for (index, c) in self.text[..self.cursor].char_indices().rev() {
            self.cursor = index;
            if c.width() != Some(0) {
                return;
            }
        }
        self.cursor = 0;
    }

    /// One character right.
    pub fn right(&mut self) {
        let step = self.text[self.cursor..].chars().next().map_or(0, char::len_utf8);
        self.cursor = self.boundary_at_or_after(self.cursor + step);
    }

    /// To the beginning.
    pub fn home(&mut self) {
        self.cursor = 0;
    }

    /// To the end.
    pub fn end(&mut self) {
        self.cursor = self.text.len();
    }

    /// Applies one editing step; steps of other purposes do nothing.
    pub fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(text) => self.insert(&text),
            Edit::Backspace => self.backspace(),
            Edit::Delete => self.delete(),
            Edit::Left => self.left(),
            Edit::Right => self.right(),
            Edit::Home => self.home(),
            Edit::End => self.end(),
            Edit::Clear => self.clear(),
            Edit::Up | Edit::Down | Edit::Submit | Edit::Cancel => {}
        }
    }

    /// The part around the cursor that fits into `available` columns, and the cursor's column in it.
    pub fn visible(&self, available: usize) -> (String, usize) {
        let cursor = self.cursor_column();
        let skip = cursor.saturating_sub(available);
        let mut column = 0;
        let mut text = String::new();
        for c in self.text.chars() {
            if column >= skip {
                text.push(c);
            }
            column += c.width().unwrap_or(0);
        }
        (truncate(&text, available + 1, "").into_owned(), cursor.saturating_sub(skip))
    }

    /// Skips the combining marks that belong to the character before `index`.
    fn boundary_at_or_after(&self, index: usize) -> usize {
        let marks = self.text[index..].chars().take_while(|c| index > 0 && c.width() == Some(0));
        index + marks.map(char::len_utf8).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
