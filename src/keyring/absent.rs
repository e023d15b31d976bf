//! What is said where no keyring is known?

use secrecy::SecretString;

use super::{Entry, Keyring, KeyringError, Unlock};

/// Nothing to keep passwords in.
pub(super) struct Platform;

impl Keyring for Platform {
    fn read(&self, _: &Entry, _: Unlock) -> Result<Option<SecretString>, KeyringError> {
        Err(absent())
    }

    fn store(&self, _: &Entry, _: &SecretString, _: Unlock) -> Result<(), KeyringError> {
        Err(absent())
    }

    fn forget(&self, _: &Entry, _: Unlock) -> Result<bool, KeyringError> {
        Err(absent())
    }
}

fn absent() -> KeyringError {
    KeyringError::Absent("none is known on this system".to_owned())
}
