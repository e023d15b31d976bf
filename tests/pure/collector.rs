//! Each public method of the collector, as another program calls it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::collector::{ClientContext, Collector};
use dropscope::diagnostics::event::{ConnectKind, DropKind, Layer};
use dropscope::diagnostics::failure::Failure;
use dropscope::diagnostics::{Clock, ClockReading, Event, LinkState, Stamp, error_name};

/// A clock that the test moves.
#[derive(Debug, Default)]
struct HandClock(Mutex<Duration>);

impl HandClock {
    fn advance(&self, secs: u64) {
        *self.0.lock().unwrap() += Duration::from_secs(secs);
    }
}

impl Clock for HandClock {
    fn read(&self) -> ClockReading {
        let elapsed = *self.0.lock().unwrap();
        let start = Stamp::new(chrono::DateTime::UNIX_EPOCH, Duration::ZERO);
        ClockReading { stamp: start.plus(elapsed), awake: elapsed }
    }
}

fn collector() -> (Collector, Arc<HandClock>) {
    let clock = Arc::new(HandClock::default());
    (Collector::with_clock(100, Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn reset() -> Failure {
    Failure::new(error_name::AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Rst, "the peer reset the connection")
}

/// A session of 100 s that ends in a reset.
fn record_session(collector: &mut Collector, clock: &HandClock) {
    collector.record_connection_success(ConnectKind::Connected, false, Some(0), 0);
    clock.advance(100);
    collector.record_connection_drop(
        Some(&reset()),
        ClientContext { reconnect_attempt: 0, active_subscriptions: 2, queued_commands: 1 },
    );
}

#[test]
fn a_new_collector_has_seen_nothing_and_reads_the_clocks_of_the_system() {
    let mut collector = Collector::new(10);
    assert_eq!(collector.get_metrics().total_connections, 0);
    assert!(collector.get_recent_drops(10).is_empty() && collector.get_recent_connections(10).is_empty());
    assert!(!matches!(collector.snapshot().link, LinkState::Connected { .. }));
}

#[test]
fn a_drop_calls_each_callback_and_keeps_the_context_of_the_client() {
    let (mut collector, clock) = collector();
    let (sender, calls) = std::sync::mpsc::channel();
    collector.on_connection_drop(move |drop| {
        sender.send((drop.event.error_name.clone(), drop.event.queued_commands)).unwrap();
    });
    record_session(&mut collector, &clock);
    assert_eq!(calls.try_recv(), Ok((Some("AWS_IO_SOCKET_CLOSED".to_owned()), 1)));
    let drops = collector.get_recent_drops(10);
    assert_eq!((drops.len(), drops[0].event.active_subscriptions), (1, 2));
    assert_eq!(drops[0].event.how, Some(DropKind::Rst));
    // While there is no session, a further failure is a failed reconnect and not a second drop.
    collector.record_connection_drop(Some(&reset()), ClientContext::default());
    assert!(calls.try_recv().is_err());
    assert_eq!(collector.get_metrics().total_connection_drops, 1);
}

#[test]
fn metrics_and_connections_count_sessions_and_publishes() {
    let (mut collector, clock) = collector();
    record_session(&mut collector, &clock);
    clock.advance(20);
    collector.record_connection_success(ConnectKind::Resumed, true, Some(0), 1);
    collector.record_publish(false);
    collector.record_publish(true);
    let metrics = collector.get_metrics();
    assert_eq!((metrics.total_sessions, metrics.connection_recovered), (1, 1));
    assert_eq!(metrics.connected, Duration::from_secs(100));
    assert_eq!(metrics.mttr, Some(Duration::from_secs(20)));
    let messages = (metrics.messages_published, metrics.messages_queued);
    assert_eq!(messages, (1, 1));
    let connections = collector.get_recent_connections(1);
    assert_eq!((connections.len(), connections[0].event_type), (1, ConnectKind::Resumed));
}

#[test]
fn the_export_the_summary_and_the_verdict_agree_with_the_snapshot() {
    let (mut collector, clock) = collector();
    record_session(&mut collector, &clock);
    let json: serde_json::Value = serde_json::from_str(&collector.export_json().unwrap()).unwrap();
    assert_eq!(json["recent_drops"].as_array().map(Vec::len), Some(1), "{json}");
    let verdict = collector.verdict();
    assert_eq!(json["dropscope"]["classification"]["pattern"], verdict.classification.pattern.name());
    assert!(collector.summary().lines().count() > 1);
    assert_eq!(collector.snapshot().drops.len(), 1);
}

#[test]
fn any_event_of_the_recording_vocabulary_can_be_applied() {
    let (mut collector, clock) = collector();
    collector.record_connection_success(ConnectKind::Connected, false, Some(0), 0);
    clock.advance(1);
    collector.apply(&Event::Ping { rtt_ms: 12.5 });
    assert_eq!(collector.snapshot().session.pings, 1);
}

#[test]
fn every_public_method_is_called_in_this_file() {
    let read = |path: &str| {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect(path)
    };
    let (source, tests) = (read("src/collector.rs"), read("tests/pure/collector.rs"));
    let methods = source.lines().filter_map(|line| line.strip_prefix("    pub fn ")?.split('(').next());
    let missing: Vec<&str> = methods
        .filter(|name| ![".", "::"].iter().any(|call| tests.contains(&format!("{call}{name}("))))
        .collect();
    assert!(source.contains("pub fn new(") && missing.is_empty(), "no test calls {missing:?}");
}
