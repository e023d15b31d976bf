//! Faults of the path: expired NAT entries, delayed and lost packets.

use std::time::Duration;

use tokio::io::duplex;
use tokio::time::{Instant, sleep};

use super::scene::{BOTH, FaultGatewayFixture, last_packet};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{ConnectOptions, TestClient, TestPacket, connect_options, message};
use crate::lab::{DropManner, IdleManner, PathFault};

fn nat(manner: IdleManner) -> PathFault {
    PathFault::IdleTimeout { secs: 300.0, manner }
}

#[tokio::test(start_paused = true)]
async fn a_silent_nat_discards_packets_after_its_idle_timeout() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([nat(IdleManner::SilentBlackHole)]);
        let mut client = scene.client(version, "a").await;
        client.subscribe("t", 0).await;
        for _ in 0..5 {
            sleep(Duration::from_millis(4_999)).await;
            client.ping().await;
            assert_eq!(client.next().await, TestPacket::PingResp, "a gap below the limit does no harm");
        }
        sleep(Duration::from_millis(4_999)).await;
        scene.broker.publish("t", "traffic of either side keeps it");
        assert_eq!(client.next().await, message("t", "traffic of either side keeps it"));
        let last = scene.age();
        sleep(Duration::from_secs(5)).await;
        client.ping().await;
        scene.broker.publish("t", "unheard");
        assert_eq!(client.next_within(Duration::from_secs(80)).await, TestPacket::Silence);
        let injections = scene.control.injections();
        assert_eq!(injections.len(), 1, "{injections:?}");
        assert_eq!(injections[0].at, last + Duration::from_secs(5));
        assert_eq!(injections[0].description, "NAT entry expired: silent black hole");
        // The server got no packet for 1.5 × 60 s and closes; the client gets no FIN.
        sleep(Duration::from_secs(20)).await;
        assert_eq!(scene.broker.control().connections(), 0);
        assert_eq!(client.next_within(Duration::from_secs(1000)).await, TestPacket::Silence);
        drop(client);
        let mut back = scene.client(version, "a").await;
        back.ping().await;
        assert_eq!(back.next().await, TestPacket::PingResp);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_resetting_nat_resets_at_the_next_client_packet() {
    let scene = FaultGatewayFixture::new([nat(IdleManner::ResetOnNextPacket)]);
    let mut client = scene.client(MqttVersion::V311, "a").await;
    client.subscribe("t", 0).await;
    sleep(Duration::from_secs(6)).await;
    scene.broker.publish("t", "lost");
    assert_eq!(client.next_within(Duration::from_secs(30)).await, TestPacket::Silence);
    client.ping().await;
    let pinged_at = Instant::now();
    assert_eq!(
        last_packet(&mut client).await,
        (TestPacket::Fin, pinged_at),
        "an in-memory stream has no reset"
    );
    let injections = scene.injection_log();
    assert_eq!(injections[0].1, "NAT entry expired: RST on the next packet");
    assert_eq!(injections[1].1, "RST");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_endless_black_hole_leaves_the_session_on_the_server() {
    let fault =
        PathFault::SessionLifetime { secs: 60.0, jitter_secs: 0.0, manner: DropManner::SilentBlackHole };
    let scene = FaultGatewayFixture::new([fault]);
    let mut client = scene.client(MqttVersion::V5, "a").await;
    client.ping().await;
    assert_eq!(client.next().await, TestPacket::PingResp);
    sleep(Duration::from_secs(2)).await;
    client.ping().await;
    assert_eq!(client.next_within(Duration::from_secs(30)).await, TestPacket::Silence);
    drop(client);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(scene.broker.control().connections(), 1, "the server got no close");
    let _back = scene.client(MqttVersion::V5, "a").await;
    sleep(Duration::from_millis(10)).await;
    assert_eq!(scene.broker.control().connections(), 1, "it is taken over by who comes back");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn half_open_closes_the_servers_side_only() {
    let scene = FaultGatewayFixture::new([PathFault::HalfOpen { after_secs: 120.0 }]);
    let mut client = scene.client(MqttVersion::V5, "a").await;
    sleep(Duration::from_millis(1_999)).await;
    client.ping().await;
    assert_eq!(client.next().await, TestPacket::PingResp);
    sleep(Duration::from_millis(2)).await;
    assert_eq!(scene.broker.control().connections(), 0);
    client.ping().await;
    assert_eq!(client.next_within(Duration::from_secs(1000)).await, TestPacket::Silence);
    assert_eq!(scene.injection_log(), [(Some(1), "half-open: the server is gone".to_owned())]);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn late_pings_are_late_and_nothing_else_is() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::LatePings { delay_secs: 300.0 }]);
        let mut client = scene.client(version, "a").await;
        client.subscribe("t", 0).await;
        let pinged_at = Instant::now();
        client.ping().await;
        sleep(Duration::from_secs(1)).await;
        client.ping().await;
        scene.broker.publish("t", "on time");
        assert_eq!(client.next().await, message("t", "on time"));
        assert_eq!(
            last_packet(&mut client).await,
            (TestPacket::PingResp, pinged_at + Duration::from_secs(5))
        );
        assert_eq!(
            last_packet(&mut client).await,
            (TestPacket::PingResp, pinged_at + Duration::from_secs(6))
        );
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn latency_delays_both_ways_from_the_first_packet() {
    let scene = FaultGatewayFixture::new([PathFault::Latency { ms: 6_000.0, jitter_ms: 0.0, loss: 0.0 }]);
    let begun = Instant::now();
    let mut client = scene.client(MqttVersion::V311, "a").await;
    assert_eq!(begun.elapsed(), Duration::from_millis(200), "100 ms there, 100 ms back");
    let pinged_at = Instant::now();
    client.ping().await;
    assert_eq!(
        last_packet(&mut client).await,
        (TestPacket::PingResp, pinged_at + Duration::from_millis(200))
    );
    let disconnected_at = Instant::now();
    client.write(&[0xE0, 0]).await;
    let limit = Duration::from_millis(300);
    let (got, at) = tokio::time::timeout(limit, last_packet(&mut client)).await.unwrap();
    assert_eq!(
        (got, at),
        (TestPacket::Fin, disconnected_at + Duration::from_millis(100)),
        "the FIN has nothing to wait for"
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lossy_path_keeps_the_order_and_repeats_with_the_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scene = FaultGatewayFixture::new([PathFault::Latency { ms: 600.0, jitter_ms: 300.0, loss: 0.2 }]);
        let mut sender = scene.client(MqttVersion::V311, "sender").await;
        let mut receiver = scene.client(MqttVersion::V311, "receiver").await;
        receiver.subscribe("t", 0).await;
        let mut delays = Vec::new();
        for number in 0..50 {
            let sent = Instant::now();
            sender.publish("t", &number.to_string(), 0, false).await;
            assert_eq!(receiver.next().await, message("t", &number.to_string()));
            delays.push(sent.elapsed());
        }
        for number in 50..200 {
            sender.publish("t", &number.to_string(), 0, false).await;
        }
        for number in 50..200 {
            assert_eq!(receiver.next().await, message("t", &number.to_string()));
        }
        let lost = scene.control.counters().retransmitted;
        assert!((60..160).contains(&lost), "{lost} of about 400 packets");
        let one_way_twice = Duration::from_millis(10)..=Duration::from_millis(30);
        assert!(delays.iter().filter(|delay| one_way_twice.contains(*delay)).count() > 20, "{delays:?}");
        runs.push((delays, lost));
        scene.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn a_large_message_passes_whole_and_pings_do_not_fall_into_it() {
    let path = PathFault::Latency { ms: 60.0, jitter_ms: 0.0, loss: 0.0 };
    let scene = FaultGatewayFixture::new([path, PathFault::LatePings { delay_secs: 0.06 }]);
    let (mut client, _) =
        scene.connect(ConnectOptions { keep_alive: 0, ..connect_options(MqttVersion::V311, "a") }).await;
    client.subscribe("t", 0).await;
    let large = "x".repeat(500_000);
    for _ in 0..3 {
        client.ping().await;
        scene.broker.publish("t", large.clone());
        let mut got = [client.next().await, client.next().await];
        got.sort_by_key(|got| *got == TestPacket::PingResp);
        assert_eq!(got, [message("t", &large), TestPacket::PingResp]);
    }
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_in_memory_stream_reports_a_reset() {
    for (manner, is_reset) in [(DropManner::Reset, true), (DropManner::Fin, false)] {
        let scene =
            FaultGatewayFixture::new([PathFault::SessionLifetime { secs: 60.0, jitter_secs: 0.0, manner }]);
        let (near, far) = duplex(64 * 1024);
        let parting = scene.gateway.attach(far);
        let (mut client, _) = TestClient::connect(near, connect_options(MqttVersion::V311, "a")).await;
        assert!(!parting.is_reset(), "it lives");
        assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin);
        assert_eq!(parting.is_reset(), is_reset, "{manner:?}");
        scene.stop().await;
    }
}
