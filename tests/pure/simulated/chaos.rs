//! Days of random events: in any order, the counters balance and the broker is not flooded with attempts.

use std::fs;
use std::io::BufReader;

use chrono::TimeDelta;
use dropscope::diagnostics::event::CommandState;
use dropscope::diagnostics::recording::{RecorderState, RecordingReader};
use dropscope::diagnostics::{Diagnostics, Event, LinkActivity};
use dropscope::export::{Export, ExportOptions};
use dropscope::lab::{ApplicationMessage, Fault};
use dropscope::state::MonitorRequest;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::simulated::network::LineState;
use crate::simulated::scope::{CompletedRun, Recording, RunSetup, SimulatedScope, millis, minutes, secs};

/// Injects one random event on the connection or its monitor; returns the number of publishes requested.
async fn inject_random_event(scope: &SimulatedScope, random: &mut StdRng) -> usize {
    let net = &scope.net;
    let inject = |fault| {
        net.broker().inject(&fault);
    };
    match random.random_range(0..17) {
        0 => net.line(LineState::BlackHole),
        1 => net.line(LineState::Fin),
        2 => net.line(LineState::Reset),
        3 | 4 => net.change(|habits| habits.is_refusing = !habits.is_refusing),
        5 => inject(Fault::Disconnect { reason: 0x97, text: Some("\u{1b}[0m".to_owned()) }),
        6 => inject(Fault::BlackHole { lasting: Some(secs(8)) }),
        7 => inject(Fault::HalfPacket),
        8 => {
            scope
                .send_request(MonitorRequest::SetKeepAlive([0, 5, 60, 1_200][random.random_range(0..4)]))
                .await;
        }
        9 => scope.send_request(MonitorRequest::ToggleConnection).await,
        10 => scope.send_request(MonitorRequest::Reconnect).await,
        11 => scope.send_request(MonitorRequest::DeepReconnect).await,
        12 => scope.clock.step(TimeDelta::seconds(random.random_range(-7_000..7_000))),
        13 => scope.clock.sleep(secs(random.random_range(1..9_000))),
        14 => {
            let count = random.random_range(1..60);
            for _ in 0..count {
                let qos = random.random_range(0..=1);
                let payload = b"on".to_vec();
                let topic = "home/command".to_owned();
                scope.send_request(MonitorRequest::Publish { topic, payload, qos, retain: false }).await;
            }
            return count;
        }
        15 => {
            for number in 0..random.random_range(1..90) {
                net.broker().publish(ApplicationMessage::new("home/status", number.to_string()));
            }
        }
        _ => scope.send_request(MonitorRequest::Note("\u{7}note".to_owned())).await,
    }
    0
}

/// Every publish reached exactly one final state.
fn assert_publishes_balance(end: &CompletedRun, publish_count: usize) {
    use CommandState::{Acknowledged, DroppedFull, Expired, Lost, Sent};
    let commands = end.events.commands();
    let mut ends = std::collections::BTreeMap::new();
    for (_, command) in &commands {
        // A QoS 1 publish is acknowledged after it is sent; sent is the final state of a QoS 0 one.
        let last = ends.entry(command.correlation_id.clone()).or_insert(command.state);
        assert!(!matches!(*last, Acknowledged | DroppedFull | Expired | Lost) || *last == command.state);
        *last = command.state;
    }
    assert_eq!(ends.len(), publish_count, "each has a state");
    assert!(ends.values().all(|state| matches!(state, Sent | Acknowledged | DroppedFull | Expired | Lost)));
}

fn assert_read_back_equal(end: &CompletedRun) {
    let RecorderState::Recording { path, .. } = &end.last.runtime.recorder else {
        panic!("{:?}", end.last.runtime.recorder);
    };
    let mut fold = Diagnostics::new(Diagnostics::DEFAULT_MAX_EVENTS);
    let reader = RecordingReader::new(BufReader::new(fs::File::open(path).expect("a recording")));
    for (read, live) in reader.zip(&end.events.0) {
        let read = read.expect("readable");
        assert_eq!(&read, live.as_ref());
        fold.apply(read.at, &read.event);
    }
    let bytes = |snapshot| Export::of(snapshot, None, &ExportOptions::default()).to_json().expect("JSON");
    assert_eq!(bytes(&fold.snapshot(end.snapshot().at)), bytes(end.snapshot()));
}

/// Returns the number of drops and of publishes.
async fn run_random_day(seed: u64) -> (usize, usize) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut setup = RunSetup { recorder: Recording::On, ..RunSetup::default() };
    setup.link.subscriptions.push(("home/status".to_owned(), 1));
    setup.network.mapping_timeout = seed.is_multiple_of(2).then_some(minutes(5));
    setup.network.latency_ms = (5, 400);
    let scope = setup.start();
    let mut publish_count = 0;
    for _ in 0..150 {
        publish_count += inject_random_event(&scope, &mut random).await;
        let most = [700, 20_000, 900_000][random.random_range(0..3)];
        scope.run(millis(random.random_range(0..most))).await;
    }
    // When the faults end, the link recovers without a request.
    scope.net.change(|habits| (habits.is_refusing, habits.mapping_timeout) = (false, None));
    scope.send_request(MonitorRequest::SetKeepAlive(61)).await;
    if matches!(scope.live_state().await.runtime.activity, LinkActivity::Off | LinkActivity::GivenUp) {
        scope.send_request(MonitorRequest::ToggleConnection).await;
    }
    scope.run(minutes(5)).await;
    assert_eq!(scope.live_state().await.runtime.activity, LinkActivity::Connected, "seed {seed}");

    let connects = scope.net.connects();
    let soonest = connects.windows(2).map(|pair| pair[1].since(pair[0])).min();
    assert!(soonest >= Some(secs(1)), "seed {seed}: {soonest:?}");
    let end = scope.finish().await;
    let metrics = &end.snapshot().metrics;
    assert_eq!(metrics.connected + metrics.down, metrics.observed, "seed {seed}");
    let drops = end.events.drops();
    assert_eq!(metrics.total_connection_drops, drops.len() as u64);
    let sessions = end.events.count(|event| matches!(event, Event::Connected(_)));
    assert!(sessions > drops.len(), "each drop had a session of its own");
    assert_publishes_balance(&end, publish_count);
    assert!(end.events.0.is_sorted_by_key(|observed| observed.at.boot), "seed {seed}");
    assert_read_back_equal(&end);
    (drops.len(), publish_count)
}

#[tokio::test(start_paused = true)]
async fn counters_balance_after_random_events() {
    let mut sum = (0, 0);
    for seed in 0..6 {
        let (drops, publishes) = run_random_day(seed).await;
        sum = (sum.0 + drops, sum.1 + publishes);
    }
    assert!(sum.0 > 40 && sum.1 > 500, "enough happened: {sum:?}");
}
