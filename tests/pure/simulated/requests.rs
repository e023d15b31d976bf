//! Requests of the user during a run.

use dropscope::diagnostics::event::{ConnectKind, Initiator};
use dropscope::diagnostics::{Event, LinkActivity, LinkState, MarkKind};
use dropscope::lab::BrokerOptions;
use dropscope::state::MonitorRequest;

use crate::simulated::network::LineState;
use crate::simulated::scope::{RunSetup, SimulatedScope, days, hours, minutes, secs};

fn disconnects(scope: &SimulatedScope) -> Vec<Initiator> {
    let by = |event: &Event| if let Event::Disconnected { by } = event { Some(*by) } else { None };
    scope.events().select(by).into_iter().map(|(_, by)| by).collect()
}

#[tokio::test(start_paused = true)]
async fn a_keep_alive_change_is_no_drop() {
    let scope = RunSetup::default().start();
    scope.run(hours(2)).await;
    scope.send_request(MonitorRequest::SetKeepAlive(30)).await;
    scope.run(hours(3)).await;
    assert_eq!(scope.net.broker().last_connect().map(|connect| connect.keep_alive_secs), Some(30));
    scope.net.line(LineState::Reset);
    scope.run(hours(1)).await;
    assert_eq!(disconnects(&scope), [Initiator::Experiment]);
    let end = scope.finish().await;
    let snapshot = end.snapshot();
    assert_eq!(snapshot.metrics.total_connection_drops, 1);
    assert_eq!(snapshot.drops.last().map(|drop| drop.keep_alive_secs), Some(30));
    let arms: Vec<_> =
        snapshot.arms.iter().map(|arm| (arm.keep_alive_secs, arm.sessions, arm.drops)).collect();
    assert_eq!(arms, [(60, 1, 0), (30, 2, 1)]);
    assert!(snapshot.arms[0].connected.abs_diff(hours(2)) < secs(2), "{:?}", snapshot.arms[0]);
    assert!(snapshot.arms[1].connected.abs_diff(hours(4)) < secs(5), "{:?}", snapshot.arms[1]);
    let changed = snapshot.marks.iter().filter(|mark| mark.kind == MarkKind::KeepAlive).count();
    assert_eq!(changed, 1);
    let gaps: Vec<_> =
        end.events.pings().windows(2).map(|pair| pair[1].0.since(pair[0].0).as_secs()).collect();
    assert_eq!(gaps.iter().filter(|gap| **gap == 60).count(), 119, "pings of the first two hours");
}

#[tokio::test(start_paused = true)]
async fn without_keep_alive_a_black_hole_is_not_detected() {
    let scope = RunSetup::default().start();
    scope.run(minutes(10)).await;
    let pings = scope.events().pings().len();
    scope.send_request(MonitorRequest::SetKeepAlive(0)).await;
    scope.run(minutes(10)).await;
    assert_eq!(scope.net.broker().last_connect().map(|connect| connect.keep_alive_secs), Some(0));
    scope.net.line(LineState::BlackHole);
    scope.run(days(2)).await;
    let published = scope.live_state().await;
    assert_eq!(published.runtime.activity, LinkActivity::Connected);
    assert_eq!(published.runtime.ping_outstanding_since, None);
    assert_eq!((scope.events().pings().len(), scope.events().drops().len()), (pings, 0));
    scope.send_request(MonitorRequest::SetKeepAlive(60)).await;
    scope.run(minutes(2)).await;
    assert!(scope.events().pings().len() > pings);
    assert_eq!(scope.finish().await.snapshot().metrics.total_connection_drops, 0);
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_by_the_user_is_planned() {
    let scope = RunSetup::default().start();
    scope.run(hours(1)).await;
    scope.send_request(MonitorRequest::ToggleConnection).await;
    let published = scope.live_state().await;
    assert_eq!(published.runtime.activity, LinkActivity::Off);
    let by = Initiator::User;
    assert!(matches!(published.snapshot.link, LinkState::Off { by: initiator, .. } if initiator == by));
    assert_eq!(scope.net.broker().connections(), 0, "the broker received DISCONNECT");
    scope.run(hours(5)).await;
    scope.send_request(MonitorRequest::ToggleConnection).await;
    scope.run(hours(1)).await;
    scope.send_request(MonitorRequest::Reconnect).await;
    scope.run(minutes(1)).await;
    scope.send_request(MonitorRequest::DeepReconnect).await;
    scope.run(minutes(1)).await;
    assert_eq!(disconnects(&scope), [by, by, by]);
    let deep: Vec<bool> = scope.net.attempts().iter().map(|(_, deep)| *deep).collect();
    assert_eq!(deep, [false, false, false, true]);
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!((metrics.total_connection_drops, metrics.total_connections), (0, 4));
    assert!(metrics.planned_down.abs_diff(hours(5)) < secs(5), "{:?}", metrics.planned_down);
    assert!(metrics.availability().is_some_and(|share| share > 0.999), "{:?}", metrics.availability());
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_during_an_outage_stops_the_attempts() {
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Fin);
    scope.run(minutes(5)).await;
    scope.send_request(MonitorRequest::ToggleConnection).await;
    let attempts = scope.net.attempts().len();
    assert!(attempts > 3);
    scope.run(hours(1)).await;
    assert_eq!(scope.net.attempts().len(), attempts);
    scope.net.change(|habits| habits.is_refusing = false);
    scope.send_request(MonitorRequest::ToggleConnection).await;
    scope.run(minutes(1)).await;
    let kinds = scope.events().select(|event| match event {
        Event::Connected(connected) => Some(connected.event_type),
        _ => None,
    });
    // The user ended the outage: the next connect is not a recovery.
    assert_eq!(kinds.last().map(|(_, kind)| *kind), Some(ConnectKind::Connected));
    let end = scope.finish().await;
    assert_eq!(end.snapshot().drops.last().map(|drop| drop.recovery.is_none()), Some(true));
}

#[tokio::test(start_paused = true)]
async fn a_note_is_recorded_and_marked() {
    let scope = RunSetup::default().start();
    scope.run(hours(1)).await;
    scope.send_request(MonitorRequest::Note("restarted \u{1b}[31m the router".to_owned())).await;
    scope.run(hours(1)).await;
    let end = scope.finish().await;
    let marks: Vec<_> = end.snapshot().marks.iter().filter(|mark| mark.kind == MarkKind::Note).collect();
    assert_eq!(marks.len(), 1);
    assert!(marks[0].text.starts_with("restarted") && !marks[0].text.contains('\u{1b}'), "{:?}", marks[0]);
    assert_eq!(marks[0].at.boot, hours(1));
}

#[tokio::test(start_paused = true)]
async fn the_server_keep_alive_is_used() {
    let broker = BrokerOptions { server_keep_alive_secs: Some(15), ..BrokerOptions::default() };
    let scope = RunSetup { broker, ..RunSetup::default() }.start();
    scope.run(hours(1)).await;
    let end = scope.finish().await;
    assert_eq!(end.snapshot().keep_alive_secs, 15);
    assert_eq!(end.events.pings().len(), 239);
    assert_eq!(end.snapshot().metrics.total_connection_drops, 0);
}
