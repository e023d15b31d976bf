//! Does a replay show at every moment what the screen showed live, and export what was exported?

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::FixedOffset;
use dropscope::diagnostics::{Clock, Stamp};
use dropscope::export::{ExportOptions, RecorderState};
use dropscope::monitor::{Playing, Published, ReportSettings, Request};
use dropscope::replay::{self, ReplaySettings, Tape};
use dropscope::tui::keymap::Keymap;
use dropscope::tui::model::Model;
use dropscope::tui::theme::{Glyphs, Theme};
use dropscope::tui::view::{self, ViewContext, ViewState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::simulated::clock::SimClock;
use crate::simulated::net::Line;
use crate::simulated::scope::{Recording, Scope, Setup, hours, millis, minutes, secs};

/// What was on a screen, and when.
struct Seen {
    at: Stamp,
    published: Arc<Published>,
}

/// The frame that is drawn of a state at a moment of this computer's clocks.
fn frame(published: &Arc<Published>, clock_now: Stamp, (width, height): (u16, u16)) -> Buffer {
    let now = published.runtime.moment(clock_now);
    let shown = Published { snapshot: published.snapshot.advanced(now), ..published.as_ref().clone() };
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

/// Everything between the header, which tells that it is a replay, and the keys, some of which differ; and the
/// clock.
fn assert_same(live: &Seen, replayed: &Arc<Published>, clock_now: Stamp) {
    assert_eq!(live.published.verdict, replayed.verdict);
    for size in [(80, 24), (120, 40)] {
        let (shown, again) = (frame(&live.published, live.at, size), frame(replayed, clock_now, size));
        let (told, retold) = (rows(&shown), rows(&again));
        let last = told.len() - 1;
        for (row, again) in told[1..last].iter().zip(&retold[1..last]) {
            assert_eq!(row, again, "at {:?}", live.at);
        }
        for y in 1..size.1 - 1 {
            for x in 0..size.0 {
                assert_eq!(shown[(x, y)], again[(x, y)], "column {x} row {y}");
            }
        }
        assert!(retold[0].contains("REPLAY"), "{}", retold[0]);
        assert_eq!(told[0].trim_end().rsplit(' ').next(), retold[0].trim_end().rsplit(' ').next());
    }
}

/// An hour in which everything happens: an outage with failed attempts, a path that goes dead, a suspend, a
/// clock set back, a change of keep-alive. Looked at every `every` milliseconds.
async fn eventful(scope: &Scope, every: u64) -> Vec<Seen> {
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
        seen.push(Seen { at: scope.now(), published: scope.handle.published.borrow().clone() });
        let Some((_, what)) = faults.next_if(|(at, _)| scope.now().since(begin) >= *at) else { continue };
        match what {
            0 => scope.net.line(Line::Fin),
            1 => {
                scope.net.change(|habits| habits.refusing = true);
                scope.net.line(Line::Reset);
            }
            2 => scope.net.change(|habits| habits.refusing = false),
            3 => scope.net.line(Line::BlackHole),
            4 => scope.clock.step(chrono::TimeDelta::minutes(-90)),
            5 => scope.clock.sleep(minutes(3)),
            _ => scope.ask(Request::SetKeepAlive(240)).await,
        }
    }
    seen
}

fn recording(last: &Published) -> PathBuf {
    let RecorderState::Recording { path, .. } = &last.runtime.recorder else {
        panic!("{:?}", last.runtime.recorder);
    };
    path.clone()
}

fn paused(dir: &Path) -> ReplaySettings {
    let reports = ReportSettings {
        dir: dir.to_owned(),
        file: None,
        every: None,
        at_exit: false,
        options: ExportOptions::default(),
    };
    ReplaySettings { reports, speed: None, paused: true, at: None }
}

/// Moves a paused replay and gives what it shows then.
async fn moved(handle: &mut replay::Handle, wanted: Playing) -> Arc<Published> {
    handle.published.borrow_and_update();
    handle.requests.send(Request::Play(wanted)).await.expect("a running replay");
    handle.published.changed().await.expect("a running replay");
    handle.published.borrow_and_update().clone()
}

async fn ready(handle: &mut replay::Handle) {
    let is_read =
        |state: &Arc<Published>| state.runtime.replay.is_some_and(|replay| replay.reading.is_none());
    handle.published.wait_for(is_read).await.expect("a running replay");
}

/// Runs, replays and compares every moment looked at, in an order of no meaning: what is shown does not depend
/// on the way there.
async fn replays_alike(setup: Setup) {
    let scope = Setup { recorder: Recording::On, ..setup }.start();
    let begin = scope.now();
    let mut seen = eventful(&scope, 7_300).await;
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let directory = scope.directory();
    let end = scope.finish().await;
    // A live screen may be a tenth of a second behind.
    let is_fresh = |one: &Seen| {
        let mut events = end.events.0.iter().map(|event| event.at);
        events.any(|at| one.at.has_reached(at) && one.at.since(at) <= millis(100))
    };
    seen.retain(|one| !is_fresh(one));
    assert!(seen.len() > 250, "{}", seen.len());
    seen.sort_by_key(|one| one.at.boot.as_micros() % 7_919);
    let tape = Tape::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle = replay::spawn(tape, paused(&directory), Arc::clone(&clock));
    ready(&mut handle).await;
    let (scale, mut compared) = (end.snapshot().time_scale(), 0);
    for one in &seen {
        let _ = moved(&mut handle, Playing::Beginning).await;
        let field = one.at.since(begin).mul_f64(scale);
        let replayed = moved(&mut handle, Playing::Forward(field)).await;
        assert_eq!(replayed.runtime.moment(clock.now()).boot, one.at.boot);
        // A ping under way is no event: a live screen tells it within a second.
        let asked = replayed.runtime.ping_outstanding_since;
        if asked.is_none_or(|asked| replayed.snapshot.at.since(asked) > secs(1).mul_f64(scale)) {
            assert_same(one, &replayed, clock.now());
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared}");
}

#[tokio::test(start_paused = true)]
async fn the_screen_of_a_replay_is_the_screen_of_the_run_at_every_moment() {
    replays_alike(Setup::default()).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_in_which_time_passes_faster_is_replayed_alike() {
    let mut setup = Setup::default();
    setup.link.time_scale = 20.0;
    replays_alike(setup).await;
}

#[tokio::test(start_paused = true)]
async fn exports_by_key_and_at_the_end_are_those_of_the_run() {
    let setup = Setup { recorder: Recording::On, export_at_exit: true, ..Setup::default() };
    let scope = setup.start();
    let begin = scope.now();
    let mut asked = Vec::new();
    for fault in [Line::Fin, Line::Reset, Line::BlackHole] {
        scope.run(minutes(7)).await;
        scope.net.line(fault);
        for wait in [300, 2_900, 90_000] {
            scope.run(millis(wait)).await;
            scope.ask(Request::Export).await;
            scope.ask(Request::Report).await;
            scope.run(millis(10)).await;
            asked.push(scope.now().since(begin).saturating_sub(millis(10)));
        }
    }
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let live = scope.directory().join("exports");
    let end = scope.finish().await;
    let again = tempfile::tempdir().expect("a directory");
    let tape = Tape::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle = replay::spawn(tape, paused(again.path()), clock);
    ready(&mut handle).await;
    for at in asked {
        let _ = moved(&mut handle, Playing::Beginning).await;
        let _ = moved(&mut handle, Playing::Forward(at)).await;
        handle.requests.send(Request::Export).await.expect("a running replay");
        handle.requests.send(Request::Report).await.expect("a running replay");
        // Time does not pass while a file is being written.
        tokio::time::sleep(secs(1)).await;
    }
    let _ = moved(&mut handle, Playing::End).await;
    handle.requests.send(Request::Export).await.expect("a running replay");
    handle.requests.send(Request::Shutdown).await.expect("a running replay");
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
    let scope = Setup { recorder: Recording::On, ..Setup::default() }.start();
    scope.run(hours(5)).await;
    scope.net.line(Line::Fin);
    scope.run(hours(5)).await;
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(&scope.clock);
    let directory = scope.directory();
    let end = scope.finish().await;
    let tape = Tape::open(&[recording(&end.last)], 1_000).expect("a recording");
    let mut handle =
        replay::spawn(tape, ReplaySettings { paused: false, ..paused(&directory) }, Arc::clone(&clock));
    let begin = clock.now();
    ready(&mut handle).await;
    let is_paused = |state: &Arc<Published>| state.runtime.replay.is_some_and(|replay| replay.paused);
    let last = handle.published.wait_for(is_paused).await.expect("a running replay").clone();
    let took = clock.now().since(begin);
    assert!((secs(58)..secs(64)).contains(&took), "{took:?}");
    let replay = last.runtime.replay.expect("a replay");
    assert_eq!(replay.position, replay.length);
    assert_eq!(last.snapshot.metrics.total_connection_drops, 1);
    assert_eq!(last.snapshot.metrics, end.snapshot().metrics);
    let drop = moved(&mut handle, Playing::PreviousDrop).await;
    assert_eq!(drop.snapshot.drops.last().expect("the drop").at, drop.runtime.moment(clock.now()));
}
