//! The read-only input of all views, and the formatting that depends on it.

use std::borrow::Cow;

use chrono::FixedOffset;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::diagnostics::clean::clean;
use crate::diagnostics::{Snapshot, Stamp};
use crate::state::LiveState;
use crate::tui::format;
use crate::tui::keymap::Keymap;
use crate::tui::model::Model;
use crate::tui::text::truncate;
use crate::tui::theme::{Glyphs, Theme};

use super::line_layout::SpanGroup;

/// Everything a view may read.
#[derive(Debug, Clone, Copy)]
pub struct ViewContext<'a> {
    /// The displayed state: the newest, or the frozen one.
    pub published: &'a LiveState,
    /// The newest state, even while frozen: for notices and the recording sign.
    pub live: &'a LiveState,
    /// State of the screens.
    pub model: &'a Model,
    /// Styles by role.
    pub theme: &'a Theme,
    /// Characters for lines and signs.
    pub glyphs: &'a Glyphs,
    /// The instant of `published` in field time; constant while frozen. Ages and uptimes end here.
    pub now: Stamp,
    /// The current instant in field time, even while frozen: for the clock in the header.
    pub live_now: Stamp,
    /// The current instant on this computer's clocks: for the age of notices.
    pub clock_now: Stamp,
    /// UTC offset of the displayed times.
    pub offset: FixedOffset,
    /// The key bindings.
    pub keymap: &'a Keymap,
}

impl<'a> ViewContext<'a> {
    /// The displayed snapshot.
    pub(super) fn snapshot(&self) -> &'a Snapshot {
        &self.published.snapshot
    }

    /// Text from outside, sanitized and truncated to `max` columns.
    pub(super) fn truncated(&self, text: &str, max: usize) -> String {
        truncate(&self.sanitized(text), max, self.glyphs.ellipsis).into_owned()
    }

    /// Text from outside, sanitized. On an ASCII terminal, punctuation is replaced by similar ASCII characters.
    pub(super) fn sanitized<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let safe = clean(text);
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
                // The unit letter follows.
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
    pub(super) fn format_time(&self, at: Stamp) -> String {
        format::time_or_date(at.wall, self.now.wall, self.offset)
    }

    /// Time of day to the second.
    pub(super) fn format_clock(&self, at: Stamp) -> String {
        format::time_of_day(at.wall, self.offset)
    }

    /// `label value`: the label dim, the value as styled.
    pub(super) fn labeled(&self, label: &str, value: impl Into<String>, style: Style) -> SpanGroup {
        vec![Span::styled(format!("{label} "), self.theme.dim), Span::styled(value.into(), style)]
    }
}
