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
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::TuiOptions;
use super::keymap::{Action, Mode};
use super::message::{Message, message};
use super::model::Model;
use super::painter::Painter;
use super::signals::{Signalled, Signals};
use super::terminal::stop_job;
use super::update::{Effect, update};
use super::view::ViewState;

mod scene;

use scene::Scene;

/// Shortest time between the starts of two frames: at most 30 a second.
const FRAME: Duration = Duration::from_millis(34);

/// How long leaving waits for the run to end in order.
const LEAVE_LIMIT: Duration = Duration::from_secs(10);

/// How long a stop asked for may take to be followed by "continued". Longer means that nobody stopped
/// the process (no job control), because a stopped process sees no time pass here.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// Where things come from.
pub(super) struct Sources {
    /// The newest state.
    pub(super) published: watch::Receiver<Arc<LiveState>>,
    /// Keys and the mouse.
    pub(super) events: mpsc::Receiver<Event>,
    /// Signals about the terminal.
    pub(super) signals: Signals,
}

/// A painter back from a frame.
struct Painted<P> {
    painter: P,
    state: ViewState,
    result: io::Result<()>,
}

/// Where the painter is.
enum Brush<P> {
    /// Here, ready for a frame.
    Ready(Box<P>),
    /// On a blocking thread with a frame.
    Busy(JoinHandle<Painted<P>>),
    /// Of no use any more: the terminal is lost.
    Lost(io::Error),
}

/// Who has the terminal.
enum Hold {
    /// The screen.
    Ours,
    /// The shell is to get it.
    Yielding,
    /// The shell, until the process is continued; the timer notices when nobody stopped it.
    Yielded(Pin<Box<Sleep>>),
    /// It is to be taken back.
    Retaking,
}

/// What the loop woke up for.
enum Woken<P> {
    Input(Option<Event>),
    /// `false` = nothing will be published any more.
    Published(bool),
    Painted(Result<Painted<P>, JoinError>),
    Signal(Signalled),
    Second,
    FrameDue,
    StopOver,
    LeaveLimit,
}

/// The loop and everything it holds.
pub(super) struct RenderLoop<P: Painter> {
    model: Model,
    state: ViewState,
    options: Arc<TuiOptions>,
    clock: Arc<dyn Clock>,
    sources: Sources,
    requests: mpsc::Sender<MonitorRequest>,
    brush: Brush<P>,
    copies: Vec<String>,
    dirty: bool,
    second: Pin<Box<Sleep>>,
    pause: Pin<Box<Sleep>>,
    hold: Hold,
    /// Runs while the end of the run is waited for.
    leaving: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl<P: Painter> RenderLoop<P> {
    /// A loop that has drawn nothing yet.
    pub(super) fn new(
        painter: P,
        sources: Sources,
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
            sources,
            requests,
            brush: Brush::Ready(Box::new(painter)),
            copies: Vec::new(),
            dirty: true,
            second: timer(),
            pause: timer(),
            hold: Hold::Ours,
            leaving: None,
            done: false,
        }
    }

    /// Draws the first frame at once, then works until the run is over.
    pub(super) async fn run(mut self) -> io::Result<()> {
        self.first_frame();
        self.arm_second();
        while !self.done {
            self.serve_terminal();
            let woken = self.next().await;
            self.handle(woken);
        }
        match self.brush {
            Brush::Lost(error) => Err(error),
            Brush::Ready(_) => Ok(()),
            // The last frame must be out before the terminal is given back, else it lands in the shell.
            Brush::Busy(frame) => {
                frame.await.map_or_else(|error| Err(error.into()), |painted| painted.result)
            }
        }
    }

    async fn next(&mut self) -> Woken<P> {
        let lost = matches!(self.brush, Brush::Lost(_));
        let due = self.dirty && matches!((&self.hold, &self.brush), (Hold::Ours, Brush::Ready(_)));
        let Sources { published, events, signals } = &mut self.sources;
        tokio::select! {
            event = events.recv(), if !lost => Woken::Input(event),
            changed = published.changed() => Woken::Published(changed.is_ok()),
            painted = painted(&mut self.brush) => Woken::Painted(painted),
            signal = signals.next() => Woken::Signal(signal),
            () = self.second.as_mut() => Woken::Second,
            () = self.pause.as_mut(), if due => Woken::FrameDue,
            () = yielded_too_long(&mut self.hold) => Woken::StopOver,
            () = elapsed(&mut self.leaving) => Woken::LeaveLimit,
        }
    }

    fn handle(&mut self, woken: Woken<P>) {
        match woken {
            Woken::Input(Some(event)) => self.on_input(event),
            Woken::Input(None) => self.on_lost(io::Error::other("the terminal hung up")),
            Woken::Published(open) => self.on_published(open),
            Woken::Painted(Ok(painted)) => self.on_painted(painted),
            Woken::Painted(Err(error)) => self.on_lost(error.into()),
            Woken::Signal(Signalled::Resized) => self.dirty = true,
            Woken::Signal(Signalled::Terminated) => self.carry_out(Message::Act(Action::Quit)),
            Woken::Signal(Signalled::Continued) | Woken::StopOver => self.hold = Hold::Retaking,
            Woken::Second => {
                self.arm_second();
                self.dirty = true;
            }
            Woken::FrameDue => self.start_frame(),
            Woken::LeaveLimit => self.done = true,
        }
    }

