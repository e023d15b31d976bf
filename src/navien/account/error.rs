//! Errors of the account, and whether a retry can help.

use std::time::Duration;

use crate::diagnostics::clean::clean;
use crate::diagnostics::event::Layer;

/// Maximum length of a message of the cloud in an error, in characters.
const MAX_MESSAGE_CHARS: usize = 160;

/// Why a request to the cloud failed. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The e-mail or the password is wrong: a retry cannot help.
    #[error("the cloud does not accept this e-mail address and password")]
    WrongPassword,
    /// No connection, or it was closed.
    #[error("the cloud cannot be reached: {why}")]
    Unreachable {
        /// The layer that failed.
        layer: Layer,
        /// What happened.
        why: String,
    },
    /// No complete answer in time.
    #[error("the cloud did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer does not have the documented form: an error page, broken JSON, a missing field.
    #[error("invalid answer from the cloud (HTTP {status}): {why}")]
    Malformed {
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// The cloud refused for another reason than a wrong password.
    #[error("the cloud refused with code {code}: {message}")]
    Refused {
        /// The code in the answer.
        code: i64,
        /// The message of the cloud, safe to print.
        message: String,
    },
    /// Signed in, but the answer has no keys for AWS IoT.
    #[error("the cloud accepted the sign-in but sent no AWS credentials")]
    NoCredentials,
}

impl AccountError {
    /// Whether a retry with the same e-mail and password is pointless.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::WrongPassword)
    }

    /// An answer with HTTP 200 in which something is missing or invalid.
    pub(super) fn incomplete(why: &str) -> Self {
        Self::Malformed { status: 200, why: why.to_owned() }
    }

    /// Whether the cloud refused the password or the token (code 401).
    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Refused { code: 401, .. })
    }

    /// Whether the cloud did not process the request: an old token may still be valid.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut(_))
            || matches!(self, Self::Malformed { status, .. } if *status >= 500)
            || matches!(self, Self::Refused { code, .. } if *code >= 500)
    }

    /// A refusal; `private` (the e-mail) is removed from the message.
    pub(super) fn refused(code: i64, message: &str, private: &str) -> Self {
        let message =
            if private.is_empty() { message.to_owned() } else { message.replace(private, "(e-mail)") };
        let message: String = clean(&message).chars().take(MAX_MESSAGE_CHARS).collect();
        Self::Refused { code, message }
    }
}
