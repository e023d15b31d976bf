//! The link: one broker, watched through every connect, drop and reconnect.
//!
//! A state machine that is only ever polled, by [`Link::next`]; requests change it between two polls.
//! So nothing is cancelled half-way, whatever the caller selects it against.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Sleep;

use super::backoff::Backoff;
use super::connector::{BoxFuture, Connector, WireConnector};
use super::handshake::{ConnectSentAt, HandshakeOutcome};
use super::listener::MessageListener;
use super::queue::{Publish, PublishQueue};
use super::session::MqttSession;
use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::versions::VersionSelector;
use super::wire::{Progress, WireTap};
use crate::diagnostics::event::{Event, Initiator, Phase, StampedEvent};
use crate::diagnostics::{Clock, LinkActivity, Stamp};

/// How long saying goodbye may take before the transport is simply closed.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How much is rebuilt for a reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconnectKind {
    /// A new connection with what is known.
    Quick,
    /// Everything new: resolution, certificates, protocol version, protocol state.
    Deep,
}

/// What the link is doing this moment; for the screen, not recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkStatus {
    /// What it is doing.
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

pub(super) enum ConnectionState {
    Off,
    GivenUp,
    Waiting { until: Stamp, timer: Pin<Box<Sleep>> },
    Connecting { attempt: BoxFuture<'static, HandshakeOutcome>, progress: Arc<Progress>, started: Stamp },
    Connected { session: Box<MqttSession>, since: Stamp, planned_timer: Option<Pin<Box<Sleep>>> },
    Closing { session: Box<MqttSession>, limit: Pin<Box<Sleep>>, then_connect: bool },
}

/// Where in the life of an outage the next attempt stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RetryState {
    /// Its number: 0 for a first connect, counted from 1 after a drop.
    pub(super) attempt: u32,
    /// A session dropped and is not back yet.
    pub(super) after_drop: bool,
    /// Everything is rebuilt for it.
    pub(super) deep: bool,
}

/// The connection to one broker. Owned by one task; [`Link::next`] drives it.
pub struct Link {
    pub(super) settings: Arc<LinkSettings>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) keep_alive: u16,
    pub(super) backoff: Backoff,
    pub(super) versions: VersionSelector,
    pub(super) queue: PublishQueue,
    pub(super) state: ConnectionState,
    pub(super) retry_state: RetryState,
    pub(super) connect_sent_at: Arc<ConnectSentAt>,
    pub(super) last_attempt: Option<Stamp>,
    pub(super) credentials_expire: Option<DateTime<Utc>>,
    /// An expiry a planned reconnect was made for: if it brought nothing newer, another would not either.
    pub(super) planned_for_expiry: Option<DateTime<Utc>>,
    pub(super) out: VecDeque<StampedEvent>,
    pub(super) expiry: Option<(Stamp, Pin<Box<Sleep>>)>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("status", &self.status()).finish_non_exhaustive()
    }
}

impl Link {
    /// A link to the broker of `settings`. It is off until [`Link::connect`].
    ///
    /// # Errors
    /// When the settings cannot work or a certificate file is unusable; each error says what to change.
    pub fn new(settings: LinkSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let connector = Arc::new(WireConnector::new(&settings)?);
        Self::with_connector(settings, clock, connector, rand::random())
    }

    /// A link that gets its transports from `connector`; `seed` fixes the jitter of its delays. It is
    /// off until [`Link::connect`].
    ///
    /// # Errors
    /// When the settings cannot work; each error says what to change.
    pub fn with_connector(
        settings: LinkSettings,
        clock: Arc<dyn Clock>,
        connector: Arc<dyn Connector>,
        seed: u64,
    ) -> Result<Self, SettingsError> {
        super::validate::validate(&settings)?;
        Ok(Self {
            keep_alive: settings.keep_alive_secs,
            backoff: Backoff::new(settings.backoff, seed),
            versions: VersionSelector::new(settings.version),
            queue: PublishQueue::new(settings.queue, format!("{:08x}", seed & 0xffff_ffff)),
            settings: Arc::new(settings),
            clock,
            connector,
            state: ConnectionState::Off,
            retry_state: RetryState::default(),
            connect_sent_at: Arc::default(),
            last_attempt: None,
            credentials_expire: None,
            planned_for_expiry: None,
            out: VecDeque::new(),
            expiry: None,
        })
    }

    /// From the next session on, lets somebody read the payloads of some messages, and subscribes to more
    /// topic filters (each with its maximum QoS); those subscribed to already stay as they are.
    pub fn add_listener(&mut self, listener: Arc<dyn MessageListener>, filters: Vec<(String, u8)>) {
        let settings = Arc::make_mut(&mut self.settings);
        settings.listener = Some(listener);
        for (filter, qos) in filters {
            if settings.subscriptions.iter().all(|(known, _)| *known != filter) {
                settings.subscriptions.push((filter, qos));
            }
        }
    }

    /// The next thing that happened. Cancel-safe; pends for ever while off or given up with nothing to
    /// tell.
    pub async fn next(&mut self) -> StampedEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Connects, after a disconnect or after giving up; does nothing while active.
    pub fn connect(&mut self) {
        if matches!(self.state, ConnectionState::Closing { then_connect: false, .. }) {
            self.retry_state = RetryState::default();
            if let ConnectionState::Closing { then_connect, .. } = &mut self.state {
                *then_connect = true;
            }
        } else if matches!(self.state, ConnectionState::Off | ConnectionState::GivenUp) {
            self.retry_state = RetryState::default();
            self.wait_for_connect_interval();
        }
    }

