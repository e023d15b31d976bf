//! Why does it drop? For now: what is known, what is missing, and what to do next.
//!
//! The inference of causes comes here later: its verdict takes the place of the headline, its evidence
//! that of the facts. The next step stays at the bottom.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::diagnostics::facts::{NextStep, facts};
use crate::tui::keymap::Action;

use super::ViewContext;
use super::ink::{put, put_all, wrap};
use super::panel::panel;

/// Draws the panel.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let theme = context.theme;
    let inner = panel(frame, area, context, vec![Span::styled("Why", theme.title)]);
    let (rows, columns) = (usize::from(inner.height), usize::from(inner.width));
    if rows == 0 || columns == 0 {
        return;
    }
    let facts = facts(context.snapshot());
    let glyphs = context.glyphs;
    let next = item(context, glyphs.right, theme.key, &step(context, facts.next), theme.text, columns);
    let next_rows = next.len().min(rows.saturating_sub(2));
    let room = rows - next_rows;
    let mut lines: Vec<Line> =
        wrap(&facts.headline, columns).into_iter().map(|text| Line::styled(text, theme.strong)).collect();
    // What is missing keeps at least one row when there are five or more.
    let reserved = usize::from(!facts.missing.is_empty() && room >= 4);
    let known = facts.known.iter().map(|fact| item(context, "+", theme.good, fact, theme.text, columns));
    fill(&mut lines, known, room.saturating_sub(reserved));
    let missing = facts.missing.iter().map(|gap| item(context, "?", theme.warn, gap, theme.dim, columns));
    fill(&mut lines, missing, room);
    lines.truncate(room);
    put_all(frame, inner, &lines);
    for (index, line) in next.iter().take(next_rows).enumerate() {
        put(frame, inner, room + index, line);
    }
}

/// Adds whole items while they fit; a long one is skipped for a shorter one after it.
fn fill(lines: &mut Vec<Line<'static>>, items: impl Iterator<Item = Vec<Line<'static>>>, room: usize) {
    for item in items {
        if lines.len() + item.len() <= room {
            lines.extend(item);
        }
    }
}

/// A sign and a text with hanging indent.
fn item(
    context: &ViewContext,
    sign: &'static str,
    sign_style: Style,
    text: &str,
    style: Style,
    columns: usize,
) -> Vec<Line<'static>> {
    let lines = wrap(&context.safe(text), columns.saturating_sub(2));
    let lead = |index: usize| if index == 0 { format!("{sign} ") } else { "  ".into() };
    lines
        .into_iter()
        .enumerate()
        .map(|(index, text)| {
            Line::from(vec![Span::styled(lead(index), sign_style), Span::styled(text, style)])
        })
        .collect()
}

/// The next step with the key that does it.
fn step(context: &ViewContext, next: NextStep) -> String {
    let action = match next {
        NextStep::Wait | NextStep::KeepComparing | NextStep::ReadFailure => None,
        NextStep::Connect => Some(Action::ToggleConnection),
        NextStep::TurnPingsOn => Some(Action::KeepAliveType),
        NextStep::ShortenKeepAlive => Some(Action::KeepAliveDown),
        NextStep::OpenDrop => Some(Action::Open),
    };
    let key = action.map(|action| context.keymap.key_text(action)).filter(|key| !key.is_empty());
    match key {
        Some(key) => format!("{} (key {key})", next.sentence()),
        None => next.sentence().to_owned(),
    }
}
