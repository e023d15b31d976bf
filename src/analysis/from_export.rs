//! The events of an export.
//!
//! Only listed items become events. Items that are only counted are reported in a sentence, because their times are not
//! known.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;

use crate::diagnostics::event::{
    ConnectFailedEvent, ConnectedEvent, DroppedEvent, PacketNote, StartedEvent, SystemSource,
};
use crate::diagnostics::words::count;
use crate::diagnostics::{Event, RecordedWord, Stamp, StampedEvent};
use crate::export::Export;
use crate::export::schema::{DropDetails, DropEntry, Extension, MarkEntry, PacketEntry};

/// A listed session and one computed from a drop are the same within this.
const SAME_SESSION: TimeDelta = TimeDelta::seconds(1);

/// Events by time; those of one instant in insertion order.
type Timeline = Vec<(DateTime<Utc>, Event)>;

/// The events in the order of time, and remarks on items that are counted but not listed.
pub(super) fn events(export: &Export) -> (Vec<StampedEvent>, Vec<String>) {
    let mut timeline = Timeline::new();
    let mut unreadable = 0;
    let extension = export.dropscope.as_ref();
    if let Some((extension, start)) = extension.and_then(|one| Some((one, parse_time(&one.period.start)?))) {
        timeline.push((start, Event::Started(started(extension))));
    }
    let connects = connects(export, &mut unreadable);
    let drops = drops(export, &mut unreadable);
    sessions(connects, drops, keep_alive(extension), &mut timeline);
    if let Some(extension) = extension {
        timeline.extend(extension.evidence.marks.iter().filter_map(mark));
    }
    if let Some(end) = parse_time(&export.timestamp) {
        // No traffic, but the time up to that instant was watched.
        timeline.push((end, Event::Traffic { published: 0, received: 0, window_secs: 0.0 }));
    }
    timeline.sort_by_key(|(at, _)| *at);
    (stamp_events(timeline), remarks(export, unreadable))
}

fn stamp_events(timeline: Timeline) -> Vec<StampedEvent> {
    let origin = timeline.first().map(|(at, _)| *at);
    let stamp = |at: DateTime<Utc>| {
        let passed = origin.and_then(|origin| (at - origin).to_std().ok()).unwrap_or(Duration::ZERO);
        Stamp::new(at, passed)
    };
    timeline.into_iter().map(|(at, event)| StampedEvent { at: stamp(at), event }).collect()
}

/// A time of an export; without an offset it is UTC.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let naive = || text.parse::<NaiveDateTime>().ok().map(|at| at.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(naive)
}

fn keep_alive(extension: Option<&Extension>) -> f64 {
    extension.map_or(0.0, |extension| extension.keep_alive_secs.into())
}

fn started(extension: &Extension) -> StartedEvent {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    StartedEvent {
        version: Some(extension.version.clone()),
        keep_alive_secs: extension.keep_alive_secs.into(),
        client_id: text(&extension.client_id),
        endpoint: text(&extension.endpoint),
        mqtt_version: extension.mqtt_version.as_deref().map(RecordedWord::parse),
        transport: extension.transport.as_deref().map(RecordedWord::parse),
        // Times in exports are field times already.
        ..StartedEvent::default()
    }
}

fn connects(export: &Export, unreadable: &mut u64) -> BTreeMap<DateTime<Utc>, ConnectedEvent> {
    let mut connects = BTreeMap::new();
    for entry in &export.recent_connections {
        let Some(at) = parse_time(&entry.timestamp) else {
            *unreadable += 1;
            continue;
        };
        let connected = ConnectedEvent {
            event_type: parse_word(&entry.event_type).unwrap_or_default(),
            session_present: entry.session_present,
            return_code: entry.return_code,
            attempt_number: entry.attempt_number,
            keep_alive_secs: keep_alive(export.dropscope.as_ref()),
            mqtt_version: export
                .dropscope
                .as_ref()
                .and_then(|extension| extension.mqtt_version.as_deref())
                .map(RecordedWord::parse),
            ..ConnectedEvent::default()
        };
        connects.insert(at, connected);
    }
    connects
}

/// A drop, and the start of its session if the export has it.
struct ListedDrop {
    at: DateTime<Utc>,
    session_start: Option<DateTime<Utc>>,
    keep_alive_secs: Option<f64>,
    event: DroppedEvent,
}

fn drops(export: &Export, unreadable: &mut u64) -> Vec<ListedDrop> {
    let details: &[DropDetails] = export.dropscope.as_ref().map_or(&[], |extension| &extension.drops);
    let mut drops = Vec::new();
    for (index, entry) in export.recent_drops.iter().enumerate() {
        let Some(at) = parse_time(&entry.timestamp) else {
            *unreadable += 1;
            continue;
        };
        // Both lists hold the same drops, except in an edited file.
        let detail = details.get(index).filter(|detail| detail.timestamp == entry.timestamp);
        let length = entry.duration_connected_seconds.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        let by_length = length.and_then(|length| at.checked_sub_signed(TimeDelta::from_std(length).ok()?));
        let recorded_start = detail.and_then(|detail| parse_time(detail.session_start.as_deref()?));
        drops.push(ListedDrop {
            at,
            session_start: recorded_start.or(by_length),
            keep_alive_secs: detail.map(|detail| detail.keep_alive_secs.into()),
            event: dropped(entry, detail),
        });
    }
    drops.sort_by_key(|drop| drop.at);
    drops
}

