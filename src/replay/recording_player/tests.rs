use std::fmt::Write as _;

use super::*;
use crate::diagnostics::event::{ConnectKind, ConnectedEvent, DroppedEvent, StartedEvent};
use crate::diagnostics::{Event, recording};
use crate::export::{Export, ExportOptions};
use crate::state::EventFold;

/// A run with a drop every ten minutes and a ping every second; `drops` of them.
fn run(drops: u64, time_scale: Option<f64>) -> Vec<StampedEvent> {
    let start = Stamp::new("2026-11-20T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    let at = |secs, millis| start.plus(Duration::from_secs(secs) + Duration::from_millis(millis));
    let started =
        StartedEvent { keep_alive_secs: 60.0, client_id: "c".into(), time_scale, ..StartedEvent::default() };
    let mut events = vec![StampedEvent { at: start, event: Event::Started(started) }];
    for drop in 0..drops {
        let begin = drop * 600;
        let connected = ConnectedEvent { event_type: ConnectKind::Resumed, ..ConnectedEvent::default() };
        events.push(StampedEvent { at: at(begin, 250), event: Event::Connected(connected) });
        for second in 1..500 {
            let event = Event::Ping { rtt_ms: f64::from(u32::try_from(second % 97).expect("small")) + 1.0 };
            events.push(StampedEvent { at: at(begin + second, 0), event });
        }
        events
            .push(StampedEvent { at: at(begin + 500, 125), event: Event::Dropped(DroppedEvent::default()) });
    }
    events
}

fn write_recording(dir: &Path, name: &str, events: &[StampedEvent]) -> PathBuf {
    let mut text = String::new();
    for observed in events {
        writeln!(text, "{}", recording::encode(observed)).expect("memory");
    }
    let path = dir.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

fn open_and_read(files: &[PathBuf]) -> RecordingPlayer {
    let mut player = RecordingPlayer::open(files, 100).expect("a recording");
    while !player.read_events(1_000).expect("readable") {}
    player
}

fn json(state: &DiagnosticState) -> String {
    Export::of(&state.snapshot, Some(&state.verdict), &ExportOptions::default()).to_json().expect("JSON")
}

/// The export of folding from the beginning, without a player.
fn folded_from_start(events: &[StampedEvent], recorded: Duration) -> String {
    let mut folds = EventFold::new(100);
    for observed in events.iter().take_while(|observed| observed.at.boot <= recorded) {
        folds.apply(observed.at, &observed.event);
    }
    let at = events[0].at.plus(recorded);
    json(&folds.state_at(at))
}

#[test]
fn seeking_equals_folding_from_the_beginning() {
    let dir = tempfile::tempdir().expect("a directory");
    for scale in [1.0, 60.0] {
        let events = run(60, (scale > 1.0).then_some(scale));
        let mut player = open_and_read(&[write_recording(dir.path(), "run.jsonl", &events)]);
        assert!(player.checkpoints.nearest(Duration::MAX).is_some_and(|reel| reel.events() > 4_096));
        let millis: Vec<u64> = (0..15).map(|n| n * 7_919_777 % 36_000_000).collect();
        for millis in millis {
            let recorded = Duration::from_millis(millis);
            let to = recorded.mul_f64(scale);
            while !player.seek(to, 500).expect("readable") {}
            assert_eq!((player.position(), player.now().boot), (to, recorded));
            assert_eq!(
                json(&player.diagnostic_state()),
                folded_from_start(&events, recorded),
                "{millis} ms at scale {scale}"
            );
            // Reading ahead changes nothing.
            let next = player.upcoming_events().expect("readable").next().map(|observed| observed.at.boot);
            let expected = events.iter().map(|observed| observed.at.boot).find(|at| *at > recorded);
            assert_eq!(next, expected);
        }
    }
}

#[test]
fn parts_are_sorted_into_one_recording() {
    let dir = tempfile::tempdir().expect("a directory");
    let events = run(30, None);
    let whole = write_recording(dir.path(), "whole.jsonl", &events);
    let empty = write_recording(dir.path(), "empty.jsonl", &[]);
    let (one, rest) = events.split_at(5_000);
    let (two, three) = rest.split_at(4_097);
    let parts =
        [("c", three), ("a", one), ("b", two)].map(|(name, part)| write_recording(dir.path(), name, part));
    let mut whole = open_and_read(&[whole]);
    let mut parts = open_and_read(&[&parts[..], &[empty]].concat());
    assert_eq!(parts.first_file().and_then(Path::file_name), Some("a".as_ref()));
    assert_eq!((parts.length(), parts.drops()), (whole.length(), whole.drops()));
    assert_eq!(parts.drops().len(), 30);
    for secs in [17_000, 3, 9_000, 12_345, 8_999] {
        let to = Duration::from_secs(secs);
        assert!(
            whole.seek(to, usize::MAX).expect("readable") && parts.seek(to, usize::MAX).expect("readable")
        );
        assert_eq!(json(&parts.diagnostic_state()), json(&whole.diagnostic_state()), "{secs}");
    }
}

#[test]
fn drop_positions_match_the_fold() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut player = open_and_read(&[write_recording(dir.path(), "run.jsonl", &run(5, None))]);
    let drops = player.drops().to_vec();
    assert_eq!(drops[1], Duration::from_millis(1_100_125));
    for (number, drop) in (1..).zip(drops) {
        assert!(player.seek(drop.saturating_sub(Duration::from_millis(1)), usize::MAX).expect("readable"));
        assert_eq!(player.snapshot().metrics.total_connection_drops, number - 1);
        assert!(player.seek(drop, usize::MAX).expect("readable"));
        assert_eq!(player.snapshot().metrics.total_connection_drops, number);
    }
}

#[test]
fn a_time_of_the_wall_clock_is_found_between_events() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = write_recording(dir.path(), "run.jsonl", &run(3, None));
    for (wall, secs) in [
        ("2026-11-20T12:08:30Z", 510.0),
        ("2026-11-20T12:00:07.5Z", 7.5),
        ("2026-11-20T11:00:00Z", 0.0),
        ("2026-11-21T00:00:00Z", 1_700.125),
    ] {
        let mut player = RecordingPlayer::open(std::slice::from_ref(&path), 10).expect("a recording");
        player.seek_wall(wall.parse().expect("a time"));
        while !player.read_events(100).expect("readable") {}
        assert_eq!(player.wall_position().map(|found| found.as_secs_f64()), Some(secs), "{wall}");
    }
}

#[test]
fn a_deleted_file_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = write_recording(dir.path(), "run.jsonl", &run(30, None));
    let mut player = open_and_read(std::slice::from_ref(&path));
    std::fs::remove_file(path).expect("there");
    assert!(player.seek(Duration::from_secs(1), usize::MAX).is_err());
}
