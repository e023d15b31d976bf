use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::diagnostics::event::{
    Attempt, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Initiator, Layer,
    Message, Phase, PhaseTiming, StartedEvent, SystemSource,
};
use crate::diagnostics::{Diagnostics, Event, LinkState, Snapshot, Stamp, words};

fn at(secs: f64) -> Stamp {
    let noon: DateTime<Utc> = "2026-08-03T12:00:00Z".parse().unwrap();
    Stamp::new(noon, Duration::ZERO).plus(Duration::from_secs_f64(secs))
}

fn started(keep_alive_secs: u32) -> Event {
    Event::Started(StartedEvent {
        keep_alive_secs: keep_alive_secs.into(),
        client_id: "id".into(),
        endpoint: "e".into(),
        ..StartedEvent::default()
    })
}

fn connected(attempt_number: u32, keep_alive_secs: u32) -> Event {
    Event::Connected(ConnectedEvent {
        event_type: if attempt_number == 0 { ConnectKind::Connected } else { ConnectKind::Resumed },
        return_code: Some(0),
        attempt_number,
        keep_alive_secs: keep_alive_secs.into(),
        ..ConnectedEvent::default()
    })
}

fn dropped(name: &str, last_rx_secs: f64, reconnect_attempt: u32) -> Event {
    Event::Dropped(DroppedEvent {
        error_name: Some(name.into()),
        reconnect_attempt,
        layer: Some(Layer::Tcp),
        how: Some(DropKind::Fin),
        last_rx_secs: Some(last_rx_secs),
        last_tx_secs: Some(0.5),
        ..DroppedEvent::default()
    })
}

fn failed(attempt_number: u32) -> Event {
    Event::ConnectFailed(ConnectFailedEvent {
        error_name: Some("AWS_IO_SOCKET_CONNECTION_REFUSED".into()),
        attempt_number,
        ..ConnectFailedEvent::default()
    })
}

fn fold(events: &[(f64, Event)], end: f64) -> Snapshot {
    let mut diagnostics = Diagnostics::new(1_000);
    for (secs, event) in events {
        diagnostics.apply(at(*secs), event);
    }
    diagnostics.snapshot(at(end))
}

fn secs(value: f64) -> Duration {
    Duration::from_secs_f64(value)
}

#[test]
fn one_outage_is_one_drop_and_its_attempts_are_counted() {
    let seen = fold(
        &[
            (0.0, started(60)),
            (1.0, connected(0, 60)),
            (101.0, dropped("A", 58.0, 0)),
            (102.0, failed(1)),
            (104.0, failed(2)),
            (106.0, dropped("B", 0.0, 3)),
            (111.0, connected(4, 60)),
        ],
        161.0,
    );
    let metrics = &seen.metrics;
    assert_eq!(metrics.total_connection_drops, 1);
    assert_eq!(metrics.total_reconnect_attempts, 4);
    assert_eq!((metrics.total_connections, metrics.connection_recovered), (1, 1));
    assert_eq!(metrics.reconnection_attempts_distribution.get("2-5"), Some(&1));
    assert_eq!((metrics.observed, metrics.connected, metrics.down), (secs(161.0), secs(150.0), secs(11.0)));
    assert_eq!(metrics.mttr, Some(secs(10.0)));
    assert_eq!(metrics.mtbf(), Some(secs(150.0)));
    assert_eq!(metrics.current_session_uptime, secs(50.0));
    let drop = seen.drops.last().unwrap();
    assert_eq!(drop.death_window, (at(43.0), at(101.0)));
    assert_eq!(
        (drop.session_age, drop.idle_in, drop.idle_out),
        (Some(secs(42.0)), Some(secs(58.0)), Some(secs(0.5)))
    );
    assert_eq!((drop.failed_attempts, drop.recovery.as_ref().unwrap().took), (3, secs(10.0)));
}

#[test]
fn uptime_is_zero_while_down_and_a_planned_end_is_no_drop() {
    let events = [
        (0.0, started(60)),
        (0.0, connected(0, 60)),
        (10.0, Event::Disconnected { by: Initiator::User }),
        (30.0, connected(0, 60)),
    ];
    let off = fold(&events[..3], 20.0);
    assert_eq!(off.metrics.current_session_uptime, Duration::ZERO);
    assert_eq!(off.metrics.total_disconnects, 1);
    assert_eq!(off.metrics.availability(), Some(1.0));
    let again = fold(&events, 40.0);
    assert_eq!((again.metrics.total_connections, again.metrics.total_connection_drops), (2, 0));
    assert_eq!((again.metrics.down, again.metrics.planned_down), (secs(20.0), secs(20.0)));
    assert_eq!(again.connections.iter().next().unwrap().end.unwrap().at, at(10.0));
}