    /// Handles what was typed and whatever else waits, so that a burst costs one frame.
    fn on_input(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            self.dirty |= matches!(event, Event::Resize(..));
            let mode = Mode::of(&self.sources.published.borrow());
            if let Some(message) = message(&event, &self.model, mode, &self.options.keymap, &self.state) {
                self.carry_out(message);
            }
            next = self.sources.events.try_recv().ok();
        }
    }

    fn carry_out(&mut self, message: Message) {
        let live = Arc::clone(&self.sources.published.borrow());
        for effect in update(&mut self.model, message, &live, self.clock.now()) {
            self.perform(effect);
        }
        self.dirty = true;
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Request(request) => self.ask(request),
            Effect::Copy(text) => self.copies.push(text),
            Effect::Suspend => self.hold = Hold::Yielding,
            Effect::Leave => self.done = true,
        }
    }

    fn ask(&mut self, request: MonitorRequest) {
        let shutdown = request == MonitorRequest::Shutdown;
        match self.requests.try_send(request) {
            Ok(()) if shutdown => self.leaving = Some(Box::pin(sleep(LEAVE_LIMIT))),
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                // So that quitting again asks again, and the next step starts from what is in force.
                self.model.leaving = false;
                self.model.keep_alive_asked = None;
                self.complain("too many requests are waiting; this one was not taken, try again");
            }
            Err(TrySendError::Closed(_)) if shutdown => self.done = true,
            Err(TrySendError::Closed(_)) => self.complain("the run is over; nothing can be asked any more"),
        }
    }

    fn complain(&mut self, text: &'static str) {
        self.model.notify(self.clock.now(), NoticeKind::Bad, text);
    }

    fn on_published(&mut self, open: bool) {
        let published = self.sources.published.borrow_and_update();
        self.done |= !open || published.runtime.finished;
        // A frozen view changes with the clock only; notices may wait for it.
        self.dirty |= self.model.frozen.is_none();
    }

    fn on_painted(&mut self, painted: Painted<P>) {
        let Painted { painter, state, result } = painted;
        self.adopt(state);
        self.brush = Brush::Ready(Box::new(painter));
        if let Err(error) = result {
            self.on_lost(error);
        }
    }

    fn adopt(&mut self, state: ViewState) {
        self.model.page.rows = state.page_rows;
        self.model.page.max_scroll = state.max_scroll;
        self.state = state;
    }

    /// Nothing can be drawn or typed any more: ends the run in order, without a screen.
    fn on_lost(&mut self, error: io::Error) {
        let first = !matches!(self.brush, Brush::Lost(_));
        self.brush = Brush::Lost(error);
        if first && !self.model.leaving {
            self.carry_out(Message::Act(Action::Quit));
        }
        // A full queue: there is nobody to try again.
        self.done |= !self.model.leaving;
    }

    fn arm_second(&mut self) {
        let millis = self.clock.now().wall.timestamp_subsec_millis() % 1_000;
        self.second = Box::pin(sleep(Duration::from_millis(u64::from(1_000 - millis))));
    }

    /// Gives the terminal back or takes it again, once no frame is under way.
    fn serve_terminal(&mut self) {
        let Brush::Ready(painter) = &mut self.brush else { return };
        match self.hold {
            Hold::Ours | Hold::Yielded(_) => {}
            Hold::Yielding => {
                painter.release();
                // Where jobs cannot be stopped, the terminal is simply taken back.
                let limit = stop_job().map_or(Duration::ZERO, |()| STOP_LIMIT);
                self.hold = Hold::Yielded(Box::pin(sleep(limit)));
            }
            Hold::Retaking => {
                self.hold = Hold::Ours;
                self.dirty = true;
                if let Err(error) = painter.retake() {
                    self.on_lost(error);
                }
            }
        }
    }

    /// The first frame, on this thread: nothing else is to be waited for.
    fn first_frame(&mut self) {
        let mut scene = self.scene();
        let Brush::Ready(painter) = &mut self.brush else { return };
        let mut state = std::mem::take(&mut self.state);
        let result = scene.paint(painter.as_mut(), &mut state);
        self.adopt(state);
        if let Err(error) = result {
            self.on_lost(error);
        }
    }

    fn start_frame(&mut self) {
        let Brush::Ready(_) = &self.brush else { return };
        let mut scene = self.scene();
        // The mouse goes on hitting what is on the screen until the new frame is there.
        let stand_in = ViewState { areas: self.state.areas.clone(), ..ViewState::default() };
        let mut state = std::mem::replace(&mut self.state, stand_in);
        let nobody = Brush::Lost(io::ErrorKind::NotConnected.into());
        let Brush::Ready(mut painter) = std::mem::replace(&mut self.brush, nobody) else { return };
        self.brush = Brush::Busy(tokio::task::spawn_blocking(move || {
            let result = scene.paint(painter.as_mut(), &mut state);
            Painted { painter: *painter, state, result }
        }));
    }

    fn scene(&mut self) -> Scene {
        self.dirty = false;
        self.pause = Box::pin(sleep(FRAME));
        let live = Arc::clone(&self.sources.published.borrow_and_update());
        // This reading may have been the one that `changed` would have told of.
        self.done |= live.runtime.finished;
        let (copies, now) = (std::mem::take(&mut self.copies), self.clock.now());
        if !copies.is_empty() {
            let text = "summary sent to the clipboard, if the terminal allows it (OSC 52)";
            self.model.notify(now, NoticeKind::Info, text);
        }
        Scene { live, model: self.model.clone(), options: Arc::clone(&self.options), copies, now }
    }
}

async fn painted<P>(brush: &mut Brush<P>) -> Result<Painted<P>, JoinError> {
    match brush {
        Brush::Busy(frame) => frame.await,
        Brush::Ready(_) | Brush::Lost(_) => std::future::pending().await,
    }
}

async fn yielded_too_long(hold: &mut Hold) {
    match hold {
        Hold::Yielded(timer) => timer.as_mut().await,
        Hold::Ours | Hold::Yielding | Hold::Retaking => std::future::pending().await,
    }
}

async fn elapsed(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.as_mut().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
