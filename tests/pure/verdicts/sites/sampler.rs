//! Random numbers of one site.

use std::ops::{Deref, DerefMut};

use crate::verdicts::numbers::Numbers;

/// A seeded source of numbers.
#[derive(Debug)]
pub(super) struct Sampler {
    numbers: Numbers,
    /// Decides what does not change when a world is drawn again.
    variants: Numbers,
}

impl Deref for Sampler {
    type Target = Numbers;

    fn deref(&self) -> &Numbers {
        &self.numbers
    }
}

impl DerefMut for Sampler {
    fn deref_mut(&mut self) -> &mut Numbers {
        &mut self.numbers
    }
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
        Self { numbers: Numbers::new(hash(attempt)), variants: Numbers::new(!hash(u64::MAX)) }
    }

    /// A whole number below `end`, all equally likely; the same in every attempt, so that worlds whose drops are
    /// rarely enough are not replaced by others.
    pub(super) fn variant(&mut self, end: u32) -> u32 {
        self.variants.below(end)
    }

    /// One of these; the same in every attempt.
    pub(super) fn variant_of<T: Copy>(&mut self, from: &[T]) -> T {
        self.variants.pick(from)
    }

    /// Whether a choice with this probability is made; the same in every attempt.
    pub(super) fn variant_chance(&mut self, share: f64) -> bool {
        self.variants.chance(share)
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
