//! How does the link move from state to state? The polled half of [`Link`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Sleep;

use super::failure::Failure;
use super::handshake::{EstablishedSession, Handshake, HandshakeOutcome};
use super::link::{ConnectionState, Link, ReconnectKind, RetryState};
use super::session::{MqttSession, SessionOutput};
use super::wire::{OpenFailure, Progress};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{
    Attempt, ConnectKind, ConnectedEvent, Event, Initiator, Phase, StampedEvent,
};

impl Link {
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<StampedEvent> {
        loop {
            if let Some(observed) = self.out.pop_front() {
                return Poll::Ready(observed);
            }
            // Before the session: one that always has something to tell must not hold it up.
            if self.poll_expiry(cx) || self.poll_planned_reconnect(cx) {
                continue;
            }
            match &mut self.state {
                ConnectionState::Off | ConnectionState::GivenUp => return Poll::Pending,
                ConnectionState::Waiting { timer, .. } => {
                    ready!(timer.as_mut().poll(cx));
                    self.begin_attempt();
                }
                ConnectionState::Connecting { attempt, .. } => {
                    let outcome = ready!(attempt.as_mut().poll(cx));
                    self.finish_attempt(outcome);
                }
                ConnectionState::Connected { session, .. } => match ready!(session.poll(cx, &mut self.queue))
                {
                    SessionOutput::Event(observed) => return Poll::Ready(observed),
                    SessionOutput::Ended(failure, at) => self.drop_session(cx, &failure, at),
                },
                ConnectionState::Closing { .. } => ready!(self.poll_closing(cx)),
            }
        }
    }

    /// Publishes expire whatever the link is doing; `true`: look again.
    fn poll_expiry(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(next) = self.queue.next_expiry() else { return false };
        if self.expiry.as_ref().is_none_or(|(armed, _)| *armed != next) {
            let wait = next.since(self.clock.now());
            self.expiry = Some((next, Box::pin(tokio::time::sleep(wait))));
        }
        let Some((_, timer)) = &mut self.expiry else { return false };
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.expiry = None;
        self.queue.expire(self.clock.now(), &mut self.out);
        true
    }

