//! The JSON form of a keep-alive: a whole number of seconds, except in a scaled lab run.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// The valid values of a keep-alive, in seconds.
const VALID_SECONDS: std::ops::RangeInclusive<f64> = 0.0..=4_294_967_295.0;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde requires")]
pub(super) fn serialize<S: Serializer>(secs: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within u32")]
    if VALID_SECONDS.contains(secs) && secs.fract() == 0.0 {
        return serializer.serialize_u32(*secs as u32);
    }
    serializer.serialize_f64(*secs)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let secs = f64::deserialize(deserializer)?;
    if VALID_SECONDS.contains(&secs) { Ok(secs) } else { Err(D::Error::custom("no keep-alive")) }
}
