//! What ends each session by its own clock or count.

use std::time::Duration;

use tokio::time::Instant;

use super::scene::{BOTH, Scene, ending};
use crate::lab::tests::client::{Got, message};
use crate::lab::{Ailment, Manner, Version};

#[tokio::test(start_paused = true)]
async fn a_healthy_gateway_changes_nothing() {
    for version in BOTH {
        let scene = Scene::new([]);
        let mut client = scene.client(version, "a").await;
        assert_eq!(client.subscribe("t/#", 1).await, Got::SubAck(vec![1]));
        scene.broker.publish("t/1", "hello");
        assert_eq!(client.next().await, message("t/1", "hello"));
        client.publish("t/2", "back", 0, false).await;
        assert_eq!(client.next().await, message("t/2", "back"));
        client.ping().await;
        assert_eq!(client.next().await, Got::PingResp);
        assert_eq!(scene.deeds(), []);
        let tally = scene.control.tally();
        assert_eq!((tally.accepted, tally.sessions), (1, 1));
        assert_eq!((tally.packets_to_server, tally.packets_to_client), (4, 5));
        scene.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_lifetime_is_exact_and_its_jitter_repeats() {
    let lifetime = |jitter_secs| Ailment::SessionLifetime { secs: 600.0, jitter_secs, manner: Manner::Fin };
    let scene = Scene::new([lifetime(0.0)]);
    let mut client = scene.client(Version::V311, "a").await;
    assert_eq!(ending(&mut client).await.0, Got::Fin);
    assert_eq!(scene.age(), Duration::from_secs(10));
    assert_eq!(scene.deeds(), [(Some(1), "FIN".to_owned())]);
    assert_eq!(scene.control.strikes()[0].at, Duration::from_secs(10));
    let mut runs = Vec::new();
    for _ in 0..2 {
        let scene = Scene::new([lifetime(60.0)]);
        let mut ages = Vec::new();
        for _ in 0..5 {
            let before = Instant::now();
            let mut client = scene.client(Version::V5, "a").await;
            assert_eq!(ending(&mut client).await.0, Got::Fin);
            ages.push(before.elapsed());
        }
        assert!(ages.iter().all(|age| (9.0..=11.0).contains(&age.as_secs_f64())), "{ages:?}");
        assert!(ages.windows(2).any(|pair| pair[0] != pair[1]), "{ages:?}");
        runs.push(ages);
        scene.stop().await;
    }
    assert_eq!(runs[0], runs[1]);
}
