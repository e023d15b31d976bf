//! With which request target does the next WebSocket upgrade ask? The port to whoever holds credentials.
//!
//! The link asks once for each connect attempt, because a signature is good for minutes only. It never sees
//! the keys: a signed target comes in, and what became of it is told back.

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

/// A difference between this computer's clock and the server's that is worth telling. AWS takes
/// signatures that are off by five minutes; half of that leaves room for a slow connect.
const CLOCK_SKEW_LIMIT: TimeDelta = TimeDelta::minutes(2);

/// Gives request targets, each signed anew.
pub trait Signer: Send + Sync + Debug {
    /// A target for the attempt that follows at once. `fresh`: what is cached did not work or is under
    /// suspicion (a deep reconnect, a refused upgrade): get new credentials first.
    ///
    /// The future is dropped when the attempt is given up or takes longer than
    /// [`PhaseTimeouts::credentials`](super::settings::PhaseTimeouts::credentials); what it was doing must
    /// bear that.
    fn sign(&self, fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>>;

    /// The server answered an upgrade with this 4xx status; `server_date` is its clock, if it told. The next
    /// [`Signer::sign`] comes with `fresh`.
    fn on_refused(&self, status: u16, server_date: Option<DateTime<Utc>>);
}

/// A signed request target.
#[derive(Debug, Clone)]
pub struct SignedTarget {
    /// Path and query as they go into the request line. Secret: until it expires it opens a session.
    pub path_and_query: SecretString,
    /// When the credentials (not the signature) expire; `None` if they do not, or nobody knows.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why there is no signed target. Its words are recorded and shown: no secret may be in them.
#[derive(Debug, Clone, PartialEq)]
pub struct SignFailure {
    /// Stable name.
    pub name: ErrorName,
    /// What happened, in plain words.
    pub detail: String,
    /// Whose signal it was: [`Layer::Local`] for files and variables, [`Layer::Dns`] and so on for a cloud
    /// that cannot be reached.
    pub layer: Layer,
    /// HTTP status of the refusal, if there was one; 401 and 403 end a run with exit code 4.
    pub http_status: Option<u16>,
    /// Trying again cannot help (a wrong password): the link gives up.
    pub is_permanent: bool,
}

impl SignFailure {
    /// No credentials now; another attempt may find some.
    pub fn unavailable(layer: Layer, detail: impl Into<String>) -> Self {
        let name = AWS_AUTH_SIGNING_NO_CREDENTIALS;
        Self { name, detail: detail.into(), layer, http_status: None, is_permanent: false }
    }

    /// The account's server does not accept who asks: exit code 4, no further attempt.
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

/// Why an upgrade was probably refused with this 4xx status, in words: the clock, the end of the credentials, or what
/// else makes a signature worthless. `None` if the status says nothing about credentials.
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
        None => {
            "the credentials are not accepted: expired or withdrawn, or a policy forbids the connect".into()
        }
    })
}

/// What a wrong clock here does to signatures, in words; `None` if the clocks agree well enough.
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
    fn a_refusal_names_the_clock_then_the_end_of_the_credentials_then_what_else_it_may_be() {
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
