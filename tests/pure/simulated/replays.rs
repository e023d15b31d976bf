//! A replay shows at every moment the screen of the live run, and writes the same exports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::FixedOffset;
use dropscope::diagnostics::recording::RecorderState;
use dropscope::diagnostics::{Clock, Stamp};
use dropscope::replay::{self, RecordingPlayer, ReplaySettings};
use dropscope::report_writer::ReportSettings;
use dropscope::state::{LiveState, MonitorRequest, PlaybackAction};
use dropscope::tui::keymap::Keymap;
use dropscope::tui::model::Model;
use dropscope::tui::theme::{Glyphs, Theme};
use dropscope::tui::view::{self, ViewContext, ViewState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::simulated::clock::SimClock;
use crate::simulated::network::LineState;
use crate::simulated::scope::{Recording, RunSetup, SimulatedScope, hours, millis, minutes, secs};

/// A live state and its time.
struct LiveFrame {
    at: Stamp,
    published: Arc<LiveState>,
}

/// The frame drawn from a state at a moment of this computer's clocks.
fn frame(published: &Arc<LiveState>, clock_now: Stamp, (width, height): (u16, u16)) -> Buffer {
    let now = published.runtime.display_time(clock_now);
    let shown = LiveState { snapshot: published.snapshot.advanced(now), ..published.as_ref().clone() };
    let field = shown.snapshot.field_time(now);
    let context = ViewContext {
        published: &shown,
        live: published,
        model: &Model::default(),
        theme: &Theme::default_dark(),
        glyphs: &Glyphs::unicode(),
        now: field,
        live_now: field,
        clock_now: clock_now.plus(minutes(10)),
        offset: FixedOffset::east_opt(0).expect("a zone"),
        keymap: &Keymap::default(),
    };
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("memory");
    terminal.draw(|frame| view::render(frame, &context, &mut ViewState::default())).expect("memory");
    terminal.backend().buffer().clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let row = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..area.height).map(row).collect()
}

/// Compares everything between the header, which shows the replay, and the keys, some of which differ; and the clock.
fn assert_same(live: &LiveFrame, replayed: &Arc<LiveState>, clock_now: Stamp) {
    assert_eq!(live.published.verdict, replayed.verdict);
    for size in [(80, 24), (120, 40)] {
        let (shown, again) = (frame(&live.published, live.at, size), frame(replayed, clock_now, size));
        let (live_rows, replayed_rows) = (rows(&shown), rows(&again));
        let last = live_rows.len() - 1;
        for (row, again) in live_rows[1..last].iter().zip(&replayed_rows[1..last]) {
            assert_eq!(row, again, "at {:?}", live.at);
        }
        for y in 1..size.1 - 1 {
            for x in 0..size.0 {
                assert_eq!(shown[(x, y)], again[(x, y)], "column {x} row {y}");
            }
        }
        assert!(replayed_rows[0].contains("REPLAY"), "{}", replayed_rows[0]);
        assert_eq!(
            live_rows[0].trim_end().rsplit(' ').next(),
            replayed_rows[0].trim_end().rsplit(' ').next()
        );
    }
}

/// An hour with every kind of event: an outage with failed attempts, a path that fails silently, a suspend, a
/// clock set back, a change of keep-alive. One state every `every` milliseconds.
async fn run_with_events(scope: &SimulatedScope, every: u64) -> Vec<LiveFrame> {
    let mut seen = Vec::new();
    let faults = [
        (minutes(4), 0),
        (minutes(9), 1),
        (minutes(13), 2),
        (minutes(17), 3),
        (minutes(23), 4),
        (minutes(29), 5),
        (minutes(33), 6),
    ];
    let begin = scope.now();
    let mut faults = faults.iter().peekable();
    while scope.now().since(begin) < minutes(38) {
        scope.run(millis(every)).await;
        seen.push(LiveFrame { at: scope.now(), published: scope.handle.live_state.borrow().clone() });
        let Some((_, what)) = faults.next_if(|(at, _)| scope.now().since(begin) >= *at) else { continue };
        match what {
            0 => scope.net.line(LineState::Fin),
            1 => {
                scope.net.change(|habits| habits.is_refusing = true);
                scope.net.line(LineState::Reset);
            }
            2 => scope.net.change(|habits| habits.is_refusing = false),
            3 => scope.net.line(LineState::BlackHole),
            4 => scope.clock.step(chrono::TimeDelta::minutes(-90)),
            5 => scope.clock.sleep(minutes(3)),
            _ => scope.send_request(MonitorRequest::SetKeepAlive(240)).await,
        }
    }
    seen
}

fn recording(last: &LiveState) -> PathBuf {
    let RecorderState::Recording { path, .. } = &last.runtime.recorder else {
        panic!("{:?}", last.runtime.recorder);
    };
    path.clone()
}

fn paused_settings(dir: &Path) -> ReplaySettings {
    let reports = ReportSettings::new(dir.to_owned());
    ReplaySettings { reports, speed: None, paused: true, at: None }
}

/// Moves a paused replay and returns the state then.
async fn apply_playback(handle: &mut replay::ReplayHandle, action: PlaybackAction) -> Arc<LiveState> {
    handle.live_state.borrow_and_update();
    handle.requests.send(MonitorRequest::Play(action)).await.expect("a running replay");
    handle.live_state.changed().await.expect("a running replay");
    handle.live_state.borrow_and_update().clone()
}

async fn wait_until_read(handle: &mut replay::ReplayHandle) {
    let is_read =
        |state: &Arc<LiveState>| state.runtime.replay.is_some_and(|replay| replay.reading.is_none());
    handle.live_state.wait_for(is_read).await.expect("a running replay");
}

