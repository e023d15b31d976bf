//! Seeded random numbers of the distributions that all sources use.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A seeded source of numbers.
#[derive(Debug)]
pub(super) struct Numbers(StdRng);

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// From 0 to 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.random_range(0.0..1.0)
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

    /// A whole number below `end`, all equally likely.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.0.random_range(0..end)
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
        from[self.0.random_range(0..from.len())]
    }
}
