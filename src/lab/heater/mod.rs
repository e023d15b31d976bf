//! A simulated Navien NWP500: a heat-pump water heater that is a client of the broker.
//!
//! It connects in memory instead of over a socket, and sends only answers to requests.

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

/// Options of the device.
#[derive(Debug, Clone)]
pub struct HeaterOptions {
    /// Its identity.
    pub identity: HeaterIdentity,
    /// Seed of the draws of water and of the energy used in earlier months.
    pub seed: u64,
    /// Field seconds per real second.
    pub scale: f64,
    /// Whether water is drawn by itself.
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
    /// Correctly and at once.
    Normal,
    /// Correctly, this much later (real time). The device stays connected meanwhile.
    Delayed(Duration),
    /// At once, with a corruption.
    Corrupted(AnswerCorruption),
    /// Never: the device stays connected and executes commands.
    Silent,
}

/// The state shared by the device's task and its handles.
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

/// A running device. Dropping it stops it.
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

    /// A handle to operate the device and to make it fail.
    pub fn control(&self) -> HeaterControl {
        self.control.clone()
    }
}

/// A handle to a simulated device; clones act on the same device.
#[derive(Clone)]
pub struct HeaterControl {
    shared: Arc<HeaterShared>,
}

impl HeaterControl {
    /// Turns the Wi-Fi module off: the connection breaks, and the cloud reports "offline".
    pub fn go_offline(&self) {
        self.shared.online.send_replace(false);
    }

    /// Turns the Wi-Fi module on again.
    pub fn go_online(&self) {
        self.shared.online.send_replace(true);
    }

    /// Whether the device is on; it may still be connecting.
    pub fn is_online(&self) -> bool {
        *self.shared.online.borrow()
    }

    /// Changes how requests are answered from now on.
    pub fn set_answer_mode(&self, mode: AnswerMode) {
        *lock(&self.shared.answer_mode) = mode;
    }

    /// Draws this many liters of water.
    pub fn draw_water(&self, liters: f64) {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.machine.start_draw(liters);
    }

    /// Sets the error code and sub code; (0, 0) = no error.
    pub fn set_error(&self, code: u16, sub_code: u16) {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.machine.error = (code, sub_code);
        device.machine.update_heating();
    }

    /// The fields of the current status message.
    pub fn status(&self) -> Value {
        let now = self.shared.field_time();
        let mut device = lock(&self.shared.device);
        device.machine.advance_to(now);
        device.status()
    }

    /// The identity of the device.
    pub fn identity(&self) -> &HeaterIdentity {
        &self.shared.options.identity
    }

    /// Waits until the device has connected and subscribed for the n-th time.
    pub async fn connected(&self, times: u64) {
        // The sender lives as long as this handle.
        let _ = self.shared.ready.subscribe().wait_for(|count| *count >= times).await;
    }
}
