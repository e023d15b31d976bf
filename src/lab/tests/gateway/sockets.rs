//! Drops and outages seen at real sockets, and the cleanup after a stop.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::Message;

use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{TestClient, TestPacket, connect_options, message};
use crate::lab::tests::secure::{certificates, tls, websocket};
use crate::lab::{
    Broker, BrokerOptions, DropManner, Gateway, GatewayControl, GatewayOptions, ListenerEndpoint,
    OutageManner, PathFault, Upstream,
};

/// CONNECT of 3.1.1, clean session, keep-alive 60, client id `x`.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x";
const CONNACK: &[u8] = &[0x20, 2, 0, 0];

struct GatewaySetup {
    broker: Broker,
    gateway: Gateway,
    control: GatewayControl,
}

impl GatewaySetup {
    fn new() -> Self {
        let broker = Broker::start(BrokerOptions::default());
        let gateway = Gateway::start(Upstream::Broker(broker.control()), GatewayOptions::default());
        let control = gateway.control();
        Self { broker, gateway, control }
    }

    /// Applies a fault to all connections now.
    fn end(&self, manner: DropManner) {
        self.control.arm(PathFault::SessionLifetime { secs: 0.0, jitter_secs: 0.0, manner });
    }
}

#[tokio::test]
async fn each_tcp_drop_manner_is_visible_to_the_client() {
    for (version, manner, expected) in [
        (MqttVersion::V311, DropManner::Fin, vec![TestPacket::Fin]),
        (MqttVersion::V5, DropManner::TlsCloseNotify, vec![TestPacket::Fin]),
        (MqttVersion::V5, DropManner::Reset, vec![TestPacket::Broken(ErrorKind::ConnectionReset)]),
        (MqttVersion::V5, DropManner::Disconnect(0x8B), vec![TestPacket::Disconnect(0x8B), TestPacket::Fin]),
        (MqttVersion::V311, DropManner::Disconnect(0x8B), vec![TestPacket::Fin]),
        (MqttVersion::V311, DropManner::WsClose(1001), vec![TestPacket::Fin]),
        (MqttVersion::V311, DropManner::WsClose(1006), vec![TestPacket::Fin]),
    ] {
        let setup = GatewaySetup::new();
        let address = setup.gateway.listen(ListenerEndpoint::Tcp).await.unwrap();
        let mut client = TestClient::tcp(address, version, "a").await;
        setup.end(manner);
        for expected in expected {
            assert_eq!(client.next().await, expected, "{manner:?}");
        }
    }
}

/// Connects over TLS, injects a fault, and returns the end that the client's TLS reports.
async fn read_after_fault(fault: PathFault) -> io::Result<usize> {
    let certificates = certificates();
    let setup = GatewaySetup::new();
    let address =
        setup.gateway.listen(ListenerEndpoint::Tls(Arc::clone(&certificates.server))).await.unwrap();
    let mut stream = tls(address, &certificates.client).await.unwrap();
    stream.write_all(CONNECT).await.unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, CONNACK);
    setup.control.arm(fault);
    stream.read(&mut answer).await
}

#[tokio::test]
async fn tls_ends_with_or_without_close_notify_by_reset_or_by_alert() {
    let end = |manner| PathFault::SessionLifetime { secs: 0.0, jitter_secs: 0.0, manner };
    assert_eq!(read_after_fault(end(DropManner::TlsCloseNotify)).await.unwrap(), 0);
    assert_eq!(read_after_fault(end(DropManner::Disconnect(0x8B))).await.unwrap(), 0);
    let bare = read_after_fault(end(DropManner::Fin)).await.unwrap_err();
    assert_eq!(bare.kind(), ErrorKind::UnexpectedEof);
    let reset = read_after_fault(end(DropManner::Reset)).await.unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let alert = read_after_fault(PathFault::TlsAlert { every_secs: 0.05 }).await.unwrap_err();
    let cause = alert.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let expected = rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac);
    assert_eq!(cause, Some(&expected));
}

async fn connect_ws(address: SocketAddr) -> Result<WebSocketStream<TcpStream>, Error> {
    let mut ws = websocket(TcpStream::connect(address).await.unwrap(), Some("mqtt")).await?;
    ws.send(Message::binary(CONNECT)).await.unwrap();
    assert_eq!(ws.next().await.unwrap().unwrap(), Message::binary(CONNACK));
    Ok(ws)
}

#[tokio::test]
async fn a_websocket_closes_with_its_code_and_1006_is_no_close() {
    for code in [1000, 1001, 1011] {
        let setup = GatewaySetup::new();
        let address = setup.gateway.listen(ListenerEndpoint::Ws).await.unwrap();
        let mut ws = connect_ws(address).await.unwrap();
        setup.end(DropManner::WsClose(code));
        match ws.next().await {
            Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), code),
            other => panic!("{other:?}"),
        }
    }
    let setup = GatewaySetup::new();
    let address = setup.gateway.listen(ListenerEndpoint::Ws).await.unwrap();
    let mut ws = connect_ws(address).await.unwrap();
    setup.end(DropManner::WsClose(1006));
    let unclosed = Error::Protocol(ProtocolError::ResetWithoutClosingHandshake);
    assert_eq!(ws.next().await.unwrap().unwrap_err().to_string(), unclosed.to_string());
}

