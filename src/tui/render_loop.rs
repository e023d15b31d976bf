//! When is a frame drawn, and what happens between two? The loop between input, state and terminal.

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
use crate::monitor::{LiveState, MonitorRequest, NoticeKind};

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

/// How long leaving waits for the run to end in order.
const QUIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stop asked for may take to be followed by "continued". Longer means that nobody stopped
/// the process (no job control), because a stopped process sees no time pass here.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// Where things come from.
pub(super) struct LoopInputs {
    /// The newest state.
    pub(super) published: watch::Receiver<Arc<LiveState>>,
    /// Keys and the mouse.
    pub(super) events: mpsc::Receiver<Event>,
    /// Signals about the terminal.
    pub(super) signals: TerminalSignals,
}

/// A painter back from a frame.
struct FinishedFrame<P> {
    painter: P,
    state: ViewState,
    result: io::Result<()>,
}

/// Where the painter is.
enum PainterState<P> {
    /// Here, ready for a frame.
    Ready(Box<P>),
    /// On a blocking thread with a frame.
    Busy(JoinHandle<FinishedFrame<P>>),
    /// Of no use any more: the terminal is lost.
    Lost(io::Error),
}

/// Who has the terminal.
enum TerminalOwner {
    /// The screen.
    Screen,
    /// The shell is to get it.
    ReleasePending,
    /// The shell, until the process is continued; the timer notices when nobody stopped it.
    Shell(Pin<Box<Sleep>>),
    /// It is to be taken back.
    ReacquirePending,
}

/// What the loop woke up for.
enum LoopEvent<P> {
    Input(Option<Event>),
    /// `false` = nothing will be published any more.
    StateChanged(bool),
    FrameFinished(Result<FinishedFrame<P>, JoinError>),
    Signal(TerminalSignal),
    SecondTick,
    FrameDue,
    StopTimeout,
    QuitTimeout,
}

/// The loop and everything it holds.
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
    /// Runs while the end of the run is waited for.
    quit_timer: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl<P: Painter> RenderLoop<P> {
    /// A loop that has drawn nothing yet.
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

    /// Draws the first frame at once, then works until the run is over.
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
            // The last frame must be out before the terminal is given back, else it lands in the shell.
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
                self.terminal_owner = TerminalOwner::ReacquirePending
            }
            LoopEvent::SecondTick => {
                self.schedule_second_tick();
                self.dirty = true;
            }
            LoopEvent::FrameDue => self.start_frame(),
            LoopEvent::QuitTimeout => self.done = true,
        }
    }

    /// Handles what was typed and whatever else waits, so that a burst costs one frame.
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
                // So that quitting again asks again, and the next step starts from what is in force.
                self.model.quitting = false;
                self.model.keep_alive_request = None;
                self.notify_error("too many requests are waiting; this one was not taken, try again");
            }
            Err(TrySendError::Closed(_)) if shutdown => self.done = true,
            Err(TrySendError::Closed(_)) => {
                self.notify_error("the run is over; nothing can be asked any more")
            }
        }
    }

    fn notify_error(&mut self, text: &'static str) {
        self.model.notify(self.clock.now(), NoticeKind::Bad, text);
    }

    fn on_state_changed(&mut self, open: bool) {
        let published = self.inputs.published.borrow_and_update();
        self.done |= !open || published.runtime.finished;
        // A frozen view changes with the clock only; notices may wait for it.
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
        self.model.scroll_limits.rows = state.page_rows;
        self.model.scroll_limits.max_scroll = state.max_scroll;
        self.state = state;
    }

    /// Nothing can be drawn or typed any more: ends the run in order, without a screen.
    fn on_terminal_lost(&mut self, error: io::Error) {
        let first = !matches!(self.painter, PainterState::Lost(_));
        self.painter = PainterState::Lost(error);
        if first && !self.model.quitting {
            self.dispatch(UiMessage::Action(Action::Quit));
        }
        // A full queue: there is nobody to try again.
        self.done |= !self.model.quitting;
    }

    fn schedule_second_tick(&mut self) {
        let millis = self.clock.now().wall.timestamp_subsec_millis() % 1_000;
        self.second_timer = Box::pin(sleep(Duration::from_millis(u64::from(1_000 - millis))));
    }

    /// Gives the terminal back or takes it again, once no frame is under way.
    fn update_terminal_owner(&mut self) {
        let PainterState::Ready(painter) = &mut self.painter else { return };
        match self.terminal_owner {
            TerminalOwner::Screen | TerminalOwner::Shell(_) => {}
            TerminalOwner::ReleasePending => {
                painter.release();
                // Where jobs cannot be stopped, the terminal is simply taken back.
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

    /// The first frame, on this thread: nothing else is to be waited for.
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
        // The mouse goes on hitting what is on the screen until the new frame is there.
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
        // This reading may have been the one that `changed` would have told of.
        self.done |= live.runtime.finished;
        let (copies, now) = (std::mem::take(&mut self.clipboard_queue), self.clock.now());
        if !copies.is_empty() {
            let text = "summary sent to the clipboard, if the terminal allows it (OSC 52)";
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
            std::future::pending().await
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
