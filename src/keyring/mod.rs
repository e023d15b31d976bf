//! Where does the operating system keep this user's passwords, and how are they reached without waiting for ever?
//!
//! The Secret Service of the D-Bus session on Linux (GNOME Keyring, the wallet of KDE and others), the login keychain
//! on macOS, the Credential Manager on Windows.
//!
//! Three things can go wrong that are nobody's fault, and all of them are values here: there is no keyring, it is
//! locked, it does not answer. No call takes longer than [`Unlock`] says, because each is made on a thread of its
//! own that is left behind when the time is over.
//!
//! *Must not know* whose password it is, or what a user is told.

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

/// How long a keyring has to answer when it needs nobody; one that works needs milliseconds.
const ANSWER: Duration = Duration::from_secs(5);
/// How long somebody has to unlock it: time to see the dialog and to type a password, not to come back from lunch.
pub const DIALOG: Duration = Duration::from_secs(30);

/// Which password is meant.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it opens.
    pub service: String,
    /// Whose it is.
    pub user: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("service", &self.service).finish_non_exhaustive()
    }
}

/// May a locked keyring ask for its own password?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// No: it is told that it is locked. Answers within 5 s.
    Never,
    /// In a dialog of its own; whoever is asked has [`DIALOG`].
    Ask,
}

/// Why the keyring gave nothing and took nothing. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// There is none.
    #[error("there is no keyring ({0})")]
    Absent(String),
    /// It is there, and needs somebody who unlocks it.
    #[error("the keyring is locked")]
    Locked,
    /// No answer in time.
    #[error("the keyring did not answer within {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// Something else, in the system's words.
    #[error("the keyring failed: {0}")]
    Failed(String),
}

/// What keeps passwords.
pub trait Keyring: Send + Sync {
    /// The password of an entry; `None` if there is no such entry.
    ///
    /// # Errors
    /// When the keyring cannot be asked.
    fn read(&self, entry: &Entry, unlock: Unlock) -> Result<Option<SecretString>, KeyringError>;

    /// Keeps a password, in place of the one that was there.
    ///
    /// # Errors
    /// When it is not kept.
    fn store(&self, entry: &Entry, password: &SecretString, unlock: Unlock) -> Result<(), KeyringError>;

    /// Deletes the entry; `false` if there was none.
    ///
    /// # Errors
    /// When it may still be there.
    fn forget(&self, entry: &Entry, unlock: Unlock) -> Result<bool, KeyringError>;

    /// Whether [`Unlock::Never`] is obeyed. Some systems open their dialog without being asked to.
    fn keeps_quiet(&self) -> bool {
        true
    }
}

/// The keyring of this user on this computer. Nothing is asked before it is needed.
pub fn of_this_user() -> impl Keyring {
    Bounded { keyring: Arc::new(Platform), answer: ANSWER, dialog: DIALOG }
}

/// A keyring that answers in time, if only to say that it does not.
struct Bounded<K> {
    keyring: Arc<K>,
    answer: Duration,
    dialog: Duration,
}

impl<K: Keyring + 'static> Bounded<K> {
    fn call<T: Send + 'static>(
        &self,
        unlock: Unlock,
        call: impl FnOnce(&K) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let patience = match unlock {
            Unlock::Never => self.answer,
            Unlock::Ask => self.answer + self.dialog,
        };
        let keyring = Arc::clone(&self.keyring);
        // Room for an answer that comes too late: its thread must end, and what it holds must be wiped.
        let (sender, answer) = sync_channel(1);
        let thread = thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            let _ = sender.send(call(&keyring));
        });
        thread.map_err(|error| KeyringError::Failed(error.to_string()))?;
        answer.recv_timeout(patience).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => Err(KeyringError::Slow(patience)),
            RecvTimeoutError::Disconnected => Err(KeyringError::Failed("its thread ended".to_owned())),
        })
    }
}

impl<K: Keyring + 'static> Keyring for Bounded<K> {
    fn read(&self, entry: &Entry, unlock: Unlock) -> Result<Option<SecretString>, KeyringError> {
        let entry = entry.clone();
        self.call(unlock, move |keyring| keyring.read(&entry, unlock))
    }

    fn store(&self, entry: &Entry, password: &SecretString, unlock: Unlock) -> Result<(), KeyringError> {
        let (entry, password) = (entry.clone(), password.clone());
        self.call(unlock, move |keyring| keyring.store(&entry, &password, unlock))
    }

    fn forget(&self, entry: &Entry, unlock: Unlock) -> Result<bool, KeyringError> {
        let entry = entry.clone();
        self.call(unlock, move |keyring| keyring.forget(&entry, unlock))
    }

    fn keeps_quiet(&self) -> bool {
        self.keyring.keeps_quiet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers after a while, longer where it may ask.
    struct Sluggish(Duration);

    impl Keyring for Sluggish {
        fn read(&self, _: &Entry, unlock: Unlock) -> Result<Option<SecretString>, KeyringError> {
            thread::sleep(self.0);
            match unlock {
                Unlock::Never => Err(KeyringError::Locked),
                Unlock::Ask => Ok(Some("open".into())),
            }
        }

        fn store(&self, _: &Entry, _: &SecretString, _: Unlock) -> Result<(), KeyringError> {
            thread::sleep(self.0);
            Ok(())
        }

        fn forget(&self, _: &Entry, _: Unlock) -> Result<bool, KeyringError> {
            panic!("a bug of a library")
        }
    }

    fn entry() -> Entry {
        Entry { service: "a service".to_owned(), user: "me@example.org".to_owned() }
    }

    #[test]
    fn nothing_takes_longer_than_allowed() {
        let millis = Duration::from_millis;
        let sluggish =
            Bounded { keyring: Arc::new(Sluggish(millis(300))), answer: millis(20), dialog: millis(20_000) };
        let slow = KeyringError::Slow(millis(20));
        assert_eq!(sluggish.read(&entry(), Unlock::Never).unwrap_err(), slow);
        assert_eq!(sluggish.store(&entry(), &"x".into(), Unlock::Never).unwrap_err(), slow);
        assert_eq!(slow.to_string(), "the keyring did not answer within 0.02 s");
        assert!(sluggish.read(&entry(), Unlock::Ask).unwrap().is_some());
        let quick = Bounded { keyring: Arc::new(Sluggish(millis(0))), ..sluggish };
        let quick = Bounded { answer: millis(20_000), ..quick };
        assert_eq!(quick.read(&entry(), Unlock::Never).unwrap_err(), KeyringError::Locked);
        assert!(quick.store(&entry(), &"x".into(), Unlock::Never).is_ok());
        assert!(matches!(quick.forget(&entry(), Unlock::Never), Err(KeyringError::Failed(_))));
    }

    #[test]
    fn debug_names_nobody() {
        assert!(!format!("{:?}", entry()).contains("example"));
    }
}
