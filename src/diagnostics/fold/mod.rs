//! The fold: the only place where events become state.

mod sessions;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::commands::CommandFold;
use super::distribution::Distribution;
use super::event::{Attempt, CommandState, ConnectFailedEvent, StartedEvent};
use super::sentence::sentence;
use super::time_totals::TimeTotals;
use super::{
    ConnectionRecord, DropRecord, Event, History, LinkState, LogEntry, Mark, MarkKind, Metrics, PingStats,
    SessionCounts, Snapshot, Stamp, TimeScale,
};

/// Folds events into a [`Snapshot`]. Deterministic: the same events with the same stamps give the same
/// state, live, replayed or analysed. Every event costs O(1) amortised. A clone shares the histories.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    generation: u64,
    time_scale: TimeScale,
    started: Option<Arc<StartedEvent>>,
    since: Option<Stamp>,
    last: Option<Stamp>,
    running: bool,
    link: LinkState,
    keep_alive_secs: u32,
    mqtt_version: Option<Arc<str>>,
    limits: Option<Arc<BTreeMap<String, u64>>>,
    credentials_expire_at: Option<chrono::DateTime<chrono::Utc>>,
    metrics: Metrics,
    time_totals: TimeTotals,
    session_lengths: Distribution,
    recovery_times: Distribution,
    ping_rtts: Distribution,
    percentiles_stale: bool,
    ping: PingStats,
    session: SessionCounts,
    /// When the session was last heard, as far as events tell.
    last_inbound: Option<Stamp>,
    session_attempt: Option<Arc<Attempt>>,
    last_attempt: Option<Arc<Attempt>>,
    last_failure: Option<Arc<ConnectFailedEvent>>,
    drops: History<DropRecord>,
    connections: History<ConnectionRecord>,
    marks: History<Mark>,
    log: History<LogEntry>,
    commands: BTreeMap<CommandState, u64>,
    command_fold: CommandFold,
    unknown_events: u64,
}

impl Diagnostics {
    /// The documented default of how many drops, connections, marks and log entries are retained.
    pub const DEFAULT_MAX_EVENTS: usize = 1_000;

    /// An empty collector that retains at most `max_events` entries in each history.
    pub fn new(max_events: usize) -> Self {
        Self {
            generation: 0,
            time_scale: TimeScale::default(),
            started: None,
            since: None,
            last: None,
            running: true,
            link: LinkState::Idle,
            keep_alive_secs: 0,
            mqtt_version: None,
            limits: None,
            credentials_expire_at: None,
            metrics: Metrics {
                session_histogram: Arc::new(vec![0; Metrics::SESSION_BOUNDS.len() + 1]),
                ..Metrics::default()
            },
            time_totals: TimeTotals::default(),
            session_lengths: Distribution::new(),
            recovery_times: Distribution::new(),
            ping_rtts: Distribution::new(),
            percentiles_stale: false,
            ping: PingStats::default(),
            session: SessionCounts::default(),
            last_inbound: None,
            session_attempt: None,
            last_attempt: None,
            last_failure: None,
            drops: History::new(max_events),
            connections: History::new(max_events),
            marks: History::new(max_events),
            log: History::new(max_events),
            commands: BTreeMap::new(),
            command_fold: CommandFold::default(),
            unknown_events: 0,
        }
    }

