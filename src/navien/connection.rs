//! The connection to the vendor's MQTT endpoint: address, client id and signed upgrade.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::account::{Account, AccountError, AwsCredentials};
use crate::aws::{SigningTarget, presign};
use crate::diagnostics::Clock;
use crate::diagnostics::event::Layer;
use crate::mqtt::connector::BoxFuture;
use crate::mqtt::settings::BrokerAddress;
use crate::mqtt::signer::{SignFailure, SignedTarget, Signer};

/// The vendor's endpoint at AWS IoT.
pub const ENDPOINT: &str = "wss://a1t30mldyslmuq-ats.iot.us-east-1.amazonaws.com/mqtt";
/// The AWS region of the signature.
pub const REGION: &str = "us-east-1";
/// Prefix of client ids, as in the reference client. Random digits follow: AWS closes the older of two
/// connections with the same id, so every client needs its own.
pub const CLIENT_ID_PREFIX: &str = "navien-client-";

/// Signs each attempt with the current credentials of the account.
#[derive(Debug)]
pub struct AccountSigner {
    account: Arc<Account>,
    host: String,
    path: String,
    clock: Arc<dyn Clock>,
    /// The last keys were refused.
    is_refused: AtomicBool,
    /// Keys were provided before.
    has_provided: AtomicBool,
}

impl AccountSigner {
    /// A signer for this endpoint.
    pub fn new(account: Arc<Account>, endpoint: &BrokerAddress, clock: Arc<dyn Clock>) -> Self {
        Self {
            account,
            host: endpoint.authority(),
            path: endpoint.path.clone(),
            clock,
            is_refused: AtomicBool::new(false),
            has_provided: AtomicBool::new(false),
        }
    }

    /// If new keys are unavailable, valid old ones are used: the vendor's cloud may be down while AWS is not.
    async fn credentials(&self, fresh: bool) -> Result<AwsCredentials, SignFailure> {
        match self.account.credentials(fresh).await {
            Ok(credentials) => {
                self.is_refused.store(false, Ordering::Relaxed);
                self.has_provided.store(true, Ordering::Relaxed);
                Ok(credentials)
            }
            Err(error) if error.is_transient() && !self.is_refused.load(Ordering::Relaxed) => {
                self.account.cached_credentials().await.ok_or_else(|| self.sign_failure(&error))
            }
            Err(error) => Err(self.sign_failure(&error)),
        }
    }

    /// Starts with the state of the old keys: an unreachable cloud alone does not explain a lost connection.
    fn sign_failure(&self, error: &AccountError) -> SignFailure {
        if error.is_fatal() {
            return SignFailure::refused(error.to_string());
        }
        let layer = if let AccountError::Unreachable { layer, .. } = error { *layer } else { Layer::Local };
        let detail = if self.is_refused.load(Ordering::Relaxed) {
            format!("AWS refused the credentials, and there are no new ones: {error}")
        } else if self.has_provided.load(Ordering::Relaxed) {
            format!("the AWS credentials have expired, and there are no new ones: {error}")
        } else {
            error.to_string()
        };
        SignFailure::unavailable(layer, detail)
    }
}

impl Signer for AccountSigner {
    fn sign(&self, fresh: bool) -> BoxFuture<'_, Result<SignedTarget, SignFailure>> {
        Box::pin(async move {
            let credentials = self.credentials(fresh).await?;
            let target = SigningTarget { host: &self.host, path: &self.path, region: REGION };
            let signed = presign(target, &credentials.keys, self.clock.now().wall, None);
            Ok(SignedTarget { path_and_query: signed.into(), expires_at: credentials.expires_at })
        })
    }

    /// The next `sign` requests fresh credentials; the account limits how often.
    fn on_refused(&self, status: u16, server_date: Option<DateTime<Utc>>) {
        self.is_refused.store(true, Ordering::Relaxed);
        tracing::info!(status, ?server_date, "signed upgrade refused");
    }
}
