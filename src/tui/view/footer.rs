//! The footer, the last row of every screen: tabs and keys, with the newest notice above.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::state::NoticeKind;
use crate::tui::keymap::{Action, FooterEntry, KeymapMode};
use crate::tui::model::{ClickTarget, Screen};
use crate::tui::text::truncate_middle;

use super::line_layout::{SpanGroup, draw_line};
use super::{ViewContext, ViewState};

/// Draws the tabs and as many keys as fit; help and quit are always visible.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext, state: &mut ViewState) {
    let entries = context.keymap.footer(context.model, KeymapMode::from_state(context.live));
    let always =
        entries.iter().rposition(|entry| entry.action == Some(Action::Help)).unwrap_or(entries.len());
    let (fill, fixed) = entries.split_at(always);
    let columns =
        |entry: &FooterEntry| entry_spans(context, entry).iter().map(Span::width).sum::<usize>() + 2;
    let width = usize::from(area.width.saturating_sub(1));
    let mut available = width.saturating_sub(fixed.iter().map(columns).sum());
    let mut x = area.x + area.width.min(1);
    let visible = fill.iter().filter(|entry| {
        let fits = columns(entry) <= available;
        available -= if fits { columns(entry) } else { 0 };
        fits
    });
    for entry in visible.chain(fixed) {
        let item = entry_spans(context, entry);
        let right = area.x + area.width;
        let columns = u16::try_from(item.iter().map(Span::width).sum::<usize>()).unwrap_or(u16::MAX);
        if x >= right {
            return;
        }
        let place = Rect { x, width: columns.min(right - x), ..area };
        draw_line(frame, place, 0, &Line::from(item));
        if let Some(screen) = tab_of(entry) {
            state.areas.push((place, ClickTarget::Screen(screen)));
        }
        x = x.saturating_add(columns.saturating_add(2));
    }
}

/// The screen that an entry opens, if it is a tab.
fn tab_of(entry: &FooterEntry) -> Option<Screen> {
    match entry.action? {
        Action::Overview => Some(Screen::Overview),
        Action::Drops => Some(Screen::Drops),
        Action::Device => Some(Screen::Device),
        _ => None,
    }
}

fn entry_spans(context: &ViewContext, entry: &FooterEntry) -> SpanGroup {
    let theme = context.theme;
    let active = tab_of(entry) == Some(context.model.screen) && context.model.popup.is_none();
    if active {
        return vec![Span::styled(format!(" {} {} ", entry.keys, entry.label), theme.tab_active)];
    }
    vec![
        Span::styled(entry.keys.clone(), theme.key),
        Span::raw(" "),
        Span::styled(entry.label, theme.key_label),
    ]
}

/// Draws the newest notice into the row `area`, over the panel below.
pub(super) fn notices(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let shown = context.model.notices_shown(&context.live.runtime, context.clock_now);
    let Some(newest) = shown.last() else { return };
    let (sign, style) = match newest.kind {
        NoticeKind::Good => (context.glyphs.check, context.theme.good),
        NoticeKind::Info => (context.glyphs.dot, context.theme.accent),
        NoticeKind::Bad => (context.glyphs.cross, context.theme.bad),
    };
    let more = match shown.len() {
        0 | 1 => String::new(),
        many => format!(" (and {} earlier) ", many - 1),
    };
    let inset = area.width.min(2);
    let available = usize::from(area.width - inset).saturating_sub(more.len() + 6);
    // The end of a path is the file name, so the middle is shortened.
    let text =
        truncate_middle(&context.sanitized(&newest.text), available, context.glyphs.ellipsis).into_owned();
    let line = Line::from(vec![
        Span::styled(format!(" {sign} "), style),
        Span::styled(format!("{text} "), style),
        Span::styled(more, context.theme.dim),
    ]);
    draw_line(frame, Rect { x: area.x + inset, width: area.width - inset, ..area }, 0, &line);
}
