//! Nothing private leaves the house in an export or a report.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use dropscope::diagnostics::event::{
    AlertState, Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer,
    PacketNote, Phase, PhaseTiming, StartedEvent, SystemSource,
};
use dropscope::diagnostics::{Diagnostics, Event, RecordedWord, Snapshot, Stamp};
use dropscope::export::{Export, ExportOptions, markdown, redact::SensitiveKind};

/// Private values, each with a part that must not appear in the export.
const PRIVATE_VALUES: [(&str, &str); 9] = [
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
fn all_private_values() -> String {
    PRIVATE_VALUES.map(|(text, _)| text).join(" ")
}

fn drop_with_private_values() -> Event {
    let packet = PacketNote {
        ago_secs: 1.0,
        incoming: true,
        packet: all_private_values(),
        topic: Some(all_private_values().into()),
        bytes: 9,
    };
    Event::Dropped(DroppedEvent {
        error_name: Some(all_private_values()),
        error_message: Some(all_private_values()),
        error_code: None,
        reconnect_attempt: 0,
        active_subscriptions: 0,
        queued_commands: 0,
        layer: Some(Layer::Tcp),
        how: Some(DropKind::Rst),
        reason_code: None,
        ws_close_code: None,
        last_rx_secs: Some(1.0),
        last_tx_secs: Some(1.0),
        packets: vec![packet],
    })
}

fn failure_with_private_values() -> Event {
    Event::ConnectFailed(ConnectFailedEvent {
        error_name: Some(all_private_values()),
        error_message: Some(all_private_values()),
        error_code: None,
        attempt_number: 1,
        phase: None,
        layer: None,
        return_code: None,
        http_status: None,
    })
}

fn attempt_with_private_values(attempt_number: u32) -> Event {
    let timing = PhaseTiming {
        phase: Phase::Dns,
        ms: 1.0,
        ok: false,
        error: Some(all_private_values()),
        detail: Some(all_private_values()),
    };
    Event::Attempt(Attempt { attempt_number, phases: vec![timing] })
}

fn connect_with_private_values() -> Event {
    Event::Connected(ConnectedEvent {
        event_type: ConnectKind::Connected,
        session_present: false,
        return_code: None,
        attempt_number: 0,
        keep_alive_secs: 60.0,
        remote: Some(all_private_values()),
        local: Some(all_private_values()),
        mqtt_version: Some(RecordedWord::parse(&all_private_values())),
        limits: Some([(all_private_values(), 1)].into()),
    })
}

/// A run in which every text from outside holds every private value.
fn run_with_private_values() -> Snapshot {
    let started = StartedEvent {
        keep_alive_secs: 60.0,
        client_id: "dropscope-7f3a".to_owned(),
        endpoint: "mqtts://nas.example.org:8883".to_owned(),
        mqtt_version: Some(RecordedWord::parse(&all_private_values())),
        transport: Some(RecordedWord::parse(&all_private_values())),
        ..StartedEvent::default()
    };
    let events = [
        Event::Started(started),
        attempt_with_private_values(0),
        connect_with_private_values(),
        Event::Note { text: all_private_values() },
        Event::System { source: SystemSource::Network, message: all_private_values() },
        Event::Alert {
            rule: all_private_values(),
            state: AlertState::Raised.into(),
            message: all_private_values(),
        },
        drop_with_private_values(),
        failure_with_private_values(),
        attempt_with_private_values(1),
        connect_with_private_values(),
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
fn no_private_value_is_in_export_or_report() {
    let options = ExportOptions {
        known_values: vec![(SensitiveKind::User, "Kitchen-Heater".to_owned())],
        ..ExportOptions::default()
    };
    let export = Export::of(&run_with_private_values(), None, &options);
    let (json, report) = (export.to_json().expect("JSON"), markdown::report(&export));
    for (_, private) in PRIVATE_VALUES.iter().chain([&("", "nas.example.org"), &("", "deadbeef")]) {
        assert!(!json.contains(private), "{private} in {json}");
        assert!(!report.contains(private), "{private} in {report}");
    }
    // Equal values keep one name, so the report can still be understood.
    assert!(json.contains("navilink-<mac-1>") && json.contains("\"client_id\": \"<client-1>\""), "{json}");
}

#[test]
fn without_redaction_only_secrets_are_removed() {
    let options = ExportOptions { redact: false, ..ExportOptions::default() };
    let export = Export::of(&run_with_private_values(), None, &options);
    let json = export.to_json().expect("JSON");
    for (_, private) in PRIVATE_VALUES {
        assert_eq!(json.contains(private), private != "hunter2", "{private}");
    }
    assert!(!json.contains("deadbeef") && json.contains("\"redacted\": false"));
}

#[test]
fn control_characters_are_escaped_in_export_and_report() {
    let export = Export::of(&run_with_private_values(), None, &ExportOptions::default());
    assert!(export.to_json().expect("JSON").bytes().all(|byte| byte == b'\n' || (32..127).contains(&byte)));
    assert!(markdown::report(&export).chars().all(|c| c == '\n' || !c.is_control()));
}
