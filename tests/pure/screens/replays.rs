//! The parts of a screen that only a replay shows.

use std::time::Duration;

use dropscope::state::{LiveState, ReplayStatus};
use dropscope::tui::model::Popup;

use crate::screens::{ScreenFixture, detail, sample, snap};

/// The live state of a replay.
fn replay_state(mut published: LiveState, change: impl FnOnce(&mut ReplayStatus)) -> LiveState {
    let position = published.snapshot.at.since(published.snapshot.since);
    let mut replay = ReplayStatus {
        at: published.snapshot.at,
        position,
        length: position + Duration::from_secs(7_200),
        speed: 1_400.0,
        paused: false,
        reading: None,
        unreadable: 0,
    };
    change(&mut replay);
    published.runtime.replay = Some(replay);
    published
}

#[test]
fn playing() {
    snap("replay", &ScreenFixture::new(replay_state(sample::after_drops(), |_| ())));
}

#[test]
fn paused_with_bad_lines() {
    let published = replay_state(sample::after_drops(), |replay| {
        (replay.paused, replay.speed, replay.unreadable) = (true, 7.5, 3);
    });
    snap("replay-paused", &ScreenFixture::new(published).plain());
}

#[test]
fn reading() {
    let published = replay_state(sample::empty(), |replay| replay.reading = Some(42));
    snap("replay-reading", &ScreenFixture::new(published));
}

#[test]
fn replay_help() {
    let published = replay_state(sample::after_drops(), |_| ());
    snap(
        "replay-help",
        &ScreenFixture::new(published).with(|model| model.popup = Some(Popup::Help { scroll: 0 })),
    );
}

#[test]
fn one_drop() {
    let published = replay_state(sample::after_drops(), |replay| replay.paused = true);
    snap("replay-detail", &ScreenFixture::new(published).with(detail(3)));
}

#[test]
fn the_smallest_screens_do_not_panic() {
    for size in [(1, 1), (20, 5), (39, 10), (40, 10), (60, 18), (300, 90)] {
        let scene = ScreenFixture::new(replay_state(sample::hostile(), |replay| replay.speed = f64::NAN));
        assert!(!scene.text(size.0, size.1).is_empty());
    }
}

#[test]
fn replay_and_paused_badges_are_always_shown() {
    for width in [60, 80, 120, 200] {
        let published = replay_state(sample::long_names(), |replay| replay.paused = true);
        let text = ScreenFixture::new(published).text(width, 24);
        assert!(text.lines().next().is_some_and(|row| row.contains("REPLAY 1400x PAUSED")), "{text}");
    }
}
