//! Shared by the wire tests: a clock, settings for loopback, a peer that follows a script.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clock::TokioClock;
use crate::diagnostics::{Clock, Transport};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::{BrokerAddress, LinkSettings, PhaseTimeouts};
use crate::mqtt::wire::{OpenFailure, OpenOutcome, Progress, TlsContext, WireConnection, open};

pub(super) fn clock() -> Arc<dyn Clock> {
    TokioClock::at_epoch()
}

/// Settings for a broker on loopback with deadlines short enough for a test.
pub(super) fn settings(transport: Transport, port: u16) -> LinkSettings {
    let broker = BrokerAddress { transport, host: "localhost".into(), port, path: "/mqtt".into() };
    let mut settings = LinkSettings::new(broker, "test");
    settings.family = crate::mqtt::settings::AddressFamily::V4;
    let short = Duration::from_millis(300);
    let long = Duration::from_secs(10);
    settings.timeouts = PhaseTimeouts {
        credentials: long,
        dns: long,
        tcp: short,
        tls: short,
        websocket: short,
        connack: short,
    };
    settings
}

/// Starts a peer that accepts one connection and follows `script` on it.
pub(super) async fn peer<F, Fut>(script: F) -> u16
where
    F: FnOnce(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        script(stream).await;
    });
    port
}

/// Opens once, with the TLS settings taken from `settings`.
pub(super) async fn attempt(settings: &LinkSettings) -> OpenOutcome {
    let tls = TlsContext::load(&settings.tls).unwrap();
    let progress = Progress::new();
    let opened = open(settings, &tls, &clock(), &progress).await;
    assert_eq!(progress.current(), None, "progress is cleared at the end");
    opened
}

pub(super) async fn opened(settings: &LinkSettings) -> WireConnection {
    attempt(settings).await.result.unwrap()
}

pub(super) async fn refused(settings: &LinkSettings) -> OpenFailure {
    let opened = attempt(settings).await;
    let failure = opened.result.unwrap_err();
    let last = opened.phases.last().unwrap();
    assert_eq!(last.phase, failure.phase, "the last phase is the one that failed");
    assert_eq!(last.error, Some(failure.failure.message()));
    assert!(!last.ok);
    assert!(opened.phases.iter().rev().skip(1).all(|phase| phase.ok));
    failure
}

/// Reads to the end, as the link does, and names it.
pub(super) async fn ending(wire: &mut WireConnection) -> Failure {
    let mut buffer = [0; 1024];
    let reading = async {
        loop {
            match wire.stream.read(&mut buffer).await {
                Ok(0) => return wire.tap.failure_at_eof(),
                Ok(_) => {}
                Err(error) => return wire.tap.failure_from_error(&error),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), reading).await.unwrap()
}

/// Sends four bytes and expects them back, both ways through every layer.
pub(super) async fn echo(wire: &mut WireConnection) {
    wire.stream.write_all(b"ping").await.unwrap();
    wire.stream.flush().await.unwrap();
    let mut answer = [0; 4];
    wire.stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}

/// Closes so that the other side sees RST.
pub(super) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}
