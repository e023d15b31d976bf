use std::time::Duration;

use super::*;
use crate::diagnostics::LinkActivity;
use crate::mqtt::settings::BackoffSettings;

const SECOND: Duration = Duration::from_secs(1);

/// Accepts in MQTT 5 with the given CONNACK properties (their length included).
pub(super) async fn accept_v5(peer: &mut Peer, properties: &[u8]) -> v5::Connect {
    let v5::Packet::Connect(connect, ..) = peer.v5().await else { panic!("no CONNECT") };
    let mut connack = vec![0x20, u8::try_from(2 + properties.len()).unwrap(), 0, 0];
    connack.extend_from_slice(properties);
    peer.send(&connack).await;
    connect
}

/// The drop that follows when a 3.1.1 broker sends `bytes` and closes a second later.
async fn drop_by(bytes: &'static [u8]) -> DroppedEvent {
    let script = ScriptedConnector::new().then(move |mut peer| async move {
        peer.accept().await;
        peer.serve_for(5 * SECOND).await;
        peer.send(bytes).await;
        tokio::time::sleep(SECOND).await;
    });
    let mut link = script.link(settings());
    let (drop, _) = until(&mut link, dropped).await;
    let (back, _) = until(&mut link, connected).await;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::Resumed, 1), "recovers");
    drop
}

fn named(drop: &DroppedEvent) -> (&str, Layer, DropKind) {
    (drop.error_name.as_deref().unwrap(), drop.layer.unwrap(), drop.how.unwrap())
}

