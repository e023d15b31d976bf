//! Sessions and outages: how they begin, how they end and how long they last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::push_mark;
use crate::diagnostics::distribution::Distribution;
use crate::diagnostics::event::{
    Attempt, ConnectFailedEvent, ConnectedEvent, DropKind, DroppedEvent, Initiator, StartedEvent, whole_secs,
};
use crate::diagnostics::sentence::failure_reason;
use crate::diagnostics::words;
use crate::diagnostics::{
    ConnectionRecord, DropRecord, LinkState, MarkKind, Metrics, Recovery, SessionEnd, Snapshot, Stamp,
};

/// Most distinct names in a counter; more are counted under [`OTHER_NAME`].
const MAX_NAMES: usize = 256;
/// The counter of the names beyond [`MAX_NAMES`].
const OTHER_NAME: &str = "other";
/// Session lengths kept one by one, newest last.
const MAX_SAMPLES: usize = 20;

/// Follows the state of the link and keeps the distributions of session lengths and recovery times.
#[derive(Debug, Clone)]
pub(super) struct ConnectionFold {
    /// The attempt that made the current session.
    session_attempt: Option<Arc<Attempt>>,
    session_lengths: Distribution,
    recovery_times: Distribution,
    /// Whether something was recorded since the last [`ConnectionFold::refresh`].
    is_stale: bool,
}

impl ConnectionFold {
    pub(super) fn new() -> Self {
        Self {
            session_attempt: None,
            session_lengths: Distribution::new(),
            recovery_times: Distribution::new(),
            is_stale: false,
        }
    }

    pub(super) fn on_started(state: &mut Snapshot, at: Stamp, started: &StartedEvent) {
        Self::end_session(state, at, false);
        state.running = true;
        state.experiment = None;
        state.keep_alive_secs = whole_secs(started.keep_alive_secs);
        state.started = Some(Arc::new(started.clone()));
        state.link = LinkState::Connecting { since: at, failures: 0 };
        state.time_totals.begin_run();
    }

    pub(super) fn on_connected(&mut self, state: &mut Snapshot, at: Stamp, connected: &ConnectedEvent) {
        let time_to_reconnect = if let LinkState::Down { since, failures } = state.link {
            let took = at.since(since);
            self.recovery_times.record(took);
            record_recovery(state, at, took, failures, connected.session_present);
            Some(took)
        } else {
            state.metrics.total_connections += 1;
            None
        };
        self.is_stale = true;
        self.session_attempt.clone_from(&state.last_attempt);
        state.link = LinkState::Connected { since: at };
        state.keep_alive_secs = whole_secs(connected.keep_alive_secs);
        state.time_totals.begin_session(state.keep_alive_secs);
        state.metrics.last_successful_connect = Some(at);
        state.last_failure = None;
        state.mqtt_version.clone_from(&connected.mqtt_version);
        state.limits = connected.limits.clone().map(Arc::new);
        state.connections.push(ConnectionRecord {
            at,
            event_type: connected.event_type,
            session_present: connected.session_present,
            return_code: connected.return_code,
            attempt_number: connected.attempt_number,
            time_to_reconnect,
            keep_alive_secs: state.keep_alive_secs,
            end: None,
        });
    }

    /// The session ended in a drop. `last_inbound` is the last event that came from the broker in it.
    pub(super) fn on_dropped(
        &mut self,
        state: &mut Snapshot,
        at: Stamp,
        dropped: &DroppedEvent,
        last_inbound: Option<Stamp>,
    ) {
        if let (LinkState::Down { failures, .. }, true) = (&mut state.link, dropped.reconnect_attempt > 0) {
            // Other programs record every failed attempt of one outage as a drop. One outage is one drop.
            *failures = failures.saturating_add(1);
            state.metrics.total_reconnect_attempts += 1;
            count_failure(&mut state.metrics, dropped.error_name.as_deref());
            return;
        }
        let session_start = match state.link {
            LinkState::Connected { since } => Some(since),
            _ => None,
        };
        count_drop(&mut state.metrics, at, dropped);
        state.time_totals.count_drop(state.keep_alive_secs);
        if let Some(start) = session_start {
            self.record_length(&mut state.metrics, at.since(start));
        }
        Self::end_session(state, at, true);
        let drop = self.drop_record(state, at, dropped, session_start, last_inbound);
        if session_start.is_some() && !is_announced(dropped.how) {
            state.metrics.unproven += at.since(drop.death_window.0);
        }
        state.drops.push(drop);
        state.link = LinkState::Down { since: at, failures: 0 };
    }

