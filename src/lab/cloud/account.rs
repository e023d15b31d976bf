//! The account of the cloud: password, tokens and their lifetimes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{CloudOptions, CloudSecret};
use crate::diagnostics::Clock;
use crate::lab::aws::{LabCredentialStore, random_text};
use crate::lab::sync::lock;

/// Tokens remembered; beyond that the oldest are removed.
const MAX_TOKENS: usize = 1000;
/// Secrets remembered; a sign-in makes three of them.
const MAX_SECRETS: usize = 5 * MAX_TOKENS;
const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The user's number in the vendor's database.
const USER_NUMBER: u32 = 36_283;

/// The only account of the cloud.
pub(super) struct CloudAccount {
    clock: Arc<dyn Clock>,
    credential_store: Arc<LabCredentialStore>,
    options: CloudOptions,
    email: String,
    password: Mutex<SecretString>,
    access_tokens: Mutex<Vec<AccessToken>>,
    refresh_tokens: Mutex<Vec<SecretString>>,
    /// Passwords and tokens, including invalid ones.
    secrets: Mutex<Vec<CloudSecret>>,
}

struct AccessToken {
    token: SecretString,
    /// On the boot clock.
    expires: Duration,
}

impl CloudAccount {
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        credential_store: Arc<LabCredentialStore>,
        options: CloudOptions,
    ) -> Self {
        let password = SecretString::from(random_text(20, ALPHABET));
        Self {
            clock,
            credential_store,
            options,
            email: format!("lab-{}@example.invalid", random_text(8, b"abcdefghijkmnpqrstuvwxyz23456789")),
            secrets: Mutex::new(vec![CloudSecret::new("password", password.clone())]),
            password: Mutex::new(password),
            access_tokens: Mutex::default(),
            refresh_tokens: Mutex::default(),
        }
    }

    pub(super) fn email(&self) -> &str {
        &self.email
    }

    pub(super) fn password(&self) -> SecretString {
        lock(&self.password).clone()
    }

    pub(super) fn change_password(&self, password: &str) {
        *lock(&self.password) = password.into();
        self.remember_secret("password", password);
    }

    /// E-mail, passwords, tokens and AWS keys, including invalid ones.
    pub(super) fn secrets(&self) -> Vec<CloudSecret> {
        let mut all = vec![CloudSecret::new("e-mail", self.email.as_str())];
        all.extend(lock(&self.secrets).iter().cloned());
        for keys in self.credential_store.issued() {
            all.push(CloudSecret::new("AWS key id", keys.access_key_id));
            all.push(CloudSecret { label: "AWS secret key", value: keys.secret_key });
            all.extend(keys.session_token.map(|value| CloudSecret { label: "AWS session token", value }));
        }
        all
    }

    fn remember_secret(&self, label: &'static str, value: &str) {
        let mut secrets = lock(&self.secrets);
        if secrets.len() == MAX_SECRETS {
            secrets.remove(0);
        }
        secrets.push(CloudSecret::new(label, value));
    }

    pub(super) fn expire_tokens(&self) {
        lock(&self.access_tokens).clear();
    }

    pub(super) fn revoke_refresh_tokens(&self) {
        lock(&self.refresh_tokens).clear();
    }

    /// The data of a sign-in; `None` if the e-mail or the password is wrong.
    pub(super) fn sign_in(&self, email: &str, password: &str) -> Option<Value> {
        if email != self.email || password != lock(&self.password).expose_secret() {
            return None;
        }
        let refresh_token = self.issue_token("refresh");
        push_bounded(&mut lock(&self.refresh_tokens), refresh_token.clone().into());
        let mut token = self.issue_access_token(&refresh_token);
        self.add_credentials(&mut token);
        Some(json!({
            "userInfo": {
                "userType": "O",
                "userFirstName": "Lab",
                "userLastName": "User",
                "userStatus": "NORMAL",
                "userSeq": USER_NUMBER,
            },
            "legal": [],
            "token": token,
        }))
    }

    /// The data of a refresh; `None` if the refresh token is unknown.
    pub(super) fn refresh(&self, refresh_token: &str) -> Option<Value> {
        let is_known = lock(&self.refresh_tokens).iter().any(|known| known.expose_secret() == refresh_token);
        is_known.then(|| {
            let mut token = self.issue_access_token(refresh_token);
            if self.options.refresh_gives_credentials {
                self.add_credentials(&mut token);
            }
            token
        })
    }

    /// Whether an access token is valid now.
    pub(super) fn is_valid_token(&self, token: &str) -> bool {
        let now = self.clock.now().boot;
        lock(&self.access_tokens)
            .iter()
            .any(|known| known.token.expose_secret() == token && now < known.expires)
    }

    /// A new access token, with its fields in the answer.
    fn issue_access_token(&self, refresh_token: &str) -> Value {
        let token = self.issue_token("access");
        let expires = self.clock.now().boot.saturating_add(self.options.token_lifetime);
        push_bounded(&mut lock(&self.access_tokens), AccessToken { token: token.clone().into(), expires });
        json!({
            "idToken": self.issue_token("id"),
            "accessToken": token,
            "refreshToken": refresh_token,
            "authenticationExpiresIn": self.options.token_lifetime.as_secs(),
        })
    }

    fn add_credentials(&self, token: &mut Value) {
        let credentials = self.credential_store.issue(self.options.credentials_lifetime);
        token["accessKeyId"] = credentials.access_key_id.into();
        token["secretKey"] = credentials.secret_key.expose_secret().into();
        let session_token = credentials.session_token.as_ref().map(ExposeSecret::expose_secret);
        token["sessionToken"] = session_token.into();
        token["authorizationExpiresIn"] = self.options.credentials_lifetime.as_secs().into();
    }

    /// Has the form of a JWT. Its signature is random: no client checks it.
    fn issue_token(&self, purpose: &'static str) -> String {
        let now = self.clock.now().wall.timestamp();
        let head = URL_SAFE_NO_PAD.encode(json!({ "alg": "RS256", "typ": "JWT" }).to_string());
        let claims = json!({ "sub": USER_NUMBER.to_string(), "token_use": purpose, "iat": now });
        let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
        let token = format!("{head}.{claims}.{}", random_text(86, ALPHABET));
        self.remember_secret(purpose, &token);
        token
    }
}

fn push_bounded<T>(all: &mut Vec<T>, one: T) {
    if all.len() == MAX_TOKENS {
        all.remove(0);
    }
    all.push(one);
}
