//! The link's signer with the user's own keys.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::source::{ExpiringCredentials, KeySource};
use crate::aws::{SigningTarget, presign};
use crate::diagnostics::Clock;
use crate::diagnostics::event::Layer;
use crate::mqtt::connector::BoxFuture;
use crate::mqtt::settings::BrokerAddress;
use crate::mqtt::signer::{SignFailure, SignedTarget, Signer};

/// Signs with the keys of a [`KeySource`]. It reads the source again for every deep attempt, after a refusal,
/// and when the keys have expired.
pub struct KeySigner {
    source: KeySource,
    host: String,
    path: String,
    region: String,
    clock: Arc<dyn Clock>,
    cached: Mutex<Option<ExpiringCredentials>>,
}

impl std::fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySigner")
            .field("host", &self.host)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl KeySigner {
    /// A signer for the upgrade at `broker`, in this region.
    pub fn new(source: KeySource, broker: &BrokerAddress, region: String, clock: Arc<dyn Clock>) -> Self {
        let path = broker.path.split('?').next().unwrap_or_default().to_owned();
        Self { source, host: broker.authority(), path, region, clock, cached: Mutex::default() }
    }

    fn set_cached(&self, found: Option<ExpiringCredentials>) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// The cached keys, unless they have expired.
    fn cached(&self) -> Option<ExpiringCredentials> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = self.clock.now().wall;
        cached.filter(|found| found.expires_at.is_none_or(|expiry| expiry > now))
    }

    async fn load(&self, fresh: bool) -> Result<ExpiringCredentials, SignFailure> {
        if let Some(found) = self.cached().filter(|_| !fresh) {
            return Ok(found);
        }
        let source = self.source.clone();
        let read = tokio::task::spawn_blocking(move || source.read()).await;
        let unavailable = |error: &dyn std::fmt::Display| {
            SignFailure::unavailable(Layer::Local, error.to_string().trim_end_matches('.'))
        };
        let found = read.map_err(|error| unavailable(&error))?.map_err(|error| unavailable(&error))?;
        self.set_cached(Some(found.clone()));
        Ok(found)
    }
}

impl Signer for KeySigner {
    fn sign(&self, fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>> {
        Box::pin(async move {
            let ExpiringCredentials { credentials, expires_at } = self.load(fresh).await?;
            let target = SigningTarget { host: &self.host, path: &self.path, region: &self.region };
            let signed = presign(target, &credentials, self.clock.now().wall, None);
            Ok(SignedTarget { path_and_query: signed.into(), expires_at })
        })
    }

    fn on_refused(&self, _status: u16, _server_date: Option<DateTime<Utc>>) {
        self.set_cached(None);
    }
}
