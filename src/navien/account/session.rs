//! The account session: sign-in, token refresh, and requests with the current token.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, MutexGuard};

use super::device::{DeviceInfoRequest, DeviceInfoResponse, DeviceListRequest, DevicePage};
use super::rest::{CloudTransport, RequestBody};
use super::tokens::{AwsKeys, SignInData, TokenFields, Tokens, User};
use super::{AccountDevice, AccountError, AccountSettings, cache};
use crate::aws;
use crate::diagnostics::{Clock, Stamp};

/// Timeout of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Minimum time between two sign-ins after refused keys. Keys refused twice in a row have another cause (clock,
/// policy), and the cloud should get at most one sign-in per minute.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_secs(60);
/// Devices per page; the cloud's maximum.
const PAGE_SIZE: usize = 20;
/// Maximum number of pages read; a longer list has no end.
const MAX_PAGES: usize = 50;

/// Valid keys for AWS IoT. `Debug` does not show them.
#[derive(Clone)]
pub struct AwsCredentials {
    /// The signing keys.
    pub keys: aws::Credentials,
    /// Expiry by this computer's clock; `None` if the cloud did not report it.
    pub expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The account. Share it: concurrent callers wait for the same renewal.
pub struct Account {
    settings: AccountSettings,
    transport: Arc<dyn CloudTransport>,
    clock: Arc<dyn Clock>,
    state: Mutex<AccountState>,
    /// Counts renewals, to detect one made by another caller in the meantime.
    renewals: AtomicU64,
}

#[derive(Default)]
struct AccountState {
    tokens: Option<Tokens>,
    /// When keys were last replaced because they were refused.
    refused_at: Option<Stamp>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SignInRequest<'a> {
    user_id: &'a str,
    password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefreshRequest<'a> {
    refresh_token: &'a str,
}

impl Account {
    /// The account, with the tokens of an earlier run if there are any (reads one small file). Sends no request
    /// yet.
    pub fn new(settings: AccountSettings, transport: Arc<dyn CloudTransport>, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let tokens = settings.cache.as_deref().and_then(|path| cache::restore(path, &settings, now));
        let state = Mutex::new(AccountState { tokens, refused_at: None });
        Self { settings, transport, clock, state, renewals: AtomicU64::new(0) }
    }

    /// Signs in with e-mail and password even if the current tokens are valid.
    ///
    /// # Errors
    /// When the cloud does not answer or refuses.
    pub async fn sign_in(&self) -> Result<User, AccountError> {
        let renewals_seen = self.renewals.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        match &state.tokens {
            Some(tokens) if self.renewed_since(renewals_seen) => Ok(tokens.user.clone()),
            _ => self.renew(&mut state).await.map(|tokens| tokens.user.clone()),
        }
    }

    /// The signed-in user, if there is one.
    pub async fn user(&self) -> Option<User> {
        self.state.lock().await.tokens.as_ref().map(|tokens| tokens.user.clone())
    }

    /// Valid keys for AWS IoT; signs in if there are none. `fresh`: AWS refused the previous keys, even if they
    /// have not expired.
    ///
    /// # Errors
    /// When new keys are needed and the cloud sends none.
    pub async fn credentials(&self, fresh: bool) -> Result<AwsCredentials, AccountError> {
        let renewals_seen = self.renewals.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        let keys = state.tokens.as_ref().and_then(|tokens| tokens.keys.clone());
        let Some(keys) = keys else {
            let tokens = self.renew(&mut state).await?;
            return self.aws_credentials(tokens.keys.as_ref());
        };
        if fresh && !self.renewed_since(renewals_seen) {
            let is_again = state.refused_at.is_some_and(|at| now.since(at) < MIN_RENEWAL_INTERVAL);
            if !is_again {
                let tokens = self.renew(&mut state).await?.clone();
                state.refused_at = Some(now);
                return self.aws_credentials(tokens.keys.as_ref());
            }
        }
        if !keys.expiry.is_due(now) {
            return self.aws_credentials(Some(&keys));
        }
        match self.renew(&mut state).await {
            Ok(tokens) => self.aws_credentials(tokens.keys.as_ref()),
            // The renewal is due, but the old keys are still valid: use them while the cloud is unreachable.
            Err(error) if error.is_transient() && !keys.expiry.is_over(self.clock.now()) => {
                tracing::warn!(%error, "AWS credentials not renewed yet");
                self.aws_credentials(Some(&keys))
            }
            Err(error) => Err(error),
        }
    }

    /// The last keys if they have not expired; sends no request.
    pub async fn cached_credentials(&self) -> Option<AwsCredentials> {
        let state = self.state.lock().await;
        let keys = state.tokens.as_ref()?.keys.as_ref()?;
        if keys.expiry.is_over(self.clock.now()) { None } else { self.aws_credentials(Some(keys)).ok() }
    }

    fn aws_credentials(&self, keys: Option<&AwsKeys>) -> Result<AwsCredentials, AccountError> {
        let AwsKeys { credentials, expiry } = keys.ok_or(AccountError::NoCredentials)?;
        let expires_at = expiry.is_known.then(|| expiry.wall(self.clock.now()));
        Ok(AwsCredentials { keys: credentials.clone(), expires_at })
    }

