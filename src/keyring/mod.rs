//! The operating system's keyring, with a time limit for every call.
//!
//! The Secret Service of the D-Bus session on Linux (GNOME Keyring, the wallet of KDE and others), the login keychain
//! on macOS, the Credential Manager on Windows.
//!
//! Three expected failures are values: there is no keyring, it is locked, it does not answer. No call takes
//! longer than its [`UnlockPolicy`] allows, because each runs on a thread of its own, which is abandoned when the
//! time is over.
//!
//! *Must not depend on* accounts or on user-facing text.

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
#[path = "absent.rs"]
mod platform;
#[cfg(any(target_os = "macos", windows))]
#[path = "native.rs"]
mod platform;
#[cfg(target_os = "linux")]
#[path = "secret_service.rs"]
mod platform;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use secrecy::SecretString;

use platform::Platform;

/// Time limit for an answer without a dialog; a working keyring needs milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for the unlock dialog: long enough to see it and to type a password.
pub const UNLOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// The identity of one password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretId {
    /// The service it is for.
    pub service: String,
    /// The user it belongs to.
    pub user: String,
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretId").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Whether a locked keyring may open a dialog for its own password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockPolicy {
    /// No: a locked keyring gives [`KeyringError::Locked`]. Answers within 5 s.
    Never,
    /// Yes; the user has [`UNLOCK_TIMEOUT`] to answer it.
    Prompt,
}

/// Why a call to the keyring failed. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is no keyring.
    #[error("there is no keyring ({0})")]
    Unavailable(String),
    /// It is locked.
    #[error("the keyring is locked")]
    Locked,
    /// It did not answer in time.
    #[error("the keyring did not answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// Any other error, in the system's words.
    #[error("the keyring failed: {0}")]
    Failed(String),
}

/// A store of passwords.
pub trait KeyringBackend: Send + Sync {
    /// The password of an entry; `None` if there is no such entry.
    ///
    /// # Errors
    /// When the keyring cannot be read.
    fn read(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<Option<SecretString>, KeyringError>;

    /// Stores a password and replaces an existing one.
    ///
    /// # Errors
    /// When it is not stored.
    fn store(
        &self,
        entry: &SecretId,
        password: &SecretString,
        unlock: UnlockPolicy,
    ) -> Result<(), KeyringError>;

    /// Deletes the entry; `false` if there was none.
    ///
    /// # Errors
    /// When it may still exist.
    fn delete(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<bool, KeyringError>;

    /// Whether [`UnlockPolicy::Never`] is respected. Some systems open their dialog in any case.
    fn can_suppress_prompt(&self) -> bool {
        true
    }
}

/// The keyring of this user on this computer. It is not contacted before the first call.
pub fn system_keyring() -> impl KeyringBackend {
    KeyringWithTimeout {
        keyring: Arc::new(Platform),
        answer_timeout: ANSWER_TIMEOUT,
        unlock_timeout: UNLOCK_TIMEOUT,
    }
}

/// A keyring whose calls end in time, if necessary with [`KeyringError::Timeout`].
struct KeyringWithTimeout<K> {
    keyring: Arc<K>,
    answer_timeout: Duration,
    unlock_timeout: Duration,
}

impl<K: KeyringBackend + 'static> KeyringWithTimeout<K> {
    fn call<T: Send + 'static>(
        &self,
        unlock: UnlockPolicy,
        call: impl FnOnce(&K) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let limit = match unlock {
            UnlockPolicy::Never => self.answer_timeout,
            UnlockPolicy::Prompt => self.answer_timeout + self.unlock_timeout,
        };
        let keyring = Arc::clone(&self.keyring);
        // Capacity for an answer that comes too late: its thread must end, and its secret must be wiped.
        let (sender, answer) = sync_channel(1);
        let thread = thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            let _ = sender.send(call(&keyring));
        });
        thread.map_err(|error| KeyringError::Failed(error.to_string()))?;
        answer.recv_timeout(limit).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(KeyringError::Timeout(limit)),
            RecvTimeoutError::Disconnected => Err(KeyringError::Failed("its thread ended".to_owned())),
        })
    }
}

impl<K: KeyringBackend + 'static> KeyringBackend for KeyringWithTimeout<K> {
    fn read(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
        let entry = entry.clone();
        self.call(unlock, move |keyring| keyring.read(&entry, unlock))
    }

    fn store(
        &self,
        entry: &SecretId,
        password: &SecretString,
        unlock: UnlockPolicy,
    ) -> Result<(), KeyringError> {
        let (entry, password) = (entry.clone(), password.clone());
        self.call(unlock, move |keyring| keyring.store(&entry, &password, unlock))
    }

    fn delete(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<bool, KeyringError> {
        let entry = entry.clone();
        self.call(unlock, move |keyring| keyring.delete(&entry, unlock))
    }

    fn can_suppress_prompt(&self) -> bool {
        self.keyring.can_suppress_prompt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a delay.
    struct SlowKeyring(Duration);

    impl KeyringBackend for SlowKeyring {
        fn read(&self, _: &SecretId, unlock: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
            thread::sleep(self.0);
            match unlock {
                UnlockPolicy::Never => Err(KeyringError::Locked),
                UnlockPolicy::Prompt => Ok(Some("open".into())),
            }
        }

        fn store(&self, _: &SecretId, _: &SecretString, _: UnlockPolicy) -> Result<(), KeyringError> {
            thread::sleep(self.0);
            Ok(())
        }

        fn delete(&self, _: &SecretId, _: UnlockPolicy) -> Result<bool, KeyringError> {
            panic!("a bug of a library")
        }
    }

    fn entry() -> SecretId {
        SecretId { service: "a service".to_owned(), user: "me@example.org".to_owned() }
    }

    #[test]
    fn calls_end_at_their_time_limit() {
        let millis = Duration::from_millis;
        let slow_keyring = KeyringWithTimeout {
            keyring: Arc::new(SlowKeyring(millis(300))),
            answer_timeout: millis(20),
            unlock_timeout: millis(20_000),
        };
        let slow = KeyringError::Timeout(millis(20));
        assert_eq!(slow_keyring.read(&entry(), UnlockPolicy::Never).unwrap_err(), slow);
        assert_eq!(slow_keyring.store(&entry(), &"x".into(), UnlockPolicy::Never).unwrap_err(), slow);
        assert_eq!(slow.to_string(), "the keyring did not answer within 0.02 s");
        assert!(slow_keyring.read(&entry(), UnlockPolicy::Prompt).unwrap().is_some());
        let quick = KeyringWithTimeout { keyring: Arc::new(SlowKeyring(millis(0))), ..slow_keyring };
        let quick = KeyringWithTimeout { answer_timeout: millis(20_000), ..quick };
        assert_eq!(quick.read(&entry(), UnlockPolicy::Never).unwrap_err(), KeyringError::Locked);
        assert!(quick.store(&entry(), &"x".into(), UnlockPolicy::Never).is_ok());
        assert!(matches!(quick.delete(&entry(), UnlockPolicy::Never), Err(KeyringError::Failed(_))));
    }

    #[test]
    fn debug_output_contains_no_user() {
        assert!(!format!("{:?}", entry()).contains("example"));
    }
}
