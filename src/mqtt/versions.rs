//! Which protocol version is spoken at the next attempt?

use super::settings::VersionChoice;
use super::wire::OpenFailure;
use super::words::Protocol;
use crate::diagnostics::event::Phase;

/// `auto` starts with 5 and changes over when the broker does not take it; what worked is kept, so
/// that later trouble with the network does not look like trouble with the version.
#[derive(Debug)]
pub(super) struct Versions {
    choice: VersionChoice,
    worked: Option<Protocol>,
    candidate: Protocol,
}

impl Versions {
    pub(super) fn new(choice: VersionChoice) -> Self {
        Self { choice, worked: None, candidate: Protocol::V5 }
    }

    /// The version to speak now.
    pub(super) fn current(&self) -> Protocol {
        match self.choice {
            VersionChoice::V311 => Protocol::V311,
            VersionChoice::V5 => Protocol::V5,
            VersionChoice::Auto => self.worked.unwrap_or(self.candidate),
        }
    }

    /// A session was accepted.
    pub(super) fn accepted(&mut self) {
        self.worked = Some(self.current());
    }

    /// An attempt failed; `true`: 3.1.1 is worth a try at once.
    pub(super) fn failed(&mut self, failure: &OpenFailure) -> bool {
        if self.choice != VersionChoice::Auto || self.worked.is_some() || failure.phase != Phase::Connack {
            return false;
        }
        // Brokers that do not know MQTT 5 refuse it, or close, or answer something unreadable, or
        // wait for bytes that never come. Any other refusal is an answer in a version both know.
        let about_version = matches!(failure.failure.return_code, None | Some(1 | 0x84));
        if !about_version {
            return false;
        }
        self.candidate = match self.candidate {
            Protocol::V5 => Protocol::V311,
            Protocol::V311 => Protocol::V5,
        };
        self.candidate == Protocol::V311
    }

    /// Everything is rebuilt: what was learned may be wrong by now.
    pub(super) fn forget(&mut self) {
        self.worked = None;
        self.candidate = Protocol::V5;
    }
}
