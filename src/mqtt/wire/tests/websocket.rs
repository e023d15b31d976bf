//! WebSocket: upgrades that succeed and fail, framing, and every way a WebSocket ends.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::harness::{attempt, echo, ending, opened, peer, refused, reset, settings};
use crate::diagnostics::Transport;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::LinkSettings;
use crate::mqtt::wire::OpenFailure;

/// Accepts an upgrade on `/mqtt` as an MQTT broker would.
#[expect(clippy::result_large_err, reason = "the signature tungstenite asks for")]
pub(super) async fn accept<S>(stream: S) -> WebSocketStream<S>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    tokio_tungstenite::accept_hdr_async(stream, |request: &Request, mut response: Response| {
        assert_eq!(request.uri().path(), "/mqtt");
        let headers = response.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", request.headers()["sec-websocket-protocol"].clone());
        headers.insert("Date", "Fri, 20 Nov 2026 12:00:00 GMT".parse().unwrap());
        Ok(response)
    })
    .await
    .unwrap()
}

async fn server<F, Fut>(script: F) -> LinkSettings
where
    F: FnOnce(WebSocketStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    patient(peer(|stream| async { script(accept(stream).await).await }).await)
}

fn patient(port: u16) -> LinkSettings {
    let mut settings = settings(Transport::Ws, port);
    settings.timeouts.websocket = Duration::from_secs(5);
    settings
}

async fn ending_after<F, Fut>(script: F) -> Failure
where
    F: FnOnce(WebSocketStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let settings = server(script).await;
    ending(&mut opened(&settings).await).await
}

