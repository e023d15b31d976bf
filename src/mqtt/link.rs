//! The link: one broker, watched through every connect, drop and reconnect.
//!
//! A state machine that is only polled, by [`Link::next`]; requests change it between two polls. So nothing
//! is canceled half-way, whatever the caller selects it against.

mod experiment;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use self::experiment::LinkExperiment;
use super::connect_events::connected_event;
use super::connection_state::ConnectionState;
use super::connector::{Connector, WireConnector};
use super::failure::Failure;
use super::handshake::{EstablishedSession, Handshake, HandshakeOutcome};
use super::listener::MessageListener;
use super::planned_reconnect::CredentialExpiry;
use super::queue::{Publish, PublishQueue};
use super::reconnect::{ReconnectKind, ReconnectPlanner};
use super::session::{MqttSession, SessionOutput};
use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::status::LinkStatus;
use super::timers::{Timer, TimerTable, WakeTimer};
use super::wire::{OpenFailure, Progress};
use crate::diagnostics::event::{Attempt, Event, Initiator, StampedEvent};
use crate::diagnostics::{Clock, Stamp};

/// How long a disconnect may take before the transport is closed without it.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The connection to one broker. Owned by one task; [`Link::next`] drives it.
pub struct Link {
    settings: Arc<LinkSettings>,
    clock: Arc<dyn Clock>,
    connector: Arc<dyn Connector>,
    keep_alive: u16,
    experiment: LinkExperiment,
    planner: ReconnectPlanner,
    credential_expiry: CredentialExpiry,
    queue: PublishQueue,
    state: ConnectionState,
    timers: TimerTable,
    wake_timer: WakeTimer,
    out: VecDeque<StampedEvent>,
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
    /// When the settings cannot work or a certificate file is unusable; each error states what to change.
    pub fn new(settings: LinkSettings, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let connector = Arc::new(WireConnector::new(&settings)?);
        Self::with_connector(settings, clock, connector, rand::random())
    }

    /// A link that gets its transports from `connector`; `seed` fixes the jitter of its delays. It is
    /// off until [`Link::connect`].
    ///
    /// # Errors
    /// When the settings cannot work; each error states what to change.
    pub fn with_connector(
        settings: LinkSettings,
        clock: Arc<dyn Clock>,
        connector: Arc<dyn Connector>,
        seed: u64,
    ) -> Result<Self, SettingsError> {
        super::validate::validate(&settings)?;
        Ok(Self {
            keep_alive: settings.keep_alive_secs,
            experiment: LinkExperiment::default(),
            planner: ReconnectPlanner::new(&settings, seed),
            credential_expiry: CredentialExpiry::default(),
            queue: PublishQueue::new(settings.queue, format!("{:08x}", seed & 0xffff_ffff)),
            settings: Arc::new(settings),
            clock,
            connector,
            state: ConnectionState::Off,
            timers: TimerTable::default(),
            wake_timer: WakeTimer::default(),
            out: VecDeque::new(),
        })
    }

    /// Adds a reader of the payloads of some messages and more topic filters (each with its maximum QoS),
    /// from the next session on. Filters that are already subscribed to stay as they are.
    pub fn add_listener(&mut self, listener: Arc<dyn MessageListener>, filters: Vec<(String, u8)>) {
        let settings = Arc::make_mut(&mut self.settings);
        settings.listener = Some(listener);
        for (filter, qos) in filters {
            if settings.subscriptions.iter().all(|(known, _)| *known != filter) {
                settings.subscriptions.push((filter, qos));
            }
        }
    }

    /// The next event. Cancel-safe; never returns while the link is off or has given up and no event is left.
    pub async fn next(&mut self) -> StampedEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Connects, after a disconnect or after giving up; does nothing while active.
    pub fn connect(&mut self) {
        match &mut self.state {
            ConnectionState::Closing { then_connect: then_connect @ false, .. } => {
                *then_connect = true;
                self.planner.start_over(false);
            }
            ConnectionState::Off | ConnectionState::GivenUp => {
                self.planner.start_over(false);
                self.wait_for_connect_interval();
            }
            _ => {}
        }
    }

    /// Disconnects and stays off: `disconnected`, then DISCONNECT within a bounded time.
    pub fn disconnect(&mut self, by: Initiator) {
        match &mut self.state {
            ConnectionState::Off | ConnectionState::Closing { then_connect: false, .. } => {}
            ConnectionState::Closing { then_connect, .. } => {
                *then_connect = false;
                self.emit(Event::Disconnected { by });
            }
            ConnectionState::Connected { .. } => self.close_session(by, false),
            _ => {
                self.enter(ConnectionState::Off);
                self.emit(Event::Disconnected { by });
            }
        }
        self.planner.start_over(false);
    }

