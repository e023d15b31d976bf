//! The link with a real mosquitto, over every transport and in both protocol versions, and the program with a real
//! keyring.
//!
//! These tests need mosquitto, GNOME's keyring and a D-Bus daemon, and are ignored by plain `cargo test`;
//! `cargo interop` runs them. With `DROPSCOPE_INTEROP=required` a missing one is a failure, otherwise the tests
//! report it and pass.

#![cfg(unix)]
#![expect(clippy::expect_used, clippy::print_stderr, reason = "test code outside of test functions")]

mod gateway;
#[cfg(target_os = "linux")]
mod keyring;
#[path = "../shared/loopback.rs"]
mod loopback;
mod mosquitto;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dropscope::clock::SystemClock;
use dropscope::diagnostics::codes::is_credentials_refusal;
use dropscope::diagnostics::event::{
    CommandState, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Initiator, Phase,
};
use dropscope::diagnostics::{Event, MqttVersion, RecordedWord, StampedEvent, Transport, VersionChoice};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::{Link, Publish};
use loopback::wait_for_event;
use mosquitto::{Mosquitto, PASSWORD, USER};
use secrecy::SecretString;

const TRANSPORTS: [Transport; 4] = [Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
const VERSIONS: [(VersionChoice, &str); 2] = [(VersionChoice::V311, "3.1.1"), (VersionChoice::V5, "5")];

/// The broker of one test, or `None` if mosquitto is missing and optional.
fn broker() -> Option<Mosquitto> {
    let broker = Mosquitto::start();
    if broker.is_none() {
        let is_required = std::env::var("DROPSCOPE_INTEROP").is_ok_and(|value| value == "required");
        assert!(!is_required, "mosquitto is not installed, and DROPSCOPE_INTEROP=required");
        eprintln!("mosquitto is not installed: nothing was tested");
    }
    broker
}

fn settings(broker: &Mosquitto, transport: Transport, version: VersionChoice) -> LinkSettings {
    let id = format!("dropscope-{:08x}", rand::random::<u32>());
    let mut settings = LinkSettings::new(broker.address(transport), id);
    settings.username = Some(USER.to_owned());
    settings.password = Some(SecretString::from(PASSWORD));
    settings.version = version;
    settings.keep_alive_secs = 1;
    settings.ping_timeout = Duration::from_secs(5);
    settings.backoff.initial = Duration::from_millis(100);
    settings.backoff.max = Duration::from_secs(1);
    // A handshake that this broker's WebSocket library does not answer is repeated well within the timeout.
    settings.timeouts.tls = Duration::from_secs(5);
    settings.timeouts.websocket = Duration::from_secs(5);
    settings.timeouts.connack = Duration::from_secs(5);
    if transport.is_tls() {
        settings.tls.ca_file = Some(broker.authority());
    }
    settings
}

fn link(settings: LinkSettings) -> Link {
    let mut link = Link::new(settings, Arc::new(SystemClock::new())).expect("usable settings");
    link.connect();
    link
}

/// The first event for which `pick` returns something.
async fn next<T>(link: &mut Link, what: &str, mut pick: impl FnMut(Event) -> Option<T>) -> T {
    let pick = |observed: &StampedEvent| pick(observed.event.clone());
    wait_for_event(link, &mut Vec::new(), what, pick).await.expect("an event in time")
}

async fn connected(link: &mut Link) -> ConnectedEvent {
    next(link, "connect", |event| match event {
        Event::Connected(connected) => Some(connected),
        Event::ConnectFailed(failed) if failed.attempt_number == 0 => panic!("{failed:?}"),
        _ => None,
    })
    .await
}

async fn dropped(link: &mut Link) -> DroppedEvent {
    next(link, "drop", |event| match event {
        Event::Dropped(dropped) => Some(dropped),
        _ => None,
    })
    .await
}

async fn refused(link: &mut Link) -> ConnectFailedEvent {
    next(link, "refusal", |event| match event {
        Event::ConnectFailed(failed) => Some(failed),
        Event::Connected(connected) => panic!("{connected:?}"),
        _ => None,
    })
    .await
}

async fn resumed(link: &mut Link, context: &str) {
    let back = next(link, "reconnect", |event| match event {
        Event::Connected(connected) => Some(connected),
        _ => None,
    })
    .await;
    assert_ne!(back.event_type, ConnectKind::Connected, "{context}");
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn a_session_works_over_every_transport() {
    let Some(broker) = broker() else { return };
    for transport in TRANSPORTS {
        for (version, name) in VERSIONS {
            let context = format!("{transport:?} {name}");
            let mut settings = settings(&broker, transport, version);
            let topic = format!("dropscope/{}", settings.client_id);
            settings.subscriptions = vec![(topic.clone(), 1)];
            let mut link = link(settings);
            let session = connected(&mut link).await;
            assert_eq!(session.mqtt_version, Some(RecordedWord::parse(name)), "{context}");
            let codes = next(&mut link, "SUBACK", |event| match event {
                Event::Subscribed { return_codes, .. } => Some(return_codes),
                _ => None,
            })
            .await;
            assert_eq!(codes, [1], "{context}");
            link.publish(Publish {
                topic: topic.clone(),
                payload: Bytes::from_static(b"hello"),
                qos: 1,
                retain: false,
                name: "hello".to_owned(),
                correlation_id: None,
            });
            let (mut is_back, mut is_acknowledged, mut is_pinged) = (false, false, false);
            next(&mut link, "message, PUBACK and PINGRESP", |event| {
                match event {
                    Event::Received(message) => is_back |= *message.topic == *topic && message.bytes == 5,
                    Event::Command(command) => is_acknowledged |= command.state == CommandState::Acknowledged,
                    Event::Ping { rtt_ms } => is_pinged |= rtt_ms > 0.0,
                    Event::Dropped(dropped) => panic!("{context}: {dropped:?}"),
                    _ => {}
                }
                (is_back && is_acknowledged && is_pinged).then_some(())
            })
            .await;
            let rest = link.shutdown(Duration::from_secs(2)).await;
            let is_disconnect =
                |event: &Event| matches!(event, Event::Disconnected { by: Initiator::Shutdown });
            assert!(rest.iter().any(|observed| is_disconnect(&observed.event)), "{context}: {rest:?}");
        }
    }
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn a_stopped_and_a_killed_broker_are_drops_and_a_new_one_is_found() {
    let Some(mut broker) = broker() else { return };
    for transport in TRANSPORTS {
        for (version, name) in VERSIONS {
            let mut link = link(settings(&broker, transport, version));
            connected(&mut link).await;
            for is_kill in [false, true] {
                let context = format!("{transport:?} {name} {}", if is_kill { "killed" } else { "stopped" });
                if is_kill {
                    broker.kill();
                } else {
                    broker.stop();
                }
                let drop = dropped(&mut link).await;
                assert!(
                    allowed_drop_types(is_kill).contains(&drop.how.expect("a kind of end")),
                    "{context}: {drop:?}"
                );
                assert!(drop.error_name.is_some() && drop.layer.is_some(), "{context}: {drop:?}");
                let failed = refused(&mut link).await;
                assert_eq!(failed.phase, Some(Phase::Tcp), "{context}: {failed:?}");
                broker.restart();
                resumed(&mut link, &context).await;
            }
            link.shutdown(Duration::from_secs(2)).await;
        }
    }
}

/// A broker that is stopped may close its highest layer; the stream of a killed one is closed or reset by the
/// kernel.
fn allowed_drop_types(is_kill: bool) -> &'static [DropKind] {
    if is_kill {
        &[DropKind::Fin, DropKind::Rst]
    } else {
        &[DropKind::Fin, DropKind::Rst, DropKind::TlsClose, DropKind::WsClose, DropKind::Disconnect]
    }
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn a_takeover_is_reported_as_the_broker_signals_it() {
    let Some(broker) = broker() else { return };
    for (version, name) in VERSIONS {
        let settings = settings(&broker, Transport::Tcp, version);
        let mut first = link(settings.clone());
        connected(&mut first).await;
        let mut second = link(settings);
        connected(&mut second).await;
        let drop = dropped(&mut first).await;
        // Mosquitto 2.0 closes the older connection without a reason; later versions may send one in MQTT 5.
        let named = (Some(DropKind::Disconnect), Some(0x8e));
        let silent = (Some(DropKind::Fin), None);
        let seen = (drop.how, drop.reason_code);
        assert!(seen == silent || (version == VersionChoice::V5 && seen == named), "{name}: {drop:?}");
        first.shutdown(Duration::from_secs(2)).await;
        second.shutdown(Duration::from_secs(2)).await;
    }
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn refused_credentials_and_untrusted_certificates_are_named() {
    let Some(broker) = broker() else { return };
    for transport in TRANSPORTS {
        for (version, name) in VERSIONS {
            let mut wrong = settings(&broker, transport, version);
            wrong.password = Some(SecretString::from("wrong"));
            let failed = refused(&mut link(wrong)).await;
            assert_eq!(failed.phase, Some(Phase::Connack), "{transport:?} {name}: {failed:?}");
            assert!(
                failed.return_code.is_some_and(is_credentials_refusal),
                "{transport:?} {name}: {failed:?}"
            );
        }
    }
    for transport in [Transport::Tls, Transport::Wss] {
        let mut untrusting = settings(&broker, transport, VersionChoice::V5);
        untrusting.tls.ca_file = Some(broker.foreign_authority());
        let failed = refused(&mut link(untrusting)).await;
        assert_eq!(failed.phase, Some(Phase::Tls), "{failed:?}");
        assert_eq!(failed.error_name.as_deref(), Some("AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE"), "{failed:?}");
    }
}

#[tokio::test]
#[ignore = "needs mosquitto"]
async fn auto_uses_mqtt_5_where_supported_and_a_new_keep_alive_is_no_drop() {
    let Some(broker) = broker() else { return };
    let mut link = link(settings(&broker, Transport::Tcp, VersionChoice::Auto));
    assert_eq!(connected(&mut link).await.mqtt_version, Some(MqttVersion::V5.into()));
    link.set_keep_alive(7);
    let again = next(&mut link, "connect with the new keep-alive", |event| match event {
        Event::Dropped(dropped) => panic!("{dropped:?}"),
        Event::Connected(connected) => Some(connected),
        _ => None,
    })
    .await;
    assert!((again.keep_alive_secs - 7.0).abs() < 1e-9);
    link.shutdown(Duration::from_secs(2)).await;
}
