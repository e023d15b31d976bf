//! With which code does the program end?
//!
//! *Must not know* how a run is carried out: it judges the last snapshot.

mod fail_on;

pub use fail_on::{Comparison, FailOn, FailOnError, Quantity};

use crate::diagnostics::codes::is_credentials_refusal;
use crate::diagnostics::{LinkState, Snapshot};

/// What the program tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// 0: all is well.
    Success,
    /// 1: something went wrong while running, or reconnecting was given up.
    RuntimeError,
    /// 2: the command line or the configuration is not usable.
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

/// How a run came to its end.
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
    /// Something broke that has nothing to do with the connection.
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

/// Whether the newest thing known is that the broker does not accept the credentials.
fn has_refused_credentials(snapshot: &Snapshot) -> bool {
    if matches!(snapshot.link, LinkState::Connected { .. }) {
        return false;
    }
    snapshot.last_failure.as_ref().is_some_and(|failure| {
        failure.return_code.is_some_and(is_credentials_refusal)
            || matches!(failure.http_status, Some(401 | 403))
    })
}

#[cfg(test)]
mod tests;
