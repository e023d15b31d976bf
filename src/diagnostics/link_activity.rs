//! The activity of the link at one moment.
//!
//! It is not part of a [`Snapshot`](super::Snapshot): no event records it. The link reports it, a replay derives it from
//! the events that follow, and screens show it; it is defined here so that none of them imports another for it.

use super::Stamp;
use super::event::Phase;

/// The activity of the link.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum LinkActivity {
    /// Not connected on purpose, or not started.
    #[default]
    Off,
    /// Gave up after the configured number of attempts.
    GivenUp,
    /// Waiting before the next attempt.
    Waiting {
        /// When the attempt will start.
        until: Stamp,
        /// The number of the attempt in this outage.
        attempt: u32,
    },
    /// A connect is under way.
    Connecting {
        /// The current phase.
        phase: Phase,
        /// When the phase began.
        since: Stamp,
        /// The number of the attempt in this outage.
        attempt: u32,
    },
    /// A session is up.
    Connected,
}

impl LinkActivity {
    /// The same activity with its stamps converted, from recorded time to field time.
    #[must_use]
    pub fn map_stamps(self, convert: impl Fn(Stamp) -> Stamp) -> Self {
        match self {
            Self::Waiting { until, attempt } => Self::Waiting { until: convert(until), attempt },
            Self::Connecting { phase, since, attempt } => {
                Self::Connecting { phase, since: convert(since), attempt }
            }
            Self::Off | Self::GivenUp | Self::Connected => self,
        }
    }
}
