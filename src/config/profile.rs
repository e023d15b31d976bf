//! How does a client of the device cloud behave, unless this run was told otherwise?

use std::time::Duration;

use clap::ValueEnum;

use crate::mqtt::settings::{BackoffSettings, LinkSettings, QueueSettings, VersionChoice};

/// A set of defaults for the link to a device cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Profile {
    /// keep-alive 60 s, reconnect after 0.5 s to 60 s, everything rebuilt at every 5th attempt
    #[default]
    Hardened,
    /// as nwp500-python does out of the box, to see its user's trouble: keep-alive 1200 s, 1 s to 120 s, 10th attempt
    Nwp500Default,
}

impl Profile {
    /// Sets the defaults: those of the reference client's code, or of its guide to a hardened connection.
    pub(super) fn apply(self, link: &mut LinkSettings) {
        link.version = VersionChoice::V311;
        link.clean_session = true;
        let secs = Duration::from_secs;
        let (keep_alive, initial, max, deep_threshold, capacity) = match self {
            Self::Hardened => (60, Duration::from_millis(500), secs(60), 5, 200),
            Self::Nwp500Default => (1200, secs(1), secs(120), 10, 100),
        };
        link.keep_alive_secs = keep_alive;
        link.backoff = BackoffSettings {
            initial,
            max,
            multiplier: 2.0,
            deep_threshold,
            max_attempts: None,
            ..BackoffSettings::default()
        };
        link.queue = QueueSettings { capacity, max_age: secs(300) };
    }
}
