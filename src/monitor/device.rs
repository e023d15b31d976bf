//! What the monitor does for the device: commands out, answers in, and what follows from time alone.

use super::device_session::DeviceSession;
use super::task::Monitor;
use crate::device::Value;
use crate::diagnostics::{StampedEvent, clean};
use crate::mqtt::ReceivedMessage;
use crate::state::NoticeKind;

/// The next message of the device; pends for ever without one.
pub(super) async fn next_device_message(session: &mut Option<DeviceSession>) -> ReceivedMessage {
    let message = match session {
        Some(commander) => commander.next_message().await,
        None => None,
    };
    match message {
        Some(message) => message,
        None => std::future::pending().await,
    }
}

impl Monitor {
    /// Sends a command, if it can be built.
    pub(super) fn run_command(&mut self, name: &str, values: &[Value]) {
        let now = self.clock.now();
        let mut observed = Vec::new();
        let prepared = match &mut self.device_session {
            Some(commander) => commander.build_command(name, values, now, &mut observed),
            None => Err("there is no device here to send commands to".to_owned()),
        };
        self.observe_all(observed);
        match prepared {
            Ok(publish) => self.link.publish(publish),
            Err(error) => {
                self.notice(NoticeKind::Bad, format!("not sent: {}", clean::clean(&error)));
            }
        }
    }

    /// A message of the device arrived.
    pub(super) fn on_device_message(&mut self, message: &ReceivedMessage) {
        let mut observed = Vec::new();
        if let Some(commander) = &mut self.device_session {
            commander.on_message(message, &mut observed);
        }
        self.observe_all(observed);
        self.throttle.mark_dirty();
    }

    /// Some time passed: answers may be overdue.
    pub(super) fn on_device_tick(&mut self) {
        let now = self.clock.now();
        let mut observed = Vec::new();
        if let Some(commander) = &mut self.device_session {
            commander.on_tick(now, self.link.status().last_rx, &mut observed);
        }
        self.observe_all(observed);
    }

    /// Once a second: what is to be sent by itself.
    pub(super) fn on_device_second(&mut self) {
        let now = self.clock.now();
        if let Some((name, values)) =
            self.device_session.as_mut().and_then(|commander| commander.next_due(now))
        {
            self.run_command(&name, &values);
        }
        self.on_device_tick();
    }

    /// Folds what the device's side has to tell.
    pub(super) fn observe_all(&mut self, observed: Vec<StampedEvent>) {
        for event in observed {
            self.observe(event);
        }
    }
}
