//! The owned data of one frame, so that it can be drawn on another thread.

use std::io;
use std::sync::Arc;

use chrono::{FixedOffset, Local, Offset as _, TimeZone as _};

use crate::diagnostics::Stamp;
use crate::state::LiveState;

use super::super::TuiOptions;
use super::super::model::Model;
use super::super::painter::Painter;
use super::super::text::replace_unsafe_cells;
use super::super::theme::Glyphs;
use super::super::view::{self, ViewContext, ViewState};

/// One frame to draw.
pub(super) struct FrameJob {
    pub(super) live: Arc<LiveState>,
    pub(super) model: Model,
    pub(super) options: Arc<TuiOptions>,
    pub(super) copies: Vec<String>,
    pub(super) now: Stamp,
}

impl FrameJob {
    /// Draws it.
    pub(super) fn paint(&mut self, painter: &mut impl Painter, state: &mut ViewState) -> io::Result<()> {
        for text in self.copies.drain(..) {
            painter.copy_to_clipboard(&text)?;
        }
        let (model, options) = (&self.model, &self.options);
        // Running durations grow between two published states.
        let live_now = self.live.runtime.display_time(self.now);
        let (displayed, now) = (model.displayed_state(&self.live), model.displayed_at(live_now));
        let displayed = LiveState { snapshot: displayed.snapshot.advanced(now), ..displayed.clone() };
        let now = displayed.snapshot.field_time(now);
        let context = ViewContext {
            published: &displayed,
            live: &self.live,
            model,
            theme: &options.theme,
            glyphs: &options.glyphs,
            now,
            live_now: self.live.snapshot.field_time(live_now),
            clock_now: self.now,
            offset: options.zone.unwrap_or_else(|| local_offset(live_now)),
            keymap: &options.keymap,
        };
        let unicode = options.glyphs != Glyphs::ascii();
        painter.paint(&mut |frame| {
            view::render(frame, &context, state);
            replace_unsafe_cells(frame.buffer_mut(), unicode);
        })
    }
}

/// The computer's UTC offset at that moment (it changes with daylight saving time).
fn local_offset(now: Stamp) -> FixedOffset {
    Local.offset_from_utc_datetime(&now.wall.naive_utc()).fix()
}
