//! The Secret Service of the D-Bus session.
//!
//! Passwords cross the session bus unencrypted: its socket belongs to this user, and a program that may listen on
//! it may also read the keyring itself. Locked entries are found without unlocking, so that a dialog opens only if
//! a password is stored.

use std::collections::HashMap;

use dbus_secret_service::{EncryptionType, Error, Item, SecretService};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use super::{KeyringBackend, KeyringError, SecretId, UNLOCK_TIMEOUT, UnlockPolicy};
use crate::diagnostics::clean::clean;

/// Longest message of the bus that is quoted, in characters.
const LONGEST_MESSAGE: usize = 160;

/// The Secret Service, whichever program provides it.
pub(super) struct Platform;

impl KeyringBackend for Platform {
    fn read(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
        let service = connect(unlock)?;
        let Some(item) = items(&service, entry, unlock)?.into_iter().next() else { return Ok(None) };
        let secret = Zeroizing::new(item.get_secret().map_err(keyring_error)?);
        let text = std::str::from_utf8(&secret)
            .map_err(|_| KeyringError::Failed("the secret is not text".to_owned()))?;
        Ok(Some(SecretString::from(text)))
    }

    fn store(
        &self,
        entry: &SecretId,
        password: &SecretString,
        unlock: UnlockPolicy,
    ) -> Result<(), KeyringError> {
        let service = connect(unlock)?;
        let secret = password.expose_secret().as_bytes();
        // The item that the next read finds, even if another program created it with more attributes.
        if let Some(item) = items(&service, entry, unlock)?.into_iter().next() {
            return item.set_secret(secret, "text/plain").map_err(keyring_error);
        }
        let collection = service.get_default_collection().map_err(keyring_error)?;
        if collection.is_locked().map_err(keyring_error)? {
            collection.unlock().map_err(keyring_error)?;
        }
        let label = format!("{} of {}", entry.service, entry.user);
        let made = collection.create_item(&label, attributes(entry), secret, true, "text/plain");
        made.map(|_| ()).map_err(keyring_error)
    }

    fn delete(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<bool, KeyringError> {
        let service = connect(unlock)?;
        let items = items(&service, entry, unlock)?;
        for item in &items {
            item.delete().map_err(keyring_error)?;
        }
        Ok(!items.is_empty())
    }
}

/// The attributes that `secret-tool` and most libraries use.
fn attributes(entry: &SecretId) -> HashMap<&str, &str> {
    HashMap::from([("service", entry.service.as_str()), ("username", entry.user.as_str())])
}

fn connect(unlock: UnlockPolicy) -> Result<SecretService, KeyringError> {
    // With a time limit of 0 no dialog is opened: a call that needs one fails at once.
    let seconds = match unlock {
        UnlockPolicy::Never => 0,
        UnlockPolicy::Prompt => UNLOCK_TIMEOUT.as_secs(),
    };
    SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, seconds).map_err(keyring_error)
}

/// The items of the entry, unlocked.
fn items<'a>(
    service: &'a SecretService,
    entry: &SecretId,
    unlock: UnlockPolicy,
) -> Result<Vec<Item<'a>>, KeyringError> {
    let found = service.search_items(attributes(entry)).map_err(keyring_error)?;
    let (mut items, locked) = (found.unlocked, found.locked);
    if !locked.is_empty() {
        if unlock == UnlockPolicy::Never {
            return Err(KeyringError::Locked);
        }
        service.unlock_all(&locked.iter().collect::<Vec<_>>()).map_err(keyring_error)?;
        items.extend(locked);
    }
    Ok(items)
}

fn keyring_error(error: Error) -> KeyringError {
    match error {
        Error::Locked | Error::Prompt => KeyringError::Locked,
        Error::NoResult => KeyringError::Failed("it has no default collection".to_owned()),
        Error::Dbus(error) => {
            dbus_error(error.name().unwrap_or_default(), error.message().unwrap_or_default())
        }
        other => KeyringError::Failed(shorten_message(&other.to_string())),
    }
}

/// Classifies an error of the bus by its name: a missing service is not a failure.
fn dbus_error(name: &str, message: &str) -> KeyringError {
    let unavailable = |reason: &str| KeyringError::Unavailable(reason.to_owned());
    match name.rsplit('.').next().unwrap_or_default() {
        "IsLocked" => KeyringError::Locked,
        "ServiceUnknown" | "NameHasNoOwner" | "ServiceNotFound" | "ChildExited" | "ChildSignaled" => {
            unavailable("no program provides the Secret Service")
        }
        "NotSupported" | "NoServer" | "FileNotFound" | "BadAddress" | "ExecFailed" | "Disconnected" => {
            unavailable("there is no D-Bus session")
        }
        _ => KeyringError::Failed(shorten_message(message)),
    }
}

fn shorten_message(message: &str) -> String {
    clean(message).chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keyrings_are_distinguished_from_failures() {
        let bus = "org.freedesktop.DBus.Error";
        for (name, expected) in [
            (format!("{bus}.ServiceUnknown"), "there is no keyring (no program provides the Secret Service)"),
            (
                format!("{bus}.Spawn.ChildExited"),
                "there is no keyring (no program provides the Secret Service)",
            ),
            (format!("{bus}.NotSupported"), "there is no keyring (there is no D-Bus session)"),
            ("org.freedesktop.Secret.Error.IsLocked".to_owned(), "the keyring is locked"),
            (format!("{bus}.AccessDenied"), "the keyring failed: a message"),
            (String::new(), "the keyring failed: a message"),
        ] {
            assert_eq!(dbus_error(&name, "a message").to_string(), expected, "{name}");
        }
        assert_eq!(keyring_error(Error::Prompt), KeyringError::Locked);
        assert!(!shorten_message("a\u{1b}[2Jb").contains('\u{1b}'));
    }
}
