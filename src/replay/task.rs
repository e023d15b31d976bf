//! The task of a replay: advances time, handles requests, pushes the state that the monitor would have pushed.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};

use super::playback::Playback;
use super::recording_player::RecordingPlayer;
use super::runtime_status;
use crate::diagnostics::{Clock, Diagnostics, Stamp, words};
use crate::report_writer::{LostCounts, ReportKind, ReportSettings, ReportWriter};
use crate::state::{
    LiveState, MonitorRequest, NoticeKind, NoticeLog, PlaybackAction, ReplayStatus, RuntimeStatus,
};

/// Requests that may wait.
const REQUESTS: usize = 64;
/// Time between two states while playing.
const FRAME_INTERVAL: Duration = Duration::from_millis(50);
/// The most time that passes at once: where folding cannot keep up, the replay gets slower and does not skip.
const MAX_FRAME_STEP: Duration = Duration::from_millis(250);
/// Events folded between two checks for requests.
const BATCH: usize = 16_384;

/// How to replay.
#[derive(Debug)]
pub struct ReplaySettings {
    /// Where exports and reports go. They are written on request only.
    pub reports: ReportSettings,
    /// Field seconds per second; `None` = the whole recording in about a minute.
    pub speed: Option<f64>,
    /// Begin paused.
    pub paused: bool,
    /// Where to begin; `None` = at the first event.
    pub at: Option<StartAt>,
}

/// A start position in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// This long after the first event.
    FromBeginning(Duration),
    /// This long before the last event.
    FromEnd(Duration),
    /// At this time of the wall clock.
    Wall(DateTime<Utc>),
}

impl StartAt {
    /// Sets the time to look for, before the recording is read.
    pub fn prepare(self, recording: &mut RecordingPlayer) {
        if let Self::Wall(wall) = self {
            recording.seek_wall(wall);
        }
    }

    /// The position, after the recording was read.
    pub fn position(self, recording: &RecordingPlayer) -> Duration {
        match self {
            Self::FromBeginning(offset) => offset.min(recording.length()),
            Self::FromEnd(offset) => recording.length().saturating_sub(offset),
            Self::Wall(_) => recording.wall_position().unwrap_or_default(),
        }
    }
}

/// The running replay, as seen from outside.
#[derive(Debug)]
pub struct ReplayHandle {
    /// Takes requests; a full channel is for the caller to report.
    pub requests: mpsc::Sender<MonitorRequest>,
    /// The state at the moment shown.
    pub live_state: watch::Receiver<Arc<LiveState>>,
    task: JoinHandle<io::Result<()>>,
}

impl ReplayHandle {
    /// Waits for the end, which [`MonitorRequest::Shutdown`] requests.
    ///
    /// # Errors
    /// If the task panicked; inside, if the recording could no longer be read.
    pub async fn finished(self) -> Result<io::Result<()>, JoinError> {
        drop(self.requests);
        self.task.await
    }
}

/// Starts reading and, when the whole recording was read once, playing.
pub fn spawn(
    mut recording: RecordingPlayer,
    settings: ReplaySettings,
    clock: Arc<dyn Clock>,
) -> ReplayHandle {
    let (requests, inbox) = mpsc::channel(REQUESTS);
    if let Some(at) = settings.at {
        at.prepare(&mut recording);
    }
    let playback = Playback::new(Duration::ZERO, settings.speed, settings.paused);
    let mut replay = ReplayTask {
        recording: Some(recording),
        playback,
        reports: ReportWriter::new(settings.reports.clone()),
        clock,
        notices: NoticeLog::default(),
        state_sender: None,
    };
    let (sender, live_state) = watch::channel(Arc::new(replay.empty_state()));
    replay.state_sender = Some(sender);
    let task = tokio::spawn(replay.run(inbox, settings));
    ReplayHandle { requests, live_state, task }
}

