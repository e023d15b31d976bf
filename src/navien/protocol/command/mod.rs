//! Which commands does the device know, what do they take, and how dangerous are they?
//!
//! Each is described as data, so that a palette, the help and a configuration file list the same.

mod build;
mod capability;
mod catalogue;
mod json;
mod parameter;
mod refusal;

pub use build::{Context, Request};
pub use capability::{Capability, Limits};
pub use catalogue::CATALOGUE;
pub use parameter::{Argument, Arguments, Kind, Parameter};
pub use refusal::Refusal;

use super::message::Content;
use super::topic::Place;

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
    OneWay,
}

/// How a command stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Its parameters by their keys.
    Keys,
    /// A mode with its values in a row, these first.
    Mode(&'static str, &'static [i64]),
    /// Its parameters by their keys, in an object under this key.
    Inside(&'static str),
    /// No command: a client's presence.
    Presence,
}

/// What answers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
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
    pub place: Place,
    /// How it stands on the wire.
    pub body: Body,
    /// What it takes, in the order of the wire.
    pub parameters: &'static [Parameter],
    /// What the device must have.
    pub needs: &'static [Capability],
    /// How much it may do.
    pub danger: Danger,
    /// Whether the wording on the wire was seen in real traffic; otherwise it is an informed guess, and
    /// the device may ignore it.
    pub is_proven: bool,
}

impl Command {
    /// By its name.
    pub fn by_name(name: &str) -> Option<&'static Self> {
        CATALOGUE.iter().find(|command| command.name == name)
    }

    /// By its number. One number both reads and writes the tariff: with a timetable it writes.
    pub fn by_code(code: i64, has_timetable: bool) -> Option<&'static Self> {
        let mut candidates =
            CATALOGUE.iter().filter(|command| command.code == code && command.body != Body::Presence);
        let first = candidates.next()?;
        let writes = |command: &Self| command.parameters.iter().any(|p| matches!(p.kind, Kind::Tariff));
        Some(candidates.find(|command| has_timetable && writes(command)).unwrap_or(first))
    }

    /// What answers it; `None` if nothing does.
    pub fn answer(&self) -> Option<Answer> {
        match (self.body, self.place) {
            (Body::Presence, _) => None,
            (_, Place::Status | Place::Control) => Some(Answer::Status),
            (_, Place::Info) => Some(Answer::Feature),
            (_, Place::Energy) => Some(Answer::Energy),
            (_, Place::ReadReservations | Place::WriteReservations) => Some(Answer::Reservations),
            (_, Place::TimeOfUse) => Some(Answer::TimeOfUse),
        }
    }

    /// Whether a device that hears is known to answer it. The wording of some commands is a guess, and some
    /// devices do not answer a question for the tariff.
    pub fn is_surely_answered(&self) -> bool {
        self.is_proven && self.answer().is_some() && self.place != Place::TimeOfUse
    }

    /// Whether this is the kind of message that answers it.
    pub fn is_answered_by(&self, content: &Content) -> bool {
        matches!(
            (self.answer(), content),
            (Some(Answer::Status), Content::Status(_))
                | (Some(Answer::Feature), Content::Feature(_))
                | (Some(Answer::Energy), Content::Energy(_))
                | (Some(Answer::Reservations), Content::Reservations(_))
                | (Some(Answer::TimeOfUse), Content::TimeOfUse(_))
        )
    }
}
