//! The link against the lab's AWS rules, cloud and water heater, on real sockets.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene must fail")]

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod causes;
#[cfg(unix)]
mod device;
#[cfg(unix)]
mod lab_command;
#[cfg(unix)]
pub(crate) mod leaks;
#[cfg(unix)]
mod running;
#[cfg(unix)]
mod scene;
#[cfg(unix)]
mod screen;
mod signing;
#[cfg(unix)]
mod watching;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::event::{
    ConnectFailedEvent, ConnectedEvent, DropKind, DroppedEvent, Layer, Phase,
};
use dropscope::diagnostics::{Clock, Event, Transport, VersionChoice};
use dropscope::lab::{
    AwsLimits, AwsRules, Broker, BrokerOptions, Fault, LabCredentialStore, ListenerEndpoint, NavienLab,
    NavienLabOptions, Policy,
};
use dropscope::mqtt::settings::{AddressFamily, BackoffSettings, LinkSettings};
use dropscope::mqtt::{Link, Publish};
use serde_json::Value;
use signing::{sign_in, signing_link};

use crate::loopback::{loopback_address, wait_for_event};

/// Drives the link until an event matches.
async fn until<T>(link: &mut Link, mut find: impl FnMut(&Event) -> Option<T>) -> T {
    wait_for_event(link, &mut Vec::new(), "an event", |observed| find(&observed.event)).await.unwrap()
}

async fn connected(link: &mut Link) -> ConnectedEvent {
    let connected = until(link, |event| match event {
        Event::Connected(connected) => Some(connected.clone()),
        _ => None,
    });
    let connected = connected.await;
    until(link, |event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
    connected
}

async fn dropped(link: &mut Link) -> DroppedEvent {
    until(link, |event| match event {
        Event::Dropped(dropped) => Some(dropped.clone()),
        _ => None,
    })
    .await
}

async fn connect_failed(link: &mut Link) -> ConnectFailedEvent {
    until(link, |event| match event {
        Event::ConnectFailed(failed) => Some(failed.clone()),
        _ => None,
    })
    .await
}

fn settings(transport: Transport, port: u16, id: &str) -> LinkSettings {
    let mut settings = LinkSettings::new(loopback_address(transport, port), id);
    settings.version = VersionChoice::V311;
    settings.family = AddressFamily::V4;
    settings.subscriptions = vec![("cmd/52/navilink-aabbccddeeff/#".to_owned(), 1)];
    settings.backoff = BackoffSettings {
        initial: Duration::from_millis(10),
        max: Duration::from_millis(400),
        min_connect_interval: Duration::from_millis(5),
        ..BackoffSettings::default()
    };
    settings
}

fn publish(topic: &str, payload: String) -> Publish {
    Publish {
        topic: topic.to_owned(),
        payload: payload.into(),
        qos: 1,
        retain: false,
        name: "test".to_owned(),
        correlation_id: None,
    }
}

/// Requests the heater's status and waits for the answer.
async fn heater_answers(link: &mut Link) {
    let commands: Value = serde_json::from_str(include_str!("../../fixtures/navien-commands.json")).unwrap();
    let command = &commands["request_device_status"];
    link.publish(publish(command["topic"].as_str().unwrap(), command["payload"].to_string()));
    let answers = command["payload"]["responseTopic"].as_str().unwrap();
    let is_answer = |event: &Event| match event {
        Event::Received(message) => (*message.topic == *answers).then_some(()),
        _ => None,
    };
    until(link, is_answer).await;
}

/// An AWS broker without signatures, over TCP, and a link to it.
async fn over_tcp(limits: AwsLimits, version: VersionChoice) -> (Broker, Arc<AwsRules>, Link) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let credential_store = Arc::new(LabCredentialStore::new(Arc::clone(&clock)));
    let rules = Arc::new(AwsRules::new(limits, Policy::default(), credential_store, Arc::clone(&clock)));
    let broker = Broker::start(BrokerOptions::aws(Arc::clone(&rules)));
    let port = broker.listen(ListenerEndpoint::Tcp).await.unwrap().port();
    let mut link =
        Link::new(LinkSettings { version, ..settings(Transport::Tcp, port, "under-test") }, clock).unwrap();
    link.connect();
    (broker, rules, link)
}

