//! The states of a link, and how each is shown.

use std::sync::Arc;

use super::connector::BoxFuture;
use super::handshake::HandshakeOutcome;
use super::queue::PublishQueue;
use super::session::MqttSession;
use super::status::LinkStatus;
use super::wire::{Progress, WireTap};
use crate::diagnostics::event::Phase;
use crate::diagnostics::{LinkActivity, Stamp};

/// The state of a link. Its timers are in the [`TimerTable`](super::timers::TimerTable).
pub(super) enum ConnectionState {
    /// Disconnected on purpose, or not started.
    Off,
    /// No attempts are left.
    GivenUp,
    /// Until [`Timer::Connect`](super::timers::Timer::Connect) expires, at `until`.
    Waiting { until: Stamp },
    /// A connect attempt is under way.
    Connecting { attempt: BoxFuture<'static, HandshakeOutcome>, progress: Arc<Progress>, started: Stamp },
    /// Until the session drops, is closed, or is renewed
    /// ([`Timer::PlannedReconnect`](super::timers::Timer::PlannedReconnect)).
    Connected { session: Box<MqttSession>, since: Stamp },
    /// At most until [`Timer::Close`](super::timers::Timer::Close) expires.
    Closing { session: Box<MqttSession>, then_connect: bool },
}

impl ConnectionState {
    /// The status of a link in this state; `attempt` is the number of the next attempt.
    pub(super) fn status(&self, queue: &PublishQueue, attempt: u32, now: Stamp) -> LinkStatus {
        let session = match self {
            Self::Connected { session, .. } => Some(session),
            _ => None,
        };
        let tap = session.map(|session| session.tap());
        LinkStatus {
            activity: self.activity(attempt, now),
            queued: queue.waiting(),
            in_flight: queue.in_flight(),
            ping_outstanding_since: session.and_then(|session| session.ping_outstanding_since()),
            last_rx: tap.and_then(WireTap::last_rx),
            last_tx: tap.and_then(WireTap::last_tx),
            bytes_in: tap.map_or(0, WireTap::bytes_in),
            bytes_out: tap.map_or(0, WireTap::bytes_out),
        }
    }

    fn activity(&self, attempt: u32, now: Stamp) -> LinkActivity {
        match self {
            Self::Off | Self::Closing { then_connect: false, .. } => LinkActivity::Off,
            Self::GivenUp => LinkActivity::GivenUp,
            Self::Waiting { until } => LinkActivity::Waiting { until: *until, attempt },
            Self::Connecting { progress, started, .. } => {
                let (phase, since) = progress.current().unwrap_or((Phase::Dns, *started));
                LinkActivity::Connecting { phase, since, attempt }
            }
            Self::Connected { .. } => LinkActivity::Connected,
            Self::Closing { .. } => LinkActivity::Waiting { until: now, attempt },
        }
    }
}
