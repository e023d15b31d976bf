//! What the monitor does for the device: commands out, answers in, and what follows from time alone.

use super::NoticeKind;
use super::commander::Commander;
use super::task::Monitor;
use crate::device::Value;
use crate::diagnostics::{Observed, clean};
use crate::mqtt::Heard;

/// The next message of the device; pends for ever without one.
pub(super) async fn heard(commander: &mut Option<Commander>) -> Heard {
    let heard = match commander {
        Some(commander) => commander.heard().await,
        None => None,
    };
    match heard {
        Some(heard) => heard,
        None => std::future::pending().await,
    }
}

impl Monitor {
    /// Sends a command, if it can be built.
    pub(super) fn run_command(&mut self, name: &str, values: &[Value]) {
        let now = self.clock.now();
        let mut told = Vec::new();
        let built = match &mut self.commander {
            Some(commander) => commander.command(name, values, now, &mut told),
            None => Err("there is no device here to send commands to".to_owned()),
        };
        self.observe_all(told);
        match built {
            Ok(publish) => self.link.publish(publish),
            Err(error) => {
                self.notice(NoticeKind::Bad, format!("not sent: {}", clean::clean(&error)));
            }
        }
    }

    /// A message of the device arrived.
    pub(super) fn on_heard(&mut self, heard: &Heard) {
        let mut told = Vec::new();
        if let Some(commander) = &mut self.commander {
            commander.read(heard, &mut told);
        }
        self.observe_all(told);
        self.pace.touch();
    }

    /// Some time passed: answers may be overdue.
    pub(super) fn on_device_time(&mut self) {
        let now = self.clock.now();
        let mut told = Vec::new();
        if let Some(commander) = &mut self.commander {
            commander.on_time(now, self.link.status().last_rx, &mut told);
        }
        self.observe_all(told);
    }

    /// Once a second: what is to be sent by itself.
    pub(super) fn on_device_second(&mut self) {
        let now = self.clock.now();
        if let Some((name, values)) = self.commander.as_mut().and_then(|commander| commander.due(now)) {
            self.run_command(&name, &values);
        }
        self.on_device_time();
    }

    /// Folds what the device's side has to tell.
    pub(super) fn observe_all(&mut self, told: Vec<Observed>) {
        for observed in told {
            self.observe(observed);
        }
    }
}