/// The state of the task.
#[derive(Debug)]
struct ReplayTask {
    /// `None` while a blocking thread uses it.
    recording: Option<RecordingPlayer>,
    playback: Playback,
    reports: ReportWriter,
    clock: Arc<dyn Clock>,
    notices: NoticeLog,
    state_sender: Option<watch::Sender<Arc<LiveState>>>,
}

impl ReplayTask {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<MonitorRequest>,
        settings: ReplaySettings,
    ) -> io::Result<()> {
        let result = self.play(&mut inbox, &settings).await;
        self.finish().await;
        result
    }

    async fn play(
        &mut self,
        inbox: &mut mpsc::Receiver<MonitorRequest>,
        settings: &ReplaySettings,
    ) -> io::Result<()> {
        if !self.read_recording(inbox).await? {
            return Ok(());
        }
        self.apply_settings(settings);
        let mut frames = interval(FRAME_INTERVAL);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut before = self.clock.now();
        loop {
            self.seek_to_position(inbox).await?;
            self.push_state()?;
            let is_playing = !self.playback.is_paused();
            let request = tokio::select! {
                request = inbox.recv() => Some(request),
                outcome = self.reports.next_finished() => {
                    self.notice(outcome.0, outcome.1);
                    None
                }
                _ = frames.tick(), if is_playing => None,
            };
            let now = self.clock.now();
            self.playback.advance(now.since(before).min(MAX_FRAME_STEP));
            before = now;
            match request {
                Some(None | Some(MonitorRequest::Shutdown)) => return Ok(()),
                Some(Some(request)) => self.handle(&request),
                None => {}
            }
        }
    }

    /// Reads the recording for the first time and pushes its progress; `false` if the end was requested.
    async fn read_recording(&mut self, inbox: &mut mpsc::Receiver<MonitorRequest>) -> io::Result<bool> {
        loop {
            let is_whole = self.with_recording(|recording| recording.read_events(BATCH)).await?;
            while let Ok(request) = inbox.try_recv() {
                if request == MonitorRequest::Shutdown {
                    return Ok(false);
                }
                self.notice(NoticeKind::Info, "the recording is still loading".to_owned());
            }
            if is_whole {
                return Ok(true);
            }
            let empty_state = self.empty_state();
            self.send_state(empty_state);
        }
    }

    fn apply_settings(&mut self, settings: &ReplaySettings) {
        let Some(recording) = &self.recording else { return };
        self.playback = Playback::new(recording.length(), settings.speed, settings.paused);
        if let Some(at) = settings.at {
            self.playback.seek(at.position(recording));
        }
        let skipped = recording.stats().skipped();
        if skipped > 0 {
            let lines = words::count(skipped, "line", "lines");
            self.notice(NoticeKind::Bad, format!("{lines} of the recording cannot be read"));
        }
    }

    /// Moves the recording to the position of playback. A request in between may change that position.
    async fn seek_to_position(&mut self, inbox: &mut mpsc::Receiver<MonitorRequest>) -> io::Result<()> {
        loop {
            let to = self.playback.position();
            if self.recording.as_ref().is_some_and(|recording| recording.position() == to) {
                return Ok(());
            }
            if self.with_recording(move |recording| recording.seek(to, BATCH)).await? {
                return Ok(());
            }
            match inbox.try_recv() {
                Ok(MonitorRequest::Play(action)) => self.seek(action),
                // The loop ends the run: the channel is closed for it as well.
                Ok(MonitorRequest::Shutdown) => {
                    inbox.close();
                    return Ok(());
                }
                Ok(request) => self.handle(&request),
                Err(_) => {}
            }
        }
    }

    /// Uses the recording on a blocking thread, where waiting for a disk delays nothing else.
    async fn with_recording<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut RecordingPlayer) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(mut recording) = self.recording.take() else {
            return Err(io::Error::other("the recording is in use"));
        };
        let (recording, result) = spawn_blocking(move || {
            let result = work(&mut recording);
            (recording, result)
        })
        .await?;
        self.recording = Some(recording);
        result
    }

    fn handle(&mut self, request: &MonitorRequest) {
        match request {
            MonitorRequest::Play(action) => self.seek(*action),
            MonitorRequest::Export => self.report(ReportKind::Json),
            MonitorRequest::Report => self.report(ReportKind::Markdown),
            _ => {
                let text = "a replay has no connection to control";
                self.notice(NoticeKind::Info, text.to_owned());
            }
        }
    }

    fn seek(&mut self, action: PlaybackAction) {
        if let Some(recording) = &self.recording {
            self.playback.apply(action, recording.drops());
        }
    }

    /// Writes the document that a live run would have written at the moment shown.
    fn report(&mut self, kind: ReportKind) {
        let Some(recording) = &mut self.recording else { return };
        let (state, now) = (recording.diagnostic_state(), recording.now());
        if let Some((kind, text)) = self.reports.write(kind, state, now, LostCounts::default(), true) {
            self.notice(kind, text);
        }
    }

    fn notice(&mut self, kind: NoticeKind, text: String) {
        self.notices.push(self.clock.now(), kind, text);
    }

    fn push_state(&mut self) -> io::Result<()> {
        let live_state = self.live_state()?;
        self.send_state(live_state);
        Ok(())
    }

    fn send_state(&self, live_state: LiveState) {
        if let Some(sender) = &self.state_sender {
            sender.send_replace(Arc::new(live_state));
        }
    }

    fn live_state(&mut self) -> io::Result<LiveState> {
        let Some(recording) = &mut self.recording else { return Ok(self.empty_state()) };
        let (at, snapshot, verdict) = (recording.now(), recording.snapshot(), recording.verdict());
        let scaled_snapshot = snapshot.clone();
        let runtime = runtime_status::runtime(&snapshot, at, recording.upcoming_events()?, |at| {
            scaled_snapshot.field_time(at)
        });
        let runtime = RuntimeStatus {
            replay: Some(self.status(at)),
            notices: self.notices.as_slice().to_vec(),
            ..runtime
        };
        Ok(LiveState { snapshot, verdict, runtime })
    }

    /// The state shown before the recording was read.
    fn empty_state(&self) -> LiveState {
        let start = self.recording.as_ref().map_or(DateTime::UNIX_EPOCH, RecordingPlayer::start_time);
        let at = Stamp::new(start, Duration::ZERO);
        let snapshot = Diagnostics::new(1).snapshot(at);
        let runtime = RuntimeStatus {
            replay: Some(self.status(at)),
            notices: self.notices.as_slice().to_vec(),
            ..RuntimeStatus::default()
        };
        LiveState { snapshot, verdict: None, runtime }
    }

    fn status(&self, at: Stamp) -> ReplayStatus {
        let recording = self.recording.as_ref();
        ReplayStatus {
            at,
            position: recording.map_or(Duration::ZERO, RecordingPlayer::position),
            length: self.playback.length(),
            speed: self.playback.speed(),
            paused: self.playback.is_paused(),
            reading: recording.and_then(RecordingPlayer::percent_read),
            unreadable: recording.map_or(0, |recording| recording.stats().skipped()),
        }
    }

    /// Writes the requested documents and pushes the last state, which is marked as finished.
    async fn finish(&mut self) {
        if let Some(recording) = &mut self.recording {
            let (state, now) = (recording.diagnostic_state(), recording.now());
            for (kind, text) in self.reports.finish(state, now, LostCounts::default()).await {
                self.notice(kind, text);
            }
        }
        let notices = self.notices.as_slice().to_vec();
        if let Some(sender) = &self.state_sender {
            sender.send_modify(|last| {
                let runtime = &mut Arc::make_mut(last).runtime;
                (runtime.finished, runtime.notices) = (true, notices);
            });
        }
    }
}
