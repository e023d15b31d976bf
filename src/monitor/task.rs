//! The loop itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::commander::{Commander, DeviceSettings, reached};
use super::device::heard;
use super::folds::Folds;
use super::pace::Pace;
use super::reports::{Lost, ReportKind, ReportSettings, Reports};
use super::{Notice, NoticeKind, Published, Request, Runtime, Simulation, SimulationPort};
use crate::diagnostics::event::{Event, FORMAT, Initiator, Started};
use crate::diagnostics::{Clock, ClockWatch, Disguise, Observed, recording};
use crate::export::{Recorder, RecorderSettings};
use crate::mqtt::settings::{LinkSettings, VersionChoice};
use crate::mqtt::{Activity, Link, Publish, ReconnectKind, SettingsError};

/// Requests that may wait; a person types slower.
const REQUESTS: usize = 64;
/// Events a slow reader may lag behind before it loses the oldest (and is told how many).
const EVENTS: usize = 4_096;
/// Notices kept for the screen.
const NOTICES: usize = 8;
/// How long the farewell to the broker may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the monitor needs to run.
#[derive(Debug)]
pub struct MonitorSettings {
    /// The connection.
    pub link: LinkSettings,
    /// Entries retained in each history.
    pub max_events: usize,
    /// Where to record; `None` = do not.
    pub recorder: Option<RecorderSettings>,
    /// Exports and reports.
    pub reports: ReportSettings,
    /// End the run after this long.
    pub duration: Option<Duration>,
    /// What is simulated, if anything.
    pub simulation: Option<SimulationPort>,
    /// The device behind the broker, if its language is known.
    pub device: Option<DeviceSettings>,
    /// Names that are written down nowhere.
    pub disguise: Disguise,
}

/// The running monitor, as seen from outside.
#[derive(Debug)]
pub struct Handle {
    /// Asks for things; a full channel is the caller's to report.
    pub requests: mpsc::Sender<Request>,
    /// The newest state.
    pub published: watch::Receiver<Arc<Published>>,
    events: broadcast::Sender<Arc<Observed>>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Every event from now on. A reader that lags loses the oldest and learns how many.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Observed>> {
        self.events.subscribe()
    }

    /// Waits for the end of the run and returns the last state.
    ///
    /// # Errors
    /// If the task panicked.
    pub async fn finished(self) -> Result<Arc<Published>, JoinError> {
        self.task.await?;
        Ok(self.published.borrow().clone())
    }
}

/// Starts watching. The handle, and every event from the first one on.
///
/// # Errors
/// If the link settings cannot be used (unreadable certificate and the like).
pub fn spawn(
    settings: MonitorSettings,
    clock: Arc<dyn Clock>,
) -> Result<(Handle, broadcast::Receiver<Arc<Observed>>), SettingsError> {
    let link = Link::new(settings.link.clone(), Arc::clone(&clock))?;
    Ok(spawn_with(link, settings, clock))
}

/// Starts watching over a link that was made of `settings.link` and is still off: for links whose
/// transports are not sockets.
pub fn spawn_with(
    mut link: Link,
    settings: MonitorSettings,
    clock: Arc<dyn Clock>,
) -> (Handle, broadcast::Receiver<Arc<Observed>>) {
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let (events, first_reader) = broadcast::channel(EVENTS);
    let mut folds = Folds::new(settings.max_events);
    let snapshot = folds.snapshot(clock.now());
    let mut commander = settings.device.map(|device| listen(device, &settings.link, &mut link));
    let simulation = settings.simulation.as_ref().map(|port| port.shown.borrow().clone());
    let device = commander.as_mut().map(|commander| commander.shown(|stamp| stamp));
    let runtime = Runtime { device, simulation, ..Runtime::default() };
    let first = Published { snapshot, verdict: None, runtime: runtime.clone() };
    let (sender, published) = watch::channel(Arc::new(first));
    let monitor = Monitor {
        link,
        clock,
        folds,
        recorder: settings.recorder.map(Recorder::start),
        reports: Reports::new(settings.reports),
        events: events.clone(),
        published: sender,
        runtime,
        pace: Pace::default(),
        clock_watch: ClockWatch::default(),
        simulation: settings.simulation,
        commander,
        disguise: settings.disguise,
    };
    let task = tokio::spawn(monitor.run(inbox, started(&settings.link), settings.duration));
    (Handle { requests, published, events, task }, first_reader)
}

fn listen(device: DeviceSettings, settings: &LinkSettings, link: &mut Link) -> Commander {
    let scale = settings.time_scale;
    let (commander, hearing) = Commander::new(device, &settings.client_id, scale, rand::random());
    link.listen(hearing.listener, hearing.filters);
    commander
}

