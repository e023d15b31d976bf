//! Builds an export from a snapshot.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::redact::{Redactor, SensitiveKind, private_host};
use super::schema::{
    AlertEntry, ArmEntry, AttemptBuckets, AttemptPhase, ConnectFailures, ConnectionEntry, DeathWindowEntry,
    DropDetails, DropEntry, Evidence, Export, Extension, Latency, LogLine, MarkEntry, MetricsEntry, Overflow,
    PacketEntry, Period, RECENT, RecoveryEntry, SCHEMA_VERSION, SecondsPercentiles, SessionHistory,
    timestamp,
};
use super::verdict;
use crate::classify::Verdict;
use crate::diagnostics::event::{PacketNote, PhaseTiming};
use crate::diagnostics::facts::drop_facts;
use crate::diagnostics::{
    ConnectionRecord, DropRecord, LogEntry, MarkKind, Metrics, Percentiles, RecordedWord, Snapshot,
};

/// What an export needs beside the snapshot.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Replace identities by placeholders. Secrets are always replaced.
    pub redact: bool,
    /// Version of the program.
    pub version: String,
    /// Events and requests lost because a queue was full.
    pub events_lost: u64,
    /// Recording lines that could not be written.
    pub recording_lines_lost: u64,
    /// Further values known to be private (user name, account, device name), with their class.
    pub known_values: Vec<(SensitiveKind, String)>,
}

impl Default for ExportOptions {
    /// Redacted, this version, nothing lost.
    fn default() -> Self {
        Self {
            redact: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            events_lost: 0,
            recording_lines_lost: 0,
            known_values: Vec::new(),
        }
    }
}

impl Export {
    /// The export of a state, with the verdict about its drops. The same state, verdict and options give
    /// the same bytes.
    pub fn of(snapshot: &Snapshot, verdict: Option<&Verdict>, options: &ExportOptions) -> Self {
        let mut redactor = redactor(snapshot, options);
        let errors = redact_keys(&snapshot.metrics.connection_drops_by_error, &mut redactor);
        Self {
            timestamp: timestamp(snapshot.at.wall),
            metrics: metrics(&snapshot.metrics, errors.clone()),
            recent_drops: snapshot.drops.recent(RECENT).map(|drop| drop_entry(drop, &mut redactor)).collect(),
            recent_connections: snapshot
                .connections
                .recent(RECENT)
                .map(|connection| connection_entry(connection))
                .collect(),
            aws_error_counts: errors,
            session_history_summary: SessionHistory {
                total_sessions: snapshot.metrics.total_sessions,
                sample_durations: snapshot
                    .metrics
                    .sample_durations
                    .iter()
                    .map(Duration::as_secs_f64)
                    .collect(),
            },
            dropscope: Some(extension(snapshot, verdict, options, &mut redactor)),
        }
    }
}

/// A redactor that knows the client id, the host and the values of the options.
pub fn redactor(snapshot: &Snapshot, options: &ExportOptions) -> Redactor {
    let mut redactor = Redactor::new(!options.redact);
    if let Some(started) = &snapshot.started {
        redactor.add_known(SensitiveKind::Client, &started.client_id);
        if let Some(host) = private_host(&started.endpoint) {
            redactor.add_known(SensitiveKind::Host, host);
        }
    }
    for (kind, value) in &options.known_values {
        redactor.add_known(*kind, value);
    }
    redactor
}

fn metrics(metrics: &Metrics, drops_by_error: BTreeMap<String, u64>) -> MetricsEntry {
    let secs = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    let [one, few, some, many] =
        Metrics::ATTEMPT_CLASSES.map(|class| metrics.reconnection_attempts_distribution.get(class).copied());
    MetricsEntry {
        total_connections: metrics.total_connections,
        total_disconnects: metrics.total_disconnects,
        total_connection_drops: metrics.total_connection_drops,
        total_reconnect_attempts: metrics.total_reconnect_attempts,
        longest_session_seconds: secs(metrics.longest_session).unwrap_or(0.0),
        shortest_session_seconds: secs(metrics.shortest_session),
        average_session_seconds: secs(metrics.average_session).unwrap_or(0.0),
        current_session_uptime_seconds: metrics.current_session_uptime.as_secs_f64(),
        connection_drops_by_error: drops_by_error,
        reconnection_attempts_distribution: AttemptBuckets { one, few, some, many },
        last_drop_timestamp: metrics.last_drop.map(|at| timestamp(at.wall)),
        last_successful_connect_timestamp: metrics.last_successful_connect.map(|at| timestamp(at.wall)),
        connection_recovered: metrics.connection_recovered,
        messages_published: metrics.messages_published,
        messages_queued: metrics.messages_queued,
    }
}

