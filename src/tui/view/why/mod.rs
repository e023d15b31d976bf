//! Why does it drop: the answer, how sure it is, what speaks for and against it, and what to do next?
//!
//! ```text
//! ╭ Why · w more ─────────────────────────────────────────────────────╮
//! │ IDLE TIMEOUT                                            91 % sure │  pattern, probability
//! │ something on the way forgets a silent connection                  │  in plain words, or the cause
//! │ + all 9 drops followed a silence of 350 s or more                 │  for
//! │ - once it could have struck and did not                           │  against
//! │ or random loss, 7 %: one longer silence that is survived decides  │  what else it may be
//! │ → [-] a keep-alive of 270 s or less ends it                       │  next step and its key
//! ╰───────────────────────────────────────────────────────────────────╯
//! ```
//!
//! While nothing can be said, the plain facts stand there instead. With less room the less important
//! items go, whole; the answer, its probability and the next step stay.

mod details;
mod items;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::keymap::Action;
use crate::tui::text::{truncate, width};

use self::items::{ItemRole, SuggestedStep, WhyContent, WhyItem};
use super::ViewContext;
use super::line_layout::{draw_line, draw_lines, wrap};
use super::panel::draw_panel;

pub(super) use self::details::render as popup;

/// Blank columns between the answer and its probability.
const GAP: usize = 2;
/// With fewer rows the answer has only one.
const MIN_WRAPPED_ROWS: usize = 5;

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
    let content = WhyContent::from_context(context);
    let mut lines = answer_lines(context, &content, &content.answer, columns);
    if let Some(short) = content.short.as_ref().filter(|_| lines.len() > 1 && rows < MIN_WRAPPED_ROWS) {
        lines = answer_lines(context, &content, short, columns);
    }
    let reserved = usize::from(rows > 1);
    lines.truncate(rows - reserved);
    let next = next_step_lines(context, &content.step, rows - lines.len(), columns);
    lines.extend(fitting_items(context, &content.items, rows - lines.len() - next.len(), columns));
    draw_lines(frame, inner, &lines);
    for (index, line) in next.iter().enumerate() {
        draw_line(frame, inner, rows - next.len() + index, line);
    }
}

/// The answer at the left, wrapped, and its probability at the right of the first row.
fn answer_lines(
    context: &ViewContext,
    content: &WhyContent,
    answer: &str,
    columns: usize,
) -> Vec<Line<'static>> {
    let share = content.confidence.as_ref().map(|share| (share.text.clone(), share.style));
    let (share, style) = share.unwrap_or_default();
    let confidence_width = if share.is_empty() { 0 } else { width(&share) + GAP };
    if columns < confidence_width + GAP {
        return vec![Line::styled(share, style)];
    }
    let texts = wrap(&context.sanitized(answer), columns - confidence_width);
    let mut lines: Vec<Line> =
        texts.into_iter().map(|text| Line::styled(text, context.theme.strong)).collect();
    if let Some(first) = lines.first_mut() {
        first.push_span(Span::raw(" ".repeat(columns.saturating_sub(first.width() + width(&share)))));
        first.push_span(Span::styled(share, style));
    }
    lines
}

/// The items that fit into `room` rows, the most important chosen first, in the order of reading. Where the
/// whole sentence does not fit, a short form may.
fn fitting_items(
    context: &ViewContext,
    items: &[WhyItem],
    room: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut by_rank: Vec<(usize, &WhyItem)> = items.iter().enumerate().collect();
    by_rank.sort_by_key(|(index, item)| (item.rank, *index));
    let mut left = room;
    let mut lines_by_index: Vec<(usize, Vec<Line>)> = Vec::new();
    let mut has_support = false;
    for (index, item) in by_rank {
        if item.needs_support && !has_support {
            continue;
        }
        let forms = [Some(&item.text), item.short.as_ref()];
        let fits = forms.into_iter().flatten().map(|text| item_lines(context, item.role, text, columns));
        if let Some(lines) = fits.into_iter().find(|lines| lines.len() <= left) {
            left -= lines.len();
            has_support |= item.role == ItemRole::For;
            lines_by_index.push((index, lines));
        }
    }
    lines_by_index.sort_by_key(|(index, _)| *index);
    lines_by_index.into_iter().flat_map(|(_, lines)| lines).collect()
}

/// A sign and a text with hanging indent.
fn item_lines(context: &ViewContext, role: ItemRole, text: &str, columns: usize) -> Vec<Line<'static>> {
    let (lead, lead_style, style) = role.prefix_and_styles(context);
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

/// The next step with the key that does it, in at most `most` rows; what is cut says so.
fn next_step_lines(
    context: &ViewContext,
    step: &SuggestedStep,
    max_rows: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let theme = context.theme;
    let key = step.action.map(|action| context.keymap.key_text(action)).unwrap_or_default();
    let key = if key.is_empty() { key } else { format!("[{key}]") };
    let text = format!("{key} {}", step.text);
    let room = columns.saturating_sub(2);
    let mut rows = wrap(&context.sanitized(&text), room);
    if rows.len() > max_rows {
        rows.truncate(max_rows);
        if let Some(last) = rows.last_mut() {
            let ellipsis = context.glyphs.ellipsis;
            *last = format!("{} {ellipsis}", truncate(last, room.saturating_sub(2), ""));
        }
    }
    let sign = |index: usize| if index == 0 { format!("{} ", context.glyphs.right) } else { "  ".into() };
    rows.into_iter()
        .enumerate()
        .map(|(index, row)| {
            let key_length = if index == 0 && row.starts_with(&key) { key.len() } else { 0 };
            let (key_text, sentence) = row.split_at(key_length);
            let spans = [
                (sign(index), theme.key),
                (key_text.to_owned(), theme.key),
                (sentence.to_owned(), theme.text),
            ];
            Line::from(spans.map(|(text, style)| Span::styled(text, style)).to_vec())
        })
        .collect()
}
