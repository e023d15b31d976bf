//! The next drop that the pattern predicts.

use chrono::{DateTime, Utc};

use crate::classify::case::Frame;
use crate::classify::posterior::Posterior;
use crate::classify::{
    CredentialExpiryParameters, DropPrediction, ExpiryAnchor, FittedParameters, LifetimeParameters,
};

/// Least probability of a pattern that predicts.
const MIN_CONFIDENCE: f64 = 0.6;

/// The next drop, where the pattern is about time and the link is up.
pub(in crate::classify) fn predict_next_drop(
    frame: &Frame,
    posterior: &Posterior,
    now_wall: f64,
) -> Option<DropPrediction> {
    let fit = posterior.fits.get(&posterior.pattern)?;
    if posterior.confidence < MIN_CONFIDENCE {
        return None;
    }
    let live = frame.log.live.as_ref().map(|live| &live.session)?;
    let to_wall = frame.log.newest.map(|(at, wall)| wall - at)?;
    let (at, within) = match fit.parameters {
        FittedParameters::FixedLifetime(LifetimeParameters { limit_secs, spread_secs }) => {
            (live.start + to_wall + limit_secs, 2.0 * spread_secs)
        }
        FittedParameters::Scheduled(schedule) => {
            let (period, phase) = (schedule.period_secs, schedule.phase_secs);
            (phase + ((now_wall - phase) / period).ceil() * period, 2.0 * schedule.spread_secs)
        }
        FittedParameters::CredentialExpiry(CredentialExpiryParameters { delay_secs, anchor }) => {
            let newest = frame.log.credentials.last().map(|(_, expiry)| *expiry);
            let expiry = match anchor {
                ExpiryAnchor::UsedAtConnect => live.credentials,
                ExpiryAnchor::Newest => newest,
            }?;
            (expiry + to_wall + delay_secs, 5.0)
        }
        _ => return None,
    };
    // A drop that should have come and did not is no prediction.
    (at + within >= now_wall).then_some(())?;
    Some(DropPrediction { at: to_date(at)?, within_secs: within.max(0.5) })
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date")]
fn to_date(unix: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis((unix * 1_000.0).round() as i64)
}