fn drop_entry(drop: &DropRecord, redactor: &mut Redactor) -> DropEntry {
    DropEntry {
        timestamp: timestamp(drop.at.wall),
        error_name: optional(drop.event.error_name.as_deref(), redactor),
        error_message: optional(drop.event.error_message.as_deref(), redactor),
        error_code: drop.event.error_code,
        reconnect_attempt: drop.event.reconnect_attempt,
        duration_connected_seconds: drop.session_start.map(|start| drop.at.since(start).as_secs_f64()),
        active_subscriptions: drop.event.active_subscriptions,
        queued_commands: drop.event.queued_commands,
    }
}

fn connection_entry(connection: &ConnectionRecord) -> ConnectionEntry {
    ConnectionEntry {
        timestamp: timestamp(connection.at.wall),
        event_type: serialized_name(&connection.event_type),
        session_present: connection.session_present,
        return_code: connection.return_code,
        attempt_number: connection.attempt_number,
        time_to_reconnect_seconds: connection.time_to_reconnect.map(|time| time.as_secs_f64()),
    }
}

fn extension(
    snapshot: &Snapshot,
    verdict: Option<&Verdict>,
    options: &ExportOptions,
    redactor: &mut Redactor,
) -> Extension {
    let metrics = &snapshot.metrics;
    let started = snapshot.started.as_deref();
    let transport = started.and_then(|started| Some(started.transport.as_ref()?.as_str()));
    let requested_version = started.and_then(|started| Some(started.mqtt_version.as_ref()?.as_str()));
    let version = snapshot.mqtt_version.as_ref().map(RecordedWord::as_str).or(requested_version);
    Extension {
        schema_version: SCHEMA_VERSION,
        version: options.version.clone(),
        redacted: options.redact,
        period: period(snapshot),
        endpoint: optional(started.map(|started| started.endpoint.as_str()), redactor),
        transport: optional(transport, redactor),
        mqtt_version: optional(version, redactor),
        client_id: started.map(|started| redactor.value(SensitiveKind::Client, &started.client_id)),
        keep_alive_secs: snapshot.keep_alive_secs,
        time_scale: started.and_then(|started| finite(started.time_scale)),
        availability: finite(metrics.availability()),
        availability_proven: finite(metrics.proven_availability()),
        mtbf_secs: metrics.mtbf().map(|time| time.as_secs_f64()),
        mttr_secs: metrics.mttr.map(|time| time.as_secs_f64()),
        own_waiting_share: finite(metrics.own_waiting_share()),
        session_percentiles: metrics.session_percentiles.map(percentiles),
        recovery_percentiles: metrics.recovery_percentiles.map(percentiles),
        drops_by_layer: counts_by_name(&metrics.drops_by_layer),
        drops_by_how: counts_by_name(&metrics.drops_by_how),
        connect_failures: ConnectFailures {
            total: metrics.connect_failures,
            by_error: redact_keys(&metrics.failures_by_error, redactor),
        },
        latency: latency(snapshot),
        keep_alive_arms: arms(snapshot),
        experiments: Vec::new(),
        classification: verdict.map(|verdict| verdict::classification(&verdict.classification, redactor)),
        diagnosis: verdict.map(|verdict| verdict::diagnosis(&verdict.diagnosis, redactor)),
        evidence: evidence(snapshot, redactor),
        alerts: alerts(snapshot, redactor),
        commands: snapshot.commands.iter().map(|(state, count)| (serialized_name(state), *count)).collect(),
        drops: snapshot.drops.recent(RECENT).map(|drop| drop_details(drop, redactor)).collect(),
        overflow: overflow_counts(snapshot, options),
    }
}

