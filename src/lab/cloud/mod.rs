//! The vendor's REST cloud, simulated: a client signs in here and gets its MQTT credentials.
//!
//! HTTP/1.1 on `127.0.0.1`, with the paths, fields, headers and errors of the real one.

mod account;
mod device_list;
mod routes;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::account::CloudAccount;
use self::routes::CloudState;
use super::aws::LabCredentialStore;
use super::sync::lock;
use crate::diagnostics::Clock;

pub use device_list::{ListedDevice, Presence};

/// Options of the cloud. Durations are real time.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Lifetime of an access token.
    pub token_lifetime: Duration,
    /// Lifetime of the AWS credentials.
    pub credentials_lifetime: Duration,
    /// Whether a token refresh returns new AWS credentials; sources about the real cloud differ.
    pub refresh_gives_credentials: bool,
}

impl Default for CloudOptions {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self { token_lifetime: hour, credentials_lifetime: hour, refresh_gives_credentials: false }
    }
}

/// A faulty answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudFault {
    /// Malformed JSON with the content type of JSON.
    Malformed,
    /// The error page of a proxy: HTTP 502, HTML.
    BadGateway,
    /// An error in the cloud's own envelope.
    Failure {
        /// Code in the body, and HTTP status if it is one.
        code: u16,
        /// The envelope's `msg`.
        message: String,
    },
    /// Success without `data`.
    NoData,
    /// No answer until the client or the cloud closes the connection.
    Hang,
    /// The connection is closed instead of an answer.
    HangUp,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// Path without the base.
    pub path: String,
    /// Code in the body; 0 if a fault replaced the answer.
    pub code: u16,
}

/// A secret of the user and the cloud.
#[derive(Debug, Clone)]
pub struct CloudSecret {
    /// Its kind, in words.
    pub label: &'static str,
    /// Its value.
    pub value: SecretString,
}

impl CloudSecret {
    fn new(label: &'static str, value: impl Into<SecretString>) -> Self {
        Self { label, value: value.into() }
    }
}

/// A running cloud. Dropping it ends all its tasks; [`SimulatedCloud::stop`] also waits for them.
pub struct SimulatedCloud {
    control: CloudControl,
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks_ended: mpsc::Receiver<()>,
}

impl SimulatedCloud {
    /// Listens on `127.0.0.1` on a port that the system picks. E-mail and password are new and random.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// No loopback port could be opened.
    pub async fn start(
        clock: Arc<dyn Clock>,
        credential_store: Arc<LabCredentialStore>,
        devices: Vec<ListedDevice>,
        options: CloudOptions,
    ) -> io::Result<Self> {
        let state = Arc::new(CloudState::new(CloudAccount::new(clock, credential_store, options), devices));
        let shutdown = CancellationToken::new();
        let (tasks, tasks_ended) = mpsc::channel(1);
        let address = server::start(Arc::clone(&state), shutdown.clone(), tasks).await?;
        Ok(Self { control: CloudControl { state }, address, shutdown, tasks_ended })
    }

    /// Base of all paths, such as `http://127.0.0.1:40123/api/v2.1`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, routes::BASE)
    }

    /// A handle to make the cloud fail.
    pub fn control(&self) -> CloudControl {
        self.control.clone()
    }

    /// Ends all connections and frees the port.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        let _ = self.tasks_ended.recv().await;
    }
}

impl Drop for SimulatedCloud {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A handle to a running cloud; clones act on the same cloud.
#[derive(Clone)]
pub struct CloudControl {
    state: Arc<CloudState>,
}

impl CloudControl {
    /// The only user.
    pub fn email(&self) -> String {
        self.state.account.email().to_owned()
    }

    /// The user's current password.
    pub fn password(&self) -> SecretString {
        self.state.account.password()
    }

    /// All secrets that the cloud has had or issued: e-mail, passwords, tokens, AWS keys; of each kind at least
    /// the newest. A test searches for them in the output of a client.
    pub fn secrets(&self) -> Vec<CloudSecret> {
        self.state.account.secrets()
    }

    /// Changes the password; tokens stay valid.
    pub fn change_password(&self, password: &str) {
        self.state.account.change_password(password);
    }

    /// Makes all access tokens expire now; they can be refreshed.
    pub fn expire_tokens(&self) {
        self.state.account.expire_tokens();
    }

    /// Removes all refresh tokens: the client must sign in again.
    pub fn revoke_refresh_tokens(&self) {
        self.state.account.revoke_refresh_tokens();
    }

    /// Answers the next `times` requests with this fault; several calls queue up.
    pub fn inject_fault(&self, fault: &CloudFault, times: usize) {
        lock(&self.state.faults).extend(std::iter::repeat_n(fault.clone(), times.min(MAX_QUEUED_FAULTS)));
    }

    /// Removes the faults that are still queued.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// The newest requests, oldest first, at most 1,000.
    pub fn served(&self) -> Vec<ServedRequest> {
        lock(&self.state.served).iter().cloned().collect()
    }
}

/// Most faults queued by one call.
const MAX_QUEUED_FAULTS: usize = 100_000;
