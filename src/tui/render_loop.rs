//! The render loop between input, live state and terminal.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::Event;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Sleep, sleep};

use crate::diagnostics::Clock;
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::TuiOptions;
use super::keymap::{Action, KeymapMode};
use super::message::{UiMessage, translate_event};
use super::model::Model;
use super::painter::Painter;
use super::signals::{TerminalSignal, TerminalSignals};
use super::terminal::stop_job;
use super::update::{Effect, update};
use super::view::ViewState;

mod frame_job;

use frame_job::FrameJob;

/// Shortest time between the starts of two frames: at most 30 a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(34);

/// How long a quit waits for the run to end in order.
const QUIT_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout between a requested stop and the "continued" signal. Time does not advance in a stopped
/// process, so a timeout means that the process was not stopped (no job control).
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The inputs of the loop.
pub(super) struct LoopInputs {
    /// The newest state.
    pub(super) published: watch::Receiver<Arc<LiveState>>,
    /// Keys and the mouse.
    pub(super) events: mpsc::Receiver<Event>,
    /// Signals about the terminal.
    pub(super) signals: TerminalSignals,
}

/// A painter that has finished a frame.
struct FinishedFrame<P> {
    painter: P,
    state: ViewState,
    result: io::Result<()>,
}

/// State of the painter.
enum PainterState<P> {
    /// Ready for a frame.
    Ready(Box<P>),
    /// Drawing a frame on a blocking thread.
    Busy(JoinHandle<FinishedFrame<P>>),
    /// Unusable: the terminal is lost.
    Lost(io::Error),
}

/// The owner of the terminal.
enum TerminalOwner {
    /// The screen.
    Screen,
    /// The screen, until it is released to the shell.
    ReleasePending,
    /// The shell, until the process is continued; the timer detects a process that was not stopped.
    Shell(Pin<Box<Sleep>>),
    /// The shell, until the screen takes it again.
    ReacquirePending,
}

/// An event that wakes the loop.
enum LoopEvent<P> {
    Input(Option<Event>),
    /// `false` = the state channel is closed.
    StateChanged(bool),
    FrameFinished(Result<FinishedFrame<P>, JoinError>),
    Signal(TerminalSignal),
    SecondTick,
    FrameDue,
    StopTimeout,
    QuitTimeout,
}

