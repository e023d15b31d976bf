//! E-mail and password of the account: flag, environment, keyring, then a prompt on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::keyring_entry::KeyringEntry;
use crate::config::{ConfigError, environment, read_password_file};
use crate::keyring::{KeyringBackend, KeyringError};
use crate::navien::account::ApiUrl;
use crate::tui;

/// E-mail address and password of the account.
pub(super) struct AccountLogin {
    pub(super) email: String,
    pub(super) password: SecretString,
    pub(super) source: PasswordSource,
    /// Where the keyring stores the password, now or later.
    pub(super) keyring_entry: KeyringEntry,
}

/// Where the password came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PasswordSource {
    /// From a file or a variable: the keyring was not read.
    Configured,
    Keyring,
    /// Typed at the prompt, with the keyring's error if it could not be read.
    Prompted(Option<KeyringError>),
}

/// Why there is no login.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoginError {
    #[error("Missing account: set NAVIEN_EMAIL or give --username.")]
    NoEmail,
    #[error(
        "The password of the account is missing: set NAVIEN_PASSWORD, give --password-file, or let \
         --remember-password store it in the keyring; {}.",
        .0.as_ref().map_or_else(|| "the keyring has no entry for this account".to_owned(), ToString::to_string)
    )]
    NoPassword(Option<KeyringError>),
    /// Ctrl-C at the prompt.
    #[error("Nothing was entered.")]
    Cancelled,
    #[error(transparent)]
    File(#[from] ConfigError),
    #[error("Cannot prompt for the account: {0}.")]
    Terminal(#[from] io::Error),
}

/// Whether a prompt is possible.
pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The login, from the first source that has it: flag, `NAVIEN_…`, the variable of the flag (which may be meant
/// for another broker), the keyring, a prompt on the terminal.
pub(super) fn resolve_login(
    sources: &CredentialSources<'_>,
    api: &ApiUrl,
    keyring: Arc<dyn KeyringBackend>,
) -> Result<AccountLogin, LoginError> {
    let email = resolve_email(sources)?;
    let is_interactive = is_interactive();
    let keyring_entry = KeyringEntry::new(keyring, api, &email, is_interactive);
    let prompt = || tui::ask_secret("Password: ");
    let (password, source) = resolve_password(sources, &keyring_entry, is_interactive.then_some(&prompt))?;
    Ok(AccountLogin { email, password, source, keyring_entry })
}

/// The e-mail of the account; prompts if no source has it.
pub(super) fn resolve_email(sources: &CredentialSources<'_>) -> Result<String, LoginError> {
    let email = match sources.email() {
        Some(email) => email,
        None if is_interactive() => prompt_line("E-mail address of the Navien account: ")?,
        None => String::new(),
    };
    let email = email.trim().to_owned();
    if email.is_empty() { Err(LoginError::NoEmail) } else { Ok(email) }
}

/// Prompts for the password; `None` if the user cancels.
type PasswordPrompt<'a> = &'a dyn Fn() -> io::Result<Option<SecretString>>;

/// An unusable keyring is not fatal: the next source is tried.
fn resolve_password(
    sources: &CredentialSources<'_>,
    keyring_entry: &KeyringEntry,
    prompt: Option<PasswordPrompt<'_>>,
) -> Result<(SecretString, PasswordSource), LoginError> {
    if let Some(password) = sources.password()? {
        return Ok((password, PasswordSource::Configured));
    }
    let keyring_error = match keyring_entry.read() {
        Ok(Some(password)) if !password.expose_secret().is_empty() => {
            return Ok((password, PasswordSource::Keyring));
        }
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let prompt = prompt.ok_or_else(|| LoginError::NoPassword(keyring_error.clone()))?;
    Ok((prompt()?.ok_or(LoginError::Cancelled)?, PasswordSource::Prompted(keyring_error)))
}

/// The sources that need no prompt.
pub(super) struct CredentialSources<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl CredentialSources<'_> {
    fn non_empty_variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn email(&self) -> Option<String> {
        let username = self.username.map(str::to_owned);
        let is_flag = username != (self.variable)(environment::USERNAME);
        if is_flag && username.is_some() {
            username
        } else {
            self.non_empty_variable(environment::NAVIEN_EMAIL).or(username)
        }
    }

    fn password(&self) -> Result<Option<SecretString>, LoginError> {
        let variable = (self.variable)(environment::PASSWORD_FILE);
        let is_flag = self.password_file != variable.as_deref().map(Path::new);
        match (self.password_file, self.non_empty_variable(environment::NAVIEN_PASSWORD)) {
            (Some(path), None) => Ok(Some(read_password_file(path)?)),
            (Some(path), Some(_)) if is_flag => Ok(Some(read_password_file(path)?)),
            (_, password) => Ok(password.map(SecretString::from)),
        }
    }
}

fn prompt_line(question: &str) -> io::Result<String> {
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::keyring_entry::fake_keyring::FakeKeyring;
    use super::*;
    use crate::navien::account::API_URL;

    #[test]
    fn flags_precede_navien_variables_which_precede_broker_variables() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "of-file\nsecond line\n").unwrap();
        let of_file = file.to_str().unwrap();
        for (variables, has_flags, email, password) in [
            (&[][..], false, None, None),
            (&[("NAVIEN_EMAIL", "a@b"), ("NAVIEN_PASSWORD", "p")][..], false, Some("a@b"), Some("p")),
            (&[("NAVIEN_EMAIL", ""), ("NAVIEN_PASSWORD", "")], false, None, None),
            (&[("NAVIEN_EMAIL", "a@b"), ("NAVIEN_PASSWORD", "p")], true, Some("flag"), Some("of-file")),
            (
                &[("DROPSCOPE_USERNAME", "flag"), ("DROPSCOPE_PASSWORD_FILE", of_file)],
                true,
                Some("flag"),
                Some("of-file"),
            ),
            (
                &[
                    ("NAVIEN_EMAIL", "a@b"),
                    ("NAVIEN_PASSWORD", "p"),
                    ("DROPSCOPE_USERNAME", "flag"),
                    ("DROPSCOPE_PASSWORD_FILE", of_file),
                ],
                true,
                Some("a@b"),
                Some("p"),
            ),
        ] {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            let sources = CredentialSources {
                username: has_flags.then_some("flag"),
                password_file: has_flags.then_some(file.as_path()),
                variable: &variable,
            };
            let actual_password = sources.password().unwrap();
            assert_eq!(sources.email().as_deref(), email, "{variables:?}");
            assert_eq!(
                actual_password.as_ref().map(secrecy::ExposeSecret::expose_secret),
                password,
                "{variables:?}"
            );
        }
        let missing_file = CredentialSources {
            username: None,
            password_file: Some(Path::new("/nowhere")),
            variable: &|_| None,
        };
        assert!(missing_file.password().is_err());
    }
    /// The password with its source, and the number of keyring accesses.
    fn resolve_with(keyring: FakeKeyring, variable: Option<&str>, typed: Option<&str>) -> (String, usize) {
        let keyring = Arc::new(keyring);
        let api: ApiUrl = API_URL.parse().unwrap();
        let keyring_entry =
            KeyringEntry::new(Arc::clone(&keyring) as Arc<dyn KeyringBackend>, &api, "Me@Example.org", false);
        let sources = CredentialSources {
            username: None,
            password_file: None,
            variable: &|name| variable.filter(|_| name == "NAVIEN_PASSWORD").map(str::to_owned),
        };
        let prompt = || Ok(typed.filter(|typed| *typed != "^C").map(SecretString::from));
        let outcome = match resolve_password(&sources, &keyring_entry, typed.is_some().then_some(&prompt)) {
            Ok((password, source)) => format!("{source:?}: {}", password.expose_secret()),
            Err(error) => error.to_string(),
        };
        (outcome, keyring.unlock_policies().len())
    }

    #[test]
    fn the_keyring_comes_after_variables_and_before_the_question() {
        let with_entry = || FakeKeyring::with_password("dropscope-navien", "me@example.org", "stored");
        let absent = || KeyringError::Unavailable("there is no D-Bus session".to_owned());
        let other = || {
            FakeKeyring::with_password(
                "dropscope-navien at https://cloud.example",
                "me@example.org",
                "stored",
            )
        };
        let missing = "The password of the account is missing: set NAVIEN_PASSWORD, give --password-file, or let \
                       --remember-password store it in the keyring; ";
        for (keyring, variable, typed, expected, calls) in [
            (with_entry(), Some("set"), Some("typed"), "Configured: set".to_owned(), 0),
            (with_entry(), None, Some("typed"), "Keyring: stored".to_owned(), 1),
            (with_entry(), None, None, "Keyring: stored".to_owned(), 1),
            (other(), None, Some("typed"), "Prompted(None): typed".to_owned(), 1),
            (other(), None, Some("^C"), "Nothing was entered.".to_owned(), 1),
            (other(), None, None, format!("{missing}the keyring has no entry for this account."), 1),
            (
                FakeKeyring::with_password("dropscope-navien", "me@example.org", ""),
                None,
                Some("typed"),
                "Prompted(None): typed".to_owned(),
                1,
            ),
            (FakeKeyring::failing_with(absent()), Some("set"), None, "Configured: set".to_owned(), 0),
            (
                FakeKeyring::failing_with(absent()),
                None,
                Some("typed"),
                format!("Prompted(Some({:?})): typed", absent()),
                1,
            ),
            (FakeKeyring::failing_with(absent()), None, None, format!("{missing}{}.", absent()), 1),
            (
                FakeKeyring::failing_with(KeyringError::Locked),
                None,
                None,
                format!("{missing}the keyring is locked."),
                1,
            ),
        ] {
            assert_eq!(resolve_with(keyring, variable, typed), (expected, calls), "{variable:?} {typed:?}");
        }
    }
}
