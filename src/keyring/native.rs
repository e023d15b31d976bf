//! How does one talk to the login keychain of macOS and to the Credential Manager of Windows?

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry as Place, Error};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(windows)]
use windows_native_keyring_store::Store;

use super::{Entry, Keyring, KeyringError, Unlock};
use crate::diagnostics::clean::clean;

/// The keyring that came with the system.
pub(super) struct Platform;

impl Keyring for Platform {
    fn read(&self, entry: &Entry, _: Unlock) -> Result<Option<SecretString>, KeyringError> {
        match place(entry)?.get_password() {
            Ok(password) => Ok(Some(SecretString::from(Zeroizing::new(password).as_str()))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(why(&error)),
        }
    }

    fn store(&self, entry: &Entry, password: &SecretString, _: Unlock) -> Result<(), KeyringError> {
        place(entry)?.set_password(password.expose_secret()).map_err(|error| why(&error))
    }

    fn forget(&self, entry: &Entry, _: Unlock) -> Result<bool, KeyringError> {
        match place(entry)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(why(&error)),
        }
    }

    /// The keychain asks for itself when a program is new to it; Windows never asks.
    fn keeps_quiet(&self) -> bool {
        cfg!(windows)
    }
}

fn place(entry: &Entry) -> Result<Place, KeyringError> {
    let store: Arc<CredentialStore> = Store::new().map_err(|error| why(&error))?;
    Place::new_in_store(&store, &entry.service, &entry.user).map_err(|error| why(&error))
}

/// In the words of `Display`: those of `Debug` may hold what was read.
fn why(error: &Error) -> KeyringError {
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        other => KeyringError::Failed(clean(&other.to_string()).into_owned()),
    }
}