#[test]
fn a_missed_drop_ends_the_session_at_its_last_event() {
    let seen = fold(
        &[
            (0.0, started(60)),
            (0.0, connected(0, 60)),
            (50.0, Event::Ping { rtt_ms: 41.0 }),
            (90.0, connected(0, 60)),
        ],
        100.0,
    );
    assert_eq!(seen.metrics.total_connection_drops, 0);
    assert_eq!((seen.metrics.total_connections, seen.metrics.connection_recovered), (2, 0));
    assert_eq!((seen.metrics.connected, seen.metrics.down), (secs(60.0), secs(40.0)));
    assert_eq!(seen.metrics.observed, secs(100.0));
}

#[test]
fn a_drop_without_a_seen_connect_counts_but_has_no_length() {
    let seen = fold(&[(0.0, started(60)), (5.0, dropped("A", 1.0, 0)), (6.0, dropped("A", 1.0, 0))], 6.0);
    assert_eq!((seen.metrics.total_connection_drops, seen.metrics.total_sessions), (2, 0));
    assert_eq!(seen.metrics.longest_session, None);
    assert!(matches!(seen.link, LinkState::Down { .. }));
}

#[test]
fn sessions_are_counted_per_keep_alive() {
    let seen = fold(
        &[
            (0.0, started(1200)),
            (0.0, connected(0, 1200)),
            (300.0, dropped("A", 290.0, 0)),
            (301.0, connected(1, 1200)),
            (601.0, Event::KeepAliveChanged { from: 1200.0, to: 60.0 }),
            (601.0, Event::Disconnected { by: Initiator::Experiment }),
            (602.0, connected(0, 60)),
        ],
        1_000.0,
    );
    let arms: Vec<_> = seen
        .arms
        .iter()
        .map(|arm| (arm.keep_alive_secs, arm.connected.as_secs(), arm.sessions, arm.drops))
        .collect();
    assert_eq!(arms, [(1200, 600, 2, 1), (60, 398, 1, 0)]);
    assert_eq!(seen.metrics.average_session, Some(secs(300.0)));
    assert_eq!(seen.metrics.session_histogram.iter().sum::<u64>(), 1);
}

#[test]
fn time_between_two_runs_in_one_recording_is_not_observed() {
    let seen = fold(
        &[
            (0.0, started(60)),
            (0.0, connected(0, 60)),
            (10.0, Event::Stopped { by: None }),
            (500.0, started(60)),
        ],
        510.0,
    );
    assert_eq!((seen.metrics.observed, seen.metrics.connected), (secs(20.0), secs(10.0)));
}

#[test]
fn messages_and_pings_are_counted_in_all_and_per_session() {
    let message = Message { topic: "t".into(), bytes: 3, ..Message::default() };
    let queued = Message { queued: true, ..message.clone() };
    let seen = fold(
        &[
            (0.0, started(60)),
            (0.0, connected(0, 60)),
            (1.0, Event::Published(queued)),
            (1.0, Event::Published(message.clone())),
            (2.0, Event::Received(message)),
            (3.0, Event::Traffic { published: 0, received: 500, window_secs: 1.0 }),
            (4.0, Event::Ping { rtt_ms: 40.0 }),
            (5.0, Event::Ping { rtt_ms: 60.0 }),
        ],
        6.0,
    );
    let metrics = &seen.metrics;
    assert_eq!((metrics.messages_published, metrics.messages_queued, metrics.messages_received), (1, 1, 501));
    assert_eq!((seen.session.received, seen.session.pings), (501, 2));
    assert_eq!(seen.session.last_publish, Some(at(1.0)));
    assert_eq!((seen.ping.count, seen.ping.last_ms, seen.ping.max_ms), (2, Some(60.0), Some(60.0)));
    let median = seen.ping.p50_ms.unwrap();
    assert!((median - 40.0).abs() < 0.1, "{median}");
}

#[test]
fn an_earlier_stamp_counts_as_simultaneous() {
    let seen = fold(&[(0.0, started(60)), (10.0, connected(0, 60)), (5.0, dropped("A", 9_999.0, 0))], 2.0);
    assert_eq!(seen.metrics.observed, secs(10.0));
    assert_eq!(seen.drops.last().unwrap().death_window.0, at(10.0));
}

