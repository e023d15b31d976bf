//! Messages, pings and subscriptions of the current session.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::distribution::Distribution;
use crate::diagnostics::{PingStats, SessionCounts, Snapshot, Stamp};

/// Counts what passes over the connection.
#[derive(Debug, Clone)]
pub(super) struct TrafficFold {
    /// When something last came from the broker in this session, as far as events show it.
    last_inbound: Option<Stamp>,
    /// The distribution resolves 1 ms, too coarse for round trips: they are recorded a thousandfold, so
    /// that its seconds are milliseconds of round trip.
    ping_rtts: Distribution,
    /// Whether round trips were recorded since the last [`TrafficFold::refresh`].
    is_stale: bool,
}

impl TrafficFold {
    pub(super) fn new() -> Self {
        Self { last_inbound: None, ping_rtts: Distribution::new(), is_stale: false }
    }

    /// When something last came from the broker in this session.
    pub(super) fn last_inbound(&self) -> Option<Stamp> {
        self.last_inbound
    }

    /// A session was accepted: its counts begin at zero.
    pub(super) fn begin_session(&mut self, state: &mut Snapshot) {
        self.last_inbound = None;
        state.session = SessionCounts::default();
    }

    pub(super) fn count_messages(&mut self, state: &mut Snapshot, at: Stamp, published: u64, received: u64) {
        let (metrics, session) = (&mut state.metrics, &mut state.session);
        metrics.messages_published = metrics.messages_published.saturating_add(published);
        metrics.messages_received = metrics.messages_received.saturating_add(received);
        session.published = session.published.saturating_add(published);
        session.received = session.received.saturating_add(received);
        session.last_message = Some(at);
        if received > 0 {
            self.last_inbound = Some(at);
        }
        if published > 0 {
            session.last_publish = Some(at);
        }
    }

    pub(super) fn on_ping(&mut self, state: &mut Snapshot, at: Stamp, rtt_ms: f64) {
        state.session.pings += 1;
        self.last_inbound = Some(at);
        let Ok(rtt) = Duration::try_from_secs_f64(rtt_ms / 1_000.0) else { return };
        self.ping_rtts.record(rtt.saturating_mul(1_000));
        self.is_stale = true;
        let ping = &mut state.ping;
        ping.count += 1;
        ping.last_ms = Some(rtt_ms);
        ping.last_at = Some(at);
        let recent = Arc::make_mut(&mut ping.recent_ms);
        if recent.len() >= PingStats::RECENT {
            recent.remove(0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a sparkline needs no more than f32")]
        recent.push(rtt_ms as f32);
    }

    pub(super) fn on_subscribed(&mut self, state: &mut Snapshot, at: Stamp, return_codes: &[u8]) {
        self.last_inbound = Some(at);
        let refused = return_codes.iter().filter(|code| **code >= 0x80).count();
        let refused = u32::try_from(refused).unwrap_or(u32::MAX);
        let accepted = u32::try_from(return_codes.len()).unwrap_or(u32::MAX).saturating_sub(refused);
        let session = &mut state.session;
        session.subscriptions = session.subscriptions.saturating_add(accepted);
        session.refused_subscriptions = session.refused_subscriptions.saturating_add(refused);
        state.metrics.refused_subscriptions += u64::from(refused);
    }

    /// Writes the percentiles of the round trips, if there are new ones.
    pub(super) fn refresh(&mut self, ping: &mut PingStats) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let millis = |value: Option<Duration>| value.map(|thousandfold| thousandfold.as_secs_f64());
        ping.p50_ms = millis(self.ping_rtts.quantile(0.50));
        ping.p95_ms = millis(self.ping_rtts.quantile(0.95));
        ping.p99_ms = millis(self.ping_rtts.quantile(0.99));
        ping.max_ms = millis(self.ping_rtts.max());
    }
}
