use std::time::Duration;

use super::drops::accept_v5;
use super::*;
use crate::diagnostics::error_name::AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE;
use crate::diagnostics::event::{ConnectFailedEvent, ConnectKind, DropKind, Layer, Phase};
use crate::diagnostics::{MqttVersion, VersionChoice};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::PhaseTimeouts;

const SECOND: Duration = Duration::from_secs(1);

async fn refused_with(version: VersionChoice, connack: &'static [u8]) -> ConnectFailedEvent {
    let script = ScriptedConnector::new().then(move |mut peer| async move {
        peer.fill().await;
        peer.send(connack).await;
    });
    let mut link = script.link(LinkSettings { version, ..settings() });
    until(&mut link, connect_failed).await.0
}

#[tokio::test(start_paused = true)]
async fn every_refusal_keeps_its_code_and_has_a_text() {
    let v3 = VersionChoice::V311;
    let v5 = VersionChoice::V5;
    let cases: [(VersionChoice, &[u8], u8, &str); 9] = [
        (v3, &[0x20, 2, 0, 1], 1, "protocol version"),
        (v3, &[0x20, 2, 0, 2], 2, "client id"),
        (v3, &[0x20, 2, 0, 3], 3, "not available"),
        (v3, &[0x20, 2, 0, 4], 4, "user name or password"),
        (v3, &[0x20, 2, 0, 5], 5, "not authorized"),
        (v3, &[0x20, 2, 0, 9], 9, "code 9"),
        (v5, &[0x20, 3, 0, 0x87, 0], 0x87, "not authorized"),
        (v5, &[0x20, 8, 0, 0x8a, 5, 0x1f, 0, 2, b'n', b'o'], 0x8a, "\"no\""),
        (v5, &[0x20, 2, 0, 5], 5, "not authorized"),
    ];
    for (version, connack, code, words) in cases {
        let failed = refused_with(version, connack).await;
        assert_eq!(failed.return_code, Some(code));
        assert_eq!(failed.error_name.as_deref(), Some("AWS_ERROR_MQTT_PROTOCOL_ERROR"));
        assert_eq!((failed.phase, failed.layer), (Some(Phase::Connack), Some(Layer::Mqtt)));
        assert!(failed.error_message.as_deref().unwrap().contains(words), "{:?}", failed.error_message);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_after_connect_ends_at_its_own_timeout() {
    let script = ScriptedConnector::new().then(|peer| async move {
        let _open_peer = peer;
        std::future::pending::<()>().await;
    });
    let timeouts = PhaseTimeouts { connack: 3 * SECOND, ..PhaseTimeouts::default() };
    let mut link = script.link(LinkSettings { timeouts, ..settings() });
    let events = during(&mut link, 3 * SECOND + SECOND / 100).await;
    assert_eq!(kinds(&events), ["attempt", "connect_failed"]);
    let Event::Attempt(attempt) = &events[0] else { panic!() };
    let phase = attempt.phases.last().unwrap();
    assert!(phase.phase == Phase::Connack && !phase.ok && (phase.ms - 3000.0).abs() < 1.0, "{phase:?}");
    let failed = connect_failed(&events[1]).unwrap();
    assert_eq!(failed.error_code, Some(5129));
}

#[tokio::test(start_paused = true)]
async fn auto_falls_back_to_3_1_1_a_second_later_and_remembers_it() {
    // In order: refused in MQTT 5, refused in the old form, closed, garbled.
    let answers: [&[u8]; 4] = [&[0x20, 3, 0, 0x84, 0], &[0x20, 2, 0, 1], &[], b"HTTP/1.1 400\r\n"];
    for answer in answers {
        let script = ScriptedConnector::new().then(move |mut peer| async move {
            peer.v5().await;
            peer.send(answer).await;
        });
        let script = script.then(|mut peer| async move {
            peer.accept().await;
            peer.serve_for(5 * SECOND).await;
        });
        // The session is gone, and CONNECT is not answered: that is no evidence about the version.
        let script = script.then(|mut peer| async move {
            peer.v4().await;
        });
        let mut link = script.link(LinkSettings { version: VersionChoice::Auto, ..settings() });
        let (failed, _) = until(&mut link, connect_failed).await;
        assert_eq!(failed.attempt_number, 0);
        let (first, _) = until(&mut link, connected).await;
        assert_eq!(
            (first.mqtt_version, first.event_type),
            (Some(MqttVersion::V311.into()), ConnectKind::Connected)
        );
        until(&mut link, connect_failed).await;
        let (back, _) = until(&mut link, connected).await;
        assert_eq!((back.mqtt_version, back.attempt_number), (Some(MqttVersion::V311.into()), 2));
        let opened = script.opened.lock().unwrap();
        assert_eq!(opened[1].0.since(opened[0].0), SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn auto_stays_with_5_where_it_is_supported() {
    let script = ScriptedConnector::new()
        .then(|mut peer| async move {
            // "Not authorized" is an answer in MQTT 5.
            peer.v5().await;
            peer.send(&[0x20, 3, 0, 0x87, 0]).await;
        })
        .then(|mut peer| async move {
            accept_v5(&mut peer, &[0]).await;
            tokio::time::sleep(SECOND).await;
        })
        .then(|mut peer| async move {
            // A drop while connecting is no longer a reason to change the version.
            peer.v5().await;
        })
        .then(|mut peer| async move {
            accept_v5(&mut peer, &[0]).await;
            std::future::pending::<()>().await;
        });
    let mut link = script.link(LinkSettings { version: VersionChoice::Auto, ..settings() });
    for _ in 0..2 {
        let (connected, _) = until(&mut link, connected).await;
        assert_eq!(connected.mqtt_version, Some(MqttVersion::V5.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_v5_broker_are_reported_and_its_keep_alive_applied() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        let connect = accept_v5(&mut peer, &[6, 0x13, 0, 20, 0x21, 0, 3]).await;
        assert_eq!(connect.properties.unwrap().max_packet_size, Some(1024 * 1024));
        loop {
            if let v5::Packet::PingReq(_) = peer.v5().await {
                peer.send(&[0xd0, 0]).await;
            }
        }
    });
    let mut link = script.link(LinkSettings { version: VersionChoice::V5, ..settings() });
    let (connected, _) = until(&mut link, connected).await;
    let limits = connected.limits.unwrap();
    assert_eq!((limits["receive_maximum"], limits["server_keep_alive"], limits.len()), (3, 20, 2));
    assert!((connected.keep_alive_secs - 20.0).abs() < 1e-9);
    assert_eq!(kinds(&during(&mut link, 61 * SECOND).await), ["ping"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_upgrade_makes_the_next_attempt_deep() {
    let mut failure =
        Failure::new(AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE, Layer::Websocket, DropKind::Io, "HTTP 403");
    failure.http_status = Some(403);
    let script = ScriptedConnector::new().then_fail(OpenFailure { phase: Phase::Websocket, failure });
    let mut link = script.link(settings());
    let (failed, _) = until(&mut link, connect_failed).await;
    assert_eq!(failed.http_status, Some(403));
    let (first, _) = until(&mut link, connected).await;
    assert_eq!(first.event_type, ConnectKind::Connected, "there was no drop before");
    let deep: Vec<_> = script.opened.lock().unwrap().iter().map(|(_, deep)| *deep).collect();
    assert_eq!(deep, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn refused_and_restored_subscriptions_are_reported() {
    let script = ScriptedConnector::new().then(|mut peer| async move {
        peer.accept().await;
        let v4::Packet::Subscribe(subscribe) = peer.v4().await else { panic!() };
        let [high, low] = subscribe.pkid.to_be_bytes();
        peer.send(&[0x90, 4, high, low, 1, 0x80]).await;
        tokio::time::sleep(SECOND).await;
    });
    let subscriptions = vec![("a/#".to_owned(), 1), ("secret/#".to_owned(), 0)];
    let mut link = script.link(LinkSettings { subscriptions, ..settings() });
    let codes = |event: &Event| match event {
        Event::Subscribed { filters, return_codes } => {
            assert_eq!(filters.as_slice(), ["a/#", "secret/#"]);
            Some(return_codes.clone())
        }
        _ => None,
    };
    assert_eq!(until(&mut link, codes).await.0, [1, 0x80]);
    assert_eq!(until(&mut link, dropped).await.0.active_subscriptions, 1);
    assert_eq!(until(&mut link, codes).await.0, [1, 0]);
}
