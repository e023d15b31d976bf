//! Survived silences, and how many of them outlived a limit.

use std::collections::BTreeMap;

use super::math::phi;

/// Relative resolution of a stored value; far below the width of every kernel.
const RESOLUTION: f64 = 0.000_5;

/// Survived values in bounded memory: one bin per 0.05 %, from seconds to months.
#[derive(Debug, Clone, Default)]
pub(super) struct SurvivalHistogram {
    bins: BTreeMap<u32, u64>,
}

impl SurvivalHistogram {
    /// Counts one value, in seconds (values below a second share one bin).
    pub(super) fn add(&mut self, value: f64) {
        if value.is_finite() {
            *self.bins.entry(bin(value)).or_default() += 1;
        }
    }

    /// The values as a sorted table, for many lookups.
    pub(super) fn table(&self) -> SurvivalTable {
        SurvivalTable::new(self.bins.iter().map(|(bin, count)| (middle(*bin), *count)).collect())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of a month is small"
)]
fn bin(value: f64) -> u32 {
    (value.clamp(1.0, 1e9).ln() / RESOLUTION).round() as u32
}

fn middle(bin: u32) -> f64 {
    (f64::from(bin) * RESOLUTION).exp()
}

/// Sorted values with how many lie at or above each.
#[derive(Debug, Clone, Default)]
pub(super) struct SurvivalTable {
    values: Vec<f64>,
    /// Weight of this value and all above it.
    above: Vec<f64>,
}

impl SurvivalTable {
    /// From values with their counts, in any order.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(super) fn new(mut counted: Vec<(f64, u64)>) -> Self {
        counted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let mut above: Vec<f64> = counted
            .iter()
            .rev()
            .scan(0.0, |sum, (_, count)| {
                *sum += *count as f64;
                Some(*sum)
            })
            .collect();
        above.reverse();
        Self { values: counted.into_iter().map(|(value, _)| value).collect(), above }
    }

    /// From single values.
    pub(super) fn from_values(values: impl IntoIterator<Item = f64>) -> Self {
        Self::new(values.into_iter().map(|value| (value, 1)).collect())
    }

    /// How many values are greater than `limit`.
    pub(super) fn count_above(&self, limit: f64) -> f64 {
        self.weight_from(self.values.partition_point(|value| *value <= limit))
    }

    /// How many values outlived a limit with spread `sigma`; values within the spread count in part. (Otherwise a
    /// keep-alive of 60 s, which bounds every silence, would make drops after 50 to 60 s look like a perfect idle
    /// timeout.)
    pub(super) fn outlived(&self, limit: f64, sigma: f64) -> f64 {
        let from = self.values.partition_point(|value| *value < limit - 3.5 * sigma);
        let to = self.values.partition_point(|value| *value <= limit + 3.5 * sigma);
        let partly: f64 = (from..to)
            .filter_map(|index| {
                let weight = self.weight_from(index) - self.weight_from(index + 1);
                self.values.get(index).map(|value| weight * phi((value - limit) / sigma))
            })
            .sum();
        self.weight_from(to) + partly
    }

    /// The largest value not above `limit`, and the smallest above it.
    pub(super) fn neighbors(&self, limit: f64) -> (Option<f64>, Option<f64>) {
        let cut = self.values.partition_point(|value| *value <= limit);
        (cut.checked_sub(1).and_then(|index| self.values.get(index).copied()), self.values.get(cut).copied())
    }

    /// How many values there are.
    pub(super) fn total(&self) -> f64 {
        self.weight_from(0)
    }

    /// Adds further values.
    pub(super) fn with_values(self, more: impl IntoIterator<Item = f64>) -> Self {
        let weights =
            (0..self.values.len()).map(|index| self.weight_from(index) - self.weight_from(index + 1));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts made from u64")]
        let mut counted: Vec<(f64, u64)> =
            self.values.iter().copied().zip(weights.map(|weight| weight.round() as u64)).collect();
        counted.extend(more.into_iter().map(|value| (value, 1)));
        Self::new(counted)
    }

    fn weight_from(&self, index: usize) -> f64 {
        self.above.get(index).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survivors_within_the_spread_count_fractionally() {
        let mut survivors = SurvivalHistogram::default();
        for _ in 0..10 {
            survivors.add(60.0);
        }
        survivors.add(100.0);
        let table = survivors.table();
        assert!((table.outlived(60.0, 1.0) - 6.0).abs() < 0.2, "{}", table.outlived(60.0, 1.0));
        assert!((table.outlived(80.0, 1.0) - 1.0).abs() < 1e-9);
        assert!((table.count_above(59.0) - 11.0).abs() < 1e-9);
        assert!((table.with_values([100.0, 20.0]).count_above(70.0) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn memory_is_bounded_for_any_value() {
        let mut survivors = SurvivalHistogram::default();
        for value in [f64::NAN, f64::INFINITY, -5.0, 0.0, 1e300] {
            survivors.add(value);
        }
        assert!((survivors.table().total() - 3.0).abs() < 1e-9);
        assert!(bin(f64::MAX) < 50_000);
    }
}