    /// Closes what there is and connects again, never sooner than one CONNECT after another is allowed.
    pub fn reconnect(&mut self, kind: ReconnectKind, by: Initiator) {
        let deep = kind == ReconnectKind::Deep;
        match &mut self.state {
            ConnectionState::Connected { .. } => {
                self.planner.start_over(deep);
                self.close_session(by, true);
                return;
            }
            ConnectionState::Connecting { .. } if !deep => {}
            ConnectionState::Closing { then_connect, .. } => *then_connect = true,
            ConnectionState::Off
            | ConnectionState::GivenUp
            | ConnectionState::Waiting { .. }
            | ConnectionState::Connecting { .. } => self.wait_for_connect_interval(),
        }
        if deep {
            self.planner.request_deep();
        }
    }

    /// Sends a message as soon as possible. `command` events report its progress.
    pub fn publish(&mut self, publish: Publish) {
        let now = self.clock.now();
        self.queue.push(publish, self.settings.max_packet, now, &mut self.out);
        if !matches!(self.state, ConnectionState::Connected { .. }) {
            self.queue.announce(now, &mut self.out);
        }
    }

    /// The present state of the link. Cheap.
    pub fn status(&self) -> LinkStatus {
        self.state.status(&self.queue, self.planner.attempt(), self.clock.now())
    }

    /// Ends everything: DISCONNECT and close within `limit`. Gives the remaining events; publishes that
    /// could not be sent or were not acknowledged are among them as lost.
    pub async fn shutdown(&mut self, limit: Duration) -> Vec<StampedEvent> {
        self.disconnect(Initiator::Shutdown);
        // Queued publishes are lost from here on; they do not expire.
        self.timers.stop(Timer::PublishExpiry);
        let closing = poll_fn(|cx| {
            let closing = self.poll_closing(cx);
            if closing.is_pending() {
                self.wake_timer.wake_at(cx, self.timers.next_timeout());
            }
            closing
        });
        // A peer that reads nothing must not delay the end.
        let _ = tokio::time::timeout(limit, closing).await;
        let now = self.clock.now();
        self.enter(ConnectionState::Off);
        self.queue.abandon(now, &mut self.out);
        self.out.drain(..).collect()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<StampedEvent> {
        let polled = self.poll_state(cx);
        if polled.is_pending() {
            self.set_wake_timer(cx);
        }
        polled
    }

    /// Drives the link as far as it goes without waiting.
    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<StampedEvent> {
        loop {
            if let Some(observed) = self.out.pop_front() {
                return Poll::Ready(observed);
            }
            // Before the session: one that has an event at every poll must not delay the timers.
            if self.timers.is_due(Timer::PublishExpiry) {
                self.timers.stop(Timer::PublishExpiry);
                self.queue.expire(self.clock.now(), &mut self.out);
                continue;
            }
            if self.timers.is_due(Timer::PlannedReconnect) {
                self.credential_expiry.on_planned_reconnect();
                self.reconnect(ReconnectKind::Deep, Initiator::Planned);
                continue;
            }
            match &mut self.state {
                ConnectionState::Waiting { .. } if self.timers.is_due(Timer::Connect) => self.begin_attempt(),
                ConnectionState::Off | ConnectionState::GivenUp | ConnectionState::Waiting { .. } => {
                    return Poll::Pending;
                }
                ConnectionState::Connecting { attempt, .. } => {
                    let outcome = ready!(attempt.as_mut().poll(cx));
                    self.finish_attempt(outcome);
                }
                ConnectionState::Connected { session, .. } => {
                    match ready!(session.poll(cx, &mut self.queue, &mut self.timers)) {
                        SessionOutput::Event(observed) => return Poll::Ready(observed),
                        SessionOutput::Ended(failure, at) => self.drop_session(cx, &failure, at),
                    }
                }
                ConnectionState::Closing { .. } => ready!(self.poll_closing(cx)),
            }
        }
    }

    fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ConnectionState::Closing { session, then_connect } = &mut self.state else {
            return Poll::Ready(());
        };
        let all_written = match session.poll_close(cx) {
            Poll::Ready(all_written) => all_written,
            Poll::Pending if self.timers.is_due(Timer::Close) => false,
            Poll::Pending => return Poll::Pending,
        };
        let last = session.finish_close(all_written, &mut self.queue, self.clock.now());
        self.out.extend(last);
        if *then_connect {
            self.wait_for_connect_interval();
        } else {
            self.enter(ConnectionState::Off);
        }
        Poll::Ready(())
    }

    /// Has the task woken for the earliest timer; publishes expire whatever the link is doing.
    fn set_wake_timer(&mut self, cx: &mut Context<'_>) {
        let expires_in = self.queue.next_expiry().map(|expiry| expiry.since(self.clock.now()));
        self.timers.set_or_stop(Timer::PublishExpiry, Instant::now(), expires_in);
        self.wake_timer.wake_at(cx, self.timers.next_timeout());
    }

