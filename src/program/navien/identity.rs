//! Whose account is it? Flag, environment, then a question on the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use secrecy::SecretString;

use crate::config::{ConfigError, password_from};
use crate::tui;

/// E-mail address and password of the account.
pub(super) struct Identity {
    pub(super) email: String,
    pub(super) password: SecretString,
}

/// Why nobody can sign in.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoIdentity {
    #[error("Whose account? Set NAVIEN_EMAIL, or give --username.")]
    NoEmail,
    #[error("The password of the account is missing: set NAVIEN_PASSWORD, or give --password-file.")]
    NoPassword,
    /// Ctrl-C at the question.
    #[error("Nothing was entered.")]
    Cancelled,
    #[error(transparent)]
    File(#[from] ConfigError),
    #[error("Nobody can be asked for the account: {0}.")]
    Terminal(#[from] io::Error),
}

/// What this run was told, wherever it stands: flag, then `NAVIEN_…`, then the variable of the flag (which may
/// be meant for another broker), then whoever sits at the terminal.
pub(super) fn identity(username: Option<&str>, password_file: Option<&Path>) -> Result<Identity, NoIdentity> {
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let told = Told { username, password_file, variable: &|name| std::env::var(name).ok() };
    let email = match told.email() {
        Some(email) => email,
        None if is_terminal => ask("E-mail address of the Navien account: ")?,
        None => String::new(),
    };
    let email = email.trim().to_owned();
    if email.is_empty() {
        return Err(NoIdentity::NoEmail);
    }
    let password = match told.password()? {
        Some(password) => password,
        None if is_terminal => tui::ask_secret("Password: ")?.ok_or(NoIdentity::Cancelled)?,
        None => return Err(NoIdentity::NoPassword),
    };
    Ok(Identity { email, password })
}

struct Told<'a> {
    username: Option<&'a str>,
    password_file: Option<&'a Path>,
    variable: &'a dyn Fn(&str) -> Option<String>,
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

    use super::*;

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
}
