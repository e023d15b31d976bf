//! How is a line put together: safe text, columns of fixed width, items that fit, bars?

use std::borrow::Cow;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::classify::TextWrap;
use crate::diagnostics::{Snapshot, Stamp};
use crate::tui::text::{sanitize, truncate, width};
use crate::tui::{format, theme::Glyphs};

use super::ViewContext;

/// A few spans that are shown together or not at all.
pub(super) type Item = Vec<Span<'static>>;

impl<'a> ViewContext<'a> {
    /// The fold shown.
    pub(super) fn snapshot(&self) -> &'a Snapshot {
        &self.published.snapshot
    }

    /// Text from outside, made safe and cut to `max` columns.
    pub(super) fn cut(&self, text: &str, max: usize) -> String {
        truncate(&self.safe(text), max, self.glyphs.ellipsis).into_owned()
    }

    /// Text from outside, made safe; where only ASCII can be shown, punctuation gets its next of kin.
    pub(super) fn safe<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let safe = sanitize(text);
        if safe.is_ascii() || !self.glyphs.bar.is_ascii() {
            return safe;
        }
        let mut ascii = String::with_capacity(safe.len());
        for c in safe.chars() {
            match c {
                c if c.is_ascii() => ascii.push(c),
                '–' | '—' | '·' | '\u{2212}' => ascii.push('-'),
                '→' => ascii.push('>'),
                '←' => ascii.push('<'),
                // The letter after it says enough.
                '°' => {}
                '×' => ascii.push('x'),
                '±' => ascii.push_str("+-"),
                '‘' | '’' => ascii.push('\''),
                '“' | '”' | '«' | '»' => ascii.push('"'),
                '…' => ascii.push('~'),
                _ => ascii.push('?'),
            }
        }
        Cow::Owned(ascii)
    }

    /// Time of day today, else date and time.
    pub(super) fn when(&self, at: Stamp) -> String {
        format::when(at.wall, self.now.wall, self.offset)
    }

    /// Time of day to the second.
    pub(super) fn clock(&self, at: Stamp) -> String {
        format::clock(at.wall, self.offset)
    }

    /// `label value`: the label dim, the value as styled.
    pub(super) fn labelled(&self, label: &str, value: impl Into<String>, style: Style) -> Item {
        vec![Span::styled(format!("{label} "), self.theme.dim), Span::styled(value.into(), style)]
    }
}

/// Draws one line inside `area`, `row` rows below its top; cut at the right edge.
pub(super) fn put(frame: &mut Frame, area: Rect, row: usize, line: &Line) {
    if let Some(y) = u16::try_from(row).ok().filter(|row| *row < area.height) {
        frame.buffer_mut().set_line(area.x, area.y + y, line, area.width);
    }
}

/// Draws lines from the top of `area`.
pub(super) fn put_all(frame: &mut Frame, area: Rect, lines: &[Line]) {
    lines.iter().enumerate().for_each(|(row, line)| put(frame, area, row, line));
}

/// The items, `gap` columns apart, that fit into `max` columns. An item that does not fit is left out
/// whole; put the important ones first.
pub(super) fn strip(items: impl IntoIterator<Item = Item>, max: usize, gap: usize) -> Line<'static> {
    let mut spans: Item = Vec::new();
    let mut used = 0;
    for item in items {
        let columns: usize = item.iter().map(Span::width).sum();
        let space = if used == 0 { 0 } else { gap };
        if columns == 0 || used + space + columns > max {
            continue;
        }
        if space > 0 {
            spans.push(Span::raw(" ".repeat(space)));
        }
        spans.extend(item);
        used += space + columns;
    }
    Line::from(spans)
}

/// Fills up with blanks on the right to `columns`; longer text is left as it is.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Fills up with blanks on the left to `columns`; longer text is left as it is.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks safe text into lines of at most `columns`, at blanks where possible.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    TextWrap::new(columns).breaking_words().lines(text)
}

/// A bar of `share` (0…1) of `columns`, in whole cells; what is not zero is never invisible.
pub(super) fn bar(share: f64, columns: usize, glyphs: &Glyphs) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to at most the width of a screen"
    )]
    let cells = (share.clamp(0.0, 1.0) * columns as f64).round() as usize;
    let least = usize::from(share > 0.0).min(columns);
    glyphs.bar.repeat(cells.max(least))
}

/// The spark level (0…7) of `value` on a scale from 0 to `most`.
pub(super) fn level(value: f64, most: f64) -> usize {
    if most <= 0.0 || !value.is_finite() {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0…7")]
    let level = (value / most * 7.0).round().clamp(0.0, 7.0) as usize;
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let item = |text: &'static str| vec![Span::raw(text)];
        let line = strip([item("one"), item("twenty-two"), item("3")], 8, 2);
        assert_eq!(line.to_string(), "one  3");
    }

    #[test]
    fn words_wrap_and_long_ones_break() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("東京", 1), ["東", "京"], "a character that is too wide is left to the clipping");
        assert!(wrap("", 5).is_empty());
    }

    #[test]
    fn bars_grow_and_never_vanish() {
        for glyphs in [Glyphs::unicode(), Glyphs::ascii()] {
            assert_eq!(width(&bar(1.0, 10, &glyphs)), 10);
            assert_eq!(bar(0.0, 10, &glyphs), "");
            assert!(!bar(0.000_1, 10, &glyphs).trim().is_empty());
            assert_eq!(bar(0.5, 10, &glyphs).chars().count(), 5);
        }
    }
}
