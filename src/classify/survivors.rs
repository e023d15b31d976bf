//! Sorted values, and how many of them outlived a limit.

use super::math::phi;

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

    /// Leaves out the values above `longest`.
    pub(super) fn without_longer_than(mut self, longest: f64) -> Self {
        let cut = self.values.partition_point(|value| *value <= longest);
        let removed = self.weight_from(cut);
        self.values.truncate(cut);
        self.above.truncate(cut);
        for above in &mut self.above {
            *above -= removed;
        }
        self
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
        let table = SurvivalTable::from_values(std::iter::repeat_n(60.0, 10).chain([100.0]));
        assert!((table.outlived(60.0, 1.0) - 6.0).abs() < 0.2, "{}", table.outlived(60.0, 1.0));
        assert!((table.outlived(80.0, 1.0) - 1.0).abs() < 1e-9);
        assert!((table.count_above(59.0) - 11.0).abs() < 1e-9);
        assert!((table.without_longer_than(70.0).total() - 10.0).abs() < 1e-9);
    }
}
