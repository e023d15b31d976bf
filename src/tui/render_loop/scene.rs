//! What does one frame need? Everything owned, so that it can be drawn on another thread.

use std::io;
use std::sync::Arc;

use chrono::{FixedOffset, Local, Offset as _, TimeZone as _};

use crate::diagnostics::Stamp;
use crate::state::LiveState;

use super::super::TuiOptions;
use super::super::model::Model;
use super::super::painter::Painter;
use super::super::text::defuse;
use super::super::theme::Glyphs;
use super::super::view::{self, ViewContext, ViewState};

/// One frame to be.
pub(super) struct Scene {
    pub(super) live: Arc<LiveState>,
    pub(super) model: Model,
    pub(super) options: Arc<TuiOptions>,
    pub(super) copies: Vec<String>,
    pub(super) now: Stamp,
}

impl Scene {
    /// Draws it.
    pub(super) fn paint(&mut self, painter: &mut impl Painter, state: &mut ViewState) -> io::Result<()> {
        for text in self.copies.drain(..) {
            painter.copy(&text)?;
        }
        let (model, options) = (&self.model, &self.options);
        // Running durations grow without anything being published.
        let live_now = self.live.runtime.display_time(self.now);
        let (shown, now) = (model.shown(&self.live), model.shown_at(live_now));
        let shown = LiveState { snapshot: shown.snapshot.advanced(now), ..shown.clone() };
        let now = shown.snapshot.field_time(now);
        let context = ViewContext {
            published: &shown,
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
            defuse(frame.buffer_mut(), unicode);
        })
    }
}

/// The computer's zone at that moment (it changes with daylight saving).
fn local_offset(now: Stamp) -> FixedOffset {
    Local.offset_from_utc_datetime(&now.wall.naive_utc()).fix()
}
