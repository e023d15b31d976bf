//! Where in the recording are we, how fast do we go, and where do we go next?
//!
//! Positions are field time since the first event.

use std::time::Duration;

use crate::monitor::Playing;

/// The speeds to step through, beside the one that shows the whole recording in a minute.
pub const SPEEDS: [f64; 5] = [1.0, 10.0, 60.0, 600.0, 3_600.0];
/// How long the whole recording takes unless told otherwise.
const WHOLE: Duration = Duration::from_secs(60);
/// Speeds that make sense.
const SENSIBLE: std::ops::RangeInclusive<f64> = 0.01..=1_000_000.0;
/// "The drop before" means the one before the last if the last is this fresh, in time of the person watching.
const FRESH: Duration = Duration::from_millis(1_500);

/// Position and speed. Pure: time is passed in.
#[derive(Debug, Clone, PartialEq)]
pub struct Player {
    position: Duration,
    length: Duration,
    speed: f64,
    speeds: Vec<f64>,
    paused: bool,
}

impl Player {
    /// At the beginning of a recording of this length. Without a speed, the whole takes about a minute.
    pub fn new(length: Duration, speed: Option<f64>, paused: bool) -> Self {
        let fitting = fitting(length);
        let speed = speed.filter(|speed| SENSIBLE.contains(speed)).unwrap_or(fitting);
        let mut speeds = SPEEDS.to_vec();
        speeds.extend([fitting, speed]);
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

    /// Field seconds per second of the person watching.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether time stands still.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Goes to a position, at most to the end.
    pub fn go(&mut self, to: Duration) {
        self.position = to.min(self.length);
    }

    /// Lets time pass for the person watching. Pauses at the end.
    pub fn pass(&mut self, passed: Duration) {
        if self.paused {
            return;
        }
        let by = Duration::try_from_secs_f64(passed.as_secs_f64() * self.speed).unwrap_or(self.length);
        self.go(self.position.saturating_add(by));
        self.paused = self.position >= self.length;
    }

    /// Carries out a request. `drops` are the positions of all drops, in order.
    pub fn play(&mut self, wanted: Playing, drops: &[Duration]) {
        match wanted {
            Playing::Toggle if self.paused && self.position >= self.length => {
                (self.position, self.paused) = (Duration::ZERO, false);
            }
            Playing::Toggle => self.paused = !self.paused,
            Playing::Slower => self.step(|speed, now| speed < now, false),
            Playing::Faster => self.step(|speed, now| speed > now, true),
            Playing::PreviousDrop => self.previous(drops),
            Playing::NextDrop => self.next(drops),
            Playing::Back(by) => self.go(self.position.saturating_sub(by)),
            Playing::Forward(by) => self.go(self.position.saturating_add(by)),
            Playing::Beginning => self.go(Duration::ZERO),
            Playing::End => self.go(self.length),
        }
    }

    fn step(&mut self, is_beyond: impl Fn(f64, f64) -> bool, up: bool) {
        let now = self.speed;
        let mut beyond = self.speeds.iter().copied().filter(|speed| is_beyond(*speed, now));
        let next = if up { beyond.next() } else { beyond.next_back() };
        self.speed = next.unwrap_or(now);
    }

    /// To the drop before, to look at it. While playing, a drop that has just passed counts as this one, so
    /// that the key pressed again goes further back.
    fn previous(&mut self, drops: &[Duration]) {
        let grace = if self.paused { Duration::ZERO } else { FRESH.mul_f64(self.speed) };
        let before = self.position.saturating_sub(grace);
        let passed = drops.partition_point(|drop| *drop < before);
        let to = passed.checked_sub(1).and_then(|index| drops.get(index)).copied();
        self.go(to.unwrap_or(Duration::ZERO));
        self.paused = true;
    }

    fn next(&mut self, drops: &[Duration]) {
        let passed = drops.partition_point(|drop| *drop <= self.position);
        self.go(drops.get(passed).copied().unwrap_or(self.length));
        self.paused = true;
    }
}

/// The speed, in two digits, at which the whole takes about [`WHOLE`]; never slower than life.
fn fitting(length: Duration) -> f64 {
    let exact = length.as_secs_f64() / WHOLE.as_secs_f64();
    if exact <= 1.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(exact.log10().floor() - 1.0);
    let fitting = (exact / unit).round() * unit;
    // Below ten, tenths of a second per second are no number to show.
    if fitting < 10.0 { fitting.round() } else { fitting }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn the_whole_takes_about_a_minute_unless_told_otherwise() {
        for (length, speed) in
            [(0, 1.0), (59, 1.0), (150, 3.0), (3_600, 60.0), (86_400, 1_400.0), (604_800, 10_000.0)]
        {
            let player = Player::new(secs(length), None, false);
            assert!((player.speed() - speed).abs() < 1e-6, "{length}: {}", player.speed());
        }
        for (asked, speed) in [(7.5, 7.5), (f64::NAN, 60.0), (-1.0, 60.0), (0.0, 60.0), (1e300, 60.0)] {
            let player = Player::new(secs(3_600), Some(asked), false);
            assert!((player.speed() - speed).abs() < 1e-6, "{asked}");
        }
    }

    #[test]
    fn the_keys_step_through_the_speeds_and_stop_at_the_ends() {
        let mut player = Player::new(secs(86_400), Some(7.0), false);
        let mut seen = Vec::new();
        for _ in 0..8 {
            player.play(Playing::Faster, &[]);
            seen.push(player.speed());
        }
        assert_eq!(seen, [10.0, 60.0, 600.0, 1_400.0, 3_600.0, 3_600.0, 3_600.0, 3_600.0]);
        for _ in 0..8 {
            player.play(Playing::Slower, &[]);
        }
        assert!((player.speed() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn time_passes_at_the_speed_and_ends_at_the_end() {
        let mut player = Player::new(secs(100), Some(10.0), false);
        player.pass(secs(3));
        assert_eq!(player.position(), secs(30));
        player.play(Playing::Toggle, &[]);
        player.pass(secs(3));
        assert_eq!(player.position(), secs(30), "paused");
        player.play(Playing::Toggle, &[]);
        player.pass(Duration::MAX);
        assert_eq!((player.position(), player.is_paused()), (secs(100), true));
        player.play(Playing::Toggle, &[]);
        assert_eq!((player.position(), player.is_paused()), (secs(0), false), "once more");
    }

    #[test]
    fn seeking_by_drop_finds_each_drop_once_and_pauses() {
        let drops = [secs(10), secs(50), secs(50), secs(90)];
        let mut player = Player::new(secs(100), Some(1.0), false);
        let mut walk = |wanted, times| {
            (0..times)
                .map(|_| {
                    player.play(wanted, &drops);
                    assert!(player.is_paused());
                    player.position().as_secs()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(walk(Playing::NextDrop, 5), [10, 50, 90, 100, 100]);
        assert_eq!(walk(Playing::PreviousDrop, 4), [90, 50, 10, 0]);
    }

    #[test]
    fn going_back_while_playing_does_not_stick_to_the_drop_just_passed() {
        let drops = [secs(100), secs(500)];
        let mut player = Player::new(secs(1_000), Some(60.0), false);
        player.go(secs(530));
        player.play(Playing::PreviousDrop, &drops);
        assert_eq!(player.position(), secs(100), "half a second after the drop it is meant to go further");
        let mut player = Player::new(secs(1_000), Some(60.0), false);
        player.go(secs(700));
        player.play(Playing::PreviousDrop, &drops);
        assert_eq!(player.position(), secs(500));
    }

    #[test]
    fn scrubbing_stays_inside() {
        let mut player = Player::new(secs(100), None, true);
        player.play(Playing::Back(secs(5)), &[]);
        assert_eq!(player.position(), secs(0));
        player.play(Playing::Forward(Duration::MAX), &[]);
        assert_eq!(player.position(), secs(100));
        player.play(Playing::Back(secs(5)), &[]);
        assert_eq!(player.position(), secs(95));
        player.play(Playing::Beginning, &[]);
        assert_eq!((player.position(), player.is_paused()), (secs(0), true));
        player.play(Playing::End, &[]);
        assert_eq!(player.position(), secs(100));
    }
}
