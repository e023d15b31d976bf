//! What the monitor publishes, and what it can be asked.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::classify::Verdict;
use crate::device::{DeviceView, Value};
use crate::diagnostics::{Snapshot, Stamp};
pub use crate::export::RecorderState;
pub use crate::mqtt::Activity as LinkActivity;

/// The newest state of everything, published as one value so that no two figures on a screen are of
/// different instants.
#[derive(Debug, Clone)]
pub struct LiveState {
    /// The fold: the same live and in replay.
    pub snapshot: Snapshot,
    /// Why it drops, as far as the same events tell; `None` before the first event.
    pub verdict: Option<Arc<Verdict>>,
    /// What only a running program has.
    pub runtime: RuntimeStatus,
}

/// State of the running program that is not part of the recorded history. Stamps are field time, like
/// the snapshot's, but those of notices, which are for the person in front of the screen.
#[derive(Debug, Clone, Default)]
pub struct RuntimeStatus {
    /// What the link is doing this moment.
    pub activity: LinkActivity,
    /// An unanswered PINGREQ and since when: the session may be dead already.
    pub ping_outstanding_since: Option<Stamp>,
    /// Last byte received in this session.
    pub last_rx: Option<Stamp>,
    /// Last byte sent in this session.
    pub last_tx: Option<Stamp>,
    /// Publishes waiting in the queue.
    pub queued: usize,
    /// Publishes sent and not acknowledged.
    pub in_flight: usize,
    /// The recording.
    pub recorder: RecorderState,
    /// Events a slow reader (headless lines) missed because it was too far behind.
    pub lost_events: u64,
    /// Recording lines lost because the disk did not keep up or refused.
    pub lost_lines: u64,
    /// Short messages to the user, oldest first (the last few).
    pub notices: Vec<Notice>,
    /// The device behind the broker, if one is known. Its stamps are field time.
    pub device: Option<Arc<DeviceView>>,
    /// What is simulated, if anything.
    pub simulation: Option<Simulation>,
    /// What is being replayed; `None` while watching live.
    pub replay: Option<ReplayStatus>,
    /// The run is over; nothing will change any more.
    pub finished: bool,
}

impl RuntimeStatus {
    /// The moment to show, on the clocks that stamp the events: this one, or that of the recording.
    pub fn display_time(&self, now: Stamp) -> Stamp {
        self.replay.as_ref().map_or(now, |replay| replay.at)
    }
}

/// Where a replay is. Positions are field time since the first event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayStatus {
    /// The moment shown, on the clocks of the recording.
    pub at: Stamp,
    /// The same moment, from the beginning.
    pub position: Duration,
    /// The whole recording.
    pub length: Duration,
    /// Field seconds that pass in one second here.
    pub speed: f64,
    /// Whether time stands still.
    pub paused: bool,
    /// Percent read so far, while the recording is being read for the first time.
    pub reading: Option<u8>,
    /// Lines that could not be read.
    pub unreadable: u64,
}

/// What a replay can be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaybackAction {
    /// Pause, or play on (from the beginning, if it is at the end).
    Toggle,
    /// The next lower speed.
    Slower,
    /// The next higher speed.
    Faster,
    /// To the drop before, and pause.
    PreviousDrop,
    /// To the next drop, and pause.
    NextDrop,
    /// Back by this much field time.
    Back(Duration),
    /// Forward by this much field time.
    Forward(Duration),
    /// To the first event.
    Beginning,
    /// To the last event.
    End,
}

/// What a run on the built-in broker has to say of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulation {
    /// That it is a simulation, and how time passes: `simulated, 1 s = 1 min`.
    pub label: Arc<str>,
    /// The faults that are armed, or that they are not told.
    pub fault: Arc<str>,
    /// Faults that can be made to strike: [`Request::Inject`] takes the index.
    pub faults: Arc<[Arc<str>]>,
}

/// The monitor's end of a simulation.
#[derive(Debug)]
pub struct SimulationPort {
    /// What is to be shown; changes when faults are injected.
    pub status: watch::Receiver<Simulation>,
    /// Takes the index of a fault of the menu.
    pub inject: mpsc::Sender<usize>,
}

/// A short message to the user.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// When, on this computer's clocks.
    pub at: Stamp,
    /// How it went.
    pub kind: NoticeKind,
    /// One sentence, free of control characters.
    pub text: Arc<str>,
}

/// How the thing a notice tells about went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Done.
    Good,
    /// For information.
    Info,
    /// Did not work.
    Bad,
}

/// What the monitor can be asked to do. Every request is answered by an event or a notice.
#[derive(Debug, Clone, PartialEq)]
pub enum MonitorRequest {
    /// Reconnect cleanly with another keep-alive (seconds; 0 = off). Not a drop.
    SetKeepAlive(u16),
    /// Close and connect again.
    Reconnect,
    /// Close, rebuild everything (resolution, credentials, protocol state) and connect again.
    DeepReconnect,
    /// Disconnect if connected or connecting, else connect.
    ToggleConnection,
    /// Write the JSON export now.
    Export,
    /// Write the Markdown report now.
    Report,
    /// Record a remark.
    Note(String),
    /// Simulation only: let a fault of its menu strike, by index.
    Inject(usize),
    /// Replay only: move in time.
    Play(PlaybackAction),
    /// Send a command of the device. What becomes of it is told by `command` events.
    Command {
        /// Its name.
        name: Arc<str>,
        /// The values of its parameters, in order.
        values: Vec<Value>,
    },
    /// Send a message.
    Publish {
        /// Topic name.
        topic: String,
        /// Payload.
        payload: Bytes,
        /// 0 or 1.
        qos: u8,
        /// Retain flag.
        retain: bool,
    },
    /// End the run: DISCONNECT, last export, stop.
    Shutdown,
}
