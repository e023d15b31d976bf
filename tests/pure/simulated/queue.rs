//! Publishes during an outage.

use dropscope::diagnostics::event::CommandState;
use dropscope::state::MonitorRequest;

use crate::simulated::network::LineState;
use crate::simulated::scope::{RunSetup, SimulatedScope, minutes, secs};

async fn publish(scope: &SimulatedScope, count: usize, qos: u8) {
    for number in 0..count {
        let topic = format!("home/command/{number}");
        scope
            .send_request(MonitorRequest::Publish { topic, payload: b"on".to_vec(), qos, retain: false })
            .await;
    }
}

async fn start_outage(scope: &SimulatedScope) {
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Reset);
    scope.run(secs(5)).await;
}

#[tokio::test(start_paused = true)]
async fn publishes_wait_for_the_connection_or_expire_after_300_seconds() {
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    start_outage(&scope).await;
    publish(&scope, 5, 1).await;
    assert_eq!(scope.live_state().await.runtime.queued, 5);
    scope.run(secs(240)).await;
    publish(&scope, 7, 1).await;
    let queued_at = scope.events().commands().first().expect("a command").0;
    scope.run(secs(58)).await;
    assert_eq!(scope.events().count_in_state(CommandState::Expired), 0);
    scope.run(secs(4)).await;
    let expired: Vec<_> = scope.events().commands();
    let expired = expired.iter().filter(|(_, command)| command.state == CommandState::Expired);
    assert!(expired.clone().all(|(at, _)| at.since(queued_at) == secs(300)), "{expired:?}");
    assert_eq!(expired.count(), 5);
    scope.net.change(|habits| habits.is_refusing = false);
    scope.run(minutes(2)).await;
    let events = scope.events();
    let reached = [CommandState::Queued, CommandState::Sent, CommandState::Acknowledged, CommandState::Lost];
    assert_eq!(reached.map(|state| events.count_in_state(state)), [12, 7, 7, 0]);
    let published = scope.live_state().await;
    assert_eq!((published.runtime.queued, published.runtime.in_flight), (0, 0));
    assert_eq!(published.snapshot.metrics.messages_published, 7);
    assert_eq!(scope.net.broker().counters().received, 7);
    scope.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_the_oldest_and_records_it() {
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    start_outage(&scope).await;
    publish(&scope, 230, 0).await;
    assert_eq!(scope.live_state().await.runtime.queued, 200);
    assert_eq!(scope.events().count_in_state(CommandState::DroppedFull), 30);
    let end = scope.finish().await;
    assert_eq!(
        end.events.count_in_state(CommandState::Lost),
        200,
        "the end of the run loses the rest, aloud"
    );
    let commands = &end.snapshot().commands;
    let ends = [CommandState::Sent, CommandState::Expired, CommandState::DroppedFull, CommandState::Lost];
    let ended: u64 = ends.iter().filter_map(|state| commands.get(state)).sum();
    assert_eq!(ended, 230);
}

#[tokio::test(start_paused = true)]
async fn publishes_lost_in_a_black_hole_are_resent_or_reported_as_lost() {
    let scope = RunSetup::default().start();
    scope.run(minutes(5)).await;
    scope.net.line(LineState::BlackHole);
    publish(&scope, 3, 1).await;
    scope.run(minutes(3)).await;
    let events = scope.events();
    assert_eq!(events.drops().len(), 1);
    assert_eq!(events.count_in_state(CommandState::Acknowledged), 3, "repeated on the next session");
    assert_eq!(scope.net.broker().counters().received, 3);
    assert_eq!(scope.finish().await.events.count_in_state(CommandState::Lost), 0);
}
