//! Start and stop of the broker, and ports that close and open again.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::client::{TestClient, TestPacket, connect_options};
use crate::diagnostics::MqttVersion;
use crate::lab::{Broker, BrokerOptions, ListenerEndpoint};

async fn refused(address: impl tokio::net::ToSocketAddrs) -> bool {
    matches!(TcpStream::connect(address).await, Err(e) if e.kind() == ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn a_graceful_stop_disconnects_clients_and_frees_the_port() {
    for terse_disconnect in [false, true] {
        let broker = Broker::start(BrokerOptions { terse_disconnect, ..BrokerOptions::default() });
        let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
        let mut old = TestClient::tcp(address, MqttVersion::V311, "old").await;
        let mut new = TestClient::tcp(address, MqttVersion::V5, "new").await;
        let stopping = tokio::spawn(broker.stop());
        assert_eq!(old.next().await, TestPacket::Fin);
        assert_eq!(new.next().await, TestPacket::Disconnect(0x8B));
        assert_eq!(new.next().await, TestPacket::Fin);
        drop((old, new));
        tokio::time::timeout(Duration::from_secs(3), stopping).await.unwrap().unwrap();
        assert!(refused(address).await);
        std::net::TcpListener::bind(address).expect("the port is free");
    }
}

#[tokio::test]
async fn a_killed_or_dropped_broker_closes_its_sockets_at_once() {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut client = TestClient::tcp(address, MqttVersion::V5, "client").await;
    broker.kill().await;
    assert_eq!(client.next().await, TestPacket::Fin);
    assert!(refused(address).await);

    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut client = TestClient::tcp(address, MqttVersion::V5, "client").await;
    let control = broker.control();
    drop(broker);
    assert_eq!(client.next().await, TestPacket::Fin);
    assert!(control.wait_for(|_| false).await.is_none());
}

#[tokio::test]
async fn closed_ports_refuse_and_open_again_while_live_connections_stay() {
    let broker = Broker::start(BrokerOptions::default());
    let v4 = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let control = broker.control();
    let mut client = TestClient::tcp(v4, MqttVersion::V311, "stays").await;
    for _ in 0..3 {
        control.close_ports().await.unwrap();
        control.close_ports().await.unwrap();
        assert!(refused(v4).await);
        client.ping().await;
        assert_eq!(client.next().await, TestPacket::PingResp);
        control.open_ports().await.unwrap();
        control.open_ports().await.unwrap();
        TestClient::tcp(v4, MqttVersion::V311, "comes back").await;
    }
    control.close_ports().await.unwrap();
    broker.kill().await;
    assert!(control.open_ports().await.is_err());
    std::net::TcpListener::bind(v4).expect("the port is free");
}

#[tokio::test]
async fn only_loopback_is_listened_on() {
    let broker = Broker::start(BrokerOptions::default());
    let outside = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let error = broker.listen_on(outside, ListenerEndpoint::Tcp).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    // Not every machine has IPv6.
    if let Ok(address) = broker.listen_on(IpAddr::V6(Ipv6Addr::LOCALHOST), ListenerEndpoint::Tcp).await {
        TestClient::tcp(address, MqttVersion::V5, "six").await;
    }
}

#[tokio::test]
async fn a_client_that_does_not_speak_mqtt_is_disconnected() {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    for bytes in [
        b"GET / HTTP/1.1\r\n\r\n".as_slice(),
        b"\x10\xff\xff\xff\xff\xff",
        b"\x10\x0c\x00\xffMQTT\x04\x02\x00\x3c\x00\x00",
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x99",
        b"\x10\x03\x00\x04MQTT\x05",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "{answer:?}");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, b"\x10\x0e\x00\x06MQIsdp\x03\x02\x00\x3c\x00\x00")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, [0x20, 2, 0, 1], "CONNACK: unacceptable protocol version");
}

/// The whole path of a flood, in one process and unoptimized: a guard against stalls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_passes_without_stalling() {
    const COUNT: u64 = 50_000;
    let broker = Broker::start(BrokerOptions { outbox: 64 * 1024, ..BrokerOptions::default() });
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut subscriber = TestClient::tcp(address, MqttVersion::V311, "subscriber").await;
    subscriber.subscribe("flood", 0).await;
    let (mut publisher, _) =
        TestClient::connect_tcp(address, connect_options(MqttVersion::V311, "publisher")).await;
    let mut packet = BytesMut::new();
    let publish = v4::Publish::new("flood", rumqttc::mqttbytes::QoS::AtMostOnce, vec![b'x'; 64]);
    publish.write(&mut packet).unwrap();
    let burst = packet.repeat(1000);
    let sending = tokio::spawn(async move {
        for _ in 0..COUNT / 1000 {
            publisher.write(&burst).await;
        }
        publisher
    });
    let mut bytes = 0;
    let mut chunk = vec![0; 64 * 1024];
    while bytes < packet.len() * usize::try_from(COUNT).unwrap() {
        let read = tokio::time::timeout(Duration::from_secs(10), subscriber.stream.read(&mut chunk));
        match read.await {
            Ok(Ok(count)) if count > 0 => bytes += count,
            other => panic!("stalled after {bytes} bytes: {other:?}, {:?}", broker.control().counters()),
        }
    }
    drop(sending.await.unwrap());
    assert_eq!(broker.control().counters().dropped, 0);
}
