//! The token cache: tokens kept between runs, readable by their owner only.
//!
//! One JSON file, mode 0600, replaced atomically. It stores each expiry as an instant, so that storing never
//! extends a lifetime, and a digest of the account instead of its e-mail: tokens of another account or another
//! cloud are not used.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tokens::{AwsKeys, Expiry, Tokens, User};
use super::{AccountSettings, fields};
use crate::aws;
use crate::diagnostics::Stamp;
use crate::export::file;

const FORMAT: &str = "dropscope-navien-tokens/1";
/// Capacity for all tokens, so that a growing buffer leaves no partial copy in memory.
const MAX_FILE_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
struct StoredTokensRef<'a> {
    format: &'static str,
    account: String,
    access_token: &'a str,
    access_end: StoredExpiry,
    refresh_token: Option<&'a str>,
    keys: Option<StoredKeysRef<'a>>,
    user_number: Option<i64>,
    user_kind: Option<&'a str>,
}

#[derive(Serialize)]
struct StoredKeysRef<'a> {
    access_key_id: &'a str,
    secret_key: &'a str,
    session_token: Option<&'a str>,
    end: StoredExpiry,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
struct StoredExpiry {
    at: DateTime<Utc>,
    life_secs: u64,
    #[serde(rename = "is_told")]
    is_known: bool,
}

#[derive(Deserialize)]
struct StoredTokens {
    format: String,
    account: String,
    #[serde(deserialize_with = "fields::secret")]
    access_token: Option<SecretString>,
    access_end: StoredExpiry,
    #[serde(default, deserialize_with = "fields::secret")]
    refresh_token: Option<SecretString>,
    #[serde(default)]
    keys: Option<StoredKeys>,
    #[serde(default)]
    user_number: Option<i64>,
    #[serde(default)]
    user_kind: Option<String>,
}

#[derive(Deserialize)]
struct StoredKeys {
    access_key_id: String,
    #[serde(deserialize_with = "fields::secret")]
    secret_key: Option<SecretString>,
    #[serde(default, deserialize_with = "fields::secret")]
    session_token: Option<SecretString>,
    end: StoredExpiry,
}

impl StoredExpiry {
    fn of(expiry: Expiry, now: Stamp) -> Self {
        Self { at: expiry.wall(now), life_secs: expiry.lifetime.as_secs(), is_known: expiry.is_known }
    }

    fn expiry(self, now: Stamp) -> Expiry {
        Expiry::at_wall(self.at, Duration::from_secs(self.life_secs), self.is_known, now)
    }
}

/// Identifies an account without its name.
fn account_digest(settings: &AccountSettings) -> String {
    let mut hash = Sha256::new();
    for part in [FORMAT, settings.cloud.as_str(), settings.email.to_lowercase().as_str()] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Replaces the file with these tokens. Blocks until they are on the disk.
pub(super) fn store(
    path: &Path,
    settings: &AccountSettings,
    tokens: &Tokens,
    now: Stamp,
) -> Result<(), String> {
    let keys = tokens.keys.as_ref().map(|keys| StoredKeysRef {
        access_key_id: &keys.credentials.access_key_id,
        secret_key: keys.credentials.secret_key.expose_secret(),
        session_token: keys.credentials.session_token.as_ref().map(ExposeSecret::expose_secret),
        end: StoredExpiry::of(keys.expiry, now),
    });
    let stored = StoredTokensRef {
        format: FORMAT,
        account: account_digest(settings),
        access_token: tokens.access.expose_secret(),
        access_end: StoredExpiry::of(tokens.access_expiry, now),
        refresh_token: tokens.refresh.as_ref().map(ExposeSecret::expose_secret),
        keys,
        user_number: tokens.user.number,
        user_kind: tokens.user.kind.as_deref(),
    };
    let mut buffer = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES));
    serde_json::to_writer(&mut *buffer, &stored).map_err(|_| "no JSON form".to_owned())?;
    file::replace(path, &buffer).map(|_| ()).map_err(|error| error.to_string())
}

/// The tokens of an earlier run; `None` if there are none, if they belong to another account, or if the file is
/// not a token file.
pub(super) fn restore(path: &Path, settings: &AccountSettings, now: Stamp) -> Option<Tokens> {
    let bytes = Zeroizing::new(std::fs::read(path).ok()?);
    let stored: StoredTokens = serde_json::from_slice(&bytes).ok()?;
    if stored.format != FORMAT || stored.account != account_digest(settings) {
        return None;
    }
    let keys = stored.keys.and_then(|keys| {
        let credentials = aws::Credentials {
            access_key_id: keys.access_key_id,
            secret_key: keys.secret_key?,
            session_token: keys.session_token,
        };
        Some(AwsKeys { credentials, expiry: keys.end.expiry(now) })
    });
    Some(Tokens {
        access: stored.access_token?,
        access_expiry: stored.access_end.expiry(now),
        refresh: stored.refresh_token,
        keys,
        user: User { number: stored.user_number, kind: stored.user_kind },
    })
}
