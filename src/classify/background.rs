//! The likelihood of memoryless drops whose time of death is known only as a window.
//!
//! A drop whose death window has the width W contributes (1 − e^−λW) / W per second: for a narrow window the rate λ,
//! for a window wider than the mean life almost exactly 1 / W. Without this, a hypothesis would gain likelihood from
//! "explaining" deaths whose time is unknown.

use super::math::{ln_poisson, real};

/// Random loss as the background of some drops.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Background {
    drops: f64,
    /// Connected seconds during which nothing died, as far as is known.
    exposure: f64,
    /// Log likelihood that the widths of the windows contribute, over all drops.
    widths: f64,
}

/// Iterations of the fixed point; each adds about one digit.
const ROUNDS: usize = 4;

impl Background {
    /// From the widths of the death windows and the connected seconds before them (all of those of sessions
    /// that did not drop), both in seconds.
    pub(super) fn new(widths: &[f64], exposure_before: f64) -> Self {
        let drops = real(widths.len());
        let mut exposure = exposure_before + widths.iter().sum::<f64>() / 2.0;
        let mut value = 0.0;
        for _ in 0..ROUNDS {
            let rate = drops / exposure.max(1.0);
            let (mut inside, mut sum) = (0.0, 0.0);
            for width in widths.iter().filter(|width| **width > 0.0) {
                let x = rate * width;
                inside += width * mean_death_position(x);
                sum += ln_share(x) + x * mean_death_position(x);
            }
            exposure = exposure_before + inside;
            value = sum;
        }
        Self { drops, exposure, widths: value }
    }

    /// Log marginal likelihood, per second of drop time, of all drops but the `hits` that something else explains.
    pub(super) fn ln_likelihood_excluding(&self, hits: f64) -> f64 {
        let remaining = (self.drops - hits).max(0.0);
        ln_poisson(remaining, self.exposure) + self.widths * remaining / self.drops.max(1.0)
    }
}

/// `ln((1 − e^−x) / x)`.
fn ln_share(x: f64) -> f64 {
    if x < 1e-6 { -x / 2.0 } else { (-(-x).exp_m1() / x).ln() }
}

/// `1/x − 1/(e^x − 1)`: the expected position of the death within its window, as a share; 0.5 for narrow windows.
fn mean_death_position(x: f64) -> f64 {
    if x < 1e-4 { 0.5 - x / 12.0 } else { 1.0 / x - 1.0 / x.exp_m1() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_death_times_are_a_poisson_process() {
        let background = Background::new(&[0.0; 10], 36_000.0);
        assert!((background.ln_likelihood_excluding(0.0) - ln_poisson(10.0, 36_000.0)).abs() < 1e-9);
        assert!((background.ln_likelihood_excluding(10.0) - ln_poisson(0.0, 36_000.0)).abs() < 1e-9);
    }

    #[test]
    fn an_uninformative_window_costs_only_its_width() {
        // Each session is known to have died some time within 10 h: the likelihood per second is 1 / 10 h.
        let width = 36_000.0;
        let background = Background::new(&[width; 20], 0.0);
        let per_drop = background.ln_likelihood_excluding(0.0) / 20.0 + width.ln();
        assert!(per_drop > -0.3, "{per_drop}");
    }

    #[test]
    fn empty_and_extreme_windows_stay_finite() {
        assert!(Background::new(&[], 0.0).ln_likelihood_excluding(0.0).is_finite());
        assert!(Background::new(&[1e12], 0.0).ln_likelihood_excluding(0.0).is_finite());
    }
}