fn dropped(entry: &DropEntry, detail: Option<&DropDetails>) -> DroppedEvent {
    let plain = DroppedEvent {
        error_name: entry.error_name.clone(),
        error_message: entry.error_message.clone(),
        error_code: entry.error_code,
        reconnect_attempt: entry.reconnect_attempt,
        active_subscriptions: entry.active_subscriptions,
        queued_commands: entry.queued_commands,
        ..DroppedEvent::default()
    };
    let Some(detail) = detail else { return plain };
    DroppedEvent {
        layer: detail.layer.as_deref().and_then(parse_word),
        how: detail.how.as_deref().and_then(parse_word),
        reason_code: detail.reason_code,
        ws_close_code: detail.ws_close_code,
        last_rx_secs: detail.idle_in_secs,
        last_tx_secs: detail.idle_out_secs,
        packets: detail.last_packets.iter().map(packet).collect(),
        ..plain
    }
}

fn packet(entry: &PacketEntry) -> PacketNote {
    PacketNote {
        ago_secs: entry.ago_secs.unwrap_or(0.0),
        incoming: entry.direction == "in",
        packet: entry.packet.clone(),
        topic: entry.topic.as_deref().map(Into::into),
        bytes: entry.bytes,
    }
}

/// Puts sessions and drops on the timeline. A drop contains the start of its session, which may no longer be listed. The
/// reference records every failed attempt of an outage as a further drop of the ended session: such a drop has a start
/// before the previous drop.
fn sessions(
    mut connects: BTreeMap<DateTime<Utc>, ConnectedEvent>,
    drops: Vec<ListedDrop>,
    keep_alive_secs: f64,
    timeline: &mut Timeline,
) {
    let mut ends = Timeline::new();
    let mut before: Option<DateTime<Utc>> = None;
    for drop in drops {
        let listed = connects.range(..=drop.at).next_back().map(|(at, _)| *at);
        let listed = listed.filter(|at| before.is_none_or(|before| *at >= before));
        let is_after_last_drop =
            |at: &DateTime<Utc>| before.is_none_or(|before| *at + SAME_SESSION >= before);
        let computed = drop.session_start.filter(|at| listed.is_none() && is_after_last_drop(at));
        if listed.or(computed).is_none() && before.is_some() && drop.session_start.is_some() {
            ends.push((drop.at, Event::ConnectFailed(failed(&drop.event))));
            continue;
        }
        if let Some(start) = computed {
            connects.insert(start, ConnectedEvent { keep_alive_secs, ..ConnectedEvent::default() });
        }
        let session = listed.or(computed).and_then(|at| connects.get_mut(&at));
        if let (Some(session), Some(secs)) = (session, drop.keep_alive_secs) {
            session.keep_alive_secs = secs;
        }
        before = Some(drop.at);
        ends.push((drop.at, Event::Dropped(drop.event)));
    }
    timeline.extend(connects.into_iter().map(|(at, connected)| (at, Event::Connected(connected))));
    timeline.append(&mut ends);
}

fn failed(drop: &DroppedEvent) -> ConnectFailedEvent {
    ConnectFailedEvent {
        error_name: drop.error_name.clone(),
        error_message: drop.error_message.clone(),
        error_code: drop.error_code,
        attempt_number: drop.reconnect_attempt,
        layer: drop.layer,
        ..ConnectFailedEvent::default()
    }
}

/// Notes and system events; all other marks are in other lists of the export.
fn mark(entry: &MarkEntry) -> Option<(DateTime<Utc>, Event)> {
    let at = parse_time(&entry.timestamp)?;
    let text = entry.text.clone();
    match entry.kind.as_str() {
        "note" => Some((at, Event::Note { text })),
        "system" => Some((at, Event::System { source: SystemSource::Other, message: text })),
        _ => None,
    }
}

