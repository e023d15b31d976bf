//! Access token, refresh token and AWS keys, each with its expiry.
//!
//! The access token and the AWS keys expire independently. Both expiries are absolute instants, so that
//! renewing one never extends the other.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Deserialize;

use super::AccountError;
use super::fields;
use crate::aws;
use crate::diagnostics::Stamp;

/// How long before its end a token counts as expired: the reference client's value…
const MARGIN: Duration = Duration::from_secs(300);
/// …but at most this fraction of its lifetime, or a short lifetime would end before it starts.
const MARGIN_DIVISOR: u32 = 10;
/// The lifetime documented by the vendor, used where the cloud reports none.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// A longer lifetime counts as an error.
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// The signed-in user, as far as needed. Names and addresses are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The vendor's number of the user.
    pub number: Option<i64>,
    /// Kind of user, "O" for owners.
    pub kind: Option<String>,
}

/// When a token or key expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    /// The instant, on both clocks.
    pub(super) at: Stamp,
    /// Total lifetime.
    pub(super) lifetime: Duration,
    /// Whether the cloud reported it; otherwise it is assumed.
    pub(super) is_known: bool,
}

impl Expiry {
    /// `life_secs` from now, or the documented lifetime if the cloud reported none or 0.
    pub(super) fn after(life_secs: Option<i64>, now: Stamp) -> Self {
        let reported = life_secs.and_then(|secs| u64::try_from(secs).ok()).filter(|secs| *secs > 0);
        let lifetime = reported.map_or(DEFAULT_LIFETIME, Duration::from_secs).min(MAX_LIFETIME);
        Self { at: now.plus(lifetime), lifetime, is_known: reported.is_some() }
    }

    /// A wall-clock instant stored by an earlier run. The remaining time is capped at the whole lifetime, in case
    /// the clock was changed in between.
    pub(super) fn at_wall(at: DateTime<Utc>, lifetime: Duration, is_known: bool, now: Stamp) -> Self {
        let lifetime = lifetime.min(MAX_LIFETIME);
        let left = at.signed_duration_since(now.wall).to_std().unwrap_or(Duration::ZERO).min(lifetime);
        Self { at: now.plus(left), lifetime, is_known }
    }

    /// Whether a renewal is due.
    pub(super) fn is_due(self, now: Stamp) -> bool {
        let margin = MARGIN.min(self.lifetime / MARGIN_DIVISOR);
        now.boot.saturating_add(margin) >= self.at.boot
    }

    /// Whether it has expired.
    pub(super) fn is_over(self, now: Stamp) -> bool {
        now.has_reached(self.at)
    }

    /// The expiry by the current wall clock, even if the clock was set in the meantime.
    pub(super) fn wall(self, now: Stamp) -> DateTime<Utc> {
        let left = |from: Stamp, to: Stamp| TimeDelta::from_std(to.since(from)).unwrap_or(TimeDelta::MAX);
        let (ahead, behind) = (left(now, self.at), left(self.at, now));
        now.wall
            .checked_add_signed(ahead)
            .and_then(|at| at.checked_sub_signed(behind))
            .unwrap_or(self.at.wall)
    }
}

/// Keys for AWS IoT.
#[derive(Clone)]
pub(super) struct AwsKeys {
    pub(super) credentials: aws::Credentials,
    pub(super) expiry: Expiry,
}

/// The result of a sign-in. Has no `Debug`: nearly all of it is secret.
#[derive(Clone)]
pub(super) struct Tokens {
    pub(super) access: SecretString,
    pub(super) access_expiry: Expiry,
    pub(super) refresh: Option<SecretString>,
    pub(super) keys: Option<AwsKeys>,
    pub(super) user: User,
}

impl Tokens {
    /// # Errors
    /// When the answer has no access token.
    pub(super) fn from_sign_in(data: SignInData, now: Stamp) -> Result<Self, AccountError> {
        let fields = data.token.or(data.tokens).unwrap_or_default();
        let access = fields.access_token.clone().ok_or_else(no_access_token)?;
        let user = data.user_info.unwrap_or_default();
        Ok(Self {
            access,
            access_expiry: Expiry::after(fields.authentication_expires_in, now),
            refresh: fields.refresh_token.clone(),
            keys: fields.keys(now),
            user: User { number: user.user_seq, kind: user.user_type },
        })
    }

    /// Merges a refresh: values in the answer replace the old ones; missing ones stay with their old expiry.
    ///
    /// # Errors
    /// When the answer has no access token.
    pub(super) fn refreshed(&self, fields: TokenFields, now: Stamp) -> Result<Self, AccountError> {
        let keys = fields.keys(now).or_else(|| self.keys.clone());
        Ok(Self {
            access: fields.access_token.ok_or_else(no_access_token)?,
            access_expiry: Expiry::after(fields.authentication_expires_in, now),
            refresh: fields.refresh_token.or_else(|| self.refresh.clone()),
            keys,
            user: self.user.clone(),
        })
    }
}

fn no_access_token() -> AccountError {
    AccountError::incomplete("it has no access token")
}

/// The data of a sign-in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignInData {
    #[serde(default)]
    user_info: Option<UserFields>,
    #[serde(default)]
    token: Option<TokenFields>,
    #[serde(default)]
    tokens: Option<TokenFields>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct UserFields {
    #[serde(default, deserialize_with = "fields::integer")]
    user_seq: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    user_type: Option<String>,
}

/// The token fields: the data of a refresh, and part of a sign-in.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenFields {
    #[serde(default, deserialize_with = "fields::secret")]
    access_token: Option<SecretString>,
    #[serde(default, deserialize_with = "fields::secret")]
    refresh_token: Option<SecretString>,
    #[serde(default, deserialize_with = "fields::integer")]
    authentication_expires_in: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    access_key_id: Option<String>,
    #[serde(default, deserialize_with = "fields::secret")]
    secret_key: Option<SecretString>,
    #[serde(default, deserialize_with = "fields::secret")]
    session_token: Option<SecretString>,
    #[serde(default, deserialize_with = "fields::integer")]
    authorization_expires_in: Option<i64>,
}

impl TokenFields {
    fn keys(&self, now: Stamp) -> Option<AwsKeys> {
        let access_key_id = self.access_key_id.clone().filter(|id| !id.is_empty())?;
        let credentials = aws::Credentials {
            access_key_id,
            secret_key: self.secret_key.clone()?,
            session_token: self.session_token.clone(),
        };
        Some(AwsKeys { credentials, expiry: Expiry::after(self.authorization_expires_in, now) })
    }
}
