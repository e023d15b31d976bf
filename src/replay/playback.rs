//! Position and speed of a replay, and the playback actions.
//!
//! Positions are field time since the first event.

use std::time::Duration;

use crate::state::PlaybackAction;

/// The speeds to step through, besides the one that plays the whole recording in a minute.
pub const SPEEDS: [f64; 5] = [1.0, 10.0, 60.0, 600.0, 3_600.0];
/// How long the whole recording takes at the default speed.
const DEFAULT_DURATION: Duration = Duration::from_secs(60);
/// Valid speeds.
const VALID_SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;
/// While playing, a drop passed less than this ago (real time) counts as the current one, not as the previous one.
const PREVIOUS_DROP_GRACE: Duration = Duration::from_millis(1_500);

/// Position and speed. Pure: time is passed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Playback {
    position: Duration,
    length: Duration,
    speed: f64,
    speeds: Vec<f64>,
    paused: bool,
}

impl Playback {
    /// At the beginning of a recording of this length. Without a speed, the whole takes about a minute.
    pub fn new(length: Duration, speed: Option<f64>, paused: bool) -> Self {
        let default_speed = default_speed(length);
        let speed = speed.filter(|speed| VALID_SPEEDS.contains(speed)).unwrap_or(default_speed);
        let mut speeds = SPEEDS.to_vec();
        speeds.extend([default_speed, speed]);
        speeds.sort_by(f64::total_cmp);
        speeds.dedup();
        Self { position: Duration::ZERO, length, speed, speeds, paused }
    }

    /// Time since the first event.
    pub fn position(&self) -> Duration {
        self.position
    }

    /// Length of the recording.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Field seconds per real second.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether playback is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Moves to a position, at most to the end.
    pub fn seek(&mut self, to: Duration) {
        self.position = to.min(self.length);
    }

    /// Advances by the real time that passed. Pauses at the end.
    pub fn advance(&mut self, passed: Duration) {
        if self.paused {
            return;
        }
        let by = Duration::try_from_secs_f64(passed.as_secs_f64() * self.speed).unwrap_or(self.length);
        self.seek(self.position.saturating_add(by));
        self.paused = self.position >= self.length;
    }

    /// Applies a playback action. `drops` are the positions of all drops, in order.
    pub fn apply(&mut self, action: PlaybackAction, drops: &[Duration]) {
        match action {
            PlaybackAction::Toggle if self.paused && self.position >= self.length => {
                (self.position, self.paused) = (Duration::ZERO, false);
            }
            PlaybackAction::Toggle => self.paused = !self.paused,
            PlaybackAction::Slower => self.change_speed(|speed, now| speed < now, false),
            PlaybackAction::Faster => self.change_speed(|speed, now| speed > now, true),
            PlaybackAction::PreviousDrop => self.seek_previous_drop(drops),
            PlaybackAction::NextDrop => self.seek_next_drop(drops),
            PlaybackAction::Back(by) => self.seek(self.position.saturating_sub(by)),
            PlaybackAction::Forward(by) => self.seek(self.position.saturating_add(by)),
            PlaybackAction::Beginning => self.seek(Duration::ZERO),
            PlaybackAction::End => self.seek(self.length),
        }
    }

    fn change_speed(&mut self, is_beyond: impl Fn(f64, f64) -> bool, up: bool) {
        let now = self.speed;
        let mut beyond = self.speeds.iter().copied().filter(|speed| is_beyond(*speed, now));
        let next = if up { beyond.next() } else { beyond.next_back() };
        self.speed = next.unwrap_or(now);
    }

    /// To the previous drop, and pauses. While playing, a drop just passed counts as the current one, so that the key
    /// pressed again goes further back.
    fn seek_previous_drop(&mut self, drops: &[Duration]) {
        let grace = if self.paused { Duration::ZERO } else { PREVIOUS_DROP_GRACE.mul_f64(self.speed) };
        let before = self.position.saturating_sub(grace);
        let passed = drops.partition_point(|drop| *drop < before);
        let to = passed.checked_sub(1).and_then(|index| drops.get(index)).copied();
        self.seek(to.unwrap_or(Duration::ZERO));
        self.paused = true;
    }

    fn seek_next_drop(&mut self, drops: &[Duration]) {
        let passed = drops.partition_point(|drop| *drop <= self.position);
        self.seek(drops.get(passed).copied().unwrap_or(self.length));
        self.paused = true;
    }
}

