//! What is watched, as data: the address, the defaults of its link, and the sections of the configuration file that
//! apply to it.

use std::time::Duration;

use super::device_options::DeviceOptions;
use super::options::{MqttOptions, Options, ReconnectOptions, TlsOptions};
use super::profile::LinkProfile;
use crate::diagnostics::{Transport, VersionChoice};
use crate::mqtt::settings::{BackoffSettings, BrokerAddress, LinkSettings, QueueSettings};

/// The target of a connection.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionTarget {
    /// Transport and host until the caller fills in the address; `None` for a target with a URL. A target with a
    /// placeholder takes no user name and no password from the configuration.
    pub(super) placeholder: Option<(Transport, &'static str)>,
    /// The prefix of a generated client id.
    pub(super) client_id_prefix: &'static str,
    /// Defaults of the link; options precede them.
    pub(super) defaults: LinkDefaults,
    /// Parts of the configuration file that describe the user's own broker, and not this target.
    pub(super) ignored_parts: &'static [FilePart],
    /// Whether the TLS options apply at all.
    pub(super) has_tls_options: bool,
}

/// Defaults of a link that differ between targets.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinkDefaults {
    pub(super) version: VersionChoice,
    pub(super) keep_alive_secs: u16,
    pub(super) ping_timeout: Duration,
    pub(super) backoff: BackoffSettings,
    pub(super) queue: QueueSettings,
}

/// A part of the configuration file.
#[derive(Debug, Clone, Copy)]
pub(super) enum FilePart {
    /// `client-id` of `[broker]`.
    ClientId,
    /// `[mqtt]`.
    Mqtt,
    /// `[tls]`.
    Tls,
    /// `[reconnect]`.
    Reconnect,
    /// `[device]` and `[[command]]`.
    Device,
}

/// How a broker inside the program is reached, unless an option differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedBroker {
    /// Transport.
    pub transport: Transport,
    /// Protocol version.
    pub version: VersionChoice,
    /// Keep-alive in seconds.
    pub keep_alive_secs: u16,
    /// How long to wait for a PINGRESP.
    pub ping_timeout: Duration,
}

impl ConnectionTarget {
    /// The broker of the URL.
    pub fn broker() -> Self {
        Self {
            placeholder: None,
            client_id_prefix: "dropscope-",
            defaults: LinkDefaults::default(),
            ignored_parts: &[],
            has_tls_options: true,
        }
    }

    /// A broker inside the program. Its address is known once it listens.
    pub fn embedded(broker: EmbeddedBroker) -> Self {
        let EmbeddedBroker { transport, version, keep_alive_secs, ping_timeout } = broker;
        Self {
            placeholder: Some((transport, "127.0.0.1")),
            defaults: LinkDefaults { version, keep_alive_secs, ping_timeout, ..LinkDefaults::default() },
            ignored_parts: &[FilePart::Mqtt, FilePart::Reconnect, FilePart::Device],
            has_tls_options: false,
            ..Self::broker()
        }
    }

    /// A device cloud that needs a sign-in. User name and password are those of the account, not of the broker.
    pub fn cloud(client_id_prefix: &'static str, profile: LinkProfile) -> Self {
        Self {
            // Not an IP address, so that it fits any address family.
            placeholder: Some((Transport::Wss, "cloud.invalid")),
            client_id_prefix,
            defaults: profile.defaults(),
            ignored_parts: &[
                FilePart::ClientId,
                FilePart::Mqtt,
                FilePart::Tls,
                FilePart::Reconnect,
                FilePart::Device,
            ],
            has_tls_options: true,
        }
    }

    /// The address until the caller fills in the real one.
    pub(super) fn placeholder_address(&self) -> Option<BrokerAddress> {
        let (transport, host) = self.placeholder?;
        Some(BrokerAddress { transport, host: host.into(), port: 0, path: "/mqtt".into() })
    }
}

impl FilePart {
    /// Takes this part out of the options of the file.
    pub(super) fn remove_from(self, file: &mut Options) {
        match self {
            Self::ClientId => file.broker.client_id = None,
            Self::Mqtt => file.mqtt = MqttOptions::default(),
            Self::Tls => file.tls = TlsOptions::default(),
            Self::Reconnect => file.reconnect = ReconnectOptions::default(),
            Self::Device => (file.device, file.command) = (DeviceOptions::default(), Vec::new()),
        }
    }
}

impl LinkDefaults {
    /// Puts the defaults into the settings.
    pub(super) fn apply(self, link: &mut LinkSettings) {
        link.version = self.version;
        link.keep_alive_secs = self.keep_alive_secs;
        link.ping_timeout = self.ping_timeout;
        link.backoff = self.backoff;
        link.queue = self.queue;
    }
}

impl Default for LinkDefaults {
    /// Those of the link itself.
    fn default() -> Self {
        let address =
            BrokerAddress { transport: Transport::Tcp, host: String::new(), port: 0, path: String::new() };
        let link = LinkSettings::new(address, "");
        Self {
            version: link.version,
            keep_alive_secs: link.keep_alive_secs,
            ping_timeout: link.ping_timeout,
            backoff: link.backoff,
            queue: link.queue,
        }
    }
}
