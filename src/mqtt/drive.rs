//! How does the link move from state to state? The polled half of [`Link`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Sleep;

use super::failure::Failure;
use super::handshake::{Attempted, Established, Handshake};
use super::link::{Course, Link, ReconnectKind, State};
use super::session::{Session, Step};
use super::wire::{OpenFailure, Progress};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{
    Attempt, ConnectFailed, ConnectKind, Connected, Event, Initiator, Observed, Phase,
};

impl Link {
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Observed> {
        loop {
            if let Some(observed) = self.out.pop_front() {
                return Poll::Ready(observed);
            }
            // Before the session: one that always has something to tell must not hold it up.
            if self.poll_expiry(cx) || self.poll_planned(cx) {
                continue;
            }
            match &mut self.state {
                State::Off | State::GivenUp => return Poll::Pending,
                State::Waiting { timer, .. } => {
                    ready!(timer.as_mut().poll(cx));
                    self.begin_attempt();
                }
                State::Connecting { attempt, .. } => {
                    let attempted = ready!(attempt.as_mut().poll(cx));
                    self.finish_attempt(attempted);
                }
                State::Connected { session, .. } => match ready!(session.poll(cx, &mut self.queue)) {
                    Step::Event(observed) => return Poll::Ready(observed),
                    Step::Ended(failure, at) => self.drop_session(cx, &failure, at),
                },
                State::Closing { .. } => ready!(self.poll_closing(cx)),
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
    fn poll_planned(&mut self, cx: &mut Context<'_>) -> bool {
        let State::Connected { planned: Some(timer), .. } = &mut self.state else { return false };
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.planned_for = self.credentials_expire;
        self.reconnect(ReconnectKind::Deep, Initiator::Planned);
        true
    }

    pub(super) fn poll_closing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Closing { session, limit, then_connect } = &mut self.state else { return Poll::Ready(()) };
        let taken = match session.poll_close(cx) {
            Poll::Ready(taken) => taken,
            Poll::Pending => {
                ready!(limit.as_mut().poll(cx));
                false
            }
        };
        let last = session.closed(taken, &mut self.queue, self.clock.now());
        self.out.extend(last);
        if *then_connect {
            self.wait_for_allowance();
        } else {
            self.state = State::Off;
        }
        Poll::Ready(())
    }

    /// Waits until the next CONNECT is allowed, not longer.
    pub(super) fn wait_for_allowance(&mut self) {
        let delay = self.backoff.until_allowed(self.since_connect());
        self.wait(delay);
    }

    fn wait(&mut self, delay: Duration) {
        let until = self.clock.now().plus(delay);
        self.state = State::Waiting { until, timer: Box::pin(tokio::time::sleep(delay)) };
    }

    /// Time since the last CONNECT, or since the last attempt that got not as far.
    fn since_connect(&self) -> Option<Duration> {
        let last = self.connect_sent.get().max(self.last_attempt)?;
        Some(self.clock.now().since(last))
    }

    fn begin_attempt(&mut self) {
        let now = self.clock.now();
        if self.course.deep {
            self.versions.forget();
        }
        let progress = Arc::new(Progress::default());
        let handshake = Handshake {
            connector: Arc::clone(&self.connector),
            settings: Arc::clone(&self.settings),
            clock: Arc::clone(&self.clock),
            progress: Arc::clone(&progress),
            connect_sent: Arc::clone(&self.connect_sent),
            keep_alive: self.settings.promised(self.keep_alive),
            protocol: self.versions.current(),
            deep: self.course.deep,
        };
        self.last_attempt = Some(now);
        self.state = State::Connecting { attempt: Box::pin(handshake.run()), progress, started: now };
    }

    fn finish_attempt(&mut self, attempted: Attempted) {
        let attempt_number = self.course.attempt;
        let expiry = attempted.credentials_expire.map(|end| self.known_end(end));
        if let Some(expires_at) = expiry.filter(|_| expiry != self.credentials_expire) {
            self.tell(Event::Credentials { expires_at });
        }
        if expiry.is_some() || attempted.result.is_ok() {
            self.credentials_expire = expiry;
        }
        self.tell(Event::Attempt(Attempt { attempt_number, phases: attempted.phases }));
        match attempted.result {
            Ok(established) => self.begin_session(established),
            Err(failure) => self.retry(&failure),
        }
    }

    /// The end that is known already, if this is the same: a signer that reckons with two clocks is a little off
    /// each time, and new credentials are told, and planned for, once.
    fn known_end(&self, end: DateTime<Utc>) -> DateTime<Utc> {
        const SAME: TimeDelta = TimeDelta::seconds(1);
        self.credentials_expire.filter(|known| (end - known).abs() < SAME).unwrap_or(end)
    }

    fn begin_session(&mut self, established: Established) {
        self.versions.accepted();
        let event_type = match self.course {
            Course { after_drop: false, .. } => ConnectKind::Connected,
            Course { deep: true, .. } => ConnectKind::DeepReconnected,
            Course { .. } => ConnectKind::Resumed,
        };
        let asked = self.settings.recorded(self.keep_alive);
        let connected = connected(&established, event_type, self.course.attempt, asked);
        let at = established.at;
        self.out.push_back(Observed { at, event: Event::Connected(connected) });
        self.course = Course::default();
        let clock = Arc::clone(&self.clock);
        let session = Session::new(established, &self.settings, self.keep_alive, clock);
        self.state = State::Connected { session: Box::new(session), since: at, planned: self.planned() };
    }

    /// The timer of a planned reconnect for a session that begins now.
    fn planned(&self) -> Option<Pin<Box<Sleep>>> {
        let expiry = self.credentials_expire.filter(|expiry| Some(*expiry) != self.planned_for);
        let left = expiry.and_then(|expiry| (expiry - self.clock.now().wall).to_std().ok());
        let after = self.settings.planned_reconnect?.after(left)?;
        Some(Box::pin(tokio::time::sleep(after)))
    }

    fn retry(&mut self, open: &OpenFailure) {
        let failed = connect_failed(open, self.course.attempt);
        self.tell(Event::ConnectFailed(failed));
        let other_version = self.versions.failed(open);
        // A refused upgrade is about credentials, signature or address: nothing of them is reused.
        let refused_upgrade = open.failure.http_status.is_some_and(|status| (400..500).contains(&status));
        self.course.attempt = self.course.attempt.saturating_add(1);
        // New credentials that were asked for and not got are still to be asked for.
        let unanswered = self.course.deep && open.phase == Phase::Credentials;
        self.course.deep = refused_upgrade || unanswered;
        if open.failure.for_good {
            self.state = State::GivenUp;
        } else if other_version {
            self.wait_for_allowance();
        } else {
            self.plan();
        }
    }

    fn plan(&mut self) {
        match self.backoff.plan(self.course.attempt, self.since_connect()) {
            Some(plan) => {
                self.course.deep |= plan.deep;
                self.wait(plan.delay);
            }
            None => self.state = State::GivenUp,
        }
    }

    fn drop_session(&mut self, cx: &mut Context<'_>, failure: &Failure, at: Stamp) {
        let State::Connected { mut session, since, .. } = std::mem::replace(&mut self.state, State::Off)
        else {
            return;
        };
        let dropped = session.dropped(failure, at, self.queue.waiting());
        self.out.push_back(Observed { at, event: Event::Dropped(dropped) });
        session.protest(cx, failure);
        // Closes the socket: what follows is told after the session is really gone.
        drop(session);
        self.queue.session_ended(true, at, &mut self.out);
        self.backoff.session_ended(at.since(since));
        self.course = Course { attempt: 1, after_drop: true, deep: false };
        self.plan();
    }
}

/// The record of an accepted session.
pub(super) fn connected(
    established: &Established,
    event_type: ConnectKind,
    attempt_number: u32,
    asked_keep_alive: f64,
) -> Connected {
    let accepted = &established.accepted;
    Connected {
        event_type,
        session_present: accepted.session_present,
        return_code: Some(0),
        attempt_number,
        keep_alive_secs: accepted.server_keep_alive.map_or(asked_keep_alive, f64::from),
        remote: Some(established.remote.to_string()),
        local: Some(established.local.to_string()),
        mqtt_version: Some(established.framed.codec().protocol().name().to_owned()),
        limits: accepted.limits.clone(),
    }
}

/// The record of a failed attempt.
pub(super) fn connect_failed(open: &OpenFailure, attempt_number: u32) -> ConnectFailed {
    let failure = &open.failure;
    ConnectFailed {
        error_name: Some(failure.name.name.to_owned()),
        error_message: Some(failure.message()),
        error_code: Some(failure.name.code),
        attempt_number,
        phase: Some(open.phase),
        layer: Some(failure.layer),
        return_code: failure.return_code,
        http_status: failure.http_status,
    }
}
