//! Nothing private leaves the house in an export or a report.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use dropscope::diagnostics::event::{
    Attempt, ConnectFailed, ConnectKind, Connected, Dropped, How, Layer, PacketNote, Phase, PhaseTiming,
    Started, SystemSource,
};
use dropscope::diagnostics::{Diagnostics, Event, Snapshot, Stamp};
use dropscope::export::{Export, ExportOptions, markdown, redact::Kind};

/// Private values, each with a part that must not appear in the export.
const PLANTED: [(&str, &str); 9] = [
    ("dropscope-7f3a", "7f3a"),
    ("navilink-04786332fca0", "04786332fca0"),
    ("04:78:63:32:fc:a0", "63:32"),
    ("jane.doe@example.org", "jane.doe"),
    ("203.0.113.7:8883", "203.0.113"),
    ("2001:db8::17", "db8"),
    ("mqtts://jane:hunter2@nas.example.org/mqtt?X-Amz-Signature=deadbeef", "hunter2"),
    ("/home/janedoe/.config", "janedoe"),
    ("Kitchen-Heater", "Kitchen-Heater"),
];

/// All private values in one text.
fn all() -> String {
    PLANTED.map(|(text, _)| text).join(" ")
}

fn planted_drop() -> Event {
    let packet =
        PacketNote { ago_secs: 1.0, incoming: true, packet: all(), topic: Some(all().into()), bytes: 9 };
    Event::Dropped(Dropped {
        error_name: Some(all()),
        error_message: Some(all()),
        error_code: None,
        reconnect_attempt: 0,
        active_subscriptions: 0,
        queued_commands: 0,
        layer: Some(Layer::Tcp),
        how: Some(How::Rst),
        reason_code: None,
        ws_close_code: None,
        last_rx_secs: Some(1.0),
        last_tx_secs: Some(1.0),
        packets: vec![packet],
    })
}

fn planted_failure() -> Event {
    Event::ConnectFailed(ConnectFailed {
        error_name: Some(all()),
        error_message: Some(all()),
        error_code: None,
        attempt_number: 1,
        phase: None,
        layer: None,
        return_code: None,
        http_status: None,
    })
}

fn planted_attempt(attempt_number: u32) -> Event {
    let timing =
        PhaseTiming { phase: Phase::Dns, ms: 1.0, ok: false, error: Some(all()), detail: Some(all()) };
    Event::Attempt(Attempt { attempt_number, phases: vec![timing] })
}

fn planted_connect() -> Event {
    Event::Connected(Connected {
        event_type: ConnectKind::Connected,
        session_present: false,
        return_code: None,
        attempt_number: 0,
        keep_alive_secs: 60.0,
        remote: Some(all()),
        local: Some(all()),
        mqtt_version: Some(all()),
        limits: Some([(all(), 1)].into()),
    })
}

/// A run in which every text from outside holds every private value.
fn planted_run() -> Snapshot {
    let started = Started {
        keep_alive_secs: 60.0,
        client_id: "dropscope-7f3a".to_owned(),
        endpoint: "mqtts://nas.example.org:8883".to_owned(),
        mqtt_version: Some(all()),
        transport: Some(all()),
        ..Started::default()
    };
    let events = [
        Event::Started(started),
        planted_attempt(0),
        planted_connect(),
        Event::Note { text: all() },
        Event::System { source: SystemSource::Network, message: all() },
        Event::Alert { rule: all(), state: "raised".to_owned(), message: all() },
        planted_drop(),
        planted_failure(),
        planted_attempt(1),
        planted_connect(),
    ];
    let mut now = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    let mut diagnostics = Diagnostics::new(100);
    for event in events {
        diagnostics.apply(now, &event);
        now = now.plus(Duration::from_secs(1));
    }
    diagnostics.snapshot(now)
}

#[test]
fn nothing_planted_leaves_the_house() {
    let options =
        ExportOptions { known: vec![(Kind::User, "Kitchen-Heater".to_owned())], ..ExportOptions::default() };
    let export = Export::of(&planted_run(), None, &options);
    let (json, report) = (export.to_json().expect("JSON"), markdown::report(&export));
    for (_, private) in PLANTED.iter().chain([&("", "nas.example.org"), &("", "deadbeef")]) {
        assert!(!json.contains(private), "{private} in {json}");
        assert!(!report.contains(private), "{private} in {report}");
    }
    // Equal values keep one name, so the report can still be understood.
    assert!(json.contains("navilink-<mac-1>") && json.contains("\"client_id\": \"<client-1>\""), "{json}");
}

#[test]
fn without_redaction_only_secrets_are_taken_out() {
    let options = ExportOptions { redact: false, ..ExportOptions::default() };
    let export = Export::of(&planted_run(), None, &options);
    let json = export.to_json().expect("JSON");
    for (_, private) in PLANTED {
        assert_eq!(json.contains(private), private != "hunter2", "{private}");
    }
    assert!(!json.contains("deadbeef") && json.contains("\"redacted\": false"));
}

#[test]
fn hostile_text_reaches_neither_file_raw() {
    let export = Export::of(&planted_run(), None, &ExportOptions::default());
    assert!(export.to_json().expect("JSON").bytes().all(|byte| byte == b'\n' || (32..127).contains(&byte)));
    assert!(markdown::report(&export).chars().all(|c| c == '\n' || !c.is_control()));
}
