//! rumqttc clients with their event loop work with the broker.

use std::time::Duration;

use rumqttc::v5;

use crate::lab::{Broker, BrokerOptions, ListenerEndpoint};

#[tokio::test]
async fn a_3_1_1_client_publishes_and_receives() {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut options = rumqttc::MqttOptions::new("ordinary", address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
    client.subscribe("a/+", rumqttc::QoS::AtLeastOnce).await.unwrap();
    client.publish("a/b", rumqttc::QoS::AtLeastOnce, false, "payload").await.unwrap();
    let (mut acknowledged, mut received) = (false, false);
    while !(acknowledged && received) {
        match events.poll().await.unwrap() {
            rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) => acknowledged = true,
            rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) => {
                assert_eq!((publish.topic.as_str(), publish.payload.as_ref()), ("a/b", b"payload".as_ref()));
                received = true;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_mqtt_5_client_reads_the_announced_limits() {
    let broker = Broker::start(BrokerOptions {
        server_keep_alive_secs: Some(30),
        receive_maximum: Some(20),
        announced_max_packet: Some(128 * 1024),
        ..BrokerOptions::default()
    });
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    let mut options = v5::MqttOptions::new("", address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(5)).set_clean_start(true);
    let (client, mut events) = v5::AsyncClient::new(options, 10);
    client.subscribe("a/+", v5::mqttbytes::QoS::AtLeastOnce).await.unwrap();
    client.publish("a/b", v5::mqttbytes::QoS::AtLeastOnce, false, "payload").await.unwrap();
    let (mut limits, mut received) = (None, false);
    while !received {
        match events.poll().await.unwrap() {
            v5::Event::Incoming(v5::Incoming::ConnAck(ack)) => limits = ack.properties,
            v5::Event::Incoming(v5::Incoming::Publish(publish)) => {
                assert_eq!(publish.payload.as_ref(), b"payload");
                received = true;
            }
            _ => {}
        }
    }
    let limits = limits.unwrap();
    assert_eq!(limits.server_keep_alive, Some(30));
    assert_eq!(limits.receive_max, Some(20));
    assert_eq!(limits.max_packet_size, Some(128 * 1024));
    assert_eq!(limits.assigned_client_identifier.as_deref(), Some("lab-1"));
}
