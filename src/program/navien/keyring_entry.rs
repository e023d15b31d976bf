//! The keyring entry of an account, and when its unlock dialog may open.

use std::sync::Arc;

use secrecy::SecretString;

use super::print_message;
use crate::keyring::{KeyringBackend, KeyringError, SecretId, UNLOCK_TIMEOUT, UnlockPolicy};
use crate::navien::account::{API_URL, ApiUrl};

/// The service name of the entries; `secret-tool store --label=… service dropscope-navien username ME` creates one as well.
const SERVICE: &str = "dropscope-navien";

/// The keyring entry for the password of one account, whether it exists or not.
pub(super) struct KeyringEntry {
    keyring: Arc<dyn KeyringBackend>,
    entry: SecretId,
    /// The run has a terminal, so the keyring may open its dialog.
    is_interactive: bool,
}

impl KeyringEntry {
    pub(super) fn new(
        keyring: Arc<dyn KeyringBackend>,
        api: &ApiUrl,
        email: &str,
        is_interactive: bool,
    ) -> Self {
        Self { keyring, entry: entry(api, email), is_interactive }
    }

    pub(super) fn read(&self) -> Result<Option<SecretString>, KeyringError> {
        self.with_unlock_policy(|unlock| self.keyring.read(&self.entry, unlock))
    }

    pub(super) fn store(&self, password: &SecretString) -> Result<(), KeyringError> {
        self.with_unlock_policy(|unlock| self.keyring.store(&self.entry, password, unlock))
    }

    pub(super) fn delete(&self) -> Result<bool, KeyringError> {
        self.with_unlock_policy(|unlock| self.keyring.delete(&self.entry, unlock))
    }

    /// Tries without a dialog first; the dialog opens only if the entry is locked and the run is interactive.
    fn with_unlock_policy<T>(
        &self,
        call: impl Fn(UnlockPolicy) -> Result<T, KeyringError>,
    ) -> Result<T, KeyringError> {
        if self.is_interactive && !self.keyring.can_suppress_prompt() {
            return call(UnlockPolicy::Prompt);
        }
        match call(UnlockPolicy::Never) {
            Err(KeyringError::Locked) if self.is_interactive => {
                print_message(&format!(
                    "the keyring is locked; unlock it in its dialog within {} s",
                    UNLOCK_TIMEOUT.as_secs()
                ));
                call(UnlockPolicy::Prompt)
            }
            other => other,
        }
    }
}

/// Each cloud has its own entry, even for the same account name, so that the vendor's password goes to the vendor only.
fn entry(api: &ApiUrl, email: &str) -> SecretId {
    let is_vendor = API_URL.parse().is_ok_and(|vendor: ApiUrl| vendor == *api);
    let service = if is_vendor { SERVICE.to_owned() } else { format!("{SERVICE} at {}", api.as_str()) };
    SecretId { service, user: email.trim().to_lowercase() }
}

/// A keyring in memory, for the tests of this module.
#[cfg(test)]
pub(super) mod fake_keyring {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use secrecy::ExposeSecret as _;

    use super::*;

    /// Its passwords, its error, and the unlock policies of its calls.
    #[derive(Default)]
    pub(crate) struct FakeKeyring {
        pub(crate) passwords: Mutex<BTreeMap<(String, String), String>>,
        pub(crate) error: Option<KeyringError>,
        /// Opens its dialog regardless of the policy.
        pub(crate) always_prompts: bool,
        pub(crate) unlock_policies: Mutex<Vec<UnlockPolicy>>,
    }

    impl FakeKeyring {
        pub(crate) fn with_password(service: &str, user: &str, password: &str) -> Self {
            let passwords = BTreeMap::from([((service.to_owned(), user.to_owned()), password.to_owned())]);
            Self { passwords: Mutex::new(passwords), ..Self::default() }
        }

        pub(crate) fn failing_with(error: KeyringError) -> Self {
            Self { error: Some(error), ..Self::default() }
        }

        pub(crate) fn unlock_policies(&self) -> Vec<UnlockPolicy> {
            self.unlock_policies.lock().unwrap().clone()
        }