    /// Takes one event as recorded: in a scaled run it is folded in field time. Stamps that run backwards
    /// on the boot clock are treated as simultaneous with the event before.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        self.apply_and_convert(at, event);
    }

    /// Like [`Diagnostics::apply`]; returns the stamp and the event in field time, for another fold over the same events.
    pub fn apply_and_convert<'a>(&mut self, at: Stamp, event: &'a Event) -> (Stamp, Cow<'a, Event>) {
        self.time_scale.observe(at, event);
        let (at, event) = (self.time_scale.stamp(at), self.time_scale.event(event));
        self.fold(at, &event);
        (at, event)
    }

    /// The conversion from recorded time to field time after the newest event.
    pub fn time_scale(&self) -> TimeScale {
        self.time_scale
    }

    /// The field time of a moment of the clocks that stamp the events.
    pub fn field_time(&self, now: Stamp) -> Stamp {
        self.time_scale.stamp(now)
    }

    /// How many drops were counted so far.
    pub fn drops_so_far(&self) -> u64 {
        self.metrics.total_connection_drops
    }

    fn fold(&mut self, at: Stamp, event: &Event) {
        let at = self.advance_to(at, event);
        self.generation += 1;
        if let Some((level, text)) = sentence(event) {
            self.record_log(LogEntry { at, level, text: text.into() });
        }
        match event {
            Event::Received(_) => self.count_messages(at, 0, 1),
            Event::Published(message) if message.queued => self.metrics.messages_queued += 1,
            Event::Published(_) => self.count_messages(at, 1, 0),
            Event::Traffic { published, received, .. } => self.count_messages(at, *published, *received),
            Event::Ping { rtt_ms } => self.on_ping(at, *rtt_ms),
            Event::Started(started) => self.on_started(at, started),
            Event::Attempt(attempt) => self.last_attempt = Some(Arc::new(attempt.clone())),
            Event::Connected(connected) => self.on_connected(at, connected),
            Event::Dropped(dropped) => self.on_dropped(at, dropped),
            Event::ConnectFailed(failed) => self.on_connect_failed(at, failed),
            Event::Disconnected { by } => self.on_disconnected(at, *by),
            Event::Subscribed { return_codes, .. } => self.on_subscribed(at, return_codes),
            Event::KeepAliveChanged { from, to } => self.on_keep_alive(at, *from, *to),
            Event::System { source, message } => self.on_system(at, *source, message),
            Event::Note { text } => self.mark(at, MarkKind::Note, text),
            Event::Alert { rule, state, message } => self.on_alert(at, rule, state, message),
            Event::Device { message } => self.mark(at, MarkKind::Device, message),
            Event::Probe(probe) if !probe.ok => self.mark(at, MarkKind::Probe, &probe.probe),
            Event::Credentials { expires_at } => self.credentials_expire_at = Some(*expires_at),
            Event::Command(command) => {
                *self.commands.entry(command.state).or_default() += 1;
                self.command_fold.apply(at, command);
            }
            Event::Stopped { .. } => self.on_stopped(at),
            Event::Unknown => self.unknown_events += 1,
            Event::Probe(_) | Event::Experiment { .. } => {}
        }
    }

    /// The state at `at` (as recorded, not before the newest event). Costs the same whatever was folded before.
    pub fn snapshot(&mut self, at: Stamp) -> Snapshot {
        let at = self.time_scale.stamp(at);
        let origin = self.since.unwrap_or(at);
        let last = self.last.unwrap_or(at);
        self.refresh_percentiles();
        Snapshot {
            at: last,
            generation: self.generation,
            started: self.started.clone(),
            since: origin,
            link: self.link.clone(),
            keep_alive_secs: self.keep_alive_secs,
            mqtt_version: self.mqtt_version.clone(),
            limits: self.limits.clone(),
            credentials_expire_at: self.credentials_expire_at,
            metrics: self.metrics.clone(),
            drops: self.drops.clone(),
            connections: self.connections.clone(),
            marks: self.marks.clone(),
            log: self.log.clone(),
            last_attempt: self.last_attempt.clone(),
            last_failure: self.last_failure.clone(),
            ping: self.ping.clone(),
            session: self.session,
            commands: self.commands.clone(),
            command_history: self.command_fold.history(),
            arms: Vec::new(),
            unknown_events: self.unknown_events,
            time_totals: self.time_totals.clone(),
            running: self.running,
            time_scale: self.time_scale,
        }
        .advanced_to(at)
    }

    /// Moves time to `at` and books the time that passed to the state it passed in.
    fn advance_to(&mut self, at: Stamp, event: &Event) -> Stamp {
        let Some(last) = self.last else {
            self.since = Some(at);
            self.last = Some(at);
            return at;
        };
        let at = Stamp { boot: at.boot.max(last.boot), ..at };
        let passed = at.since(last);
        self.last = Some(at);
        let is_missed_drop =
            matches!(event, Event::Connected(_)) && matches!(self.link, LinkState::Connected { .. });
        if is_missed_drop {
            // The session's end was never seen: it is censored at the last event, and what follows was
            // spent without one.
            self.end_session(last, false);
            self.link = LinkState::Connecting { since: last, failures: 0 };
        }
        if matches!(event, Event::Started(_)) || !self.running {
            return at;
        }
        self.time_totals.add_elapsed(passed, &self.link);
        at
    }

    fn on_ping(&mut self, at: Stamp, rtt_ms: f64) {
        self.session.pings += 1;
        self.last_inbound = Some(at);
        let Ok(rtt) = Duration::try_from_secs_f64(rtt_ms / 1_000.0) else { return };
        // The distribution resolves 1 ms, too coarse for round trips: it holds them a thousandfold, so
        // that its seconds are milliseconds of round trip.
        self.ping_rtts.record(rtt.saturating_mul(1_000));
        self.percentiles_stale = true;
        self.ping.count += 1;
        self.ping.last_ms = Some(rtt_ms);
        self.ping.last_at = Some(at);
        let recent = Arc::make_mut(&mut self.ping.recent_ms);
        if recent.len() >= PingStats::RECENT {
            recent.remove(0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a sparkline needs no more than f32")]
        recent.push(rtt_ms as f32);
    }

    fn count_messages(&mut self, at: Stamp, published: u64, received: u64) {
        self.metrics.messages_published = self.metrics.messages_published.saturating_add(published);
        self.metrics.messages_received = self.metrics.messages_received.saturating_add(received);
        self.session.published = self.session.published.saturating_add(published);
        self.session.received = self.session.received.saturating_add(received);
        self.session.last_message = Some(at);
        if received > 0 {
            self.last_inbound = Some(at);
        }
        if published > 0 {
            self.session.last_publish = Some(at);
        }
    }

    fn on_alert(&mut self, at: Stamp, rule: &str, state: &str, message: &str) {
        self.command_fold.alert(at, rule, state);
        if state == "raised" {
            self.mark(at, MarkKind::Alert, message);
        }
    }

    fn record_log(&mut self, entry: LogEntry) {
        self.log.push(entry);
        let Some(entry) = self.log.last().cloned() else { return };
        let belongs_to_last_drop = self.drops.last().is_some_and(|drop| {
            drop.after.len() < DropRecord::MAX_CONTEXT_EVENTS
                && entry.at.since(drop.at) <= DropRecord::CONTEXT_SPAN
        });
        if belongs_to_last_drop {
            self.drops.update_last(|drop| drop.after.push(entry));
        }
    }

    fn mark(&mut self, at: Stamp, kind: MarkKind, text: &str) {
        self.marks.push(Mark { at, kind, text: super::clean::clean(text).into() });
    }

    fn refresh_percentiles(&mut self) {
        if !std::mem::take(&mut self.percentiles_stale) {
            return;
        }
        self.metrics.total_sessions = self.session_lengths.count();
        self.metrics.longest_session = self.session_lengths.max();
        self.metrics.shortest_session = self.session_lengths.min();
        self.metrics.average_session = self.session_lengths.mean();
        self.metrics.session_percentiles = self.session_lengths.percentiles();
        self.metrics.recovery_percentiles = self.recovery_times.percentiles();
        self.metrics.mttr = self.recovery_times.mean();
        let millis = |value: Option<Duration>| value.map(|thousandfold| thousandfold.as_secs_f64());
        self.ping.p50_ms = millis(self.ping_rtts.quantile(0.50));
        self.ping.p95_ms = millis(self.ping_rtts.quantile(0.95));
        self.ping.p99_ms = millis(self.ping_rtts.quantile(0.99));
        self.ping.max_ms = millis(self.ping_rtts.max());
    }
}
