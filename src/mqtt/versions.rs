//! Which protocol version is spoken at the next attempt?

use super::wire::OpenFailure;
use crate::diagnostics::event::Phase;
use crate::diagnostics::{MqttVersion, VersionChoice};

/// `auto` starts with 5 and changes over when the broker does not take it; what worked is kept, so
/// that later trouble with the network does not look like trouble with the version.
#[derive(Debug)]
pub(super) struct VersionSelector {
    choice: VersionChoice,
    accepted_version: Option<MqttVersion>,
    candidate: MqttVersion,
}

impl VersionSelector {
    pub(super) fn new(choice: VersionChoice) -> Self {
        Self { choice, accepted_version: None, candidate: MqttVersion::V5 }
    }

    /// The version to speak now.
    pub(super) fn current(&self) -> MqttVersion {
        match self.choice {
            VersionChoice::V311 => MqttVersion::V311,
            VersionChoice::V5 => MqttVersion::V5,
            VersionChoice::Auto => self.accepted_version.unwrap_or(self.candidate),
        }
    }

    /// A session was accepted.
    pub(super) fn on_connected(&mut self) {
        self.accepted_version = Some(self.current());
    }

    /// An attempt failed; `true`: 3.1.1 is worth a try at once.
    pub(super) fn on_connect_failed(&mut self, failure: &OpenFailure) -> bool {
        if self.choice != VersionChoice::Auto
            || self.accepted_version.is_some()
            || failure.phase != Phase::Connack
        {
            return false;
        }
        // Brokers that do not know MQTT 5 refuse it, or close, or answer something unreadable, or
        // wait for bytes that never come. Any other refusal is an answer in a version both know.
        let may_be_version_refusal = matches!(failure.failure.return_code, None | Some(1 | 0x84));
        if !may_be_version_refusal {
            return false;
        }
        self.candidate = match self.candidate {
            MqttVersion::V5 => MqttVersion::V311,
            MqttVersion::V311 => MqttVersion::V5,
        };
        self.candidate == MqttVersion::V311
    }

    /// Everything is rebuilt: what was learned may be wrong by now.
    pub(super) fn reset(&mut self) {
        self.accepted_version = None;
        self.candidate = MqttVersion::V5;
    }
}
