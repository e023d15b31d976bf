//! WebSocket over TLS: the close messages of both layers are distinguished.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;

use super::authority::{Authority, without_close_notify};
use super::harness::{attempt, echo, ending, opened, peer, reset, settings};
use super::websocket::accept;
use crate::diagnostics::Transport;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::LinkSettings;

type ServerSide = WebSocketStream<TlsStream<TcpStream>>;

async fn server<F, Fut>(authority: &Authority, script: F) -> LinkSettings
where
    F: FnOnce(ServerSide) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let acceptor = authority.leaf().server();
    let port = peer(move |stream| async move {
        let stream = acceptor.accept(stream).await.unwrap();
        script(accept(stream).await).await;
    })
    .await;
    let mut settings = settings(Transport::Wss, port);
    settings.timeouts.tls = Duration::from_secs(5);
    settings.timeouts.websocket = Duration::from_secs(5);
    settings.tls = authority.trusted();
    settings
}

async fn ending_after<F, Fut>(script: F) -> Failure
where
    F: FnOnce(ServerSide) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let authority = Authority::new();
    let settings = server(&authority, script).await;
    ending(&mut opened(&settings).await).await
}

#[tokio::test]
async fn all_four_phases_run_in_order() {
    let authority = Authority::new();
    let settings = server(&authority, |mut websocket| async move {
        let message = websocket.next().await.unwrap().unwrap();
        websocket.send(message).await.unwrap();
        let _ = websocket.next().await;
    })
    .await;
    let opened = attempt(&settings).await;
    let phases: Vec<_> = opened.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    assert_eq!(
        phases,
        [(Phase::Dns, true), (Phase::Tcp, true), (Phase::Tls, true), (Phase::Websocket, true)]
    );
    let mut wire = opened.result.unwrap();
    assert!(wire.certificate.is_some());
    echo(&mut wire).await;
}

#[tokio::test]
async fn a_close_frame_wins_over_the_tls_close_behind_it() {
    let failure = ending_after(|mut websocket| async move {
        websocket.close(None).await.unwrap();
        websocket.get_mut().shutdown().await.unwrap();
    })
    .await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (5134, Layer::Websocket, DropKind::WsClose));
}

#[tokio::test]
async fn close_notify_alone_is_a_clean_tls_close() {
    let failure = ending_after(|mut websocket| async move {
        websocket.get_mut().shutdown().await.unwrap();
    })
    .await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (5134, Layer::Tls, DropKind::TlsClose));
}

#[tokio::test]
async fn a_fin_without_any_close_is_a_closed_socket() {
    let failure =
        ending_after(|websocket| async move { drop(without_close_notify(websocket.into_inner())) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Fin));
    let failure =
        ending_after(|websocket| async move { reset(without_close_notify(websocket.into_inner())) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));
}

#[tokio::test]
async fn shutting_down_sends_close_frame_and_close_notify() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let authority = Authority::new();
    let settings = server(&authority, |mut websocket| async move {
        let closed = matches!(websocket.next().await, Some(Ok(message)) if message.is_close());
        let closed_cleanly = websocket.next().await.is_none();
        sender.send((closed, closed_cleanly)).unwrap();
    })
    .await;
    let mut wire = opened(&settings).await;
    wire.stream.shutdown().await.unwrap();
    assert_eq!(received.await.unwrap(), (true, true));
}
