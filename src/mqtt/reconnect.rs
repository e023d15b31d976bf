//! Plans connect attempts: their number, their delay, the protocol version, and how much is rebuilt.
//!
//! Pure: the current time comes in as a stamp.

use std::sync::Arc;
use std::time::Duration;

use super::backoff::Backoff;
use super::handshake::ConnectSentAt;
use super::settings::LinkSettings;
use super::versions::VersionSelector;
use super::wire::OpenFailure;
use crate::diagnostics::event::{ConnectKind, Phase};
use crate::diagnostics::{MqttVersion, Stamp};

/// How much is rebuilt for a reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconnectKind {
    /// A new connection with the state of the last one.
    Quick,
    /// Everything new: resolution, certificates, protocol version, protocol state.
    Deep,
}

/// The state of reconnecting. It survives attempts and sessions.
#[derive(Debug)]
pub(super) struct ReconnectPlanner {
    backoff: Backoff,
    versions: VersionSelector,
    connect_sent_at: Arc<ConnectSentAt>,
    last_attempt: Option<Stamp>,
    /// Number of the next attempt: 0 for a first connect, counted from 1 after a drop.
    attempt: u32,
    /// A session dropped and is not back yet.
    after_drop: bool,
    /// Everything is rebuilt for the next attempt.
    deep: bool,
}

impl ReconnectPlanner {
    /// A planner before the first connect; `seed` fixes the jitter of the delays.
    pub(super) fn new(settings: &LinkSettings, seed: u64) -> Self {
        Self {
            backoff: Backoff::new(settings.backoff, seed),
            versions: VersionSelector::new(settings.version),
            connect_sent_at: Arc::default(),
            last_attempt: None,
            attempt: 0,
            after_drop: false,
            deep: false,
        }
    }

    /// Number of the next attempt, or of the one under way.
    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether everything is rebuilt for the next attempt, or for the one under way.
    pub(super) fn is_deep(&self) -> bool {
        self.deep
    }

    /// The protocol version of the next attempt.
    pub(super) fn protocol(&self) -> MqttVersion {
        self.versions.current()
    }

    /// The cell in which a handshake notes when its CONNECT was sent.
    pub(super) fn connect_sent_at(&self) -> Arc<ConnectSentAt> {
        Arc::clone(&self.connect_sent_at)
    }

    /// Forgets the outage: the next attempt is a first connect.
    pub(super) fn start_over(&mut self, deep: bool) {
        self.attempt = 0;
        self.after_drop = false;
        self.deep = deep;
    }

    /// Has everything rebuilt for the next attempt.
    pub(super) fn request_deep(&mut self) {
        self.deep = true;
    }

    /// Time until the next CONNECT is allowed.
    pub(super) fn remaining_connect_interval(&self, now: Stamp) -> Duration {
        self.backoff.remaining_connect_interval(self.since_connect(now))
    }

    /// An attempt starts.
    pub(super) fn on_attempt(&mut self, now: Stamp) {
        if self.deep {
            self.versions.reset();
        }
        self.last_attempt = Some(now);
    }

    /// The broker accepted a session; how that connect is recorded.
    pub(super) fn on_connected(&mut self) -> ConnectKind {
        self.versions.on_connected();
        let kind = match (self.after_drop, self.deep) {
            (false, _) => ConnectKind::Connected,
            (true, true) => ConnectKind::DeepReconnected,
            (true, false) => ConnectKind::Resumed,
        };
        self.start_over(false);
        kind
    }

    /// An attempt failed; the delay before the next one, or `None`: the link gives up.
    pub(super) fn on_connect_failed(&mut self, open: &OpenFailure, now: Stamp) -> Option<Duration> {
        let try_other_version = self.versions.on_connect_failed(open);
        // A refused upgrade concerns credentials, signature or address: none of them is reused.
        let refused_upgrade = open.failure.http_status.is_some_and(|status| (400..500).contains(&status));
        // New credentials that were requested and did not come are requested again.
        let credentials_failed = self.deep && open.phase == Phase::Credentials;
        self.attempt = self.attempt.saturating_add(1);
        self.deep = refused_upgrade || credentials_failed;
        if open.failure.is_permanent {
            None
        } else if try_other_version {
            Some(self.remaining_connect_interval(now))
        } else {
            self.next_delay(now)
        }
    }

    /// A session dropped at the age of `session_age`; the delay before the first reconnect attempt, or
    /// `None`: the link gives up.
    pub(super) fn on_drop(&mut self, session_age: Duration, now: Stamp) -> Option<Duration> {
        self.backoff.session_ended(session_age);
        self.attempt = 1;
        self.after_drop = true;
        self.deep = false;
        self.next_delay(now)
    }

    fn next_delay(&mut self, now: Stamp) -> Option<Duration> {
        let plan = self.backoff.next_retry(self.attempt, self.since_connect(now))?;
        self.deep |= plan.deep;
        Some(plan.delay)
    }

    /// Time since the last CONNECT, or since the start of an attempt that did not reach CONNECT.
    fn since_connect(&self, now: Stamp) -> Option<Duration> {
        let last = self.connect_sent_at.get().max(self.last_attempt)?;
        Some(now.since(last))
    }
}
