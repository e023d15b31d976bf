//! Tests of sanitizing, truncating and editing text.

use proptest::prelude::*;
use ratatui::layout::Rect;

use super::*;
use crate::diagnostics::clean::clean;

#[test]
fn hostile_text_is_made_visible() {
    let cases = [
        ("home/heater", "home/heater"),
        ("a\u{1b}[31mred\u{7}", "a\u{fffd}[31mred\u{fffd}"),
        ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
        ("filler\u{3164}\u{fe0f}", "filler\u{fffd}\u{fffd}"),
        ("Zürich 温水 é", "Zürich 温水 é"),
    ];
    for (hostile, safe) in cases {
        assert_eq!(clean(hostile), safe);
    }
}

#[test]
fn unsanitized_cells_are_replaced() {
    let drawn = ["a", "温", " ", "\u{1b}", "e\u{301}", "\u{202e}"];
    for (unicode, expected) in [
        (true, ["a", "温", " ", "\u{fffd}", "e\u{301}", "\u{fffd}"]),
        (false, ["a", "?", " ", "?", "?", "?"]),
    ] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        for (cell, symbol) in buffer.content.iter_mut().zip(drawn) {
            cell.set_symbol(symbol);
        }
        replace_unsafe_cells(&mut buffer, unicode);
        assert_eq!(buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn cutting_counts_columns_not_characters() {
    assert_eq!(truncate("short", 5, "…"), "short");
    assert_eq!(truncate("longer", 5, "…"), "long…");
    assert_eq!(truncate("温水器", 5, "…"), "温水…");
    assert_eq!(truncate("温水器", 4, "~"), "温~");
    assert_eq!(truncate("x", 0, "…"), "");
    assert_eq!(truncate_middle("a1t3xxxxxxxx.amazonaws.com", 14, "…"), "a1t3…onaws.com");
}

#[test]
fn a_line_is_edited_by_whole_characters() {
    let mut line = LineEdit::new("温e\u{301}x");
    assert_eq!(line.cursor_column(), 4);
    line.left();
    line.backspace();
    assert_eq!(line.text(), "温x", "a letter and its accent are deleted together");
    line.home();
    line.delete();
    line.insert("a\nb\u{1b}");
    assert_eq!((line.text(), line.cursor_column()), ("a bx", 3));
    line.end();
    line.backspace();
    line.right();
    assert_eq!((line.text(), line.cursor_column()), ("a b", 3));
    line.clear();
    line.backspace();
    line.delete();
    assert_eq!(line, LineEdit::default());
}

#[test]
fn line_length_is_limited() {
    let line = LineEdit::new(&"ä".repeat(1_000));
    assert_eq!(line.text().chars().count(), LineEdit::MAX_CHARS);
}

proptest! {
    #[test]
    fn sanitizing_is_complete_and_idempotent(text in any::<String>()) {
        let safe = clean(&text).into_owned();
        prop_assert!(safe.chars().all(|c| !c.is_control() && is_printable(c)));
        prop_assert_eq!(clean(&safe).into_owned(), safe);
    }

    #[test]
    fn cut_text_fits(text in any::<String>(), max in 0_usize..40) {
        let safe = clean(&text);
        prop_assert!(width(&truncate(&safe, max, "…")) <= max);
        prop_assert!(width(&truncate_middle(&safe, max, "…")) <= max);
    }

    #[test]
    fn any_editing_keeps_the_cursor_in_the_line(
        steps in prop::collection::vec((0_u8..8, any::<char>()), 0..60)
    ) {
        let mut line = LineEdit::default();
        for (step, c) in steps {
            match step {
                0..=2 => line.insert(&c.to_string()),
                3 => line.backspace(),
                4 => line.delete(),
                5 => line.left(),
                6 => line.right(),
                _ => line.home(),
            }
            prop_assert!(line.text.is_char_boundary(line.cursor));
            prop_assert!(line.cursor_column() <= width(line.text()));
        }
    }
}
