use std::io::{self, BufReader, Read};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::*;
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{Event, StartedEvent, SystemSource};

fn wall(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

fn boot_seconds(lines: &[String]) -> Vec<f64> {
    let mut decoder = Decoder::new();
    lines
        .iter()
        .filter_map(|line| decoder.decode_line(line.as_bytes()))
        .map(|o| o.at.boot.as_secs_f64())
        .collect()
}

fn started(t: &str, m: Option<f64>) -> String {
    let mut line =
        json!({"t": t, "kind": "started", "keep_alive_secs": 60, "client_id": "c", "endpoint": "e"});
    if let Some(m) = m {
        line["m"] = json!(m);
    }
    line.to_string()
}

fn note(t: &str, m: Option<f64>) -> String {
    m.map_or_else(
        || json!({"t": t, "kind": "note", "text": "x"}),
        |m| json!({"t": t, "m": m, "kind": "note", "text": "x"}),
    )
    .to_string()
}

#[test]
fn a_line_has_both_clocks_in_front_and_comes_back_equal() {
    let at = Stamp::new(wall("2026-08-03T12:00:00.25Z"), Duration::from_micros(3_000_007));
    let observed = StampedEvent { at, event: Event::Note { text: "a\n\u{1b}[2J\"ü\u{2028}".to_owned() } };
    let line = encode(&observed);
    assert!(
        line.starts_with(r#"{"t":"2026-08-03T12:00:00.250Z","m":3.000007,"kind":"note","text":"#),
        "{line}"
    );
    assert!(!line.contains(|c: char| c.is_ascii_control()));
    assert_eq!(Decoder::new().decode_line(line.as_bytes()), Some(observed));
}

#[test]
fn experiment_details_cannot_overwrite_the_line() {
    let details =
        [("m".to_owned(), json!(9)), ("kind".to_owned(), json!("note")), ("arm".to_owned(), json!(60))];
    let at = Stamp::new(wall("2026-08-03T12:00:00Z"), Duration::ZERO);
    let event = Event::Experiment {
        id: "k".to_owned(),
        what: "arm".to_owned(),
        details: details.into_iter().collect(),
    };
    let read = Decoder::new().decode_line(encode(&StampedEvent { at, event }).as_bytes()).expect("readable");
    let Event::Experiment { details, .. } = read.event else { panic!("{read:?}") };
    assert_eq!(details.into_iter().collect::<Vec<_>>(), [("arm".to_owned(), json!(60))]);
}

#[test]
fn mandatory_fields_are_enough_and_unknown_ones_are_ignored() {
    let mut decoder = Decoder::new();
    let read = decoder.decode_line(started("2026-08-03T12:00:00Z", None).as_bytes()).expect("readable");
    let expected = StartedEvent {
        keep_alive_secs: 60.0,
        client_id: "c".to_owned(),
        endpoint: "e".to_owned(),
        ..StartedEvent::default()
    };
    assert_eq!(read.event, Event::Started(expected));
    let line = br#"{"t":"2026-08-03T14:00:00+02:00","kind":"ping","rtt_ms":41.5,"color":"red"}"#;
    let ping = decoder.decode_line(line).expect("readable");
    assert_eq!(ping, StampedEvent { at: read.at, event: Event::Ping { rtt_ms: 41.5 } });
    let unknown = decoder.decode_line(br#"{"t":"2026-08-03T12:00:01Z","kind":"eclipse","of":"moon"}"#);
    assert_eq!(unknown.map(|o| o.event), Some(Event::Unknown));
    let tally = decoder.stats();
    assert_eq!((tally.lines, tally.events, tally.unknown, tally.skipped()), (3, 3, 1, 0));
}

#[test]
fn unreadable_lines_are_counted() {
    let long = format!("{{\"t\":\"{}\"}}\n", "x".repeat(MAX_LINE_BYTES));
    let good = note("2026-08-03T12:00:00Z", Some(1.0));
    let mut bytes = Vec::new();
    for part in
        [b"\xEF\xBB\xBF".as_slice(), good.as_bytes(), b"\r\n\n", b"\xff\xfe{}\n", b"[1,2]\n", b"\0\0\0\n"]
    {
        bytes.extend_from_slice(part);
    }
    for part in [
        long.as_bytes(),
        b"{\"t\":\"2026-08-03T12:00:00Z\",\"m\":1e300,\"kind\":\"note\",\"text\":\"\"}\n",
        b"{\"t\":\"2026-08-03T12:00:00Z\",\"kind\":\"ping\"}\n",
        good.as_bytes(),
        b"\n{\"t\":\"2026-08-03T12:00",
    ] {
        bytes.extend_from_slice(part);
    }
    let mut reader = RecordingReader::new(BufReader::with_capacity(7, &bytes[..]));
    assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 2);
    let expected = DecodeStats { lines: 9, events: 2, unknown: 0, malformed: 5, oversized: 1, truncated: 1 };
    assert_eq!(reader.stats(), expected);
}

#[test]
fn a_last_line_without_line_feed_counts_if_it_is_whole() {
    let line = note("2026-08-03T12:00:00Z", None);
    let mut reader = RecordingReader::new(line.as_bytes());
    assert_eq!(reader.by_ref().filter_map(Result::ok).count(), 1);
    assert_eq!(reader.stats().truncated, 0);
}

#[test]
fn an_input_error_is_given_once() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let mut reader = RecordingReader::new(BufReader::new(Broken));
    assert!(matches!(reader.next(), Some(Err(_))));
    assert!(reader.next().is_none());
}

#[test]
fn boot_time_comes_from_m_whatever_the_wall_clock_does() {
    let lines = [
        started("2026-08-03T12:00:00Z", Some(0.0)),
        note("2026-08-03T11:00:10Z", Some(10.0)),
        note("2026-08-03T19:00:20Z", Some(20.5)),
    ];
    assert_eq!(boot_seconds(&lines), [0.0, 10.0, 20.5]);
}

#[test]
fn a_second_run_follows_the_first_at_wall_distance_and_never_before_it() {
    let later = [
        started("2026-08-03T12:00:00Z", Some(0.0)),
        note("2026-08-03T12:00:10Z", Some(10.0)),
        started("2026-08-03T12:01:40Z", Some(0.25)),
        note("2026-08-03T12:01:41Z", Some(1.25)),
    ];
    assert_eq!(boot_seconds(&later), [0.0, 10.0, 100.0, 101.0]);
    let clock_set_back = [
        started("2026-08-03T12:00:00Z", Some(0.0)),
        note("2026-08-03T12:00:10Z", Some(10.0)),
        started("2026-08-03T11:00:00Z", Some(0.0)),
        note("2026-08-03T11:00:01Z", Some(1.0)),
    ];
    assert_eq!(boot_seconds(&clock_set_back), [0.0, 10.0, 10.0, 11.0]);
}

#[test]
fn a_run_whose_first_line_was_lost_is_noticed() {
    let lines = [
        note("2026-08-03T12:00:00Z", Some(500.0)),
        note("2026-08-03T12:01:00Z", Some(2.0)),
        note("2026-08-03T12:01:01Z", Some(3.0)),
    ];
    assert_eq!(boot_seconds(&lines), [500.0, 560.0, 561.0]);
    // Two observers a moment apart may be written in the other order; that is no new run.
    let jitter = [note("2026-08-03T12:00:00Z", Some(5.5)), note("2026-08-03T12:00:00Z", Some(5.4))];
    assert_eq!(boot_seconds(&jitter), [5.5, 5.4]);
}

#[test]
fn without_m_steps_of_the_wall_clock_are_taken_out() {
    let step = |t: &str, by: &str| {
        json!({"t": t, "kind": "system", "source": "clock", "message": format!("wall clock stepped by {by} s")})
            .to_string()
    };
    let with_clock_events = [
        note("2026-08-03T12:00:00Z", None),
        note("2026-08-03T12:00:10Z", None),
        step("2026-08-03T13:00:11Z", "+3600.0"),
        note("2026-08-03T13:00:12Z", None),
    ];
    assert_eq!(boot_seconds(&with_clock_events), [0.0, 10.0, 11.0, 12.0]);
    let without_clock_events = [
        note("2026-08-03T12:00:00Z", None),
        note("2026-08-03T12:00:10Z", None),
        note("2026-08-03T11:00:10Z", None),
        note("2026-08-03T11:00:20Z", None),
        note("2026-08-03T11:00:19Z", None),
        note("2026-08-03T11:00:21Z", None),
    ];
    assert_eq!(boot_seconds(&without_clock_events), [0.0, 10.0, 10.0, 20.0, 20.0, 21.0]);
}

#[test]
fn files_of_one_run_read_one_after_the_other_share_the_axis() {
    let (first, second) = (
        started("2026-08-03T12:00:00Z", Some(0.0)),
        note("2026-08-03T12:00:07Z", Some(7.0)) + "\n" + &note("2026-08-03T12:00:08Z", Some(8.0)),
    );
    let mut reader = RecordingReader::new(first.as_bytes());
    assert_eq!(reader.by_ref().count(), 1);
    let reader = RecordingReader::with_decoder(second.as_bytes(), reader.into_decoder());
    let boots: Vec<_> = reader.filter_map(Result::ok).map(|o| o.at.boot.as_secs()).collect();
    assert_eq!(boots, [7, 8]);
}

#[test]
fn a_clock_event_without_a_step_changes_nothing() {
    let event = Event::System { source: SystemSource::Clock, message: "stepped by a lot".to_owned() };
    let at = Stamp::new(wall("2026-08-03T12:00:00Z"), Duration::ZERO);
    assert_eq!(
        Decoder::new()
            .decode_line(encode(&StampedEvent { at, event: event.clone() }).as_bytes())
            .map(|o| o.event),
        Some(event)
    );
}
