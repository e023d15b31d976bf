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
    #[error(transparent)]
    File(#[from] ConfigError),
    #[error("Nobody can be asked for the account: {0}.")]
    Terminal(#[from] io::Error),
}

/// `username` and `password_file` as they were given for this run.
pub(super) fn identity(username: Option<&str>, password_file: Option<&Path>) -> Result<Identity, NoIdentity> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let email = match username.map(str::to_owned).or_else(|| variable("NAVIEN_EMAIL")) {
        Some(email) => email,
        None if is_terminal => ask("E-mail address of the Navien account: ")?,
        None => String::new(),
    };
    let email = email.trim().to_owned();
    if email.is_empty() {
        return Err(NoIdentity::NoEmail);
    }
    if let Some(path) = password_file {
        return Ok(Identity { email, password: password_from(path)? });
    }
    let password = match variable("NAVIEN_PASSWORD") {
        Some(password) => password.into(),
        None if is_terminal => tui::ask_secret("Password: ")?.ok_or(NoIdentity::NoPassword)?,
        None => return Err(NoIdentity::NoPassword),
    };
    Ok(Identity { email, password })
}

fn ask(question: &str) -> io::Result<String> {
    let mut out = io::stderr();
    write!(out, "{question}")?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
