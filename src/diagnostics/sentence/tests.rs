//! Every notable event has one sentence; the rest have none.

use std::collections::BTreeMap;

use super::*;
use crate::diagnostics::MqttVersion;
use crate::diagnostics::event::{Layer, Message, PhaseTiming};

fn text(event: &Event) -> String {
    sentence(event).expect("a notable event").1
}

fn dropped(how: Option<DropKind>, name: &str, detail: &str) -> DroppedEvent {
    let known = ErrorName::by_name(name).expect("a known name");
    let message = if detail.is_empty() { known.message() } else { format!("{} ({detail})", known.message()) };
    DroppedEvent {
        error_name: Some(name.to_owned()),
        error_message: Some(message),
        error_code: Some(known.code),
        reconnect_attempt: 0,
        active_subscriptions: 0,
        queued_commands: 0,
        layer: Some(Layer::Tcp),
        how,
        reason_code: None,
        ws_close_code: None,
        last_rx_secs: Some(58.4),
        last_tx_secs: None,
        packets: Vec::new(),
    }
}

fn failed(phase: Phase, name: &str, detail: &str) -> ConnectFailedEvent {
    let known = ErrorName::by_name(name).expect("a known name");
    ConnectFailedEvent {
        error_name: Some(name.to_owned()),
        error_message: Some(format!("{} ({detail})", known.message())),
        error_code: Some(known.code),
        attempt_number: 0,
        phase: Some(phase),
        layer: None,
        return_code: None,
        http_status: None,
    }
}

#[test]
fn durations_have_at_most_two_units() {
    let cases: [(u64, &str); 9] = [
        (0, "0 ms"),
        (12, "12 ms"),
        (1_900, "1.9 s"),
        (58_400, "58 s"),
        (60_000, "1 min"),
        (261_000, "4 min 21 s"),
        (7_980_000, "2 h 13 min"),
        (86_400_000, "1 d"),
        (273_600_000, "3 d 4 h"),
    ];
    for (millis, words) in cases {
        assert_eq!(duration_words(Duration::from_millis(millis)), words);
    }
    assert_eq!(duration_words(Duration::from_micros(320)), "0.3 ms");
}

#[test]
fn a_connect_names_the_peer_and_the_session_parameters() {
    let mut connected = ConnectedEvent {
        event_type: ConnectKind::Connected,
        session_present: false,
        return_code: Some(0),
        attempt_number: 0,
        keep_alive_secs: 60.0,
        remote: Some("127.0.0.1:1883".to_owned()),
        local: None,
        mqtt_version: Some(MqttVersion::V5.into()),
        limits: None,
    };
    assert_eq!(
        text(&Event::Connected(connected.clone())),
        "Connected to 127.0.0.1:1883 (MQTT 5, session new, keep-alive 60 s)"
    );
    connected.event_type = ConnectKind::Resumed;
    connected.session_present = true;
    connected.keep_alive_secs = 0.0;
    assert_eq!(
        text(&Event::Connected(connected)),
        "Reconnected to 127.0.0.1:1883 (MQTT 5, session kept by the broker, keep-alive off)"
    );
}

