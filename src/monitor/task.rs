//! The task of the monitor: its settings, its handle and its loop.

mod separation_requests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{JoinError, JoinHandle};

use super::device::MonitoredDevice;
use super::device_session::DeviceSettings;
use super::event_pipeline::EventPipeline;
use super::event_queue::EventQueue;
use super::push_throttle::PushThrottle;
use super::separation::{SeparationRunner, TestEnd};
use super::simulation_port::{SimulationPort, simulation_changed};
use super::started_event::started_event;
use crate::device::Value;
use crate::diagnostics::event::{Event, Initiator, StartedEvent};
use crate::diagnostics::{Clock, ClockMonitor, Diagnostics, LinkActivity, NameMask, StampedEvent, clean};
use crate::export::RecorderSettings;
use crate::mqtt::settings::LinkSettings;
use crate::mqtt::{Link, Publish, ReceivedMessage, ReconnectKind, SettingsError};
use crate::report_writer::{ReportKind, ReportSettings, ReportWriter};
use crate::state::{LiveState, MonitorRequest, NoticeKind, NoticeLog, RuntimeStatus, Simulation};

/// Requests that may wait; a person types slower.
const REQUESTS: usize = 64;
/// How long the DISCONNECT to the broker may take, and writing the rest of the recording.
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
    /// The simulation, if the run is one.
    pub simulation: Option<SimulationPort>,
    /// The device behind the broker, if its protocol is configured.
    pub device: Option<DeviceSettings>,
    /// Names that must not be recorded.
    pub name_mask: NameMask,
}

impl MonitorSettings {
    /// A run without a recording, a device or a simulation, until it is shut down.
    pub fn new(link: LinkSettings, reports: ReportSettings) -> Self {
        Self {
            link,
            max_events: Diagnostics::DEFAULT_MAX_EVENTS,
            recorder: None,
            reports,
            duration: None,
            simulation: None,
            device: None,
            name_mask: NameMask::default(),
        }
    }
}

/// The running monitor, as seen from outside.
#[derive(Debug)]
pub struct MonitorHandle {
    /// Takes requests; a full channel is for the caller to report.
    pub requests: mpsc::Sender<MonitorRequest>,
    /// The newest state.
    pub live_state: watch::Receiver<Arc<LiveState>>,
    events: broadcast::Sender<Arc<StampedEvent>>,
    task: JoinHandle<()>,
}

