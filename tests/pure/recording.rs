//! Reading a recording into the fold gives what the live fold had.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::time::Duration;

use dropscope::diagnostics::event::{
    Attempt, ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, Message, Phase, PhaseTiming,
    StartedEvent,
};
use dropscope::diagnostics::recording::{RecorderState, RecordingReader, encode};
use dropscope::diagnostics::{Diagnostics, Event, MqttVersion, Stamp, StampedEvent};
use dropscope::export::{Export, ExportOptions, Recorder, RecorderSettings, RecorderTarget};

fn at(secs: f64) -> Stamp {
    let start = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
    start.plus(Duration::from_secs_f64(secs))
}

fn run() -> Vec<StampedEvent> {
    let phase = |phase, ms| PhaseTiming { phase, ms, ok: true, error: None, detail: None };
    let connected = |event_type, attempt_number| {
        Event::Connected(ConnectedEvent {
            event_type,
            return_code: Some(0),
            attempt_number,
            keep_alive_secs: 60.0,
            mqtt_version: Some(MqttVersion::V311.into()),
            ..ConnectedEvent::default()
        })
    };
    let message =
        Message { topic: "a/b".into(), bytes: 12, queued: false, correlation_id: None, qos: Some(1) };
    let dropped = DroppedEvent {
        error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".to_owned()),
        error_code: Some(5134),
        active_subscriptions: 1,
        layer: Some(Layer::Tcp),
        how: Some(DropKind::Fin),
        last_rx_secs: Some(0.1 + 0.2),
        last_tx_secs: Some(1.0 / 3.0),
        ..DroppedEvent::default()
    };
    let started = StartedEvent {
        keep_alive_secs: 60.0,
        client_id: "c".into(),
        endpoint: "mqtt://h".into(),
        ..StartedEvent::default()
    };
    let events = [
        (0.0, Event::Started(started)),
        (0.1, Event::Attempt(Attempt { attempt_number: 0, phases: vec![phase(Phase::Tcp, 1.25)] })),
        (0.100_001, connected(ConnectKind::Connected, 0)),
        (10.5, Event::Received(message.clone())),
        (11.0, Event::Ping { rtt_ms: 41.123_456_789 }),
        (300.0, Event::Dropped(dropped)),
        (301.7, connected(ConnectKind::Resumed, 1)),
        (302.0, Event::Published(message)),
        (400.0, Event::Stopped { by: None }),
    ];
    events.into_iter().map(|(secs, event)| StampedEvent { at: at(secs), event }).collect()
}

fn export_of(events: &[StampedEvent]) -> String {
    let mut diagnostics = Diagnostics::new(100);
    for observed in events {
        diagnostics.apply(observed.at, &observed.event);
    }
    Export::of(&diagnostics.snapshot(at(500.0)), None, &ExportOptions::default()).to_json().expect("JSON")
}

#[test]
fn a_recorded_run_read_back_gives_the_same_export() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("run.jsonl");
    let recorder = Recorder::start(RecorderSettings::new(RecorderTarget::File(path.clone())));
    let live = run();
    for observed in &live {
        recorder.append(encode(observed), matches!(observed.event, Event::Dropped(_)));
    }
    assert!(matches!(recorder.finish(Duration::from_secs(20)), RecorderState::Recording { .. }));
    let file = std::io::BufReader::new(std::fs::File::open(&path).expect("opened"));
    let read: Vec<StampedEvent> = RecordingReader::new(file).map(|event| event.expect("read")).collect();
    assert_eq!(read, live);
    assert_eq!(export_of(&read), export_of(&live));
}

#[test]
fn a_file_cut_anywhere_gives_all_whole_lines_and_can_be_continued() {
    let live = run();
    let text: String = live.iter().map(|observed| encode(observed) + "\n").collect();
    let dir = tempfile::tempdir().expect("directory");
    for cut in (0..text.len()).step_by(17) {
        let whole = text[..cut].matches('\n').count();
        let mut reader = RecordingReader::new(&text.as_bytes()[..cut]);
        let read: Vec<StampedEvent> = reader.by_ref().map(|event| event.expect("read")).collect();
        // A line that lacks only its line feed is whole, too.
        assert!(read == live[..whole] || read == live[..=whole], "cut at {cut}");

        let path = dir.path().join(format!("{cut}.jsonl"));
        std::fs::File::create(&path)
            .and_then(|mut file| file.write_all(&text.as_bytes()[..cut]))
            .expect("written");
        let recorder = Recorder::start(RecorderSettings::new(RecorderTarget::File(path.clone())));
        recorder.append(encode(&live[8]), true);
        recorder.finish(Duration::from_secs(20));
        let bytes = std::fs::read(&path).expect("read");
        let last =
            RecordingReader::new(&bytes[..]).filter_map(Result::ok).last().map(|observed| observed.event);
        assert_eq!(last, Some(live[8].event.clone()), "cut at {cut}");
    }
}
