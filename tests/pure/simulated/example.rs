//! The recording behind the README's pictures: a day of a water heater's connection.
//!
//! The real link and the real monitor recorded it in simulated time. The router removes the mapping of a connection after
//! five silent minutes, which a keep-alive of 20 minutes detects late and a keep-alive of one minute prevents.
//!
//! `DROPSCOPE_WRITE_EXAMPLE=1 cargo test --test pure example` rewrites the file.

use std::fmt::Write as _;
use std::path::Path;

use dropscope::diagnostics::event::DropKind;
use dropscope::diagnostics::{Event, recording};
use dropscope::lab::{ApplicationMessage, Fault};
use dropscope::state::MonitorRequest;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::simulated::network::{LineState, NetworkConditions, SimulatedNetwork};
use crate::simulated::scope::{Events, RunSetup, SimulatedScope, hours, millis, minutes, secs};

const TOPIC: &str = "home/water-heater/status";

fn setup() -> RunSetup {
    let mut setup = RunSetup { start: "2026-11-19T08:00:00Z", ..RunSetup::default() };
    "dropscope-7f3a9c21".clone_into(&mut setup.link.client_id);
    setup.link.keep_alive_secs = 1_200;
    setup.link.subscriptions.push((TOPIC.to_owned(), 0));
    setup.network = NetworkConditions {
        is_refusing: false,
        mapping_timeout: Some(minutes(5)),
        latency_ms: (14, 27),
        connect_ms: [(3, 11), (28, 47), (55, 96)],
    };
    setup
}

/// The heater reports every four minutes, and is silent for a while now and then.
fn heater(net: SimulatedNetwork) -> JoinHandle<()> {
    let mut random = StdRng::seed_from_u64(5);
    tokio::spawn(async move {
        let mut until_silence = 19;
        loop {
            sleep(secs(240) + millis(random.random_range(0..900))).await;
            until_silence -= 1;
            if until_silence == 0 {
                until_silence = random.random_range(18..32);
                sleep(minutes(random.random_range(3..17))).await;
            }
            let payload = vec![b' '; random.random_range(286..331)];
            net.broker().publish(ApplicationMessage::new(TOPIC, payload));
        }
    })
}

/// Runs until this time of the clock, which showed 8:00:00 at the start.
async fn run_until(scope: &SimulatedScope, hour: u64, minute: u64, second: u64) {
    let since_start = hours(hour - 8) + minutes(minute) + secs(second);
    let rest = since_start.saturating_sub(scope.now().boot);
    scope.run(rest).await;
}

async fn day() -> Events {
    let scope = setup().start();
    let heater = heater(scope.net.clone());
    run_until(&scope, 11, 12, 26).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Fin);
    scope.run(secs(40)).await;
    scope.net.change(|habits| habits.is_refusing = false);
    run_until(&scope, 13, 17, 48).await;
    scope.net.line(LineState::Reset);
    run_until(&scope, 14, 30, 5).await;
    scope.net.broker().inject(&Fault::Disconnect { reason: 0x8B, text: None });
    run_until(&scope, 15, 21, 33).await;
    // No packet passes while the computer sleeps, and the router removes the mapping.
    scope.net.line(LineState::BlackHole);
    scope.clock.sleep(minutes(34));
    run_until(&scope, 18, 2, 7).await;
    scope.send_request(MonitorRequest::Note("restarted the router".to_owned())).await;
    run_until(&scope, 20, 40, 51).await;
    scope.send_request(MonitorRequest::SetKeepAlive(60)).await;
    run_until(&scope, 31, 59, 58).await;
    scope.send_request(MonitorRequest::Note("a quiet night".to_owned())).await;
    run_until(&scope, 32, 0, 0).await;
    let events = scope.events();
    heater.abort();
    scope.finish().await;
    events
}

#[tokio::test(start_paused = true)]
async fn the_example_recording_matches_a_simulated_day() {
    let events = day().await;
    let drops = events.drops();
    let how = |how| drops.iter().filter(|(_, dropped)| dropped.how == Some(how)).count();
    assert_eq!([DropKind::Fin, DropKind::Rst, DropKind::Disconnect].map(how), [1, 1, 1]);
    assert!((4..11).contains(&how(DropKind::PingTimeout)), "{}", how(DropKind::PingTimeout));
    let changed = events.select(|event| matches!(event, Event::KeepAliveChanged { .. }).then_some(()));
    assert!(drops.iter().all(|(at, _)| *at < changed[0].0), "quiet since the change");

    // The picture is drawn at the last line: the note, if nothing happened in the seconds after it.
    let text = events.0.iter().fold(String::new(), |mut text, observed| {
        let _ = writeln!(text, "{}", recording::encode(observed));
        text
    });
    assert!(text.len() < 400_000, "{}", text.len());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/example.jsonl");
    if std::env::var_os("DROPSCOPE_WRITE_EXAMPLE").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let committed = std::fs::read_to_string(&path).expect("the example");
    let differing = committed.lines().zip(text.lines()).find(|(committed, made)| committed != made);
    assert_eq!(differing, None, "DROPSCOPE_WRITE_EXAMPLE=1 writes it again");
    assert_eq!(committed.lines().count(), text.lines().count());
}
