//! The commands of the device: parameters, requirements and danger levels.
//!
//! Each command is described as data, so that the palette, the help and a configuration file list the same.

mod build;
mod capability;
mod catalogue;
mod command_error;
mod json;
mod parameter;

pub use build::{CommandRequest, RequestContext};
pub use capability::{Capability, TemperatureLimits};
pub use catalogue::CATALOGUE;
pub use command_error::CommandError;
pub use parameter::{Argument, ArgumentKind, Arguments, CommandParameter};

use super::message::MessageContent;
use super::topic::RequestTopic;

/// How dangerous a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// It only reads.
    Harmless,
    /// It changes the device: confirm before sending.
    Changes,
    /// It may injure, cost money or overwrite data: type its name before sending.
    Dangerous,
    /// It is irreversible: only with an explicit flag.
    Irreversible,
}

/// The form of a command on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandBody {
    /// Its parameters by their keys.
    Keys,
    /// A mode with its values in a list that starts with these.
    Mode(&'static str, &'static [i64]),
    /// Its parameters by their keys, in an object under this key.
    Nested(&'static str),
    /// Not a command: the presence of a client.
    Presence,
}

/// The kind of message that answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// A status.
    Status,
    /// A feature message.
    Feature,
    /// Energy by day.
    Energy,
    /// The current reservations.
    Reservations,
    /// The current tariff.
    TimeOfUse,
}

/// A command of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Name in a configuration file and in the palette; also typed to confirm it.
    pub name: &'static str,
    /// Short title for the user.
    pub title: &'static str,
    /// For the user: effect and risks.
    pub explanation: &'static str,
    /// Number on the wire.
    pub code: i64,
    /// The topic it is sent to.
    pub request_topic: RequestTopic,
    /// Its form on the wire.
    pub body: CommandBody,
    /// Its parameters, in the order of the wire.
    pub parameters: &'static [CommandParameter],
    /// The capabilities that the device needs.
    pub required_capabilities: &'static [Capability],
    /// How dangerous it is.
    pub danger: Danger,
    /// Whether this form was seen in real traffic; otherwise it is an informed guess, and the device may ignore
    /// it.
    pub is_verified: bool,
}

impl Command {
    /// By its name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|command| command.name == name)
    }

    /// By its number. One number both reads and writes the tariff: with a timetable it writes.
    pub fn by_code(code: i64, has_timetable: bool) -> Option<&'static Self> {
        let mut candidates =
            CATALOGUE.iter().filter(|command| command.code == code && command.body != CommandBody::Presence);
        let first = candidates.next()?;
        let writes =
            |command: &Self| command.parameters.iter().any(|p| matches!(p.kind, ArgumentKind::Tariff));
        Some(candidates.find(|command| has_timetable && writes(command)).unwrap_or(first))
    }

    /// The kind of its answer; `None` if it has none.
    pub fn answer_kind(&self) -> Option<AnswerKind> {
        match (self.body, self.request_topic) {
            (CommandBody::Presence, _) => None,
            (_, RequestTopic::Status | RequestTopic::Control) => Some(AnswerKind::Status),
            (_, RequestTopic::Info) => Some(AnswerKind::Feature),
            (_, RequestTopic::Energy) => Some(AnswerKind::Energy),
            (_, RequestTopic::ReadReservations | RequestTopic::WriteReservations) => {
                Some(AnswerKind::Reservations)
            }
            (_, RequestTopic::TimeOfUse) => Some(AnswerKind::TimeOfUse),
        }
    }

    /// Whether a reachable device is known to answer it. The form of some commands is a guess, and some devices do
    /// not answer a query for the tariff.
    pub fn is_answer_certain(&self) -> bool {
        self.is_verified && self.answer_kind().is_some() && self.request_topic != RequestTopic::TimeOfUse
    }

    /// Whether this kind of message answers it.
    pub fn is_answered_by(&self, content: &MessageContent) -> bool {
        matches!(
            (self.answer_kind(), content),
            (Some(AnswerKind::Status), MessageContent::Status(_))
                | (Some(AnswerKind::Feature), MessageContent::Feature(_))
                | (Some(AnswerKind::Energy), MessageContent::Energy(_))
                | (Some(AnswerKind::Reservations), MessageContent::Reservations(_))
                | (Some(AnswerKind::TimeOfUse), MessageContent::TimeOfUse(_))
        )
    }

    const fn with_body(self, body: CommandBody) -> Self {
        Self { body, ..self }
    }

    const fn with_parameters(self, parameters: &'static [CommandParameter]) -> Self {
        Self { parameters, ..self }
    }

    const fn requires(self, required_capabilities: &'static [Capability]) -> Self {
        Self { required_capabilities, ..self }
    }

    const fn with_danger(self, danger: Danger) -> Self {
        Self { danger, ..self }
    }

    const fn unverified(self) -> Self {
        Self { is_verified: false, ..self }
    }
}