#[tokio::test(start_paused = true)]
async fn protocol_violations_are_named() {
    let violation = ("AWS_ERROR_MQTT_PROTOCOL_ERROR", Layer::Mqtt, DropKind::Io);
    let cases: [(&[u8], &str); 13] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "not MQTT"),
        (&[0xf0, 2, 0, 0], "AUTH"),
        (&[0x30, 3, 0, 9, b'a'], "truncated"),
        (&[0x30, 3, 0, 1, 0xff], "UTF-8"),
        (&[0x30, 2, 0, 0], "without a topic"),
        (&[0x36, 5, 0, 1, b'a', 0, 1], "not MQTT"),
        (&[0x40, 2, 0, 9], "PUBACK unexpectedly"),
        (&[0x90, 3, 9, 9, 0], "unexpected SUBACK"),
        (&[0x20, 2, 0, 0], "second CONNACK"),
        (&[0x15, 3, 3, 0, 2, 2, 40], "TLS"),
        (&[0x32, 3, 0, 1, b'a'], "malformed PUBLISH"),
        (&[0xc0, 0], "PINGREQ"),
    ];
    for (bytes, words) in cases {
        let drop = drop_by(bytes).await;
        assert_eq!(named(&drop), violation, "{bytes:?}");
        assert_eq!(drop.error_code, Some(5130));
        assert!(drop.error_message.as_deref().unwrap().contains(words), "{:?}", drop.error_message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_from_a_3_1_1_broker_is_illegal() {
    let drop = drop_by(&[0xe0, 0]).await;
    assert_eq!(named(&drop), ("AWS_ERROR_MQTT_INVALID_PACKET_TYPE", Layer::Mqtt, DropKind::Disconnect));
    assert_eq!(drop.error_code, Some(5127));
}

#[tokio::test(start_paused = true)]
async fn a_packet_over_the_limit_is_named_with_its_size() {
    let drop = drop_by(&[0x30, 0x80, 0x80, 0x80, 0x01]).await;
    assert_eq!(named(&drop), ("AWS_ERROR_MQTT_PROTOCOL_ERROR", Layer::Mqtt, DropKind::Local));
    let message = drop.error_message.unwrap();
    assert!(message.contains("2097152 bytes") && message.contains("1048576"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn half_a_packet_before_eof_is_reported() {
    let drop = drop_by(&[0x30, 20, 0, 1]).await;
    assert_eq!((drop.layer, drop.how), (Some(Layer::Tcp), Some(DropKind::Fin)));
    assert!(drop.error_message.unwrap().contains("4 bytes into an unfinished packet"));
}

#[tokio::test(start_paused = true)]
async fn half_a_packet_and_then_silence_is_a_missing_pingresp() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        peer.send(&[0x30, 20, 0, 1]).await;
        loop {
            peer.v4().await;
        }
    });
    let mut link = script.link(settings());
    let (drop, at) = until(&mut link, dropped).await;
    assert_eq!((drop.how, at.boot), (Some(DropKind::PingTimeout), 70 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_v5_disconnect_carries_its_reason() {
    let cases: [(&[u8], u8, &str, &str); 4] = [
        (&[0xe0, 1, 0x8e], 0x8e, "AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "taken over"),
        (&[0xe0, 2, 0x8d, 0], 0x8d, "AWS_ERROR_MQTT_TIMEOUT", "keep-alive timeout"),
        (
            &[0xe0, 7, 0x98, 5, 0x1f, 0, 2, b'h', 0x1b],
            0x98,
            "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
            "\"h\\u{1b}\"",
        ),
        (&[0xe0, 0], 0, "AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "normal disconnection"),
    ];
    for (bytes, code, name, words) in cases {
        let script = ScriptedConnector::new().then(move |mut peer| async move {
            accept_v5(&mut peer, &[0]).await;
            tokio::time::sleep(SECOND).await;
            peer.send(bytes).await;
        });
        let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
        let (drop, _) = until(&mut link, dropped).await;
        assert_eq!(named(&drop), (name, Layer::Mqtt, DropKind::Disconnect));
        assert_eq!(drop.reason_code, Some(code));
        assert_eq!(drop.last_rx_secs, Some(1.0), "the close message does not end the silence before it");
        assert!(drop.error_message.as_deref().unwrap().contains(words), "{:?}", drop.error_message);
    }
}

#[tokio::test(start_paused = true)]
async fn a_v5_protocol_violation_is_answered_with_a_reason_code() {
    for (bytes, reason) in [(&[0xc0u8, 0][..], 0x82), (&[0x30, 0x80, 0x80, 0x80, 0x01], 0x95)] {
        let (sender, received) = tokio::sync::oneshot::channel();
        let script = ScriptedConnector::new().then(move |mut peer| async move {
            accept_v5(&mut peer, &[0]).await;
            peer.send(bytes).await;
            peer.fill().await;
            sender.send(peer.buffer.to_vec()).unwrap();
        });
        let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
        until(&mut link, dropped).await;
        assert_eq!(received.await.unwrap(), [0xe0, 2, reason, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_short_sessions_slows_down_and_a_stable_one_resets_it() {
    let mut script = ScriptedConnector::new();
    for _ in 0..12 {
        script = script.then(|mut peer| async move {
            peer.accept().await;
            tokio::time::sleep(SECOND).await;
        });
    }
    script = script.then(|mut peer| async move {
        peer.accept().await;
        peer.serve_for(40 * SECOND).await;
    });
    let mut link = script.link(settings());
    let mut back = Vec::new();
    for _ in 0..13 {
        let (drop, at) = until(&mut link, dropped).await;
        assert_eq!(drop.reconnect_attempt, 0);
        let (again, when) = until(&mut link, connected).await;
        assert_eq!((again.attempt_number, again.event_type), (1, ConnectKind::Resumed));
        back.push(when.since(at));
    }
    assert!(back[0] < SECOND && back[11] >= 30 * SECOND && back[12] < SECOND, "{back:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_counted_goes_deep_and_may_be_given_up() {
    let refused = || OpenFailure {
        phase: Phase::Tcp,
        failure: Failure::new(AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Io, "refused"),
    };
    let mut script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
    });
    for _ in 0..4 {
        script = script.then_fail(refused());
    }
    let mut link = script.link(settings());
    until(&mut link, dropped).await;
    for attempt in 1..=4 {
        let (failed, _) = until(&mut link, connect_failed).await;
        assert_eq!((failed.attempt_number, failed.phase), (attempt, Some(Phase::Tcp)));
        assert_eq!(failed.error_name.as_deref(), Some("AWS_IO_SOCKET_CONNECTION_REFUSED"));
        assert!(
            matches!(link.status().activity, LinkActivity::Waiting { attempt: next, .. } if next == attempt + 1)
        );
    }
    let (back, _) = until(&mut link, connected).await;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::DeepReconnected, 5));
    let deep: Vec<_> = script.opened.lock().unwrap().iter().map(|(_, deep)| *deep).collect();
    assert_eq!(deep, [false, false, false, false, false, true]);

    let backoff = BackoffSettings { max_attempts: Some(1), ..BackoffSettings::default() };
    let script = ScriptedConnector::new().then_fail(refused()).then_fail(refused());
    let mut link = script.link(LinkSettings { backoff, ..settings() });
    let events = during(&mut link, 600 * SECOND).await;
    assert_eq!(kinds(&events), ["attempt", "connect_failed", "attempt", "connect_failed"]);
    assert_eq!(link.status().activity, LinkActivity::GivenUp);
    link.connect();
    until(&mut link, connected).await;
}

use crate::diagnostics::error_name::AWS_IO_SOCKET_CONNECTION_REFUSED;
use crate::diagnostics::event::{ConnectKind, DropKind, DroppedEvent, Layer, Phase};
use crate::mqtt::failure::Failure;
