//! When does the pattern expect the next drop?

use chrono::{DateTime, Utc};

use crate::classify::case::Frame;
use crate::classify::posterior::Posterior;
use crate::classify::{DropPrediction, Pattern};

/// A pattern less probable than this predicts nothing.
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
    let spread = fit.parameter("spread_secs").unwrap_or(1.0);
    let (at, within) = match posterior.pattern {
        Pattern::FixedLifetime => (live.start + to_wall + fit.parameter("limit_secs")?, 2.0 * spread),
        Pattern::Scheduled => {
            let (period, phase) = (fit.parameter("period_secs")?, fit.parameter("phase_secs")?);
            (phase + ((now_wall - phase) / period).ceil() * period, 2.0 * spread)
        }
        Pattern::CredentialExpiry => {
            let bound = fit.parameter("bound_at_connect").is_some();
            let newest = frame.log.credentials.last().map(|(_, expiry)| *expiry);
            let expiry = if bound { live.credentials } else { newest }?;
            (expiry + to_wall + fit.parameter("delay_secs").unwrap_or(0.0), 5.0)
        }
        _ => return None,
    };
    // What should have come and did not is no prediction.
    (at + within >= now_wall).then_some(())?;
    Some(DropPrediction { at: to_date(at)?, within_secs: within.max(0.5) })
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of a date")]
fn to_date(unix: f64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis((unix * 1_000.0).round() as i64)
}