    /// Disconnects and stays off: `disconnected`, then DISCONNECT within a bounded time.
    pub fn disconnect(&mut self, by: Initiator) {
        match std::mem::replace(&mut self.state, ConnectionState::Off) {
            ConnectionState::Off => {}
            ConnectionState::Connected { session, .. } => self.close(session, by, false),
            ConnectionState::Closing { session, limit, then_connect } => {
                self.state = ConnectionState::Closing { session, limit, then_connect: false };
                if then_connect {
                    self.emit(Event::Disconnected { by });
                }
            }
            ConnectionState::GivenUp
            | ConnectionState::Waiting { .. }
            | ConnectionState::Connecting { .. } => {
                self.emit(Event::Disconnected { by });
            }
        }
        self.retry_state = RetryState::default();
    }

    /// Closes what there is and connects again, never sooner than one CONNECT after another is allowed.
    pub fn reconnect(&mut self, kind: ReconnectKind, by: Initiator) {
        let deep = kind == ReconnectKind::Deep;
        match std::mem::replace(&mut self.state, ConnectionState::Off) {
            ConnectionState::Connected { session, .. } => {
                self.retry_state = RetryState { deep, ..RetryState::default() };
                self.close(session, by, true);
            }
            ConnectionState::Closing { session, limit, .. } => {
                self.retry_state.deep |= deep;
                self.state = ConnectionState::Closing { session, limit, then_connect: true };
            }
            connecting @ ConnectionState::Connecting { .. } if !deep => self.state = connecting,
            ConnectionState::Off
            | ConnectionState::GivenUp
            | ConnectionState::Waiting { .. }
            | ConnectionState::Connecting { .. } => {
                self.retry_state.deep |= deep;
                self.wait_for_connect_interval();
            }
        }
    }

    /// Changes the keep-alive (seconds; 0 = off). A session is ended cleanly and begun anew with it,
    /// which is no drop.
    pub fn set_keep_alive(&mut self, secs: u16) {
        if secs == self.keep_alive {
            return;
        }
        let (from, to) = (
            self.settings.recorded_keep_alive_secs(self.keep_alive),
            self.settings.recorded_keep_alive_secs(secs),
        );
        self.emit(Event::KeepAliveChanged { from, to });
        self.keep_alive = secs;
        match std::mem::replace(&mut self.state, ConnectionState::Off) {
            ConnectionState::Connected { session, .. } => {
                self.retry_state = RetryState::default();
                self.close(session, Initiator::Experiment, true);
            }
            // Its CONNECT may have gone out with the old value.
            ConnectionState::Connecting { .. } => self.wait_for_connect_interval(),
            other => self.state = other,
        }
    }

    /// Sends a message as soon as possible. What becomes of it is told by `command` events.
    pub fn publish(&mut self, publish: Publish) {
        let now = self.clock.now();
        self.queue.push(publish, self.settings.max_packet, now, &mut self.out);
        if !matches!(self.state, ConnectionState::Connected { .. }) {
            self.queue.announce(now, &mut self.out);
        }
    }

    /// What the link is doing this moment. Cheap.
    pub fn status(&self) -> LinkStatus {
        let attempt = self.retry_state.attempt;
        let activity = match &self.state {
            ConnectionState::Off | ConnectionState::Closing { then_connect: false, .. } => LinkActivity::Off,
            ConnectionState::GivenUp => LinkActivity::GivenUp,
            ConnectionState::Waiting { until, .. } => LinkActivity::Waiting { until: *until, attempt },
            ConnectionState::Connecting { progress, started, .. } => {
                let (phase, since) = progress.current().unwrap_or((Phase::Dns, *started));
                LinkActivity::Connecting { phase, since, attempt }
            }
            ConnectionState::Connected { .. } => LinkActivity::Connected,
            ConnectionState::Closing { .. } => LinkActivity::Waiting { until: self.clock.now(), attempt },
        };
        let session = match &self.state {
            ConnectionState::Connected { session, .. } => Some(session),
            _ => None,
        };
        let tap = session.map(|session| &session.tap);
        LinkStatus {
            activity,
            queued: self.queue.waiting(),
            in_flight: self.queue.in_flight(),
            ping_outstanding_since: session.and_then(|session| session.ping_outstanding_since()),
            last_rx: tap.and_then(WireTap::last_rx),
            last_tx: tap.and_then(WireTap::last_tx),
            bytes_in: tap.map_or(0, WireTap::bytes_in),
            bytes_out: tap.map_or(0, WireTap::bytes_out),
        }
    }

    /// Ends everything: DISCONNECT and close within `limit`. Gives the remaining events; what could
    /// not be sent or was not acknowledged is among them as lost.
    pub async fn shutdown(&mut self, limit: Duration) -> Vec<StampedEvent> {
        self.disconnect(Initiator::Shutdown);
        let closing = poll_fn(|cx| self.poll_closing(cx));
        // A peer that takes nothing must not hold up the end.
        let _ = tokio::time::timeout(limit, closing).await;
        let now = self.clock.now();
        self.state = ConnectionState::Off;
        self.queue.abandon(now, &mut self.out);
        self.out.drain(..).collect()
    }

    fn close(&mut self, mut session: Box<MqttSession>, by: Initiator, then_connect: bool) {
        let now = self.clock.now();
        let last = session.start_disconnect(&mut self.queue, now);
        self.out.extend(last);
        self.emit(Event::Disconnected { by });
        let limit = Box::pin(tokio::time::sleep(DISCONNECT_TIMEOUT));
        self.state = ConnectionState::Closing { session, limit, then_connect };
    }

    pub(super) fn emit(&mut self, event: Event) {
        let at = self.clock.now();
        self.out.push_back(StampedEvent { at, event });
    }
}
