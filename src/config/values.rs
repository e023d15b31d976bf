//! The text form of single values on the command line and in the configuration file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::diagnostics::VersionChoice;
use crate::mqtt::settings::PingPolicy;

/// Why a value cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Not a duration.
    #[error("write a duration as seconds (90, 0.5) or with units (500ms, 5m, 24h, 1d 12h)")]
    Duration,
    /// Not a keep-alive that MQTT can carry.
    #[error("the keep-alive must be 0 (off) or 1 to 65535 whole seconds, as in 60 or 60s")]
    KeepAlive,
    /// Not a position in a recording.
    #[error(
        "write a position in a recording as 90, 5m or 1h30m after its start, -10m before its end, 14:05, or 2026-11-20T14:05:00Z"
    )]
    RecordedTime,
    /// Not a number of attempts.
    #[error("write the number of attempts as 0 or more, or -1 for no limit")]
    Attempts,
}

/// A duration: `90` and `0.5` are seconds, `500ms`, `5m`, `24h` have a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl FromStr for HumanDuration {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let parsed = match text.parse::<f64>() {
            Ok(secs) => Duration::try_from_secs_f64(secs).ok(),
            Err(_) => humantime::parse_duration(text).ok(),
        };
        parsed.map(Self).ok_or(ValueError::Duration)
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(formatter)
    }
}

/// A keep-alive in seconds; 0 = off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive(pub u16);

impl FromStr for KeepAlive {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let HumanDuration(duration) = text.parse().map_err(|_| ValueError::KeepAlive)?;
        if duration.subsec_nanos() != 0 {
            return Err(ValueError::KeepAlive);
        }
        u16::try_from(duration.as_secs()).map(Self).map_err(|_| ValueError::KeepAlive)
    }
}

impl fmt::Display for KeepAlive {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}s", self.0)
    }
}

/// Attempts per outage; `-1` = no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimit(pub Option<u32>);

impl FromStr for AttemptLimit {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text.trim() {
            "-1" => Ok(Self(None)),
            number => number.parse().map(|count| Self(Some(count))).map_err(|_| ValueError::Attempts),
        }
    }
}

impl fmt::Display for AttemptLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => count.fmt(formatter),
            None => formatter.write_str("-1"),
        }
    }
}

/// Reads and writes a value in the file as on the command line; numbers are accepted as well.
macro_rules! written_as_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_any(TextOrNumber)?;
                text.parse().map_err(D::Error::custom)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

written_as_text!(HumanDuration, KeepAlive, AttemptLimit);

struct TextOrNumber;

impl Visitor<'_> for TextOrNumber {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text or a number")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_i64<E>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }
}

impl ValueEnum for VersionChoice {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::V311, Self::V5]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let value = PossibleValue::new(self.name());
        Some(match self {
            Self::Auto => value.help("5 first, 3.1.1 if the broker does not know it"),
            Self::V311 => value.aliases(["3", "311", "4"]).help("MQTT 3.1.1 only"),
            Self::V5 => value.alias("5.0").help("MQTT 5 only"),
        })
    }
}

/// When a PINGREQ is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PingPolicyOption {
    /// every keep-alive, regardless of traffic: the round trip is always known
    Always,
    /// only after a keep-alive without a packet sent, as the AWS SDKs do
    WhenIdle,
}

impl From<PingPolicyOption> for PingPolicy {
    fn from(option: PingPolicyOption) -> Self {
        match option {
            PingPolicyOption::Always => Self::Always,
            PingPolicyOption::WhenIdle => Self::WhenIdle,
        }
    }
}
