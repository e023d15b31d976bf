//! Layout of one line: padded columns, items that fit, wrapped text and bars.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::classify::TextWrap;
use crate::tui::text::width;
use crate::tui::theme::Glyphs;

/// A few spans that are shown together or not at all.
pub(super) type SpanGroup = Vec<Span<'static>>;

/// Draws one line inside `area`, `row` rows below its top; clipped at the right edge.
pub(super) fn draw_line(frame: &mut Frame, area: Rect, row: usize, line: &Line) {
    if let Some(y) = u16::try_from(row).ok().filter(|row| *row < area.height) {
        frame.buffer_mut().set_line(area.x, area.y + y, line, area.width);
    }
}

/// Draws lines from the top of `area`.
pub(super) fn draw_lines(frame: &mut Frame, area: Rect, lines: &[Line]) {
    lines.iter().enumerate().for_each(|(row, line)| draw_line(frame, area, row, line));
}

/// The items, `gap` columns apart, that fit into `max` columns. An item that does not fit is left out as a
/// whole; the most important items come first.
pub(super) fn join_fitting(
    items: impl IntoIterator<Item = SpanGroup>,
    max: usize,
    gap: usize,
) -> Line<'static> {
    let mut spans: SpanGroup = Vec::new();
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

/// Pads with blanks on the right to `columns`; longer text stays unchanged.
pub(super) fn pad_right(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Pads with blanks on the left to `columns`; longer text stays unchanged.
pub(super) fn pad_left(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Wraps sanitized text into lines of at most `columns`, at blanks where possible.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    TextWrap::new(columns).breaking_words().lines(text)
}

/// A bar of `share` (0…1) of `columns`, in whole cells; a share above zero has at least one cell.
pub(super) fn bar_text(share: f64, columns: usize, glyphs: &Glyphs) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to at most the width of a screen"
    )]
    let cells = (share.clamp(0.0, 1.0) * columns as f64).round() as usize;
    let min_cells = usize::from(share > 0.0).min(columns);
    glyphs.bar.repeat(cells.max(min_cells))
}

/// The sparkline level (0…7) of `value` on a scale from 0 to `highest`.
pub(super) fn spark_level(value: f64, highest: f64) -> usize {
    if highest <= 0.0 || !value.is_finite() {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0…7")]
    let level = (value / highest * 7.0).round().clamp(0.0, 7.0) as usize;
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_do_not_fit_are_omitted_whole() {
        let item = |text: &'static str| vec![Span::raw(text)];
        let line = join_fitting([item("one"), item("twenty-two"), item("3")], 8, 2);
        assert_eq!(line.to_string(), "one  3");
    }

    #[test]
    fn text_wraps_at_words_and_breaks_long_words() {
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrap("abcdefgh i", 3), ["abc", "def", "gh", "i"]);
        assert_eq!(wrap("東京", 1), ["東", "京"], "a character wider than the line is left to the clipping");
        assert!(wrap("", 5).is_empty());
    }

    #[test]
    fn nonzero_bars_have_at_least_one_cell() {
        for glyphs in [Glyphs::unicode(), Glyphs::ascii()] {
            assert_eq!(width(&bar_text(1.0, 10, &glyphs)), 10);
            assert_eq!(bar_text(0.0, 10, &glyphs), "");
            assert!(!bar_text(0.000_1, 10, &glyphs).trim().is_empty());
            assert_eq!(bar_text(0.5, 10, &glyphs).chars().count(), 5);
        }
    }
}
