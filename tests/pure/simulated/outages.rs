//! Brokers that drop repeatedly, or do not recover.

use std::time::Duration;

use dropscope::diagnostics::event::{ConnectFailedEvent, ConnectKind, ConnectedEvent, Phase};
use dropscope::diagnostics::{Event, LinkActivity, Stamp};
use dropscope::lab::{Fault, FaultTrigger, PlannedFault};
use dropscope::state::MonitorRequest;

use crate::simulated::network::LineState;
use crate::simulated::scope::{Events, RunSetup, days, hours, minutes, secs};

fn gaps(stamps: &[Stamp]) -> Vec<Duration> {
    stamps.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

fn connected(events: &Events) -> Vec<(Stamp, ConnectedEvent)> {
    events
        .select(|event| if let Event::Connected(connected) = event { Some(connected.clone()) } else { None })
}

fn failed(events: &Events) -> Vec<(Stamp, ConnectFailedEvent)> {
    events.select(|event| if let Event::ConnectFailed(failed) = event { Some(failed.clone()) } else { None })
}

#[tokio::test(start_paused = true)]
async fn reconnects_to_a_flapping_broker_back_off() {
    let scope = RunSetup::default().start();
    scope
        .net
        .broker()
        .plan_fault(PlannedFault::every_at(FaultTrigger::AfterConnack(Duration::ZERO), Fault::Fin));
    scope.run(days(1)).await;
    let gaps_of_the_day = gaps(&scope.net.connects());
    assert!(gaps_of_the_day.iter().all(|gap| *gap >= secs(1)), "{:?}", gaps_of_the_day.iter().min());
    // 60 s with jitter of a half, cut at 60 s, and the connect itself.
    let grown = &gaps_of_the_day[12..];
    assert!(grown.iter().all(|gap| *gap >= secs(30) && *gap <= secs(61)), "{:?}", grown.iter().max());
    assert!(grown.len() > 24 * 60, "it never stops trying: {}", grown.len());
    let drops = scope.events().drops().len();
    assert_eq!(drops, scope.net.connects().len(), "every session was dropped, and once");

    scope.net.broker().clear_planned_faults();
    scope.run(hours(1)).await;
    assert_eq!(scope.events().drops().len(), drops, "stable since");
    scope.net.line(LineState::Fin);
    let cut = scope.now();
    scope.run(minutes(1)).await;
    let back = connected(&scope.events()).pop().expect("a session").0;
    assert!(back.since(cut) < secs(1), "a stable session starts the backoff over: {:?}", back.since(cut));
    scope.finish().await;
}

#[tokio::test(start_paused = true)]
async fn only_a_stable_session_resets_the_backoff() {
    for (lived, later) in [(29, 30..=61), (31, 0..=1)] {
        let scope = RunSetup::default().start();
        scope
            .net
            .broker()
            .plan_fault(PlannedFault::every_at(FaultTrigger::AfterConnack(secs(lived)), Fault::Fin));
        scope.run(hours(2)).await;
        let connected = connected(&scope.events());
        let drops = scope.events().drops();
        let waits: Vec<u64> = drops
            .iter()
            .filter_map(|(at, _)| {
                let back = connected.iter().find(|(back, _)| back > at)?.0;
                Some(back.since(*at).as_secs())
            })
            .skip(10)
            .collect();
        assert!(waits.len() > 30, "{}", waits.len());
        assert!(waits.iter().all(|wait| later.contains(wait)), "after {lived} s: {waits:?}");
        scope.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn every_fifth_failure_is_followed_by_a_deep_reconnect() {
    let scope = RunSetup::default().start();
    scope.run(minutes(10)).await;
    let before = scope.net.attempts().len();
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Reset);
    // 16 failures: some minutes of growing delays, then a minute each.
    while scope.net.attempts().len() < before + 16 {
        scope.run(secs(1)).await;
    }
    let deep: Vec<bool> = scope.net.attempts()[before..].iter().map(|(_, deep)| *deep).collect();
    let expected: Vec<bool> = (1..=16).map(|attempt| attempt % 5 == 0).collect();
    assert_eq!(deep, expected);
    while scope.net.attempts().len() < before + 19 {
        scope.run(secs(1)).await;
    }
    scope.net.change(|habits| habits.is_refusing = false);
    scope.run(minutes(2)).await;
    let events = scope.events();
    let failures = failed(&events);
    let numbers: Vec<u32> = failures.iter().map(|(_, failed)| failed.attempt_number).collect();
    assert_eq!(numbers, (1..=19).collect::<Vec<_>>());
    assert!(failures.iter().all(|(_, failed)| failed.phase == Some(Phase::Tcp)));
    let back = connected(&events).pop().expect("a session").1;
    assert_eq!((back.event_type, back.attempt_number), (ConnectKind::DeepReconnected, 20));
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!((metrics.total_connection_drops, metrics.total_reconnect_attempts), (1, 20));
    assert_eq!(end.snapshot().drops.last().map(|drop| drop.failed_attempts), Some(19));
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_at_the_attempt_limit_and_reconnects_on_request() {
    let mut setup = RunSetup::default();
    setup.link.backoff.max_attempts = Some(3);
    let scope = setup.start();
    scope.run(minutes(10)).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Fin);
    scope.run(hours(3)).await;
    assert_eq!(scope.live_state().await.runtime.activity, LinkActivity::GivenUp);
    assert_eq!(failed(&scope.events()).len(), 3);
    assert_eq!(scope.net.attempts().len(), 4, "nothing is tried any more");

    scope.net.change(|habits| habits.is_refusing = false);
    scope.run(hours(1)).await;
    assert_eq!(scope.net.attempts().len(), 4);
    scope.send_request(MonitorRequest::ToggleConnection).await;
    assert_eq!(scope.live_state().await.runtime.activity, LinkActivity::Connected);
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!(metrics.total_connection_drops, 1);
    assert!(metrics.down > hours(4), "{:?}", metrics.down);
    assert_eq!(metrics.connected + metrics.down, metrics.observed);
}
