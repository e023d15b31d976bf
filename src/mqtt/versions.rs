//! The protocol version of the next attempt.

use super::wire::OpenFailure;
use crate::diagnostics::event::Phase;
use crate::diagnostics::{MqttVersion, VersionChoice};

/// `auto` starts with 5 and falls back when the broker does not support it. The version that worked is kept,
/// so that a later network problem is not mistaken for a version problem.
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

    /// The version to use now.
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

    /// An attempt failed; `true`: try 3.1.1 at once.
    pub(super) fn on_connect_failed(&mut self, failure: &OpenFailure) -> bool {
        if self.choice != VersionChoice::Auto
            || self.accepted_version.is_some()
            || failure.phase != Phase::Connack
        {
            return false;
        }
        // Brokers without MQTT 5 refuse it, or close, or send an unreadable answer, or wait for bytes that
        // never come. Any other refusal is an answer in a version both sides support.
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

    /// Everything is rebuilt: the version that worked may have changed.
    pub(super) fn reset(&mut self) {
        self.accepted_version = None;
        self.candidate = MqttVersion::V5;
    }
}
