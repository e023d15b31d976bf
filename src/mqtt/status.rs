//! The present state of a link, for the screen. It is not recorded.

use crate::diagnostics::Stamp;
use crate::diagnostics::event::Phase;

/// The present state of a link: its activity, its queue and the traffic of its session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkStatus {
    /// The present activity.
    pub activity: Activity,
    /// Publishes waiting for their turn.
    pub queued: usize,
    /// Publishes sent and not acknowledged.
    pub in_flight: usize,
    /// An unanswered PINGREQ and since when.
    pub ping_outstanding_since: Option<Stamp>,
    /// Last byte received in this session.
    pub last_rx: Option<Stamp>,
    /// Last byte sent in this session.
    pub last_tx: Option<Stamp>,
    /// Bytes received in this session.
    pub bytes_in: u64,
    /// Bytes sent in this session.
    pub bytes_out: u64,
}

/// What a link is doing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Activity {
    /// Disconnected on purpose, or not started.
    #[default]
    Off,
    /// Gave up after the configured number of attempts.
    GivenUp,
    /// Waiting before the next attempt.
    Waiting {
        /// When it will start.
        until: Stamp,
        /// Its number in this outage.
        attempt: u32,
    },
    /// A connect is under way.
    Connecting {
        /// The phase it is in.
        phase: Phase,
        /// Since when.
        since: Stamp,
        /// Its number in this outage.
        attempt: u32,
    },
    /// A session is up.
    Connected,
}
