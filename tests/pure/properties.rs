//! What must hold for any events in any order, any bytes and any private value.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use proptest::prelude::*;

use dropscope::diagnostics::event::StartedEvent;
use dropscope::diagnostics::recording::{Decoder, RecordingReader, encode};
use dropscope::diagnostics::summary::Summary;
use dropscope::diagnostics::{Diagnostics, Event, Stamp, StampedEvent, TimeScale};
use dropscope::export::{Export, ExportOptions, Redactor, markdown};

use crate::arbitrary::{any_event, any_private, later_event, started_event};

const MAX_EVENTS: usize = 8;

/// How time goes on before an event: boot clock in microseconds, and a step of the wall clock in
/// milliseconds on top.
fn any_pause() -> impl Strategy<Value = (u64, i64)> {
    let step = prop_oneof![9 => Just(0), 1 => -100_000_000..100_000_000_i64];
    (prop_oneof![Just(0), 0..2_000_000_u64, 0..20_000_000_000_u64], step)
}

/// Stamps the events; the wall clock may be stepped, the boot clock never goes back.
fn stamped(events: Vec<((u64, i64), Event)>) -> Vec<StampedEvent> {
    let mut wall: chrono::DateTime<chrono::Utc> = "2026-08-03T12:00:00Z".parse().expect("a time");
    let mut boot = Duration::ZERO;
    let mut stamp = |(micros, step): (u64, i64), event| {
        boot += Duration::from_micros(micros);
        let passed = chrono::TimeDelta::microseconds(i64::try_from(micros).unwrap_or(0));
        wall = wall + passed + chrono::TimeDelta::milliseconds(step);
        StampedEvent { at: Stamp::new(wall, boot), event }
    };
    events.into_iter().map(|(pause, event)| stamp(pause, event)).collect()
}

fn fold(events: &[StampedEvent]) -> Diagnostics {
    let mut diagnostics = Diagnostics::new(MAX_EVENTS);
    for observed in events {
        diagnostics.apply(observed.at, &observed.event);
    }
    diagnostics
}

fn end_of(events: &[StampedEvent]) -> Stamp {
    let last = events.iter().map(|observed| observed.at).max_by_key(|at| at.boot);
    last.unwrap_or(Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO))
        .plus(Duration::from_secs(7))
}