#[tokio::test]
async fn an_orderly_end_of_the_server_is_orderly_on_all_layers() {
    let GatewaySetup { broker, gateway, .. } = GatewaySetup::new();
    let address = gateway.listen(ListenerEndpoint::Ws).await.unwrap();
    let mut ws = connect_ws(address).await.unwrap();
    broker.stop().await;
    match ws.next().await {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(u16::from(frame.code), 1000),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn expired_credentials_refuse_the_upgrade() {
    let certificates = certificates();
    let setup = GatewaySetup::new();
    let plain = setup.gateway.listen(ListenerEndpoint::Ws).await.unwrap();
    let secure = setup.gateway.listen(ListenerEndpoint::Wss(Arc::clone(&certificates.server))).await.unwrap();
    connect_ws(plain).await.unwrap();
    let mut injections = setup.control.watch_injections();
    setup.control.arm(PathFault::CredentialExpiry { at_secs: 0.0, ends_sessions: false });
    injections.changed().await.unwrap();
    let over_tls = websocket(tls(secure, &certificates.client).await.unwrap(), Some("mqtt")).await;
    let refusals = [connect_ws(plain).await.err(), over_tls.err()];
    for refusal in refusals {
        match refusal {
            Some(Error::Http(response)) => assert_eq!(response.status().as_u16(), 403),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_outage_refuses_connects_and_the_same_port_comes_back() {
    let setup = GatewaySetup::new();
    let address = setup.gateway.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut client = TestClient::tcp(address, MqttVersion::V311, "a").await;
    let mut injections = setup.control.watch_injections();
    let outage = setup.control.arm(PathFault::Outage {
        every_secs: 0.0,
        lasting_secs: 60.0,
        manner: OutageManner::Refuse,
    });
    assert_eq!(client.next().await, TestPacket::Fin);
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    setup.control.disarm(outage);
    injections.wait_for(|count| *count == 3).await.unwrap();
    TestClient::tcp(address, MqttVersion::V311, "a").await;
    assert_eq!(setup.control.injections()[2].description, "outage ends");
}

#[tokio::test]
async fn packets_and_connection_ends_pass_to_a_remote_address() {
    let broker = Broker::start(BrokerOptions::default());
    let upstream = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let gateway = Gateway::start(Upstream::Address(upstream), GatewayOptions::default());
    let address = gateway.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut client = TestClient::tcp(address, MqttVersion::V5, "a").await;
    client.subscribe("t", 0).await;
    client.publish("t", "there and back", 0, false).await;
    assert_eq!(client.next().await, message("t", "there and back"));
    broker.control().inject(&crate::lab::Fault::Reset);
    assert_eq!(client.next().await, TestPacket::Broken(ErrorKind::ConnectionReset));
    let mut client = TestClient::tcp(address, MqttVersion::V5, "a").await;
    broker.stop().await;
    assert_eq!(client.next().await, TestPacket::Disconnect(0x8B));
    assert_eq!(client.next().await, TestPacket::Fin);
    let (_, got) = TestClient::connect_tcp(address, connect_options(MqttVersion::V5, "a")).await;
    assert_eq!(got, TestPacket::Fin, "no server is behind the gateway");
}

#[tokio::test]
async fn nothing_is_left_by_a_stopped_or_dropped_gateway() {
    for is_stopped in [true, false] {
        let GatewaySetup { broker, gateway, control } = GatewaySetup::new();
        let address = gateway.listen(ListenerEndpoint::Tcp).await.unwrap();
        assert!(address.ip().is_loopback());
        let outside = gateway.listen_at("0.0.0.0:0".parse().unwrap(), ListenerEndpoint::Tcp).await;
        assert_eq!(outside.unwrap_err().kind(), ErrorKind::InvalidInput);
        let mut client = TestClient::tcp(address, MqttVersion::V311, "a").await;
        let mut hole = TestClient::tcp(address, MqttVersion::V311, "b").await;
        control.arm(PathFault::SessionLifetime {
            secs: 0.0,
            jitter_secs: 0.0,
            manner: DropManner::SilentBlackHole,
        });
        control.arm(PathFault::Outage { every_secs: 0.0, lasting_secs: 60.0, manner: OutageManner::Refuse });
        let refuses = async {
            while TcpStream::connect(address).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), refuses).await.unwrap();
        if is_stopped {
            gateway.stop().await;
        } else {
            drop(gateway);
        }
        assert_eq!(client.next().await, TestPacket::Fin);
        assert_eq!(hole.next().await, TestPacket::Fin);
        broker.control().wait_for(|counts| counts.connections == 0).await;
        assert!(!control.disarm(crate::lab::PathFaultId(9)));
        // The control outlives the gateway, and the port is free nevertheless.
        let free = async {
            while std::net::TcpListener::bind(address).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), free).await.unwrap();
        assert!(!control.injections().is_empty());
    }
}