    /// Renews the session when its time has come; `true`: look again.
    fn poll_planned_reconnect(&mut self, cx: &mut Context<'_>) -> bool {
        let ConnectionState::Connected { planned_timer: Some(timer), .. } = &mut self.state else {
            return false;
        };
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.planned_for_expiry = self.credentials_expire;
        self.reconnect(ReconnectKind::Deep, Initiator::Planned);
        true
    }

    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ConnectionState::Closing { session, limit, then_connect } = &mut self.state else {
            return Poll::Ready(());
        };
        let all_written = match session.poll_close(cx) {
            Poll::Ready(taken) => taken,
            Poll::Pending => {
                ready!(limit.as_mut().poll(cx));
                false
            }
        };
        let last = session.finish_close(all_written, &mut self.queue, self.clock.now());
        self.out.extend(last);
        if *then_connect {
            self.wait_for_connect_interval();
        } else {
            self.state = ConnectionState::Off;
        }
        Poll::Ready(())
    }

    /// Waits until the next CONNECT is allowed, not longer.
    pub(super) fn wait_for_connect_interval(&mut self) {
        let delay = self.backoff.remaining_connect_interval(self.since_connect());
        self.wait(delay);
    }

    fn wait(&mut self, delay: Duration) {
        let until = self.clock.now().plus(delay);
        self.state = ConnectionState::Waiting { until, timer: Box::pin(tokio::time::sleep(delay)) };
    }

    /// Time since the last CONNECT, or since the last attempt that got not as far.
    fn since_connect(&self) -> Option<Duration> {
        let last = self.connect_sent_at.get().max(self.last_attempt)?;
        Some(self.clock.now().since(last))
    }

    fn begin_attempt(&mut self) {
        let now = self.clock.now();
        if self.retry_state.deep {
            self.versions.reset();
        }
        let progress = Arc::new(Progress::default());
        let handshake = Handshake {
            connector: Arc::clone(&self.connector),
            settings: Arc::clone(&self.settings),
            clock: Arc::clone(&self.clock),
            progress: Arc::clone(&progress),
            connect_sent_at: Arc::clone(&self.connect_sent_at),
            keep_alive: self.settings.connect_keep_alive_secs(self.keep_alive),
            protocol: self.versions.current(),
            deep: self.retry_state.deep,
        };
        self.last_attempt = Some(now);
        self.state =
            ConnectionState::Connecting { attempt: Box::pin(handshake.run()), progress, started: now };
    }

    fn finish_attempt(&mut self, outcome: HandshakeOutcome) {
        let attempt_number = self.retry_state.attempt;
        let expiry = outcome.credentials_expire.map(|end| self.known_expiry(end));
        if let Some(expires_at) = expiry.filter(|_| expiry != self.credentials_expire) {
            self.emit(Event::Credentials { expires_at });
        }
        if expiry.is_some() || outcome.result.is_ok() {
            self.credentials_expire = expiry;
        }
        self.emit(Event::Attempt(Attempt { attempt_number, phases: outcome.phases }));
        match outcome.result {
            Ok(established) => self.begin_session(established),
            Err(failure) => self.retry(&failure),
        }
    }

    /// The end that is known already, if this is the same: a signer that reckons with two clocks is a little off
    /// each time, and new credentials are told, and planned for, once.
    fn known_expiry(&self, end: DateTime<Utc>) -> DateTime<Utc> {
        const SAME: TimeDelta = TimeDelta::seconds(1);
        self.credentials_expire.filter(|known| (end - known).abs() < SAME).unwrap_or(end)
    }

    fn begin_session(&mut self, established: EstablishedSession) {
        self.versions.on_connected();
        let event_type = match self.retry_state {
            RetryState { after_drop: false, .. } => ConnectKind::Connected,
            RetryState { deep: true, .. } => ConnectKind::DeepReconnected,
            RetryState { .. } => ConnectKind::Resumed,
        };
        let requested_keep_alive = self.settings.recorded_keep_alive_secs(self.keep_alive);
        let connected =
            connected_event(&established, event_type, self.retry_state.attempt, requested_keep_alive);
        let at = established.at;
        self.out.push_back(StampedEvent { at, event: Event::Connected(connected) });
        self.retry_state = RetryState::default();
        let clock = Arc::clone(&self.clock);
        let session = MqttSession::new(established, &self.settings, self.keep_alive, clock);
        self.state = ConnectionState::Connected {
            session: Box::new(session),
            since: at,
            planned_timer: self.planned_reconnect_timer(),
        };
    }

    /// The timer of a planned reconnect for a session that begins now.
    fn planned_reconnect_timer(&self) -> Option<Pin<Box<Sleep>>> {
        let expiry = self.credentials_expire.filter(|expiry| Some(*expiry) != self.planned_for_expiry);
        let left = expiry.and_then(|expiry| (expiry - self.clock.now().wall).to_std().ok());
        let after = self.settings.planned_reconnect?.reconnect_delay(left)?;
        Some(Box::pin(tokio::time::sleep(after)))
    }

    fn retry(&mut self, open: &OpenFailure) {
        let event = open.failure.connect_failed_event(Some(open.phase), self.retry_state.attempt);
        self.emit(Event::ConnectFailed(event));
        let other_version = self.versions.on_connect_failed(open);
        // A refused upgrade is about credentials, signature or address: nothing of them is reused.
        let refused_upgrade = open.failure.http_status.is_some_and(|status| (400..500).contains(&status));
        self.retry_state.attempt = self.retry_state.attempt.saturating_add(1);
        // New credentials that were asked for and not got are still to be asked for.
        let credentials_failed = self.retry_state.deep && open.phase == Phase::Credentials;
        self.retry_state.deep = refused_upgrade || credentials_failed;
        if open.failure.is_permanent {
            self.state = ConnectionState::GivenUp;
        } else if other_version {
            self.wait_for_connect_interval();
        } else {
            self.schedule_retry();
        }
    }

    fn schedule_retry(&mut self) {
        match self.backoff.next_retry(self.retry_state.attempt, self.since_connect()) {
            Some(plan) => {
                self.retry_state.deep |= plan.deep;
                self.wait(plan.delay);
            }
            None => self.state = ConnectionState::GivenUp,
        }
    }

    fn drop_session(&mut self, cx: &mut Context<'_>, failure: &Failure, at: Stamp) {
        let ConnectionState::Connected { mut session, since, .. } =
            std::mem::replace(&mut self.state, ConnectionState::Off)
        else {
            return;
        };
        let dropped = session.dropped_event(failure, at, self.queue.waiting());
        self.out.push_back(StampedEvent { at, event: Event::Dropped(dropped) });
        session.send_error_disconnect(cx, failure);
        // Closes the socket: what follows is told after the session is really gone.
        drop(session);
        self.queue.session_ended(true, at, &mut self.out);
        self.backoff.session_ended(at.since(since));
        self.retry_state = RetryState { attempt: 1, after_drop: true, deep: false };
        self.schedule_retry();
    }
}

/// The record of an accepted session.
pub(super) fn connected_event(
    established: &EstablishedSession,
    event_type: ConnectKind,
    attempt_number: u32,
    requested_keep_alive: f64,
) -> ConnectedEvent {
    let accepted = &established.connack;
    ConnectedEvent {
        event_type,
        session_present: accepted.session_present,
        return_code: Some(0),
        attempt_number,
        keep_alive_secs: accepted.server_keep_alive.map_or(requested_keep_alive, f64::from),
        remote: Some(established.remote.to_string()),
        local: Some(established.local.to_string()),
        mqtt_version: Some(established.framed.codec().protocol().into()),
        limits: accepted.limits.clone(),
    }
}