/// Asserts how a client sees the end of its session by AWS over TCP.
fn assert_ended(drop_event: &DroppedEvent, version: VersionChoice, reason: u8) {
    let manner = (drop_event.layer, drop_event.how, drop_event.reason_code);
    let expected = match version {
        VersionChoice::V5 => (Some(Layer::Mqtt), Some(DropKind::Disconnect), Some(reason)),
        _ => (Some(Layer::Tcp), Some(DropKind::Fin), None),
    };
    assert_eq!(manner, expected, "{drop_event:?}");
}

#[tokio::test]
async fn a_forbidden_publish_ends_the_session_and_fast_reconnects_are_refused() {
    for (version, code) in [(VersionChoice::V311, None), (VersionChoice::V5, Some(0x97))] {
        // Longer than at AWS, so that a busy computer is too fast as well.
        let limits = AwsLimits { connect_interval: Duration::from_secs(3), ..AwsLimits::default() };
        let (_broker, rules, mut link) = over_tcp(limits, version).await;
        connected(&mut link).await;
        rules.set_policy(Policy { denied: vec!["cmd/secret".into()], ..Policy::default() });
        link.publish(publish("cmd/secret", "x".into()));
        assert_ended(&dropped(&mut link).await, version, 0x87);
        let failed = connect_failed(&mut link).await;
        assert_eq!((failed.phase, failed.return_code), (Some(Phase::Connack), code), "{failed:?}");
        connected(&mut link).await;
    }
}

#[tokio::test]
async fn the_connection_ends_at_its_age_and_at_one_and_a_half_keep_alives() {
    let old = AwsLimits { connection_ttl: Duration::from_millis(1200), ..AwsLimits::default() };
    let second = Duration::from_secs(1);
    let short_keep_alive =
        AwsLimits { keep_alive_min: second, keep_alive_max: second, ..AwsLimits::default() };
    for (limits, millis) in [(old, 1200), (short_keep_alive.clone(), 1500)] {
        let (_broker, _, mut link) = over_tcp(limits, VersionChoice::V311).await;
        let began = tokio::time::Instant::now();
        connected(&mut link).await;
        assert_ended(&dropped(&mut link).await, VersionChoice::V311, 0);
        let lived = began.elapsed().as_millis();
        assert!((millis..millis + 800).contains(&lived), "{lived} ms");
    }
    // The server sets the keep-alive of MQTT 5 clients, and they follow it.
    let (_broker, _, mut link) = over_tcp(short_keep_alive, VersionChoice::V5).await;
    connected(&mut link).await;
    let quiet = tokio::time::timeout(Duration::from_millis(2500), dropped(&mut link)).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_credentials_are_refused_at_the_next_upgrade() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let lab = NavienLab::start(NavienLabOptions::default(), Arc::clone(&clock)).await.unwrap();
    let control = lab.control();
    let newest = sign_in(&lab.rest_url, &lab.email, &lab.password).await;
    let credentials = Arc::new(Mutex::new(newest));
    let ca_file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca_file.path(), &lab.ca_pem).unwrap();
    let mut link = signing_link(&lab.iot_endpoint, ca_file.path(), &credentials);
    link.connect();
    connected(&mut link).await;

    // The heater answers through the cloud.
    heater_answers(&mut link).await;

    // Expired credentials do not end a session.
    control.rules.credential_store().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(control.broker.inject_client("navien-client-0a1b2c3d", &Fault::Fin));
    let drop_event = dropped(&mut link).await;
    assert_eq!(
        (drop_event.layer, drop_event.how),
        (Some(Layer::Tls), Some(DropKind::TlsClose)),
        "{drop_event:?}"
    );
    let failed = connect_failed(&mut link).await;
    assert_eq!((failed.phase, failed.http_status), (Some(Phase::Websocket), Some(403)), "{failed:?}");
    assert_eq!(failed.error_name.as_deref(), Some("AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE"));
    assert!(!format!("{failed:?}").contains("X-Amz-Signature"));

    let fresh = sign_in(&lab.rest_url, &lab.email, &lab.password).await;
    *credentials.lock().unwrap() = fresh;
    connected(&mut link).await;

    // AWS ends a session at its maximum age, seen through the gateway.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let close = Fault::WebSocketClose { code: 1000, reason: String::new() };
    assert!(control.broker.inject_client("navien-client-0a1b2c3d", &close));
    let drop_event = dropped(&mut link).await;
    assert_eq!(
        (drop_event.layer, drop_event.ws_close_code),
        (Some(Layer::Websocket), Some(1000)),
        "{drop_event:?}"
    );

    lab.stop().await;
}
