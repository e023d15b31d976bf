//! The defaults of a link to the device cloud.

use std::time::Duration;

use clap::ValueEnum;

use super::target::LinkDefaults;
use crate::diagnostics::VersionChoice;
use crate::mqtt::settings::{BackoffSettings, QueueSettings};

/// A set of defaults for the link to a device cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LinkProfile {
    /// keep-alive 60 s, reconnect after 0.5 s to 60 s, everything rebuilt at every 5th attempt
    #[default]
    Hardened,
    /// the defaults of nwp500-python, to reproduce its drops: keep-alive 1200 s, 1 s to 120 s, 10th attempt; that library does not poll the device: add --quiet-link
    Nwp500Default,
}

impl LinkProfile {
    /// The defaults of the reference client's code, or of its guide to a hardened connection.
    pub(super) fn defaults(self) -> LinkDefaults {
        let secs = Duration::from_secs;
        let (keep_alive_secs, initial, max, deep_threshold, capacity) = match self {
            Self::Hardened => (60, Duration::from_millis(500), secs(60), 5, 200),
            Self::Nwp500Default => (1200, secs(1), secs(120), 10, 100),
        };
        LinkDefaults {
            version: VersionChoice::V311,
            keep_alive_secs,
            backoff: BackoffSettings {
                initial,
                max,
                multiplier: 2.0,
                deep_threshold,
                max_attempts: None,
                ..BackoffSettings::default()
            },
            queue: QueueSettings { capacity, max_age: secs(300) },
            ..LinkDefaults::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        ConnectionOptions, ConnectionTarget, Directories, Environment, MqttOptions, Options, TlsOptions,
        resolve,
    };
    use crate::mqtt::settings::LinkSettings;

    fn resolve_link(profile: LinkProfile, args: Options, file: Options) -> LinkSettings {
        let environment = Environment {
            variable: &|name| (name == "DROPSCOPE_PASSWORD").then(|| "of-another-broker".to_owned()),
            is_terminal: false,
            directories: Directories::for_current_user(),
            random: 0x0a1b_2c3d,
        };
        let target = ConnectionTarget::cloud("navien-client-", profile);
        resolve(args, file, target, &environment).unwrap().link
    }

    #[test]
    fn each_profile_is_as_documented_and_flags_come_first() {
        for (profile, keep_alive, initial_ms, max, deep, queue) in [
            (LinkProfile::Hardened, 60, 500, 60, 5, 200),
            (LinkProfile::Nwp500Default, 1200, 1000, 120, 10, 100),
        ] {
            let link = resolve_link(profile, Options::default(), Options::default());
            assert_eq!(link.client_id, "navien-client-0a1b2c3d");
            assert_eq!((link.keep_alive_secs, link.version), (keep_alive, VersionChoice::V311));
            assert_eq!((link.backoff.initial.as_millis(), link.backoff.max.as_secs()), (initial_ms, max));
            assert_eq!((link.backoff.deep_threshold, link.backoff.max_attempts), (deep, None));
            assert_eq!(
                (link.queue.capacity, link.queue.max_age.as_secs(), link.clean_session),
                (queue, 300, true)
            );
            let mqtt = MqttOptions { command_queue: Some(7), ..MqttOptions::default() };
            let link = resolve_link(profile, Options { mqtt, ..Options::default() }, Options::default());
            assert_eq!((link.queue.capacity, link.keep_alive_secs), (7, keep_alive));
        }
    }

    #[test]
    fn broker_options_of_the_file_do_not_apply_to_the_cloud() {
        let file = Options {
            broker: ConnectionOptions {
                url: Some("mqtt://broker.example".parse().unwrap()),
                client_id: Some("mine".into()),
                username: Some("observer".into()),
                password_file: Some("/nowhere/password".into()),
                ipv6: Some(true),
                ..ConnectionOptions::default()
            },
            mqtt: MqttOptions { topic: Some(vec!["home/#".into()]), ..MqttOptions::default() },
            tls: TlsOptions { cafile: Some("/nowhere/ca.pem".into()), ..TlsOptions::default() },
            ..Options::default()
        };
        let link = resolve_link(LinkProfile::default(), Options::default(), file);
        assert_eq!((link.username, link.password.is_none(), link.tls.ca_file), (None, true, None));
        assert_eq!((link.client_id.as_str(), link.subscriptions.len()), ("navien-client-0a1b2c3d", 0));
        assert_eq!(link.family, crate::mqtt::settings::AddressFamily::V6);
    }
}
