//! Field time in the lab, and the random numbers of faults.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::path_fault::PathFaultId;

/// Longer than any lab runs, and short enough to be added to any `Instant`.
const MAX_REAL_SECS: f64 = 1e9;
/// Separates the random numbers of neighboring faults and connections.
const SEED_STRIDE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Field seconds per real second.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldTimeScale(f64);

impl FieldTimeScale {
    /// A scale that is not a positive finite number counts as 1.
    pub(super) fn new(scale: f64) -> Self {
        Self(if scale.is_finite() && scale > 0.0 { scale } else { 1.0 })
    }

    /// The real time of a number of field seconds; zero for a negative number or NaN.
    pub(super) fn to_real(self, field_secs: f64) -> Duration {
        let secs = field_secs / self.0;
        if secs > 0.0 { Duration::from_secs_f64(secs.min(MAX_REAL_SECS)) } else { Duration::ZERO }
    }

    /// The number of field seconds in a real time.
    pub(super) fn to_field(self, real: Duration) -> f64 {
        real.as_secs_f64() * self.0
    }
}

/// The random numbers of one fault, or of one connection under it.
pub(super) fn fault_rng(seed: u64, fault_id: PathFaultId, connection: u64) -> StdRng {
    let stream = fault_id.0.wrapping_add(connection.rotate_left(32));
    StdRng::seed_from_u64(seed.wrapping_add(stream.wrapping_mul(SEED_STRIDE)))
}

/// An exponentially distributed time with the given mean.
pub(super) fn exponential(random: &mut StdRng, mean_secs: f64) -> f64 {
    -mean_secs * (1.0 - random.random::<f64>()).ln()
}

/// A uniformly distributed deviation from `-width` to `width`.
pub(super) fn deviation(random: &mut StdRng, width: f64) -> f64 {
    width * random.random::<f64>().mul_add(2.0, -1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_time_is_scaled_and_never_panics() {
        let minute = FieldTimeScale::new(60.0);
        assert_eq!(minute.to_real(90.0), Duration::from_millis(1500));
        assert!((minute.to_field(Duration::from_millis(1500)) - 90.0).abs() < 1e-9);
        assert_eq!(FieldTimeScale::new(0.0).to_real(2.0), Duration::from_secs(2));
        assert_eq!(FieldTimeScale::new(f64::NAN).to_real(2.0), Duration::from_secs(2));
        for invalid in [f64::NAN, f64::NEG_INFINITY, -1.0] {
            assert_eq!(minute.to_real(invalid), Duration::ZERO);
        }
        assert_eq!(minute.to_real(f64::INFINITY), Duration::from_secs(1_000_000_000));
    }

    #[test]
    fn exponential_times_have_their_mean_and_repeat_with_the_seed() {
        let draw = |seed| {
            let mut random = fault_rng(seed, PathFaultId(1), 0);
            (0..20_000).map(|_| exponential(&mut random, 50.0)).collect::<Vec<_>>()
        };
        let times = draw(7);
        let mean = times.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 50.0).abs() < 1.5, "{mean}");
        assert!(times.iter().all(|time| *time >= 0.0 && time.is_finite()));
        assert_eq!(times, draw(7));
        assert_ne!(times, draw(8));
    }
}