fn started(link: &LinkSettings) -> Started {
    let broker = &link.broker;
    let host = if broker.host.contains(':') { format!("[{}]", broker.host) } else { broker.host.clone() };
    let scheme = match broker.transport.name() {
        "tcp" => "mqtt",
        "tls" => "mqtts",
        websocket => websocket,
    };
    let path = broker.path.split(['?', '#']).next().filter(|_| broker.transport.is_websocket()).unwrap_or("");
    Started {
        format: Some(FORMAT.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        keep_alive_secs: f64::from(link.keep_alive_secs) / link.time_scale,
        client_id: link.client_id.clone(),
        endpoint: format!("{scheme}://{host}:{}{path}", broker.port),
        mqtt_version: Some(
            match link.version {
                VersionChoice::Auto => "auto",
                VersionChoice::V311 => "3.1.1",
                VersionChoice::V5 => "5",
            }
            .to_owned(),
        ),
        transport: Some(broker.transport.name().to_owned()),
        clean_session: Some(link.clean_session),
        time_scale: (link.time_scale.to_bits() != 1.0_f64.to_bits()).then_some(link.time_scale),
    }
}

/// What the simulation has to say anew; `None` = it is gone. Pends for ever without one.
async fn changed(simulation: &mut Option<SimulationPort>) -> Option<Simulation> {
    match simulation {
        Some(port) => port.shown.changed().await.is_ok().then(|| port.shown.borrow_and_update().clone()),
        None => std::future::pending().await,
    }
}

#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) link: Link,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) commander: Option<Commander>,
    folds: Folds,
    recorder: Option<Recorder>,
    reports: Reports,
    events: broadcast::Sender<Arc<Observed>>,
    published: watch::Sender<Arc<Published>>,
    runtime: Runtime,
    pub(super) pace: Pace,
    clock_watch: ClockWatch,
    simulation: Option<SimulationPort>,
    disguise: Disguise,
}

