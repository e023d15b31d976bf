//! The views: read the live state and the model, and draw cells.
//!
//! They must not depend on keys, requests, the terminal or a clock: the time is in the [`ViewContext`].
//!
//! One file per panel. The Overview:
//!
//! ```text
//!  dropscope  endpoint · MQTT 5 · id                        FROZEN  REC ●  14:03:22    header
//! ╭ Link ──────────────────────────────────────────────────────────────────────────╮
//! │ ● CONNECTED  02:13:45   keep-alive 60 s   ping 41 ms ▁▁▂▁   credentials 46 min │   link
//! │ in 340   out 12   pings 133   received 12 s ago   sent 12 s ago                │
//! ╰────────────────────────────────────────────────────────────────────────────────╯
//! ╭ Timeline · 24 h ───────────────────────────────────────────────────────────────╮
//! │ link       ━━━━━━╳━━━━━━━━━━╳━━━━━━━━━━2━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ │   timeline
//! ╰────────────────────────────────────────────────────────────────────────────────╯
//! ╭ Errors · 9 drops ───────────╮╭ Why ────────────────────────────────────────────╮
//! │ UNEXPECTED_HANGUP  ██████ 7 ││ IDLE TIMEOUT                          91 % sure │   errors, why
//! ╰─────────────────────────────╯╰─────────────────────────────────────────────────╯
//! ╭ Sessions ───────────────────╮╭ Drops ──────────────────────────────────────────╮
//! │ available 99.71 %           ││ 13:49:37  UNEXPECTED_HANGUP  4.4 h        1.9 s │   sessions, drops
//! │ ▁▁▂▇█▃▁                     ││ latest events …                                 │   (and events below)
//! ╰─────────────────────────────╯╰─────────────────────────────────────────────────╯
//!  1 Overview  2 Drops  - + keep-alive  e export  n note               ? help  q quit   footer
//! ```
//!
//! On a smaller screen, panels are left out in this order: below 22 rows or 72 columns Errors and Sessions;
//! below 17 rows Why; below 14 rows the timeline; below 10 rows or 40 columns everything but the state in a
//! few words. Below 24 rows, the timeline leaves out lanes (marks, then keep-alive). The state of the link
//! is always shown.

mod command_popups;
mod context;
mod device;
mod device_details;
mod drop_detail;
mod drops;
mod errors;
mod events;
mod footer;
mod header;
mod line_layout;
mod link;
mod list;
mod minimal;
mod panel;
mod popups;
mod separation;
mod sessions;
mod table;
mod timeline;
mod why;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::model::{ClickTarget, Screen, ScrollLimits};

pub use context::ViewContext;

/// Output of the views for the next frame and for the mouse.
#[derive(Debug, Default)]
pub struct ViewState {
    /// The click targets and their areas; later ones cover earlier ones.
    pub areas: Vec<(Rect, ClickTarget)>,
    /// First visible row of the drops list.
    pub list_offset: usize,
    /// Scroll limits of the list or text that receives the keys.
    pub scroll_limits: ScrollLimits,
}

impl ViewState {
    /// The topmost click target at a cell.
    pub fn target_at(&self, column: u16, row: u16) -> Option<ClickTarget> {
        let position = Position::new(column, row);
        self.areas.iter().rev().find(|(area, _)| area.contains(position)).map(|(_, target)| *target)
    }
}

/// Minimum columns and rows; a smaller screen shows the link state only.
const MIN_SIZE: (u16, u16) = (40, 10);

/// Draws one frame.
pub fn render(frame: &mut Frame, context: &ViewContext, state: &mut ViewState) {
    state.areas.clear();
    state.scroll_limits = ScrollLimits::default();
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
        minimal::render(frame, area, context);
        return;
    }
    let rows = split_rows(area, &[1, area.height - 2, 1]);
    let [top, body, bottom] = [rows[0], rows[1], rows[2]];
    header::render(frame, top, context);
    match (context.model.screen, context.model.detail) {
        (Screen::Overview, _) => overview(frame, body, context, state),
        (screen, detail) => {
            let link = if body.height >= 14 { 4 } else { 0 };
            let rows = split_rows(body, &[link, body.height - link]);
            if link > 0 {
                link::render(frame, rows[0], context);
            }
            match detail {
                _ if screen == Screen::Device => device::render(frame, rows[1], context, state),
                Some(detail) => drop_detail::render(frame, rows[1], context, detail, state),
                None => drops::render(frame, rows[1], context, state),
            }
        }
    }
    footer::render(frame, bottom, context, state);
    footer::notices(frame, Rect { y: bottom.y - 1, ..bottom }, context);
    popups::render(frame, context, state);
}

/// The Overview below the header; the module documentation shows its layout.
fn overview(frame: &mut Frame, body: Rect, context: &ViewContext, state: &mut ViewState) {
    let height = body.height;
    let link = 4;
    let timeline = match height {
        0..12 => 0,
        12..17 => 4,
        17..22 => 5,
        _ => 6,
    };
    let rest = height - link - timeline;
    let (left, right) = panel_widths(body.width, height);
    let why = match rest {
        0..9 => 0,
        // Why and Drops both grow, Why up to the height that its text can fill.
        _ => (rest / 2 + u16::from(rest >= 11)).clamp(5, 14),
    };
    let why = if height >= 15 { why } else { 0 };
    let rows = split_rows(body, &[link, timeline, why, rest - why]);
    link::render(frame, rows[0], context);
    if timeline > 0 {
        timeline::render(frame, rows[1], context, state);
    }
    let sides = |row: Rect| {
        let first = Rect { width: left, ..row };
        (first, Rect { x: row.x + left, width: right, ..row })
    };
    if why > 0 {
        let (first, second) = sides(rows[2]);
        why::render(frame, second, context);
        if left > 0 {
            errors::render(frame, first, context);
        }
    }
    let (first, second) = sides(rows[3]);
    if left > 0 {
        sessions::render(frame, first, context);
    }
    drops::render(frame, second, context, state);
}

/// Widths of the left and the right panels; the left width is 0 on a small screen.
fn panel_widths(width: u16, height: u16) -> (u16, u16) {
    let left = if width < 72 || height < 20 { 0 } else { (width * 2 / 5 - 2).clamp(32, 62) };
    (left, width - left)
}

/// Splits `area` into rows of these heights, from the top; rows that do not fit are empty.
fn split_rows(area: Rect, heights: &[u16]) -> Vec<Rect> {
    let mut y = area.y;
    let row = |height: &u16| {
        let height = (*height).min(area.bottom() - y);
        let row = Rect { y, height, ..area };
        y += height;
        row
    };
    heights.iter().map(row).collect()
}
