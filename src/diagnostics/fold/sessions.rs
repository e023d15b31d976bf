//! How sessions begin and end, and what an outage is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Diagnostics;
use crate::diagnostics::event::whole_secs as whole;
use crate::diagnostics::event::{
    ConnectFailedEvent, ConnectedEvent, DroppedEvent, Initiator, StartedEvent, SystemSource,
};
use crate::diagnostics::sentence::failure_reason;
use crate::diagnostics::{
    ConnectionRecord, DropRecord, LinkState, MarkKind, Metrics, Recovery, SessionCounts, SessionEnd, Stamp,
};

/// Most distinct names kept in a counter; more are counted under [`OTHER`].
const MAX_NAMES: usize = 256;
/// Where names beyond [`MAX_NAMES`] are counted.
const OTHER_NAME: &str = "other";

impl Diagnostics {
    pub(super) fn on_started(&mut self, at: Stamp, started: &StartedEvent) {
        if let Some(last) = self.last {
            self.end_session(last, false);
        }
        self.running = true;
        self.command_fold.run_ended();
        self.keep_alive_secs = whole(started.keep_alive_secs);
        self.started = Some(Arc::new(started.clone()));
        self.link = LinkState::Connecting { since: at, failures: 0 };
    }

    pub(super) fn on_connected(&mut self, at: Stamp, connected: &ConnectedEvent) {
        let outage = match self.link {
            LinkState::Down { since, failures } => Some((since, failures)),
            _ => None,
        };
        let took = outage.map(|(since, _)| at.since(since));
        if let (Some(took), Some((_, failures))) = (took, outage) {
            self.metrics.connection_recovered += 1;
            self.metrics.total_reconnect_attempts += 1;
            self.recovery_times.record(took);
            let attempts = failures.saturating_add(1);
            let distribution = Arc::make_mut(&mut self.metrics.reconnection_attempts_distribution);
            *distribution.entry(attempts_bucket(attempts)).or_default() += 1;
            let recovery = Recovery {
                at,
                took,
                session_present: connected.session_present,
                phases: self.last_attempt.as_ref().map(|attempt| attempt.phases.clone()).unwrap_or_default(),
            };
            self.drops.update_last(|drop| {
                if drop.recovery.is_none() {
                    drop.recovery = Some(recovery);
                    drop.failed_attempts = failures;
                }
            });
        } else {
            self.metrics.total_connections += 1;
        }
        self.percentiles_stale = true;
        self.link = LinkState::Connected { since: at };
        self.keep_alive_secs = whole(connected.keep_alive_secs);
        self.time_totals.begin_session(self.keep_alive_secs);
        self.metrics.last_successful_connect = Some(at);
        self.session = SessionCounts::default();
        self.last_inbound = None;
        self.session_attempt.clone_from(&self.last_attempt);
        self.last_failure = None;
        self.mqtt_version = connected.mqtt_version.as_deref().map(Into::into);
        self.limits = connected.limits.clone().map(Arc::new);
        self.connections.push(ConnectionRecord {
            at,
            event_type: connected.event_type,
            session_present: connected.session_present,
            return_code: connected.return_code,
            attempt_number: connected.attempt_number,
            time_to_reconnect: took,
            keep_alive_secs: self.keep_alive_secs,
            end: None,
        });
    }

    pub(super) fn on_dropped(&mut self, at: Stamp, dropped: &DroppedEvent) {
        if let (LinkState::Down { failures, .. }, true) = (&mut self.link, dropped.reconnect_attempt > 0) {
            // Other programs record every failed attempt of one outage as a drop. One outage is one drop.
            *failures = failures.saturating_add(1);
            self.metrics.total_reconnect_attempts += 1;
            self.count_failure(dropped.error_name.as_deref());
            return;
        }
        let session_start = match self.link {
            LinkState::Connected { since } => Some(since),
            _ => None,
        };
        self.metrics.total_connection_drops += 1;
        self.metrics.last_drop = Some(at);
        let name = dropped.error_name.as_deref().unwrap_or("unknown");
        count_name(&mut self.metrics.connection_drops_by_error, name);
        *Arc::make_mut(&mut self.metrics.drops_by_layer).entry(dropped.layer).or_default() += 1;
        *Arc::make_mut(&mut self.metrics.drops_by_how).entry(dropped.how).or_default() += 1;
        self.time_totals.count_drop(self.keep_alive_secs);
        if let Some(start) = session_start {
            self.record_length(at.since(start));
        }
        self.end_session(at, true);
        let drop = self.drop_record(at, dropped, session_start);
        self.drops.push(drop);
        self.link = LinkState::Down { since: at, failures: 0 };
    }

    pub(super) fn drop_record(
        &self,
        at: Stamp,
        dropped: &DroppedEvent,
        session_start: Option<Stamp>,
    ) -> DropRecord {
        let to_duration =
            |secs: Option<f64>| secs.and_then(|secs| Duration::try_from_secs_f64(secs.max(0.0)).ok());
        let idle_in = to_duration(dropped.last_rx_secs);
        let earliest = session_start.or(self.since).unwrap_or(at);
        // Other programs do not record the last byte; the last event that came from the broker is a bound.
        let last_inbound = idle_in.map(|idle| at.minus(idle)).or(self.last_inbound);
        let alive_at = last_inbound.map_or(earliest, |heard| heard.max(earliest));
        let before = self.log.recent(DropRecord::MAX_CONTEXT_EVENTS + 1);
        let before: Vec<_> =
            before.filter(|entry| at.since(entry.at) <= DropRecord::CONTEXT_SPAN).cloned().collect();
        DropRecord {
            number: self.metrics.total_connection_drops,
            at,
            event: dropped.clone(),
            session_start,
            keep_alive_secs: self.keep_alive_secs,
            death_window: (alive_at, at),
            session_age: session_start.filter(|_| last_inbound.is_some()).map(|start| alive_at.since(start)),
            idle_in,
            idle_out: to_duration(dropped.last_tx_secs),
            counts: self.session,
            attempt: self.session_attempt.clone(),
            before,
            after: Vec::new(),
            failed_attempts: 0,
            recovery: None,
        }
    }

