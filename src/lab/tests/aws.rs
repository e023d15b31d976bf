//! The rules of AWS IoT Core seen by a client, in simulated time.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};

use super::client::{ConnectOptions, TestClient, TestPacket, connect_options, message};
use crate::clock::TokioClock;
use crate::diagnostics::MqttVersion;
use crate::lab::{
    ApplicationMessage, AwsLimits, AwsRules, Broker, BrokerOptions, Fault, LabCredentialStore, Policy,
};

const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];

struct AwsBroker {
    broker: Broker,
    rules: Arc<AwsRules>,
}

fn aws_broker() -> AwsBroker {
    scaled_aws_broker(1.0)
}

fn scaled_aws_broker(scale: f64) -> AwsBroker {
    let clock = TokioClock::at_noon();
    let credential_store = Arc::new(LabCredentialStore::new(clock.clone()));
    let limits = AwsLimits::default().scaled(scale);
    let rules = Arc::new(AwsRules::new(limits, Policy::default(), credential_store, clock));
    AwsBroker { broker: Broker::start(BrokerOptions::aws(Arc::clone(&rules))), rules }
}

impl AwsBroker {
    async fn connect(&self, options: ConnectOptions) -> (TestClient<DuplexStream>, TestPacket) {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.broker.attach(theirs);
        TestClient::connect(ours, options).await
    }

    async fn client(&self, version: MqttVersion, id: &'static str) -> TestClient<DuplexStream> {
        let (client, got) = self.connect(connect_options(version, id)).await;
        assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
        client
    }
}

