//! Clock steps and suspended computers.

use chrono::TimeDelta;
use dropscope::diagnostics::LinkActivity;
use dropscope::diagnostics::event::{DropKind, SystemSource};

use crate::simulated::network::LineState;
use crate::simulated::scope::{RunSetup, hours, millis, minutes, secs};

#[tokio::test(start_paused = true)]
async fn a_wall_clock_step_is_recorded_and_changes_no_duration() {
    let scope = RunSetup::default().start();
    scope.run(hours(2)).await;
    scope.clock.step(TimeDelta::hours(-1));
    scope.run(hours(2)).await;
    scope.clock.step(TimeDelta::milliseconds(90_500));
    scope.run(hours(1)).await;
    let steps: Vec<_> = scope.events().system().into_iter().map(|(_, event)| event).collect();
    let step = |words: &str| (SystemSource::Clock, format!("wall clock stepped by {words} s"));
    assert_eq!(steps, [step("-3600.0"), step("+90.5")]);
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!((metrics.total_connection_drops, metrics.clock_steps), (0, 2));
    assert!(metrics.connected.abs_diff(hours(5)) < secs(1), "{:?}", metrics.connected);
    let pings = end.events.pings();
    assert!(pings.iter().all(|(_, rtt)| *rtt == millis(40)));
    let late = pings.windows(2).find(|pair| pair[1].0.since(pair[0].0) != secs(60));
    assert!(late.is_none(), "a ping was not sent when it was due: {late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_suspend_is_recorded_and_counts_as_time() {
    let scope = RunSetup::default().start();
    scope.run(hours(1)).await;
    scope.clock.sleep(hours(7));
    // While this computer slept, the router removed the mapping of the connection.
    scope.net.line(LineState::BlackHole);
    let woke = scope.now();
    scope.run(hours(1)).await;
    let events = scope.events();
    let suspends = events.system();
    assert_eq!(suspends.len(), 1, "{suspends:?}");
    assert_eq!(suspends[0].1, (SystemSource::Power, "this computer slept for 25200 s".to_owned()));
    assert!(suspends[0].0.since(woke) <= secs(1));
    let drops = events.drops();
    assert_eq!(drops.len(), 1);
    assert_eq!(drops[0].1.how, Some(DropKind::PingTimeout));
    // The overdue ping leaves within 5 s of waking up, and its answer has 10 s.
    assert!(drops[0].0.since(woke) <= secs(15), "{:?}", drops[0].0.since(woke));
    assert!(drops[0].1.last_rx_secs.is_some_and(|secs| secs > 25_200.0), "{:?}", drops[0].1.last_rx_secs);
    assert_eq!(scope.live_state().await.runtime.activity, LinkActivity::Connected);
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!(metrics.suspends, 1);
    assert!(metrics.observed >= hours(9) && metrics.observed < hours(9) + minutes(1));
    assert_eq!(metrics.connected + metrics.down, metrics.observed);
}

#[tokio::test(start_paused = true)]
async fn a_suspend_during_an_outage_does_not_block_reconnects() {
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Fin);
    scope.run(minutes(10)).await;
    scope.clock.sleep(hours(3));
    scope.net.change(|habits| habits.is_refusing = false);
    scope.run(secs(61)).await;
    assert_eq!(scope.live_state().await.runtime.activity, LinkActivity::Connected);
    let end = scope.finish().await;
    let took = end.snapshot().drops.last().and_then(|drop| drop.recovery.clone()).expect("back").took;
    assert!(took > hours(3) && took < hours(3) + minutes(12), "{took:?}");
}