    fn emit(&mut self, event: Event) {
        let at = self.clock.now();
        self.out.push_back(StampedEvent { at, event });
    }

    /// Changes the state; the timers of the old one stop.
    fn enter(&mut self, state: ConnectionState) -> ConnectionState {
        self.timers.stop_connection_timers();
        std::mem::replace(&mut self.state, state)
    }

    /// Waits until the next CONNECT is allowed, not longer.
    fn wait_for_connect_interval(&mut self) {
        let delay = self.planner.remaining_connect_interval(self.clock.now());
        self.wait(Some(delay));
    }

    /// Waits for `delay` before the next attempt; `None`: gives up.
    fn wait(&mut self, delay: Option<Duration>) {
        let Some(delay) = delay else {
            self.enter(ConnectionState::GivenUp);
            return;
        };
        self.enter(ConnectionState::Waiting { until: self.clock.now().plus(delay) });
        self.timers.set(Timer::Connect, Instant::now(), delay);
    }

    fn begin_attempt(&mut self) {
        let now = self.clock.now();
        self.planner.on_attempt(now);
        let progress = Arc::new(Progress::default());
        let handshake = Handshake {
            connector: Arc::clone(&self.connector),
            settings: Arc::clone(&self.settings),
            clock: Arc::clone(&self.clock),
            progress: Arc::clone(&progress),
            connect_sent_at: self.planner.connect_sent_at(),
            keep_alive: self.settings.connect_keep_alive_secs(self.keep_alive),
            protocol: self.planner.protocol(),
            deep: self.planner.is_deep(),
        };
        self.enter(ConnectionState::Connecting {
            attempt: Box::pin(handshake.run()),
            progress,
            started: now,
        });
    }

    fn finish_attempt(&mut self, outcome: HandshakeOutcome) {
        let attempt_number = self.planner.attempt();
        let is_connected = outcome.result.is_ok();
        if let Some(expires_at) = self.credential_expiry.on_attempt(outcome.credentials_expire, is_connected)
        {
            self.emit(Event::Credentials { expires_at });
        }
        self.emit(Event::Attempt(Attempt { attempt_number, phases: outcome.phases }));
        match outcome.result {
            Ok(established) => self.begin_session(established),
            Err(failure) => self.retry(&failure),
        }
    }

    fn begin_session(&mut self, established: EstablishedSession) {
        let attempt_number = self.planner.attempt();
        let kind = self.planner.on_connected();
        let requested_keep_alive = self.settings.recorded_keep_alive_secs(self.keep_alive);
        let connected = connected_event(&established, kind, attempt_number, requested_keep_alive);
        let at = established.at;
        self.out.push_back(StampedEvent { at, event: Event::Connected(connected) });
        let clock = Arc::clone(&self.clock);
        let mut session = Box::new(MqttSession::new(established, &self.settings, self.keep_alive, clock));
        session.set_ping_interval(self.experiment.ping_interval);
        self.enter(ConnectionState::Connected { session, since: at });
        let credentials_left = self.credential_expiry.time_left(self.clock.now().wall);
        let planned = self.settings.planned_reconnect;
        let delay = planned.and_then(|planned| planned.reconnect_delay(credentials_left));
        self.timers.set_or_stop(Timer::PlannedReconnect, Instant::now(), delay);
    }

    fn retry(&mut self, open: &OpenFailure) {
        let event = open.failure.connect_failed_event(Some(open.phase), self.planner.attempt());
        self.emit(Event::ConnectFailed(event));
        let delay = self.planner.on_connect_failed(open, self.clock.now());
        self.wait(delay);
    }

    fn drop_session(&mut self, cx: &mut Context<'_>, failure: &Failure, at: Stamp) {
        let ConnectionState::Connected { mut session, since } = self.enter(ConnectionState::Off) else {
            return;
        };
        let dropped = session.dropped_event(failure, at, self.queue.waiting());
        self.out.push_back(StampedEvent { at, event: Event::Dropped(dropped) });
        session.send_error_disconnect(cx, failure);
        // Closes the socket before the events that follow are recorded.
        drop(session);
        self.queue.session_ended(true, at, &mut self.out);
        let delay = self.planner.on_drop(at.since(since), self.clock.now());
        self.wait(delay);
    }

    fn close_session(&mut self, by: Initiator, then_connect: bool) {
        let ConnectionState::Connected { mut session, .. } = self.enter(ConnectionState::Off) else {
            return;
        };
        let now = self.clock.now();
        let last = session.start_disconnect(&mut self.queue, now);
        self.out.extend(last);
        self.emit(Event::Disconnected { by });
        self.enter(ConnectionState::Closing { session, then_connect });
        self.timers.set(Timer::Close, Instant::now(), DISCONNECT_TIMEOUT);
    }
}