/// What a client of either version sees when it is refused.
fn disconnect_packet(version: MqttVersion, reason: u8) -> TestPacket {
    match version {
        MqttVersion::V311 => TestPacket::Fin,
        MqttVersion::V5 => TestPacket::Disconnect(reason),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_id_connects_once_a_second_and_the_newer_one_wins() {
    for version in BOTH {
        let aws = aws_broker();
        let mut first = aws.client(version, "x").await;
        sleep(Duration::from_millis(900)).await;
        let (_, throttled) = aws.connect(connect_options(version, "x")).await;
        let refusal = match version {
            MqttVersion::V311 => TestPacket::Fin,
            MqttVersion::V5 => TestPacket::ConnAck { session_present: false, code: 0x97 },
        };
        assert_eq!(throttled, refusal);
        // Another client id is not affected, and the first connection continues.
        aws.client(version, "y").await;
        first.ping().await;
        assert_eq!(first.next().await, TestPacket::PingResp);
        sleep(Duration::from_millis(200)).await;
        aws.client(version, "x").await;
        assert_eq!(first.next().await, disconnect_packet(version, 0x8E));
    }
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_clamped_and_enforced_at_one_and_a_half() {
    for (requested, cut_secs) in [(0, 1800), (5, 45), (60, 90), (7200, 1800)] {
        let aws = aws_broker();
        let start = Instant::now();
        let (mut client, _) = aws
            .connect(ConnectOptions { keep_alive: requested, ..connect_options(MqttVersion::V5, "x") })
            .await;
        let end = client.next_within(Duration::from_secs(4000)).await;
        assert_eq!(end, TestPacket::Disconnect(0x8D), "{requested}");
        assert_eq!(start.elapsed().as_secs(), cut_secs, "{requested}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lives_for_a_day_of_the_field() {
    for (scale, secs) in [(1.0, 86_400), (1440.0, 60)] {
        for version in BOTH {
            let aws = scaled_aws_broker(scale);
            let mut client = aws.client(version, "x").await;
            let start = Instant::now();
            let end = loop {
                // Often enough for the scaled keep-alive, too.
                match client.next_within(Duration::from_millis(500)).await {
                    TestPacket::Silence => client.ping().await,
                    TestPacket::PingResp => {}
                    end => break end,
                }
            };
            assert_eq!((end, start.elapsed().as_secs()), (TestPacket::Fin, secs));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_fifty_first_subscription_ends_the_connection() {
    for version in BOTH {
        let aws = aws_broker();
        let mut client = aws.client(version, "x").await;
        for number in 0..50 {
            assert_eq!(client.subscribe(&format!("t/{number}"), 1).await, TestPacket::SubAck(vec![1]));
        }
        // A repeated subscription does not count twice, and an ended one makes room.
        assert_eq!(client.subscribe("t/7", 1).await, TestPacket::SubAck(vec![1]));
        assert_eq!(client.unsubscribe("t/7").await, TestPacket::UnsubAck);
        assert_eq!(client.subscribe("t/50", 1).await, TestPacket::SubAck(vec![1]));
        let code = if version == MqttVersion::V5 { 0x97 } else { 0x80 };
        assert_eq!(client.subscribe("t/51", 1).await, TestPacket::SubAck(vec![code]));
        assert_eq!(client.next().await, disconnect_packet(version, 0x97));
    }
}

fn subscribe_packet(version: MqttVersion, filters: usize) -> Vec<u8> {
    let mut body = vec![0, 7];
    if version == MqttVersion::V5 {
        body.push(0);
    }
    for number in 0..filters {
        body.extend([0, 1, b'a' + u8::try_from(number).unwrap(), 0]);
    }
    let mut packet = vec![0x82, u8::try_from(body.len()).unwrap()];
    packet.extend(body);
    packet
}

#[tokio::test(start_paused = true)]
async fn one_subscribe_holds_eight_filters() {
    for version in BOTH {
        let aws = aws_broker();
        let mut client = aws.client(version, "x").await;
        client.write(&subscribe_packet(version, 8)).await;
        assert_eq!(client.next().await, TestPacket::SubAck(vec![0; 8]));
        client.write(&subscribe_packet(version, 9)).await;
        assert_eq!(client.next().await, disconnect_packet(version, 0x97));
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_of_more_than_128_kilobytes_ends_the_connection() {
    for version in BOTH {
        for (bytes, reason) in [(128 * 1024 + 1, 0x97), (149_504, 0x95)] {
            let aws = aws_broker();
            let mut client = aws.client(version, "x").await;
            client.publish("t", &"x".repeat(128 * 1024), 1, false).await;
            assert_eq!(client.next().await, TestPacket::PubAck(9));
            client.publish("t", &"x".repeat(bytes), 1, false).await;
            assert_eq!(client.next().await, disconnect_packet(version, reason), "{bytes}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn qos_2_is_not_answered_or_refused() {
    let aws = aws_broker();
    let mut old = aws.client(MqttVersion::V311, "old").await;
    old.publish("t", "x", 2, false).await;
    assert_eq!(old.next().await, TestPacket::Silence);
    assert_eq!(old.subscribe("t", 2).await, TestPacket::Silence);
    let mut new = aws.client(MqttVersion::V5, "new").await;
    assert_eq!(new.subscribe("t", 2).await, TestPacket::SubAck(vec![1]));
    new.publish("t", "x", 2, false).await;
    assert_eq!(new.next().await, TestPacket::Disconnect(0x9B));
}

#[tokio::test(start_paused = true)]
async fn a_policy_violation_ends_the_connection() {
    for version in BOTH {
        for topic in ["secret", "$aws/things/x/shadow/get", "a/b/c/d/e/f/g/h/i"] {
            let aws = aws_broker();
            aws.rules.set_policy(Policy { denied: vec!["secret".into()], ..Policy::default() });
            let has_slashes = topic.starts_with('a');
            let mut publisher = aws.client(version, "publisher").await;
            publisher.publish("open", "x", 1, false).await;
            assert_eq!(publisher.next().await, TestPacket::PubAck(9));
            publisher.publish(topic, "x", 1, false).await;
            let reason = if has_slashes { 0x90 } else { 0x87 };
            assert_eq!(publisher.next().await, disconnect_packet(version, reason), "{topic}");
            let mut subscriber = aws.client(version, "subscriber").await;
            assert_eq!(subscriber.subscribe("open", 1).await, TestPacket::SubAck(vec![1]));
            let reason = if has_slashes { 0x8F } else { 0x87 };
            let code = if version == MqttVersion::V5 { reason } else { 0x80 };
            assert_eq!(subscriber.subscribe(topic, 1).await, TestPacket::SubAck(vec![code]), "{topic}");
            assert_eq!(subscriber.next().await, disconnect_packet(version, reason), "{topic}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_will_or_client_id_is_refused() {
    for version in BOTH {
        let aws = aws_broker();
        let will = Some(ApplicationMessage::new("$aws/x", "gone"));
        let (_, got) = aws.connect(ConnectOptions { will, ..connect_options(version, "x") }).await;
        let code = if version == MqttVersion::V5 { 0x87 } else { 5 };
        assert_eq!(got, TestPacket::ConnAck { session_present: false, code });
        for id in ["$x", LONG_ID] {
            let (_, got) = aws.connect(connect_options(version, id)).await;
            let code = if version == MqttVersion::V5 { 0x85 } else { 2 };
            assert_eq!(got, TestPacket::ConnAck { session_present: false, code }, "{id}");
        }
        aws.client(version, &LONG_ID[1..]).await;
    }
}

/// 129 bytes.
const LONG_ID: &str = "0123456789012345678901234567890123456789012345678901234567890123\
    45678901234567890123456789012345678901234567890123456789012345678";

#[tokio::test(start_paused = true)]
async fn a_wildcard_receives_no_retained_messages_and_not_its_parent_topic() {
    let aws = aws_broker();
    aws.broker.control().retain("a/b", "kept");
    let mut client = aws.client(MqttVersion::V311, "x").await;
    assert_eq!(client.subscribe("a/#", 0).await, TestPacket::SubAck(vec![0]));
    aws.broker.publish("a", "parent");
    aws.broker.publish("a/c", "child");
    assert_eq!(client.next().await, message("a/c", "child"));
    assert_eq!(client.subscribe("a/b", 0).await, TestPacket::SubAck(vec![0]));
    let retained =
        TestPacket::Publish { topic: "a/b".into(), payload: "kept".into(), qos: 0, retain: true, dup: false };
    assert_eq!(client.next().await, retained);
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_its_connection_for_an_hour() {
    for (away_secs, expected) in [(3590, true), (3610, false)] {
        for version in BOTH {
            let aws = aws_broker();
            let persistent = ConnectOptions { clean: false, ..connect_options(version, "x") };
            let (mut client, _) = aws.connect(persistent.clone()).await;
            client.subscribe("t", 1).await;
            drop(client);
            sleep(Duration::from_secs(away_secs)).await;
            let (_, got) = aws.connect(persistent).await;
            assert_eq!(got, TestPacket::ConnAck { session_present: expected, code: 0 }, "{away_secs}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_belongs_to_one_protocol_version() {
    let aws = aws_broker();
    let (client, _) =
        aws.connect(ConnectOptions { clean: false, ..connect_options(MqttVersion::V311, "x") }).await;
    drop(client);
    sleep(Duration::from_secs(2)).await;
    let (_, got) =
        aws.connect(ConnectOptions { clean: false, ..connect_options(MqttVersion::V5, "x") }).await;
    assert_eq!(got, TestPacket::ConnAck { session_present: false, code: 0 });
}

/// Connects with MQTT 5 and returns the stream and the properties of the CONNACK.
async fn connack(aws: &AwsBroker, expiry: u32) -> (DuplexStream, v5::ConnAckProperties) {
    let (mut ours, theirs) = tokio::io::duplex(1 << 16);
    aws.broker.attach(theirs);
    let mut properties = v5::ConnectProperties::new();
    properties.session_expiry_interval = Some(expiry);
    let connect = v5::Connect {
        keep_alive: 120,
        client_id: "x".into(),
        clean_start: true,
        properties: Some(properties),
    };
    let mut bytes = BytesMut::new();
    connect.write(&None, &None, &mut bytes).unwrap();
    ours.write_all(&bytes).await.unwrap();
    let mut inbox = BytesMut::new();
    loop {
        ours.read_buf(&mut inbox).await.unwrap();
        match v5::Packet::read(&mut inbox.clone(), None) {
            Ok(v5::Packet::ConnAck(ack)) => return (ours, ack.properties.unwrap()),
            Ok(other) => panic!("{other:?}"),
            Err(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn mqtt_5_connack_announces_the_limits_of_aws() {
    let aws = aws_broker();
    let (_, limits) = connack(&aws, 3600).await;
    assert_eq!(limits.receive_max, Some(100));
    assert_eq!(limits.max_qos, Some(1));
    assert_eq!(limits.max_packet_size, Some(149_504));
    assert_eq!(limits.topic_alias_max, Some(8));
    assert_eq!(limits.server_keep_alive, Some(120));
    assert_eq!(limits.retain_available, Some(1));
    assert_eq!(limits.subscription_identifiers_available, Some(0));
    assert_eq!(limits.session_expiry_interval, None);
    sleep(Duration::from_secs(2)).await;
    let (_, limits) = connack(&aws, u32::MAX).await;
    assert_eq!(limits.session_expiry_interval, Some(7 * 86_400));
}

fn aliased(topic: &str, alias: u16) -> Vec<u8> {
    let mut packet = vec![0x30, u8::try_from(2 + topic.len() + 4 + 1).unwrap(), 0];
    packet.push(u8::try_from(topic.len()).unwrap());
    packet.extend(topic.as_bytes());
    packet.extend([3, 0x23]);
    packet.extend(alias.to_be_bytes());
    packet.push(b'x');
    packet
}

#[tokio::test(start_paused = true)]
async fn eight_topic_aliases_may_be_used() {
    let aws = aws_broker();
    let mut watcher = aws.client(MqttVersion::V311, "watcher").await;
    watcher.subscribe("t/+", 0).await;
    let mut client = aws.client(MqttVersion::V5, "x").await;
    client.write(&aliased("t/1", 8)).await;
    client.write(&aliased("", 8)).await;
    assert_eq!(watcher.next().await, message("t/1", "x"));
    assert_eq!(watcher.next().await, message("t/1", "x"));
    client.write(&aliased("", 7)).await;
    assert_eq!(client.next().await, TestPacket::Disconnect(0x82));
    sleep(Duration::from_secs(2)).await;
    let mut client = aws.client(MqttVersion::V5, "x").await;
    client.write(&aliased("t/1", 9)).await;
    assert_eq!(client.next().await, TestPacket::Disconnect(0x94));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_messages_may_be_unacknowledged() {
    let aws = aws_broker();
    let mut slow = aws.client(MqttVersion::V311, "slow").await.without_acknowledging();
    slow.subscribe("t", 1).await;
    for number in 0..150 {
        let publish = ApplicationMessage { qos: 1, ..ApplicationMessage::new("t", format!("{number}")) };
        aws.broker.control().publish(publish);
    }
    let mut received = 0;
    while slow.next().await != TestPacket::Silence {
        received += 1;
    }
    assert_eq!(received, 100);
    assert!(aws.broker.control().inject_client("slow", &Fault::Fin));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_publishes_a_second_are_taken() {
    let aws = aws_broker();
    let mut client = aws.client(MqttVersion::V311, "x").await;
    for _ in 0..150 {
        client.publish("t", "x", 1, false).await;
    }
    let mut taken = 0;
    while client.next_within(Duration::from_millis(100)).await == TestPacket::PubAck(9) {
        taken += 1;
    }
    assert_eq!(taken, 100);
    sleep(Duration::from_secs(1)).await;
    client.publish("t", "x", 1, false).await;
    assert_eq!(client.next().await, TestPacket::PubAck(9));
}
