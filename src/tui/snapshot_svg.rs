//! One screen of a snapshot as an SVG picture, drawn without a terminal.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{FixedOffset, Offset as _, Utc};

use super::keymap::Keymap;
use super::model::{DropDetailView, Model, Screen};
use super::picture;
use super::theme::{Glyphs, Theme};
use super::view::ViewContext;
use crate::classify::Verdict;
use crate::diagnostics::event::Phase;
use crate::diagnostics::recording::RecorderState;
use crate::diagnostics::{LinkActivity, LinkState, Snapshot, Stamp};
use crate::state::{LiveState, RuntimeStatus};

/// The screen to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SvgScreen {
    /// The Overview.
    Overview,
    /// The table of drops.
    Drops,
    /// The newest drop in detail; the table, if there is none.
    NewestDrop,
}

/// Columns and rows.
pub type ScreenSize = (u16, u16);

/// Draws the state recorded in `recording` up to `snapshot.at`, and its verdict, as SVG. Times are UTC and
/// colors are the defaults, so that the same state always gives the same picture.
pub fn render_svg(
    snapshot: Snapshot,
    verdict: Option<Arc<Verdict>>,
    recording: PathBuf,
    svg_screen: SvgScreen,
    (width, height): ScreenSize,
) -> String {
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
    picture::screen_to_svg(&context, width, height)
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

/// The runtime status of a running program at that moment, as far as the events contain it.
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

/// The earliest possible times of the last received and the last sent bytes of the session.
fn last_bytes(snapshot: &Snapshot) -> (Option<Stamp>, Option<Stamp>) {
    let LinkState::Connected { since } = snapshot.link else { return (None, None) };
    let (pong, session) = (snapshot.ping.last_at, &snapshot.session);
    let last_received = [Some(since), pong, session.last_message].into_iter().flatten().max();
    // The PINGREQ precedes the PINGRESP by one round trip, less than the displayed resolution.
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
                let svg = render_svg(empty(), None, PathBuf::from("x"), svg_screen, size);
                assert!(svg.starts_with("<svg "), "{svg}");
            }
        }
    }

    #[test]
    fn clock_shows_utc() {
        let svg = render_svg(empty(), None, PathBuf::from("x"), SvgScreen::Overview, (120, 40));
        assert!(svg.contains("12:00:00"), "{svg}");
    }
}
