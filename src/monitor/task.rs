//! The loop itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::device::next_device_message;
use super::device_session::{DeviceSession, DeviceSettings, sleep_until_deadline};
use super::push_throttle::PushThrottle;
use super::simulation_port::SimulationPort;
use crate::diagnostics::event::{Event, FORMAT, Initiator, StartedEvent};
use crate::diagnostics::{Clock, ClockMonitor, LinkActivity, NameMask, StampedEvent, recording};
use crate::export::{Recorder, RecorderSettings};
use crate::mqtt::settings::LinkSettings;
use crate::mqtt::{Link, Publish, ReconnectKind, SettingsError};
use crate::report_writer::{LostCounts, ReportKind, ReportSettings, ReportWriter};
use crate::state::{EventFold, LiveState, MonitorRequest, NoticeKind, NoticeLog, RuntimeStatus, Simulation};

/// Requests that may wait; a person types slower.
const REQUESTS: usize = 64;
/// Events a slow reader may lag behind before it loses the oldest (and is told how many).
const EVENTS: usize = 4_096;
/// How long the farewell to the broker may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

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
    pub name_mask: NameMask,
}

/// The running monitor, as seen from outside.
#[derive(Debug)]
pub struct MonitorHandle {
    /// Asks for things; a full channel is the caller's to report.
    pub requests: mpsc::Sender<MonitorRequest>,
    /// The newest state.
    pub live_state: watch::Receiver<Arc<LiveState>>,
    events: broadcast::Sender<Arc<StampedEvent>>,
    task: JoinHandle<()>,
}

impl MonitorHandle {
    /// Every event from now on. A reader that lags loses the oldest and learns how many.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<StampedEvent>> {
        self.events.subscribe()
    }

    /// Waits for the end of the run and returns the last state.
    ///
    /// # Errors
    /// If the task panicked.
    pub async fn finished(self) -> Result<Arc<LiveState>, JoinError> {
        self.task.await?;
        Ok(self.live_state.borrow().clone())
    }
}

/// Starts watching. The handle, and every event from the first one on.
///
/// # Errors
/// If the link settings cannot be used (unreadable certificate and the like).
pub fn spawn(
    settings: MonitorSettings,
    clock: Arc<dyn Clock>,
) -> Result<(MonitorHandle, broadcast::Receiver<Arc<StampedEvent>>), SettingsError> {
    let link = Link::new(settings.link.clone(), Arc::clone(&clock))?;
    Ok(spawn_with(link, settings, clock))
}

/// Starts watching over a link that was made of `settings.link` and is still off: for links whose
/// transports are not sockets.
pub fn spawn_with(
    mut link: Link,
    settings: MonitorSettings,
    clock: Arc<dyn Clock>,
) -> (MonitorHandle, broadcast::Receiver<Arc<StampedEvent>>) {
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let (events, first_reader) = broadcast::channel(EVENTS);
    let mut fold = EventFold::new(settings.max_events);
    let snapshot = fold.snapshot(clock.now());
    let mut device_session =
        settings.device.map(|device| start_device_session(device, &settings.link, &mut link));
    let simulation = settings.simulation.as_ref().map(|port| port.status.borrow().clone());
    let device = device_session.as_mut().map(|commander| commander.view(|stamp| stamp));
    let runtime = RuntimeStatus { device, simulation, ..RuntimeStatus::default() };
    let first = LiveState { snapshot, verdict: None, runtime: runtime.clone() };
    let (sender, published) = watch::channel(Arc::new(first));
    let monitor = Monitor {
        link,
        clock,
        fold,
        recorder: settings.recorder.map(Recorder::start),
        reports: ReportWriter::new(settings.reports),
        events: events.clone(),
        state_sender: sender,
        runtime,
        notices: NoticeLog::default(),
        throttle: PushThrottle::default(),
        clock_watch: ClockMonitor::default(),
        simulation: settings.simulation,
        device_session,
        name_mask: settings.name_mask,
    };
    let task = tokio::spawn(monitor.run(inbox, started_event(&settings.link), settings.duration));
    (MonitorHandle { requests, live_state: published, events, task }, first_reader)
}

fn start_device_session(device: DeviceSettings, settings: &LinkSettings, link: &mut Link) -> DeviceSession {
    let scale = settings.time_scale;
    let (session, setup) = DeviceSession::new(device, &settings.client_id, scale, rand::random());
    link.add_listener(setup.listener, setup.filters);
    session
}

