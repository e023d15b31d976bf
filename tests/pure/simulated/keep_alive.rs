//! A connection without faults, and black holes detected by the keep-alive alone.

use dropscope::diagnostics::event::{DropKind, Layer};
use dropscope::diagnostics::{Event, LinkState};

use crate::simulated::network::LineState;
use crate::simulated::scope::{RunSetup, SimulatedScope, days, hours, millis, minutes, secs};

#[tokio::test(start_paused = true)]
async fn a_week_without_faults_is_one_session_and_10_080_pings() {
    let scope = RunSetup::default().start();
    scope.run(days(7) + secs(1)).await;
    let published = scope.live_state().await;
    assert!(matches!(published.snapshot.link, LinkState::Connected { .. }), "{:?}", published.snapshot.link);
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!((metrics.total_connections, metrics.total_connection_drops), (1, 0));
    assert_eq!(end.snapshot().ping.count, 7 * 24 * 60);
    assert!(end.events.pings().iter().all(|(_, rtt)| *rtt == millis(40)), "each way takes 20 ms");
    let spaced = end.events.pings();
    let gaps = spaced.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    assert!(gaps.clone().all(|gap| gap == secs(60)), "{:?}", gaps.max());
    assert_eq!(end.events.count(|event| matches!(event, Event::System { .. })), 0);
    // The connect takes 162 ms, the disconnect less than can be measured.
    assert!(metrics.availability().is_some_and(|share| share > 0.999_999), "{:?}", metrics.availability());
}

/// Injects a black hole `before` the next ping and checks how late it is detected.
async fn black_hole(scope: &SimulatedScope, keep_alive: u64, before: u64) {
    let drops = scope.events().drops().len();
    // The first ping of a session leaves one keep-alive after CONNACK.
    scope.run(secs(3 * keep_alive)).await;
    let newest = scope.events().pings().last().expect("a ping").0;
    let next = newest.plus(secs(keep_alive)).since(scope.now());
    scope.run(next.saturating_sub(secs(before))).await;
    scope.net.line(LineState::BlackHole);
    scope.run(secs(keep_alive + 30)).await;
    let after = scope.events().drops();
    assert_eq!(after.len(), drops + 1);
    let (at, dropped) = after.last().expect("a drop");
    let rtt = millis(40);
    let last_heard = scope.events().pings().iter().rev().find(|ping| ping.0 < *at).expect("a ping").0;
    // The ping left one keep-alive after the one before it; its answer had 10 s.
    assert_eq!(at.since(last_heard) + rtt, secs(keep_alive + 10));
    assert_eq!((dropped.how, dropped.layer), (Some(DropKind::PingTimeout), Some(Layer::Mqtt)));
    assert_eq!(dropped.error_name.as_deref(), Some("AWS_ERROR_MQTT_TIMEOUT"));
    assert_eq!(dropped.last_tx_secs, Some(10.0));
    assert_eq!(dropped.last_rx_secs, Some(at.since(last_heard).as_secs_f64()));
    let snapshot = &scope.live_state().await.snapshot;
    let newest = snapshot.drops.last().expect("a drop");
    assert_eq!(newest.death_window, (last_heard, *at));
    assert_eq!(newest.idle_in, Some(at.since(last_heard)));
    assert!(matches!(snapshot.link, LinkState::Connected { .. }), "back within seconds");
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_is_detected_one_keep_alive_and_one_ping_deadline_after_the_last_answer() {
    for (keep_alive, before) in [(60, 59), (60, 1), (1_200, 600), (5, 2)] {
        let mut setup = RunSetup::default();
        setup.link.keep_alive_secs = u16::try_from(keep_alive).expect("a small number");
        let scope = setup.start();
        scope.run(hours(1)).await;
        for _ in 0..3 {
            black_hole(&scope, keep_alive, before).await;
        }
        let end = scope.finish().await;
        let metrics = &end.snapshot().metrics;
        assert_eq!(metrics.total_connection_drops, 3);
        assert_eq!(metrics.connected + metrics.down, metrics.observed);
        assert!(metrics.down < secs(6), "{:?}", metrics.down);
    }
}

#[tokio::test(start_paused = true)]
async fn a_nat_timeout_drops_a_long_keep_alive_and_not_a_short_one() {
    for (keep_alive, drops) in [(1_200, 18), (240, 0)] {
        let mut setup = RunSetup::default();
        setup.link.keep_alive_secs = keep_alive;
        setup.network.mapping_timeout = Some(minutes(5));
        let scope = setup.start();
        // Each session is dead after 5 minutes, which is detected after 20 min 10 s.
        scope.run(hours(6) + minutes(10)).await;
        assert_eq!(scope.events().drops().len(), drops);
        scope.finish().await;
    }
}