/// A word of the recording format; `None` if this version does not know it.
fn parse_word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// Remarks on counters that exceed the lists.
fn remarks(export: &Export, unreadable: u64) -> Vec<String> {
    let metrics = &export.metrics;
    let mut remarks = Vec::new();
    let listed = u64::try_from(export.recent_drops.len()).unwrap_or(u64::MAX);
    let missing = metrics.total_connection_drops.saturating_sub(listed);
    if missing > 0 {
        remarks.push(format!(
            "it counts {} but lists {listed}: the {missing} oldest are not analyzed; the recording has them",
            count(metrics.total_connection_drops, "drop", "drops"),
        ));
    }
    let recovered = metrics.total_connections.saturating_add(metrics.connection_recovered);
    let listed = u64::try_from(export.recent_connections.len()).unwrap_or(u64::MAX);
    let missing = recovered.saturating_sub(listed);
    if missing > 0 {
        remarks.push(format!(
            "it counts {} but lists {listed}: of {missing} only the length is known, if they ended in a listed drop",
            count(recovered, "session", "sessions"),
        ));
    }
    if metrics.total_disconnects > 0 {
        let ended = count(metrics.total_disconnects, "session was", "sessions were");
        remarks.push(format!("{ended} ended on purpose; when is not listed"));
    }
    let messages = metrics.messages_published.saturating_add(metrics.messages_queued);
    if messages > 0 {
        let sent = count(messages, "message was", "messages were");
        remarks
            .push(format!("{sent} sent or queued; when is not listed, so causes by messages cannot be seen"));
    }
    if unreadable > 0 {
        remarks.push(format!("{} without a readable time left out", count(unreadable, "entry", "entries")));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::{Diagnostics, Snapshot};
    use crate::export::ExportOptions;

    fn fold(events: &[StampedEvent]) -> Snapshot {
        let mut fold = Diagnostics::new(1_000);
        for observed in events {
            fold.apply(observed.at, &observed.event);
        }
        fold.snapshot(events.last().expect("an event").at)
    }

    fn reference() -> Export {
        let text = include_str!("../../tests/fixtures/nwp500-export-example.json");
        serde_json::from_str(text).expect("the reference's format")
    }

    #[test]
    fn the_reference_export_becomes_its_sessions_drops_and_failed_attempts() {
        let (events, remarks) = events(&reference());
        let kinds: Vec<_> = events
            .iter()
            .map(|observed| match observed.event {
                Event::Connected(_) => 'c',
                Event::Dropped(_) => 'd',
                Event::ConnectFailed(_) => 'f',
                _ => '.',
            })
            .collect();
        assert_eq!(String::from_iter(kinds), "cdcdffc.");
        let seen = fold(&events);
        assert_eq!(seen.metrics.total_connection_drops, 2);
        assert_eq!(seen.metrics.connect_failures, 2);
        assert_eq!(seen.metrics.connection_recovered, 2);
        assert_eq!(seen.metrics.longest_session, Some(Duration::from_millis(1_234_500)));
        assert_eq!(seen.metrics.current_session_uptime, Duration::from_secs(60));
        assert!(
            remarks.iter().any(|remark| remark.contains("6 messages were sent or queued")),
            "{remarks:?}"
        );
        assert_eq!(remarks.len(), 1, "{remarks:?}");
    }

    #[test]
    fn an_export_gives_back_the_drops_it_was_made_of() {
        let at = |secs: u64| {
            Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO)
                .plus(Duration::from_secs(secs))
        };
        let mut live = Diagnostics::new(1_000);
        live.apply(at(0), &Event::Started(StartedEvent { keep_alive_secs: 60.0, ..StartedEvent::default() }));
        for n in 0..80 {
            let connected = ConnectedEvent { keep_alive_secs: 60.0, ..ConnectedEvent::default() };
            live.apply(at(n * 400 + 1), &Event::Connected(connected));
            let dropped =
                DroppedEvent { last_rx_secs: Some(12.5), reason_code: Some(0x8E), ..DroppedEvent::default() };
            live.apply(at(n * 400 + 301), &Event::Dropped(dropped));
        }
        let export = Export::of(&live.snapshot(at(40_000)), None, &ExportOptions::default());
        let (events, remarks) = events(&export);
        let seen = fold(&events);
        assert_eq!(seen.metrics.total_connection_drops, 50);
        assert!(
            remarks.iter().any(|remark| remark.contains("it counts 80 drops but lists 50")),
            "{remarks:?}"
        );
        assert_eq!(
            seen.metrics.session_percentiles.map(|points| (points.count, points.min)),
            Some((50, Duration::from_secs(300)))
        );
        let (ours, theirs) = (seen.drops.last().expect("a drop"), live.snapshot(at(40_000)));
        assert_eq!(ours.event, theirs.drops.last().expect("a drop").event);
        assert_eq!(seen.at.wall, at(40_000).wall);
        assert_eq!(seen.keep_alive_secs, 60);
    }

    #[test]
    fn a_session_no_longer_listed_is_known_by_its_length() {
        let mut export = reference();
        export.recent_connections.clear();
        let seen = fold(&events(&export).0);
        assert_eq!(seen.metrics.total_connection_drops, 2);
        assert_eq!(seen.drops.iter().filter(|drop| drop.session_start.is_some()).count(), 2);
    }

    #[test]
    fn invalid_entries_are_skipped_and_reported() {
        let mut export = reference();
        export.recent_drops[0].timestamp = "yesterday".to_owned();
        export.recent_drops[1].duration_connected_seconds = Some(1e300);
        export.recent_drops[2].duration_connected_seconds = Some(-5.0);
        export.timestamp = "2026-08-03T12:27:13.75".to_owned();
        let (events, remarks) = events(&export);
        assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
        assert!(
            remarks.iter().any(|remark| remark.starts_with("1 entry without a readable time")),
            "{remarks:?}"
        );
        assert_eq!(
            events.last().map(|last| last.at.wall.to_rfc3339()),
            Some("2026-08-03T12:27:13.750+00:00".to_owned())
        );
    }
}
