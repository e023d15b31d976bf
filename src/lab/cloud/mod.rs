//! The vendor's REST cloud, simulated: where a client signs in and gets its MQTT credentials.
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

/// How the cloud is set up. Durations are real ones.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Life of an access token.
    pub token_lifetime: Duration,
    /// Life of the AWS credentials.
    pub credentials_lifetime: Duration,
    /// Whether a refreshed token comes with new AWS credentials; sources about the real cloud differ.
    pub refresh_gives_credentials: bool,
}

impl Default for CloudOptions {
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self { token_lifetime: hour, credentials_lifetime: hour, refresh_gives_credentials: false }
    }
}

/// An answer as no client wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudFault {
    /// Broken JSON that says it is JSON.
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
    /// No answer, until the client or the cloud gives up.
    Hang,
    /// The connection is closed instead of an answer.
    HangUp,
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedRequest {
    /// Path without the base.
    pub path: String,
    /// Code in the body; 0 if a mishap took the answer's place.
    pub code: u16,
}

/// Something that only the user and the cloud may know.
#[derive(Debug, Clone)]
pub struct CloudSecret {
    /// What it is, in words.
    pub label: &'static str,
    /// The thing itself.
    pub value: SecretString,
}

impl CloudSecret {
    fn new(label: &'static str, value: impl Into<SecretString>) -> Self {
        Self { label, value: value.into() }
    }
}

/// A running cloud. Dropping it ends all its tasks; [`Cloud::stop`] also waits for them.
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

/// A handle on a running cloud; clones act on the same one.
#[derive(Clone)]
pub struct CloudControl {
    state: Arc<CloudState>,
}

impl CloudControl {
    /// The only user.
    pub fn email(&self) -> String {
        self.state.account.email().to_owned()
    }

    /// The user's password at this moment.
    pub fn password(&self) -> SecretString {
        self.state.account.password()
    }

    /// Everything private that the cloud ever knew or gave out: e-mail, passwords, tokens, AWS keys; of each
    /// kind the newest at least. To look for in whatever a client wrote.
    pub fn secrets(&self) -> Vec<CloudSecret> {
        self.state.account.secrets()
    }

    /// Changes the password; tokens stay good.
    pub fn change_password(&self, password: &str) {
        self.state.account.change_password(password);
    }

    /// Lets all access tokens expire now; they can be refreshed.
    pub fn expire_tokens(&self) {
        self.state.account.expire_tokens();
    }

    /// Forgets all refresh tokens: only a new sign-in helps.
    pub fn revoke_refresh_tokens(&self) {
        self.state.account.revoke_refresh_tokens();
    }

    /// Answers the next `times` requests in this manner; several calls queue up.
    pub fn inject_fault(&self, fault: &CloudFault, times: usize) {
        lock(&self.state.faults).extend(std::iter::repeat_n(fault.clone(), times.min(MAX_QUEUED_FAULTS)));
    }

    /// Forgets mishaps that have not happened yet.
    pub fn clear_faults(&self) {
        lock(&self.state.faults).clear();
    }

    /// The newest requests, oldest first, at most a thousand.
    pub fn served(&self) -> Vec<ServedRequest> {
        lock(&self.state.served).iter().cloned().collect()
    }
}

/// Mishaps queued by one call.
const MAX_QUEUED_FAULTS: usize = 100_000;
