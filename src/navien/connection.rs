//! How is the vendor's MQTT endpoint reached: where, as whom, signed with what?

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
/// The AWS region that is signed for.
pub const REGION: &str = "us-east-1";
/// What client ids begin with, as those of the reference client. Random digits follow: AWS cuts the older
/// of two connections with the same id, so an id of our own is as necessary as it is harmless.
pub const CLIENT_ID_PREFIX: &str = "navien-client-";

/// Signs each attempt with what the account holds then.
#[derive(Debug)]
pub struct AccountSigner {
    account: Arc<Account>,
    host: String,
    path: String,
    clock: Arc<dyn Clock>,
    /// The keys given last were refused.
    is_refused: AtomicBool,
    /// Keys were given before.
    has_provided: AtomicBool,
}

impl AccountSigner {
    /// Signs for this endpoint.
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
}

impl AccountSigner {
    /// New keys that cannot be had now are no reason not to try good old ones: the vendor's cloud may be down
    /// while AWS is not.
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

    /// Begins with what became of the old keys: the cloud's silence alone explains no lost connection.
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

    /// The next call of `sign` asks for fresh credentials; the account decides whether that can help.
    fn on_refused(&self, status: u16, server_date: Option<DateTime<Utc>>) {
        self.is_refused.store(true, Ordering::Relaxed);
        tracing::info!(status, ?server_date, "signed upgrade refused");
    }
}
