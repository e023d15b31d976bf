//! Which commands does the device know, what do they take, and how dangerous are they?
//!
//! Each is described as data, so that a palette, the help and a configuration file list the same.

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

/// How much a command may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Danger {
    /// It only asks.
    Harmless,
    /// It changes the device: ask before sending.
    Changes,
    /// It may hurt, cost or overwrite: have its name typed before sending.
    Dangerous,
    /// It cannot be undone from here: only with an explicit flag.
    Irreversible,
}

/// How a command stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandBody {
    /// Its parameters by their keys.
    Keys,
    /// A mode with its values in a row, these first.
    Mode(&'static str, &'static [i64]),
    /// Its parameters by their keys, in an object under this key.
    Nested(&'static str),
    /// No command: a client's presence.
    Presence,
}

/// What answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerKind {
    /// A status.
    Status,
    /// A feature message.
    Feature,
    /// Energy by day.
    Energy,
    /// The reservations as they are now.
    Reservations,
    /// The tariff as it is now.
    TimeOfUse,
}

/// A command of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Name in a configuration file and in the palette; also what is typed to confirm it.
    pub name: &'static str,
    /// For people, short.
    pub title: &'static str,
    /// For people: what it does, and what may come of it.
    pub explanation: &'static str,
    /// Number on the wire.
    pub code: i64,
    /// Where it is sent.
    pub request_topic: RequestTopic,
    /// How it stands on the wire.
    pub body: CommandBody,
    /// What it takes, in the order of the wire.
    pub parameters: &'static [CommandParameter],
    /// What the device must have.
    pub required_capabilities: &'static [Capability],
    /// How much it may do.
    pub danger: Danger,
    /// Whether the wording on the wire was seen in real traffic; otherwise it is an informed guess, and
    /// the device may ignore it.
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

    /// What answers it; `None` if nothing does.
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

    /// Whether a device that hears is known to answer it. The wording of some commands is a guess, and some
    /// devices do not answer a question for the tariff.
    pub fn is_answer_certain(&self) -> bool {
        self.is_verified && self.answer_kind().is_some() && self.request_topic != RequestTopic::TimeOfUse
    }

    /// Whether this is the kind of message that answers it.
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
}
