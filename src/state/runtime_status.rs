//! The state of the running program that no event records.

use std::sync::Arc;
use std::time::Duration;

use super::Notice;
use crate::device::DeviceView;
use crate::diagnostics::recording::RecorderState;
use crate::diagnostics::{LinkActivity, Stamp};

/// State of the running program that is not part of the recorded history. Stamps are field time, like those of the
/// snapshot; only the stamps of notices are on this computer's clocks.
#[derive(Debug, Clone, Default)]
pub struct RuntimeStatus {
    /// The current activity of the link.
    pub activity: LinkActivity,
    /// When the PINGREQ was sent that has no answer yet: the session may be dead already.
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
    /// Events that a slow reader (headless lines) missed because it was too far behind.
    pub lost_events: u64,
    /// Recording lines lost because the disk did not keep up or refused.
    pub lost_lines: u64,
    /// Short messages to the user, oldest first (the last few).
    pub notices: Vec<Notice>,
    /// The device behind the broker, if one is configured. Its stamps are field time.
    pub device: Option<Arc<DeviceView>>,
    /// The simulation, if the run is one.
    pub simulation: Option<Simulation>,
    /// The position of the replay; `None` while monitoring live.
    pub replay: Option<ReplayStatus>,
    /// The run is over; nothing will change any more.
    pub finished: bool,
}

impl RuntimeStatus {
    /// The moment to show, on the clocks that stamp the events: `now`, or the position of the replay.
    pub fn display_time(&self, now: Stamp) -> Stamp {
        self.replay.as_ref().map_or(now, |replay| replay.at)
    }
}

/// The position of a replay. Positions are field time since the first event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayStatus {
    /// The moment shown, on the clocks of the recording.
    pub at: Stamp,
    /// The same moment, since the first event.
    pub position: Duration,
    /// The length of the whole recording.
    pub length: Duration,
    /// Field seconds that pass in one second here.
    pub speed: f64,
    /// Whether playback is paused.
    pub paused: bool,
    /// Percent read so far, while the recording is being read for the first time.
    pub reading: Option<u8>,
    /// Lines that could not be read.
    pub unreadable: u64,
}

/// The description of a simulation on the embedded broker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulation {
    /// That it is a simulation, and its time scale: `simulated, 1 s = 1 min`.
    pub label: Arc<str>,
    /// The faults that are armed, or that they are hidden.
    pub fault: Arc<str>,
    /// Faults that can be injected: [`MonitorRequest::Inject`](super::MonitorRequest::Inject) takes the index.
    pub faults: Arc<[Arc<str>]>,
}
