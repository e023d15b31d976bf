//! The temporary credentials issued by the lab, and their checks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::{Credentials, PresignedUrl, SignatureError};
use crate::diagnostics::Clock;
use crate::lab::sync::lock;

/// Keys remembered; beyond that the oldest are removed.
const MAX_KEYS: usize = 1000;
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Why a signed upgrade is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpgradeDenial {
    /// The signature is wrong.
    #[error("{0}")]
    Signature(#[from] SignatureError),
    /// The request was signed for another region than that of the endpoint.
    #[error("the signature is for another region")]
    WrongRegion,
    /// The access key was never issued.
    #[error("the access key is unknown")]
    UnknownKey,
    /// The session token is not the one issued with the key.
    #[error("the session token does not belong to the access key")]
    WrongToken,
    /// The credentials have expired.
    #[error("the credentials have expired")]
    Expired,
}

/// The temporary credentials of one lab.
#[derive(Debug)]
pub struct LabCredentialStore {
    clock: Arc<dyn Clock>,
    issued: Mutex<Vec<IssuedCredentials>>,
}

#[derive(Debug)]
struct IssuedCredentials {
    credentials: Credentials,
    /// On the boot clock.
    expires: Duration,
}

impl LabCredentialStore {
    /// A store without keys.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, issued: Mutex::default() }
    }

    /// Makes new random credentials that are valid for `lifetime`.
    pub fn issue(&self, lifetime: Duration) -> Credentials {
        let credentials = Credentials {
            access_key_id: format!("ASIA{}", random_text(16, &BASE64[..26])),
            secret_key: random_text(40, BASE64).into(),
            // Real tokens are some hundred characters of base64, including those that must be escaped.
            session_token: Some(format!("{}/+==", random_text(360, BASE64)).into()),
        };
        let expires = self.clock.now().boot.saturating_add(lifetime);
        let mut issued = lock(&self.issued);
        if issued.len() == MAX_KEYS {
            issued.remove(0);
        }
        issued.push(IssuedCredentials { credentials: credentials.clone(), expires });
        credentials
    }

    /// All issued credentials, valid or not, oldest first, at most 1,000.
    pub fn issued(&self) -> Vec<Credentials> {
        lock(&self.issued).iter().map(|key| key.credentials.clone()).collect()
    }

    /// Lets all credentials issued so far expire now.
    pub fn expire_all(&self) {
        let now = self.clock.now().boot;
        lock(&self.issued).iter_mut().for_each(|key| key.expires = key.expires.min(now));
    }

    /// Checks the key, its signature and its token; see [`PresignedUrl::verify`] for `header`.
    ///
    /// # Errors
    /// The first failed check, in this order: key, signature and date, token, lifetime.
    pub fn check(
        &self,
        presigned: &PresignedUrl,
        header: impl Fn(&str) -> Option<String>,
    ) -> Result<(), UpgradeDenial> {
        let now = self.clock.now();
        let issued = lock(&self.issued);
        let mut keys = issued.iter();
        let key = keys.find(|key| key.credentials.access_key_id == presigned.access_key_id());
        let key = key.ok_or(UpgradeDenial::UnknownKey)?;
        presigned.verify(header, &key.credentials.secret_key, now.wall)?;
        let token = |token: Option<&SecretString>| token.map(|token| token.expose_secret().to_owned());
        if token(presigned.session_token()) != token(key.credentials.session_token.as_ref()) {
            return Err(UpgradeDenial::WrongToken);
        }
        if now.boot >= key.expires {
            return Err(UpgradeDenial::Expired);
        }
        Ok(())
    }
}

/// Random characters of an ASCII alphabet.
pub(in crate::lab) fn random_text(length: usize, alphabet: &[u8]) -> String {
    let mut random = rand::rng();
    (0..length).map(|_| char::from(alphabet[random.random_range(0..alphabet.len())])).collect()
}
