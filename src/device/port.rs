//! The port to a device: what whoever knows its language must be able to do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Fact, FactGroup, Parameter, Value};
use crate::diagnostics::Stamp;

/// What is asked before a command goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Confirmation {
    /// Nothing: it changes nothing.
    None,
    /// Yes or no.
    #[default]
    Ask,
    /// The name of the command, typed: it can do harm.
    Type,
}

/// A command as people see it.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandSpec {
    /// Its name: what is typed, recorded and listed.
    pub name: Arc<str>,
    /// What it does, in a few words.
    pub title: Arc<str>,
    /// The key that starts it on the Device screen, as in the keymap (`p`, `F5`).
    pub key: Option<Arc<str>>,
    /// What is asked first.
    pub confirm: Confirmation,
    /// What is to be filled in, in order.
    pub parameters: Vec<Parameter>,
    /// What it does and what may come of it, for whoever is asked whether to send it.
    pub explanation: Option<Arc<str>>,
    /// Sent by itself this often while connected; needs no confirmation and a default for each parameter.
    pub interval: Option<Duration>,
    /// Sent by itself once in each session, under the same condition.
    pub at_connect: bool,
    /// Why it cannot be sent now, if so (the device cannot do it, or did not say yet).
    pub unavailable: Option<Arc<str>>,
}

impl CommandSpec {
    /// A command that only asks: without a key, without anything to fill in or to confirm, sent when somebody
    /// wants it. Its title is its name.
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

/// When and by whom a command is sent.
#[derive(Debug, Clone, Copy)]
pub struct CommandContext<'a> {
    /// Ties the answer to it; unique.
    pub correlation_id: &'a str,
    /// MQTT client id in force.
    pub client_id: &'a str,
    /// This moment.
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
    /// What is expected to come back; `None` = nothing.
    pub answer: Option<ExpectedAnswer>,
}

/// The answer that a command is expected to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedAnswer {
    /// How long to wait for it once the command is sent.
    pub timeout: Duration,
    /// Whether a device that hears always answers. If not, an answer that does not come tells nothing of its
    /// hearing.
    pub is_certain: bool,
}

/// Why a command could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// No such command.
    #[error("there is no command `{0}`")]
    Unknown(String),
    /// A parameter is missing, too much or out of range.
    #[error("{0}")]
    Parameter(String),
    /// The values make no topic.
    #[error("the topic `{0}` cannot be published to")]
    Topic(String),
    /// It cannot be sent now.
    #[error("{0}")]
    Unavailable(String),
}

/// A message that arrived on a topic the device listens to.
#[derive(Debug, Clone, Copy)]
pub struct DeviceMessage<'a> {
    /// When.
    pub at: Stamp,
    /// Topic name.
    pub topic: &'a str,
    /// Payload.
    pub payload: &'a [u8],
    /// The broker had kept it: it was said before, nobody knows when.
    pub retained: bool,
}

/// What reading a message gave.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceUpdate {
    /// It came from the device: it is not silent.
    pub is_sign_of_life: bool,
    /// The facts are others now.
    pub facts_changed: bool,
    /// State changes worth recording (`heating started`), in words without secrets. At most one line each.
    pub changes: Vec<String>,
}

/// A device and its language.
pub trait Device: Send + fmt::Debug {
    /// What it is called.
    fn title(&self) -> Arc<str>;

    /// What it can be told. Asked again after each digest whose facts changed.
    fn commands(&self) -> Arc<[CommandSpec]>;

    /// The command that asks for its state without changing anything.
    fn status_command(&self) -> Option<Arc<str>> {
        None
    }

    /// Topic filters to subscribe to, each with its maximum QoS.
    fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)>;

    /// Filters of messages to read always. They are compared with every message: keep them few.
    fn message_filters(&self, client_id: &str) -> Vec<String>;

    /// Filters of messages to read only while a command waits for its answer.
    fn answer_filters(&self, client_id: &str) -> Vec<String>;

    /// Makes a command ready to be published.
    ///
    /// # Errors
    /// For an unknown command and for values that are missing or out of range, one sentence.
    fn build(
        &self,
        name: &str,
        values: &[Value],
        context: &CommandContext<'_>,
    ) -> Result<PreparedCommand, BuildError>;

    /// Whether a message answers a command that was sent.
    fn is_answer(&self, name: &str, context: &CommandContext<'_>, message: &DeviceMessage<'_>) -> bool;

    /// Reads a message.
    fn handle_message(&mut self, message: &DeviceMessage<'_>) -> DeviceUpdate;

    /// What it says of itself, most important first.
    fn facts(&self) -> Vec<Fact>;

    /// Everything that is known of it, in groups.
    fn details(&self) -> Vec<FactGroup> {
        vec![FactGroup { title: self.title(), facts: self.facts() }]
    }

    /// A connected device of which nothing came for this long counts as silent; `None` = only unanswered
    /// commands tell.
    fn silent_after(&self) -> Option<Duration> {
        None
    }
}

/// A device as a screen shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceView {
    /// What it is called.
    pub title: Arc<str>,
    /// What it can be told.
    pub commands: Arc<[CommandSpec]>,
    /// The command that asks for its state.
    pub status_command: Option<Arc<str>>,
    /// What it says of itself.
    pub facts: Arc<[Fact]>,
    /// Everything that is known of it.
    pub details: Arc<[FactGroup]>,
    /// When it was last heard of (on the clocks that stamp the events, or in field time once published).
    pub last_heard: Option<Stamp>,
    /// Messages of the device that came too fast to be read.
    pub unread: u64,
}
