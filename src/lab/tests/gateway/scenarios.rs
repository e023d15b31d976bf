//! The times at which the built-in scenarios inject their faults, in simulated time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::scene::FaultGatewayFixture;
use crate::lab::scenario::{Scenario, scenarios};
use crate::lab::tests::client::{TestPacket, connect_options};
use crate::lab::{FaultInjection, GatewayOptions, PathFault};

/// Simulated time of each run.
const DURATION: Duration = Duration::from_secs(60);
/// The time between two connects of the client.
const RECONNECT_DELAY: Duration = Duration::from_millis(100);

/// Plays a scenario with a client that reconnects after each end of its session.
async fn injections(scenario: &Scenario, seed: u64) -> Vec<FaultInjection> {
    let options = GatewayOptions { seed, scale: scenario.speed, wall_secs: 0.0 };
    let scene = FaultGatewayFixture::with(options, scenario.path_faults.iter().cloned());
    let end = Instant::now() + DURATION;
    while Instant::now() < end {
        let limit = end.duration_since(Instant::now());
        // In a black hole the test packet is silence; a client would notice a missing PINGRESP.
        let session = async {
            let (mut client, got) = scene.connect(connect_options(scenario.version, "a")).await;
            if !matches!(got, TestPacket::ConnAck { code: 0, .. }) {
                return;
            }
            let session_limit = Duration::from_secs_f64(1_000.0 / scenario.speed).max(DURATION / 3);
            while !matches!(client.next_within(session_limit).await, TestPacket::Fin | TestPacket::Silence) {}
        };
        let _ = timeout(limit, session).await;
        sleep(RECONNECT_DELAY).await;
    }
    let injected = scene.control.injections();
    scene.stop().await;
    injected
}

/// Injections at a fixed distance, in field seconds.
const PERIODS: [(&str, f64); 5] = [
    ("websocket-24h", 86_400.0),
    ("nightly-router", 86_400.0),
    ("takeover-timer", 900.0),
    ("tls-alert", 900.0),
    ("takeover", 20.0),
];

#[tokio::test(start_paused = true)]
async fn periodic_scenarios_inject_at_their_period() {
    for (name, period) in PERIODS {
        let scenario = Scenario::find(name).unwrap();
        let injected = injections(scenario, 7).await;
        assert!(injected.len() >= 3, "{name}: {injected:?}");
        for pair in injected.windows(2) {
            let secs = (pair[1].at.as_secs_f64() - pair[0].at.as_secs_f64()) * scenario.speed;
            let tolerance = (RECONNECT_DELAY.as_secs_f64() + 0.02) * scenario.speed;
            assert!((secs - period).abs() <= tolerance, "{name}: {secs} s instead of {period} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_scenario_injects_its_faults_and_repeats_with_its_seed() {
    for scenario in scenarios() {
        // A silent client is never cut by a message count, a denied topic or a reconnect without subscriptions.
        let needs_traffic = scenario.path_faults.iter().all(|fault| {
            matches!(
                fault,
                PathFault::AfterMessages { .. }
                    | PathFault::AfterRate { .. }
                    | PathFault::AfterPublish { .. }
                    | PathFault::LatePings { .. }
                    | PathFault::KeepAliveCut { .. }
            )
        });
        let injected = injections(scenario, 7).await;
        assert!(needs_traffic || !injected.is_empty(), "{}", scenario.name);
        assert_eq!(injections(scenario, 7).await, injected, "{}", scenario.name);
    }
}