    pub(super) fn on_attempt(state: &mut Snapshot, attempt: &Attempt) {
        if matches!(state.link, LinkState::Down { .. }) {
            let took: f64 = attempt.phases.iter().map(|phase| phase.ms.max(0.0) / 1_000.0).sum();
            state.metrics.attempting += Duration::try_from_secs_f64(took).unwrap_or_default();
        }
        state.last_attempt = Some(Arc::new(attempt.clone()));
    }

    pub(super) fn on_connect_failed(state: &mut Snapshot, at: Stamp, failed: &ConnectFailedEvent) {
        count_failure(&mut state.metrics, failed.error_name.as_deref());
        let differs_from_last = state.last_failure.as_ref().is_some_and(|last| {
            (last.phase, last.http_status, &last.error_name)
                != (failed.phase, failed.http_status, &failed.error_name)
        });
        state.last_failure = Some(Arc::new(failed.clone()));
        let is_first = count_failed_attempt(state, at);
        if let LinkState::Down { failures, .. } = state.link {
            state.drops.update_last(|drop| {
                if drop.recovery.is_none() {
                    drop.failed_attempts = failures;
                }
            });
        }
        if is_first || differs_from_last {
            let name = failed.error_name.as_deref().unwrap_or("connect failed");
            push_mark(state, at, MarkKind::ConnectFailed, &format!("{name}{}", failure_reason(failed)));
        }
    }

    pub(super) fn on_disconnected(state: &mut Snapshot, at: Stamp, by: Initiator) {
        if matches!(state.link, LinkState::Connected { .. }) {
            state.metrics.total_disconnects += 1;
            Self::end_session(state, at, false);
        }
        state.link = LinkState::Off { since: at, by };
        push_mark(state, at, MarkKind::Disconnect, words::disconnect(by));
    }

    pub(super) fn on_stopped(state: &mut Snapshot, at: Stamp) {
        Self::end_session(state, at, false);
        state.link = LinkState::Off { since: at, by: Initiator::Shutdown };
        state.running = false;
        state.experiment = None;
    }

    /// Records the end of the current session, if there is one.
    pub(super) fn end_session(state: &mut Snapshot, at: Stamp, dropped: bool) {
        if matches!(state.link, LinkState::Connected { .. }) {
            state.connections.update_last(|connection| {
                connection.end.get_or_insert(SessionEnd { at, dropped });
            });
        }
    }

    /// Writes the figures of both distributions, if there are new values.
    pub(super) fn refresh(&mut self, metrics: &mut Metrics) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        metrics.total_sessions = self.session_lengths.count();
        metrics.longest_session = self.session_lengths.max();
        metrics.shortest_session = self.session_lengths.min();
        metrics.average_session = self.session_lengths.mean();
        metrics.session_percentiles = self.session_lengths.percentiles();
        metrics.recovery_percentiles = self.recovery_times.percentiles();
        metrics.mttr = self.recovery_times.mean();
    }

    fn record_length(&mut self, metrics: &mut Metrics, length: Duration) {
        self.session_lengths.record(length);
        self.is_stale = true;
        let class = Metrics::SESSION_BOUNDS.partition_point(|bound| *bound <= length.as_secs());
        if let Some(count) = Arc::make_mut(&mut metrics.session_histogram).get_mut(class) {
            *count += 1;
        }
        let sample = Arc::make_mut(&mut metrics.sample_durations);
        if sample.len() >= MAX_SAMPLES {
            sample.remove(0);
        }
        sample.push(length);
    }

    fn drop_record(
        &self,
        state: &Snapshot,
        at: Stamp,
        dropped: &DroppedEvent,
        session_start: Option<Stamp>,
        last_inbound: Option<Stamp>,
    ) -> DropRecord {
        let to_duration =
            |secs: Option<f64>| secs.and_then(|secs| Duration::try_from_secs_f64(secs.max(0.0)).ok());
        let idle_in = to_duration(dropped.last_rx_secs);
        let earliest = session_start.unwrap_or(state.since);
        // Other programs do not record the last byte; the last event that came from the broker is a bound.
        let last_inbound = idle_in.map(|idle| at.minus(idle)).or(last_inbound);
        let alive_at = last_inbound.map_or(earliest, |inbound| inbound.max(earliest));
        let before = state.log.recent(DropRecord::MAX_CONTEXT_EVENTS + 1);
        let before: Vec<_> =
            before.filter(|entry| at.since(entry.at) <= DropRecord::CONTEXT_SPAN).cloned().collect();
        DropRecord {
            number: state.metrics.total_connection_drops,
            at,
            event: dropped.clone(),
            session_start,
            keep_alive_secs: state.keep_alive_secs,
            death_window: (alive_at, at),
            session_age: session_start.filter(|_| last_inbound.is_some()).map(|start| alive_at.since(start)),
            idle_in,
            idle_out: to_duration(dropped.last_tx_secs),
            counts: state.session,
            attempt: self.session_attempt.clone(),
            before,
            after: Vec::new(),
            failed_attempts: 0,
            recovery: None,
        }
    }
}

