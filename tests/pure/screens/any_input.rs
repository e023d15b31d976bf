//! Any screen size and any events: no panic, and no unsafe character is drawn.

use std::time::Duration;

use chrono::DateTime;
use dropscope::diagnostics::{Diagnostics, Stamp};
use dropscope::state::{LiveState, RuntimeStatus};
use dropscope::tui::model::{InputPopup, InputPurpose, Model, Popup, Screen, Zoom};
use dropscope::tui::text::LineEdit;
use proptest::prelude::*;

use super::{ScreenFixture, detail, sample, verdicts};
use crate::arbitrary::{any_event, started_event};

/// Scenes with every panel in every state, for the size tests.
fn scenes() -> Vec<ScreenFixture> {
    let help = |model: &mut Model| model.popup = Some(Popup::Help { scroll: 3 });
    let typing = |model: &mut Model| {
        let line = LineEdit::new(&"東京 note ".repeat(20));
        model.popup = Some(Popup::Input(InputPopup {
            purpose: InputPurpose::Note,
            line,
            error: None,
            previous: String::new(),
        }));
    };
    vec![
        ScreenFixture::new(sample::nameless()),
        ScreenFixture::new(sample::empty()),
        ScreenFixture::new(sample::connecting()),
        ScreenFixture::new(sample::reconnecting()),
        ScreenFixture::new(sample::long_names()),
        ScreenFixture::new(sample::hostile()).plain(),
        ScreenFixture::new(sample::long_names()).with(detail(1)),
        ScreenFixture::new(sample::after_drops()).with(|model| model.screen = Screen::Drops),
        ScreenFixture::new(sample::after_drops()).with(help),
        ScreenFixture::new(sample::after_drops()).with(typing),
        verdicts::two_causes(),
        verdicts::two_causes().with(|model| model.popup = Some(Popup::Why { scroll: 3 })),
        verdicts::lead().plain(),
        verdicts::sure().with(detail(3)),
    ]
}

#[test]
fn every_size_draws_without_panic() {
    for scene in scenes() {
        for width in (1..=60).chain([79, 80, 103, 120, 200]) {
            for height in [1, 2, 3, 5, 9, 10, 13, 17, 22, 24, 60] {
                scene.buffer(width, height);
            }
        }
    }
}

/// Whether a cell contains a control or reordering character.
fn is_dangerous(symbol: &str) -> bool {
    symbol.chars().any(|c| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_events_draw_without_panic(
        start in started_event(),
        events in prop::collection::vec((0..90_000_000_000_u64, any_event()), 0..60),
        width in 1_u16..=130,
        height in 1_u16..=45,
        zoom in prop::sample::select(Zoom::ALL.to_vec()),
        scroll in 0..200_000_u64,
        screen in 0..4_u8,
    ) {
        let mut fold = Diagnostics::new(8);
        let mut at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO);
        fold.apply(at, &start);
        for (micros, event) in &events {
            at = at.plus(Duration::from_micros(*micros));
            fold.apply(at, event);
        }
        let snapshot = fold.snapshot(at.plus(Duration::from_secs(3)));
        let newest = snapshot.drops.last().map_or(1, |drop| drop.number);
        let published = LiveState { snapshot, verdict: None, runtime: RuntimeStatus::default() };
        let scene = ScreenFixture::new(published).with(|model| {
            (model.zoom, model.scroll) = (Some(zoom), Duration::from_secs(scroll));
            match screen {
                0 | 1 => {}
                2 => model.screen = Screen::Drops,
                _ => detail(newest)(model),
            }
        });
        let scene = if screen == 1 { scene.plain() } else { scene };
        for cell in scene.buffer(width, height).content() {
            prop_assert!(!is_dangerous(cell.symbol()), "{:?}", cell.symbol());
            prop_assert!(screen != 1 || cell.symbol().is_ascii(), "{:?}", cell.symbol());
        }
    }
    #[test]
    fn any_size_draws_without_panic(width in 1_u16..=200, height in 1_u16..=60, which in 0_usize..14) {
        scenes().swap_remove(which).buffer(width, height);
    }
}
