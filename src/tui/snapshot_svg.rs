//! What would the screen show of this state? One frame without a terminal, as a picture.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{FixedOffset, Offset as _, Utc};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::keymap::Keymap;
use super::model::{DropDetailView, Model, Screen};
use super::theme::{Glyphs, Theme};
use super::view::{self, ViewContext, ViewState};
use super::{picture, text};
use crate::classify::Verdict;
use crate::diagnostics::event::Phase;
use crate::diagnostics::{LinkState, Snapshot, Stamp};
use crate::monitor::{LinkActivity, LiveState, RecorderState, RuntimeStatus};

/// Which screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SvgScreen {
    /// The Overview.
    Overview,
    /// The table of drops.
    Drops,
    /// The newest drop in detail; the table, if there was none.
    NewestDrop,
}

/// Columns and rows.
pub type ScreenSize = (u16, u16);

/// Draws what was recorded in `recording` up to `snapshot.at`, and the verdict on it, as SVG. Times are UTC and the colours are
/// the default ones, so that the same state always gives the same picture.
///
/// # Errors
/// None that drawing into memory can give; the backend's error type is passed on.
pub fn render_svg(
    snapshot: Snapshot,
    verdict: Option<Arc<Verdict>>,
    recording: PathBuf,
    svg_screen: SvgScreen,
    (width, height): ScreenSize,
) -> io::Result<String> {
    let now = snapshot.at;
    let model = model(svg_screen, &snapshot);
    let runtime = runtime(&snapshot, recording);
    let published = LiveState { snapshot, verdict, runtime };
    let context = ViewContext {
        published: &published,
        live: &published,
        model: &model,
        theme: &Theme::default_dark(),
        glyphs: &Glyphs::unicode(),
        now,
        live_now: now,
        clock_now: now,
        offset: utc(),
        keymap: &Keymap::default(),
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).map_err(io::Error::other)?;
    let frame = |frame: &mut ratatui::Frame| {
        view::render(frame, &context, &mut ViewState::default());
        text::replace_unsafe_cells(frame.buffer_mut(), true);
    };
    terminal.draw(frame).map_err(io::Error::other)?;
    Ok(picture::buffer_to_svg(terminal.backend().buffer()))
}

fn utc() -> FixedOffset {
    Utc.fix()
}

fn model(svg_screen: SvgScreen, snapshot: &Snapshot) -> Model {
    let newest = snapshot.drops.last().map(|drop| drop.number);
    let detail = newest
        .filter(|_| svg_screen == SvgScreen::NewestDrop)
        .map(|number| DropDetailView { number, scroll: 0 });
    let screen = if svg_screen == SvgScreen::Overview { Screen::Overview } else { Screen::Drops };
    Model { screen, selected: newest.filter(|_| detail.is_some()), detail, ..Model::default() }
}

/// What a running program would know beside the snapshot, as far as the events tell.
fn runtime(snapshot: &Snapshot, path: PathBuf) -> RuntimeStatus {
    let activity = match snapshot.link {
        LinkState::Idle | LinkState::Off { .. } => LinkActivity::Off,
        LinkState::Connecting { since, failures } => {
            LinkActivity::Connecting { phase: Phase::Dns, since, attempt: failures }
        }
        LinkState::Connected { .. } => LinkActivity::Connected,
        LinkState::Down { failures, .. } => {
            LinkActivity::Waiting { until: snapshot.at, attempt: failures.saturating_add(1) }
        }
    };
    let (last_rx, last_tx) = last_bytes(snapshot);
    let recorder = RecorderState::Recording { path, bytes: 0 };
    RuntimeStatus { activity, last_rx, last_tx, recorder, ..RuntimeStatus::default() }
}

/// When the session last heard and said something, at the earliest.
fn last_bytes(snapshot: &Snapshot) -> (Option<Stamp>, Option<Stamp>) {
    let LinkState::Connected { since } = snapshot.link else { return (None, None) };
    let (pong, session) = (snapshot.ping.last_at, &snapshot.session);
    let last_received = [Some(since), pong, session.last_message].into_iter().flatten().max();
    // A PINGRESP is preceded by the PINGREQ by a round trip, which no clock on the screen resolves.
    let last_sent = [Some(since), pong, session.last_publish].into_iter().flatten().max();
    (last_received, last_sent)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::diagnostics::Diagnostics;

    fn empty() -> Snapshot {
        let now = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        Diagnostics::new(10).snapshot(now)
    }

    #[test]
    fn empty_recording_is_drawn_at_any_size() {
        for size in [(120, 40), (80, 24), (20, 5), (1, 1)] {
            for svg_screen in [SvgScreen::Overview, SvgScreen::Drops, SvgScreen::NewestDrop] {
                let svg = render_svg(empty(), None, PathBuf::from("x"), svg_screen, size).expect("a picture");
                assert!(svg.starts_with("<svg "), "{svg}");
            }
        }
    }

    #[test]
    fn clock_shows_utc() {
        let svg =
            render_svg(empty(), None, PathBuf::from("x"), SvgScreen::Overview, (120, 40)).expect("a picture");
        assert!(svg.contains("12:00:00"), "{svg}");
    }
}
