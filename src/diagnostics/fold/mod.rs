//! The fold: the only place where events become state.

mod connection_fold;
mod experiment;
mod traffic_fold;

#[cfg(test)]
mod tests;

use connection_fold::ConnectionFold;
use traffic_fold::TrafficFold;

use super::clean::clean;
use super::commands::CommandFold;
use super::event::{AlertState, SystemSource, whole_secs};
use super::sentence::sentence;
use super::{
    DropRecord, Event, LinkState, LogEntry, Mark, MarkKind, RecordedWord, Snapshot, Stamp, TimeScale,
};

/// Folds events into a [`Snapshot`]. Deterministic: the same events with the same stamps give the same
/// state, live, replayed or analyzed. Every event costs O(1) amortized. A clone shares the histories.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    /// The state at the newest event. What is computed from it for a reader (percentiles, sums of time,
    /// the command history) is filled in by [`Diagnostics::snapshot`].
    state: Snapshot,
    /// Whether the first event was applied; until then the stamps of `state` mean nothing.
    has_begun: bool,
    connection: ConnectionFold,
    traffic: TrafficFold,
    commands: CommandFold,
}

impl Diagnostics {
    /// The documented default of how many drops, connections, marks and log entries are retained.
    pub const DEFAULT_MAX_EVENTS: usize = 1_000;

    /// The state before the first event; it retains at most `max_events` entries in each history.
    pub fn new(max_events: usize) -> Self {
        Self {
            state: Snapshot::empty(max_events),
            has_begun: false,
            connection: ConnectionFold::new(),
            traffic: TrafficFold::new(),
            commands: CommandFold::default(),
        }
    }

    /// Applies one event as recorded: in a scaled run it is folded in field time. Stamps that run backwards
    /// on the boot clock are treated as simultaneous with the event before.
    pub fn apply(&mut self, at: Stamp, event: &Event) {
        self.apply_with(at, event, |_, _| ());
    }

    /// Like [`Diagnostics::apply`]; another fold over the same events gets the stamp and the event in field time.
    pub fn apply_with(&mut self, at: Stamp, event: &Event, then: impl FnOnce(Stamp, &Event)) {
        let time_scale = &mut self.state.time_scale;
        time_scale.observe(at, event);
        // Borrowed unless the run is scaled. It stays here: an event is large, and returning it would copy it.
        let (at, event) = (time_scale.stamp(at), time_scale.event(event));
        self.fold(at, &event);
        then(at, &event);
    }

    /// The conversion from recorded time to field time after the newest event.
    pub fn time_scale(&self) -> TimeScale {
        self.state.time_scale
    }

    /// The field time of a moment of the clocks that stamp the events.
    pub fn field_time(&self, now: Stamp) -> Stamp {
        self.state.field_time(now)
    }

    /// How many drops were counted so far.
    pub fn drops_so_far(&self) -> u64 {
        self.state.metrics.total_connection_drops
    }

    /// The state at `at` (as recorded, not before the newest event). The cost does not depend on the number
    /// of events applied before.
    pub fn snapshot(&mut self, at: Stamp) -> Snapshot {
        let at = self.state.field_time(at);
        self.connection.refresh(&mut self.state.metrics);
        self.traffic.refresh(&mut self.state.ping);
        let mut snapshot = self.state.clone();
        snapshot.command_history = self.commands.history();
        if !self.has_begun {
            (snapshot.since, snapshot.at) = (at, at);
        }
        snapshot.advance_to(at);
        snapshot
    }