#[test]
fn every_drop_kind_has_its_text() {
    let hangup = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";
    let cases = [
        (
            DropKind::Fin,
            hangup,
            "",
            "the broker closed the connection (TCP FIN); silent for 58 s — UNEXPECTED_HANGUP",
        ),
        (
            DropKind::Rst,
            "AWS_IO_SOCKET_CLOSED",
            "",
            "the broker, or a device on the path, reset the connection (TCP RST); silent for 58 s — IO_SOCKET_CLOSED",
        ),
        (
            DropKind::TlsClose,
            hangup,
            "",
            "the broker ended the TLS session (close_notify); silent for 58 s — UNEXPECTED_HANGUP",
        ),
        (
            DropKind::TlsAlert,
            "AWS_IO_TLS_ERROR_ALERT_RECEIVED",
            "internal_error",
            "the broker ended the TLS session with a fatal alert: internal_error; silent for 58 s — IO_TLS_ERROR_ALERT_RECEIVED",
        ),
        (
            DropKind::PingTimeout,
            "AWS_ERROR_MQTT_TIMEOUT",
            "",
            "no PINGRESP came before the deadline; silent for 58 s — MQTT_TIMEOUT",
        ),
        (
            DropKind::Io,
            "AWS_ERROR_MQTT_INVALID_PACKET_TYPE",
            "packet type 15",
            "packet type 15; silent for 58 s — MQTT_INVALID_PACKET_TYPE",
        ),
        (
            DropKind::Local,
            "AWS_IO_SOCKET_NETWORK_DOWN",
            "the interface went down",
            "ended by this computer: the interface went down; silent for 58 s — IO_SOCKET_NETWORK_DOWN",
        ),
    ];
    for (how, name, detail, words) in cases {
        let (level, text) = sentence(&Event::Dropped(dropped(Some(how), name, detail))).expect("a drop");
        assert_eq!((level, text), (Level::Bad, format!("DROP: {words}")));
    }
}

#[test]
fn broker_codes_are_explained() {
    let hangup = "AWS_ERROR_MQTT_UNEXPECTED_HANGUP";
    let mut takeover = dropped(Some(DropKind::Disconnect), hangup, "");
    takeover.reason_code = Some(0x8e);
    takeover.last_rx_secs = None;
    assert_eq!(
        text(&Event::Dropped(takeover)),
        "DROP: the broker sent DISCONNECT (reason 0x8E, session taken over by another client with the same id) \
         — UNEXPECTED_HANGUP"
    );
    let mut away = dropped(Some(DropKind::WsClose), hangup, "");
    away.ws_close_code = Some(1001);
    away.last_rx_secs = Some(f64::NAN);
    assert_eq!(
        text(&Event::Dropped(away)),
        "DROP: the broker closed the WebSocket (code 1001, going away) — UNEXPECTED_HANGUP"
    );
}