#[test]
fn a_bounded_history_counts_evicted_events() {
    let mut diagnostics = Diagnostics::new(3);
    for n in 0..10 {
        diagnostics.apply(at(f64::from(n)), &connected(0, 60));
        diagnostics.apply(at(f64::from(n) + 0.5), &dropped("A", 0.0, 0));
    }
    let seen = diagnostics.snapshot(at(10.0));
    assert_eq!((seen.drops.len(), seen.drops.evicted()), (3, 7));
    assert_eq!(seen.metrics.total_connection_drops, 10);
    assert_eq!(seen.metrics.connection_drops_by_error.get("A"), Some(&10));
}

#[test]
fn suspends_and_notes_become_marks_and_context() {
    let system = |source| Event::System { source, message: "this computer slept\u{1b}[2J".into() };
    let seen = fold(
        &[
            (0.0, started(60)),
            (0.0, connected(0, 60)),
            (1.0, Event::Note { text: "restarted the router".into() }),
            (50.0, dropped("A", 1.0, 0)),
            (55.0, system(SystemSource::Power)),
        ],
        60.0,
    );
    assert_eq!(seen.metrics.suspends, 1);
    assert!(seen.marks.iter().all(|mark| !mark.text.chars().any(char::is_control)));
    let drop = seen.drops.last().unwrap();
    assert!(drop.before.iter().any(|entry| entry.text.contains("restarted the router")));
    assert_eq!(drop.after.len(), 1);
}

#[test]
fn availability_is_a_range_where_the_death_was_noticed_late_and_the_first_connect_is_no_downtime() {
    let mut fold = Diagnostics::new(100);
    fold.apply(at(0.0), &Event::Started(StartedEvent::default()));
    fold.apply(at(10.0), &Event::Connected(ConnectedEvent::default()));
    let quick = fold.snapshot(at(60.0));
    assert_eq!(quick.metrics.availability(), Some(1.0), "the first connect took 10 s");
    let silent = DroppedEvent {
        how: Some(DropKind::PingTimeout),
        last_rx_secs: Some(90.0),
        ..DroppedEvent::default()
    };
    fold.apply(at(910.0), &Event::Dropped(silent));
    fold.apply(at(920.0), &Event::Connected(ConnectedEvent::default()));
    let polite =
        DroppedEvent { how: Some(DropKind::Fin), last_rx_secs: Some(50.0), ..DroppedEvent::default() };
    fold.apply(at(1_000.0), &Event::Dropped(polite));
    fold.apply(at(1_010.0), &Event::Connected(ConnectedEvent::default()));
    let seen = fold.snapshot(at(1_010.0));
    assert_eq!(seen.metrics.unproven, secs(90.0), "the FIN itself is a proof of life");
    assert_eq!(seen.metrics.availability(), Some(0.98));
    assert_eq!(seen.metrics.proven_availability(), Some(0.89));
    assert_eq!(words::availability(&seen.metrics).as_deref(), Some("89.0\u{2013}98.0 %"));
    let later = fold.snapshot(at(5_010.0));
    assert_eq!(later.metrics.longest_with_running(), Some(secs(4_000.0)));
    assert_eq!(later.metrics.average_with_running(), Some(secs((900.0 + 80.0 + 4_000.0) / 3.0)));
}

#[test]
fn a_first_connect_that_fails_is_downtime() {
    let mut fold = Diagnostics::new(100);
    fold.apply(at(0.0), &Event::Started(StartedEvent::default()));
    fold.apply(at(1.0), &Event::ConnectFailed(ConnectFailedEvent::default()));
    assert_eq!(fold.snapshot(at(100.0)).metrics.availability(), Some(0.0));
}

#[test]
fn recovery_says_how_much_of_it_was_own_waiting() {
    let mut fold = Diagnostics::new(100);
    fold.apply(at(0.0), &connected(0, 60));
    fold.apply(at(100.0), &Event::Dropped(DroppedEvent::default()));
    let phase = |ms| PhaseTiming { phase: Phase::Tcp, ms, ok: true, detail: None, error: None };
    let attempt = Attempt { attempt_number: 1, phases: vec![phase(500.0), phase(1_500.0)] };
    fold.apply(at(110.0), &Event::Attempt(attempt));
    fold.apply(at(110.0), &connected(1, 60));
    let metrics = fold.snapshot(at(120.0)).metrics;
    assert_eq!(metrics.own_waiting_share(), Some(0.8));
    assert_eq!(words::recovery(&metrics).as_deref(), Some("10 s, 80 % of it own waiting between attempts"));
}
