//! Each fault as it arrives at a real socket.

use std::io::ErrorKind;
use std::time::Duration;

use super::client::{Ask, Client, Got, ask, message};
use crate::diagnostics::MqttVersion;
use crate::lab::{Broker, BrokerOptions, Fault, FaultTrigger, ListenerEndpoint, PlannedFault};

const BOTH: [MqttVersion; 2] = [MqttVersion::V311, MqttVersion::V5];
const MOMENT: Duration = Duration::from_millis(150);

async fn broker() -> (Broker, std::net::SocketAddr) {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await.unwrap();
    (broker, address)
}

/// Strikes a live connection and returns what arrives.
async fn struck(version: MqttVersion, fault: Fault) -> Vec<Got> {
    let (broker, address) = broker().await;
    let mut client = Client::tcp(address, version, "victim").await;
    assert!(broker.control().inject_client("victim", &fault), "the victim is connected");
    let mut seen = Vec::new();
    loop {
        let limit = if fault == Fault::HalfPacket { MOMENT } else { Duration::from_secs(5) };
        let got = client.next_within(limit).await;
        let last = !matches!(got, Got::Disconnect(_));
        seen.push(got);
        if last {
            return seen;
        }
    }
}

#[tokio::test]
async fn endings_arrive_as_what_they_are() {
    for version in BOTH {
        assert_eq!(struck(version, Fault::Fin).await, [Got::Fin]);
        assert_eq!(struck(version, Fault::FinWithoutCloseNotify).await, [Got::Fin]);
        assert_eq!(struck(version, Fault::Reset).await, [Got::Broken(ErrorKind::ConnectionReset)]);
    }
    let leave = Fault::Disconnect { reason: 0x8B, text: Some("maintenance".into()) };
    assert_eq!(struck(MqttVersion::V5, leave.clone()).await, [Got::Disconnect(0x8B), Got::Fin]);
    assert_eq!(struck(MqttVersion::V311, leave).await, [Got::Fin]);
    assert_eq!(struck(MqttVersion::V5, Fault::KeepAliveCut).await, [Got::Disconnect(0x8D), Got::Fin]);
    assert_eq!(struck(MqttVersion::V311, Fault::KeepAliveCut).await, [Got::Fin]);
}

#[tokio::test]
async fn a_fin_stays_a_fin_although_the_client_is_sending() {
    let (broker, address) = broker().await;
    let mut client = Client::tcp(address, MqttVersion::V311, "busy").await;
    broker.control().inject(&Fault::Fin);
    for _ in 0..50 {
        client.publish("t", "x", 0, false).await;
    }
    assert_eq!(client.next().await, Got::Fin);
}

#[tokio::test]
async fn bad_bytes_arrive_as_sent() {
    for version in BOTH {
        let malformed = struck(version, Fault::MalformedPacket).await;
        assert!(matches!(&malformed[..], [Got::Malformed(text)] if text.contains("Invalid QoS level")));
        let garbage = struck(version, Fault::Garbage).await;
        assert!(matches!(&garbage[..], [Got::Malformed(text)] if text.contains("Invalid packet type")));
        assert_eq!(struck(version, Fault::HalfPacket).await, [Got::Silence]);
        let big = struck(version, Fault::OversizedPublish(100_000)).await;
        let arrived = matches!(&big[0], Got::Publish { payload, .. } if payload.len() == 100_000);
        assert!(arrived, "{:?}", big.len());
        let too_big = struck(version, Fault::OversizedPublish(1 << 21)).await;
        assert!(matches!(too_big[..], [Got::Malformed(_)]), "the client's own limit: {too_big:?}");
    }
}

