//! Random numbers.

use std::ops::{Deref, DerefMut};

use crate::verdicts::numbers::Numbers;

/// A seeded source of numbers.
#[derive(Debug)]
pub(super) struct Draw(Numbers);

/// Scatter around a time; deliberately not normal, which would favor the classifier.
#[derive(Debug, Clone, Copy)]
pub(super) enum Jitter {
    Even(f64),
    /// Late only.
    Late(f64),
    Skewed(f64),
    Bell(f64),
}

/// Time between two events of the same kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gap {
    Every(f64, Jitter),
    Exponential(f64),
    /// Short ones, and with this probability a long one; both spread by half an order of magnitude.
    Mixed(f64, f64, f64),
}

impl Deref for Draw {
    type Target = Numbers;

    fn deref(&self) -> &Numbers {
        &self.0
    }
}

impl DerefMut for Draw {
    fn deref_mut(&mut self) -> &mut Numbers {
        &mut self.0
    }
}

impl Draw {
    pub(super) fn new(seed: u64) -> Self {
        Self(Numbers::new(seed))
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        self.uniform(low, high)
    }

    /// Log-uniform.
    pub(super) fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.log_uniform(low, high)
    }

    /// A log-uniform count, both ends included.
    pub(super) fn count(&mut self, low: u32, high: u32) -> u32 {
        self.whole(low, high)
    }

    /// A kind of scatter of about the given size, in seconds.
    pub(super) fn jitter(&mut self, size: f64) -> Jitter {
        match self.below(4) {
            0 => Jitter::Even(1.7 * size),
            1 => Jitter::Late(size),
            2 => Jitter::Skewed(size),
            _ => Jitter::Bell(size),
        }
    }

    pub(super) fn around(&mut self, jitter: Jitter) -> f64 {
        match jitter {
            Jitter::Even(half) => self.between(-half, half),
            Jitter::Late(mean) => self.exponential(mean),
            Jitter::Skewed(size) => size * ((0.6 * self.normal()).exp() - 1.0),
            Jitter::Bell(size) => size * self.normal(),
        }
    }

    pub(super) fn gap(&mut self, gap: Gap) -> f64 {
        let secs = match gap {
            Gap::Every(secs, jitter) => secs + self.around(jitter),
            Gap::Exponential(mean) => self.exponential(mean),
            Gap::Mixed(short, long, share) => {
                let middle = if self.chance(share) { long } else { short };
                middle * (0.5 * self.normal()).exp()
            }
        };
        secs.max(0.05)
    }

    /// Half of the lengths that people configure are round to them.
    pub(super) fn round_to_human_value(&mut self, secs: f64) -> f64 {
        if self.chance(0.5) {
            return secs;
        }
        let steps = [5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];
        let step = steps.into_iter().rfind(|step| *step <= secs / 4.0).unwrap_or(1.0);
        (secs / step).round() * step
    }
}

impl Gap {
    /// Its mean, roughly.
    pub(super) fn mean(self) -> f64 {
        match self {
            Self::Every(secs, _) | Self::Exponential(secs) => secs,
            Self::Mixed(short, long, share) => 1.13 * (short * (1.0 - share) + long * share),
        }
    }
}