impl MonitorHandle {
    /// Every event from now on. A reader that lags loses the oldest and is notified of the number.
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

/// Starts monitoring. Returns the handle, and every event from the first one on.
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

/// Starts monitoring over a link that was built from `settings.link` and is still off: for links whose transports are
/// not sockets.
pub fn spawn_with(
    mut link: Link,
    settings: MonitorSettings,
    clock: Arc<dyn Clock>,
) -> (MonitorHandle, broadcast::Receiver<Arc<StampedEvent>>) {
    let (requests, inbox) = mpsc::channel(REQUESTS);
    let separation = SeparationRunner::new(&settings.link, settings.name_mask.clone());
    let (mut pipeline, first_reader) =
        EventPipeline::new(settings.max_events, settings.recorder, settings.name_mask);
    let events = pipeline.readers();
    let mut device = MonitoredDevice::start(settings.device, &settings.link, &mut link);
    let simulation = settings.simulation.as_ref().map(|port| port.status.borrow().clone());
    let runtime =
        RuntimeStatus { device: device.view(|stamp| stamp), simulation, ..RuntimeStatus::default() };
    let snapshot = pipeline.fold().snapshot(clock.now());
    let first = LiveState { snapshot, verdict: None, runtime: runtime.clone() };
    let (state_sender, live_state) = watch::channel(Arc::new(first));
    let monitor = Monitor {
        link,
        clock,
        device,
        queue: EventQueue::default(),
        pipeline,
        reports: ReportWriter::new(settings.reports),
        state_sender,
        runtime,
        notices: NoticeLog::default(),
        throttle: PushThrottle::default(),
        clock_watch: ClockMonitor::default(),
        separation,
        simulation: settings.simulation,
    };
    let task = tokio::spawn(monitor.run(inbox, started_event(&settings.link), settings.duration));
    (MonitorHandle { requests, live_state, events, task }, first_reader)
}

/// Sleeps for this long; pends without a deadline.
async fn sleep_until_deadline(deadline: Option<Duration>) {
    match deadline {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

/// The state of the task.
#[derive(Debug)]
struct Monitor {
    link: Link,
    clock: Arc<dyn Clock>,
    device: MonitoredDevice,
    /// Events to fold; empty between two turns of the loop.
    queue: EventQueue,
    pipeline: EventPipeline,
    reports: ReportWriter,
    state_sender: watch::Sender<Arc<LiveState>>,
    runtime: RuntimeStatus,
    notices: NoticeLog,
    throttle: PushThrottle,
    clock_watch: ClockMonitor,
    separation: SeparationRunner,
    simulation: Option<SimulationPort>,
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
            let deadline = self.device.next_deadline().map(|deadline| deadline.since(now));
            tokio::select! {
                observed = self.link.next() => self.observe([observed]),
                message = self.device.next_message() => self.on_device_message(&message),
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
            MonitorRequest::SetKeepAlive(secs) => self.set_keep_alive(secs),
            MonitorRequest::Reconnect => self.link.reconnect(ReconnectKind::Quick, Initiator::User),
            MonitorRequest::DeepReconnect => self.link.reconnect(ReconnectKind::Deep, Initiator::User),
            MonitorRequest::ToggleConnection => match self.link.status().activity {
                LinkActivity::Off | LinkActivity::GivenUp => self.link.connect(),
                _ => self.link.disconnect(Initiator::User),
            },
            MonitorRequest::RunSeparation(test) => self.run_separation(test),
            MonitorRequest::EndSeparation => self.end_separation(TestEnd::User),
            MonitorRequest::ToggleSeparation => self.toggle_separation(),
            MonitorRequest::Export => self.report(ReportKind::Json, true),
            MonitorRequest::Report => self.report(ReportKind::Markdown, true),
            MonitorRequest::Note(text) => self.observe_now(Event::Note { text }),
            MonitorRequest::Publish { topic, payload, qos, retain } => self.publish(Publish {
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
                self.notice(NoticeKind::Info, "playback keys work in a replay only".to_owned());
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
            self.notice(NoticeKind::Bad, "the simulation is busy; try again".to_owned());
        }
    }

    fn on_simulation(&mut self, status: Option<Simulation>) {
        match status {
            Some(status) => self.runtime.simulation = Some(status),
            None => self.simulation = None,
        }
        self.throttle.push_now();
    }

    /// Sends a command, if it can be built.
    fn run_command(&mut self, name: &str, values: &[Value]) {
        match self.device.build_command(name, values, self.clock.now()) {
            Ok(command) => {
                self.observe(command.displaced);
                self.publish(command.publish);
            }
            Err(error) => self.notice(NoticeKind::Bad, format!("not sent: {}", clean::clean(&error))),
        }
    }

    fn on_device_message(&mut self, message: &ReceivedMessage) {
        let events = self.device.on_message(message);
        self.observe(events);
        self.throttle.mark_dirty();
    }

    fn on_device_tick(&mut self) {
        let events = self.device.on_tick(self.clock.now(), self.link.status().last_rx);
        self.observe(events);
    }

    fn on_device_second(&mut self) {
        if let Some((name, values)) = self.device.next_due(self.clock.now()) {
            self.run_command(&name, &values);
        }
        self.on_device_tick();
    }

    /// Passes events down the pipeline, each followed by the events that the device session derives from it.
    fn observe(&mut self, events: impl IntoIterator<Item = StampedEvent, IntoIter: DoubleEndedIterator>) {
        self.queue.insert_next(events);
        let mut test_end = None;
        while let Some(observed) = self.queue.pop() {
            // Before the name mask: answers are matched by the names as they are.
            self.queue.insert_next(self.device.on_event(&observed));
            self.throttle.on_event(&observed.event);
            test_end = test_end.or(self.separation.on_event(&observed.event));
            self.pipeline.push(observed);
        }
        if let Some(end) = test_end {
            self.end_separation(end);
        }
    }

    fn observe_now(&mut self, event: Event) {
        let at = self.clock.now();
        self.observe([StampedEvent { at, event }]);
    }

    fn on_second(&mut self) {
        for event in self.clock_watch.observe(self.clock.read()) {
            self.observe_now(event);
        }
        if self.pipeline.recorder_state().is_some_and(|state| state != self.runtime.recorder) {
            self.throttle.mark_dirty();
        }
        self.on_device_second();
        if self.reports.is_due(self.clock.now()) {
            self.report(ReportKind::Json, false);
        }
        let status = self.link.status();
        let is_stable =
            matches!(status.activity, LinkActivity::Connected | LinkActivity::Off | LinkActivity::GivenUp);
        // An unanswered ping is no event, but the first sign of a drop.
        let is_ping_state_current =
            status.ping_outstanding_since.is_some() == self.runtime.ping_outstanding_since.is_some();
        if !is_stable || !is_ping_state_current {
            self.throttle.mark_dirty();
        }
    }

    fn report(&mut self, kind: ReportKind, is_requested: bool) {
        let now = self.clock.now();
        let state = self.pipeline.fold().state_at(now);
        let lost = self.pipeline.lost_counts();
        if let Some((kind, text)) = self.reports.write(kind, state, now, lost, is_requested) {
            self.notice(kind, text);
        }
    }

    fn notice(&mut self, kind: NoticeKind, text: String) {
        tracing::info!(?kind, text, "notice");
        self.notices.push(self.clock.now(), kind, text);
        self.throttle.push_now();
    }

    /// Pushes the newest state to its readers, with every stamp in field time.
    fn push_state(&mut self) {
        let now = self.clock.now();
        let (status, lost, pipeline) = (self.link.status(), self.pipeline.lost_counts(), &mut self.pipeline);
        let runtime = &mut self.runtime;
        if let Some(recorder) = pipeline.recorder_state() {
            (runtime.recorder, runtime.lost_lines) = (recorder, lost.recording_lines);
        }
        runtime.lost_events = lost.events;
        (runtime.queued, runtime.in_flight) = (status.queued, status.in_flight);
        runtime.notices = self.notices.as_slice().to_vec();
        let to_field_time = |at| pipeline.field_time(at);
        runtime.activity = status.activity.map_stamps(to_field_time);
        runtime.ping_outstanding_since = status.ping_outstanding_since.map(to_field_time);
        runtime.last_rx = status.last_rx.map(to_field_time);
        runtime.last_tx = status.last_tx.map(to_field_time);
        runtime.device = self.device.view(to_field_time);
        let (snapshot, verdict) = (pipeline.fold().snapshot(now), pipeline.fold().verdict());
        self.state_sender.send_replace(Arc::new(LiveState { snapshot, verdict, runtime: runtime.clone() }));
        self.throttle.on_pushed(now);
    }

    /// Disconnects from the broker, writes what is left and pushes the last state.
    async fn finish(mut self) {
        self.record_test_end(TestEnd::RunEnded);
        let last_events = self.link.shutdown(SHUTDOWN_TIMEOUT).await;
        self.observe(last_events);
        // The last export is of the instant of the last event, so that the recording gives the same one.
        let now = self.clock.now();
        let stopped = Event::Stopped { by: Some("end of run".to_owned()) };
        self.observe([StampedEvent { at: now, event: stopped }]);
        let (state, lost) = (self.pipeline.fold().state_at(now), self.pipeline.lost_counts());
        for (kind, text) in self.reports.finish(state, now, lost).await {
            self.notice(kind, text);
        }
        if let Some(recorder) = self.pipeline.finish_recording(SHUTDOWN_TIMEOUT) {
            self.runtime.recorder = recorder;
        }
        self.runtime.finished = true;
        self.push_state();
    }
}
