//! Styles by role, and the glyphs of Unicode and ASCII terminals.

use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;

/// Styles by role. Views name roles, never colors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Less important text: labels, units.
    pub dim: Style,
    /// Figures and names to be seen first.
    pub strong: Style,
    /// The program's name in the header.
    pub brand: Style,
    /// Panel titles.
    pub title: Style,
    /// Panel borders.
    pub border: Style,
    /// Border of the panel that receives the keys, and of popups.
    pub border_focused: Style,
    /// All is well: connected, recovered.
    pub good: Style,
    /// In between: connecting, unanswered ping, refused subscription.
    pub warn: Style,
    /// Dropped, failed.
    pub bad: Style,
    /// Notes, marks, what the user did.
    pub accent: Style,
    /// The selected row; patched over the row's own styles.
    pub selected: Style,
    /// A key in the footer and in help.
    pub key: Style,
    /// What the key does.
    pub key_label: Style,
    /// The tab of the screen shown.
    pub tab_active: Style,
    /// The other tabs.
    pub tab: Style,
    /// The FROZEN and simulation signs.
    pub badge: Style,
}

impl Theme {
    /// For dark (and most light) backgrounds, with the 16 colors of the terminal.
    pub fn default_dark() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            // Not "bright black": it equals the background in popular palettes.
            dim: plain.add_modifier(Modifier::DIM),
            strong: bold,
            brand: bold.fg(Color::Cyan),
            title: bold,
            border: plain.add_modifier(Modifier::DIM),
            border_focused: plain.fg(Color::Cyan),
            good: plain.fg(Color::Green),
            warn: plain.fg(Color::Yellow),
            bad: plain.fg(Color::Red),
            accent: plain.fg(Color::Magenta),
            selected: plain.add_modifier(Modifier::REVERSED),
            key: bold.fg(Color::Cyan),
            key_label: plain,
            tab_active: bold.fg(Color::Cyan).add_modifier(Modifier::REVERSED),
            tab: plain,
            badge: bold.fg(Color::Yellow).add_modifier(Modifier::REVERSED),
        }
    }

    /// Without colors (`NO_COLOR`): weight, underline and reversal only.
    pub fn plain() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        Self {
            text: plain,
            dim,
            strong: bold,
            brand: bold,
            title: bold,
            border: dim,
            border_focused: bold,
            good: plain,
            warn: plain.add_modifier(Modifier::UNDERLINED),
            bad: bold,
            accent: plain.add_modifier(Modifier::ITALIC),
            selected: reversed,
            key: bold,
            key_label: plain,
            tab_active: reversed,
            tab: plain,
            badge: reversed,
        }
    }

    /// [`Theme::plain`] if `no_color` is set and not empty (see no-color.org).
    pub fn choose(no_color: Option<&str>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) { Self::plain() } else { Self::default_dark() }
    }
}

/// Every sign that the views draw. Each glyph is one column wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glyphs {
    /// Panel borders.
    pub border: border::Set<'static>,
    /// State sign: a session is up.
    pub connected: &'static str,
    /// State sign: connecting.
    pub connecting: &'static str,
    /// State sign: down.
    pub down: &'static str,
    /// State sign: off on purpose.
    pub off: &'static str,
    /// Recording is on.
    pub recording: &'static str,
    /// A drop on the timeline.
    pub drop: &'static str,
    /// Several drops in one column.
    pub drops: &'static str,
    /// Connected time on the timeline.
    pub line_up: &'static str,
    /// Down time on the timeline.
    pub line_down: &'static str,
    /// Time off on purpose.
    pub line_off: &'static str,
    /// Time without data (before the run).
    pub line_none: &'static str,
    /// A thin line: keep-alive spans, separators.
    pub rule: &'static str,
    /// The start of a span on a thin line.
    pub tick: &'static str,
    /// A note of the user.
    pub note: &'static str,
    /// A system event (suspend, network change).
    pub system: &'static str,
    /// A warning mark (failed connect, failed probe, alert).
    pub alert: &'static str,
    /// One cell of a horizontal bar.
    pub bar: &'static str,
    /// Sparkline levels, lowest first.
    pub spark: [&'static str; 8],
    /// Marks the selected row.
    pub pointer: &'static str,
    /// Points up: more above.
    pub up: &'static str,
    /// Points down: more below.
    pub below: &'static str,
    /// Points left: incoming, back in time.
    pub left: &'static str,
    /// Points right: outgoing, a step to take.
    pub right: &'static str,
    /// Separator between items of one line.
    pub dot: &'static str,
    /// A successful step.
    pub check: &'static str,
    /// A step that failed.
    pub cross: &'static str,
    /// The end of truncated text.
    pub ellipsis: &'static str,
    /// Frames of the spinner, one a second.
    pub spinner: &'static [&'static str],
}

