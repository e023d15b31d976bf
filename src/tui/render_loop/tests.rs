use std::sync::Mutex;
use std::sync::mpsc as sync;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};

use super::*;
use crate::diagnostics::ClockReading;
use crate::tui::keymap::Keymap;
use crate::tui::sample::{at, run};
use crate::tui::theme::{Glyphs, Theme};

/// The simulated clock of tokio, as the program's.
#[derive(Debug)]
struct TestClock(tokio::time::Instant);

impl Clock for TestClock {
    fn read(&self) -> ClockReading {
        let awake = self.0.elapsed();
        ClockReading { stamp: at(0).plus(awake), awake }
    }
}

/// What the painter was told, and when.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    Frame(Duration),
    Copied(String),
}

type Log = Arc<Mutex<Vec<Told>>>;

struct TestPainter {
    terminal: Terminal<TestBackend>,
    clock: Arc<dyn Clock>,
    log: Log,
    /// Held back until something arrives, as by a terminal that takes no bytes.
    stall: Option<sync::Receiver<()>>,
    fails_from: usize,
}

impl Painter for TestPainter {
    fn paint(&mut self, draw: &mut dyn FnMut(&mut Frame)) -> io::Result<()> {
        let mut log = self.log.lock().unwrap();
        if log.len() >= self.fails_from {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        log.push(Told::Frame(self.clock.now().boot));
        let first = log.len() == 1;
        drop(log);
        if let Some(stall) = self.stall.as_ref().filter(|_| !first) {
            let _ = stall.recv();
        }
        self.terminal.draw(|frame| draw(frame)).unwrap();
        Ok(())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        self.log.lock().unwrap().push(Told::Copied(text.to_owned()));
        Ok(())
    }

    fn release(&mut self) {}

    fn retake(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The outside of a running loop.
struct Bench {
    published: watch::Sender<Arc<LiveState>>,
    keys: mpsc::Sender<Event>,
    asked: mpsc::Receiver<MonitorRequest>,
    log: Log,
    task: JoinHandle<io::Result<()>>,
}

fn start(stall: Option<sync::Receiver<()>>, fails_from: usize, queue: usize) -> Bench {
    let clock: Arc<dyn Clock> = Arc::new(TestClock(tokio::time::Instant::now()));
    let log = Log::default();
    let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let painter =
        TestPainter { terminal, clock: Arc::clone(&clock), log: Arc::clone(&log), stall, fails_from };
    let (published, seen) = watch::channel(run(3));
    let (keys, events) = mpsc::channel(64);
    let (requests, asked) = mpsc::channel(queue);
    let options = TuiOptions {
        theme: Theme::plain(),
        glyphs: Glyphs::ascii(),
        keymap: Keymap::default(),
        mouse: false,
        zone: None,
    };
    let sources = Sources { published: seen, events, signals: Signals::listen().unwrap() };
    let task = tokio::spawn(RenderLoop::new(painter, sources, requests, options, clock).run());
    Bench { published, keys, asked, log, task }
}

impl Bench {
    async fn press(&self, keys: &str) {
        for key in keys.chars() {
            let event = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
            self.keys.send(Event::Key(event)).await.unwrap();
        }
    }

    fn frames(&self) -> Vec<Duration> {
        let log = self.log.lock().unwrap();
        log.iter().filter_map(|told| if let Told::Frame(at) = told { Some(*at) } else { None }).collect()
    }

    fn finish(&self) {
        finish(&self.published);
    }
}

fn finish(published: &watch::Sender<Arc<LiveState>>) {
    published.send_modify(|published| {
        let mut over = LiveState::clone(published);
        over.runtime.finished = true;
        *published = Arc::new(over);
    });
}

async fn pass(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_frame_comes_before_anything_and_then_only_the_clock_draws() {
    let bench = start(None, usize::MAX, 8);
    tokio::task::yield_now().await;
    assert_eq!(bench.frames(), [Duration::ZERO]);
    pass(10_500).await;
    let frames = bench.frames();
    let whole = |at: &Duration| at.subsec_millis() < 2;
    assert!(frames.len() == 11 && frames.iter().all(whole), "one frame at each whole second: {frames:?}");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_changes_is_drawn_thirty_times_a_second() {
    let bench = start(None, usize::MAX, 8);
    for drops in 0..1_000 {
        bench.published.send_replace(run(drops % 3));
        pass(1).await;
    }
    let frames = bench.frames();
    assert!((20..=31).contains(&frames.len()), "{} frames in a second", frames.len());
    assert!(frames.windows(2).all(|pair| pair[1] >= pair[0] + Duration::from_millis(33)), "{frames:?}");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_change_after_a_quiet_time_is_drawn_at_once() {
    let bench = start(None, usize::MAX, 8);
    pass(500).await;
    bench.published.send_replace(run(1));
    pass(5).await;
    let frames = bench.frames();
    assert!(frames.len() == 2 && frames[1] < Duration::from_millis(504), "{frames:?}");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_keys_costs_one_frame_and_reaches_the_monitor() {
    let mut bench = start(None, usize::MAX, 8);
    pass(100).await;
    bench.press("eEr").await;
    pass(40).await;
    assert_eq!(bench.frames().len(), 2);
    for expected in [MonitorRequest::Export, MonitorRequest::Report, MonitorRequest::Reconnect] {
        assert_eq!(bench.asked.try_recv(), Ok(expected));
    }
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_frozen_view_is_drawn_by_the_clock_only() {
    let bench = start(None, usize::MAX, 8);
    bench.press("f").await;
    pass(900).await;
    let before = bench.frames().len();
    for _ in 0..5 {
        bench.published.send_replace(run(1));
        pass(10).await;
    }
    assert_eq!(bench.frames().len(), before);
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_summary_is_copied_between_frames() {
    let bench = start(None, usize::MAX, 8);
    bench.press("y").await;
    pass(100).await;
    let copied = |told: &Told| matches!(told, Told::Copied(text) if text.contains("drops 3"));
    assert!(bench.log.lock().unwrap().iter().any(copied));
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn quitting_waits_for_the_end_of_the_run_but_not_for_ever() {
    let mut bench = start(None, usize::MAX, 8);
    bench.press("q").await;
    pass(9_000).await;
    assert_eq!(bench.asked.try_recv(), Ok(MonitorRequest::Shutdown));
    assert!(!bench.task.is_finished(), "the last export may take a while");
    pass(1_100).await;
    assert!(bench.task.is_finished());
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn quitting_twice_leaves_at_once() {
    let bench = start(None, usize::MAX, 8);
    bench.press("qq").await;
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_leaves_when_the_publisher_is_gone() {
    let bench = start(None, usize::MAX, 8);
    pass(10).await;
    drop(bench.published);
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_told_and_quitting_can_be_tried_again() {
    let mut bench = start(None, usize::MAX, 1);
    bench.press("eq").await;
    pass(50).await;
    assert_eq!(bench.asked.try_recv(), Ok(MonitorRequest::Export));
    assert!(bench.asked.try_recv().is_err(), "the second one was not taken");
    bench.press("q").await;
    pass(50).await;
    assert_eq!(bench.asked.try_recv(), Ok(MonitorRequest::Shutdown), "not taken as the second quit");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_lost_terminal_ends_the_run_in_order() {
    let mut bench = start(None, 3, 8);
    pass(5_000).await;
    assert_eq!(bench.asked.try_recv(), Ok(MonitorRequest::Shutdown));
    assert!(!bench.task.is_finished());
    bench.finish();
    let error = bench.task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_keyboard_that_hangs_up_ends_the_run_in_order() {
    let mut bench = start(None, usize::MAX, 8);
    drop(bench.keys);
    assert_eq!(bench.asked.recv().await, Some(MonitorRequest::Shutdown));
    finish(&bench.published);
    assert!(bench.task.await.unwrap().is_err());
}

/// On the real clock: a blocking thread that does not come back keeps simulated time from moving.
#[tokio::test]
async fn a_stalled_terminal_holds_up_nothing_else() {
    let (go_on, stall) = sync::channel();
    let mut bench = start(Some(stall), usize::MAX, 8);
    bench.press("n").await;
    while bench.frames().len() < 2 {
        tokio::task::yield_now().await;
    }
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    bench.keys.send(Event::Key(escape)).await.unwrap();
    bench.press("e").await;
    assert_eq!(bench.asked.recv().await, Some(MonitorRequest::Export), "keys work while a frame hangs");
    assert_eq!(bench.frames().len(), 2, "and no second frame is begun");
    bench.finish();
    drop(go_on);
    bench.task.await.unwrap().unwrap();
}
