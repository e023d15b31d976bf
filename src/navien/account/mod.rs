//! The account at the vendor's cloud: who are we there, with which credentials, and which devices are ours?
//!
//! One [`Account`] serves the whole program. It signs in when it must, refreshes when it can, and makes one
//! request for everybody who waits for the same thing.

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

/// Whose account it is. `Debug` shows neither e-mail nor password.
#[derive(Clone)]
pub struct AccountSettings {
    /// The e-mail address the account is known by.
    pub email: String,
    /// Its password.
    pub password: SecretString,
    /// Names the cloud, so that tokens of one are never shown to another: its base URL.
    pub cloud: String,
    /// Where tokens are kept between runs; `None` = nowhere.
    pub cache: Option<PathBuf>,
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings").field("cloud", &self.cloud).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
