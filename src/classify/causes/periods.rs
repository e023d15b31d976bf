//! Which lengths and periods have a name?

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The clock that drops are locked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The age of the connection.
    Connect,
    /// The last packet.
    Idle,
    /// The clock on the wall.
    WallClock,
    /// The credentials' expiry.
    Credentials,
    /// The moment a dead line is noticed, which is locked to the keep-alive.
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

/// A length that is known from somewhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPeriod {
    /// Seconds.
    pub seconds: f64,
    /// Which clock it counts on.
    pub anchor: Anchor,
    /// What it is, in words.
    pub name: String,
    /// Keys of the causes it points to, the likeliest first.
    pub causes: Vec<String>,
}

#[derive(Default, Deserialize)]
struct PeriodFile {
    period: Vec<NamedPeriod>,
}

static PERIODS: LazyLock<Vec<NamedPeriod>> =
    LazyLock::new(|| toml::from_str::<PeriodFile>(include_str!("periods.toml")).unwrap_or_default().period);

/// Named lengths within `tolerance` seconds of `seconds`, the nearest first; of one anchor, or of all for `None`.
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

/// All of them, for tests and for documents.
#[cfg(test)]
pub(super) fn all_periods() -> &'static [NamedPeriod] {
    &PERIODS
}