#[test]
fn mandatory_fields_are_enough_for_a_sentence() {
    let event: Event = serde_json::from_str(r#"{"kind":"dropped"}"#).expect("an event");
    assert_eq!(text(&event), "DROP: the connection was lost");
    let event: Event = serde_json::from_str(r#"{"kind":"connect_failed"}"#).expect("an event");
    assert_eq!(text(&event), "Connect failed");
    let event: Event =
        serde_json::from_str(r#"{"kind":"dropped","error_name":"X","error_message":"X: gone"}"#)
            .expect("an event");
    assert_eq!(text(&event), "DROP: gone — X");
}

#[test]
fn a_failed_connect_names_the_phase_and_the_reason() {
    let mut wrong_name =
        failed(Phase::Tls, "AWS_IO_TLS_HOST_NAME_MISMATCH", "the certificate is for another name");
    assert_eq!(
        text(&Event::ConnectFailed(wrong_name.clone())),
        "Connect failed at tls: the certificate is for another name — IO_TLS_HOST_NAME_MISMATCH"
    );
    wrong_name.attempt_number = 7;
    assert!(text(&Event::ConnectFailed(wrong_name)).ends_with("(attempt 7)"));

    let mut refused = failed(Phase::Connack, "AWS_ERROR_MQTT_PROTOCOL_ERROR", "x");
    refused.return_code = Some(5);
    assert_eq!(
        text(&Event::ConnectFailed(refused)),
        "Connect failed at connack: the broker refused: not authorized (code 5) — MQTT_PROTOCOL_ERROR"
    );
    let mut upgrade =
        failed(Phase::Websocket, "AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE", "the server refused");
    upgrade.http_status = Some(403);
    assert_eq!(
        text(&Event::ConnectFailed(upgrade)),
        "Connect failed at websocket: the server refused (HTTP 403) — HTTP_WEBSOCKET_UPGRADE_FAILURE"
    );
}

#[test]
fn a_successful_attempt_lists_its_phases_and_a_failed_one_gives_no_sentence() {
    let phase = |phase, ms, ok| PhaseTiming { phase, ms, ok, error: None, detail: None };
    let mut attempt = Attempt {
        attempt_number: 0,
        phases: vec![
            phase(Phase::Dns, 1.0, true),
            phase(Phase::Tcp, 3.0, true),
            phase(Phase::Connack, 8.0, true),
        ],
    };
    assert_eq!(
        text(&Event::Attempt(attempt.clone())),
        "Connect took 12 ms (dns 1 ms, tcp 3 ms, connack 8 ms)"
    );
    attempt.phases[2].ok = false;
    assert_eq!(sentence(&Event::Attempt(attempt)), None);
}

#[test]
fn refused_subscriptions_are_named() {
    let event = Event::Subscribed {
        filters: vec!["a/#".to_owned(), "b".to_owned(), "c".to_owned()],
        return_codes: vec![0, 0x87, 0x80],
    };
    assert_eq!(
        sentence(&event),
        Some((Level::Warn, "The broker refused to subscribe to b (not authorized), c".to_owned()))
    );
    let event = Event::Subscribed { filters: vec!["a".to_owned()], return_codes: vec![1] };
    assert_eq!(sentence(&event), Some((Level::Info, "Subscribed to a".to_owned())));
}

#[test]
fn messages_pings_and_successful_publishes_are_not_notable() {
    let message = Message { topic: "t".into(), bytes: 1, queued: false, correlation_id: None, qos: None };
    let command = |state| {
        Event::Command(CommandUpdate {
            correlation_id: "1".to_owned(),
            name: "status".to_owned(),
            state,
            ms: None,
        })
    };
    for event in [
        Event::Published(message.clone()),
        Event::Received(message),
        Event::Ping { rtt_ms: 1.0 },
        Event::Traffic { published: 1, received: 2, window_secs: 1.0 },
        Event::Unknown,
        command(CommandState::Queued),
        command(CommandState::Sent),
        command(CommandState::Acknowledged),
    ] {
        assert_eq!(sentence(&event), None, "{event:?}");
    }
    assert_eq!(text(&command(CommandState::Expired)), "status expired in the queue");
    assert_eq!(text(&command(CommandState::DroppedFull)), "status did not fit into the full queue");
}

#[test]
fn hostile_text_reaches_no_sentence() {
    let hostile = "\x1b[2J\u{202e}\u{9b}31m\x07\n";
    let mut drop = dropped(Some(DropKind::Io), "AWS_IO_SOCKET_CLOSED", hostile);
    drop.error_name = Some(hostile.to_owned());
    let mut failure = failed(Phase::Dns, "AWS_IO_DNS_QUERY_FAILED", hostile);
    failure.error_name = Some(hostile.to_owned());
    let events = [
        Event::Started(StartedEvent {
            client_id: hostile.to_owned(),
            endpoint: hostile.to_owned(),
            ..StartedEvent::default()
        }),
        Event::Dropped(drop),
        Event::ConnectFailed(failure),
        Event::Subscribed { filters: vec![hostile.to_owned()], return_codes: vec![0x80] },
        Event::System { source: SystemSource::Other, message: hostile.to_owned() },
        Event::Experiment { id: hostile.to_owned(), what: hostile.to_owned(), details: BTreeMap::new() },
        Event::Alert {
            rule: hostile.to_owned(),
            state: RecordedWord::parse(hostile),
            message: hostile.to_owned(),
        },
        Event::Note { text: hostile.repeat(1_000) },
        Event::Stopped { by: Some(hostile.to_owned()) },
    ];
    for event in events {
        let text = text(&event);
        assert_eq!(clean(&text), text);
        assert!(text.chars().count() <= MAX_CHARS, "{}", text.chars().count());
    }
}
