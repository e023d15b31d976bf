//! The Why panel: the pattern of the drops, its probability, the evidence for and against it, and the next step.
//!
//! ```text
//! ╭ Why · w more ─────────────────────────────────────────────────────╮
//! │ IDLE TIMEOUT                                            91 % sure │  pattern, probability
//! │ a NAT, firewall or proxy drops idle connections                   │  in plain words, or the cause
//! │ + all 9 drops followed a silence of 350 s or more                 │  for
//! │ - 1 opportunity passed without a drop                             │  against
//! │ or random loss, 7 %: one longer silence that is survived decides  │  other possible patterns
//! │ → [-] a keep-alive of 270 s or less ends it                       │  next step and its key
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```
//!
//! While no pattern is named, the panel shows the plain facts instead. With less space the less important items are
//! left out, each as a whole; the answer, its probability and the next step stay.

mod details;
mod items;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keymap::Action;
use crate::tui::text::{truncate, width};

use self::items::{PanelContent, PanelItem, PanelStep, Sign};
use super::ViewContext;
use super::line_layout::{draw_line, draw_lines, wrap};
use super::panel::draw_panel;

pub(super) use self::details::render as popup;

/// Blank columns between the answer and its probability.
const GAP: usize = 2;
/// With fewer rows the answer is limited to one row.
const ROOMY: usize = 5;

/// Draws the panel.
pub(super) fn render(frame: &mut Frame, area: Rect, context: &ViewContext) {
    let theme = context.theme;
    let mut title = vec![Span::styled("Why", theme.title)];
    let key = context.keymap.key_text(Action::Why);
    if !key.is_empty() {
        title.push(Span::styled(format!(" {} {key} more", context.glyphs.dot), theme.dim));
    }
    let inner = draw_panel(frame, area, context, title);
    let (rows, columns) = (usize::from(inner.height), usize::from(inner.width));
    if rows == 0 || columns == 0 {
        return;
    }
    let body = PanelContent::of(context);
    let mut lines = head(context, &body, &body.answer, columns);
    if let Some(short) = body.short.as_ref().filter(|_| lines.len() > 1 && rows < ROOMY) {
        lines = head(context, &body, short, columns);
    }
    let least = usize::from(rows > 1);
    lines.truncate(rows - least);
    let next = next_step(context, &body.step, rows - lines.len(), columns);
    lines.extend(chosen(context, &body.items, rows - lines.len() - next.len(), columns));
    draw_lines(frame, inner, &lines);
    for (index, line) in next.iter().enumerate() {
        draw_line(frame, inner, rows - next.len() + index, line);
    }
}

/// The answer at the left, wrapped, and its probability at the right of the first row.
fn head(context: &ViewContext, body: &PanelContent, answer: &str, columns: usize) -> Vec<Line<'static>> {
    let share = body.confidence.as_ref().map(|one| (one.text.clone(), one.style));
    let (share, style) = share.unwrap_or_default();
    let taken = if share.is_empty() { 0 } else { width(&share) + GAP };
    if columns < taken + GAP {
        return vec![Line::styled(share, style)];
    }
    let texts = wrap(&context.sanitized(answer), columns - taken);
    let mut lines: Vec<Line> =
        texts.into_iter().map(|text| Line::styled(text, context.theme.strong)).collect();
    if let Some(first) = lines.first_mut() {
        first.push_span(Span::raw(" ".repeat(columns.saturating_sub(first.width() + width(&share)))));
        first.push_span(Span::styled(share, style));
    }
    lines
}

/// The items that fit into `available` rows, chosen by importance, in the order of reading. Where the whole sentence does
/// not fit, its short form may.
fn chosen(
    context: &ViewContext,
    items: &[PanelItem],
    available: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut by_rank: Vec<(usize, &PanelItem)> = items.iter().enumerate().collect();
    by_rank.sort_by_key(|(index, item)| (item.rank, *index));
    let mut left = available;
    let mut found: Vec<(usize, Vec<Line>)> = Vec::new();
    let mut shows_for = false;
    for (index, item) in by_rank {
        if item.needs_evidence && !shows_for {
            continue;
        }
        let forms = [Some(&item.text), item.short.as_ref()];
        let fits = forms.into_iter().flatten().map(|text| lines_of(context, item.sign, text, columns));
        if let Some(lines) = fits.into_iter().find(|lines| lines.len() <= left) {
            left -= lines.len();
            shows_for |= item.sign == Sign::For;
            found.push((index, lines));
        }
    }
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().flat_map(|(_, lines)| lines).collect()
}

/// A sign and a text with hanging indent.
fn lines_of(context: &ViewContext, sign: Sign, text: &str, columns: usize) -> Vec<Line<'static>> {
    let (lead, lead_style, style) = sign.look(context);
    let rows = wrap(&context.sanitized(text), columns.saturating_sub(width(&lead)));
    let indent = " ".repeat(width(&lead));
    rows.into_iter()
        .enumerate()
        .map(|(index, row)| {
            let lead = if index == 0 { lead.clone() } else { indent.clone() };
            Line::from(vec![Span::styled(lead, lead_style), Span::styled(row, style)])
        })
        .collect()
}

/// The next step with the key that does it, in at most `most` rows; a cut text ends in an ellipsis.
fn next_step(context: &ViewContext, step: &PanelStep, most: usize, columns: usize) -> Vec<Line<'static>> {
    let theme = context.theme;
    let key = step.action.map(|action| context.keymap.key_text(action)).unwrap_or_default();
    let key = if key.is_empty() { key } else { format!("[{key}]") };
    let text = format!("{key} {}", step.text);
    let available = columns.saturating_sub(2);
    let mut rows = wrap(&context.sanitized(&text), available);
    if rows.len() > most {
        rows.truncate(most);
        if let Some(last) = rows.last_mut() {
            let ellipsis = context.glyphs.ellipsis;
            *last = format!("{} {ellipsis}", truncate(last, available.saturating_sub(2), ""));
        }
    }
    let sign = |index: usize| if index == 0 { format!("{} ", context.glyphs.right) } else { "  ".into() };
    rows.into_iter()
        .enumerate()
        .map(|(index, row)| {
            let named = if index == 0 && row.starts_with(&key) { key.len() } else { 0 };
            let (named, text) = row.split_at(named);
            let spans =
                [(sign(index), theme.key), (named.to_owned(), theme.key), (text.to_owned(), theme.text)];
            Line::from(spans.map(|(text, style)| Span::styled(text, style)).to_vec())
        })
        .collect()
}
