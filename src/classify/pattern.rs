//! The patterns that drops follow, and their names.

use serde::{Deserialize, Serialize};

/// The pattern that drops follow. The names in exports are these in `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Sessions end at one age.
    FixedLifetime,
    /// Drops follow the wall clock.
    Scheduled,
    /// A silence of a certain length ends the session.
    IdleTimeout,
    /// Drops come at random (memoryless).
    Random,
    /// Drops come in groups.
    Bursty,
    /// Sessions end after a number of messages.
    MessageCount,
    /// A burst of messages ends the session.
    MessageRate,
    /// A publish to one topic ends the session.
    PublishTriggered,
    /// Something on this computer or its network ends the session.
    SystemEvent,
    /// The session ends when its credentials do.
    CredentialExpiry,
    /// Another client with the same client id takes the session over.
    ClientIdTakeover,
    /// The broker or the path to it is gone for minutes or more.
    Outage,
    /// The broker received nothing from this client for 1.5 keep-alives.
    KeepAliveTimeout,
    /// Not enough drops yet, or none of these.
    Undetermined,
}

impl Pattern {
    /// All of them, in the order of the recording format's documentation.
    pub const ALL: [Self; 14] = [
        Self::FixedLifetime,
        Self::Scheduled,
        Self::IdleTimeout,
        Self::Random,
        Self::Bursty,
        Self::MessageCount,
        Self::MessageRate,
        Self::PublishTriggered,
        Self::SystemEvent,
        Self::CredentialExpiry,
        Self::ClientIdTakeover,
        Self::Outage,
        Self::KeepAliveTimeout,
        Self::Undetermined,
    ];

    /// The name in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::FixedLifetime => "fixed_lifetime",
            Self::Scheduled => "scheduled",
            Self::IdleTimeout => "idle_timeout",
            Self::Random => "random",
            Self::Bursty => "bursty",
            Self::MessageCount => "message_count",
            Self::MessageRate => "message_rate",
            Self::PublishTriggered => "publish_triggered",
            Self::SystemEvent => "system_event",
            Self::CredentialExpiry => "credential_expiry",
            Self::ClientIdTakeover => "client_id_takeover",
            Self::Outage => "outage",
            Self::KeepAliveTimeout => "keep_alive_timeout",
            Self::Undetermined => "undetermined",
        }
    }

    /// A short title for a screen, in lower case.
    pub fn title(self) -> &'static str {
        match self {
            Self::FixedLifetime => "fixed lifetime",
            Self::Scheduled => "scheduled",
            Self::IdleTimeout => "idle timeout",
            Self::Random => "random loss",
            Self::Bursty => "bursts",
            Self::MessageCount => "message limit",
            Self::MessageRate => "message rate",
            Self::PublishTriggered => "rejected publish",
            Self::SystemEvent => "system event",
            Self::CredentialExpiry => "credentials expire",
            Self::ClientIdTakeover => "client id taken over",
            Self::Outage => "outage",
            Self::KeepAliveTimeout => "keep-alive missed",
            Self::Undetermined => "undetermined",
        }
    }

    /// What it means, as the continuation of "the drops show that …".
    pub fn meaning(self) -> &'static str {
        match self {
            Self::FixedLifetime => "something ends every session at the same age",
            Self::Scheduled => "something happens by the clock, independent of the connection",
            Self::IdleTimeout => "a NAT, firewall or proxy drops idle connections",
            Self::Random => "the connection is lost at random, now and then",
            Self::Bursty => "the connection is lost in bursts, with quiet periods between",
            Self::MessageCount => "the session ends after a certain number of messages",
            Self::MessageRate => "too many messages in a short time end the session",
            Self::PublishTriggered => "one kind of message or operation ends the session",
            Self::SystemEvent => "something on this computer or its network ends the session",
            Self::CredentialExpiry => "the session ends when its credentials expire",
            Self::ClientIdTakeover => "another client with the same client id takes over the session",
            Self::Outage => "for minutes at a time no connect succeeds",
            Self::KeepAliveTimeout => "the broker receives nothing from this client for too long",
            Self::Undetermined => "no pattern can be named yet",
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}