    pub(super) fn on_connect_failed(&mut self, at: Stamp, failed: &ConnectFailedEvent) {
        self.count_failure(failed.error_name.as_deref());
        let is_of_another_kind = self.last_failure.as_ref().is_some_and(|last| {
            (last.phase, last.http_status, &last.error_name)
                != (failed.phase, failed.http_status, &failed.error_name)
        });
        self.last_failure = Some(Arc::new(failed.clone()));
        let first = match &mut self.link {
            LinkState::Down { failures, .. } => {
                self.metrics.total_reconnect_attempts += 1;
                *failures = failures.saturating_add(1);
                *failures == 1
            }
            LinkState::Connecting { failures, .. } => {
                *failures = failures.saturating_add(1);
                *failures == 1
            }
            LinkState::Idle | LinkState::Off { .. } => {
                self.link = LinkState::Connecting { since: at, failures: 1 };
                true
            }
            LinkState::Connected { .. } => false,
        };
        if let LinkState::Down { failures, .. } = self.link {
            self.drops.update_last(|drop| {
                if drop.recovery.is_none() {
                    drop.failed_attempts = failures;
                }
            });
        }
        if first || is_of_another_kind {
            let name = failed.error_name.as_deref().unwrap_or("connect failed");
            self.mark(at, MarkKind::ConnectFailed, &format!("{name}{}", failure_reason(failed)));
        }
    }

    pub(super) fn on_disconnected(&mut self, at: Stamp, by: Initiator) {
        if matches!(self.link, LinkState::Connected { .. }) {
            self.metrics.total_disconnects += 1;
            self.end_session(at, false);
        }
        self.link = LinkState::Off { since: at, by };
        let text = match by {
            Initiator::User => "disconnected by you",
            Initiator::Experiment => "reconnecting on purpose",
            Initiator::Planned => "reconnecting as planned",
            Initiator::Shutdown => "disconnected at the end of the run",
            Initiator::Other => "disconnected on purpose",
        };
        self.mark(at, MarkKind::Disconnect, text);
    }

    pub(super) fn on_stopped(&mut self, at: Stamp) {
        self.end_session(at, false);
        self.link = LinkState::Off { since: at, by: Initiator::Shutdown };
        self.running = false;
    }

    pub(super) fn on_subscribed(&mut self, at: Stamp, codes: &[u8]) {
        self.last_inbound = Some(at);
        let refused = u32::try_from(codes.iter().filter(|code| **code >= 0x80).count()).unwrap_or(u32::MAX);
        let accepted = u32::try_from(codes.len()).unwrap_or(u32::MAX).saturating_sub(refused);
        self.session.subscriptions = self.session.subscriptions.saturating_add(accepted);
        self.session.refused_subscriptions = self.session.refused_subscriptions.saturating_add(refused);
        self.metrics.refused_subscriptions += u64::from(refused);
    }

    pub(super) fn on_keep_alive(&mut self, at: Stamp, from: f64, to: f64) {
        let (from, to) = (whole(from), whole(to));
        self.keep_alive_secs = to;
        self.mark(at, MarkKind::KeepAlive, &format!("keep-alive {from} s → {to} s"));
    }

    pub(super) fn on_system(&mut self, at: Stamp, source: SystemSource, message: &str) {
        match source {
            SystemSource::Clock => self.metrics.clock_steps += 1,
            SystemSource::Power => self.metrics.suspends += 1,
            _ => {}
        }
        self.mark(at, MarkKind::System, message);
    }

    pub(super) fn record_length(&mut self, length: Duration) {
        self.session_lengths.record(length);
        self.percentiles_stale = true;
        let class = Metrics::SESSION_BOUNDS.partition_point(|bound| *bound <= length.as_secs());
        if let Some(count) = Arc::make_mut(&mut self.metrics.session_histogram).get_mut(class) {
            *count += 1;
        }
        let sample = Arc::make_mut(&mut self.metrics.sample_durations);
        if sample.len() >= 20 {
            sample.remove(0);
        }
        sample.push(length);
    }

    pub(super) fn end_session(&mut self, at: Stamp, dropped: bool) {
        if matches!(self.link, LinkState::Connected { .. }) {
            self.connections.update_last(|connection| {
                connection.end.get_or_insert(SessionEnd { at, dropped });
            });
        }
    }

    pub(super) fn count_failure(&mut self, name: Option<&str>) {
        self.metrics.connect_failures += 1;
        count_name(&mut self.metrics.failures_by_error, name.unwrap_or("unknown"));
    }
}

fn attempts_bucket(attempts: u32) -> &'static str {
    match attempts {
        0..=1 => "1",
        2..=5 => "2-5",
        6..=10 => "6-10",
        _ => "11+",
    }
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
