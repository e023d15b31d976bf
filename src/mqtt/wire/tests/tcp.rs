//! Plain TCP: opening, counting, and every way it ends.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::harness::{attempt, clock, echo, ending, opened, peer, refused, reset, settings};
use crate::diagnostics::Transport;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::mqtt::settings::AddressFamily;
use crate::mqtt::wire::WireConnection;

async fn echoing(mut stream: tokio::net::TcpStream) {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let _ = stream.read(&mut bytes).await;
}

#[tokio::test]
async fn both_phases_are_timed_and_bytes_are_counted() {
    let port = peer(echoing).await;
    let opened = attempt(&settings(Transport::Tcp, port)).await;
    let phases: Vec<_> = opened.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    assert_eq!(phases, [(Phase::Dns, true), (Phase::Tcp, true)]);
    assert!(opened.phases.iter().all(|timing| timing.ms >= 0.0));
    assert_eq!(opened.phases[0].detail.as_deref(), Some("127.0.0.1"));
    assert_eq!(opened.phases[1].detail.as_deref(), Some(format!("127.0.0.1:{port}").as_str()));
    let mut wire = opened.result.unwrap();
    assert_eq!(wire.remote.port(), port);
    assert!(wire.local.port() != 0 && wire.tap.last_rx().is_none());
    echo(&mut wire).await;
    assert_eq!((wire.tap.bytes_in(), wire.tap.bytes_out()), (4, 4));
    assert!(wire.tap.last_rx() >= wire.tap.last_tx());
}

#[tokio::test]
async fn a_fin_is_a_clean_hangup() {
    let port = peer(|stream| async { drop(stream) }).await;
    let failure = ending(&mut opened(&settings(Transport::Tcp, port)).await).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (5134, Layer::Tcp, DropKind::Fin));
}

#[tokio::test]
async fn a_reset_is_a_closed_socket() {
    let port = peer(|mut stream| async {
        stream.read_u8().await.unwrap();
        reset(stream);
    })
    .await;
    let mut wire = opened(&settings(Transport::Tcp, port)).await;
    wire.stream.write_all(b"x").await.unwrap();
    let failure = ending(&mut wire).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));
}

#[tokio::test]
async fn a_reset_reported_to_a_write_first_is_no_fin() {
    let port = peer(|stream| async { reset(stream) }).await;
    let mut wire = opened(&settings(Transport::Tcp, port)).await;
    while wire.stream.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let failure = ending(&mut wire).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let failure = refused(&settings(Transport::Tcp, port)).await;
    assert_eq!((failure.phase, failure.failure.name.code), (Phase::Tcp, 1047));
    assert!(failure.failure.detail.contains("refused"), "{}", failure.failure.detail);
}

#[cfg(target_os = "linux")] // Elsewhere a full backlog refuses.
#[tokio::test]
async fn a_full_backlog_is_a_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(100), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 64, "the backlog never fills");
    }
    let failure = refused(&settings(Transport::Tcp, address.port())).await;
    assert_eq!((failure.phase, failure.failure.name.code), (Phase::Tcp, 1048));
}

#[tokio::test]
async fn the_address_family_is_respected_and_the_next_address_is_tried() {
    let port = peer(echoing).await;
    let mut settings = settings(Transport::Tcp, port);
    settings.broker.host = "127.0.0.1".into();
    settings.family = AddressFamily::V6;
    let failure = refused(&settings).await;
    assert_eq!((failure.phase, failure.failure.name.code), (Phase::Dns, 1060));

    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let addresses = [closed, format!("127.0.0.1:{port}").parse().unwrap()];
    let (connection, detail) = super::super::dial::dial(&addresses, &settings).await.unwrap();
    assert_eq!(connection.remote.port(), port);
    assert!(detail.contains("failed before") && detail.contains("refused"), "{detail}");
}

#[tokio::test]
async fn errors_of_the_socket_keep_their_meaning() {
    let (near, _far) = tokio::io::duplex(64);
    let tap = WireConnection::from_stream(near, clock()).tap;
    for (kind, code, layer, how) in [
        (io::ErrorKind::TimedOut, 1048, Layer::Tcp, DropKind::Io),
        (io::ErrorKind::HostUnreachable, 1049, Layer::Local, DropKind::Local),
        (io::ErrorKind::NetworkUnreachable, 1049, Layer::Local, DropKind::Local),
        (io::ErrorKind::NetworkDown, 1050, Layer::Local, DropKind::Local),
        (io::ErrorKind::BrokenPipe, 1044, Layer::Tcp, DropKind::Rst),
        (io::ErrorKind::NotConnected, 1052, Layer::Local, DropKind::Local),
        (io::ErrorKind::ConnectionReset, 1051, Layer::Tcp, DropKind::Rst),
    ] {
        let failure = tap.failure_from_error(&kind.into());
        assert_eq!((failure.name.code, failure.layer, failure.how), (code, layer, how), "{kind:?}");
    }
}

#[tokio::test]
async fn a_fin_inside_a_packet_is_a_fin() {
    let (near, far) = tokio::io::duplex(64);
    let mut wire = WireConnection::from_stream(near, clock());
    drop(far);
    assert_eq!(wire.stream.read(&mut [0; 8]).await.unwrap(), 0);
    assert!(wire.tap.fin_seen());
    let failure = wire.tap.failure_from_error(&io::Error::other("bytes remaining on stream"));
    assert_eq!((failure.name.code, failure.how), (5134, DropKind::Fin));
    assert!(failure.detail.contains("middle of a packet"));
    let echo = wire.tap.failure_from_error(&io::ErrorKind::BrokenPipe.into());
    assert_eq!(echo.name.code, 5134, "the write that fails after the FIN is not the cause");
}
