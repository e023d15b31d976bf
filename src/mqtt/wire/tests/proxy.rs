//! Through an HTTP proxy: the tunnel opens, or the phase names the reason.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{clock, echo, ending, peer, settings};
use crate::diagnostics::Transport;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::mqtt::settings::{BrokerAddress, TlsSettings};
use crate::mqtt::wire::open::open_with_proxy;
use crate::mqtt::wire::proxy::Proxy;
use crate::mqtt::wire::{OpenOutcome, Progress, TlsContext};

/// Reads the request's head, byte by byte, as the tunnel begins right behind it.
async fn request(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Opens towards `broker.example:1883` through a proxy at this port.
async fn through(port: u16) -> OpenOutcome {
    let mut settings = settings(Transport::Tcp, 1883);
    settings.broker = BrokerAddress {
        transport: Transport::Tcp,
        host: "broker.example".into(),
        port: 1883,
        path: String::new(),
    };
    let proxy = Proxy::from_environment(&settings.broker, |variable| {
        (variable == "HTTPS_PROXY").then(|| format!("http://me:p%40ss@127.0.0.1:{port}"))
    });
    let tls = TlsContext::load(&TlsSettings::default()).unwrap();
    open_with_proxy(proxy, &settings, &tls, &clock(), &Progress::new()).await
}

#[tokio::test]
async fn the_tunnel_leads_to_the_broker() {
    let port = peer(|mut stream| async move {
        let head = request(&mut stream).await;
        assert!(head.starts_with("CONNECT broker.example:1883 HTTP/1.1\r\nHost: broker.example:1883\r\n"));
        assert!(head.contains("\r\nProxy-Authorization: Basic bWU6cEBzcw==\r\n"), "{head}");
        stream.write_all(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n").await.unwrap();
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
    })
    .await;
    let opened = through(port).await;
    let detail = opened.phases[1].detail.clone().unwrap();
    assert!(detail.starts_with("through the proxy 127.0.0.1:"), "{detail}");
    let mut wire = opened.result.unwrap();
    echo(&mut wire).await;
    assert_eq!(ending(&mut wire).await.how, DropKind::Fin);
}

#[tokio::test]
async fn refusals_and_silence_are_attributed_to_the_proxy() {
    let refusing = peer(|mut stream| async move {
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
    })
    .await;
    let closing = peer(|mut stream| async move {
        request(&mut stream).await;
    })
    .await;
    let silent = peer(|mut stream| async move {
        let _ = request(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    for (port, status, how) in
        [(refusing, Some(407), DropKind::Io), (closing, None, DropKind::Fin), (silent, None, DropKind::Io)]
    {
        let failure = through(port).await.result.unwrap_err();
        assert_eq!((failure.phase, failure.failure.name.code), (Phase::Tcp, 2071));
        assert_eq!((failure.failure.layer, failure.failure.how), (Layer::Tcp, how));
        assert_eq!(failure.failure.http_status, status);
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_fails_before_anything_is_tried() {
    let settings = settings(Transport::Tcp, 1883);
    let broker = BrokerAddress { host: "broker.example".into(), ..settings.broker.clone() };
    let proxy = Proxy::from_environment(&broker, |_| Some("socks5://proxy".into()));
    let tls = TlsContext::load(&TlsSettings::default()).unwrap();
    let opened = open_with_proxy(proxy, &settings, &tls, &clock(), &Progress::new()).await;
    assert_eq!(opened.phases.len(), 1);
    assert!(!opened.phases[0].ok && opened.phases[0].phase == Phase::Tcp);
    assert_eq!(opened.result.unwrap_err().failure.layer, Layer::Local);
}
