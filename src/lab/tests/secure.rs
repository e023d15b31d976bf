//! TLS and WebSocket: connects, and the faults of these layers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::lab::{Broker, BrokerOptions, Fault, FaultTrigger, ListenerEndpoint, PlannedFault};

/// CONNECT of 3.1.1, clean session, keep-alive 60, client id `x`.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

pub(super) struct Certificates {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
}

pub(super) fn certificates() -> Certificates {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let chain = vec![CertificateDer::from(issued.cert.der().to_vec())];
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(chain[0].clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Certificates { server: Arc::new(server), client: Arc::new(client) }
}

pub(super) async fn tls(address: SocketAddr, config: &Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config)).connect(name, tcp).await
}

pub(super) async fn websocket<S>(
    stream: S,
    protocol: Option<&'static str>,
) -> Result<WebSocketStream<S>, Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut request = "ws://localhost/mqtt".into_client_request().unwrap();
    if let Some(protocol) = protocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
    }
    tokio_tungstenite::client_async(request, stream).await.map(|(socket, _)| socket)
}

/// Connects over TLS, injects a fault, and returns the end that the client's TLS reports.
async fn read_after_fault(fault: Fault) -> io::Result<usize> {
    let certificates = certificates();
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tls(Arc::clone(&certificates.server))).await.unwrap();
    let mut stream = tls(address, &certificates.client).await.unwrap();
    stream.write_all(CONNECT).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, CONNACK);
    assert_eq!(broker.control().inject(&fault), 1);
    stream.read(&mut answer).await
}

#[tokio::test]
async fn tls_ends_with_or_without_close_notify_by_reset_or_by_alert() {
    assert_eq!(read_after_fault(Fault::Fin).await.unwrap(), 0);
    let bare = read_after_fault(Fault::FinWithoutCloseNotify).await.unwrap_err();
    assert_eq!(bare.kind(), io::ErrorKind::UnexpectedEof);
    let reset = read_after_fault(Fault::Reset).await.unwrap_err();
    assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    let alert = read_after_fault(Fault::TlsAlert).await.unwrap_err();
    let cause = alert.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let expected = rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac);
    assert_eq!(cause, Some(&expected));
    assert_eq!(read_after_fault(Fault::Disconnect { reason: 0x8B, text: None }).await.unwrap(), 0);
}

#[tokio::test]
async fn a_tls_handshake_is_refused_with_the_planned_alert() {
    let certificates = certificates();
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tls(Arc::clone(&certificates.server))).await.unwrap();
    broker.control().plan_fault(PlannedFault::every(Fault::TlsRefusal(40)).nth(1));
    let error = tls(address, &certificates.client).await.unwrap_err();
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let expected = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
    assert_eq!(cause, Some(&expected));
    broker.control().plan_fault(PlannedFault::every_at(FaultTrigger::OnAccept, Fault::Garbage).nth(2));
    let error = tls(address, &certificates.client).await.unwrap_err();
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    assert!(matches!(cause, Some(rustls::Error::InvalidMessage(_))), "{error:?}");
    assert!(tls(address, &certificates.client).await.is_ok());
}

#[tokio::test]
async fn mqtt_passes_through_websockets_plain_and_secure() {
    let certificates = certificates();
    let broker = Broker::start(BrokerOptions::default());
    let plain = broker.listen(ListenerEndpoint::Ws).await.unwrap();
    let secure = broker.listen(ListenerEndpoint::Wss(Arc::clone(&certificates.server))).await.unwrap();
    let mut ws = websocket(TcpStream::connect(plain).await.unwrap(), Some("mqtt")).await.unwrap();
    let mut wss = websocket(tls(secure, &certificates.client).await.unwrap(), Some("mqtt")).await.unwrap();
    ws.send(Message::binary(CONNECT)).await.unwrap();
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::binary(CONNACK));
    // A packet may be spread over messages.
    wss.send(Message::binary(&CONNECT[..5])).await.unwrap();
    wss.send(Message::binary(&CONNECT[5..])).await.unwrap();
    assert_eq!(wss.next().await.unwrap().unwrap(), Message::binary(CONNACK));
    // Both are the client `x`: the second took over, and the first is closed in order.
    match ws.next().await.unwrap().unwrap() {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1000),
        other => panic!("{other:?}"),
    }
}

/// Connects over WebSocket, injects a fault, and returns the end that the client's WebSocket reports.
async fn ws_message_after_fault(fault: Fault) -> Option<Result<Message, Error>> {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Ws).await.unwrap();
    let mut ws = websocket(TcpStream::connect(address).await.unwrap(), Some("mqtt")).await.unwrap();
    ws.send(Message::binary(CONNECT)).await.unwrap();
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::binary(CONNACK));
    assert_eq!(broker.control().inject(&fault), 1);
    ws.next().await
}

#[tokio::test]
async fn a_websocket_ends_with_a_close_code_or_without_one() {
    let close = Fault::WebSocketClose { code: 1013, reason: "try again later".into() };
    match ws_message_after_fault(close).await {
        Some(Ok(Message::Close(Some(frame)))) => {
            assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1013, "try again later"));
        }
        other => panic!("{other:?}"),
    }
    let fin = ws_message_after_fault(Fault::Fin).await;
    let unclosed = Error::Protocol(ProtocolError::ResetWithoutClosingHandshake);
    assert_eq!(fin.unwrap().unwrap_err().to_string(), unclosed.to_string());
    match ws_message_after_fault(Fault::Reset).await {
        Some(Err(Error::Io(error))) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_upgrade_is_refused_or_lacks_the_subprotocol() {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Ws).await.unwrap();
    let control = broker.control();
    control.plan_fault(PlannedFault::every(Fault::UpgradeStatus(403)).nth(1));
    control.plan_fault(PlannedFault::every(Fault::UpgradeStatus(500)).nth(2));
    control.plan_fault(PlannedFault::every(Fault::NoSubprotocol).nth(3));
    for (protocol, status) in [(Some("mqtt"), 403), (Some("mqtt"), 500)] {
        let refusal = websocket(TcpStream::connect(address).await.unwrap(), protocol).await;
        match refusal {
            Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), status),
            other => panic!("{other:?}"),
        }
    }
    let unnamed = websocket(TcpStream::connect(address).await.unwrap(), Some("mqtt")).await;
    let missing =
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol));
    assert_eq!(unnamed.unwrap_err().to_string(), missing.to_string());
    match websocket(TcpStream::connect(address).await.unwrap(), None).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 400),
        other => panic!("{other:?}"),
    }
    assert!(websocket(TcpStream::connect(address).await.unwrap(), Some("mqtt")).await.is_ok());
}
