//! Recordings, exports and subscribers of a run, with failing disks and slow readers.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use dropscope::diagnostics::recording::{RecorderState, RecordingReader};
use dropscope::diagnostics::{Diagnostics, Event, LinkActivity};
use dropscope::export::{Export, ExportOptions, RecorderSettings, RecorderTarget};
use dropscope::lab::{ApplicationMessage, Fault};
use dropscope::state::{MonitorRequest, NoticeKind};
use tokio::sync::broadcast::error::TryRecvError;

use crate::simulated::network::LineState;
use crate::simulated::scope::{Recording, RunSetup, SimulatedScope, hours, minutes, secs};

fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("an export")).expect("JSON")
}

/// Publishes messages of a device, one every `every` seconds.
async fn publish_messages(scope: &SimulatedScope, count: u64, every: u64) {
    for number in 0..count {
        scope.net.broker().publish(ApplicationMessage::new("home/heater/status", number.to_string()));
        scope.run(secs(every)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_export_every_five_minutes_and_one_at_the_end() {
    let setup = RunSetup { export_every: Some(minutes(5)), export_at_exit: true, ..RunSetup::default() };
    let scope = setup.start();
    let exports = scope.directory().join("exports");
    scope.run(minutes(29)).await;
    scope.net.line(LineState::Fin);
    scope.run(minutes(32)).await;
    assert_eq!(files(&exports).len(), 12);
    assert!(scope.live_state().await.runtime.notices.is_empty(), "periodic exports are silent");
    let end = scope.finish().await;
    let files = files(&exports);
    assert_eq!(files.len(), 13);
    let drops: Vec<_> =
        files.iter().map(|file| json(file)["metrics"]["total_connection_drops"].as_u64()).collect();
    assert_eq!(drops.iter().filter(|drops| **drops == Some(0)).count(), 5, "{drops:?}");
    assert_eq!(drops.last(), Some(&Some(1)));
    let name = files[0].file_name().and_then(|name| name.to_str()).unwrap_or_default();
    assert_eq!(name, "diagnostics_20261102_000500.json");
    let last = end.last.runtime.notices.last().expect("a notice of the last export");
    assert_eq!(last.kind, NoticeKind::Good);
}

#[tokio::test(start_paused = true)]
async fn requested_exports_are_confirmed_by_a_notice() {
    let scope = RunSetup::default().start();
    scope.run(minutes(1)).await;
    scope.send_request(MonitorRequest::Export).await;
    scope.run(secs(1)).await;
    scope.send_request(MonitorRequest::Report).await;
    scope.run(secs(1)).await;
    let exports = scope.directory().join("exports");
    assert_eq!(files(&exports).len(), 2);
    let good = scope.live_state().await.runtime.notices.clone();
    assert!(good.len() == 2 && good.iter().all(|notice| notice.kind == NoticeKind::Good), "{good:?}");

    // A file where the directory should be.
    fs::remove_dir_all(&exports).expect("removed");
    fs::write(&exports, "in the way").expect("written");
    for _ in 0..20 {
        scope.send_request(MonitorRequest::Export).await;
        scope.run(secs(1)).await;
    }
    let bad = scope.live_state().await.runtime.notices.clone();
    assert_eq!(bad.len(), 8, "the last few are retained");
    assert!(bad.iter().all(|notice| notice.kind == NoticeKind::Bad), "{bad:?}");
    assert!(bad[0].text.contains("--export-dir"), "{bad:?}");
    assert_eq!(scope.finish().await.snapshot().metrics.total_connection_drops, 0);
}

#[tokio::test(start_paused = true)]
async fn a_write_failure_does_not_stop_the_run() {
    let directory = tempfile::tempdir().expect("a directory");
    // A directory cannot be appended to, not even by root.
    let target = RecorderTarget::File(directory.path().to_owned());
    let recorder = Recording::As(RecorderSettings { queue: 4, ..RecorderSettings::new(target) });
    let scope = RunSetup { recorder, ..RunSetup::default() }.start();
    scope.run(hours(12)).await;
    scope.net.line(LineState::Reset);
    scope.run(hours(12)).await;
    let published = scope.live_state().await;
    assert_eq!(published.runtime.activity, LinkActivity::Connected);
    assert!(published.snapshot.ping.count > 1_400);
    let end = scope.finish().await;
    let RecorderState::Failing { lost_lines, .. } = end.last.runtime.recorder else {
        panic!("{:?}", end.last.runtime.recorder);
    };
    assert_eq!(lost_lines, end.events.0.len() as u64, "every line is accounted for");
    assert_eq!(end.snapshot().metrics.total_connection_drops, 1);
}

#[tokio::test(start_paused = true)]
async fn the_recording_read_back_gives_the_same_export() {
    let mut setup = RunSetup { recorder: Recording::On, ..RunSetup::default() };
    setup.link.subscriptions.push(("home/#".to_owned(), 1));
    let scope = setup.start();
    publish_messages(&scope, 100, 17).await;
    scope.net.broker().inject(&Fault::Disconnect { reason: 0x8B, text: Some("\u{7}restart".to_owned()) });
    publish_messages(&scope, 50, 60).await;
    scope.clock.step(chrono::TimeDelta::minutes(-90));
    scope.send_request(MonitorRequest::SetKeepAlive(240)).await;
    scope.run(minutes(20)).await;
    scope.net.line(LineState::BlackHole);
    scope.clock.sleep(minutes(50));
    scope.run(minutes(20)).await;
    scope.send_request(MonitorRequest::Note("ünïcödé \u{202e} note".to_owned())).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Fin);
    scope.run(minutes(9)).await;
    let end = scope.finish().await;
    let RecorderState::Recording { path, .. } = &end.last.runtime.recorder else {
        panic!("{:?}", end.last.runtime.recorder);
    };
    let mut reader = RecordingReader::new(BufReader::new(fs::File::open(path).expect("a recording")));
    let mut fold = Diagnostics::new(Diagnostics::DEFAULT_MAX_EVENTS);
    for (read, live) in reader.by_ref().zip(&end.events.0) {
        let read = read.expect("a readable file");
        assert_eq!(&read, live.as_ref());
        fold.apply(read.at, &read.event);
    }
    assert_eq!(reader.stats().events, end.events.0.len() as u64);
    let live = end.snapshot();
    assert_eq!(live.metrics.total_connection_drops, 3);
    let bytes = |snapshot| Export::of(snapshot, None, &ExportOptions::default()).to_json().expect("JSON");
    assert_eq!(bytes(&fold.snapshot(live.at)), bytes(live));
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_lags_and_blocks_nothing() {
    let mut setup = RunSetup::default();
    setup.link.subscriptions.push(("home/#".to_owned(), 0));
    let scope = setup.start();
    let mut slow = scope.handle.subscribe();
    scope.run(secs(10)).await;
    publish_messages(&scope, 6_000, 1).await;
    let total = scope.events().0.len();
    let Err(TryRecvError::Lagged(missed)) = slow.try_recv() else { panic!("no loss reported") };
    let mut read = 0;
    while slow.try_recv().is_ok() {
        read += 1;
    }
    assert_eq!(usize::try_from(missed).expect("a count") + read, total);
    let end = scope.finish().await;
    assert!(end.last.runtime.lost_events > 0, "what the reader missed is counted");
    assert_eq!(end.snapshot().metrics.messages_received, 6_000);
    assert_eq!(end.snapshot().metrics.total_connection_drops, 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_after_its_duration() {
    let setup = RunSetup { duration: Some(hours(24)), export_at_exit: true, ..RunSetup::default() };
    let scope = setup.start();
    let exports = scope.directory().join("exports");
    let end = scope.finished().await;
    assert_eq!(files(&exports).len(), 1);
    assert!(end.last.runtime.finished);
    assert_eq!(end.events.count(|event| matches!(event, Event::Stopped { .. })), 1);
    let observed = end.snapshot().metrics.observed;
    assert!(observed.abs_diff(hours(24)) < secs(1), "{observed:?}");
}
