//! Streaming distribution of durations: O(1) per value, bounded memory.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Percentiles;

/// Longest duration that is counted exactly; longer ones count as this: about 30 years in milliseconds.
const CEILING_MS: u64 = 1_000_000_000_000;

/// Durations counted in classes 0.1 % wide (three significant digits of a millisecond). A clone shares the
/// classes until one of both counts on.
#[derive(Debug, Clone)]
pub(super) struct Distribution {
    histogram: Option<Arc<Histogram<u64>>>,
    min: Duration,
    max: Duration,
    sum: Duration,
    count: u64,
}

impl Distribution {
    pub(super) fn new() -> Self {
        // The bounds are constants that satisfy the crate's rules, so `ok` never hides an error.
        let mut histogram = Histogram::new(3).ok();
        if let Some(histogram) = &mut histogram {
            histogram.auto(true);
        }
        let histogram = histogram.map(Arc::new);
        Self { histogram, min: Duration::MAX, max: Duration::ZERO, sum: Duration::ZERO, count: 0 }
    }

    pub(super) fn record(&mut self, value: Duration) {
        let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX).min(CEILING_MS);
        if let Some(histogram) = &mut self.histogram {
            // Grows as needed; below the ceiling that cannot fail.
            let _ = Arc::make_mut(histogram).record(millis);
        }
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum = self.sum.saturating_add(value);
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn min(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.min)
    }

    pub(super) fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.max)
    }

    /// Arithmetic mean, exact to a nanosecond.
    pub(super) fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The value below which `quantile` (0…1) of all values are, within 0.1 % and the exact extremes.
    pub(super) fn quantile(&self, quantile: f64) -> Option<Duration> {
        let histogram = self.histogram.as_ref().filter(|_| self.count > 0)?;
        let value = Duration::from_millis(histogram.value_at_quantile(quantile));
        Some(value.clamp(self.min, self.max))
    }

    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        Some(Percentiles {
            count: self.count,
            min: self.min()?,
            p10: self.quantile(0.10)?,
            p50: self.quantile(0.50)?,
            p90: self.quantile(0.90)?,
            p99: self.quantile(0.99)?,
            max: self.max()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_stay_within_a_tenth_of_a_percent() {
        let mut distribution = Distribution::new();
        assert_eq!(distribution.percentiles(), None);
        (1..=1_000).for_each(|n| distribution.record(Duration::from_secs(n * 60)));
        let points = distribution.percentiles().unwrap();
        let off = |value: Duration, minutes: f64| (value.as_secs_f64() / (minutes * 60.0) - 1.0).abs();
        assert!(off(points.p50, 500.0) < 0.002, "{points:?}");
        assert!(off(points.p99, 990.0) < 0.002, "{points:?}");
        assert_eq!((points.min, points.max), (Duration::from_secs(60), Duration::from_secs(60_000)));
        assert_eq!(distribution.mean(), Some(Duration::from_secs(30_030)));
    }

    #[test]
    fn absurd_values_are_kept_at_the_ceiling() {
        let mut distribution = Distribution::new();
        distribution.record(Duration::MAX);
        assert_eq!(distribution.percentiles().unwrap().count, 1);
    }
}
