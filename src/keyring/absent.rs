//! The backend for operating systems without a supported keyring.

use secrecy::SecretString;

use super::{KeyringBackend, KeyringError, SecretId, UnlockPolicy};

/// A backend that stores nothing.
pub(super) struct Platform;

impl KeyringBackend for Platform {
    fn read(&self, _: &SecretId, _: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
        Err(unavailable())
    }

    fn store(&self, _: &SecretId, _: &SecretString, _: UnlockPolicy) -> Result<(), KeyringError> {
        Err(unavailable())
    }

    fn delete(&self, _: &SecretId, _: UnlockPolicy) -> Result<bool, KeyringError> {
        Err(unavailable())
    }
}

fn unavailable() -> KeyringError {
    KeyringError::Unavailable("none is supported on this system".to_owned())
}
