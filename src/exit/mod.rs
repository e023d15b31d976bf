//! With which code does the program end?
//!
//! *Must not know* how a run is carried out: it judges the last snapshot.

mod fail_on;

pub use fail_on::{Comparison, FailOn, FailOnError, Quantity};

use crate::diagnostics::codes::is_credentials_refusal;
use crate::diagnostics::{LinkState, Snapshot};

/// What the program tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// 0: all is well.
    Fine,
    /// 1: something went wrong while running, or reconnecting was given up.
    Runtime,
    /// 2: the command line or the configuration is not usable.
    Usage,
    /// 3: no connect ever succeeded.
    NeverConnected,
    /// 4: the broker refused the credentials.
    RefusedCredentials,
    /// 5: a `--fail-on` condition is met.
    FailOnMet,
    /// 130: Ctrl-C in a headless run.
    Interrupted,
}

impl Code {
    /// The number for the operating system.
    pub fn number(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Runtime => 1,
            Self::Usage => 2,
            Self::NeverConnected => 3,
            Self::RefusedCredentials => 4,
            Self::FailOnMet => 5,
            Self::Interrupted => 130,
        }
    }
}

impl From<Code> for std::process::ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.number())
    }
}

/// How a run came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
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
pub fn code(snapshot: &Snapshot, ending: Ending, fail_on: &[FailOn]) -> Code {
    let is_never_connected = snapshot.metrics.last_successful_connect.is_none();
    match ending {
        Ending::Failed => return Code::Runtime,
        Ending::Interrupted => return Code::Interrupted,
        Ending::Completed | Ending::GaveUp if is_never_connected => {
            return if is_refused(snapshot) { Code::RefusedCredentials } else { Code::NeverConnected };
        }
        Ending::Completed | Ending::Terminated | Ending::GaveUp => {}
    }
    if fail_on.iter().any(|condition| condition.is_met(&snapshot.metrics)) {
        return Code::FailOnMet;
    }
    match ending {
        Ending::GaveUp if is_refused(snapshot) => Code::RefusedCredentials,
        Ending::GaveUp => Code::Runtime,
        _ => Code::Fine,
    }
}

/// Whether the newest thing known is that the broker does not accept the credentials.
fn is_refused(snapshot: &Snapshot) -> bool {
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
