//! The fold from events to sessions, and the other data that the hypotheses use.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::live::{BURST_GAP, BURST_GAP_OF_WHOLE_SECONDS, LiveSession};
use super::log_tables::{ClientIds, MAX_NAMES, NameTable, PingIntervals, RunCoverage};
use super::normalize::normalize;
use super::separation::SeparationTest;
use super::session::{PacketSeen, Secs, Session};
use super::silences::SilenceLog;
use super::stated_cause::{Circumstances, stated_cause};
use crate::diagnostics::event::{
    ConnectFailedEvent, ConnectedEvent, DroppedEvent, Message, Phase, ProbeResult, StartedEvent, SystemSource,
};
use crate::diagnostics::{Event, Stamp};

mod traffic;

/// Sessions kept; the oldest eighth is dropped when there are more.
pub(super) const MAX_SESSIONS: usize = 12_000;
/// System events, credentials and failed probes kept of each.
const MAX_ENTRIES: usize = 20_000;
/// The name of subscribing among the topics of own operations; no topic contains a NUL.
pub(super) const SUBSCRIBE: &str = "\0SUBSCRIBE";
/// Runs kept.
const MAX_RUNS: usize = 1_000;
/// Longest plausible round trip, in seconds.
const MAX_RTT_SECS: f64 = 60.0;

/// All input of the hypotheses, in bounded memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    pub(super) sessions: Vec<Session>,
    pub(super) live: Option<LiveSession>,
    pub(super) silences: SilenceLog,
    /// Moment and name of each system event.
    pub(super) system_events: Vec<(Secs, u32)>,
    pub(super) system_names: NameTable,
    /// Power events (suspend, resume).
    pub(super) power_events: Vec<Secs>,
    /// Moments at which this computer or program was found not to have run for a while.
    standstills: Vec<Secs>,
    /// Moment of each renewal, and the expiry.
    pub(super) credentials: Vec<(Secs, Secs)>,
    /// Failed probes, and whether the target was the gateway.
    pub(super) failed_probes: Vec<(Secs, bool)>,
    pub(super) probes: u64,
    pub(super) topics: NameTable,
    client_ids: ClientIds,
    /// Own addresses.
    networks: NameTable,
    /// Cache of the numbers of recent topics before normalization.
    topic_cache: HashMap<Arc<str>, u32>,
    /// Publishes of each topic.
    pub(super) topic_counts: Vec<u64>,
    /// Sizes of all bursts of own messages.
    pub(super) bursts: BTreeMap<u64, u64>,
    /// Messages counted in windows, and recorded one by one.
    pub(super) aggregated: u64,
    pub(super) single: u64,
    /// Answered pings.
    pub(super) pings: u64,
    pub(super) ping_intervals: PingIntervals,
    /// What each run of the recording contains, oldest first.
    pub(super) runs: Vec<RunCoverage>,
    /// Whether every stamp so far is a whole second (and there was one).
    pub(super) whole_seconds: bool,
    /// The newest `started`.
    pub(super) started: Option<StartedEvent>,
    pub(super) mqtt_version: Option<String>,
    /// Failed connects by phase, and by HTTP status.
    pub(super) failed_phases: BTreeMap<Option<Phase>, u64>,
    pub(super) http_refusals: BTreeMap<u16, u64>,
    /// Sessions dropped from memory.
    pub(super) evicted_sessions: u64,
    /// First and newest event, on both clocks.
    pub(super) first: Option<(Secs, f64)>,
    pub(super) newest: Option<(Secs, f64)>,
    keep_alive: f64,
    expiry: Option<Secs>,
    evicted_runs: u32,
    /// Whether the newest session dropped and no other has followed.
    is_awaiting_reconnect: bool,
}

/// Keeps the newest entries of a list, removing an eighth of it at a time.
fn keep_newest<T>(list: &mut Vec<T>, most: usize) -> u64 {
    if list.len() <= most {
        return 0;
    }
    let evicted = list.len() - most + most / 8;
    list.drain(..evicted.min(list.len()));
    u64::try_from(evicted).unwrap_or(u64::MAX)
}