fn validator() -> &'static jsonschema::Validator {
    static VALIDATOR: std::sync::OnceLock<jsonschema::Validator> = std::sync::OnceLock::new();
    VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(include_str!("../../assets/export.schema.json")).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_events_keeps_counters_consistent(events in prop::collection::vec((any_pause(), any_event()), 0..60)) {
        let events = stamped(events);
        let snapshot = fold(&events).snapshot(end_of(&events));
        let metrics = &snapshot.metrics;
        prop_assert_eq!(metrics.connected + metrics.down, metrics.observed);
        prop_assert!(metrics.planned_down <= metrics.down);
        prop_assert!(metrics.availability().is_none_or(|share| (0.0..=1.0).contains(&share)));
        for (retained, evicted) in [
            (snapshot.drops.len(), snapshot.drops.evicted()),
            (snapshot.connections.len(), snapshot.connections.evicted()),
            (snapshot.marks.len(), snapshot.marks.evicted()),
            (snapshot.log.len(), snapshot.log.evicted()),
        ] {
            prop_assert!(retained <= MAX_EVENTS);
            prop_assert!(retained == MAX_EVENTS || evicted == 0);
        }
        let drops = snapshot.drops.evicted() + snapshot.drops.len() as u64;
        prop_assert_eq!(drops, metrics.total_connection_drops);
        for drop in snapshot.drops.iter() {
            prop_assert!(drop.death_window.0.boot <= drop.death_window.1.boot);
        }
    }

    #[test]
    fn any_order_of_events_can_be_exported(
        events in prop::collection::vec((any_pause(), any_event()), 0..60),
        redact in any::<bool>(),
    ) {
        let events = stamped(events);
        let snapshot = fold(&events).snapshot(end_of(&events));
        let options = ExportOptions { redact, ..ExportOptions::default() };
        let export = Export::of(&snapshot, None, &options);
        let json = export.to_json().expect("JSON");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        let errors: Vec<String> =
            validator().iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
        prop_assert!(errors.is_empty(), "{errors:#?}");
        prop_assert_eq!(serde_json::from_str::<Export>(&json).expect("our own format"), export.clone());
        prop_assert!(markdown::report(&export).chars().all(|c| c == '\n' || !c.is_control()));
        prop_assert!(Summary(&snapshot).to_string().chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn a_line_read_back_is_the_event(pause in any_pause(), event in any_event()) {
        let observed = stamped(vec![(pause, event)]).remove(0);
        let line = encode(&observed);
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(Decoder::new().decode_line(line.as_bytes()), Some(observed));
    }

    #[test]
    fn a_replayed_recording_gives_the_same_export(
        started in started_event(),
        events in prop::collection::vec((any_pause(), later_event()), 0..60),
    ) {
        let mut live = stamped(std::iter::once(((0, 0), started)).chain(events).collect());
        // Two observers may be written in the other order than they observed.
        if live.len() > 3 && live[3].at.since(live[2].at) < Duration::from_secs(2) {
            live.swap(2, 3);
        }
        let recording: String = live.iter().map(|observed| encode(observed) + "\n").collect();
        let read: Vec<StampedEvent> = RecordingReader::new(recording.as_bytes()).map(|event| event.expect("read")).collect();
        let export = |events: &[StampedEvent]| {
            let snapshot = fold(events).snapshot(end_of(&live));
            Export::of(&snapshot, None, &ExportOptions::default()).to_json().expect("JSON")
        };
        prop_assert_eq!(export(&read), export(&live));
    }

    #[test]
    fn any_bytes_can_be_read_as_a_recording(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut reader = RecordingReader::new(&bytes[..]);
        let events: Vec<StampedEvent> = reader.by_ref().map(|event| event.expect("memory")).collect();
        let tally = reader.stats();
        prop_assert_eq!(tally.events, events.len() as u64);
        prop_assert_eq!(tally.lines, tally.events + tally.skipped());
        fold(&events).snapshot(end_of(&events));
    }

    #[test]
    fn a_damaged_recording_loses_only_the_damaged_lines(
        events in prop::collection::vec((any_pause(), later_event()), 1..20),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let live = stamped(events);
        let mut bytes: Vec<u8> = live.iter().flat_map(|observed| (encode(observed) + "\n").into_bytes()).collect();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        let read = RecordingReader::new(&bytes[..]).filter_map(Result::ok).count();
        // A changed byte costs its line, or two if it was the line feed between them.
        prop_assert!(read + 2 >= live.len());
        prop_assert!(read <= live.len() + 1);
    }

    #[test]
    fn no_private_value_survives_redaction((text, private) in any_private()) {
        let clean = Redactor::new(false).text(&text);
        prop_assert!(!clean.to_lowercase().contains(&private.to_lowercase()), "{} in {} of {}", private, clean, text);
    }

    #[test]
    fn redacted_text_stays_as_it_is((text, _) in any_private(), rest in "\\PC{0,100}") {
        let once = Redactor::new(false).text(&(text + &rest));
        prop_assert_eq!(Redactor::new(false).text(&once), once);
    }
}

/// The same run, recorded so many times as slowly; what is not a length stays.
fn slow_down(observed: &StampedEvent, first: Stamp, scale: &TimeScale) -> StampedEvent {
    let wall = first.wall + (observed.at.wall - first.wall) * SCALE;
    let boot = first.boot + observed.at.since(first) * SCALE.unsigned_abs();
    let event = match scale.event(&observed.event).into_owned() {
        Event::Started(started) => Event::Started(StartedEvent { time_scale: None, ..started }),
        event => event,
    };
    StampedEvent { at: Stamp::new(wall, boot), event }
}

/// Field seconds per recorded second in these tests.
const SCALE: i32 = 60;

fn run(started: Event, rest: Vec<((u64, i64), Event)>, time_scale: Option<f64>) -> Vec<StampedEvent> {
    let Event::Started(started) = started else { unreachable!("the strategy gives nothing else") };
    let mut events = vec![((0, 0), Event::Started(StartedEvent { time_scale, ..started }))];
    events.extend(rest);
    stamped(events)
}

fn folded_state(events: &[StampedEvent]) -> String {
    let snapshot = fold(events).snapshot(events.last().expect("a first event").at);
    let mut export = Export::of(&snapshot, None, &ExportOptions::default());
    if let Some(extension) = &mut export.dropscope {
        extension.time_scale = None;
    }
    format!("{}\n{}\n{:?}", export.to_json().expect("finite numbers"), Summary(&snapshot), snapshot.log)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scale_of_one_changes_nothing(
        started in started_event(),
        rest in prop::collection::vec((any_pause(), later_event()), 0..40),
    ) {
        prop_assert_eq!(folded_state(&run(started.clone(), rest.clone(), Some(1.0))), folded_state(&run(started, rest, None)));
    }

    #[test]
    fn a_scaled_run_equals_its_slowed_recording(
        started in started_event(),
        rest in prop::collection::vec((any_pause(), later_event()), 0..40),
    ) {
        let events = run(started, rest, Some(f64::from(SCALE)));
        let mut scale = TimeScale::default();
        scale.observe(events[0].at, &events[0].event);
        let slow: Vec<_> = events.iter().map(|one| slow_down(one, events[0].at, &scale)).collect();
        prop_assert_eq!(folded_state(&events), folded_state(&slow));
    }
}
