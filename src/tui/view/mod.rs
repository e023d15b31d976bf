//! The drawing: reads the published state and the model, writes cells.
//!
//! *Must not know* keys, requests, the terminal or a clock: time is in the [`ViewContext`].
//!
//! One panel, one file. The Overview:
//!
//! ```text
//!  dropscope  endpoint · MQTT 5 · id                        FROZEN  REC ●  14:03:22    header
//! ╭ Link ──────────────────────────────────────────────────────────────────────────╮
//! │ ● CONNECTED  02:13:45   keep-alive 60 s   ping 41 ms ▁▁▂▁   credentials 46 min │   link
//! │ in 340   out 12   pings 133   heard 12 s ago   sent 12 s ago                   │
//! ╰────────────────────────────────────────────────────────────────────────────────╯
//! ╭ Timeline · 24 h ───────────────────────────────────────────────────────────────╮
//! │ link   ━━━━━━━━━━╳━━━━━━━━━━╳━━━━━━━━━━2━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ │   timeline
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
//! With less room, panels go in this order: below 22 rows or 72 columns Errors and Sessions; below 17
//! rows Why; below 14 rows the timeline; below 10 rows or 40 columns everything but the state in a few
//! words. Below 24 rows lanes of the timeline go first (marks, then arm). The state of the link is never
//! left out.

mod command_popups;
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
mod minimal;
mod panel;
mod popups;
mod sessions;
mod timeline;
mod why;

use chrono::FixedOffset;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::diagnostics::Stamp;
use crate::monitor::LiveState;

use super::keymap::Keymap;
use super::model::{ClickTarget, Model, Screen};
use super::theme::{Glyphs, Theme};

/// Everything a view may read.
#[derive(Debug, Clone, Copy)]
pub struct ViewContext<'a> {
    /// The state to show: the newest, or the one the view was frozen at.
    pub published: &'a LiveState,
    /// The newest state, even while frozen: for notices and the recording sign.
    pub live: &'a LiveState,
    /// State of the screens.
    pub model: &'a Model,
    /// Styles by role.
    pub theme: &'a Theme,
    /// What to draw lines and signs with.
    pub glyphs: &'a Glyphs,
    /// The instant of field time `published` is shown for; stands still while frozen. Ages and uptimes
    /// end here.
    pub now: Stamp,
    /// This moment of field time, even while frozen: for the clock in the header.
    pub live_now: Stamp,
    /// This moment on this computer's clocks: for the age of notices.
    pub clock_now: Stamp,
    /// The zone of times on the screen.
    pub offset: FixedOffset,
    /// Which key does what.
    pub keymap: &'a Keymap,
}

/// What the views leave behind for the next frame and for the mouse. Cleared areas first, then drawn:
/// later areas lie above earlier ones.
#[derive(Debug, Default)]
pub struct ViewState {
    /// What was drawn where, bottom first.
    pub areas: Vec<(Rect, ClickTarget)>,
    /// First row shown of the drops list.
    pub list_offset: usize,
    /// Rows shown of the list or text that takes the keys, for paging.
    pub page_rows: usize,
    /// Largest useful scroll of that text (help, detail).
    pub max_scroll: usize,
}

impl ViewState {
    /// What lies at a cell, topmost first.
    pub fn target_at(&self, column: u16, row: u16) -> Option<ClickTarget> {
        let position = Position::new(column, row);
        self.areas.iter().rev().find(|(area, _)| area.contains(position)).map(|(_, target)| *target)
    }
}

/// Fewer columns or rows than these have room for the state only.
const MIN_SIZE: (u16, u16) = (40, 10);

/// Draws one frame.
pub fn render(frame: &mut Frame, context: &ViewContext, state: &mut ViewState) {
    state.areas.clear();
    (state.page_rows, state.max_scroll) = (0, 0);
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

/// The Overview below the header: see the drawing above and the order in which panels go.
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
        // Why explains and Drops lists: both may grow, up to what the explanation can fill.
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

/// Widths of the left and the right panels; no left ones where there is too little room.
fn panel_widths(width: u16, height: u16) -> (u16, u16) {
    let left = if width < 72 || height < 20 { 0 } else { (width * 2 / 5 - 2).clamp(32, 62) };
    (left, width - left)
}

/// Cuts `area` into rows of these heights, from the top; what does not fit is empty.
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