/// The keep-alive in seconds; infinite if it is off.
fn keep_alive_or_infinity(keep_alive_secs: f64) -> f64 {
    if keep_alive_secs > 0.0 { keep_alive_secs } else { f64::INFINITY }
}

fn to_u32(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Unix time in seconds.
#[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium are exact")]
pub(super) fn unix(at: Stamp) -> f64 {
    at.wall.timestamp_millis() as f64 / 1_000.0
}

impl Log {
    /// Takes one event, stamp and durations in field time.
    pub(super) fn apply(&mut self, at: Stamp, event: &Event) {
        let before = self.newest;
        let now = at.boot.as_secs_f64().max(before.map_or(0.0, |(newest, _)| newest));
        let wall = unix(at);
        let is_whole_second = at.wall.timestamp_subsec_millis() == 0 && at.boot.subsec_micros() == 0;
        self.whole_seconds = is_whole_second && (self.whole_seconds || before.is_none());
        self.first.get_or_insert((now, wall));
        self.newest = Some((now, wall));
        match event {
            Event::Published(message) if message.queued => {}
            Event::Published(message) => self.published(now, message),
            Event::Received(_) => self.received(now),
            Event::Traffic { published, received, window_secs } => {
                self.traffic(now, *published, *received, *window_secs);
            }
            Event::Ping { rtt_ms } => self.ping(now, *rtt_ms / 1_000.0),
            Event::Started(started) => {
                self.end_censored(before.unwrap_or((now, wall)));
                self.keep_alive = keep_alive_or_infinity(started.keep_alive_secs);
                self.started = Some(started.clone());
                self.client_ids.on_started(&started.client_id);
                self.runs.push(RunCoverage::default());
                self.evicted_runs += to_u32(keep_newest(&mut self.runs, MAX_RUNS));
            }
            Event::KeepAliveChanged { to, .. } => self.keep_alive = keep_alive_or_infinity(*to),
            Event::Connected(connected) => self.connected(now, wall, before, connected),
            Event::Dropped(dropped) => self.dropped(now, wall, before, dropped),
            Event::ConnectFailed(failed) => self.connect_failed(failed),
            Event::Disconnected { .. } | Event::Stopped { .. } => {
                self.end_censored((now, wall));
                self.is_awaiting_reconnect = false;
            }
            Event::System { source, message } => self.system(now, *source, message),
            Event::Credentials { expires_at } => {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium are exact")]
                let expiry = now + (expires_at.timestamp_millis() as f64 / 1_000.0 - wall);
                self.expiry = Some(expiry);
                self.credentials.push((now, expiry));
                keep_newest(&mut self.credentials, MAX_ENTRIES);
            }
            Event::Probe(probe) => self.probe(now, probe),
            Event::Experiment { id, what, details } if id == SeparationTest::EXPERIMENT_ID => {
                self.client_ids.on_separation(what, details);
            }
            Event::Subscribed { .. } => {
                let number = self.count_topic(&Arc::from(SUBSCRIBE));
                if let Some(live) = &mut self.live {
                    live.is_subscribed = true;
                    live.record_operation(number, now);
                }
            }
            _ => {}
        }
    }

    /// The coverage of the run of a session.
    pub(super) fn coverage(&self, session: &Session) -> RunCoverage {
        let index = session.run.checked_sub(self.evicted_runs).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.runs.get(index)).copied().unwrap_or_default()
    }

    /// The number of the current run.
    fn run(&mut self) -> u32 {
        if self.runs.is_empty() {
            self.runs.push(RunCoverage::default());
        }
        self.evicted_runs + to_u32(u64::try_from(self.runs.len() - 1).unwrap_or(u64::MAX))
    }

    fn packet_recorded(&mut self) {
        self.run();
        if let Some(run) = self.runs.last_mut() {
            run.has_packets = true;
        }
    }

    fn published(&mut self, now: Secs, message: &Message) {
        self.single = self.single.saturating_add(1);
        self.packet_recorded();
        let topic = self.count_topic(&message.topic);
        let Some(live) = &mut self.live else { return };
        live.session.published = live.session.published.saturating_add(1);
        live.session.last_publish = Some(now);
        live.session.last_message = Some(now);
        live.record_packet(
            PacketSeen {
                at: now,
                is_outgoing: true,
                is_ping: false,
                needs_no_reply: message.qos.is_none_or(|qos| qos == 0),
            },
            &mut self.silences,
        );
        let bursts = &mut self.bursts;
        let gap = if self.whole_seconds { BURST_GAP_OF_WHOLE_SECONDS } else { BURST_GAP };
        live.record_publish(topic, now, gap, &mut |size| count_burst(bursts, size));
    }

    /// The number of a topic, one publish counted.
    fn count_topic(&mut self, topic: &Arc<str>) -> u32 {
        let number = if let Some(number) = self.topic_cache.get(topic) {
            *number
        } else {
            if self.topic_cache.len() >= MAX_NAMES {
                self.topic_cache.clear();
            }
            let number = self.topics.number_of(&normalize(topic, 4));
            self.topic_cache.insert(Arc::clone(topic), number);
            number
        };
        let index = usize::try_from(number).unwrap_or(usize::MAX).min(MAX_NAMES);
        if self.topic_counts.len() <= index {
            self.topic_counts.resize(index + 1, 0);
        }
        if let Some(count) = self.topic_counts.get_mut(index) {
            *count += 1;
        }
        number
    }

    fn received(&mut self, now: Secs) {
        self.packet_recorded();
        self.single = self.single.saturating_add(1);
        let Some(live) = &mut self.live else { return };
        live.session.received = live.session.received.saturating_add(1);
        live.session.last_message = Some(now);
        live.record_packet(
            PacketSeen { at: now, is_outgoing: false, is_ping: false, needs_no_reply: false },
            &mut self.silences,
        );
    }

    fn ping(&mut self, now: Secs, round_trip: f64) {
        self.packet_recorded();
        self.pings += 1;
        let Some(live) = &mut self.live else { return };
        let round_trip = if round_trip.is_finite() { round_trip.clamp(0.0, MAX_RTT_SECS) } else { 0.0 };
        // The event is recorded at the answer; the packet was sent one round trip earlier.
        let sent = (now - round_trip).max(live.session.start);
        self.ping_intervals.add(live.since_outgoing(sent), live.session.keep_alive);
        live.record_packet(
            PacketSeen { at: sent, is_outgoing: true, is_ping: true, needs_no_reply: false },
            &mut self.silences,
        );
        live.record_packet(
            PacketSeen { at: now, is_outgoing: false, is_ping: true, needs_no_reply: false },
            &mut self.silences,
        );
    }

    fn connected(&mut self, now: Secs, wall: f64, before: Option<(Secs, f64)>, connected: &ConnectedEvent) {
        // A connect without a preceding end: the end of the previous session was not recorded.
        self.end_censored(before.unwrap_or((now, wall)));
        self.keep_alive = keep_alive_or_infinity(connected.keep_alive_secs);
        if let Some(version) = &connected.mqtt_version {
            self.mqtt_version = Some(version.as_str().to_owned());
        }
        let mut session = Session::begin(now, wall, self.keep_alive);
        session.credentials = self.expiry;
        session.run = self.run();
        session.client_id = self.client_ids.current();
        session.network = connected.local.as_deref().map(|local| self.networks.own_network_of(local));
        if std::mem::take(&mut self.is_awaiting_reconnect)
            && let Some(last) = self.sessions.last_mut()
        {
            last.followed_by(&session);
        }
        self.live = Some(LiveSession::new(session));
    }

    fn dropped(&mut self, now: Secs, wall: f64, before: Option<(Secs, f64)>, dropped: &DroppedEvent) {
        if !dropped.packets.is_empty() {
            self.packet_recorded();
        }
        let (run, client_id) = (self.run(), self.client_ids.current());
        let live = self.live.take().unwrap_or_else(|| {
            // The start was not recorded: the session is known from the previous event on.
            let (start, start_wall) = before.unwrap_or((now, wall));
            let mut session = Session::begin(start, start_wall, self.keep_alive.max(1.0));
            session.is_start_known = false;
            session.run = run;
            session.client_id = client_id;
            LiveSession::new(session)
        });
        let mut live = live;
        if let Some(ago) = live.unanswered_subscribe(now, dropped) {
            let number = self.count_topic(&Arc::from(SUBSCRIBE));
            live.record_operation(number, now - ago);
        }
        let bursts = &mut self.bursts;
        let session =
            live.dropped(now, wall, dropped, &mut self.silences, &mut |size| count_burst(bursts, size));
        let mut session = session;
        self.state_cause(&mut session, dropped);
        self.push(session);
        self.is_awaiting_reconnect = true;
    }

    fn state_cause(&self, session: &mut Session, dropped: &DroppedEvent) {
        /// Credentials that expired this many seconds before a drop, or at most a second after it, explain it.
        const EXPIRED_WITHIN: f64 = 30.0;
        let (end, keep_alive) = (session.end, session.keep_alive);
        let Some(ending) = session.ending.as_deref_mut() else { return };
        let since = end - 2.0 * keep_alive.min(3_600.0);
        let circumstances = Circumstances {
            did_not_run: self.standstills.last().is_some_and(|at| *at >= since),
            credentials_expired: self
                .expiry
                .into_iter()
                .chain(session.credentials)
                .any(|expiry| (-1.0..=EXPIRED_WITHIN).contains(&(end - expiry))),
        };
        ending.stated = stated_cause(dropped, ending.reason_code, circumstances);
    }

    fn connect_failed(&mut self, failed: &ConnectFailedEvent) {
        *self.failed_phases.entry(failed.phase).or_default() += 1;
        if let Some(status) = failed.http_status
            && (self.http_refusals.len() < 64 || self.http_refusals.contains_key(&status))
        {
            *self.http_refusals.entry(status).or_default() += 1;
        }
        if self.is_awaiting_reconnect
            && let Some(ending) = self.sessions.last_mut().and_then(|session| session.ending.as_mut())
        {
            ending.failed_connects = ending.failed_connects.saturating_add(1);
        }
    }

    fn system(&mut self, now: Secs, source: SystemSource, message: &str) {
        // A clock step ends no session, and the time axis already compensates for it.
        if source == SystemSource::Clock {
            return;
        }
        if source == SystemSource::Power {
            self.power_events.push(now);
            keep_newest(&mut self.power_events, MAX_ENTRIES);
        }
        if source == SystemSource::Power
            || (source == SystemSource::Resource && message.contains("did not run"))
        {
            self.standstills.push(now);
            keep_newest(&mut self.standstills, MAX_ENTRIES);
        }
        let name = format!("{}: {}", source.name(), normalize(message, 1));
        let number = self.system_names.number_of(&name);
        self.system_events.push((now, number));
        keep_newest(&mut self.system_events, MAX_ENTRIES);
    }

    fn probe(&mut self, now: Secs, probe: &ProbeResult) {
        self.probes += 1;
        if !probe.ok {
            self.failed_probes.push((now, probe.probe == "gateway"));
            keep_newest(&mut self.failed_probes, MAX_ENTRIES);
        }
    }

    fn end_censored(&mut self, (at, wall): (Secs, f64)) {
        if let Some(live) = self.live.take() {
            let session = live.censored(at, wall);
            self.push(session);
        }
    }

    fn push(&mut self, session: Session) {
        self.sessions.push(session);
        self.evicted_sessions += keep_newest(&mut self.sessions, MAX_SESSIONS);
    }
}

fn count_burst(bursts: &mut BTreeMap<u64, u64>, size: u64) {
    // Sizes have a resolution of 1/16, so that the table stays small.
    let step = (size / 16).max(1);
    *bursts.entry(size / step * step).or_default() += 1;
}

#[cfg(test)]
mod tests;
