//! The whole link over real sockets on loopback: few, because they take real time.

use std::net::Ipv4Addr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::clock::TokioClock;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::diagnostics::{MqttVersion, VersionChoice};
use crate::mqtt::check;
use crate::mqtt::settings::BackoffSettings;

const SECOND: Duration = Duration::from_secs(1);

async fn listen() -> (TcpListener, LinkSettings) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut settings = settings();
    settings.broker.host = "127.0.0.1".to_owned();
    settings.broker.port = listener.local_addr().unwrap().port();
    settings.backoff = BackoffSettings {
        initial: Duration::from_millis(10),
        min_connect_interval: Duration::from_millis(20),
        ..BackoffSettings::default()
    };
    (listener, settings)
}

/// Reads what came and answers with `bytes`.
async fn exchange(socket: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut read = vec![0; 512];
    let count = socket.read(&mut read).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read.truncate(count);
    read
}

fn link(settings: LinkSettings) -> Link {
    let mut link = Link::new(settings, TokioClock::at_epoch()).unwrap();
    link.connect();
    link
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(10 * SECOND, work).await.expect("took longer than 10 s")
}

#[tokio::test]
async fn fin_and_rst_are_distinguished_and_the_link_recovers() {
    let (listener, settings) = listen().await;
    let broker = tokio::spawn(async move {
        for round in 0..3 {
            let (mut socket, _) = listener.accept().await.unwrap();
            exchange(&mut socket, &[0x20, 2, 0, 0]).await;
            match round {
                0 => {}
                1 => SockRef::from(&socket).set_linger(Some(Duration::ZERO)).unwrap(),
                _ => std::future::pending().await,
            }
        }
    });
    let mut link = link(settings);
    in_time(async {
        for (name, how) in
            [("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", DropKind::Fin), ("AWS_IO_SOCKET_CLOSED", DropKind::Rst)]
        {
            let (connected, _) = until(&mut link, connected).await;
            assert!(connected.remote.unwrap().starts_with("127.0.0.1:"));
            let (drop, _) = until(&mut link, dropped).await;
            assert_eq!(
                (drop.error_name.as_deref(), drop.layer, drop.how),
                (Some(name), Some(Layer::Tcp), Some(how))
            );
        }
        until(&mut link, connected).await;
    })
    .await;
    broker.abort();
}

#[tokio::test]
async fn a_refused_port_is_named_and_taken_as_soon_as_it_opens() {
    let (listener, settings) = listen().await;
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut link = link(settings);
    in_time(async {
        let (failed, _) = until(&mut link, connect_failed).await;
        assert_eq!(failed.error_name.as_deref(), Some("AWS_IO_SOCKET_CONNECTION_REFUSED"));
        assert_eq!((failed.phase, failed.attempt_number), (Some(Phase::Tcp), 0));
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            exchange(&mut socket, &[0x20, 2, 0, 0]).await;
            std::future::pending::<()>().await;
        });
        let (connected, _) = until(&mut link, connected).await;
        assert!(connected.attempt_number > 0);
    })
    .await;
}

#[tokio::test]
async fn check_connects_pings_and_disconnects() {
    let (listener, settings) = listen().await;
    let broker = tokio::spawn(async move {
        // Does not know MQTT 5.
        let (mut socket, _) = listener.accept().await.unwrap();
        exchange(&mut socket, &[0x20, 2, 0, 1]).await;
        let (mut socket, _) = listener.accept().await.unwrap();
        exchange(&mut socket, &[0x20, 2, 0, 0]).await;
        assert_eq!(exchange(&mut socket, &[0xd0, 0]).await, [0xc0, 0]);
        exchange(&mut socket, &[]).await
    });
    let settings = LinkSettings { version: VersionChoice::Auto, ..settings };
    let report = in_time(check(&settings, TokioClock::at_epoch())).await.unwrap();
    assert_eq!(report.attempt.attempt_number, 1);
    let phases: Vec<_> = report.attempt.phases.iter().map(|phase| (phase.phase, phase.ok)).collect();
    assert_eq!(phases, [(Phase::Dns, true), (Phase::Tcp, true), (Phase::Connack, true)]);
    assert_eq!(report.connected.unwrap().mqtt_version, Some(MqttVersion::V311.into()));
    assert!(report.ping_ms.unwrap() > 0.0 && report.failure.is_none());
    assert_eq!(in_time(broker).await.unwrap(), [0xe0, 0]);
}

#[tokio::test]
async fn check_reports_a_refusal() {
    let (listener, settings) = listen().await;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        exchange(&mut socket, &[0x20, 2, 0, 5]).await;
    });
    let report = in_time(check(&settings, TokioClock::at_epoch())).await.unwrap();
    let failure = report.failure.unwrap();
    assert_eq!((failure.return_code, failure.phase), (Some(5), Some(Phase::Connack)));
    assert_eq!((report.connected, report.ping_ms), (None, None));
}