fn started_event(link: &LinkSettings) -> StartedEvent {
    let broker = &link.broker;
    let host = if broker.host.contains(':') { format!("[{}]", broker.host) } else { broker.host.clone() };
    let scheme = broker.transport.scheme();
    let path = broker.path.split(['?', '#']).next().filter(|_| broker.transport.is_websocket()).unwrap_or("");
    StartedEvent {
        format: Some(FORMAT.to_owned()),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        keep_alive_secs: f64::from(link.keep_alive_secs) / link.time_scale,
        client_id: link.client_id.clone(),
        endpoint: format!("{scheme}://{host}:{}{path}", broker.port),
        mqtt_version: Some(link.version.into()),
        transport: Some(broker.transport.into()),
        clean_session: Some(link.clean_session),
        time_scale: (link.time_scale.to_bits() != 1.0_f64.to_bits()).then_some(link.time_scale),
    }
}

/// What the simulation has to say anew; `None` = it is gone. Pends for ever without one.
async fn simulation_changed(simulation: &mut Option<SimulationPort>) -> Option<Simulation> {
    match simulation {
        Some(port) => port.status.changed().await.is_ok().then(|| port.status.borrow_and_update().clone()),
        None => std::future::pending().await,
    }
}

#[derive(Debug)]
pub(super) struct Monitor {
    pub(super) link: Link,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) device_session: Option<DeviceSession>,
    fold: EventFold,
    recorder: Option<Recorder>,
    reports: ReportWriter,
    events: broadcast::Sender<Arc<StampedEvent>>,
    state_sender: watch::Sender<Arc<LiveState>>,
    runtime: RuntimeStatus,
    notices: NoticeLog,
    pub(super) throttle: PushThrottle,
    clock_watch: ClockMonitor,
    simulation: Option<SimulationPort>,
    name_mask: NameMask,
}

