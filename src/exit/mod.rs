//! The exit code of the program.
//!
//! *Must not depend on* how a run works: it reads the last snapshot.

mod fail_on;

pub use fail_on::{Comparison, FailOn, FailOnError, Quantity};

use crate::diagnostics::{LinkState, Snapshot, codes};

/// The result of the program for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// 0: success.
    Success,
    /// 1: a failure of the program, or reconnecting was given up.
    RuntimeError,
    /// 2: the command line or the configuration is not valid.
    UsageError,
    /// 3: no connect ever succeeded.
    NeverConnected,
    /// 4: the broker refused the credentials.
    RefusedCredentials,
    /// 5: a `--fail-on` condition is met.
    FailOnMet,
    /// 130: Ctrl-C in a headless run.
    Interrupted,
}

impl ExitReason {
    /// The number for the operating system.
    pub fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::RuntimeError => 1,
            Self::UsageError => 2,
            Self::NeverConnected => 3,
            Self::RefusedCredentials => 4,
            Self::FailOnMet => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitReason> for std::process::ExitCode {
    fn from(code: ExitReason) -> Self {
        Self::from(code.number())
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// `--duration` is over, the reader of standard output went away, or the user quit.
    Completed,
    /// Ctrl-C in a headless run.
    Interrupted,
    /// SIGTERM: a service manager ended the run, which is no fault.
    Terminated,
    /// `--max-reconnect-attempts` is used up.
    GaveUp,
    /// A failure that does not concern the connection.
    Failed,
}

/// The code for a run that ended like this in this state.
///
/// Ranked: a failure of the program, Ctrl-C, never connected (with or without refused credentials),
/// `--fail-on`, given up, fine.
pub fn exit_reason(snapshot: &Snapshot, run_end: RunEnd, fail_on: &[FailOn]) -> ExitReason {
    let is_never_connected = snapshot.metrics.last_successful_connect.is_none();
    match run_end {
        RunEnd::Failed => return ExitReason::RuntimeError,
        RunEnd::Interrupted => return ExitReason::Interrupted,
        RunEnd::Completed | RunEnd::GaveUp if is_never_connected => {
            return if has_refused_credentials(snapshot) {
                ExitReason::RefusedCredentials
            } else {
                ExitReason::NeverConnected
            };
        }
        RunEnd::Completed | RunEnd::Terminated | RunEnd::GaveUp => {}
    }
    if fail_on.iter().any(|condition| condition.is_met(&snapshot.metrics)) {
        return ExitReason::FailOnMet;
    }
    match run_end {
        RunEnd::GaveUp if has_refused_credentials(snapshot) => ExitReason::RefusedCredentials,
        RunEnd::GaveUp => ExitReason::RuntimeError,
        _ => ExitReason::Success,
    }
}

/// Whether a refused connect is about the credentials: by CONNACK code (either version) or HTTP status.
pub fn is_credentials_refusal(return_code: Option<u8>, http_status: Option<u16>) -> bool {
    return_code.is_some_and(codes::is_credentials_refusal) || matches!(http_status, Some(401 | 403))
}

/// Whether the broker refused the credentials at the last connect.
fn has_refused_credentials(snapshot: &Snapshot) -> bool {
    if matches!(snapshot.link, LinkState::Connected { .. }) {
        return false;
    }
    snapshot
        .last_failure
        .as_ref()
        .is_some_and(|failure| is_credentials_refusal(failure.return_code, failure.http_status))
}

#[cfg(test)]
mod tests;