/// The loop and its state.
pub(super) struct RenderLoop<P: Painter> {
    model: Model,
    state: ViewState,
    options: Arc<TuiOptions>,
    clock: Arc<dyn Clock>,
    inputs: LoopInputs,
    requests: mpsc::Sender<MonitorRequest>,
    painter: PainterState<P>,
    clipboard_queue: Vec<String>,
    dirty: bool,
    second_timer: Pin<Box<Sleep>>,
    frame_timer: Pin<Box<Sleep>>,
    terminal_owner: TerminalOwner,
    /// Runs while the loop waits for the end of the run.
    quit_timer: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl<P: Painter> RenderLoop<P> {
    /// A loop before its first frame.
    pub(super) fn new(
        painter: P,
        inputs: LoopInputs,
        requests: mpsc::Sender<MonitorRequest>,
        options: TuiOptions,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let timer = || Box::pin(sleep(Duration::ZERO));
        Self {
            model: Model::default(),
            state: ViewState::default(),
            options: Arc::new(options),
            clock,
            inputs,
            requests,
            painter: PainterState::Ready(Box::new(painter)),
            clipboard_queue: Vec::new(),
            dirty: true,
            second_timer: timer(),
            frame_timer: timer(),
            terminal_owner: TerminalOwner::Screen,
            quit_timer: None,
            done: false,
        }
    }

    /// Draws the first frame at once, then runs until the run is over.
    pub(super) async fn run(mut self) -> io::Result<()> {
        self.first_frame();
        self.schedule_second_tick();
        while !self.done {
            self.update_terminal_owner();
            let event = self.next_event().await;
            self.handle(event);
        }
        match self.painter {
            PainterState::Lost(error) => Err(error),
            PainterState::Ready(_) => Ok(()),
            // The last frame must be written before the terminal is restored, else it appears in the shell.
            PainterState::Busy(frame) => {
                frame.await.map_or_else(|error| Err(error.into()), |painted| painted.result)
            }
        }
    }

    async fn next_event(&mut self) -> LoopEvent<P> {
        let is_lost = matches!(self.painter, PainterState::Lost(_));
        let is_frame_due = self.dirty
            && matches!(
                (&self.terminal_owner, &self.painter),
                (TerminalOwner::Screen, PainterState::Ready(_))
            );
        let LoopInputs { published, events, signals } = &mut self.inputs;
        tokio::select! {
            event = events.recv(), if !is_lost => LoopEvent::Input(event),
            changed = published.changed() => LoopEvent::StateChanged(changed.is_ok()),
            painted = wait_for_frame(&mut self.painter) => LoopEvent::FrameFinished(painted),
            signal = signals.next() => LoopEvent::Signal(signal),
            () = self.second_timer.as_mut() => LoopEvent::SecondTick,
            () = self.frame_timer.as_mut(), if is_frame_due => LoopEvent::FrameDue,
            () = wait_for_stop_timeout(&mut self.terminal_owner) => LoopEvent::StopTimeout,
            () = wait_for_timer(&mut self.quit_timer) => LoopEvent::QuitTimeout,
        }
    }

    fn handle(&mut self, event: LoopEvent<P>) {
        match event {
            LoopEvent::Input(Some(event)) => self.on_input(event),
            LoopEvent::Input(None) => self.on_terminal_lost(io::Error::other("the terminal hung up")),
            LoopEvent::StateChanged(open) => self.on_state_changed(open),
            LoopEvent::FrameFinished(Ok(painted)) => self.on_frame_finished(painted),
            LoopEvent::FrameFinished(Err(error)) => self.on_terminal_lost(error.into()),
            LoopEvent::Signal(TerminalSignal::Resized) => self.dirty = true,
            LoopEvent::Signal(TerminalSignal::Terminated) => self.dispatch(UiMessage::Action(Action::Quit)),
            LoopEvent::Signal(TerminalSignal::Continued) | LoopEvent::StopTimeout => {
                self.terminal_owner = TerminalOwner::ReacquirePending;
            }
            LoopEvent::SecondTick => {
                self.schedule_second_tick();
                self.dirty = true;
            }
            LoopEvent::FrameDue => self.start_frame(),
            LoopEvent::QuitTimeout => self.done = true,
        }
    }

    /// Handles an input event and all queued ones, so that a burst costs one frame.
    fn on_input(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            self.dirty |= matches!(event, Event::Resize(..));
            let mode = KeymapMode::from_state(&self.inputs.published.borrow());
            if let Some(message) =
                translate_event(&event, &self.model, mode, &self.options.keymap, &self.state)
            {
                self.dispatch(message);
            }
            next = self.inputs.events.try_recv().ok();
        }
    }

    fn dispatch(&mut self, message: UiMessage) {
        let live = Arc::clone(&self.inputs.published.borrow());
        for effect in update(&mut self.model, message, &live, self.clock.now()) {
            self.run_effect(effect);
        }
        self.dirty = true;
    }

