//! Whose account is it? Flag, environment, keyring, then a question on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};

use super::kept::Kept;
use crate::config::{ConfigError, password_from};
use crate::keyring::{KeyringBackend, KeyringError};
use crate::navien::account::ApiUrl;
use crate::tui;

/// E-mail address and password of the account.
pub(super) struct Identity {
    pub(super) email: String,
    pub(super) password: SecretString,
    pub(super) source: Source,
    /// Where the keyring keeps the password, or would.
    pub(super) kept: Kept,
}

/// Where the password stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// In a file or a variable: the keyring was not asked.
    Told,
    Keyring,
    /// In somebody's head. With it, why the keyring could not be asked, if it could not.
    Typed(Option<KeyringError>),
}

/// Why nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoIdentity {
    #[error("Whose account? Set NAVIEN_EMAIL, or give --username.")]
    NoEmail,
    #[error(
        "The password of the account is missing: set NAVIEN_PASSWORD, give --password-file, or let \
         --remember-password keep it in the keyring; {}.",
        .0.as_ref().map_or_else(|| "that holds none for this account".to_owned(), ToString::to_string)
    )]
    NoPassword(Option<KeyringError>),
    /// Ctrl-C at the question.
    #[error("Nothing was entered.")]
    Cancelled,
    #[error(transparent)]
    File(#[from] ConfigError),
    #[error("Nobody can be asked for the account: {0}.")]
    Terminal(#[from] io::Error),
}

/// Whether somebody can be asked.
pub(super) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// What this run was told, wherever it stands: flag, then `NAVIEN_…`, then the variable of the flag (which may
/// be meant for another broker), then the keyring, then whoever sits at the terminal.
pub(super) fn identity(
    told: &Told<'_>,
    api: &ApiUrl,
    keyring: Arc<dyn KeyringBackend>,
) -> Result<Identity, NoIdentity> {
    let email = email(told)?;
    let is_attended = is_attended();
    let kept = Kept::new(keyring, api, &email, is_attended);
    let ask = || tui::ask_secret("Password: ");
    let (password, source) = password(told, &kept, is_attended.then_some(&ask))?;
    Ok(Identity { email, password, source, kept })
}

/// Whose account it is; asks if nobody said.
pub(super) fn email(told: &Told<'_>) -> Result<String, NoIdentity> {
    let email = match told.email() {
        Some(email) => email,
        None if is_attended() => ask("E-mail address of the Navien account: ")?,
        None => String::new(),
    };
    let email = email.trim().to_owned();
    if email.is_empty() { Err(NoIdentity::NoEmail) } else { Ok(email) }
}

/// Asks somebody; `None` = they would rather not.
type Ask<'a> = &'a dyn Fn() -> io::Result<Option<SecretString>>;

/// A keyring that cannot be used is no reason to stop: it is one place among others.
fn password(
    told: &Told<'_>,
    kept: &Kept,
    ask: Option<Ask<'_>>,
) -> Result<(SecretString, Source), NoIdentity> {
    if let Some(password) = told.password()? {
        return Ok((password, Source::Told));
    }
    let unusable = match kept.read() {
        Ok(Some(password)) if !password.expose_secret().is_empty() => return Ok((password, Source::Keyring)),
        Ok(_) => None,
        Err(error) => Some(error),
    };
    let ask = ask.ok_or_else(|| NoIdentity::NoPassword(unusable.clone()))?;
    Ok((ask()?.ok_or(NoIdentity::Cancelled)?, Source::Typed(unusable)))
}

/// What was said, and not asked for.
pub(super) struct Told<'a> {
    pub(super) username: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl Told<'_> {
    fn set(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn email(&self) -> Option<String> {
        let username = self.username.map(str::to_owned);
        let is_flag = username != (self.variable)("DROPSCOPE_USERNAME");
        if is_flag && username.is_some() { username } else { self.set("NAVIEN_EMAIL").or(username) }
    }

    fn password(&self) -> Result<Option<SecretString>, NoIdentity> {
        let variable = (self.variable)("DROPSCOPE_PASSWORD_FILE");
        let is_flag = self.password_file != variable.as_deref().map(Path::new);
        match (self.password_file, self.set("NAVIEN_PASSWORD")) {
            (Some(path), None) => Ok(Some(password_from(path)?)),
            (Some(path), Some(_)) if is_flag => Ok(Some(password_from(path)?)),
            (_, password) => Ok(password.map(SecretString::from)),
        }
    }
}

fn ask(question: &str) -> io::Result<String> {
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::super::kept::fake::Fake;
    use super::*;
    use crate::navien::account::API_URL;

    #[test]
    fn a_flag_comes_before_the_cloud_s_variable_and_that_before_a_broker_s() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "of-file\nsecond line\n").unwrap();
        let of_file = file.to_str().unwrap();
        for (variables, flagged, email, password) in [
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
            let told = Told {
                username: flagged.then_some("flag"),
                password_file: flagged.then_some(file.as_path()),
                variable: &variable,
            };
            let told_password = told.password().unwrap();
            assert_eq!(told.email().as_deref(), email, "{variables:?}");
            assert_eq!(
                told_password.as_ref().map(secrecy::ExposeSecret::expose_secret),
                password,
                "{variables:?}"
            );
        }
        let missing =
            Told { username: None, password_file: Some(Path::new("/nowhere")), variable: &|_| None };
        assert!(missing.password().is_err());
    }
    /// The password, where it stood, and how often the keyring was asked.
    fn found(keyring: Fake, variable: Option<&str>, typed: Option<&str>) -> (String, usize) {
        let keyring = Arc::new(keyring);
        let api: ApiUrl = API_URL.parse().unwrap();
        let kept = Kept::new(Arc::clone(&keyring) as Arc<dyn KeyringBackend>, &api, "Me@Example.org", false);
        let told = Told {
            username: None,
            password_file: None,
            variable: &|name| variable.filter(|_| name == "NAVIEN_PASSWORD").map(str::to_owned),
        };
        let ask = || Ok(typed.filter(|typed| *typed != "^C").map(SecretString::from));
        let found = match password(&told, &kept, typed.is_some().then_some(&ask)) {
            Ok((password, source)) => format!("{source:?}: {}", password.expose_secret()),
            Err(error) => error.to_string(),
        };
        (found, keyring.asked().len())
    }

    #[test]
    fn the_keyring_comes_after_variables_and_before_the_question() {
        let holding = || Fake::holding("dropscope-navien", "me@example.org", "kept");
        let absent = || KeyringError::Unavailable("there is no D-Bus session".to_owned());
        let other = || Fake::holding("dropscope-navien at https://cloud.example", "me@example.org", "kept");
        let missing = "The password of the account is missing: set NAVIEN_PASSWORD, give --password-file, or let \
                       --remember-password keep it in the keyring; ";
        for (keyring, variable, typed, expected, asked) in [
            (holding(), Some("said"), Some("typed"), "Told: said".to_owned(), 0),
            (holding(), None, Some("typed"), "Keyring: kept".to_owned(), 1),
            (holding(), None, None, "Keyring: kept".to_owned(), 1),
            (other(), None, Some("typed"), "Typed(None): typed".to_owned(), 1),
            (other(), None, Some("^C"), "Nothing was entered.".to_owned(), 1),
            (other(), None, None, format!("{missing}that holds none for this account."), 1),
            (
                Fake::holding("dropscope-navien", "me@example.org", ""),
                None,
                Some("typed"),
                "Typed(None): typed".to_owned(),
                1,
            ),
            (Fake::failing(absent()), Some("said"), None, "Told: said".to_owned(), 0),
            (Fake::failing(absent()), None, Some("typed"), format!("Typed(Some({:?})): typed", absent()), 1),
            (Fake::failing(absent()), None, None, format!("{missing}{}.", absent()), 1),
            (Fake::failing(KeyringError::Locked), None, None, format!("{missing}the keyring is locked."), 1),
        ] {
            assert_eq!(found(keyring, variable, typed), (expected, asked), "{variable:?} {typed:?}");
        }
    }
}
