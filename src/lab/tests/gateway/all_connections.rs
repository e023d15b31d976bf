//! Faults on all connections at once: schedules, random faults and outages.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::scene::{BOTH, FaultGatewayFixture, last_packet};
use crate::diagnostics::MqttVersion;
use crate::lab::tests::client::{TestPacket, message};
use crate::lab::{DropManner, GatewayOptions, OutageManner, PathFault};

/// The times of the injections within `duration`, in real seconds since the start.
async fn injection_times(options: GatewayOptions, faults: Vec<PathFault>, duration: Duration) -> Vec<f64> {
    let scene = FaultGatewayFixture::with(options, faults);
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let mut client = scene.client(MqttVersion::V5, "a").await;
        let limit = end.duration_since(Instant::now());
        while !matches!(client.next_within(limit).await, TestPacket::Fin | TestPacket::Silence) {}
    }
    let injected_at = scene.control.injections().iter().map(|injection| injection.at.as_secs_f64()).collect();
    scene.stop().await;
    injected_at
}

#[tokio::test(start_paused = true)]
async fn a_schedule_follows_the_clock_and_not_the_session() {
    // The lab starts at 03:10:00; the fault acts every night at 04:00; one second is one field hour.
    let options = GatewayOptions { seed: 1, scale: 3600.0, wall_secs: 86_400.0 + 3.0 * 3600.0 + 600.0 };
    let schedule =
        PathFault::Schedule { every_secs: 86_400.0, phase_secs: 4.0 * 3600.0, manner: DropManner::Reset };
    let seen = injection_times(options, vec![schedule], Duration::from_secs(60)).await;
    let expected = [50.0 / 60.0, 24.0 + 50.0 / 60.0, 48.0 + 50.0 / 60.0];
    assert_eq!(seen.len(), 3, "{seen:?}");
    for (seen, expected) in seen.iter().zip(expected) {
        assert!((seen - expected).abs() < 0.0011, "{seen} is not {expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn random_faults_repeat_with_the_same_seed() {
    let duration = Duration::from_secs(2_000);
    for fault in [
        PathFault::RandomLoss { mean_secs: 600.0, manner: DropManner::Fin },
        PathFault::WebSocketClose { code: 1001, mean_secs: 600.0 },
        PathFault::ServerDisconnect { reason: 0x8B, mean_secs: 600.0 },
        PathFault::Burst { mean_secs: 600.0, count: 1, spacing_secs: 0.0, manner: DropManner::Fin },
    ] {
        let options = |seed| GatewayOptions { seed, scale: 60.0, wall_secs: 0.0 };
        let first = injection_times(options(3), vec![fault.clone()], duration).await;
        assert!((150..250).contains(&first.len()), "{} injections of about 200", first.len());
        let gaps: Vec<f64> = first.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let short = gaps.iter().filter(|gap| **gap < 10.0 * std::f64::consts::LN_2).count();
        assert!((gaps.len() * 2 / 5..gaps.len() * 3 / 5).contains(&short), "half are below the median");
        assert_eq!(injection_times(options(3), vec![fault.clone()], duration).await, first);
        assert_ne!(injection_times(options(4), vec![fault], duration).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn two_faults_of_a_kind_have_independent_random_streams() {
    let loss = PathFault::RandomLoss { mean_secs: 600.0, manner: DropManner::Fin };
    let options = GatewayOptions { seed: 3, scale: 60.0, wall_secs: 0.0 };
    let one = injection_times(options, vec![loss.clone()], Duration::from_secs(500)).await;
    let two = injection_times(options, vec![loss.clone(), loss], Duration::from_secs(500)).await;
    assert!(one.iter().all(|time| two.contains(time)), "the first is not disturbed by the second");
    assert!(two.len() > one.len() + 20);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_several_drops_in_a_row() {
    let burst =
        PathFault::Burst { mean_secs: 3_600.0, count: 4, spacing_secs: 30.0, manner: DropManner::Fin };
    let options = GatewayOptions { seed: 5, scale: 60.0, wall_secs: 0.0 };
    let seen = injection_times(options, vec![burst], Duration::from_secs(1_000)).await;
    assert!(seen.len() >= 8, "{seen:?}");
    for burst in seen.chunks_exact(4) {
        assert!(burst.windows(2).all(|pair| (pair[1] - pair[0] - 0.5).abs() < 0.0021), "{burst:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn maintenance_disconnects_every_client_once() {
    for version in BOTH {
        let scene = FaultGatewayFixture::new([PathFault::Maintenance { at_secs: 180.0 }]);
        let mut clients = [scene.client(version, "a").await, scene.client(version, "b").await];
        for client in &mut clients {
            if version == MqttVersion::V5 {
                assert_eq!(last_packet(client).await.0, TestPacket::Disconnect(0x8B));
            }
            assert_eq!(last_packet(client).await.0, TestPacket::Fin);
        }
        assert!((3.0..3.01).contains(&scene.age().as_secs_f64()), "{:?}", scene.age());
        let mut client = scene.client(version, "a").await;
        assert_eq!(client.next_within(Duration::from_secs(80)).await, TestPacket::Silence);
        assert_eq!(scene.injection_log().len(), 2);
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_outage_delays_traffic_until_it_ends() {
    let outage =
        PathFault::Outage { every_secs: 600.0, lasting_secs: 300.0, manner: OutageManner::BlackHole };
    let scene = FaultGatewayFixture::new([outage]);
    let mut client = scene.client(MqttVersion::V311, "a").await;
    client.subscribe("t", 0).await;
    sleep(Duration::from_secs(11)).await;
    scene.broker.publish("t", "late");
    assert_eq!(client.next_within(Duration::from_millis(3_900)).await, TestPacket::Silence);
    let begun = Instant::now();
    let _newcomer = scene.client(MqttVersion::V311, "b").await;
    assert!(begun.elapsed() >= Duration::from_millis(99), "answered after the outage only");
    assert_eq!(client.next().await, message("t", "late"));
    sleep(Duration::from_secs(11)).await;
    client.ping().await;
    assert_eq!(client.next_within(Duration::from_secs(3)).await, TestPacket::Silence, "the second outage");
    let descriptions: Vec<String> =
        scene.injection_log().into_iter().map(|(_, description)| description).collect();
    assert_eq!(
        descriptions,
        ["outage begins: nothing passes", "outage ends", "outage begins: nothing passes"]
    );
    let injected_at_secs: Vec<u64> =
        scene.control.injections().iter().map(|injection| injection.at.as_secs()).collect();
    assert_eq!(injected_at_secs, [10, 15, 25]);
    let id = scene.control.armed_faults()[0].0;
    assert!(scene.control.disarm(id));
    assert_eq!(client.next().await, TestPacket::PingResp, "disarming ends the outage");
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_dns_outage_is_reported_to_the_resolver() {
    let outage = PathFault::Outage { every_secs: 60.0, lasting_secs: 120.0, manner: OutageManner::Dns };
    let scene = FaultGatewayFixture::new([outage]);
    let mut client = scene.client(MqttVersion::V311, "a").await;
    assert!(scene.control.name_resolves());
    assert_eq!(last_packet(&mut client).await.0, TestPacket::Fin, "an in-memory stream has no reset");
    assert!(!scene.control.name_resolves());
    let (near, far) = tokio::io::duplex(64);
    scene.gateway.attach(far);
    let mut near = near;
    let read = tokio::io::AsyncReadExt::read(&mut near, &mut [0; 8]).await;
    assert_eq!(read.unwrap(), 0, "refused");
    sleep(Duration::from_millis(2_001)).await;
    assert!(scene.control.name_resolves());
    scene.client(MqttVersion::V311, "a").await;
    scene.stop().await;
}