/// The result of an upgrade that is answered with `answer`.
async fn refused_with(answer: &'static [u8]) -> OpenFailure {
    let port = peer(move |mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let failure = refused(&patient(port)).await;
    assert_eq!(failure.phase, Phase::Websocket);
    failure
}

#[tokio::test]
async fn the_upgrade_is_a_phase_with_the_servers_clock() {
    let settings = server(|mut websocket| async move {
        let message = websocket.next().await.unwrap().unwrap();
        assert_eq!(message, Message::binary(&b"ping"[..]));
        websocket.send(message).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    let opened = attempt(&settings).await;
    let phases: Vec<_> = opened.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    assert_eq!(phases, [(Phase::Dns, true), (Phase::Tcp, true), (Phase::Websocket, true)]);
    assert_eq!(
        opened.phases[2].detail.as_deref(),
        Some("101 Switching Protocols, subprotocol mqtt, server date Fri, 20 Nov 2026 12:00:00 GMT")
    );
    echo(&mut opened.result.unwrap()).await;
}

#[tokio::test]
async fn bytes_pass_whatever_the_message_boundaries() {
    let settings = server(|mut websocket| async move {
        websocket.send(Message::Ping(b"alive?".to_vec().into())).await.unwrap();
        for part in [&b"pi"[..], b"", b"n", b"gpong"] {
            websocket.send(Message::binary(part)).await.unwrap();
        }
        assert_eq!(websocket.next().await.unwrap().unwrap(), Message::Pong(b"alive?".to_vec().into()));
        let mut received = Vec::new();
        while received.len() < 200_001 {
            received.extend_from_slice(&websocket.next().await.unwrap().unwrap().into_data());
        }
        assert!(received.iter().enumerate().all(|(index, byte)| *byte == low_byte(index)));
        websocket.send(Message::binary(&b"done"[..])).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    let mut wire = opened(&settings).await;
    let mut words = [0; 8];
    wire.stream.read_exact(&mut words).await.unwrap();
    assert_eq!(&words, b"pingpong");
    let long: Vec<u8> = (0..200_001).map(low_byte).collect();
    let mut word = [0; 4];
    let (mut reader, mut writer) = tokio::io::split(&mut wire.stream);
    let ((), read) = tokio::join!(
        async {
            writer.write_all(&long).await.unwrap();
            writer.flush().await.unwrap();
        },
        reader.read_exact(&mut word)
    );
    read.unwrap();
    assert_eq!(&word, b"done");
}

fn low_byte(index: usize) -> u8 {
    u8::try_from(index % 251).unwrap()
}

#[tokio::test]
async fn shutdown_closes_both_layers() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let settings = server(|mut websocket| async move {
        let first = websocket.next().await.unwrap().unwrap();
        let closed = matches!(websocket.next().await, Some(Ok(Message::Close(_))));
        sender.send((first, closed)).unwrap();
    })
    .await;
    let mut wire = opened(&settings).await;
    wire.stream.write_all(b"last").await.unwrap();
    wire.stream.shutdown().await.unwrap();
    assert_eq!(received.await.unwrap(), (Message::binary(&b"last"[..]), true));
}

#[tokio::test]
async fn a_close_frame_keeps_code_and_reason() {
    let failure = ending_after(|mut websocket| async move {
        let frame = CloseFrame { code: 1008.into(), reason: "policy\x1b[31m".into() };
        websocket.close(Some(frame)).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (5134, Layer::Websocket, DropKind::WsClose));
    assert_eq!(failure.ws_close_code, Some(1008));
    assert!(failure.detail.contains("policy violation") && !failure.detail.contains('\x1b'));
}

#[tokio::test]
async fn a_close_frame_without_code_is_recognized() {
    let failure = ending_after(|mut websocket| async move {
        websocket.close(None).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    assert_eq!((failure.how, failure.ws_close_code), (DropKind::WsClose, None));
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_a_closed_socket() {
    let failure = ending_after(|websocket| async move { drop(websocket) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Fin));
    let failure = ending_after(|websocket| async move { reset(websocket.into_inner()) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));
}

#[tokio::test]
async fn protocol_violations_are_a_protocol_error() {
    let text = ending_after(|mut websocket| async move {
        websocket.send(Message::text("hello")).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    assert_eq!((text.name.code, text.layer, text.how), (2089, Layer::Websocket, DropKind::Io));
    assert!(text.detail.contains("text message"), "{}", text.detail);
    let reserved = ending_after(|websocket| async move {
        let mut below = websocket.into_inner();
        below.write_all(&[0xf2, 1, 0]).await.unwrap();
        let _ = below.read(&mut [0; 64]).await;
    })
    .await;
    assert_eq!((reserved.name.code, reserved.layer), (2089, Layer::Websocket));
}

#[tokio::test]
async fn refusals_keep_the_status() {
    for (answer, status) in [
        (&b"HTTP/1.1 403 Forbidden\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Length: 9\r\n\r\nForbidden"[..], 403),
        (b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 500),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
    ] {
        let failure = refused_with(answer).await.failure;
        assert_eq!((failure.name.code, failure.layer), (2065, Layer::Websocket));
        assert_eq!(failure.http_status, Some(status));
    }
    let failure = refused_with(
        b"HTTP/1.1 403 Forbidden\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Length: 9\r\n\r\nSignature",
    )
    .await
    .failure;
    assert!(
        failure.detail.contains("Signature") && failure.detail.contains("12:00:00"),
        "{}",
        failure.detail
    );
}

#[tokio::test]
async fn a_missing_subprotocol_is_a_failed_upgrade() {
    let port = peer(|stream| async {
        let mut websocket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    let failure = refused(&patient(port)).await.failure;
    assert_eq!((failure.name.code, failure.layer, failure.http_status), (2065, Layer::Websocket, None));
    assert!(failure.detail.contains("subprotocol"), "{}", failure.detail);
}

#[tokio::test]
async fn answers_that_are_no_upgrade_are_distinguished() {
    let garbage = refused_with(b"\x30\x82\x01\x00garbage\r\n\r\n").await.failure;
    assert_eq!((garbage.name.code, garbage.layer), (2074, Layer::Websocket));
    let key = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    assert_eq!(refused_with(key).await.failure.name.code, 2065);
    let fin = refused_with(b"").await.failure;
    assert_eq!((fin.name.code, fin.layer, fin.how), (1051, Layer::Tcp, DropKind::Fin));
    let half = refused_with(b"HTTP/1.1 101 Swi").await.failure;
    assert_eq!((half.name.code, half.how), (1051, DropKind::Fin));
}

#[tokio::test]
async fn an_unanswered_upgrade_is_a_timeout() {
    let port = peer(|mut stream| async move {
        while stream.read(&mut [0; 4096]).await.is_ok_and(|bytes| bytes > 0) {}
    })
    .await;
    let failure = refused(&settings(Transport::Ws, port)).await;
    assert_eq!((failure.phase, failure.failure.name.code), (Phase::Websocket, 2092));
}

#[tokio::test]
async fn an_invalid_path_is_refused_without_repeating_it() {
    let port = peer(|mut stream| async move {
        let _ = stream.read(&mut [0; 64]).await;
    })
    .await;
    let mut settings = patient(port);
    settings.broker.path = "/mqtt?token= secret\r\n".into();
    let failure = refused(&settings).await.failure;
    assert_eq!((failure.name.code, failure.layer), (34, Layer::Local));
    assert!(!failure.detail.contains("secret"));
}