/// Whether the peer's own close or this computer's error tells when the session ended.
fn is_announced(how: Option<DropKind>) -> bool {
    use DropKind::{Disconnect, Fin, Local, TlsAlert, TlsClose, WsClose};
    matches!(how, Some(Fin | TlsClose | TlsAlert | WsClose | Disconnect | Local))
}

/// An outage ended: counts it and completes the record of its drop.
fn record_recovery(state: &mut Snapshot, at: Stamp, took: Duration, failures: u32, session_present: bool) {
    let metrics = &mut state.metrics;
    metrics.connection_recovered += 1;
    metrics.total_reconnect_attempts += 1;
    let distribution = Arc::make_mut(&mut metrics.reconnection_attempts_distribution);
    *distribution.entry(Metrics::attempt_class(failures.saturating_add(1))).or_default() += 1;
    let phases = state.last_attempt.as_ref().map(|attempt| attempt.phases.clone()).unwrap_or_default();
    let recovery = Recovery { at, took, session_present, phases };
    state.drops.update_last(|drop| {
        if drop.recovery.is_none() {
            drop.recovery = Some(recovery);
            drop.failed_attempts = failures;
        }
    });
}

/// Counts a failed attempt in the state of the link; returns whether it is the first of its outage.
fn count_failed_attempt(state: &mut Snapshot, at: Stamp) -> bool {
    if matches!(state.link, LinkState::Down { .. }) {
        state.metrics.total_reconnect_attempts += 1;
    }
    match &mut state.link {
        LinkState::Down { failures, .. } | LinkState::Connecting { failures, .. } => {
            *failures = failures.saturating_add(1);
            *failures == 1
        }
        LinkState::Idle | LinkState::Off { .. } => {
            state.link = LinkState::Connecting { since: at, failures: 1 };
            true
        }
        LinkState::Connected { .. } => false,
    }
}

fn count_drop(metrics: &mut Metrics, at: Stamp, dropped: &DroppedEvent) {
    metrics.total_connection_drops += 1;
    metrics.last_drop = Some(at);
    let name = dropped.error_name.as_deref().unwrap_or("unknown");
    count_name(&mut metrics.connection_drops_by_error, name);
    *Arc::make_mut(&mut metrics.drops_by_layer).entry(dropped.layer).or_default() += 1;
    *Arc::make_mut(&mut metrics.drops_by_how).entry(dropped.how).or_default() += 1;
}

fn count_failure(metrics: &mut Metrics, name: Option<&str>) {
    metrics.connect_failures += 1;
    count_name(&mut metrics.failures_by_error, name.unwrap_or("unknown"));
}

fn count_name(counts: &mut Arc<BTreeMap<String, u64>>, name: &str) {
    let counts = Arc::make_mut(counts);
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else if counts.len() < MAX_NAMES {
        counts.insert(name.to_owned(), 1);
    } else {
        *counts.entry(OTHER_NAME.to_owned()).or_default() += 1;
    }
}
