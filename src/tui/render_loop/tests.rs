//! Tests of the render loop on a simulated clock.

use std::sync::Mutex;
use std::sync::mpsc as sync;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};

use super::*;
use crate::clock::TokioClock;
use crate::tui::keymap::Keymap;
use crate::tui::sample::{at, run_with_drops};
use crate::tui::theme::{Glyphs, Theme};

/// A call of the painter, and its time.
#[derive(Debug, Clone, PartialEq)]
enum PainterCall {
    Frame(Duration),
    Copied(String),
}

type CallLog = Arc<Mutex<Vec<PainterCall>>>;

struct TestPainter {
    terminal: Terminal<TestBackend>,
    clock: Arc<dyn Clock>,
    log: CallLog,
    /// Blocks a frame until a message arrives, like a terminal that accepts no bytes.
    stall: Option<sync::Receiver<()>>,
    fails_from: usize,
}

impl Painter for TestPainter {
    fn paint(&mut self, draw: &mut dyn FnMut(&mut Frame)) -> io::Result<()> {
        let mut log = self.log.lock().unwrap();
        if log.len() >= self.fails_from {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        log.push(PainterCall::Frame(self.clock.now().boot));
        let first = log.len() == 1;
        drop(log);
        if let Some(stall) = self.stall.as_ref().filter(|_| !first) {
            let _ = stall.recv();
        }
        self.terminal.draw(|frame| draw(frame)).unwrap();
        Ok(())
    }

    fn copy_to_clipboard(&mut self, text: &str) -> io::Result<()> {
        self.log.lock().unwrap().push(PainterCall::Copied(text.to_owned()));
        Ok(())
    }

    fn release(&mut self) {}

    fn reacquire(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A running loop and its inputs and outputs.
struct LoopFixture {
    published: watch::Sender<Arc<LiveState>>,
    keys: mpsc::Sender<Event>,
    requests: mpsc::Receiver<MonitorRequest>,
    log: CallLog,
    task: JoinHandle<io::Result<()>>,
}

fn start(stall: Option<sync::Receiver<()>>, fails_from: usize, queue: usize) -> LoopFixture {
    let clock: Arc<dyn Clock> = TokioClock::starting(at(0).wall);
    let log = CallLog::default();
    let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let painter =
        TestPainter { terminal, clock: Arc::clone(&clock), log: Arc::clone(&log), stall, fails_from };
    let (published, state) = watch::channel(run_with_drops(3));
    let (keys, events) = mpsc::channel(64);
    let (requests, received) = mpsc::channel(queue);
    let options = TuiOptions {
        theme: Theme::plain(),
        glyphs: Glyphs::ascii(),
        keymap: Keymap::default(),
        mouse: false,
        zone: None,
    };
    let inputs = LoopInputs { published: state, events, signals: TerminalSignals::listen().unwrap() };
    let task = tokio::spawn(RenderLoop::new(painter, inputs, requests, options, clock).run());
    LoopFixture { published, keys, requests: received, log, task }
}

impl LoopFixture {
    async fn press(&self, keys: &str) {
        for key in keys.chars() {
            let event = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
            self.keys.send(Event::Key(event)).await.unwrap();
        }
    }

    fn frames(&self) -> Vec<Duration> {
        let log = self.log.lock().unwrap();
        log.iter()
            .filter_map(|call| if let PainterCall::Frame(at) = call { Some(*at) } else { None })
            .collect()
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

async fn advance(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn first_frame_is_drawn_at_once_then_one_frame_a_second() {
    let bench = start(None, usize::MAX, 8);
    tokio::task::yield_now().await;
    assert_eq!(bench.frames(), [Duration::ZERO]);
    advance(10_500).await;
    let frames = bench.frames();
    let is_whole_second = |at: &Duration| at.subsec_millis() < 2;
    assert!(
        frames.len() == 11 && frames.iter().all(is_whole_second),
        "one frame at each whole second: {frames:?}"
    );
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn bursts_of_updates_are_limited_to_thirty_frames_a_second() {
    let bench = start(None, usize::MAX, 8);
    for drops in 0..1_000 {
        bench.published.send_replace(run_with_drops(drops % 3));
        advance(1).await;
    }
    let frames = bench.frames();
    assert!((20..=31).contains(&frames.len()), "{} frames in a second", frames.len());
    assert!(frames.windows(2).all(|pair| pair[1] >= pair[0] + Duration::from_millis(33)), "{frames:?}");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn update_after_idle_time_is_drawn_at_once() {
    let bench = start(None, usize::MAX, 8);
    advance(500).await;
    bench.published.send_replace(run_with_drops(1));
    advance(5).await;
    let frames = bench.frames();
    assert!(frames.len() == 2 && frames[1] < Duration::from_millis(504), "{frames:?}");
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn burst_of_keys_costs_one_frame_and_sends_every_request() {
    let mut bench = start(None, usize::MAX, 8);
    advance(100).await;
    bench.press("eEr").await;
    advance(40).await;
    assert_eq!(bench.frames().len(), 2);
    for expected in [MonitorRequest::Export, MonitorRequest::Report, MonitorRequest::Reconnect] {
        assert_eq!(bench.requests.try_recv(), Ok(expected));
    }
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn frozen_view_is_redrawn_by_the_clock_only() {
    let bench = start(None, usize::MAX, 8);
    bench.press("f").await;
    advance(900).await;
    let before = bench.frames().len();
    for _ in 0..5 {
        bench.published.send_replace(run_with_drops(1));
        advance(10).await;
    }
    assert_eq!(bench.frames().len(), before);
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn summary_is_copied_between_frames() {
    let bench = start(None, usize::MAX, 8);
    bench.press("y").await;
    advance(100).await;
    let copied = |call: &PainterCall| matches!(call, PainterCall::Copied(text) if text.contains("drops 3"));
    assert!(bench.log.lock().unwrap().iter().any(copied));
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn quit_waits_for_the_run_to_end_up_to_the_timeout() {
    let mut bench = start(None, usize::MAX, 8);
    bench.press("q").await;
    advance(9_000).await;
    assert_eq!(bench.requests.try_recv(), Ok(MonitorRequest::Shutdown));
    assert!(!bench.task.is_finished(), "the last export may take a while");
    advance(1_100).await;
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
async fn loop_ends_when_the_state_channel_closes() {
    let bench = start(None, usize::MAX, 8);
    advance(10).await;
    drop(bench.published);
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn full_request_queue_is_reported_and_quit_can_be_retried() {
    let mut bench = start(None, usize::MAX, 1);
    bench.press("eq").await;
    advance(50).await;
    assert_eq!(bench.requests.try_recv(), Ok(MonitorRequest::Export));
    assert!(bench.requests.try_recv().is_err(), "the second one was not accepted");
    bench.press("q").await;
    advance(50).await;
    assert_eq!(
        bench.requests.try_recv(),
        Ok(MonitorRequest::Shutdown),
        "it is not handled as the second quit"
    );
    bench.finish();
    bench.task.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn lost_terminal_requests_an_orderly_shutdown() {
    let mut bench = start(None, 3, 8);
    advance(5_000).await;
    assert_eq!(bench.requests.try_recv(), Ok(MonitorRequest::Shutdown));
    assert!(!bench.task.is_finished());
    bench.finish();
    let error = bench.task.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn closed_keyboard_requests_an_orderly_shutdown() {
    let mut bench = start(None, usize::MAX, 8);
    drop(bench.keys);
    assert_eq!(bench.requests.recv().await, Some(MonitorRequest::Shutdown));
    finish(&bench.published);
    assert!(bench.task.await.unwrap().is_err());
}

/// On the real clock: a blocking thread that does not come back keeps simulated time from moving.
#[tokio::test]
async fn stalled_terminal_does_not_block_input() {
    let (resume, stall) = sync::channel();
    let mut bench = start(Some(stall), usize::MAX, 8);
    bench.press("n").await;
    while bench.frames().len() < 2 {
        tokio::task::yield_now().await;
    }
    let escape = KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE);
    bench.keys.send(Event::Key(escape)).await.unwrap();
    bench.press("e").await;
    assert_eq!(bench.requests.recv().await, Some(MonitorRequest::Export), "keys work while a frame hangs");
    assert_eq!(bench.frames().len(), 2, "and no second frame starts");
    bench.finish();
    drop(resume);
    bench.task.await.unwrap().unwrap();
}