impl Monitor {
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<MonitorRequest>,
        started: StartedEvent,
        duration: Option<Duration>,
    ) {
        self.observe_now(Event::Started(started));
        self.link.connect();
        let end = tokio::time::sleep(duration.unwrap_or(Duration::MAX));
        tokio::pin!(end);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let now = self.clock.now();
            let due = self.throttle.time_until_push(now);
            let deadline = self.device_session.as_ref().and_then(DeviceSession::next_deadline);
            let deadline = deadline.map(|deadline| deadline.since(now));
            tokio::select! {
                observed = self.link.next() => self.observe(observed),
                message = next_device_message(&mut self.device_session) => self.on_device_message(&message),
                () = sleep_until_deadline(deadline) => self.on_device_tick(),
                request = inbox.recv() => match request {
                    Some(MonitorRequest::Shutdown) | None => break,
                    Some(request) => self.handle(request),
                },
                () = &mut end, if duration.is_some() => break,
                status = simulation_changed(&mut self.simulation) => self.on_simulation(status),
                outcome = self.reports.next_finished() => self.notice(outcome.0, outcome.1),
                _ = second.tick() => self.on_second(),
                () = tokio::time::sleep(due) => self.push_state(),
            }
        }
        self.finish().await;
    }

    fn handle(&mut self, request: MonitorRequest) {
        match request {
            MonitorRequest::SetKeepAlive(secs) => self.link.set_keep_alive(secs),
            MonitorRequest::Reconnect => self.link.reconnect(ReconnectKind::Quick, Initiator::User),
            MonitorRequest::DeepReconnect => self.link.reconnect(ReconnectKind::Deep, Initiator::User),
            MonitorRequest::ToggleConnection => match self.link.status().activity {
                LinkActivity::Off | LinkActivity::GivenUp => self.link.connect(),
                _ => self.link.disconnect(Initiator::User),
            },
            MonitorRequest::Export => self.report(ReportKind::Json, true),
            MonitorRequest::Report => self.report(ReportKind::Markdown, true),
            MonitorRequest::Note(text) => self.observe_now(Event::Note { text }),
            MonitorRequest::Publish { topic, payload, qos, retain } => self.link.publish(Publish {
                name: topic.clone(),
                topic,
                payload: payload.into(),
                qos,
                retain,
                correlation_id: None,
            }),
            MonitorRequest::Command { name, values } => self.run_command(&name, &values),
            MonitorRequest::Inject(index) => self.inject(index),
            MonitorRequest::Play(_) => {
                self.notice(NoticeKind::Info, "this is live; time moves in a replay only".to_owned());
            }
            // Handled by the loop.
            MonitorRequest::Shutdown => {}
        }
        self.throttle.push_now();
    }

    fn inject(&mut self, index: usize) {
        let Some(port) = &self.simulation else {
            return self.notice(NoticeKind::Bad, "faults can be injected in a simulation only".to_owned());
        };
        if port.inject.try_send(index).is_err() {
            self.notice(NoticeKind::Bad, "the simulation takes no fault now; try again".to_owned());
        }
    }

    fn on_simulation(&mut self, status: Option<Simulation>) {
        match status {
            Some(status) => self.runtime.simulation = Some(status),
            None => self.simulation = None,
        }
        self.throttle.push_now();
    }

    /// Record, fold, tell. The order matters: what is on screen is on disk (or counted as lost).
    pub(super) fn observe(&mut self, mut observed: StampedEvent) {
        let mut follow_ups = Vec::new();
        if let Some(commander) = &mut self.device_session {
            // Before the disguise: answers are recognised by the names as they are.
            commander.observe(&observed, &mut follow_ups);
        }
        self.name_mask.apply(&mut observed.event);
        if let Some(recorder) = &self.recorder {
            let sync = matches!(observed.event, Event::Dropped(_) | Event::Stopped { .. });
            recorder.append(recording::encode(&observed), sync);
        }
        self.fold.apply(observed.at, &observed.event);
        self.throttle.on_event(&observed.event);
        tracing::debug!(event = ?observed.event, "observed");
        if self.events.len() >= EVENTS {
            // The slowest reader is about to lose its oldest event; it is told by the channel itself.
            self.runtime.lost_events += 1;
        }
        // No reader is no loss.
        let _ = self.events.send(Arc::new(observed));
        self.observe_all(follow_ups);
    }

    fn observe_now(&mut self, event: Event) {
        self.observe(StampedEvent { at: self.clock.now(), event });
    }

    fn on_second(&mut self) {
        for event in self.clock_watch.observe(self.clock.read()) {
            self.observe_now(event);
        }
        if let Some(recorder) = &self.recorder
            && recorder.state() != self.runtime.recorder
        {
            self.throttle.mark_dirty();
        }
        self.on_device_second();
        if self.reports.is_due(self.clock.now()) {
            self.report(ReportKind::Json, false);
        }
        let status = self.link.status();
        let is_stable =
            matches!(status.activity, LinkActivity::Connected | LinkActivity::Off | LinkActivity::GivenUp);
        // A ping without an answer is no event, but the first sign of a drop.
        let is_ping_state_current =
            status.ping_outstanding_since.is_some() == self.runtime.ping_outstanding_since.is_some();
        if !is_stable || !is_ping_state_current {
            self.throttle.mark_dirty();
        }
    }

    fn report(&mut self, kind: ReportKind, is_requested: bool) {
        let now = self.clock.now();
        let state = self.fold.state_at(now);
        if let Some((kind, text)) = self.reports.write(kind, state, now, self.lost_counts(), is_requested) {
            self.notice(kind, text);
        }
    }

    fn lost_counts(&self) -> LostCounts {
        LostCounts {
            events: self.runtime.lost_events,
            recording_lines: self.recorder.as_ref().map_or(self.runtime.lost_lines, Recorder::lost_lines),
        }
    }

    pub(super) fn notice(&mut self, kind: NoticeKind, text: String) {
        tracing::info!(?kind, text, "notice");
        self.notices.push(self.clock.now(), kind, text);
        self.runtime.notices = self.notices.as_slice().to_vec();
        self.throttle.push_now();
    }

    fn push_state(&mut self) {
        let now = self.clock.now();
        let status = self.link.status();
        let to_field_time = |at| self.fold.field_time(at);
        self.runtime.activity = status.activity.map_stamps(to_field_time);
        self.runtime.ping_outstanding_since = status.ping_outstanding_since.map(to_field_time);
        self.runtime.last_rx = status.last_rx.map(to_field_time);
        self.runtime.last_tx = status.last_tx.map(to_field_time);
        self.runtime.queued = status.queued;
        self.runtime.in_flight = status.in_flight;
        let fold = &self.fold;
        self.runtime.device = self.device_session.as_mut().map(|one| one.view(|at| fold.field_time(at)));
        if let Some(recorder) = &self.recorder {
            self.runtime.recorder = recorder.state();
            self.runtime.lost_lines = recorder.lost_lines();
        }
        let (snapshot, verdict) = (self.fold.snapshot(now), self.fold.verdict());
        let runtime = self.runtime.clone();
        self.state_sender.send_replace(Arc::new(LiveState { snapshot, verdict, runtime }));
        self.throttle.on_pushed(now);
    }

    /// Says goodbye to the broker, writes what is left, publishes the last state.
    async fn finish(mut self) {
        for observed in self.link.shutdown(SHUTDOWN_TIMEOUT).await {
            self.observe(observed);
        }
        // The last export is of the instant of the last event, so that the recording gives the same one.
        let now = self.clock.now();
        self.observe(StampedEvent { at: now, event: Event::Stopped { by: Some("end of run".to_owned()) } });
        let state = self.fold.state_at(now);
        for (kind, text) in self.reports.finish(state, now, self.lost_counts()).await {
            self.notice(kind, text);
        }
        if let Some(recorder) = self.recorder.take() {
            self.runtime.recorder = recorder.finish(SHUTDOWN_TIMEOUT);
        }
        self.runtime.finished = true;
        self.push_state();
    }
}
