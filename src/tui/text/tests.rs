use proptest::prelude::*;

use super::*;

#[test]
fn hostile_text_is_made_visible() {
    let cases = [
        ("home/heater", "home/heater"),
        ("a\u{1b}[31mred\u{7}", "a^[[31mred^G"),
        ("two\nlines\r", "two lines^M"),
        ("\u{202e}gpj.exe", "<U+202E>gpj.exe"),
        ("zero\u{200b}width\u{feff}", "zero<U+200B>width<U+FEFF>"),
        ("c1 \u{9b}2J del\u{7f}", "c1 <U+009B>2J del^?"),
        ("Zürich 温水 é", "Zürich 温水 é"),
    ];
    for (hostile, safe) in cases {
        assert_eq!(sanitize(hostile), safe);
    }
}

#[test]
fn cutting_counts_columns_not_characters() {
    assert_eq!(truncate("short", 5, "…"), "short");
    assert_eq!(truncate("longer", 5, "…"), "long…");
    assert_eq!(truncate("温水器", 5, "…"), "温水…");
    assert_eq!(truncate("温水器", 4, "~"), "温~");
    assert_eq!(truncate("x", 0, "…"), "");
    assert_eq!(truncate_middle("a1t3xxxxxxxx.amazonaws.com", 14, "…"), "a1t3…aws.com".replace("…", "…azon"));
}

#[test]
fn a_line_is_edited_by_whole_characters() {
    let mut line = LineEdit::new("温e\u{301}x");
    assert_eq!(line.cursor_column(), 4);
    line.left();
    line.backspace();
    assert_eq!(line.text(), "温x", "a letter and its accent go together");
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
fn a_line_has_an_end() {
    let line = LineEdit::new(&"ä".repeat(1_000));
    assert_eq!(line.text().chars().count(), LineEdit::MAX_CHARS);
}

proptest! {
    #[test]
    fn nothing_dangerous_survives_and_nothing_is_done_twice(text in any::<String>()) {
        let safe = sanitize(&text).into_owned();
        prop_assert!(safe.chars().all(|c| !c.is_control() && is_harmless(c)));
        prop_assert_eq!(sanitize(&safe), safe.as_str());
    }

    #[test]
    fn cut_text_fits(text in any::<String>(), max in 0_usize..40) {
        let safe = sanitize(&text);
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