/// The speed, in two digits, at which the whole recording takes about [`DEFAULT_DURATION`]; at least real time.
fn default_speed(length: Duration) -> f64 {
    let exact = length.as_secs_f64() / DEFAULT_DURATION.as_secs_f64();
    if exact <= 1.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(exact.log10().floor() - 1.0);
    let rounded = (exact / unit).round() * unit;
    // Below ten, whole numbers only: tenths are of no use on screen.
    if rounded < 10.0 { rounded.round() } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_default_speed_plays_the_recording_in_a_minute() {
        for (length, speed) in
            [(0, 1.0), (59, 1.0), (150, 3.0), (3_600, 60.0), (86_400, 1_400.0), (604_800, 10_000.0)]
        {
            let playback = Playback::new(secs(length), None, false);
            assert!((playback.speed() - speed).abs() < 1e-6, "{length}: {}", playback.speed());
        }
        for (requested, speed) in [(7.5, 7.5), (f64::NAN, 60.0), (-1.0, 60.0), (0.0, 60.0), (1e300, 60.0)] {
            let playback = Playback::new(secs(3_600), Some(requested), false);
            assert!((playback.speed() - speed).abs() < 1e-6, "{requested}");
        }
    }

    #[test]
    fn the_keys_step_through_the_speeds_and_stop_at_the_ends() {
        let mut playback = Playback::new(secs(86_400), Some(7.0), false);
        let mut seen = Vec::new();
        for _ in 0..8 {
            playback.apply(PlaybackAction::Faster, &[]);
            seen.push(playback.speed());
        }
        assert_eq!(seen, [10.0, 60.0, 600.0, 1_400.0, 3_600.0, 3_600.0, 3_600.0, 3_600.0]);
        for _ in 0..8 {
            playback.apply(PlaybackAction::Slower, &[]);
        }
        assert!((playback.speed() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn time_passes_at_the_speed_and_ends_at_the_end() {
        let mut playback = Playback::new(secs(100), Some(10.0), false);
        playback.advance(secs(3));
        assert_eq!(playback.position(), secs(30));
        playback.apply(PlaybackAction::Toggle, &[]);
        playback.advance(secs(3));
        assert_eq!(playback.position(), secs(30), "paused");
        playback.apply(PlaybackAction::Toggle, &[]);
        playback.advance(Duration::MAX);
        assert_eq!((playback.position(), playback.is_paused()), (secs(100), true));
        playback.apply(PlaybackAction::Toggle, &[]);
        assert_eq!((playback.position(), playback.is_paused()), (secs(0), false), "it begins again");
    }

    #[test]
    fn seeking_by_drop_finds_each_drop_once_and_pauses() {
        let drops = [secs(10), secs(50), secs(50), secs(90)];
        let mut playback = Playback::new(secs(100), Some(1.0), false);
        let mut positions_after = |action, times| {
            (0..times)
                .map(|_| {
                    playback.apply(action, &drops);
                    assert!(playback.is_paused());
                    playback.position().as_secs()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(positions_after(PlaybackAction::NextDrop, 5), [10, 50, 90, 100, 100]);
        assert_eq!(positions_after(PlaybackAction::PreviousDrop, 4), [90, 50, 10, 0]);
    }

    #[test]
    fn previous_drop_while_playing_skips_the_drop_just_passed() {
        let drops = [secs(100), secs(500)];
        let mut playback = Playback::new(secs(1_000), Some(60.0), false);
        playback.seek(secs(530));
        playback.apply(PlaybackAction::PreviousDrop, &drops);
        assert_eq!(playback.position(), secs(100), "a drop passed half a second ago is skipped");
        let mut playback = Playback::new(secs(1_000), Some(60.0), false);
        playback.seek(secs(700));
        playback.apply(PlaybackAction::PreviousDrop, &drops);
        assert_eq!(playback.position(), secs(500));
    }

    #[test]
    fn seeking_stays_within_the_recording() {
        let mut playback = Playback::new(secs(100), None, true);
        playback.apply(PlaybackAction::Back(secs(5)), &[]);
        assert_eq!(playback.position(), secs(0));
        playback.apply(PlaybackAction::Forward(Duration::MAX), &[]);
        assert_eq!(playback.position(), secs(100));
        playback.apply(PlaybackAction::Back(secs(5)), &[]);
        assert_eq!(playback.position(), secs(95));
        playback.apply(PlaybackAction::Beginning, &[]);
        assert_eq!((playback.position(), playback.is_paused()), (secs(0), true));
        playback.apply(PlaybackAction::End, &[]);
        assert_eq!(playback.position(), secs(100));
    }
}
