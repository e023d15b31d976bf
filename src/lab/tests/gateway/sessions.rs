//! Faults that end each session by its age or its packets.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{BOTH, FaultGatewayFixture, last_packet};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{ConnectOptions, TestPacket, connect_options, message};
use crate::lab::{Direction, DropManner, PathFault, PathFaultId};

#[tokio::test(start_paused = true)]
async fn a_healthy_gateway_changes_nothing() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([]);
        let mut client = scene.client(version, "a").await;
        assert_eq!(client.subscribe("t/#", 1).await, TestPacket::SubAck(vec![1]));
        scene.broker.publish("t/1", "hello");
        assert_eq!(client.next().await, message("t/1", "hello"));
        client.publish("t/2", "back", 0, false).await;
        assert_eq!(client.next().await, message("t/2", "back"));
        client.ping().await;
        assert_eq!(client.next().await, TestPacket::PingResp);
        assert_eq!(scene.injection_log(), []);
        let counters = scene.control.counters();
        assert_eq!((counters.accepted, counters.sessions), (1, 1));
        assert_eq!((counters.packets_to_server, counters.packets_to_client), (4, 5));
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_lifetime_is_exact_and_its_jitter_repeats() {
    let lifetime =
        |jitter_secs| PathFault::SessionLifetime { secs: 600.0, jitter_secs, manner: DropManner::Fin };
    let scene = FaultGatewayFixture::new([lifetime(0.0)]);
    let mut client = scene.client(MqttVersion::V311, "a").await;
    assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin);
    assert_eq!(scene.age(), Duration::from_secs(10));
    assert_eq!(scene.injection_log(), [(Some(1), "FIN".to_owned())]);
    assert_eq!(scene.control.injections()[0].at, Duration::from_secs(10));
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scene = FaultGatewayFixture::new([lifetime(60.0)]);
        let mut ages = Vec::new();
        for _ in 0..5 {
            let before = Instant::now();
            let mut client = scene.client(MqttVersion::V5, "a").await;
            assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin);
            ages.push(before.elapsed());
        }
        assert!(ages.iter().all(|age| (9.0..=11.0).contains(&age.as_secs_f64())), "{ages:?}");
        assert!(ages.windows(2).any(|pair| pair[0] != pair[1]), "{ages:?}");
        runs.push(ages);
        scene.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn messages_are_counted_in_their_direction_and_the_last_one_passes() {
    for version in BOTH {
        let after =
            |count, direction| PathFault::AfterMessages { count, direction, manner: DropManner::Reset };
        let scene = FaultGatewayFixture::new([after(3, Direction::ToServer), after(2, Direction::ToClient)]);
        let mut sender = scene.client(version, "sender").await;
        let mut receiver = scene.client(version, "receiver").await;
        receiver.subscribe("t", 0).await;
        for payload in ["1", "2", "3"] {
            sender.publish("t", payload, 0, false).await;
        }
        assert_eq!(sender.next().await, TestPacket::Fin, "an in-memory stream has no reset");
        assert_eq!(receiver.next().await, message("t", "1"));
        assert_eq!(receiver.next().await, message("t", "2"));
        assert_eq!(receiver.next().await, TestPacket::Fin);
        assert_eq!(scene.broker.control().counters().received, 3, "the third one passed");
        assert_eq!(scene.injection_log().len(), 2);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_exceeded_by_one_message_in_the_window() {
    let scene = FaultGatewayFixture::new([PathFault::AfterRate {
        messages: 5,
        window_secs: 60.0,
        direction: Direction::ToServer,
        manner: DropManner::Fin,
    }]);
    let mut client = scene.client(MqttVersion::V311, "a").await;
    for _ in 0..20 {
        client.publish("t", "steady", 0, false).await;
        assert_eq!(client.next_within(Duration::from_millis(200)).await, TestPacket::Silence);
    }
    assert_eq!(scene.injection_log(), []);
    client.publish("t", "the fifth within a second", 0, false).await;
    client.publish("t", "the sixth", 0, false).await;
    assert_eq!(client.next().await, TestPacket::Fin);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_topic_ends_the_session_again_and_again() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::AfterPublish {
            topic_filter: "secret/#".into(),
            delay_ms: 12_000.0,
            manner: DropManner::Disconnect(0x87),
        }]);
        let mut other = scene.client(version, "other").await;
        other.subscribe("#", 0).await;
        for number in [2, 3, 4] {
            let mut client = scene.client(version, "caught").await;
            client.publish("open", "fine", 0, false).await;
            assert_eq!(other.next().await, message("open", "fine"));
            let sent = Instant::now();
            client.publish("secret/door", "open", 1, false).await;
            if version == MqttVersion::V5 {
                assert_eq!(client.next().await, TestPacket::Disconnect(0x87));
            }
            assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin, "and no PUBACK");
            assert_eq!(sent.elapsed(), Duration::from_millis(200));
            assert_eq!(
                scene.injection_log().last().unwrap(),
                &(Some(number), "server DISCONNECT 0x87".to_owned())
            );
        }
        assert_eq!(
            other.next_within(Duration::from_millis(500)).await,
            TestPacket::Silence,
            "no client gets it"
        );
        assert_eq!(scene.control.counters().swallowed, 3);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_is_cut_at_one_and_a_half_although_the_client_pings() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::KeepAliveCut { loses_pings: true }]);
        let (mut client, _) =
            scene.connect(ConnectOptions { keep_alive: 10, ..connect_options(version, "a") }).await;
        tokio::time::sleep(Duration::from_secs(7)).await;
        client.publish("t", "counts", 0, false).await;
        let last = Instant::now();
        client.ping().await;
        assert_eq!(client.next_within(Duration::from_secs(10)).await, TestPacket::Silence);
        client.ping().await;
        let (mut got, at) = last_packet(&mut client).await;
        if version == MqttVersion::V5 {
            assert_eq!(got, TestPacket::Disconnect(0x8D));
            got = client.next().await;
        }
        assert_eq!((got, at.duration_since(last)), (TestPacket::Fin, Duration::from_secs(15)));
        let (mut patient, _) =
            scene.connect(ConnectOptions { keep_alive: 0, ..connect_options(version, "b") }).await;
        assert_eq!(patient.next_within(Duration::from_secs(10_000)).await, TestPacket::Silence);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn faults_act_independently_and_can_be_disarmed() {
    let lifetime = |secs| PathFault::SessionLifetime { secs, jitter_secs: 0.0, manner: DropManner::Fin };
    let scene = FaultGatewayFixture::new([lifetime(600.0), lifetime(300.0), lifetime(900.0)]);
    let ids: Vec<PathFaultId> = scene.control.armed_faults().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [PathFaultId(1), PathFaultId(2), PathFaultId(3)]);
    let mut ages = Vec::new();
    for disarmed in [2, 1, 3] {
        let begun = Instant::now();
        let mut client = scene.client(MqttVersion::V311, "a").await;
        last_packet(&mut client).await;
        ages.push(begun.elapsed().as_secs());
        assert!(scene.control.disarm(PathFaultId(disarmed)));
    }
    assert_eq!(ages, [5, 10, 15]);
    assert!(!scene.control.disarm(PathFaultId(1)) && scene.control.armed_faults().is_empty());
    let mut client = scene.client(MqttVersion::V311, "a").await;
    assert_eq!(client.next_within(Duration::from_secs(20)).await, TestPacket::Silence);
    let armed = Instant::now();
    assert_eq!(scene.control.arm(lifetime(60.0)), PathFaultId(4), "acts on a live session from now on");
    assert_eq!(last_packet(&mut client).await, (TestPacket::Fin, armed + Duration::from_secs(1)));
    scene.stop().await;
}
