//! Random numbers of one site.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A seeded source of numbers.
#[derive(Debug)]
pub(super) struct Sampler {
    numbers: StdRng,
    /// Decides what does not change when a world is drawn again.
    variants: StdRng,
}

impl Sampler {
    /// The numbers of one kind, seed and attempt; the hash is FNV-1a.
    pub(super) fn new(kind: &str, seed: u64, attempt: u64) -> Self {
        let hash = |attempt: u64| {
            let bytes = kind.bytes().chain(seed.to_le_bytes()).chain(attempt.to_le_bytes());
            bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
            })
        };
        Self {
            numbers: StdRng::seed_from_u64(hash(attempt)),
            variants: StdRng::seed_from_u64(!hash(u64::MAX)),
        }
    }

    /// From 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.numbers.random_range(0.0..1.0)
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    pub(super) fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Log-uniform: every scale between the two is equally likely.
    pub(super) fn log_uniform(&mut self, low: f64, high: f64) -> f64 {
        let high = high.max(low);
        (low.ln() + (high.ln() - low.ln()) * self.unit()).exp()
    }

    /// A log-uniform whole number, both ends included.
    pub(super) fn whole(&mut self, low: u32, high: u32) -> u32 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two u32")]
        let drawn = self.log_uniform(f64::from(low), f64::from(high) + 1.0) as u32;
        drawn.clamp(low, high)
    }

    /// A whole number below `end`, all equally likely; the same in every attempt, so that worlds whose drops are
    /// rarely enough are not replaced by others.
    pub(super) fn variant(&mut self, end: u32) -> u32 {
        self.variants.random_range(0..end)
    }

    /// One of these; the same in every attempt.
    pub(super) fn variant_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.variants.random_range(0..from.len())]
    }

    /// Whether a choice with this probability is made; the same in every attempt.
    pub(super) fn variant_chance(&mut self, share: f64) -> bool {
        self.variants.random_range(0.0..1.0) < share
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Standard normal.
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.numbers.random_range(0..from.len())]
    }

    /// A time as people configure it: often rounded to a unit that suits its size.
    pub(super) fn configured(&mut self, low: f64, high: f64) -> f64 {
        let drawn = self.log_uniform(low, high);
        if self.chance(0.5) {
            return drawn;
        }
        let unit =
            [5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 3600.0].into_iter().rfind(|unit| *unit <= drawn / 4.0);
        let unit = unit.unwrap_or(1.0);
        ((drawn / unit).round() * unit).clamp(low, high)
    }
}
