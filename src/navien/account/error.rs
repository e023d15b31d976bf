//! Why is there no answer from the account, and is it worth asking again?

use std::time::Duration;

use crate::diagnostics::clean::clean;
use crate::diagnostics::event::Layer;

/// Longest message of the cloud that is quoted, in characters.
const MAX_MESSAGE_CHARS: usize = 160;

/// Why the cloud could not be asked, or what it said instead. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// E-mail or password are wrong: asking again cannot help.
    #[error("the cloud does not accept this e-mail address and password")]
    WrongPassword,
    /// No connection, or it broke off.
    #[error("the cloud cannot be reached: {why}")]
    Unreachable {
        /// Whose signal that was.
        layer: Layer,
        /// What happened, in words.
        why: String,
    },
    /// No whole answer in time.
    #[error("the cloud did not answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The answer is not what the cloud's documents promise: an error page, broken JSON, a missing field.
    #[error("the cloud's answer makes no sense (HTTP {status}): {why}")]
    Malformed {
        /// HTTP status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
    /// The cloud refused, for another reason than a wrong password.
    #[error("the cloud refused with code {code}: {message}")]
    Refused {
        /// The code in the answer.
        code: i64,
        /// The cloud's own words, safe to print.
        message: String,
    },
    /// Signed in, but without keys for AWS IoT.
    #[error("the cloud signed in, but gave no AWS credentials")]
    NoCredentials,
}

impl AccountError {
    /// Whether asking again with the same e-mail and password is pointless.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::WrongPassword)
    }

    /// Whether the cloud said nothing at all about what it was asked: an old token may still be good.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut(_))
            || matches!(self, Self::Malformed { status, .. } if *status >= 500)
            || matches!(self, Self::Refused { code, .. } if *code >= 500)
    }

    /// The cloud's refusal; `private` (the e-mail) is taken out of its words.
    pub(super) fn refused(code: i64, message: &str, private: &str) -> Self {
        let message =
            if private.is_empty() { message.to_owned() } else { message.replace(private, "(e-mail)") };
        let message: String = clean(&message).chars().take(MAX_MESSAGE_CHARS).collect();
        Self::Refused { code, message }
    }
}
