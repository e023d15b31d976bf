//! Random numbers.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// A seeded source of chance.
#[derive(Debug)]
pub(crate) struct Dice(StdRng);

impl Dice {
    /// The same class and seed give the same numbers.
    pub(crate) fn new(class: &str, seed: u64) -> Self {
        // FNV-1a, so that the classes differ.
        let hash = class.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(StdRng::seed_from_u64(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// Another source, that depends on this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(StdRng::seed_from_u64(self.seed()))
    }

    pub(crate) fn seed(&mut self) -> u64 {
        self.0.random()
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    pub(crate) fn between(&mut self, least: f64, most: f64) -> f64 {
        (most - least).mul_add(self.0.random::<f64>(), least)
    }

    /// Uniform in the logarithm.
    pub(crate) fn log(&mut self, least: f64, most: f64) -> f64 {
        self.between(least.ln(), most.ln()).exp()
    }

    pub(crate) fn whole(&mut self, least: u64, most: u64) -> u64 {
        self.0.random_range(least..=most)
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.random_range(0..of.len())]
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }

    /// About normal: the sum of four uniform numbers.
    pub(crate) fn deviation(&mut self, sigma: f64) -> f64 {
        let sum: f64 = (0..4).map(|_| self.between(-1.0, 1.0)).sum();
        sum * sigma * 0.866
    }

    /// A wait that happens around a mean, in one of the shapes that waits have in the field.
    pub(crate) fn wait(&mut self, mean: f64) -> f64 {
        match self.whole(0, 3) {
            0 => self.between(0.3, 1.7) * mean,
            1 => self.log(0.1, 3.2) * mean * 0.9,
            _ => self.exponential(mean),
        }
    }
}