        fn open(&self, unlock: UnlockPolicy) -> Result<(), KeyringError> {
            self.unlock_policies.lock().unwrap().push(unlock);
            match (&self.error, unlock) {
                (None, _) | (Some(KeyringError::Locked), UnlockPolicy::Prompt) => Ok(()),
                (Some(fault), _) => Err(fault.clone()),
            }
        }
    }

    fn key(entry: &SecretId) -> (String, String) {
        (entry.service.clone(), entry.user.clone())
    }

    impl KeyringBackend for FakeKeyring {
        fn read(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<Option<SecretString>, KeyringError> {
            self.open(unlock)?;
            Ok(self.passwords.lock().unwrap().get(&key(entry)).map(|password| password.as_str().into()))
        }

        fn store(
            &self,
            entry: &SecretId,
            password: &SecretString,
            unlock: UnlockPolicy,
        ) -> Result<(), KeyringError> {
            self.open(unlock)?;
            self.passwords.lock().unwrap().insert(key(entry), password.expose_secret().to_owned());
            Ok(())
        }

        fn delete(&self, entry: &SecretId, unlock: UnlockPolicy) -> Result<bool, KeyringError> {
            self.open(unlock)?;
            Ok(self.passwords.lock().unwrap().remove(&key(entry)).is_some())
        }

        fn can_suppress_prompt(&self) -> bool {
            !self.always_prompts
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::fake_keyring::FakeKeyring;
    use super::*;

    #[test]
    fn each_cloud_and_each_account_has_its_own_entry() {
        let of = |api: &str, email: &str| entry(&api.parse().unwrap(), email);
        let own = of(API_URL, "Me@Example.org");
        assert_eq!((own.service.as_str(), own.user.as_str()), ("dropscope-navien", "me@example.org"));
        assert_eq!(of("https://NLUS.NavienSmartControl.com:443/api/v2.1/", " me@EXAMPLE.org "), own);
        let others =
            ["https://cloud.example/api/v2.1", "http://127.0.0.1:8080/api/v2.1", "http://127.0.0.1/"];
        for other in others {
            let entry = of(other, "me@example.org");
            assert_eq!(entry.service, format!("dropscope-navien at {}", other.trim_end_matches('/')));
            assert_eq!(entry.user, own.user);
        }
    }

    #[test]
    fn an_entry_is_read_and_deleted_by_its_own_cloud_only() {
        let keyring: Arc<dyn KeyringBackend> = Arc::new(FakeKeyring::default());
        let keyring_entry =
            |api: &str, email| KeyringEntry::new(Arc::clone(&keyring), &api.parse().unwrap(), email, false);
        let other = "https://cloud.example/api";
        keyring_entry(API_URL, "Me@example.org").store(&"secret".into()).unwrap();
        assert!(keyring_entry(API_URL, "me@example.ORG").read().unwrap().is_some());
        assert!(keyring_entry(other, "me@example.org").read().unwrap().is_none());
        assert!(keyring_entry(API_URL, "you@example.org").read().unwrap().is_none());
        assert!(!keyring_entry(other, "me@example.org").delete().unwrap());
        assert!(keyring_entry(API_URL, "me@example.org").delete().unwrap());
        assert!(!keyring_entry(API_URL, "me@example.org").delete().unwrap());
    }

    #[test]
    fn the_unlock_dialog_opens_only_in_an_interactive_run() {
        let locked = || Some(KeyringError::Locked);
        let slow = || Some(KeyringError::Timeout(Duration::from_secs(5)));
        let (never, ask) = (UnlockPolicy::Never, UnlockPolicy::Prompt);
        for (error, is_interactive, always_prompts, policies) in [
            (None, true, false, &[never][..]),
            (None, false, false, &[never]),
            (locked(), false, false, &[never]),
            (locked(), true, false, &[never, ask]),
            (slow(), true, false, &[never]),
            (None, true, true, &[ask]),
            (None, false, true, &[never]),
        ] {
            let keyring =
                Arc::new(FakeKeyring { error: error.clone(), always_prompts, ..FakeKeyring::default() });
            let api = API_URL.parse().unwrap();
            let _ = KeyringEntry::new(
                Arc::clone(&keyring) as Arc<dyn KeyringBackend>,
                &api,
                "me",
                is_interactive,
            )
            .read();
            assert_eq!(keyring.unlock_policies(), policies, "{error:?} {is_interactive} {always_prompts}");
        }
    }
}
