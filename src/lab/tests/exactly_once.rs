//! QoS 2 delivery to a client that disconnects and reconnects.

use crate::diagnostics::MqttVersion;
use tokio::io::DuplexStream;

use super::client::{ConnectOptions, TestClient, TestPacket, connect_options};
use crate::lab::{ApplicationMessage, Broker, BrokerOptions};

async fn connect(broker: &Broker, version: MqttVersion) -> TestClient<DuplexStream> {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    broker.attach(theirs);
    let (client, got) =
        TestClient::connect(ours, ConnectOptions { clean: false, ..connect_options(version, "lasting") })
            .await;
    assert!(matches!(got, TestPacket::ConnAck { code: 0, .. }), "{got:?}");
    client.without_acknowledging()
}

async fn disconnect(broker: &Broker, client: TestClient<DuplexStream>) {
    drop(client);
    broker.control().wait_for(|counts| counts.connections == 0).await;
}

fn publish(broker: &Broker, payload: &'static str) {
    broker.control().publish(ApplicationMessage { qos: 2, ..ApplicationMessage::new("t", payload) });
}

fn message(payload: &str, dup: bool) -> TestPacket {
    TestPacket::Publish { topic: "t".into(), payload: payload.into(), qos: 2, retain: false, dup }
}

#[tokio::test(start_paused = true)]
async fn every_handshake_step_resumes_with_its_packet_id() {
    for version in [MqttVersion::V311, MqttVersion::V5] {
        let broker = Broker::start(BrokerOptions::default());
        let mut client = connect(&broker, version).await;
        assert_eq!(client.subscribe("t", 2).await, TestPacket::SubAck(vec![2]));
        publish(&broker, "one");
        publish(&broker, "two");
        assert_eq!(client.next().await, message("one", false));
        assert_eq!(client.next().await, message("two", false));
        client.write(&[0x50, 2, 0, 2]).await;
        assert_eq!(client.next().await, TestPacket::PubRel(2));
        disconnect(&broker, client).await;
        publish(&broker, "three");

        let mut client = connect(&broker, version).await;
        assert_eq!(client.next().await, message("one", true), "never answered");
        assert_eq!(client.next().await, TestPacket::PubRel(2), "answered, so not sent again");
        assert_eq!(client.next().await, message("three", false), "under an id that is not in use");
        for id in [1, 3] {
            client.write(&[0x50, 2, 0, id]).await;
            assert_eq!(client.next().await, TestPacket::PubRel(u16::from(id)));
        }
        for id in 1..=3 {
            client.write(&[0x70, 2, 0, id]).await;
        }
        client.ping().await;
        assert_eq!(client.next().await, TestPacket::PingResp);
        disconnect(&broker, client).await;

        let mut client = connect(&broker, version).await;
        assert_eq!(client.next().await, TestPacket::Silence, "all of it is done");
        broker.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_client_refuses_is_completed() {
    let broker = Broker::start(BrokerOptions::default());
    let mut client = connect(&broker, MqttVersion::V5).await;
    client.subscribe("t", 2).await;
    publish(&broker, "unwanted");
    assert_eq!(client.next().await, message("unwanted", false));
    client.write(&[0x50, 4, 0, 1, 0x97, 0]).await;
    assert_eq!(client.next().await, TestPacket::Silence, "no PUBREL");
    disconnect(&broker, client).await;
    assert_eq!(connect(&broker, MqttVersion::V5).await.next().await, TestPacket::Silence);
}