impl Glyphs {
    /// For terminals with UTF-8.
    pub fn unicode() -> Self {
        Self {
            border: border::ROUNDED,
            connected: "●",
            connecting: "◌",
            down: "✖",
            off: "○",
            recording: "●",
            drop: "╳",
            drops: "※",
            line_up: "━",
            line_down: "┄",
            line_off: "·",
            line_none: " ",
            rule: "─",
            tick: "┤",
            note: "✎",
            system: "▲",
            alert: "!",
            bar: "▇",
            spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
            pointer: "▶",
            up: "↑",
            below: "↓",
            left: "←",
            right: "→",
            dot: "·",
            check: "✓",
            cross: "✗",
            ellipsis: "…",
            spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"],
        }
    }

    /// For terminals without UTF-8.
    pub fn ascii() -> Self {
        Self {
            border: border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            },
            connected: "*",
            connecting: "~",
            down: "X",
            off: "o",
            recording: "*",
            drop: "X",
            drops: "#",
            line_up: "=",
            line_down: ".",
            line_off: "_",
            line_none: " ",
            rule: "-",
            tick: "|",
            note: "n",
            system: "^",
            alert: "!",
            bar: "#",
            spark: ["_", ".", ":", "-", "=", "+", "*", "#"],
            pointer: ">",
            up: "^",
            below: "v",
            left: "<",
            right: ">",
            dot: "-",
            check: "+",
            cross: "x",
            ellipsis: "~",
            spinner: &["|", "/", "-", "\\"],
        }
    }

    /// Unicode when the locale is UTF-8. Pass the values of `LC_ALL`, `LC_CTYPE` and `LANG`; the first
    /// that is set and not empty decides, as in POSIX. None set: ASCII, except on Windows.
    pub fn for_locale(variables: [Option<&str>; 3]) -> Self {
        let locale = variables.into_iter().flatten().find(|value| !value.is_empty());
        let utf8 = locale.map_or(cfg!(windows), |locale| {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        });
        if utf8 { Self::unicode() } else { Self::ascii() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    fn all(glyphs: &Glyphs) -> Vec<&'static str> {
        let g = glyphs;
        let mut all = vec![
            g.connected,
            g.connecting,
            g.down,
            g.off,
            g.recording,
            g.drop,
            g.drops,
            g.line_up,
            g.line_down,
            g.line_off,
            g.line_none,
            g.rule,
            g.tick,
            g.note,
            g.system,
            g.alert,
            g.bar,
            g.pointer,
            g.up,
            g.below,
            g.left,
            g.right,
            g.dot,
            g.check,
            g.cross,
            g.ellipsis,
        ];
        all.extend(g.spark.iter().chain(g.spinner));
        all.extend([g.border.top_left, g.border.horizontal_top, g.border.vertical_left]);
        all
    }

    #[test]
    fn every_glyph_is_one_column_and_ascii_is_ascii() {
        for glyph in all(&Glyphs::unicode()).into_iter().chain(all(&Glyphs::ascii())) {
            assert_eq!(glyph.width(), 1, "{glyph:?}");
        }
        assert!(all(&Glyphs::ascii()).iter().all(|glyph| glyph.is_ascii()));
    }

    #[test]
    fn locale_selects_the_glyphs() {
        let cases = [
            ([None, None, Some("en_US.UTF-8")], true),
            ([None, None, Some("C")], false),
            ([Some(""), Some("de_DE.utf8"), Some("C")], true),
            ([Some("C"), None, Some("en_US.UTF-8")], false),
        ];
        for (variables, unicode) in cases {
            assert_eq!(Glyphs::for_locale(variables) == Glyphs::unicode(), unicode, "{variables:?}");
        }
    }

    #[test]
    fn no_color_theme_has_no_colors() {
        assert_eq!(Theme::choose(Some("1")), Theme::plain());
        assert_eq!(Theme::choose(Some("")), Theme::default_dark());
        let plain = Theme::plain();
        let roles = [plain.good, plain.warn, plain.bad, plain.selected, plain.key, plain.border, plain.badge];
        assert!(roles.iter().all(|style| style.fg.is_none() && style.bg.is_none()));
    }
}
