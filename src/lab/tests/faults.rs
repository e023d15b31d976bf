//! Each fault seen at a real socket.

use std::io::ErrorKind;
use std::time::Duration;

use super::client::{ConnectOptions, TestClient, TestPacket, connect_options, message};
use crate::diagnostics::MqttVersion;
use crate::lab::{Broker, BrokerOptions, Fault, FaultTrigger, ListenerEndpoint, PlannedFault};

const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];
const MOMENT: Duration = Duration::from_millis(150);

async fn broker() -> (Broker, std::net::SocketAddr) {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    (broker, address)
}

/// Injects a fault into a connection and returns what arrives.
async fn packets_after_fault(version: MqttVersion, fault: Fault) -> Vec<TestPacket> {
    let (broker, address) = broker().await;
    let mut client = TestClient::tcp(address, version, "victim").await;
    assert!(broker.control().inject_client("victim", &fault), "the victim is connected");
    let mut seen = Vec::new();
    loop {
        let limit = if fault == Fault::HalfPacket { MOMENT } else { Duration::from_secs(5) };
        let got = client.next_within(limit).await;
        let last = !matches!(got, TestPacket::Disconnect(_));
        seen.push(got);
        if last {
            return seen;
        }
    }
}

#[tokio::test]
async fn each_fault_ends_the_connection_in_its_way() {
    for version in BOTH {
        assert_eq!(packets_after_fault(version, Fault::Fin).await, [TestPacket::Fin]);
        assert_eq!(packets_after_fault(version, Fault::FinWithoutCloseNotify).await, [TestPacket::Fin]);
        assert_eq!(
            packets_after_fault(version, Fault::Reset).await,
            [TestPacket::Broken(ErrorKind::ConnectionReset)]
        );
    }
    let disconnect = Fault::Disconnect { reason: 0x8B, text: Some("maintenance".into()) };
    assert_eq!(
        packets_after_fault(MqttVersion::V5, disconnect.clone()).await,
        [TestPacket::Disconnect(0x8B), TestPacket::Fin]
    );
    assert_eq!(packets_after_fault(MqttVersion::V311, disconnect).await, [TestPacket::Fin]);
    assert_eq!(
        packets_after_fault(MqttVersion::V5, Fault::KeepAliveCut).await,
        [TestPacket::Disconnect(0x8D), TestPacket::Fin]
    );
    assert_eq!(packets_after_fault(MqttVersion::V311, Fault::KeepAliveCut).await, [TestPacket::Fin]);
}

#[tokio::test]
async fn a_fin_stays_a_fin_while_the_client_is_sending() {
    let (broker, address) = broker().await;
    let mut client = TestClient::tcp(address, MqttVersion::V311, "busy").await;
    broker.control().inject(&Fault::Fin);
    for _ in 0..50 {
        client.publish("t", "x", 0, false).await;
    }
    assert_eq!(client.next().await, TestPacket::Fin);
}

#[tokio::test]
async fn bad_bytes_arrive_as_sent() {
    for version in BOTH {
        let malformed = packets_after_fault(version, Fault::MalformedPacket).await;
        assert!(
            matches!(&malformed[..], [TestPacket::Malformed(text)] if text.contains("Invalid QoS level"))
        );
        let garbage = packets_after_fault(version, Fault::Garbage).await;
        assert!(
            matches!(&garbage[..], [TestPacket::Malformed(text)] if text.contains("Invalid packet type"))
        );
        assert_eq!(packets_after_fault(version, Fault::HalfPacket).await, [TestPacket::Silence]);
        let big = packets_after_fault(version, Fault::OversizedPublish(100_000)).await;
        let arrived = matches!(&big[0], TestPacket::Publish { payload, .. } if payload.len() == 100_000);
        assert!(arrived, "{:?}", big.len());
        let too_big = packets_after_fault(version, Fault::OversizedPublish(1 << 21)).await;
        assert!(matches!(too_big[..], [TestPacket::Malformed(_)]), "the client's own limit: {too_big:?}");
    }
}

