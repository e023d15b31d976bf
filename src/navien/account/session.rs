//! Who signs in, when, and who waits for it?

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

/// How long one request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two sign-ins because of refused keys: what was refused twice in a row is refused for another
/// reason (a clock, a policy), and the cloud wants to be asked no more than once a minute.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_secs(60);
/// Devices asked for at once; the cloud gives no more.
const PAGE_SIZE: usize = 20;
/// Pages read; a list that long has no end.
const MAX_PAGES: usize = 50;

/// Keys for AWS IoT, good now. `Debug` does not show them.
#[derive(Clone)]
pub struct AwsCredentials {
    /// To sign with.
    pub keys: aws::Credentials,
    /// When they end, by the computer's clock; `None` if the cloud did not say.
    pub expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for AwsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsCredentials").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The account. Share it: whoever needs the same renewal waits for the same request.
pub struct Account {
    settings: AccountSettings,
    transport: Arc<dyn CloudTransport>,
    clock: Arc<dyn Clock>,
    state: Mutex<AccountState>,
    /// Counts renewals, to see that another caller made one while we waited.
    renewals: AtomicU64,
}

#[derive(Default)]
struct AccountState {
    tokens: Option<Tokens>,
    /// When keys were last given up because they were refused.
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
    /// The account, with the tokens of an earlier run if there are any (reads one small file). Nothing is
    /// asked before it is needed.
    pub fn new(settings: AccountSettings, transport: Arc<dyn CloudTransport>, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let tokens = settings.cache.as_deref().and_then(|path| cache::restore(path, &settings, now));
        let state = Mutex::new(AccountState { tokens, refused_at: None });
        Self { settings, transport, clock, state, renewals: AtomicU64::new(0) }
    }

    /// Signs in with e-mail and password, whatever is still good.
    ///
    /// # Errors
    /// When the cloud does not answer, or not with a sign-in.
    pub async fn sign_in(&self) -> Result<User, AccountError> {
        let renewals_seen = self.renewals.load(Ordering::SeqCst);
        let mut state = self.state.lock().await;
        match &state.tokens {
            Some(tokens) if self.renewed_since(renewals_seen) => Ok(tokens.user.clone()),
            _ => self.renew(&mut state).await.map(|tokens| tokens.user.clone()),
        }
    }

    /// Who is signed in, if anybody is.
    pub async fn user(&self) -> Option<User> {
        self.state.lock().await.tokens.as_ref().map(|tokens| tokens.user.clone())
    }

    /// Keys for AWS IoT that are good now; signs in if there are none. `fresh`: AWS refused the ones that
    /// were given last, whatever their end.
    ///
    /// # Errors
    /// When keys are needed and the cloud gives none.
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
            // They were to be renewed early; while the cloud is silent they may still do.
            Err(error) if error.is_transient() && !keys.expiry.is_over(self.clock.now()) => {
                tracing::warn!(%error, "AWS credentials not renewed yet");
                self.aws_credentials(Some(&keys))
            }
            Err(error) => Err(error),
        }
    }

    /// The keys that were given last, if they are not over; asks nobody.
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
            // A cloud that does not know `offset` gives the same page for ever.
            if page.length < PAGE_SIZE || (has_devices && devices.len() == before) {
                break;
            }
        }
        Ok(devices)
    }

    /// One device as it is now.
    ///
    /// # Errors
    /// When the cloud does not answer, or not with a device.
    pub async fn device_info(&self, device: &AccountDevice) -> Result<AccountDevice, AccountError> {
        let AccountDevice { mac_address, additional_value, .. } = device;
        let request = DeviceInfoRequest { mac_address, additional_value, user_id: &self.settings.email };
        let DeviceInfoResponse(described) = self.request_with_token("/device/info", &request).await?;
        described.ok_or_else(|| AccountError::Malformed {
            status: 200,
            why: "there is no address of a device in it".to_owned(),
        })
    }

    /// Asks with the access token; if that is refused, once more with a new one.
    async fn request_with_token<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
    ) -> Result<T, AccountError> {
        let (token, renewals_seen) = self.access_token(None).await?;
        match self.request(path, Some(&token), RequestBody::json(request)).await {
            Err(AccountError::Refused { code: 401, .. }) => {
                let (token, _) = self.access_token(Some(renewals_seen)).await?;
                self.request(path, Some(&token), RequestBody::json(request)).await
            }
            other => other,
        }
    }

    /// The access token and the number of renewals it comes from. `refused`: that of a token that was
    /// refused; unless there was a renewal since, one is made.
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
                // Whatever ails the refresh token, the password is a fresh start.
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
        let data: SignInData =
            self.request("/user/sign-in", None, body).await.map_err(|error| match error {
                AccountError::Refused { code: 401, .. } => AccountError::WrongPassword,
                other => other,
            })?;
        let tokens = Tokens::from_sign_in(data, self.clock.now())?;
        self.store_tokens(state, tokens.clone()).await;
        Ok(state.tokens.insert(tokens))
    }

    async fn refresh(
        &self,
        state: &mut MutexGuard<'_, AccountState>,
        old: &Tokens,
    ) -> Result<(), AccountError> {
        let none = || AccountError::Refused { code: 401, message: "there is no refresh token".to_owned() };
        let refresh_token = old.refresh.as_ref().ok_or_else(none)?.expose_secret();
        let body = RequestBody::json(&RefreshRequest { refresh_token });
        let fields: TokenFields = self.request("/auth/refresh", None, body).await?;
        self.store_tokens(state, old.refreshed(fields, self.clock.now())?).await;
        Ok(())
    }

    /// Takes the tokens over and stores them. Without the file the next run signs in, that is all.
    ///
    /// In this order, so that a caller who gives up while the disk is slow loses nothing.
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

    /// One request within [`PATIENCE`].
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
            tracing::info!(path, %error, "asked the cloud in vain");
        }
        answer
    }
}
