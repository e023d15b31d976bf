//! Publish, subscribe, retained messages, wills, sessions and takeover, in memory and in both versions.

use std::time::Duration;

use tokio::io::DuplexStream;

use super::client::{ConnectOptions, TestClient, TestPacket, connect_options, message};
use crate::diagnostics::MqttVersion;
use crate::lab::{AcceptedVersions, ApplicationMessage, Broker, BrokerOptions, MessageCounters};

const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];

async fn connect(broker: &Broker, options: ConnectOptions) -> (TestClient<DuplexStream>, TestPacket) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    broker.attach(theirs);
    TestClient::connect(ours, options).await
}

async fn connect_accepted(broker: &Broker, options: ConnectOptions) -> TestClient<DuplexStream> {
    let (client, got) = connect(broker, options).await;
    assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
    client
}

#[tokio::test(start_paused = true)]
async fn messages_reach_matching_subscribers_of_either_version() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut old = connect_accepted(&broker, connect_options(MqttVersion::V311, "old")).await;
        let mut new = connect_accepted(&broker, connect_options(MqttVersion::V5, "new")).await;
        assert_eq!(old.subscribe("home/+/status", 1).await, TestPacket::SubAck(vec![1]));
        assert_eq!(new.subscribe("home/#", 0).await, TestPacket::SubAck(vec![0]));
        let mut publisher = connect_accepted(&broker, connect_options(version, "publisher")).await;
        publisher.publish("home/heater/status", "on", 0, false).await;
        publisher.publish("home/heater", "49", 0, false).await;
        publisher.publish("garden/status", "x", 0, false).await;
        assert_eq!(old.next().await, message("home/heater/status", "on"));
        assert_eq!(new.next().await, message("home/heater/status", "on"));
        assert_eq!(new.next().await, message("home/heater", "49"));
        assert_eq!(old.next().await, TestPacket::Silence);
        assert_eq!(new.unsubscribe("home/#").await, TestPacket::UnsubAck);
        publisher.publish("home/heater", "50", 0, false).await;
        assert_eq!(new.next().await, TestPacket::Silence);
    }
    broker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn quality_of_service_is_the_lower_of_both_and_acknowledged() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut receiver = connect_accepted(&broker, connect_options(version, "receiver")).await;
        assert_eq!(receiver.subscribe("t", 2).await, TestPacket::SubAck(vec![2]));
        let mut sender = connect_accepted(&broker, connect_options(version, "sender")).await;
        sender.publish("t", "one", 1, false).await;
        assert_eq!(sender.next().await, TestPacket::PubAck(9));
        sender.publish("t", "two", 2, false).await;
        assert_eq!(sender.next().await, TestPacket::PubRec(9));
        sender.publish("t", "two", 2, false).await;
        assert_eq!(sender.next().await, TestPacket::PubRec(9));
        sender.write(&[0x62, 2, 0, 9]).await;
        assert_eq!(sender.next().await, TestPacket::PubComp(9));
        for (payload, qos) in [("one", 1), ("two", 2)] {
            let (topic, payload) = ("t".into(), payload.into());
            let expected = TestPacket::Publish { topic, payload, qos, retain: false, dup: false };
            assert_eq!(receiver.next().await, expected);
        }
        assert_eq!(receiver.next().await, TestPacket::PubRel(2));
        assert_eq!(receiver.next().await, TestPacket::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn retained_messages_reach_later_subscribers_until_cleared() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut sender = connect_accepted(&broker, connect_options(version, "sender")).await;
        sender.publish("state", "old", 0, true).await;
        sender.publish("state", "new", 0, true).await;
        sender.ping().await;
        assert_eq!(sender.next().await, TestPacket::PingResp);
        let mut receiver = connect_accepted(&broker, connect_options(version, "receiver")).await;
        receiver.subscribe("#", 0).await;
        let (topic, payload) = ("state".into(), "new".into());
        let retained = TestPacket::Publish { topic, payload, qos: 0, retain: true, dup: false };
        assert_eq!(receiver.next().await, retained);
        sender.publish("state", "", 0, true).await;
        assert_eq!(receiver.next().await, message("state", ""));
        receiver.subscribe("state", 0).await;
        assert_eq!(receiver.next().await, TestPacket::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_will_is_published_unless_the_client_disconnected() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut witness = connect_accepted(&broker, connect_options(version, "witness")).await;
        witness.subscribe("wills/#", 0).await;
        let with_will = |id| ConnectOptions {
            will: Some(ApplicationMessage::new(format!("wills/{id}"), "gone")),
            ..connect_options(version, id)
        };
        drop(connect_accepted(&broker, with_will("lost")).await);
        assert_eq!(witness.next().await, message("wills/lost", "gone"));
        let mut polite = connect_accepted(&broker, with_will("polite")).await;
        polite.write(&[0xE0, 0]).await;
        assert_eq!(polite.next().await, TestPacket::Fin);
        assert_eq!(witness.next().await, TestPacket::Silence);
        if version == MqttVersion::V5 {
            let mut insistent = connect_accepted(&broker, with_will("insistent")).await;
            insistent.write(&[0xE0, 1, 4]).await;
            assert_eq!(insistent.next().await, TestPacket::Fin);
            assert_eq!(witness.next().await, message("wills/insistent", "gone"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_persistent_session_keeps_subscriptions_and_undelivered_messages() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let lasting = ConnectOptions { clean: false, ..connect_options(version, "lasting") };
        let mut first = connect_accepted(&broker, lasting.clone()).await.without_acknowledging();
        first.subscribe("t", 1).await;
        let mut sender = connect_accepted(&broker, connect_options(version, "sender")).await;
        sender.publish("t", "in flight", 1, false).await;
        let expected = |payload: &str, dup| {
            let (topic, payload) = ("t".into(), payload.into());
            TestPacket::Publish { topic, payload, qos: 1, retain: false, dup }
        };
        assert_eq!(first.next().await, expected("in flight", false));
        drop(first);
        broker.control().wait_for(|counts| counts.connections == 1).await;
        sender.publish("t", "waiting", 1, false).await;
        sender.publish("t", "lost, as QoS 0 may be", 0, false).await;
        sender.ping().await;
        while sender.next().await != TestPacket::PingResp {}
        let (mut second, got) = connect(&broker, lasting).await;
        assert_eq!(got, TestPacket::ConnAck { session_present: true, code: 0 });
        assert_eq!(second.next().await, expected("in flight", true));
        assert_eq!(second.next().await, expected("waiting", false));
        assert_eq!(second.next().await, TestPacket::Silence);
        let (_third, got) = connect(&broker, connect_options(version, "lasting")).await;
        assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_client_id_takes_over() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut first = connect_accepted(&broker, connect_options(version, "twin")).await;
        let mut second = connect_accepted(&broker, connect_options(version, "twin")).await;
        if version == MqttVersion::V5 {
            assert_eq!(first.next().await, TestPacket::Disconnect(0x8E));
        }
        assert_eq!(first.next().await, TestPacket::Fin);
        second.subscribe("t", 0).await;
        broker.publish("t", "still here");
        assert_eq!(second.next().await, message("t", "still here"));
        drop((first, second));
        broker.control().wait_for(|counts| counts.connections == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_client_is_disconnected_at_one_and_a_half_keep_alives() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let mut client =
            connect_accepted(&broker, ConnectOptions { keep_alive: 20, ..connect_options(version, "idle") })
                .await;
        tokio::time::sleep(Duration::from_secs(25)).await;
        client.ping().await;
        assert_eq!(client.next().await, TestPacket::PingResp);
        assert_eq!(client.next_within(Duration::from_millis(29_900)).await, TestPacket::Silence);
        if version == MqttVersion::V5 {
            assert_eq!(client.next_within(Duration::from_millis(200)).await, TestPacket::Disconnect(0x8D));
        }
        assert_eq!(client.next_within(Duration::from_millis(200)).await, TestPacket::Fin);
        let mut patient = connect_accepted(
            &broker,
            ConnectOptions { keep_alive: 0, ..connect_options(version, "patient") },
        )
        .await;
        assert_eq!(patient.next_within(Duration::from_secs(86_400)).await, TestPacket::Silence);
    }
}

#[tokio::test(start_paused = true)]
async fn login_and_subscriptions_are_checked() {
    let options = BrokerOptions {
        versions: AcceptedVersions::OnlyV311,
        login: Some(("me".into(), "secret".into())),
        denied_filters: vec!["no/#".into()],
        max_qos: 1,
        ..BrokerOptions::default()
    };
    let broker = Broker::start(options);
    let (_, got) = connect(
        &broker,
        ConnectOptions { login: Some(("me", "wrong")), ..connect_options(MqttVersion::V311, "a") },
    )
    .await;
    assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 5 });
    let me = ConnectOptions { login: Some(("me", "secret")), ..connect_options(MqttVersion::V311, "a") };
    let mut client = connect_accepted(&broker, me.clone()).await;
    assert_eq!(client.subscribe("no/#", 0).await, TestPacket::SubAck(vec![0x80]));
    assert_eq!(client.subscribe("yes", 2).await, TestPacket::SubAck(vec![1]));
    assert_eq!(client.subscribe("a/#/b", 0).await, TestPacket::SubAck(vec![0x80]));
    // A 3.1.1 broker answers MQTT 5 in its own format: two bytes, no properties.
    let (ours, theirs) = tokio::io::duplex(1024);
    broker.attach(theirs);
    let (mut newer, _) = TestClient::connect(ours, ConnectOptions { version: MqttVersion::V5, ..me }).await;
    assert_eq!(newer.next().await, TestPacket::Fin);
    let seen = broker.control().last_connect().unwrap();
    assert_eq!((seen.client_id.as_str(), seen.keep_alive_secs, seen.clean), ("a", 60, true));
    assert!(!format!("{seen:?}").contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_drops_counted_messages_and_blocks_nobody() {
    let options = BrokerOptions { outbox: 16, ..BrokerOptions::default() };
    let broker = Broker::start(options);
    let (ours, theirs) = tokio::io::duplex(256);
    broker.attach(theirs);
    let (mut slow, _) = TestClient::connect(ours, connect_options(MqttVersion::V311, "slow")).await;
    slow.subscribe("flood", 0).await;
    for _ in 0..20_000 {
        broker.publish("flood", vec![b'x'; 64]);
        tokio::task::yield_now().await;
    }
    let MessageCounters { received, delivered, dropped } = broker.control().counters();
    assert_eq!(received, 20_000);
    assert_eq!(delivered + dropped, 20_000);
    assert!(dropped > 10_000 && delivered > 16, "delivered {delivered}, dropped {dropped}");
    let mut seen = 0;
    while let TestPacket::Publish { .. } = slow.next().await {
        seen += 1;
    }
    assert_eq!(seen, delivered);
}

#[tokio::test(start_paused = true)]
async fn a_protocol_violation_is_disconnected_with_a_reason() {
    let options = BrokerOptions { max_packet: 1000, ..BrokerOptions::default() };
    let broker = Broker::start(options);
    for version in BOTH {
        for (bytes, reason) in [
            (b"\x36\x05\x00\x01a\x00\x01".as_slice(), 0x81),
            (b"\x82\x04\x00\x01\x00\x09", 0x81),
            (b"\x30\xff\x7f", 0x95),
            (b"\x30\x04\x00\x01#\x00", 0x90),
            (b"\xd0\x00", 0x82),
        ] {
            let mut client = connect_accepted(&broker, connect_options(version, "rude")).await;
            client.write(bytes).await;
            if version == MqttVersion::V5 {
                assert_eq!(client.next().await, TestPacket::Disconnect(reason), "{bytes:x?}");
            }
            assert_eq!(client.next().await, TestPacket::Fin, "{bytes:x?}");
        }
    }
}
