//! TLS: handshakes that succeed and fail, and every way a TLS session ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::{Authority, Leaf, without_close_notify};
use super::harness::{attempt, clock, echo, ending, opened, peer, refused, reset, settings};
use crate::diagnostics::Transport;
use crate::diagnostics::event::{DropKind, Layer, Phase};
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::{LinkSettings, TlsSettings};
use crate::mqtt::wire::{OpenFailure, Progress, TlsContext, open};

fn trusting(authority: &Authority, port: u16) -> LinkSettings {
    let mut settings = settings(Transport::Tls, port);
    settings.timeouts.tls = Duration::from_secs(5);
    settings.tls = authority.trusted();
    settings
}

/// A TLS server that makes one handshake and then follows `script`.
async fn server<F, Fut>(acceptor: TlsAcceptor, script: F) -> u16
where
    F: FnOnce(TlsStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    peer(move |stream| async move {
        if let Ok(stream) = acceptor.accept(stream).await {
            script(stream).await;
        }
    })
    .await
}

/// How a session ends whose server does `script` after one byte from us.
async fn ending_after<F, Fut>(script: F) -> Failure
where
    F: FnOnce(TlsStream<TcpStream>) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let authority = Authority::new();
    let port = server(authority.leaf().server(), |mut stream| async move {
        stream.read_u8().await.unwrap();
        script(stream).await;
    })
    .await;
    let mut wire = opened(&trusting(&authority, port)).await;
    wire.stream.write_all(b"x").await.unwrap();
    wire.stream.flush().await.unwrap();
    ending(&mut wire).await
}

async fn refused_certificate(
    authority: &Authority,
    leaf: &Leaf,
    change: impl FnOnce(&mut LinkSettings),
) -> OpenFailure {
    let port = server(leaf.server(), |_| async {}).await;
    let mut settings = trusting(authority, port);
    change(&mut settings);
    let failure = refused(&settings).await;
    assert_eq!((failure.phase, failure.failure.layer), (Phase::Tls, Layer::Tls));
    failure
}

#[tokio::test]
async fn the_handshake_is_a_phase_and_records_the_negotiated_parameters() {
    let authority = Authority::new();
    let port = server(authority.leaf().server(), |mut stream| async move {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        stream.flush().await.unwrap();
        let _ = stream.read(&mut bytes).await;
    })
    .await;
    let mut settings = trusting(&authority, port);
    settings.tls.alpn = vec!["mqtt".into()];
    let opened = attempt(&settings).await;
    let phases: Vec<_> = opened.phases.iter().map(|timing| (timing.phase, timing.ok)).collect();
    assert_eq!(phases, [(Phase::Dns, true), (Phase::Tcp, true), (Phase::Tls, true)]);
    let detail = opened.phases[2].detail.clone().unwrap();
    assert!(detail.starts_with("TLS 1.3, TLS13_") && detail.ends_with(", ALPN mqtt"), "{detail}");
    let mut wire = opened.result.unwrap();
    let certificate = wire.certificate.clone().unwrap();
    assert!(certificate.subject.contains("Test broker") && certificate.issuer.contains("Test authority"));
    assert_eq!(certificate.names, ["localhost", "127.0.0.1"]);
    assert!(certificate.not_before < certificate.not_after);
    let before = wire.tap.bytes_in();
    echo(&mut wire).await;
    assert!(wire.tap.bytes_in() > before + 4, "the tap counts TLS records, not plain text");
}

#[tokio::test]
async fn an_ip_address_is_checked_as_a_certificate_name() {
    let authority = Authority::new();
    let port = server(authority.leaf().server(), |_| async {}).await;
    let mut settings = trusting(&authority, port);
    settings.broker.host = "127.0.0.1".into();
    opened(&settings).await;
}

#[tokio::test]
async fn the_server_name_replaces_the_host() {
    let authority = Authority::new();
    let other = authority.leaf_with(|params| {
        params.subject_alt_names = vec![rcgen::SanType::DnsName("broker.example".try_into().unwrap())];
    });
    let port = server(other.server(), |stream| async move {
        assert_eq!(stream.get_ref().1.server_name(), Some("broker.example"));
    })
    .await;
    let mut settings = trusting(&authority, port);
    settings.tls.server_name = Some("broker.example".into());
    opened(&settings).await;
}

#[tokio::test]
async fn each_certificate_fault_has_its_name() {
    let authority = Authority::new();
    let stranger = Authority::named("Somebody else");
    let fault = refused_certificate(&stranger, &authority.leaf(), |_| {}).await;
    assert_eq!(fault.failure.name.code, 1181);
    let made_anew = Authority::new();
    let fault = refused_certificate(&made_anew, &authority.leaf(), |_| {}).await;
    assert_eq!(fault.failure.name.code, 1181);
    assert!(fault.failure.detail.contains("out of date"), "{}", fault.failure.detail);
    let wrong = |settings: &mut LinkSettings| settings.tls.server_name = Some("elsewhere.example".into());
    let fault = refused_certificate(&authority, &authority.leaf(), wrong).await;
    assert_eq!(fault.failure.name.code, 1194);
    assert!(fault.failure.detail.contains("elsewhere.example"), "{}", fault.failure.detail);
    assert_eq!(refused_certificate(&authority, &authority.expired(), |_| {}).await.failure.name.code, 1183);
    assert_eq!(
        refused_certificate(&authority, &authority.not_yet_valid(), |_| {}).await.failure.name.code,
        1184
    );
}

