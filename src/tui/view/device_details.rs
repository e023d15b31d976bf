//! The popup with every reported value of the device.

use ratatui::Frame;
use ratatui::text::{Line, Span};

use crate::device::{Fact, FactLevel};
use crate::tui::text;

use super::device::{level_sign, level_style};
use super::line_layout::{pad_right, wrap};
use super::popups::scrollable_popup;
use super::{ViewContext, ViewState};

/// Maximum width of the popup.
const POPUP_WIDTH: u16 = 88;
/// Maximum width of a label.
const MAX_LABEL_WIDTH: usize = 44;

/// Draws the popup, `scroll` lines down.
pub(super) fn render(frame: &mut Frame, context: &ViewContext, scroll: usize, state: &mut ViewState) {
    scrollable_popup(frame, context, ("Device details", POPUP_WIDTH), scroll, state, |columns| {
        lines(context, columns)
    });
}

fn lines(context: &ViewContext, columns: usize) -> Vec<Line<'static>> {
    let groups = context.published.runtime.device.as_deref().map(|device| &*device.details);
    let groups = groups.unwrap_or_default();
    let labels = groups.iter().flat_map(|group| &group.facts).map(|fact| text::width(&fact.label));
    let label = labels.max().unwrap_or(0).min(MAX_LABEL_WIDTH).min(columns / 2) + 2;
    let mut lines = Vec::new();
    for group in groups.iter().filter(|group| !group.facts.is_empty()) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let title = context.truncated(&group.title, columns);
        lines.push(Line::styled(title, context.theme.accent.patch(context.theme.strong)));
        lines.extend(group.facts.iter().flat_map(|fact| fact_lines(context, fact, label, columns)));
    }
    if lines.is_empty() {
        let words = match context.published.runtime.device {
            Some(_) => "no value received yet",
            None => "device values are not recorded",
        };
        lines.push(Line::styled(words, context.theme.dim));
    }
    lines
}

fn fact_lines(context: &ViewContext, fact: &Fact, label: usize, columns: usize) -> Vec<Line<'static>> {
    let style = match fact.level {
        FactLevel::Normal => context.theme.text,
        level => level_style(context, level),
    };
    let unit = fact.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let words =
        context.sanitized(&format!("{}{}{unit}", level_sign(context, fact.level), fact.value)).into_owned();
    let rows = wrap(&words, columns.saturating_sub(label)).into_iter().enumerate();
    let line = |(index, row): (usize, String)| {
        let name = if index == 0 { context.truncated(&fact.label, label - 2) } else { String::new() };
        Line::from(vec![Span::styled(pad_right(&name, label), context.theme.dim), Span::styled(row, style)])
    };
    rows.map(line).collect()
}
