//! Densities, sums of logarithms and quantiles.

use statrs::function::beta::ln_beta;
use statrs::function::erf::erf;
use statrs::function::gamma::ln_gamma;

/// Natural logarithm of the square root of 2π.
const LN_SQRT_2_PI: f64 = 0.918_938_533_204_672_8;
/// Exposure in the prior of the background rate, in seconds.
const BACKGROUND_SECS: f64 = 3_600.0;

/// `ln(x)`, finite for x ≤ 0 as well.
pub(super) fn ln(x: f64) -> f64 {
    x.max(f64::MIN_POSITIVE).ln()
}

/// Logarithm of the sum of exponentials; −∞ for an empty list.
pub(super) fn ln_sum_exp(terms: &[f64]) -> f64 {
    let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !most.is_finite() {
        return f64::NEG_INFINITY;
    }
    most + terms.iter().map(|term| (term - most).exp()).sum::<f64>().ln()
}

/// Logarithm of the mean of exponentials over `count` equally weighted alternatives; missing ones have the
/// likelihood 0.
pub(super) fn ln_mean_exp(terms: &[f64], count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a handful of alternatives")]
    let count = count.max(1) as f64;
    ln_sum_exp(terms) - count.ln()
}

/// Log marginal likelihood of a sequence with `hits` in `trials`, the probability being Beta(a, b).
/// Trials may be fractional (survivals within a kernel count in part).
pub(super) fn ln_beta_binomial(hits: f64, trials: f64, a: f64, b: f64) -> f64 {
    let misses = (trials - hits).max(0.0);
    ln_beta(a + hits.max(0.0), b + misses) - ln_beta(a, b)
}

/// The same with Beta(4, 1), the prior of a mechanism that usually ends the session.
pub(super) fn ln_mechanism(hits: f64, opportunities: f64) -> f64 {
    ln_beta_binomial(hits, opportunities, 4.0, 1.0)
}

/// The same for a limit, which ends nearly every session that reaches it: mostly Beta(20, 1), rarely Beta(4, 1).
pub(super) fn ln_limit(hits: f64, opportunities: f64) -> f64 {
    ln_sum_exp(&[
        0.8_f64.ln() + ln_beta_binomial(hits, opportunities, 20.0, 1.0),
        0.2_f64.ln() + ln_beta_binomial(hits, opportunities, 4.0, 1.0),
    ])
}

/// Marginal likelihood (log, per second of drop time) of `count` memoryless drops in `exposure` connected
/// seconds, the rate being Gamma(1/2, one hour).
pub(super) fn ln_poisson(count: f64, exposure: f64) -> f64 {
    let count = count.max(0.0);
    ln_gamma(count + 0.5) - ln_gamma(0.5) + 0.5 * BACKGROUND_SECS.ln()
        - (count + 0.5) * ln(exposure.max(0.0) + BACKGROUND_SECS)
}

/// Log density of Normal(0, `sigma`) at `x`.
pub(super) fn ln_normal(x: f64, sigma: f64) -> f64 {
    let z = x / sigma;
    -0.5 * z * z - sigma.ln() - LN_SQRT_2_PI
}

/// Cumulative standard normal distribution. Beyond ±6 it is 0 or 1 for every use here.
pub(super) fn phi(z: f64) -> f64 {
    if z > 6.0 {
        1.0
    } else if z < -6.0 {
        0.0
    } else {
        0.5 * (1.0 + erf(z * std::f64::consts::FRAC_1_SQRT_2))
    }
}

/// Log density of Normal(`center`, `sigma`) averaged over the death window `lo..=hi`; at `hi` where the
/// window is shorter than half a sigma.
pub(super) fn ln_window(lo: f64, hi: f64, center: f64, sigma: f64) -> f64 {
    let width = hi - lo;
    if width <= 0.5 * sigma {
        return ln_normal(hi - center, sigma);
    }
    let mass = phi((hi - center) / sigma) - phi((lo - center) / sigma);
    mass.max(1e-12).ln() - width.ln()
}

/// Occam factor (log, at most 0) of a location known to `spread`/√`hits` within a range of width `range`.
pub(super) fn ln_occam(spread: f64, hits: f64, range: f64) -> f64 {
    ln(spread * (std::f64::consts::TAU / hits.max(1.0)).sqrt() / range).min(0.0)
}

/// The middle value; the lower of the two middles of an even number. `None` if empty.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a share `q` of the values lies (nearest rank). `None` if empty.
pub(super) fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index within the slice"
    )]
    let index = (q.clamp(0.0, 1.0) * last as f64).round() as usize;
    values.get(index.min(last)).copied()
}

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "counts of drops stay far below 2^52")]
pub(super) fn real(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_density_is_the_mean_of_the_point_density() {
        let (lo, hi, center, sigma) = (3.0, 9.0, 5.0, 1.5);
        let steps = 20_000;
        let mean = (0..steps)
            .map(|step| {
                ln_normal(lo + (hi - lo) * (f64::from(step) + 0.5) / f64::from(steps) - center, sigma).exp()
            })
            .sum::<f64>()
            / f64::from(steps);
        assert!((ln_window(lo, hi, center, sigma) - mean.ln()).abs() < 1e-6);
        assert!((ln_window(5.0, 5.0, 5.0, 1.0) - ln_normal(0.0, 1.0)).abs() < 1e-12);
    }

    #[test]
    fn the_beta_binomial_equals_its_integral() {
        let (hits, trials) = (7.0, 9.0);
        let steps = 200_000;
        // Beta(4, 1) has density 4 q³.
        let integral = (0..steps)
            .map(|step| (f64::from(step) + 0.5) / f64::from(steps))
            .map(|q| q.powf(hits) * (1.0 - q).powf(trials - hits) * 4.0 * q.powi(3))
            .sum::<f64>()
            / f64::from(steps);
        assert!((ln_mechanism(hits, trials) - integral.ln()).abs() < 1e-6);
    }

    #[test]
    fn edge_values_stay_finite_and_do_not_panic() {
        assert!(ln_sum_exp(&[]).is_infinite() && ln_sum_exp(&[f64::NEG_INFINITY]).is_infinite());
        assert!(ln_poisson(0.0, 0.0).is_finite());
        assert!(ln_mechanism(3.0, 2.0).is_finite());
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
    }
}