    /// All devices of the account, page by page.
    ///
    /// # Errors
    /// When the cloud does not answer, or not with a list.
    pub async fn devices(&self) -> Result<Vec<AccountDevice>, AccountError> {
        let mut devices: Vec<AccountDevice> = Vec::new();
        let mut offset = 0_usize;
        for _ in 0..MAX_PAGES {
            let request = DeviceListRequest { offset, count: PAGE_SIZE, user_id: &self.settings.email };
            let page: DevicePage = self.request_with_token("/device/list", &request).await?;
            let (before, has_devices) = (devices.len(), !page.devices.is_empty());
            for device in page.devices {
                if devices.iter().all(|known| known.mac_address != device.mac_address) {
                    devices.push(device);
                }
            }
            offset = offset.saturating_add(page.length);
            // A cloud that ignores `offset` repeats the same page.
            if page.length < PAGE_SIZE || (has_devices && devices.len() == before) {
                break;
            }
        }
        Ok(devices)
    }

    /// The current description of one device.
    ///
    /// # Errors
    /// When the cloud does not answer, or not with a device.
    pub async fn device_info(&self, device: &AccountDevice) -> Result<AccountDevice, AccountError> {
        let AccountDevice { mac_address, additional_value, .. } = device;
        let request = DeviceInfoRequest { mac_address, additional_value, user_id: &self.settings.email };
        let DeviceInfoResponse(described) = self.request_with_token("/device/info", &request).await?;
        described.ok_or_else(|| AccountError::incomplete("the device has no address"))
    }

    /// Sends a request with the access token; if that is refused, once more with a new one.
    async fn request_with_token<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, AccountError> {
        let (token, renewals_seen) = self.access_token(None).await?;
        match self.request(path, Some(&token), RequestBody::json(request)).await {
            Err(error) if error.is_unauthorized() => {
                let (token, _) = self.access_token(Some(renewals_seen)).await?;
                self.request(path, Some(&token), RequestBody::json(request)).await
            }
            other => other,
        }
    }

    /// The access token and the number of the renewal it comes from. `refused`: the renewal of a token that was
    /// refused; the token is renewed unless another caller has done it since.
    async fn access_token(&self, refused: Option<u64>) -> Result<(SecretString, u64), AccountError> {
        let mut state = self.state.lock().await;
        let is_refused = refused.is_some_and(|renewals_seen| !self.renewed_since(renewals_seen));
        let now = self.clock.now();
        let token = match state.tokens.clone() {
            None => self.renew(&mut state).await?.access.clone(),
            Some(tokens) if !is_refused && !tokens.access_expiry.is_due(now) => tokens.access,
            Some(tokens) => match self.refresh(&mut state, &tokens).await {
                Ok(()) => state.tokens.as_ref().map_or(tokens.access, |tokens| tokens.access.clone()),
                Err(error) if error.is_transient() => {
                    let is_good = !is_refused && !tokens.access_expiry.is_over(self.clock.now());
                    if is_good { tokens.access } else { return Err(error) }
                }
                // Any other refresh failure: sign in with the password.
                Err(_) => self.renew(&mut state).await?.access.clone(),
            },
        };
        Ok((token, self.renewals.load(Ordering::SeqCst)))
    }

    fn renewed_since(&self, renewals_seen: u64) -> bool {
        self.renewals.load(Ordering::SeqCst) != renewals_seen
    }

    /// A full sign-in.
    async fn renew<'a>(
        &self,
        state: &'a mut MutexGuard<'_, AccountState>,
    ) -> Result<&'a Tokens, AccountError> {
        let (user_id, password) = (&self.settings.email, self.settings.password.expose_secret());
        let body = RequestBody::json(&SignInRequest { user_id, password });
        let data: SignInData = self
            .request("/user/sign-in", None, body)
            .await
            .map_err(|error| if error.is_unauthorized() { AccountError::WrongPassword } else { error })?;
        let tokens = Tokens::from_sign_in(data, self.clock.now())?;
        self.store_tokens(state, tokens.clone()).await;
        Ok(state.tokens.insert(tokens))
    }

    async fn refresh(
        &self,
        state: &mut MutexGuard<'_, AccountState>,
        old: &Tokens,
    ) -> Result<(), AccountError> {
        let none = || AccountError::Refused { code: 401, message: "no refresh token".to_owned() };
        let refresh_token = old.refresh.as_ref().ok_or_else(none)?.expose_secret();
        let body = RequestBody::json(&RefreshRequest { refresh_token });
        let fields: TokenFields = self.request("/auth/refresh", None, body).await?;
        self.store_tokens(state, old.refreshed(fields, self.clock.now())?).await;
        Ok(())
    }

    /// Replaces the tokens and stores them. If storing fails, the next run signs in again.
    ///
    /// In this order, so that a caller canceled during a slow write loses nothing.
    async fn store_tokens(&self, state: &mut MutexGuard<'_, AccountState>, tokens: Tokens) {
        state.tokens = Some(tokens.clone());
        self.renewals.fetch_add(1, Ordering::SeqCst);
        let Some(path) = self.settings.cache.clone() else { return };
        let (settings, now) = (self.settings.clone(), self.clock.now());
        let stored = tokio::task::spawn_blocking(move || cache::store(&path, &settings, &tokens, now)).await;
        if let Ok(Err(why)) = stored {
            tracing::warn!(why, "tokens not stored");
        }
    }

    /// One request within [`REQUEST_TIMEOUT`].
    async fn request<T: DeserializeOwned>(
        &self,
        path: &str,
        token: Option<&SecretString>,
        body: RequestBody,
    ) -> Result<T, AccountError> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.transport.post(path, token, body))
            .await
            .unwrap_or(Err(AccountError::TimedOut(REQUEST_TIMEOUT)))
            .and_then(|answer| answer.data(&self.settings.email));
        if let Err(error) = &answer {
            tracing::info!(path, %error, "cloud request failed");
        }
        answer
    }
}
