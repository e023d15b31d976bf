//! The port to a source of signed request targets for WebSocket upgrades.
//!
//! The link requests one for each connect attempt, because a signature is valid for minutes only. It never
//! sees the keys: it gets a signed target and reports a refusal of it.

use std::fmt::Debug;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::connector::BoxFuture;
use super::failure::Failure;
use crate::diagnostics::error_name::AWS_AUTH_SIGNING_NO_CREDENTIALS;
use crate::diagnostics::event::{DropKind, Layer};
use crate::diagnostics::sentence::duration_words;
use crate::diagnostics::{ErrorName, Stamp};

/// Smallest difference between this computer's clock and the server's that is reported. AWS accepts
/// signatures that are off by five minutes; about half of that leaves time for a slow connect.
const CLOCK_SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);

/// Creates signed request targets.
pub trait Signer: Send + Sync + Debug {
    /// A target for the attempt that follows at once. `fresh`: get new credentials first, because cached ones
    /// did not work or are suspect (a deep reconnect, a refused upgrade).
    ///
    /// The future is dropped when the attempt is given up or takes longer than
    /// [`PhaseTimeouts::credentials`](super::settings::PhaseTimeouts::credentials), so it must be
    /// cancel-safe.
    fn sign(&self, fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>>;

    /// The server answered an upgrade with this 4xx status; `server_date` is its clock, if the answer
    /// contained it. The next [`Signer::sign`] is called with `fresh`.
    fn on_refused(&self, status: u16, server_date: Option<DateTime<Utc>>);
}

/// A signed request target.
#[derive(Debug, Clone)]
pub struct SignedTarget {
    /// Path and query of the request line. Secret: until it expires, it is sufficient to open a session.
    pub path_and_query: SecretString,
    /// When the credentials (not the signature) expire; `None` if they do not, or it is not known.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why there is no signed target. Its text is recorded and shown: it must contain no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct SignFailure {
    /// Stable name.
    pub name: ErrorName,
    /// What happened, in plain words.
    pub detail: String,
    /// The layer that signaled it: [`Layer::Local`] for files and variables, [`Layer::Dns`] and so on for a
    /// cloud that cannot be reached.
    pub layer: Layer,
    /// HTTP status of the refusal, if there was one; 401 and 403 end a run with exit code 4.
    pub http_status: Option<u16>,
    /// Trying again cannot help (a wrong password): the link gives up.
    pub is_permanent: bool,
}

impl SignFailure {
    /// There are no credentials now; another attempt may find some.
    pub fn unavailable(layer: Layer, detail: impl Into<String>) -> Self {
        let name = AWS_AUTH_SIGNING_NO_CREDENTIALS;
        Self { name, detail: detail.into(), layer, http_status: None, is_permanent: false }
    }

    /// The account's server refuses the sign-in: exit code 4, no further attempt.
    pub fn refused(detail: impl Into<String>) -> Self {
        let refused = Self::unavailable(Layer::Local, detail);
        Self { http_status: Some(401), is_permanent: true, ..refused }
    }
}

impl From<SignFailure> for Failure {
    fn from(refusal: SignFailure) -> Self {
        let mut failure = Self::new(refusal.name, refusal.layer, DropKind::Local, refusal.detail);
        failure.http_status = refusal.http_status;
        failure.is_permanent = refusal.is_permanent;
        failure
    }
}

/// The probable reason for the refusal of an upgrade with this 4xx status: the clock, expired credentials, or
/// another reason why a signature is not accepted. `None` if the status is not about credentials.
pub(super) fn upgrade_refusal_reason(
    status: u16,
    server: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    now: Stamp,
    to_field_time: impl Fn(Duration) -> Duration,
) -> Option<String> {
    if let Some(skew) = server.and_then(|server| clock_skew_reason(now.wall, server)) {
        return Some(skew);
    }
    if !matches!(status, 401 | 403) {
        return None;
    }
    let expired_for = expires_at.and_then(|end| now.wall.signed_duration_since(end).to_std().ok());
    Some(match expired_for {
        Some(time) => format!("the credentials expired {} ago", duration_words(to_field_time(time))),
        None => "the credentials are not accepted: expired, revoked, or denied by a policy".into(),
    })
}

/// The clock difference as the reason for a refused signature; `None` if the clocks agree well enough.
fn clock_skew_reason(here: DateTime<Utc>, server: DateTime<Utc>) -> Option<String> {
    let ahead = here.signed_duration_since(server);
    if ahead.abs() <= CLOCK_SKEW_LIMIT {
        return None;
    }
    let side = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
    let amount = match ahead.abs() {
        long if long.num_days() >= 2 => format!("{} days", long.num_days()),
        long if long.num_hours() >= 2 => format!("{} h", long.num_hours()),
        short => format!("{} min", short.num_minutes()),
    };
    Some(format!("this computer's clock is {amount} {side} the server's: signatures are refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_above_the_limit_is_reported_with_its_direction() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let reason = |secs| clock_skew_reason(at, at + TimeDelta::seconds(secs));
        assert_eq!(reason(120), None);
        assert_eq!(reason(-120), None);
        let words = |amount| Some(format!("this computer's clock is {amount}: signatures are refused"));
        assert_eq!(reason(14 * 60 + 5), words("14 min behind the server's"));
        assert_eq!(reason(-3 * 3600), words("3 h ahead of the server's"));
        assert_eq!(reason(5 * 86_400), words("5 days behind the server's"));
        assert!(clock_skew_reason(DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC).is_some());
    }

    #[test]
    fn a_refusal_names_the_clock_then_the_expiry_then_other_reasons() {
        let now = Stamp::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Duration::ZERO);
        let at = |secs| Some(now.wall + TimeDelta::seconds(secs));
        let reason = |status, server, end| upgrade_refusal_reason(status, server, end, now, |time| time * 60);
        let clock = reason(403, at(600), at(-600)).unwrap();
        assert!(clock.starts_with("this computer's clock is 10 min behind"), "{clock}");
        assert_eq!(reason(403, at(1), at(-12)).as_deref(), Some("the credentials expired 12 min ago"));
        for end in [None, at(60)] {
            assert!(reason(401, None, end).unwrap().starts_with("the credentials are not accepted: "));
        }
        assert_eq!(reason(404, at(0), at(-12)), None);
    }

    #[test]
    fn debug_shows_no_target() {
        let signed = SignedTarget { path_and_query: "/mqtt?X-Amz-Signature=beef".into(), expires_at: None };
        assert!(!format!("{signed:?}").contains("beef"));
    }
}
