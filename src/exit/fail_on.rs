//! The conditions of `--fail-on`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::diagnostics::Metrics;

/// A condition such as `drops>0`, `availability<99.9` or `mttr>5s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FailOn {
    quantity: Quantity,
    comparison: Comparison,
    /// A count, a percentage or seconds, depending on the quantity.
    limit: f64,
    text: String,
}

/// The quantity of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Drops of the run.
    Drops,
    /// Availability in percent.
    Availability,
    /// Mean time to recover.
    Mttr,
    /// Mean time between drops.
    Mtbf,
}

/// The comparison with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// Why a condition cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailOnError {
    /// No known name and comparison.
    #[error("write a condition as NAME, comparison, limit: drops>0, availability<99.9, mttr>5s or mtbf<1h")]
    Syntax,
    /// The limit of `drops` is not a whole number.
    #[error("the limit of drops must be a whole number, as in drops>=3")]
    Count,
    /// The limit of `availability` is not a percentage.
    #[error("the limit of availability must be a percentage from 0 to 100, as in availability<99.9")]
    Percentage,
    /// The limit of `mttr` or `mtbf` is not a duration.
    #[error("the limit of mttr and mtbf must be a duration, as in mttr>5s or mtbf<1h")]
    Duration,
}

impl FailOn {
    /// Whether the condition is met. An unknown quantity meets none.
    pub fn is_met(&self, metrics: &Metrics) -> bool {
        let value = match self.quantity {
            #[expect(clippy::cast_precision_loss, reason = "2^53 drops cannot happen")]
            Quantity::Drops => Some(metrics.total_connection_drops as f64),
            Quantity::Availability => metrics.availability().map(|share| share * 100.0),
            Quantity::Mttr => metrics.mttr.map(|time| time.as_secs_f64()),
            Quantity::Mtbf => metrics.mtbf().map(|time| time.as_secs_f64()),
        };
        value.is_some_and(|value| match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::AtLeast => value >= self.limit,
            Comparison::Below => value < self.limit,
            Comparison::AtMost => value <= self.limit,
        })
    }
}

impl FromStr for FailOn {
    type Err = FailOnError;

    fn from_str(text: &str) -> Result<Self, FailOnError> {
        let text: String = text.chars().filter(|character| !character.is_whitespace()).collect();
        let start = text.find(['<', '>']).ok_or(FailOnError::Syntax)?;
        let (name, rest) = text.split_at(start);
        let quantity = match name {
            "drops" => Quantity::Drops,
            "availability" => Quantity::Availability,
            "mttr" => Quantity::Mttr,
            "mtbf" => Quantity::Mtbf,
            _ => return Err(FailOnError::Syntax),
        };
        let operators = [
            (">=", Comparison::AtLeast),
            ("<=", Comparison::AtMost),
            (">", Comparison::Above),
            ("<", Comparison::Below),
        ];
        let (comparison, limit) = operators
            .into_iter()
            .find_map(|(operator, comparison)| Some((comparison, rest.strip_prefix(operator)?)))
            .ok_or(FailOnError::Syntax)?;
        let limit = read_limit(quantity, limit)?;
        Ok(Self { quantity, comparison, limit, text })
    }
}

fn read_limit(quantity: Quantity, text: &str) -> Result<f64, FailOnError> {
    match quantity {
        Quantity::Drops => text.parse::<u32>().map(f64::from).map_err(|_| FailOnError::Count),
        Quantity::Availability => text
            .strip_suffix('%')
            .unwrap_or(text)
            .parse::<f64>()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent))
            .ok_or(FailOnError::Percentage),
        Quantity::Mttr | Quantity::Mtbf => seconds(text).ok_or(FailOnError::Duration),
    }
}

/// Seconds: a plain number, or a duration with units.
fn seconds(text: &str) -> Option<f64> {
    let duration = match text.parse::<f64>() {
        Ok(secs) => Duration::try_from_secs_f64(secs).ok()?,
        Err(_) => humantime::parse_duration(text).ok()?,
    };
    Some(duration.as_secs_f64())
}

impl fmt::Display for FailOn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for FailOn {
    type Error = FailOnError;

    fn try_from(text: String) -> Result<Self, FailOnError> {
        text.parse()
    }
}

impl From<FailOn> for String {
    fn from(condition: FailOn) -> Self {
        condition.text
    }
}
