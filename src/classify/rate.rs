//! The confidence interval of a counted rate.

use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::math::real;

/// The exact 95 % interval of a Poisson rate (per second) after `events` in `secs` (Garwood 1936).
pub(super) fn rate_interval(events: usize, secs: f64) -> (f64, f64) {
    let quantile = |freedom: f64, q: f64| ChiSquared::new(freedom).map_or(0.0, |chi| chi.inverse_cdf(q));
    let secs = secs.max(1e-9);
    let least = if events == 0 { 0.0 } else { quantile(2.0 * real(events), 0.025) / 2.0 / secs };
    (least, quantile(2.0 * real(events) + 2.0, 0.975) / 2.0 / secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_equals_the_published_one() {
        let (least, most) = rate_interval(10, 1.0);
        assert!((least - 4.795).abs() < 0.01 && (most - 18.39).abs() < 0.01, "{least} {most}");
        let (none, few) = rate_interval(0, 1.0);
        assert!(none == 0.0 && (few - 3.689).abs() < 0.01);
    }
}