    fn fold(&mut self, at: Stamp, event: &Event) {
        let at = self.advance_to(at, event);
        let state = &mut self.state;
        state.generation += 1;
        if let Some((level, text)) = sentence(event) {
            push_log_entry(state, LogEntry { at, level, text: text.into() });
        }
        match event {
            Event::Received(_) => self.traffic.count_messages(state, at, 0, 1),
            Event::Published(message) if message.queued => state.metrics.messages_queued += 1,
            Event::Published(_) => self.traffic.count_messages(state, at, 1, 0),
            Event::Traffic { published, received, .. } => {
                self.traffic.count_messages(state, at, *published, *received);
            }
            Event::Ping { rtt_ms } => self.traffic.on_ping(state, at, *rtt_ms),
            Event::Subscribed { return_codes, .. } => self.traffic.on_subscribed(state, at, return_codes),
            Event::Started(started) => {
                self.commands.run_ended();
                ConnectionFold::on_started(state, at, started);
            }
            Event::Attempt(attempt) => ConnectionFold::on_attempt(state, attempt),
            Event::Connected(connected) => {
                self.traffic.begin_session(state);
                self.connection.on_connected(state, at, connected);
            }
            Event::Dropped(dropped) => {
                self.connection.on_dropped(state, at, dropped, self.traffic.last_inbound());
            }
            Event::ConnectFailed(failed) => ConnectionFold::on_connect_failed(state, at, failed),
            Event::Disconnected { by } => ConnectionFold::on_disconnected(state, at, *by),
            Event::Stopped { .. } => ConnectionFold::on_stopped(state, at),
            Event::KeepAliveChanged { from, to } => on_keep_alive_changed(state, at, *from, *to),
            Event::System { source, message } => on_system(state, at, *source, message),
            Event::Alert { rule, state: alert, message } => self.on_alert(at, rule, alert, message),
            Event::Note { text } => push_mark(state, at, MarkKind::Note, text),
            Event::Device { message } => push_mark(state, at, MarkKind::Device, message),
            Event::Probe(probe) if !probe.ok => push_mark(state, at, MarkKind::Probe, &probe.probe),
            Event::Credentials { expires_at } => state.credentials_expire_at = Some(*expires_at),
            Event::Command(command) => {
                *state.commands.entry(command.state).or_default() += 1;
                self.commands.apply(at, command);
            }
            Event::Unknown => state.unknown_events += 1,
            Event::Experiment { id, what, details } => {
                experiment::on_experiment(state, at, (id, what), details);
            }
            Event::Probe(_) => {}
        }
    }

    /// Moves time to `at` and adds the time since the event before to the totals of the link state it was
    /// spent in.
    fn advance_to(&mut self, at: Stamp, event: &Event) -> Stamp {
        let state = &mut self.state;
        if !self.has_begun {
            self.has_begun = true;
            (state.since, state.at) = (at, at);
            return at;
        }
        let last = state.at;
        let at = Stamp { boot: at.boot.max(last.boot), ..at };
        state.at = at;
        let is_missed_drop =
            matches!(event, Event::Connected(_)) && matches!(state.link, LinkState::Connected { .. });
        if is_missed_drop {
            // The end of the session was not observed: it is censored at the last event, and the time
            // since then counts as spent without a session.
            ConnectionFold::end_session(state, last, false);
            state.link = LinkState::Connecting { since: last, failures: 0 };
        }
        if !matches!(event, Event::Started(_)) && state.running {
            state.time_totals.add_elapsed(at.since(last), &state.link);
        }
        at
    }

    fn on_alert(&mut self, at: Stamp, rule: &str, alert: &RecordedWord<AlertState>, message: &str) {
        self.commands.alert(at, rule, alert.known());
        if *alert == AlertState::Raised {
            push_mark(&mut self.state, at, MarkKind::Alert, message);
        }
    }
}

fn on_keep_alive_changed(state: &mut Snapshot, at: Stamp, from: f64, to: f64) {
    let (from, to) = (whole_secs(from), whole_secs(to));
    state.keep_alive_secs = to;
    push_mark(state, at, MarkKind::KeepAlive, &format!("keep-alive {from} s → {to} s"));
}

fn on_system(state: &mut Snapshot, at: Stamp, source: SystemSource, message: &str) {
    match source {
        SystemSource::Clock => state.metrics.clock_steps += 1,
        SystemSource::Power => state.metrics.suspends += 1,
        _ => {}
    }
    push_mark(state, at, MarkKind::System, message);
}

fn push_mark(state: &mut Snapshot, at: Stamp, kind: MarkKind, text: &str) {
    state.marks.push(Mark { at, kind, text: clean(text).into() });
}

/// Appends to the log, and to the context of the newest drop if it is recent enough.
fn push_log_entry(state: &mut Snapshot, entry: LogEntry) {
    state.log.push(entry);
    let Some(entry) = state.log.last().cloned() else { return };
    let belongs_to_last_drop = state.drops.last().is_some_and(|drop| {
        drop.after.len() < DropRecord::MAX_CONTEXT_EVENTS
            && entry.at.since(drop.at) <= DropRecord::CONTEXT_SPAN
    });
    if belongs_to_last_drop {
        state.drops.update_last(|drop| drop.after.push(entry));
    }
}
