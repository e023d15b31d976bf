//! Which tokens do we hold, and until when are they good?
//!
//! Two clocks run: that of the access token and that of the AWS keys. Both are kept as absolute instants, so
//! that renewing one never lengthens the other.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Deserialize;

use super::AccountError;
use super::fields;
use crate::aws;
use crate::diagnostics::Stamp;

/// How long before its end something counts as expired: the reference client's value…
const MARGIN: Duration = Duration::from_secs(300);
/// …but no more than this part of its life, or a short life would be over before it began.
const MARGIN_DIVISOR: u32 = 10;
/// A life nobody told, as the vendor documents it.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);
/// A longer life is taken for a mistake.
const MAX_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// Who signed in, as far as it matters here. Names and addresses are not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Number of the user in the vendor's books.
    pub number: Option<i64>,
    /// Kind of user, "O" for owners.
    pub kind: Option<String>,
}

/// When something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expiry {
    /// The instant, on both clocks.
    pub(super) at: Stamp,
    /// How long it lasts in all.
    pub(super) lifetime: Duration,
    /// Whether the cloud said so; otherwise it is assumed.
    pub(super) is_known: bool,
}

impl Expiry {
    /// `life_secs` from now, or what is usual if the cloud did not say (0 says nothing).
    pub(super) fn after(life_secs: Option<i64>, now: Stamp) -> Self {
        let reported = life_secs.and_then(|secs| u64::try_from(secs).ok()).filter(|secs| *secs > 0);
        let lifetime = reported.map_or(DEFAULT_LIFETIME, Duration::from_secs).min(MAX_LIFETIME);
        Self { at: now.plus(lifetime), lifetime, is_known: reported.is_some() }
    }

    /// An instant of the wall clock from an earlier run. It cannot be farther away than the whole life,
    /// whatever was done to the clock in between.
    pub(super) fn at_wall(at: DateTime<Utc>, lifetime: Duration, is_known: bool, now: Stamp) -> Self {
        let lifetime = lifetime.min(MAX_LIFETIME);
        let left = at.signed_duration_since(now.wall).to_std().unwrap_or(Duration::ZERO).min(lifetime);
        Self { at: now.plus(left), lifetime, is_known }
    }

    /// Whether it is time to renew.
    pub(super) fn is_due(self, now: Stamp) -> bool {
        let margin = MARGIN.min(self.lifetime / MARGIN_DIVISOR);
        now.boot.saturating_add(margin) >= self.at.boot
    }

    /// Whether it is over.
    pub(super) fn is_over(self, now: Stamp) -> bool {
        now.has_reached(self.at)
    }

    /// The instant by the wall clock as it goes now, even if it was set since.
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

/// Everything a sign-in gave. Has no `Debug`: nearly all of it is secret.
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
    /// When there is no access token in the answer.
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

    /// What a refresh gave takes the place of the old; what it did not give stays, with its old end.
    ///
    /// # Errors
    /// When there is no access token in the answer.
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
    AccountError::Malformed { status: 200, why: "there is no access token in it".to_owned() }
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

/// The fields of a token: the data of a refresh, and part of a sign-in's.
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
