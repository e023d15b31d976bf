//! The present state of a link, for the screen. It is not recorded.

use crate::diagnostics::{LinkActivity, Stamp};

/// The present state of a link: its activity, its queue and the traffic of its session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkStatus {
    /// The present activity.
    pub activity: LinkActivity,
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
