//! The port to a device: the operations that every kind of device implements.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Fact, FactGroup, Parameter, Value};
use crate::diagnostics::Stamp;

/// The confirmation required before a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// None: the command changes nothing.
    None,
    /// Yes or no.
    #[default]
    Ask,
    /// The name of the command must be typed: it can do harm.
    Type,
}

/// A command as listed and confirmed.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandSpec {
    /// Its name, as typed, recorded and listed.
    pub name: Arc<str>,
    /// Short description.
    pub title: Arc<str>,
    /// The key that starts it on the Device screen, as in the keymap (`p`, `F5`).
    pub key: Option<Arc<str>>,
    /// The confirmation required first.
    pub confirm: Confirmation,
    /// The parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Effect and risks, shown in the confirmation.
    pub explanation: Option<Arc<str>>,
    /// Interval at which it is sent automatically while connected; requires no confirmation and a default for
    /// each parameter.
    pub interval: Option<Duration>,
    /// Sent automatically once per session, under the same condition.
    pub at_connect: bool,
    /// Why it cannot be sent now (not supported by the device, or not yet known).
    pub unavailable: Option<Arc<str>>,
}

impl CommandSpec {
    /// A read-only command without key, parameters or confirmation, sent on request only.
    /// Its title is its name.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            title: name.into(),
            explanation: None,
            key: None,
            confirm: Confirmation::None,
            parameters: Vec::new(),
            interval: None,
            at_connect: false,
            unavailable: None,
        }
    }
}

/// Context of one send: time, client and correlation id.
#[derive(Debug, Clone, Copy)]
pub struct CommandContext<'a> {
    /// Unique; matches the answer to the command.
    pub correlation_id: &'a str,
    /// MQTT client id in use.
    pub client_id: &'a str,
    /// The current time.
    pub now: DateTime<Utc>,
}

/// A command ready to be published.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedCommand {
    /// Topic name.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// 0 or 1.
    pub qos: u8,
    /// The expected answer; `None` if there is none.
    pub answer: Option<ExpectedAnswer>,
}

/// The answer that a command is expected to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// Time to wait for it after the command is sent.
    pub timeout: Duration,
    /// Whether a reachable device always answers. If not, a missing answer is no evidence of a silent device.
    pub is_certain: bool,
}

/// Why a command could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No such command.
    #[error("unknown command `{0}`")]
    Unknown(String),
    /// A parameter is missing, unexpected or out of range.
    #[error("{0}")]
    Parameter(String),
    /// The values do not form a valid topic name.
    #[error("invalid topic `{0}`")]
    Topic(String),
    /// It cannot be sent now.
    #[error("{0}")]
    Unavailable(String),
}

/// A message on a topic of the device.
#[derive(Debug, Clone, Copy)]
pub struct DeviceMessage<'a> {
    /// Time of arrival.
    pub at: Stamp,
    /// Topic name.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// Retained by the broker: it was sent earlier, at an unknown time.
    pub retained: bool,
}

/// The result of reading a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceUpdate {
    /// The device sent it just now, so the device is not silent.
    pub is_sign_of_life: bool,
    /// The facts changed.
    pub facts_changed: bool,
    /// State changes worth recording (`heating started`), without secrets, at most one line each.
    pub changes: Vec<String>,
}

/// A device and its protocol.
pub trait Device: Send + fmt::Debug {
    /// Display name.
    fn title(&self) -> Arc<str>;

    /// The available commands. Read again after each message that changed the facts.
    fn commands(&self) -> Arc<[CommandSpec]>;

    /// The read-only command that requests the state.
    fn status_command(&self) -> Option<Arc<str>> {
        None
    }

    /// Topic filters to subscribe to, each with its maximum QoS.
    fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)>;

    /// Filters of messages that are always read. Every message is compared with them: keep the list short.
    fn message_filters(&self, client_id: &str) -> Vec<String>;

    /// Filters of messages that are read only while a command is pending.
    fn answer_filters(&self, client_id: &str) -> Vec<String>;

    /// Makes a command ready to be published.
    ///
    /// # Errors
    /// One sentence for an unknown command and for values that are missing or out of range.
    fn build(
        &self,
        name: &str,
        values: &[Value],
        context: &CommandContext<'_>,
    ) -> Result<PreparedCommand, BuildError>;

    /// Whether a message answers this command.
    fn is_answer(&self, name: &str, context: &CommandContext<'_>, message: &DeviceMessage<'_>) -> bool;

    /// Reads a message.
    fn handle_message(&mut self, message: &DeviceMessage<'_>) -> DeviceUpdate;

    /// The reported facts, most important first.
    fn facts(&self) -> Vec<Fact>;

    /// Everything known about the device, in groups.
    fn details(&self) -> Vec<FactGroup> {
        vec![FactGroup { title: self.title(), facts: self.facts() }]
    }

    /// A connected device counts as silent after this long without a message; `None`: only unanswered commands
    /// count.
    fn silent_after(&self) -> Option<Duration> {
        None
    }
}

/// A device as shown on a screen.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceView {
    /// Display name.
    pub title: Arc<str>,
    /// The available commands.
    pub commands: Arc<[CommandSpec]>,
    /// The read-only command that requests the state.
    pub status_command: Option<Arc<str>>,
    /// The reported facts.
    pub facts: Arc<[Fact]>,
    /// Everything known about the device.
    pub details: Arc<[FactGroup]>,
    /// Time of the last message (on the clocks that stamp the events, or in field time once published).
    pub last_heard: Option<Stamp>,
    /// Messages of the device that were skipped because they came too fast.
    pub unread: u64,
}
