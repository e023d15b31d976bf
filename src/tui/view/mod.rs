//! The drawing: reads the published state and the model, writes cells.
//!
//! *Must not know* keys, requests, the terminal or a clock: time is in the [`ViewContext`].

use chrono::FixedOffset;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Paragraph;

use crate::diagnostics::Stamp;
use crate::monitor::Published;

use super::keymap::Keymap;
use super::model::{Model, Target};
use super::theme::{Glyphs, Theme};

/// Everything a view may read.
#[derive(Debug, Clone, Copy)]
pub struct ViewContext<'a> {
    /// The state to show: the newest, or the one the view was frozen at.
    pub published: &'a Published,
    /// The newest state, even while frozen: for notices and the recording sign.
    pub live: &'a Published,
    /// State of the screens.
    pub model: &'a Model,
    /// Styles by role.
    pub theme: &'a Theme,
    /// What to draw lines and signs with.
    pub glyphs: &'a Glyphs,
    /// The instant `published` is shown for; stands still while frozen. Ages and uptimes end here.
    pub now: Stamp,
    /// This moment, even while frozen: for the clock in the header and the age of notices.
    pub live_now: Stamp,
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
    pub areas: Vec<(Rect, Target)>,
    /// First row shown of the drops list.
    pub list_offset: usize,
    /// Rows shown of the list or text that takes the keys, for paging.
    pub page_rows: usize,
    /// Largest useful scroll of that text (help, detail).
    pub max_scroll: usize,
}

impl ViewState {
    /// What lies at a cell, topmost first.
    pub fn target_at(&self, column: u16, row: u16) -> Option<Target> {
        let position = Position::new(column, row);
        self.areas.iter().rev().find(|(area, _)| area.contains(position)).map(|(_, target)| *target)
    }
}

/// Draws one frame.
pub fn render(frame: &mut Frame, context: &ViewContext, state: &mut ViewState) {
    state.areas.clear();
    let title = Paragraph::new(context.model.screen.title()).style(context.theme.title);
    frame.render_widget(title, frame.area());
}