    fn run_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Request(request) => self.send_request(request),
            Effect::Copy(text) => self.clipboard_queue.push(text),
            Effect::Suspend => self.terminal_owner = TerminalOwner::ReleasePending,
            Effect::Leave => self.done = true,
        }
    }

    fn send_request(&mut self, request: MonitorRequest) {
        let shutdown = request == MonitorRequest::Shutdown;
        match self.requests.try_send(request) {
            Ok(()) if shutdown => self.quit_timer = Some(Box::pin(sleep(QUIT_TIMEOUT))),
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                // The next quit sends a request again, and the next step starts from the keep-alive in force.
                self.model.quitting = false;
                self.model.keep_alive_request = None;
                self.notify_error("the request queue is full; try again");
            }
            Err(TrySendError::Closed(_)) if shutdown => self.done = true,
            Err(TrySendError::Closed(_)) => self.notify_error("the run is over; no request can be sent"),
        }
    }

    fn notify_error(&mut self, text: &'static str) {
        self.model.notify(self.clock.now(), NoticeKind::Bad, text);
    }

    fn on_state_changed(&mut self, open: bool) {
        let published = self.inputs.published.borrow_and_update();
        self.done |= !open || published.runtime.finished;
        // A frozen view is redrawn by the clock only; notices appear with the next second.
        self.dirty |= self.model.frozen.is_none();
    }

    fn on_frame_finished(&mut self, painted: FinishedFrame<P>) {
        let FinishedFrame { painter, state, result } = painted;
        self.store_view_state(state);
        self.painter = PainterState::Ready(Box::new(painter));
        if let Err(error) = result {
            self.on_terminal_lost(error);
        }
    }

    fn store_view_state(&mut self, state: ViewState) {
        self.model.scroll_limits = state.scroll_limits;
        self.state = state;
    }

    /// The terminal is lost: ends the run in order, without a screen.
    fn on_terminal_lost(&mut self, error: io::Error) {
        let first = !matches!(self.painter, PainterState::Lost(_));
        self.painter = PainterState::Lost(error);
        if first && !self.model.quitting {
            self.dispatch(UiMessage::Action(Action::Quit));
        }
        // The request queue was full, and there is no user to quit again.
        self.done |= !self.model.quitting;
    }

    fn schedule_second_tick(&mut self) {
        let millis = self.clock.now().wall.timestamp_subsec_millis() % 1_000;
        self.second_timer = Box::pin(sleep(Duration::from_millis(u64::from(1_000 - millis))));
    }

    /// Releases the terminal or takes it again, when no frame is being drawn.
    fn update_terminal_owner(&mut self) {
        let PainterState::Ready(painter) = &mut self.painter else { return };
        match self.terminal_owner {
            TerminalOwner::Screen | TerminalOwner::Shell(_) => {}
            TerminalOwner::ReleasePending => {
                painter.release();
                // If jobs cannot be stopped, the terminal is taken again at once.
                let limit = stop_job().map_or(Duration::ZERO, |()| STOP_TIMEOUT);
                self.terminal_owner = TerminalOwner::Shell(Box::pin(sleep(limit)));
            }
            TerminalOwner::ReacquirePending => {
                self.terminal_owner = TerminalOwner::Screen;
                self.dirty = true;
                if let Err(error) = painter.reacquire() {
                    self.on_terminal_lost(error);
                }
            }
        }
    }

    /// Draws the first frame on this thread.
    fn first_frame(&mut self) {
        let mut job = self.frame_job();
        let PainterState::Ready(painter) = &mut self.painter else { return };
        let mut state = std::mem::take(&mut self.state);
        let result = job.paint(painter.as_mut(), &mut state);
        self.store_view_state(state);
        if let Err(error) = result {
            self.on_terminal_lost(error);
        }
    }

    fn start_frame(&mut self) {
        let PainterState::Ready(_) = &self.painter else { return };
        let mut job = self.frame_job();
        // Until the new frame is drawn, clicks hit the areas of the old one.
        let hit_areas = ViewState { areas: self.state.areas.clone(), ..ViewState::default() };
        let mut state = std::mem::replace(&mut self.state, hit_areas);
        let placeholder = PainterState::Lost(io::ErrorKind::NotConnected.into());
        let PainterState::Ready(mut painter) = std::mem::replace(&mut self.painter, placeholder) else {
            return;
        };
        self.painter = PainterState::Busy(tokio::task::spawn_blocking(move || {
            let result = job.paint(painter.as_mut(), &mut state);
            FinishedFrame { painter: *painter, state, result }
        }));
    }

    fn frame_job(&mut self) -> FrameJob {
        self.dirty = false;
        self.frame_timer = Box::pin(sleep(FRAME_INTERVAL));
        let live = Arc::clone(&self.inputs.published.borrow_and_update());
        // `changed` does not report a state that was already read here.
        self.done |= live.runtime.finished;
        let (copies, now) = (std::mem::take(&mut self.clipboard_queue), self.clock.now());
        if !copies.is_empty() {
            let text = "summary copied to the clipboard, if the terminal supports OSC 52";
            self.model.notify(now, NoticeKind::Info, text);
        }
        FrameJob { live, model: self.model.clone(), options: Arc::clone(&self.options), copies, now }
    }
}

async fn wait_for_frame<P>(painter: &mut PainterState<P>) -> Result<FinishedFrame<P>, JoinError> {
    match painter {
        PainterState::Busy(frame) => frame.await,
        PainterState::Ready(_) | PainterState::Lost(_) => std::future::pending().await,
    }
}

async fn wait_for_stop_timeout(owner: &mut TerminalOwner) {
    match owner {
        TerminalOwner::Shell(timer) => timer.as_mut().await,
        TerminalOwner::Screen | TerminalOwner::ReleasePending | TerminalOwner::ReacquirePending => {
            std::future::pending::<()>().await;
        }
    }
}

async fn wait_for_timer(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.as_mut().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