#[tokio::test]
async fn a_black_hole_swallows_everything_and_may_end() {
    for version in BOTH {
        let (broker, address) = broker().await;
        let mut client = Client::tcp(address, version, "lost").await;
        client.subscribe("t", 0).await;
        broker.control().inject(&Fault::BlackHole { lasting: Some(2 * MOMENT) });
        client.ping().await;
        broker.publish("t", "late");
        assert_eq!(client.next_within(MOMENT).await, Got::Silence);
        let mut after = [client.next().await, client.next().await];
        after.sort_by_key(|got| *got == Got::PingResp);
        assert_eq!(after, [message("t", "late"), Got::PingResp]);

        broker.control().inject(&Fault::BlackHole { lasting: None });
        client.ping().await;
        assert_eq!(client.next_within(3 * MOMENT).await, Got::Silence);
        // The same client id may come back meanwhile.
        Client::tcp(address, version, "lost").await;
    }
}

#[tokio::test(start_paused = true)]
async fn pings_are_swallowed_or_delayed() {
    let broker = Broker::start(BrokerOptions::default());
    for version in BOTH {
        let (ours, theirs) = tokio::io::duplex(1024);
        broker.attach(theirs);
        let (mut client, _) = Client::greet(ours, ask(version, "pinger")).await;
        broker.control().inject(&Fault::DelayPings(Duration::from_secs(3)));
        client.ping().await;
        client.ping().await;
        assert_eq!(client.next_within(Duration::from_millis(2_900)).await, Got::Silence);
        assert_eq!(client.next_within(MOMENT).await, Got::PingResp);
        assert_eq!(client.next_within(MOMENT).await, Got::PingResp);
        broker.control().inject(&Fault::SuppressPings);
        client.ping().await;
        assert_eq!(client.next_within(Duration::from_secs(60)).await, Got::Silence);
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
            let (mut client, got) = Client::dial(address, ask(version, "x")).await;
            assert_eq!(got, Got::ConnAck { session_present: false, code });
            assert_eq!(client.next().await, Got::Fin);
            control.clear_planned_faults();
        }
    }
    assert_eq!(control.connection_counts().connects, 7);
    assert_eq!(control.connections(), 0);
    control.plan_fault(PlannedFault::every(Fault::HoldConnack));
    let dialing = tokio::time::timeout(MOMENT, Client::dial(address, ask(MqttVersion::V5, "x")));
    assert!(dialing.await.is_err(), "the CONNACK is held back");
    control.clear_planned_faults();
    Client::tcp(address, MqttVersion::V5, "x").await;
}

#[tokio::test]
async fn plans_strike_the_nth_connection_at_their_moment_and_add_up() {
    let (broker, address) = broker().await;
    let control = broker.control();
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnAccept, Fault::Reset).nth(1));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnConnect, Fault::Fin).nth(2));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::OnConnect, Fault::Garbage).nth(3));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::AfterMessages(3), Fault::Fin).nth(4));
    control.plan_fault(PlannedFault::every(Fault::SuppressPings).nth(4));
    control.plan_fault(PlannedFault::every_at(FaultTrigger::AfterConnack(MOMENT), Fault::Reset).nth(5));
    let (_, got) = Client::dial(address, ask(MqttVersion::V311, "1")).await;
    assert_eq!(got, Got::Broken(ErrorKind::ConnectionReset));
    let (_, got) = Client::dial(address, ask(MqttVersion::V311, "2")).await;
    assert_eq!(got, Got::Fin);
    let (_, got) = Client::dial(address, ask(MqttVersion::V311, "3")).await;
    assert!(matches!(got, Got::Malformed(_)), "{got:?}");
    let mut fourth = Client::tcp(address, MqttVersion::V311, "4").await;
    fourth.ping().await;
    fourth.publish("t", "1", 0, false).await;
    fourth.publish("t", "2", 0, false).await;
    assert_eq!(fourth.next_within(MOMENT).await, Got::Silence);
    fourth.publish("t", "3", 0, false).await;
    assert_eq!(fourth.next().await, Got::Fin);
    let mut fifth = Client::tcp(address, MqttVersion::V311, "5").await;
    assert_eq!(fifth.next_within(MOMENT / 3).await, Got::Silence);
    assert_eq!(fifth.next().await, Got::Broken(ErrorKind::ConnectionReset));
    assert_eq!(
        Client::dial(address, Ask { keep_alive: 0, ..ask(MqttVersion::V311, "6") }).await.1,
        Got::ConnAck { session_present: false, code: 0 }
    );
}
