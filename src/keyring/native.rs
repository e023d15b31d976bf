//! The login keychain of macOS and the Credential Manager of Windows.

use std::sync::Arc;

use keyring_core::{CredentialStore, Entry as CredentialEntry, Error};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
#[cfg(windows)]
use windows_native_keyring_store::Store;

use super::{KeyringBackend, KeyringError, SecretId, UnlockPolicy};
use crate::diagnostics::clean::clean;

/// The keyring of the operating system.
pub(super) struct Platform;

impl KeyringBackend for Platform {
    fn read(&self, entry: &SecretId, _: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
        match credential_entry(entry)?.get_password() {
            Ok(password) => Ok(Some(SecretString::from(Zeroizing::new(password).as_str()))),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(keyring_error(&error)),
        }
    }

    fn store(&self, entry: &SecretId, password: &SecretString, _: UnlockPolicy) -> Result<(), KeyringError> {
        let entry = credential_entry(entry)?;
        entry.set_password(password.expose_secret()).map_err(|error| keyring_error(&error))
    }

    fn delete(&self, entry: &SecretId, _: UnlockPolicy) -> Result<bool, KeyringError> {
        match credential_entry(entry)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            Err(error) => Err(keyring_error(&error)),
        }
    }

    /// The keychain opens a dialog for each program that is new to it; Windows never opens one.
    fn can_suppress_prompt(&self) -> bool {
        cfg!(windows)
    }
}

fn credential_entry(entry: &SecretId) -> Result<CredentialEntry, KeyringError> {
    let store: Arc<CredentialStore> = Store::new().map_err(|error| keyring_error(&error))?;
    CredentialEntry::new_in_store(&store, &entry.service, &entry.user).map_err(|error| keyring_error(&error))
}

/// The error by its `Display` text: the `Debug` text may contain the secret.
fn keyring_error(error: &Error) -> KeyringError {
    match error {
        Error::NoStorageAccess(_) => KeyringError::Locked,
        other => KeyringError::Failed(clean(&other.to_string()).into_owned()),
    }
}