fn period(snapshot: &Snapshot) -> Period {
    let metrics = &snapshot.metrics;
    Period {
        start: timestamp(snapshot.since.wall),
        end: timestamp(snapshot.at.wall),
        observed_secs: metrics.observed.as_secs_f64(),
        connected_secs: metrics.connected.as_secs_f64(),
        down_secs: metrics.down.as_secs_f64(),
        planned_down_secs: metrics.planned_down.as_secs_f64(),
    }
}

fn latency(snapshot: &Snapshot) -> Latency {
    let ping = &snapshot.ping;
    Latency {
        count: ping.count,
        last_ms: finite(ping.last_ms),
        p50_ms: finite(ping.p50_ms),
        p95_ms: finite(ping.p95_ms),
        p99_ms: finite(ping.p99_ms),
        max_ms: finite(ping.max_ms),
    }
}

fn arms(snapshot: &Snapshot) -> Vec<ArmEntry> {
    let entry = |arm: &crate::diagnostics::KeepAliveArm| ArmEntry {
        keep_alive_secs: arm.keep_alive_secs,
        connected_secs: arm.connected.as_secs_f64(),
        sessions: arm.sessions,
        drops: arm.drops,
    };
    snapshot.arms.iter().map(entry).collect()
}

fn evidence(snapshot: &Snapshot, redactor: &mut Redactor) -> Evidence {
    let limits = snapshot.limits.as_deref();
    let facts = drop_facts(snapshot);
    Evidence {
        facts: facts.known.iter().map(|fact| redactor.text(fact)).collect(),
        missing: facts.missing.iter().map(|fact| redactor.text(fact)).collect(),
        broker_limits: limits.map(|limits| redact_keys(limits, redactor)).unwrap_or_default(),
        credentials_expire_at: snapshot.credentials_expire_at.map(timestamp),
        messages_received: snapshot.metrics.messages_received,
        refused_subscriptions: snapshot.metrics.refused_subscriptions,
        suspends: snapshot.metrics.suspends,
        clock_steps: snapshot.metrics.clock_steps,
        marks: snapshot
            .marks
            .iter()
            .map(|mark| MarkEntry {
                timestamp: timestamp(mark.at.wall),
                kind: mark_kind_name(mark.kind).to_owned(),
                text: redactor.text(&mark.text),
            })
            .collect(),
    }
}

fn alerts(snapshot: &Snapshot, redactor: &mut Redactor) -> Vec<AlertEntry> {
    let alerts = snapshot.marks.iter().filter(|mark| mark.kind == MarkKind::Alert);
    alerts
        .map(|mark| AlertEntry { timestamp: timestamp(mark.at.wall), message: redactor.text(&mark.text) })
        .collect()
}

fn overflow_counts(snapshot: &Snapshot, options: &ExportOptions) -> Overflow {
    let (drops, connections) = (snapshot.drops.evicted(), snapshot.connections.evicted());
    let (marks, log) = (snapshot.marks.evicted(), snapshot.log.evicted());
    Overflow {
        drops_evicted: drops,
        connections_evicted: connections,
        marks_evicted: marks,
        log_evicted: log,
        events_evicted: drops + connections + marks + log,
        unknown_events: snapshot.unknown_events,
        events_lost: options.events_lost,
        recording_lines_lost: options.recording_lines_lost,
    }
}

