//! The loop of a replay: lets time pass, answers requests, publishes what the monitor would have published.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use super::player::Player;
use super::present;
use super::tape::Tape;
use crate::diagnostics::{Clock, Diagnostics, Stamp};
use crate::monitor::{
    Lost, Notice, NoticeKind, Playing, Published, Replay, ReportKind, ReportSettings, Reports, Request,
    Runtime,
};

/// Requests that may wait.
const REQUESTS: usize = 64;
/// Notices kept for the screen.
const NOTICES: usize = 8;
/// Time between two pictures while playing.
const FRAME: Duration = Duration::from_millis(50);
/// At most so much time passes at once: where folding cannot keep up, the replay gets slower, not jumpy.
const LONGEST_STEP: Duration = Duration::from_millis(250);
/// Events folded before requests are looked at again.
const BATCH: usize = 16_384;

/// How to replay.
#[derive(Debug)]
pub struct ReplaySettings {
    /// Where exports and reports go. Nothing is written unless asked for.
    pub reports: ReportSettings,
    /// Field seconds per second; `None` = the whole in about a minute.
    pub speed: Option<f64>,
    /// Stand still at the beginning.
    pub paused: bool,
    /// Where to begin; `None` = at the first event.
    pub at: Option<StartAt>,
}

/// A place in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// So long after the first event.
    FromBeginning(Duration),
    /// So long before the last event.
    FromEnd(Duration),
    /// When the wall clock showed this.
    Wall(DateTime<Utc>),
}

impl StartAt {
    /// Tells the tape what to look for, before it is read.
    pub fn prepare(self, tape: &mut Tape) {
        if let Self::Wall(wall) = self {
            tape.seek_wall(wall);
        }
    }

    /// The position, after the tape was read.
    pub fn position(self, tape: &Tape) -> Duration {
        match self {
            Self::FromBeginning(offset) => offset.min(tape.length()),
            Self::FromEnd(offset) => tape.length().saturating_sub(offset),
            Self::Wall(_) => tape.found().unwrap_or_default(),
        }
    }
}

/// The running replay, as seen from outside.
#[derive(Debug)]
pub struct Handle {
    /// Asks for things; a full channel is the caller's to report.
    pub requests: mpsc::Sender<Request>,
    /// The state at the moment shown.
    pub published: watch::Receiver<Arc<Published>>,
    task: JoinHandle<io::Result<()>>,
}

impl Handle {
    /// Waits for the end, which comes with [`Request::Shutdown`].
    ///
    /// # Errors
    /// If the task panicked; inside, if the recording could not be read any more.
    pub async fn finished(self) -> Result<io::Result<()>, JoinError> {
        drop(self.requests);
        self.task.await
    }
}

/// Starts reading and, when the whole was read once, playing.
pub fn spawn(mut tape: Tape, settings: ReplaySettings, clock: Arc<dyn Clock>) -> Handle {
    let (requests, inbox) = mpsc::channel(REQUESTS);
    if let Some(at) = settings.at {
        at.prepare(&mut tape);
    }
    let player = Player::new(Duration::ZERO, settings.speed, settings.paused);
    let mut show = Show {
        tape: Some(tape),
        player,
        reports: Reports::new(settings.reports.clone()),
        clock,
        notices: Vec::new(),
        published: None,
    };
    let (sender, published) = watch::channel(Arc::new(show.blank()));
    show.published = Some(sender);
    let task = tokio::spawn(show.run(inbox, settings));
    Handle { requests, published, task }
}

/// A replay under way.
#[derive(Debug)]
struct Show {
    /// Gone while it is at work on a blocking thread.
    tape: Option<Tape>,
    player: Player,
    reports: Reports,
    clock: Arc<dyn Clock>,
    notices: Vec<Notice>,
    published: Option<watch::Sender<Arc<Published>>>,
}

