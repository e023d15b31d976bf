//! The MQTT protocol between client and water heater: topics, messages, commands.
//!
//! Pure: text in, values out; no I/O, no clock, and no input that causes a panic or unbounded growth. All
//! external text is cleaned and cut before it is kept.
//!
//! *Must not depend on* any module but `diagnostics`.

mod change;
pub mod code;
pub mod command;
mod energy;
mod error_code;
mod feature;
mod field;
mod message;
mod number;
mod status;
pub mod timetable;
pub mod topic;
mod unit;

#[cfg(test)]
mod tests;

pub use change::{Baseline, Change, changes};
pub use energy::{EnergyReport, Month, Usage};
pub use error_code::ErrorCode;
pub use feature::Feature;
pub use field::{FieldValue, MessageField, UnparsedFields};
pub use message::{MessageContent, MessageParseError, ParsedMessage};
pub use status::Status;
pub use unit::{
    DisplayUnits, Energy, FlowRate, Rounding, Temperature, TemperatureDifference, TemperatureUnit, Volume,
};