#[tokio::test]
async fn close_notify_is_a_clean_hangup() {
    let failure = ending_after(|mut stream| async move { stream.shutdown().await.unwrap() }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (5134, Layer::Tls, DropKind::TlsClose));
}

#[tokio::test]
async fn a_fin_without_close_notify_is_a_closed_socket() {
    let failure = ending_after(|stream| async move { drop(without_close_notify(stream)) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Fin));
    assert!(failure.detail.contains("close_notify"), "{}", failure.detail);
}

#[tokio::test]
async fn a_reset_under_tls_is_a_closed_socket() {
    let failure = ending_after(|stream| async move { reset(without_close_notify(stream)) }).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));
}

#[tokio::test]
async fn a_damaged_record_is_a_read_failure() {
    let failure = ending_after(|stream| async move {
        let mut below = without_close_notify(stream);
        below
            .write_all(&[
                23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
            ])
            .await
            .unwrap();
        let _ = below.read(&mut [0; 64]).await;
    })
    .await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1178, Layer::Tls, DropKind::Io));
}

#[tokio::test]
async fn an_alert_in_the_session_is_an_alert() {
    // TLS 1.3: the server checks the client certificate after the client's handshake is over.
    let authority = Authority::new();
    let port = server(authority.mutual(&authority.leaf()), |_| async {}).await;
    let failure = ending(&mut opened(&trusting(&authority, port)).await).await;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1032, Layer::Tls, DropKind::TlsAlert));
    assert!(failure.detail.contains("CertificateRequired"), "{}", failure.detail);
}

#[tokio::test]
async fn a_client_certificate_is_sent_on_request() {
    let authority = Authority::new();
    let port = server(authority.mutual(&authority.leaf()), |mut stream| async move {
        assert!(stream.get_ref().1.peer_certificates().is_some());
        stream.write_all(b"welcome").await.unwrap();
        stream.shutdown().await.unwrap();
    })
    .await;
    let client = authority.leaf();
    let mut settings = trusting(&authority, port);
    settings.tls.certificate = Some(authority.file("client.pem", &client.certificate_pem));
    settings.tls.private_key = Some(authority.file("client.key", &client.key.serialize_pem()));
    let mut wire = opened(&settings).await;
    let mut word = [0; 7];
    wire.stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"welcome");
}

#[tokio::test]
async fn an_alert_in_the_handshake_is_an_alert() {
    let authority = Authority::new();
    let port = server(authority.leaf().server(), |_| async {}).await;
    let mut settings = trusting(&authority, port);
    settings.tls.alpn = vec!["not-spoken-here".into()];
    let failure = refused(&settings).await.failure;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1032, Layer::Tls, DropKind::TlsAlert));
}

#[tokio::test]
async fn interrupted_handshakes_are_named() {
    let authority = Authority::new();
    let fin = peer(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
    })
    .await;
    let failure = refused(&trusting(&authority, fin)).await.failure;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Fin));

    let rst = peer(|mut stream| async move {
        stream.read_u8().await.unwrap();
        reset(stream);
    })
    .await;
    let failure = refused(&trusting(&authority, rst)).await.failure;
    assert_eq!((failure.name.code, failure.layer, failure.how), (1051, Layer::Tcp, DropKind::Rst));

    let plain = peer(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    })
    .await;
    let failure = refused(&trusting(&authority, plain)).await.failure;
    assert_eq!((failure.name.code, failure.layer), (1029, Layer::Tls));
    assert!(failure.detail.contains("not TLS"), "{}", failure.detail);
}

#[tokio::test]
async fn an_unanswered_handshake_is_a_timeout() {
    let port = peer(|mut stream| async move {
        while stream.read(&mut [0; 4096]).await.is_ok_and(|bytes| bytes > 0) {}
    })
    .await;
    let mut settings = settings(Transport::Tls, port);
    let authority = Authority::new();
    settings.tls = authority.trusted();
    let failure = refused(&settings).await;
    assert_eq!((failure.phase, failure.failure.name.code), (Phase::Tls, 1067));
}

#[tokio::test]
async fn progress_shows_the_phase_and_a_dropped_attempt_hangs_up() {
    let (sender, received) = tokio::sync::oneshot::channel();
    let port = peer(|mut stream| async move {
        while stream.read(&mut [0; 4096]).await.is_ok_and(|bytes| bytes > 0) {}
        sender.send(()).unwrap();
    })
    .await;
    let authority = Authority::new();
    let settings = trusting(&authority, port);
    let progress = Progress::new();
    let seen = progress.clone();
    let attempt = tokio::spawn(async move {
        let tls = TlsContext::load(&settings.tls).unwrap();
        open(&settings, &tls, &clock(), &progress).await
    });
    while seen.current().is_none_or(|(phase, _)| phase != Phase::Tls) {
        tokio::task::yield_now().await;
    }
    attempt.abort();
    tokio::time::timeout(Duration::from_secs(5), received).await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_ca_file_the_platform_roots_are_used() {
    let authority = Authority::new();
    let port = server(authority.leaf().server(), |_| async {}).await;
    let mut settings = trusting(&authority, port);
    settings.tls = TlsSettings::default();
    let failure = refused(&settings).await;
    // 1033 where the machine has no authorities at all.
    assert!([1181, 1033].contains(&failure.failure.name.code), "{failure:?}");
    assert_eq!(failure.phase, Phase::Tls);
}