impl Show {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>, settings: ReplaySettings) -> io::Result<()> {
        let result = self.play(&mut inbox, &settings).await;
        self.finish().await;
        result
    }

    async fn play(
        &mut self,
        inbox: &mut mpsc::Receiver<Request>,
        settings: &ReplaySettings,
    ) -> io::Result<()> {
        if !self.read(inbox).await? {
            return Ok(());
        }
        self.begin(settings);
        let mut frames = interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.clock.now();
        loop {
            self.arrive(inbox).await?;
            self.publish()?;
            let is_playing = !self.player.is_paused();
            let request = tokio::select! {
                request = inbox.recv() => Some(request),
                done = self.reports.finished() => {
                    self.notice(done.0, done.1);
                    None
                }
                _ = frames.tick(), if is_playing => None,
            };
            let now = self.clock.now();
            self.player.pass(now.since(before).min(LONGEST_STEP));
            before = now;
            match request {
                Some(None | Some(Request::Shutdown)) => return Ok(()),
                Some(Some(request)) => self.handle(&request),
                None => {}
            }
        }
    }

    /// Reads the recording for the first time, telling how far it is; `false` if nobody waits for it any more.
    async fn read(&mut self, inbox: &mut mpsc::Receiver<Request>) -> io::Result<bool> {
        loop {
            let is_whole = self.work(|tape| tape.read_on(BATCH)).await?;
            while let Ok(request) = inbox.try_recv() {
                if request == Request::Shutdown {
                    return Ok(false);
                }
                self.notice(NoticeKind::Info, "the recording is still being read".to_owned());
            }
            if is_whole {
                return Ok(true);
            }
            let blank = self.blank();
            self.show(blank);
        }
    }

    fn begin(&mut self, settings: &ReplaySettings) {
        let Some(tape) = &self.tape else { return };
        self.player = Player::new(tape.length(), settings.speed, settings.paused);
        if let Some(at) = settings.at {
            self.player.go(at.position(tape));
        }
        match tape.tally().skipped() {
            0 => {}
            1 => self.notice(NoticeKind::Bad, "1 line of the recording cannot be read".to_owned()),
            many => self.notice(NoticeKind::Bad, format!("{many} lines of the recording cannot be read")),
        }
    }

    /// Brings the tape to where the player is. A request on the way may change that place.
    async fn arrive(&mut self, inbox: &mut mpsc::Receiver<Request>) -> io::Result<()> {
        loop {
            let to = self.player.position();
            if self.tape.as_ref().is_some_and(|tape| tape.position() == to) {
                return Ok(());
            }
            if self.work(move |tape| tape.go(to, BATCH)).await? {
                return Ok(());
            }
            match inbox.try_recv() {
                Ok(Request::Play(wanted)) => self.seek(wanted),
                // Left to the loop that ends the run: the channel is closed for it as well.
                Ok(Request::Shutdown) => {
                    inbox.close();
                    return Ok(());
                }
                Ok(request) => self.handle(&request),
                Err(_) => {}
            }
        }
    }

    /// Lets the tape work where waiting for a disk holds up nobody.
    async fn work<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Tape) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(mut tape) = self.tape.take() else {
            return Err(io::Error::other("the recording is in use"));
        };
        let (tape, result) = spawn_blocking(move || {
            let result = work(&mut tape);
            (tape, result)
        })
        .await?;
        self.tape = Some(tape);
        result
    }

    fn handle(&mut self, request: &Request) {
        match request {
            Request::Play(wanted) => self.seek(*wanted),
            Request::Export => self.report(ReportKind::Json),
            Request::Report => self.report(ReportKind::Markdown),
            _ => {
                let text = "this is a recording: nothing can be done to its connection any more";
                self.notice(NoticeKind::Info, text.to_owned());
            }
        }
    }

    fn seek(&mut self, wanted: Playing) {
        if let Some(tape) = &self.tape {
            self.player.play(wanted, tape.drops());
        }
    }

    /// Writes what a live run would have written at the moment shown.
    fn report(&mut self, kind: ReportKind) {
        let Some(tape) = &mut self.tape else { return };
        let (moment, now) = (tape.moment(), tape.now());
        if let Some((kind, text)) = self.reports.write(kind, moment, now, Lost::default(), true) {
            self.notice(kind, text);
        }
    }

    fn notice(&mut self, kind: NoticeKind, text: String) {
        if self.notices.len() >= NOTICES {
            self.notices.remove(0);
        }
        self.notices.push(Notice { at: self.clock.now(), kind, text: text.into() });
    }

    fn publish(&mut self) -> io::Result<()> {
        let picture = self.picture()?;
        self.show(picture);
        Ok(())
    }

    fn show(&self, picture: Published) {
        if let Some(published) = &self.published {
            published.send_replace(Arc::new(picture));
        }
    }

    fn picture(&mut self) -> io::Result<Published> {
        let Some(tape) = &mut self.tape else { return Ok(self.blank()) };
        let (at, snapshot, verdict) = (tape.now(), tape.snapshot(), tape.verdict());
        let scale = snapshot.clone();
        let runtime = present::runtime(&snapshot, at, tape.upcoming()?, |at| scale.field_time(at));
        let runtime = Runtime { replay: Some(self.state(at)), notices: self.notices.clone(), ..runtime };
        Ok(Published { snapshot, verdict, runtime })
    }

    /// What is shown before the recording was read.
    fn blank(&self) -> Published {
        let begins = self.tape.as_ref().map_or(DateTime::UNIX_EPOCH, Tape::begins);
        let at = Stamp::new(begins, Duration::ZERO);
        let snapshot = Diagnostics::new(1).snapshot(at);
        let runtime =
            Runtime { replay: Some(self.state(at)), notices: self.notices.clone(), ..Runtime::default() };
        Published { snapshot, verdict: None, runtime }
    }

    fn state(&self, at: Stamp) -> Replay {
        let tape = self.tape.as_ref();
        Replay {
            at,
            position: tape.map_or(Duration::ZERO, Tape::position),
            length: self.player.length(),
            speed: self.player.speed(),
            paused: self.player.is_paused(),
            reading: tape.and_then(Tape::reading),
            unreadable: tape.map_or(0, |tape| tape.tally().skipped()),
        }
    }

    /// Writes what was asked for; the last picture says that it is over.
    async fn finish(&mut self) {
        if let Some(tape) = &mut self.tape {
            let (moment, now) = (tape.moment(), tape.now());
            for (kind, text) in self.reports.finish(moment, now, Lost::default()).await {
                self.notice(kind, text);
            }
        }
        let notices = self.notices.clone();
        if let Some(published) = &self.published {
            published.send_modify(|last| {
                let runtime = &mut Arc::make_mut(last).runtime;
                (runtime.finished, runtime.notices) = (true, notices);
            });
        }
    }
}
