//! Requests to the monitor or the replay.

use std::sync::Arc;
use std::time::Duration;

use crate::classify::SeparationTest;
use crate::device::Value;

/// A request to the monitor or the replay. Every request is answered by an event or a notice.
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
    /// Run a test that separates two causes, instead of the one that runs. The user agreed to it.
    RunSeparation(SeparationTest),
    /// End the test that runs; what it changed is as before.
    EndSeparation,
    /// Run the test that the verdict names, or end the one that runs, for a user without a screen: a test that may not
    /// be possible with the present client id is refused.
    ToggleSeparation,
    /// Write the JSON export now.
    Export,
    /// Write the Markdown report now.
    Report,
    /// Record a remark.
    Note(String),
    /// Simulation only: inject a fault of its menu, by index.
    Inject(usize),
    /// Replay only: a playback action.
    Play(PlaybackAction),
    /// Send a command of the device. `command` events report its outcome.
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
        payload: Vec<u8>,
        /// 0 or 1.
        qos: u8,
        /// Retain flag.
        retain: bool,
    },
    /// End the run: DISCONNECT, last export, stop.
    Shutdown,
}

/// A playback action of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaybackAction {
    /// Pause or resume (from the beginning, if the position is the end).
    Toggle,
    /// The next lower speed.
    Slower,
    /// The next higher speed.
    Faster,
    /// To the previous drop, and pause.
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
