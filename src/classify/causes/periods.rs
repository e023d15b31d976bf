//! Well-known lengths and periods.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The clock that drops follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The age of the connection.
    Connect,
    /// The last packet.
    Idle,
    /// The wall clock.
    WallClock,
    /// The credentials' expiry.
    Credentials,
    /// The detection of a dead connection, which follows the keep-alive.
    HalfOpen,
}

impl Anchor {
    /// The name in the data files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Idle => "idle",
            Self::WallClock => "wall_clock",
            Self::Credentials => "credentials",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A well-known length with its origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPeriod {
    /// Seconds.
    pub seconds: f64,
    /// The clock it is measured on.
    pub anchor: Anchor,
    /// Its origin, in words.
    pub name: String,
    /// Keys of the causes it indicates, the most probable first.
    pub causes: Vec<String>,
}

#[derive(Default, Deserialize)]
struct PeriodFile {
    period: Vec<NamedPeriod>,
}

static PERIODS: LazyLock<Vec<NamedPeriod>> =
    LazyLock::new(|| toml::from_str::<PeriodFile>(include_str!("periods.toml")).unwrap_or_default().period);

/// Well-known lengths within `tolerance` seconds of `seconds`, the nearest first; of one anchor, or of all for `None`.
pub fn named_periods(
    anchor: impl Into<Option<Anchor>>,
    seconds: f64,
    tolerance: f64,
) -> Vec<&'static NamedPeriod> {
    let anchor = anchor.into();
    let distance = |period: &NamedPeriod| (period.seconds - seconds).abs();
    let mut found: Vec<&NamedPeriod> = PERIODS
        .iter()
        .filter(|period| anchor.is_none_or(|anchor| period.anchor == anchor))
        .filter(|period| distance(period) <= tolerance)
        .collect();
    found.sort_by(|left, right| distance(left).total_cmp(&distance(right)));
    found
}

/// All of them, for tests.
#[cfg(test)]
pub(super) fn all_periods() -> &'static [NamedPeriod] {
    &PERIODS
}
