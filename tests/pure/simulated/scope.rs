//! The whole program without a screen: network, link, monitor, recorder and exports.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dropscope::diagnostics::event::{CommandState, CommandUpdate, DroppedEvent, SystemSource};
use dropscope::diagnostics::{Clock, Event, Snapshot, Stamp, StampedEvent, Transport};
use dropscope::export::{RecorderSettings, RecorderTarget};
use dropscope::lab::BrokerOptions;
use dropscope::monitor::{self, DeviceSettings, MonitorHandle, MonitorSettings};
use dropscope::mqtt::Link;
use dropscope::mqtt::settings::{BrokerAddress, LinkSettings};
use dropscope::report_writer::ReportSettings;
use dropscope::state::{LiveState, MonitorRequest};
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::simulated::clock::SimClock;
use crate::simulated::network::{NetworkConditions, SimulatedNetwork};

/// The settings of a run. Defaults: keep-alive 60 s, no recording, no exports.
pub(crate) struct RunSetup {
    pub(crate) start: &'static str,
    pub(crate) link: LinkSettings,
    pub(crate) network: NetworkConditions,
    pub(crate) broker: BrokerOptions,
    pub(crate) recorder: Recording,
    pub(crate) export_every: Option<Duration>,
    pub(crate) export_at_exit: bool,
    pub(crate) duration: Option<Duration>,
    pub(crate) device: Option<DeviceSettings>,
}

/// Where the recording goes.
pub(crate) enum Recording {
    Off,
    /// Into the scope's directory, with a queue for everything: simulated time is faster than any disk.
    On,
    /// With these settings.
    As(RecorderSettings),
}

impl Default for RunSetup {
    fn default() -> Self {
        let broker = BrokerAddress {
            transport: Transport::Tls,
            host: "broker.example".to_owned(),
            port: 8883,
            path: "/mqtt".to_owned(),
        };
        Self {
            start: "2026-11-02T00:00:00Z",
            link: LinkSettings::new(broker, "dropscope-sim"),
            network: NetworkConditions::default(),
            broker: BrokerOptions::default(),
            recorder: Recording::Off,
            export_every: None,
            export_at_exit: false,
            duration: None,
            device: None,
        }
    }
}

/// A running scope.
pub(crate) struct SimulatedScope {
    pub(crate) net: SimulatedNetwork,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) handle: MonitorHandle,
    seen: Arc<Mutex<Vec<Arc<StampedEvent>>>>,
    reader: JoinHandle<()>,
    directory: TempDir,
}

/// A finished run.
pub(crate) struct CompletedRun {
    pub(crate) events: Events,
    pub(crate) last: Arc<LiveState>,
    _directory: TempDir,
}

impl RunSetup {
    /// Starts the run.
    pub(crate) fn start(self) -> SimulatedScope {
        let clock = SimClock::starting(self.start.parse().expect("a time"));
        let net = SimulatedNetwork::new(self.network, self.broker);
        let directory = tempfile::tempdir().expect("a directory");
        let recorder = match self.recorder {
            Recording::Off => None,
            Recording::On => {
                let target = RecorderTarget::File(directory.path().join("recording.jsonl"));
                Some(RecorderSettings { queue: 1 << 20, ..RecorderSettings::new(target) })
            }
            Recording::As(settings) => Some(settings),
        };
        let seconds: Arc<dyn Clock> = Arc::<SimClock>::clone(&clock);
        let connector = Arc::new(net.clone());
        let link = Link::with_connector(self.link.clone(), Arc::clone(&seconds), connector, 42)
            .expect("usable settings");
        let reports = ReportSettings {
            every: self.export_every,
            at_exit: self.export_at_exit,
            ..ReportSettings::new(directory.path().join("exports"))
        };
        let settings = MonitorSettings {
            recorder,
            duration: self.duration,
            device: self.device,
            ..MonitorSettings::new(self.link, reports)
        };
        let (handle, events) = monitor::spawn_with(link, settings, seconds);
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let reader = tokio::spawn(read(events, Arc::clone(&seen)));
        SimulatedScope { net, clock, handle, seen, reader, directory }
    }
}

async fn read(mut events: Receiver<Arc<StampedEvent>>, seen: Arc<Mutex<Vec<Arc<StampedEvent>>>>) {
    while let Ok(observed) = events.recv().await {
        seen.lock().expect("no holder panicked").push(observed);
    }
}

impl SimulatedScope {
    /// Lets time pass.
    pub(crate) async fn run(&self, time: Duration) {
        sleep(time).await;
    }

    pub(crate) fn now(&self) -> Stamp {
        self.clock.now()
    }

    pub(crate) async fn send_request(&self, request: MonitorRequest) {
        self.handle.requests.send(request).await.expect("a running monitor");
    }

    /// The state once everything of this instant was handled.
    pub(crate) async fn live_state(&self) -> Arc<LiveState> {
        sleep(Duration::from_millis(200)).await;
        self.handle.live_state.borrow().clone()
    }

    pub(crate) fn events(&self) -> Events {
        Events(self.seen.lock().expect("no holder panicked").clone())
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Ends the run as `q` does.
    pub(crate) async fn finish(self) -> CompletedRun {
        self.send_request(MonitorRequest::Shutdown).await;
        self.finished().await
    }

    /// Waits for the end of the run.
    pub(crate) async fn finished(self) -> CompletedRun {
        let Self { handle, seen, reader, directory, .. } = self;
        let last = handle.finished().await.expect("no panic");
        reader.await.expect("no panic");
        let events = Events(std::mem::take(&mut *seen.lock().expect("no holder panicked")));
        CompletedRun { events, last, _directory: directory }
    }
}

impl CompletedRun {
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.last.snapshot
    }
}

/// The events, in order.
pub(crate) struct Events(pub(crate) Vec<Arc<StampedEvent>>);

impl Events {
    /// Every event that `pick` selects.
    pub(crate) fn select<T>(&self, pick: impl Fn(&Event) -> Option<T>) -> Vec<(Stamp, T)> {
        self.0.iter().filter_map(|observed| Some((observed.at, pick(&observed.event)?))).collect()
    }

    pub(crate) fn count(&self, is: impl Fn(&Event) -> bool) -> usize {
        self.0.iter().filter(|observed| is(&observed.event)).count()
    }

    pub(crate) fn drops(&self) -> Vec<(Stamp, DroppedEvent)> {
        self.select(|event| if let Event::Dropped(dropped) = event { Some(dropped.clone()) } else { None })
    }

    /// When each PINGRESP came, and its round trip.
    pub(crate) fn pings(&self) -> Vec<(Stamp, Duration)> {
        self.select(|event| match event {
            Event::Ping { rtt_ms } => Some(Duration::from_secs_f64(rtt_ms / 1_000.0)),
            _ => None,
        })
    }

    pub(crate) fn commands(&self) -> Vec<(Stamp, CommandUpdate)> {
        self.select(|event| if let Event::Command(command) = event { Some(command.clone()) } else { None })
    }

    pub(crate) fn count_in_state(&self, state: CommandState) -> usize {
        self.commands().iter().filter(|(_, command)| command.state == state).count()
    }

    pub(crate) fn system(&self) -> Vec<(Stamp, (SystemSource, String))> {
        self.select(|event| match event {
            Event::System { source, message } => Some((*source, message.clone())),
            _ => None,
        })
    }
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn minutes(minutes: u64) -> Duration {
    secs(minutes * 60)
}

pub(crate) const fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}

pub(crate) const fn days(days: u64) -> Duration {
    hours(days * 24)
}