impl Monitor {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>, started: Started, duration: Option<Duration>) {
        self.observe_now(Event::Started(started));
        self.link.connect();
        let end = tokio::time::sleep(duration.unwrap_or(Duration::MAX));
        tokio::pin!(end);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = self.clock.now();
            let due = self.pace.due_in(now);
            let deadline = self.commander.as_ref().and_then(Commander::next_deadline);
            let deadline = deadline.map(|deadline| deadline.since(now));
            tokio::select! {
                observed = self.link.next() => self.observe(observed),
                heard = heard(&mut self.commander) => self.on_heard(&heard),
                () = reached(deadline) => self.on_device_time(),
                request = inbox.recv() => match request {
                    Some(Request::Shutdown) | None => break,
                    Some(request) => self.handle(request),
                },
                () = &mut end, if duration.is_some() => break,
                shown = changed(&mut self.simulation) => self.on_simulation(shown),
                done = self.reports.finished() => self.notice(done.0, done.1),
                _ = second.tick() => self.on_second(),
                () = tokio::time::sleep(due) => self.publish(),
            }
        }
        self.finish().await;
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::SetKeepAlive(secs) => self.link.set_keep_alive(secs),
            Request::Reconnect => self.link.reconnect(ReconnectKind::Quick, Initiator::User),
            Request::DeepReconnect => self.link.reconnect(ReconnectKind::Deep, Initiator::User),
            Request::ToggleConnection => match self.link.status().activity {
                Activity::Off | Activity::GivenUp => self.link.connect(),
                _ => self.link.disconnect(Initiator::User),
            },
            Request::Export => self.report(ReportKind::Json, true),
            Request::Report => self.report(ReportKind::Markdown, true),
            Request::Note(text) => self.observe_now(Event::Note { text }),
            Request::Publish { topic, payload, qos, retain } => self.link.publish(Publish {
                name: topic.clone(),
                topic,
                payload,
                qos,
                retain,
                correlation_id: None,
            }),
            Request::Command { name, values } => self.run_command(&name, &values),
            Request::Inject(index) => self.inject(index),
            Request::Play(_) => {
                self.notice(NoticeKind::Info, "this is live; time moves in a replay only".to_owned());
            }
            // Handled by the loop.
            Request::Shutdown => {}
        }
        self.pace.urgent();
    }

    fn inject(&mut self, index: usize) {
        let Some(port) = &self.simulation else {
            return self.notice(NoticeKind::Bad, "faults can be injected in a simulation only".to_owned());
        };
        if port.inject.try_send(index).is_err() {
            self.notice(NoticeKind::Bad, "the simulation takes no fault now; try again".to_owned());
        }
    }

    fn on_simulation(&mut self, shown: Option<Simulation>) {
        match shown {
            Some(shown) => self.runtime.simulation = Some(shown),
            None => self.simulation = None,
        }
        self.pace.urgent();
    }

    /// Record, fold, tell. The order matters: what is on screen is on disk (or counted as lost).
    pub(super) fn observe(&mut self, mut observed: Observed) {
        let mut told = Vec::new();
        if let Some(commander) = &mut self.commander {
            // Before the disguise: answers are recognised by the names as they are.
            commander.observe(&observed, &mut told);
        }
        self.disguise.apply(&mut observed.event);
        if let Some(recorder) = &self.recorder {
            let sync = matches!(observed.event, Event::Dropped(_) | Event::Stopped { .. });
            recorder.append(recording::encode(&observed), sync);
        }
        self.folds.apply(observed.at, &observed.event);
        self.pace.event(&observed.event);
        tracing::debug!(event = ?observed.event, "observed");
        if self.events.len() >= EVENTS {
            // The slowest reader is about to lose its oldest event; it is told by the channel itself.
            self.runtime.lost_events += 1;
        }
        // No reader is no loss.
        let _ = self.events.send(Arc::new(observed));
        self.observe_all(told);
    }

    fn observe_now(&mut self, event: Event) {
        self.observe(Observed { at: self.clock.now(), event });
    }

    fn on_second(&mut self) {
        for event in self.clock_watch.observe(self.clock.read()) {
            self.observe_now(event);
        }
        if let Some(recorder) = &self.recorder
            && recorder.state() != self.runtime.recorder
        {
            self.pace.touch();
        }
        self.on_device_second();
        if self.reports.is_due(self.clock.now()) {
            self.report(ReportKind::Json, false);
        }
        let status = self.link.status();
        let is_still = matches!(status.activity, Activity::Connected | Activity::Off | Activity::GivenUp);
        // A ping without an answer is no event, but the first sign of a drop.
        let is_told =
            status.ping_outstanding_since.is_some() == self.runtime.ping_outstanding_since.is_some();
        if !is_still || !is_told {
            self.pace.touch();
        }
    }

    fn report(&mut self, kind: ReportKind, asked: bool) {
        let now = self.clock.now();
        let moment = self.folds.moment(now);
        if let Some((kind, text)) = self.reports.write(kind, moment, now, self.lost(), asked) {
            self.notice(kind, text);
        }
    }

    fn lost(&self) -> Lost {
        Lost {
            events: self.runtime.lost_events,
            recording_lines: self.recorder.as_ref().map_or(self.runtime.lost_lines, Recorder::lost_lines),
        }
    }

    pub(super) fn notice(&mut self, kind: NoticeKind, text: String) {
        tracing::info!(?kind, text, "notice");
        if self.runtime.notices.len() >= NOTICES {
            self.runtime.notices.remove(0);
        }
        self.runtime.notices.push(Notice { at: self.clock.now(), kind, text: text.into() });
        self.pace.urgent();
    }

    fn publish(&mut self) {
        let now = self.clock.now();
        let status = self.link.status();
        let field = |at| self.folds.field_time(at);
        self.runtime.activity = match status.activity {
            Activity::Waiting { until, attempt } => Activity::Waiting { until: field(until), attempt },
            Activity::Connecting { phase, since, attempt } => {
                Activity::Connecting { phase, since: field(since), attempt }
            }
            other => other,
        };
        self.runtime.ping_outstanding_since = status.ping_outstanding_since.map(field);
        self.runtime.last_rx = status.last_rx.map(field);
        self.runtime.last_tx = status.last_tx.map(field);
        self.runtime.queued = status.queued;
        self.runtime.in_flight = status.in_flight;
        let folds = &self.folds;
        self.runtime.device = self.commander.as_mut().map(|one| one.shown(|at| folds.field_time(at)));
        if let Some(recorder) = &self.recorder {
            self.runtime.recorder = recorder.state();
            self.runtime.lost_lines = recorder.lost_lines();
        }
        let (snapshot, verdict) = (self.folds.snapshot(now), self.folds.verdict());
        let runtime = self.runtime.clone();
        self.published.send_replace(Arc::new(Published { snapshot, verdict, runtime }));
        self.pace.published(now);
    }

    /// Says goodbye to the broker, writes what is left, publishes the last state.
    async fn finish(mut self) {
        for observed in self.link.shutdown(FAREWELL).await {
            self.observe(observed);
        }
        // The last export is of the instant of the last event, so that the recording gives the same one.
        let now = self.clock.now();
        self.observe(Observed { at: now, event: Event::Stopped { by: Some("end of run".to_owned()) } });
        let moment = self.folds.moment(now);
        for (kind, text) in self.reports.finish(moment, now, self.lost()).await {
            self.notice(kind, text);
        }
        if let Some(recorder) = self.recorder.take() {
            self.runtime.recorder = recorder.finish(FAREWELL);
        }
        self.runtime.finished = true;
        self.publish();
    }
}
