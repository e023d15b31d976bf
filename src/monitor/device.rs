//! The device of the monitor, which may be absent.

use std::sync::Arc;

use super::device_session::{BuiltCommand, DeviceSession, DeviceSettings};
use crate::device::{DeviceView, Value};
use crate::diagnostics::{Stamp, StampedEvent};
use crate::mqtt::settings::LinkSettings;
use crate::mqtt::{Link, ReceivedMessage};

/// The session with the device, if one is configured. Without one nothing arrives and nothing follows.
#[derive(Debug)]
pub(super) struct MonitoredDevice(Option<DeviceSession>);

impl MonitoredDevice {
    /// Starts the session and gives its listener to the link.
    pub(super) fn start(device: Option<DeviceSettings>, settings: &LinkSettings, link: &mut Link) -> Self {
        Self(device.map(|device| {
            let scale = settings.time_scale;
            let (session, setup) = DeviceSession::new(device, &settings.client_id, scale, rand::random());
            link.add_listener(setup.listener, setup.filters);
            session
        }))
    }

    /// The next message of the device. Cancel-safe; pends without a device.
    pub(super) async fn next_message(&mut self) -> ReceivedMessage {
        let message = match &mut self.0 {
            Some(session) => session.next_message().await,
            None => None,
        };
        match message {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }

    /// See [`DeviceSession::next_deadline`].
    pub(super) fn next_deadline(&self) -> Option<Stamp> {
        self.0.as_ref().and_then(DeviceSession::next_deadline)
    }

    /// See [`DeviceSession::build_command`].
    pub(super) fn build_command(
        &mut self,
        name: &str,
        values: &[Value],
        now: Stamp,
    ) -> Result<BuiltCommand, String> {
        let session = self.0.as_mut().ok_or_else(|| "no device is configured".to_owned())?;
        session.build_command(name, values, now)
    }

    /// See [`DeviceSession::on_event`].
    pub(super) fn on_event(&mut self, observed: &StampedEvent) -> Vec<StampedEvent> {
        self.0.as_mut().map(|session| session.on_event(observed)).unwrap_or_default()
    }

    /// See [`DeviceSession::on_message`].
    pub(super) fn on_message(&mut self, message: &ReceivedMessage) -> Vec<StampedEvent> {
        self.0.as_mut().map(|session| session.on_message(message)).unwrap_or_default()
    }

    /// See [`DeviceSession::on_tick`].
    pub(super) fn on_tick(&mut self, now: Stamp, last_rx: Option<Stamp>) -> Vec<StampedEvent> {
        self.0.as_mut().map(|session| session.on_tick(now, last_rx)).unwrap_or_default()
    }

    /// See [`DeviceSession::next_due`].
    pub(super) fn next_due(&mut self, now: Stamp) -> Option<(Arc<str>, Vec<Value>)> {
        self.0.as_mut().and_then(|session| session.next_due(now))
    }

    /// The device for the screen; `to_field_time` converts stamps.
    pub(super) fn view(&mut self, to_field_time: impl Fn(Stamp) -> Stamp) -> Option<Arc<DeviceView>> {
        self.0.as_mut().map(|session| session.view(to_field_time))
    }
}
