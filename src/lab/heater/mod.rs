//! A simulated Navien NWP500: a heat-pump water heater that speaks through the broker.
//!
//! It is a client like any other, in memory instead of over a socket, and answers only when asked.

mod answer;
mod command;
mod energy_history;
mod link;
mod machine;
mod report;
mod schedule;
mod tank;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::answer::{HeaterAnswer, SimulatedDevice};
use self::machine::Machine;
use self::schedule::Schedules;
use super::broker::BrokerControl;
use super::sync::lock;
use crate::diagnostics::{Clock, Stamp};

pub use answer::{AnswerCorruption, HeaterIdentity};

/// How the device is set up.
#[derive(Debug, Clone)]
pub struct HeaterOptions {
    /// Who it is.
    pub identity: HeaterIdentity,
    /// Decides when water is drawn and what earlier months used.
    pub seed: u64,
    /// Seconds of the field that one real second stands for.
    pub scale: f64,
    /// Whether people use water by themselves.
    pub simulates_draws: bool,
    /// Keep-alive in its CONNECT, in seconds.
    pub keep_alive_secs: u16,
    /// Real time between two PINGREQs.
    pub ping_interval: Duration,
}

impl Default for HeaterOptions {
    fn default() -> Self {
        Self {
            identity: HeaterIdentity::default(),
            seed: 0,
            scale: 1.0,
            simulates_draws: true,
            keep_alive_secs: 60,
            ping_interval: Duration::from_secs(20),
        }
    }
}

/// How requests are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerMode {
    /// Truly and at once.
    Normal,
    /// Truly, so much later (real time). The device is still connected meanwhile.
    Delayed(Duration),
    /// At once, but wrongly.
    Corrupted(AnswerCorruption),
    /// Connected, obeys, and never answers.
    Silent,
}

/// What the device's task and its handles share.
struct HeaterShared {
    options: HeaterOptions,
    broker: BrokerControl,
    clock: Arc<dyn Clock>,
    start: Stamp,
    device: Mutex<SimulatedDevice>,
    answer_mode: Mutex<AnswerMode>,
    online: watch::Sender<bool>,
    /// Sessions begun, subscriptions included.
    ready: watch::Sender<u64>,
}

impl HeaterShared {
    fn field_time(&self) -> DateTime<Utc> {
        let elapsed = self.clock.now().since(self.start).as_secs_f64() * self.options.scale;
        let elapsed = Duration::try_from_secs_f64(elapsed).unwrap_or_default();
        let elapsed = TimeDelta::from_std(elapsed).unwrap_or_default();
        self.start.wall.checked_add_signed(elapsed).unwrap_or(self.start.wall)
    }

    fn answer(&self, topic: &str, payload: &[u8]) -> Option<HeaterAnswer> {
        let now = self.field_time();
        lock(&self.device).answer(topic, payload, now)
    }

    fn answer_mode(&self) -> AnswerMode {
        *lock(&self.answer_mode)
    }
}

/// A running device. Dropping it ends it.
pub struct SimulatedHeater {
    control: HeaterControl,
    task: JoinHandle<()>,
}

impl Drop for SimulatedHeater {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SimulatedHeater {
    /// Connects a device to the broker. Must be called inside a tokio runtime.
    pub fn start(broker: BrokerControl, clock: Arc<dyn Clock>, options: HeaterOptions) -> Self {
        let start = clock.now();
        let device = SimulatedDevice {
            identity: options.identity.clone(),
            machine: Machine::new(options.seed, start.wall, options.simulates_draws),
            schedules: Schedules::default(),
        };
        let shared = Arc::new(HeaterShared {
            options,
            broker,
            clock,
            start,
            device: Mutex::new(device),
            answer_mode: Mutex::new(AnswerMode::Normal),
            online: watch::Sender::new(true),
            ready: watch::Sender::new(0),
        });
        let task = tokio::spawn(link::run(Arc::clone(&shared)));
        Self { control: HeaterControl { shared }, task }
    }

    /// A handle to use the device and to make it fail.
    pub fn control(&self) -> HeaterControl {
        self.control.clone()
    }
}

/// A handle on a simulated device; clones act on the same one.
#[derive(Clone)]
pub struct HeaterControl {
    shared: Arc<HeaterShared>,
}

impl HeaterControl {
    /// Pulls the plug of the Wi-Fi module: the connection breaks, and the cloud says "offline".
    pub fn go_offline(&self) {
        self.shared.online.send_replace(false);
    }

    /// Puts it in again.
    pub fn go_online(&self) {
        self.shared.online.send_replace(true);
    }

    /// Whether the device is on; it may be connecting still.
    pub fn is_online(&self) -> bool {
        *self.shared.online.borrow()
    }

    /// Changes how requests are answered from now on.
    pub fn set_answer_mode(&self, mode: AnswerMode) {
        *lock(&self.shared.answer_mode) = mode;
    }

    /// Opens a tap until so many litres have run.
    pub fn draw_water(&self, litres: f64) {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.machine.start_draw(litres);
    }

    /// Sets the error code and sub code; (0, 0) is none.
    pub fn set_error(&self, code: u16, sub_code: u16) {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.machine.error = (code, sub_code);
        device.machine.update_heating();
    }

    /// The fields of the status message at this moment.
    pub fn status(&self) -> Value {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.status()
    }

    /// Who the device is.
    pub fn identity(&self) -> &HeaterIdentity {
        &self.shared.options.identity
    }

    /// Waits until the device has connected and subscribed for the n-th time.
    pub async fn connected(&self, times: u64) {
        // The sender lives as long as this handle.
        let _ = self.shared.ready.subscribe().wait_for(|count| *count >= times).await;
    }
}