/// Runs, replays and compares every live state, in a random order: the state at a position does not depend on the
/// positions before.
async fn assert_replay_matches_run(setup: RunSetup) {
    let scope = RunSetup { recorder: Recording::On, ..setup }.start();
    let begin = scope.now();
    let mut seen = run_with_events(&scope, 7_300).await;
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let directory = scope.directory();
    let end = scope.finish().await;
    // A live screen may be a tenth of a second behind.
    let is_fresh = |one: &LiveFrame| {
        let mut events = end.events.0.iter().map(|event| event.at);
        events.any(|at| one.at.has_reached(at) && one.at.since(at) <= millis(100))
    };
    seen.retain(|one| !is_fresh(one));
    assert!(seen.len() > 250, "{}", seen.len());
    seen.sort_by_key(|one| one.at.boot.as_micros() % 7_919);
    let player = RecordingPlayer::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle = replay::spawn(player, paused_settings(&directory), Arc::clone(&clock));
    wait_until_read(&mut handle).await;
    let (scale, mut compared) = (end.snapshot().time_scale(), 0);
    for one in &seen {
        let _ = apply_playback(&mut handle, PlaybackAction::Beginning).await;
        let field = one.at.since(begin).mul_f64(scale);
        let replayed = apply_playback(&mut handle, PlaybackAction::Forward(field)).await;
        assert_eq!(replayed.runtime.display_time(clock.now()).boot, one.at.boot);
        // An unanswered ping is no event: a live screen shows it within a second.
        let sent_at = replayed.runtime.ping_outstanding_since;
        if sent_at.is_none_or(|sent| replayed.snapshot.at.since(sent) > secs(1).mul_f64(scale)) {
            assert_same(one, &replayed, clock.now());
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

#[tokio::test(start_paused = true)]
async fn replay_screens_equal_live_screens() {
    assert_replay_matches_run(RunSetup::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_scaled_run_replays_like_an_unscaled_one() {
    let mut setup = RunSetup::default();
    setup.link.time_scale = 20.0;
    assert_replay_matches_run(setup).await;
}

#[tokio::test(start_paused = true)]
async fn replay_exports_equal_live_exports() {
    let setup = RunSetup { recorder: Recording::On, export_at_exit: true, ..RunSetup::default() };
    let scope = setup.start();
    let begin = scope.now();
    let mut export_positions = Vec::new();
    for fault in [LineState::Fin, LineState::Reset, LineState::BlackHole] {
        scope.run(minutes(7)).await;
        scope.net.line(fault);
        for wait in [300, 2_900, 90_000] {
            scope.run(millis(wait)).await;
            scope.send_request(MonitorRequest::Export).await;
            scope.send_request(MonitorRequest::Report).await;
            scope.run(millis(10)).await;
            export_positions.push(scope.now().since(begin).saturating_sub(millis(10)));
        }
    }
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let live = scope.directory().join("exports");
    let end = scope.finish().await;
    let again = tempfile::tempdir().expect("a directory");
    let player = RecordingPlayer::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle = replay::spawn(player, paused_settings(again.path()), clock);
    wait_until_read(&mut handle).await;
    for at in export_positions {
        let _ = apply_playback(&mut handle, PlaybackAction::Beginning).await;
        let _ = apply_playback(&mut handle, PlaybackAction::Forward(at)).await;
        handle.requests.send(MonitorRequest::Export).await.expect("a running replay");
        handle.requests.send(MonitorRequest::Report).await.expect("a running replay");
        // Simulated time does not advance while a file is being written.
        tokio::time::sleep(secs(1)).await;
    }
    let _ = apply_playback(&mut handle, PlaybackAction::End).await;
    handle.requests.send(MonitorRequest::Export).await.expect("a running replay");
    handle.requests.send(MonitorRequest::Shutdown).await.expect("a running replay");
    handle.finished().await.expect("no panic").expect("a readable recording");
    let (live, again) = (documents(&live), documents(again.path()));
    assert_eq!(live.len(), 19, "nine exports, nine reports and the last export");
    assert_eq!(live.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>());
    for (name, document) in &live {
        let lines = document.lines().zip(again[name].lines());
        let differing: Vec<_> = lines.filter(|(one, other)| one != other).collect();
        assert_eq!(differing, [], "{name}");
        assert_eq!(*document, again[name]);
    }
}

/// Names and contents.
fn documents(dir: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    let document = |path: PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("a document"))
    };
    entries.map(document).collect()
}

#[tokio::test(start_paused = true)]
async fn playing_reaches_the_end_in_a_minute_and_stops_there() {
    let scope = RunSetup { recorder: Recording::On, ..RunSetup::default() }.start();
    scope.run(hours(5)).await;
    scope.net.line(LineState::Fin);
    scope.run(hours(5)).await;
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let directory = scope.directory();
    let end = scope.finish().await;
    let player = RecordingPlayer::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle = replay::spawn(
        player,
        ReplaySettings { paused: false, ..paused_settings(&directory) },
        Arc::clone(&clock),
    );
    let begin = clock.now();
    wait_until_read(&mut handle).await;
    let is_paused = |state: &Arc<LiveState>| state.runtime.replay.is_some_and(|replay| replay.paused);
    let last = handle.live_state.wait_for(is_paused).await.expect("a running replay").clone();
    let took = clock.now().since(begin);
    assert!((secs(58)..secs(64)).contains(&took), "{took:?}");
    let replay = last.runtime.replay.expect("a replay");
    assert_eq!(replay.position, replay.length);
    assert_eq!(last.snapshot.metrics.total_connection_drops, 1);
    assert_eq!(last.snapshot.metrics, end.snapshot().metrics);
    let drop = apply_playback(&mut handle, PlaybackAction::PreviousDrop).await;
    assert_eq!(drop.snapshot.drops.last().expect("the drop").at, drop.runtime.display_time(clock.now()));
}
