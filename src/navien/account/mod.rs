//! The account at the vendor's cloud: sign-in, credentials and device list.
//!
//! One [`Account`] serves the whole program. It signs in only when necessary, refreshes tokens when possible,
//! and shares one request among all callers that need the same renewal.

mod cache;
mod device;
mod error;
mod fields;
mod http;
mod rest;
mod selection;
mod session;
mod tokens;

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

pub use device::AccountDevice;
pub use error::AccountError;
pub use http::{API_URL, ApiUrl, ApiUrlError, HttpTransport};
pub use rest::{CloudTransport, RequestBody, RestResponse};
pub use selection::{SelectedDevice, SelectionError, select_device};
pub use session::{Account, AwsCredentials};
pub use tokens::User;

/// Identity and storage of the account. `Debug` shows neither e-mail nor password.
#[derive(Clone)]
pub struct AccountSettings {
    /// The e-mail address of the account.
    pub email: String,
    /// Its password.
    pub password: SecretString,
    /// Base URL of the cloud: separates the stored tokens of different clouds.
    pub cloud: String,
    /// File for tokens between runs; `None`: tokens are not stored.
    pub cache: Option<PathBuf>,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