fn drop_details(drop: &DropRecord, redactor: &mut Redactor) -> DropDetails {
    let secs = |duration: Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    let (earliest, latest) = drop.death_window;
    let attempt = drop.attempt.as_deref();
    DropDetails {
        number: drop.number,
        timestamp: timestamp(drop.at.wall),
        error_name: optional(drop.event.error_name.as_deref(), redactor),
        layer: drop.event.layer.as_ref().map(serialized_name),
        how: drop.event.how.as_ref().map(serialized_name),
        reason_code: drop.event.reason_code,
        ws_close_code: drop.event.ws_close_code,
        keep_alive_secs: drop.keep_alive_secs,
        session_start: drop.session_start.map(|at| timestamp(at.wall)),
        session_age_secs: secs(drop.session_age),
        death_window: DeathWindowEntry {
            earliest: timestamp(earliest.wall),
            latest: timestamp(latest.wall),
            width_secs: latest.since(earliest).as_secs_f64(),
        },
        idle_in_secs: secs(drop.idle_in),
        idle_out_secs: secs(drop.idle_out),
        messages_received: drop.counts.received,
        messages_published: drop.counts.published,
        pings: drop.counts.pings,
        connect_phases: attempt.map(|attempt| phases(&attempt.phases, redactor)).unwrap_or_default(),
        last_packets: drop.event.packets.iter().map(|note| packet(note, redactor)).collect(),
        before: log_lines(&drop.before, redactor),
        after: log_lines(&drop.after, redactor),
        failed_attempts: drop.failed_attempts,
        recovery: drop.recovery.as_ref().map(|recovery| RecoveryEntry {
            timestamp: timestamp(recovery.at.wall),
            took_secs: recovery.took.as_secs_f64(),
            session_present: recovery.session_present,
            phases: phases(&recovery.phases, redactor),
        }),
    }
}

fn phases(phases: &[PhaseTiming], redactor: &mut Redactor) -> Vec<AttemptPhase> {
    let entry = |timing: &PhaseTiming| AttemptPhase {
        phase: serialized_name(&timing.phase),
        ms: finite(Some(timing.ms)),
        ok: timing.ok,
        error: optional(timing.error.as_deref(), redactor),
        detail: optional(timing.detail.as_deref(), redactor),
    };
    phases.iter().map(entry).collect()
}

fn packet(note: &PacketNote, redactor: &mut Redactor) -> PacketEntry {
    PacketEntry {
        ago_secs: finite(Some(note.ago_secs)),
        direction: if note.incoming { "in" } else { "out" }.to_owned(),
        packet: redactor.text(&note.packet),
        topic: optional(note.topic.as_deref(), redactor),
        bytes: note.bytes,
    }
}

fn log_lines(entries: &[std::sync::Arc<LogEntry>], redactor: &mut Redactor) -> Vec<LogLine> {
    let line = |entry: &std::sync::Arc<LogEntry>| LogLine {
        timestamp: timestamp(entry.at.wall),
        text: redactor.text(&entry.text),
    };
    entries.iter().map(line).collect()
}

fn percentiles(points: Percentiles) -> SecondsPercentiles {
    SecondsPercentiles {
        count: points.count,
        min: points.min.as_secs_f64(),
        p10: points.p10.as_secs_f64(),
        p50: points.p50.as_secs_f64(),
        p90: points.p90.as_secs_f64(),
        p99: points.p99.as_secs_f64(),
        max: points.max.as_secs_f64(),
    }
}

fn optional(text: Option<&str>, redactor: &mut Redactor) -> Option<String> {
    text.map(|text| redactor.text(text))
}

/// Replaces private values in names: any program may have written the recording.
fn redact_keys(counts: &BTreeMap<String, u64>, redactor: &mut Redactor) -> BTreeMap<String, u64> {
    let mut clean = BTreeMap::new();
    for (name, count) in counts {
        *clean.entry(redactor.text(name)).or_default() += count;
    }
    clean
}

/// JSON has no infinity and no NaN; what is neither is null.
fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// Counts by the word the recording format uses for a key.
fn counts_by_name<K: Serialize + Ord>(counts: &BTreeMap<Option<K>, u64>) -> BTreeMap<String, u64> {
    let name = |key: &Option<K>| key.as_ref().map_or_else(|| "unknown".to_owned(), serialized_name);
    counts.iter().map(|(key, count)| (name(key), *count)).collect()
}

/// The word the recording format uses for a value of a plain enumeration.
fn serialized_name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

fn mark_kind_name(kind: MarkKind) -> &'static str {
    match kind {
        MarkKind::Note => "note",
        MarkKind::KeepAlive => "keep_alive",
        MarkKind::System => "system",
        MarkKind::Disconnect => "disconnect",
        MarkKind::ConnectFailed => "connect_failed",
        MarkKind::Probe => "probe",
        MarkKind::Alert => "alert",
        MarkKind::Device => "device",
        MarkKind::Experiment => "experiment",
    }
}