#[tokio::test]
async fn a_black_hole_discards_everything_and_may_end() {
    for version in BOTH {
        let (broker, address) = broker().await;
        let mut client = TestClient::tcp(address, version, "lost").await;
        client.subscribe("t", 0).await;
        broker.control().inject(&Fault::BlackHole { lasting: Some(2 * MOMENT) });
        client.ping().await;
        broker.publish("t", "late");
        assert_eq!(client.next_within(MOMENT).await, TestPacket::Silence);
        let mut after = [client.next().await, client.next().await];
        after.sort_by_key(|got| *got == TestPacket::PingResp);
        assert_eq!(after, [message("t", "late"), TestPacket::PingResp]);

        broker.control().inject(&Fault::BlackHole { lasting: None });
        client.ping().await;
        assert_eq!(client.next_within(3 * MOMENT).await, TestPacket::Silence);
        // The same client id may reconnect meanwhile.
        TestClient::tcp(address, version, "lost").await;
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_discarded_or_delayed() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let (ours, theirs) = tokio::io::duplex(1024);
        broker.attach(theirs);
        let (mut client, _) = TestClient::connect(ours, connect_options(version, "pinger")).await;
        broker.control().inject(&Fault::DelayPings(Duration::from_secs(3)));
        client.ping().await;
        client.ping().await;
        assert_eq!(client.next_within(Duration::from_millis(2_900)).await, TestPacket::Silence);
        assert_eq!(client.next_within(MOMENT).await, TestPacket::PingResp);
        assert_eq!(client.next_within(MOMENT).await, TestPacket::PingResp);
        broker.control().inject(&Fault::SuppressPings);
        client.ping().await;
        assert_eq!(client.next_within(Duration::from_secs(60)).await, TestPacket::Silence);
        broker.publish("t", "unheard");
        client.subscribe("t", 0).await;
        broker.publish("t", "the rest works");
        assert_eq!(client.next().await, message("t", "the rest works"));
    }
}

#[tokio::test]
async fn a_connect_is_refused_with_any_code_or_never_answered() {
    let (broker, address) = broker().await;
    let control = broker.control();
    for (version, codes) in [(MqttVersion::V311, vec![1, 2, 3, 4, 5]), (MqttVersion::V5, vec![0x87, 0x89])] {
        for code in codes {
            control.plan_fault(PlannedFault::every(Fault::RefuseConnect(code)));
            let (mut client, got) = TestClient::connect_tcp(address, connect_options(version, "x")).await;
            assert_eq!(got, TestPacket::ConnAck { session_present: false, code });
            assert_eq!(client.next().await, TestPacket::Fin);
            control.clear_planned_faults();
        }
    }
    assert_eq!(control.connection_counts().connects, 7);
    assert_eq!(control.connections(), 0);
    control.plan_fault(PlannedFault::every(Fault::HoldConnack));
    let dialing =
        tokio::time::timeout(MOMENT, TestClient::connect_tcp(address, connect_options(MqttVersion::V5, "x")));
    assert!(dialing.await.is_err(), "the CONNACK is held back");
    control.clear_planned_faults();
    TestClient::tcp(address, MqttVersion::V5, "x").await;
}

#[tokio::test]
async fn fault_plans_apply_to_the_nth_connection_at_their_time() {
    let (broker, address) = broker().await;
    let control = broker.control();
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnAccept, Fault::Reset).nth(1));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnConnect, Fault::Fin).nth(2));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnConnect, Fault::Garbage).nth(3));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::AfterMessages(3), Fault::Fin).nth(4));
    control.plan_fault(PlannedFault::every(Fault::SuppressPings).nth(4));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::AfterConnack(MOMENT), Fault::Reset).nth(5));
    let (_, got) = TestClient::connect_tcp(address, connect_options(MqttVersion::V311, "1")).await;
    assert_eq!(got, TestPacket::Broken(ErrorKind::ConnectionReset));
    let (_, got) = TestClient::connect_tcp(address, connect_options(MqttVersion::V311, "2")).await;
    assert_eq!(got, TestPacket::Fin);
    let (_, got) = TestClient::connect_tcp(address, connect_options(MqttVersion::V311, "3")).await;
    assert!(matches!(got, TestPacket::Malformed(_)), "{got:?}");
    let mut fourth = TestClient::tcp(address, MqttVersion::V311, "4").await;
    fourth.ping().await;
    fourth.publish("t", "1", 0, false).await;
    fourth.publish("t", "2", 0, false).await;
    assert_eq!(fourth.next_within(MOMENT).await, TestPacket::Silence);
    fourth.publish("t", "3", 0, false).await;
    assert_eq!(fourth.next().await, TestPacket::Fin);
    let mut fifth = TestClient::tcp(address, MqttVersion::V311, "5").await;
    assert_eq!(fifth.next_within(MOMENT / 3).await, TestPacket::Silence);
    assert_eq!(fifth.next().await, TestPacket::Broken(ErrorKind::ConnectionReset));
    assert_eq!(
        TestClient::connect_tcp(
            address,
            ConnectOptions { keep_alive: 0, ..connect_options(MqttVersion::V311, "6") }
        )
        .await
        .1,
        TestPacket::ConnAck { session_present: false, code: 0 }
    );
}
