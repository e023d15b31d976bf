//! What is said between client and water heater over MQTT: topics, messages, commands.
//!
//! Pure: text in, values out; no I/O, no clock, and no input that makes it panic or grow. Everything
//! from outside is cleaned and cut before it is kept.
//!
//! *Must not know* any room but `diagnostics`.

pub mod code;
mod error_code;
mod feature;
mod field;
mod number;
mod status;
mod unit;

pub use error_code::ErrorCode;
pub use feature::Feature;
pub use field::{Field, Oddities, Shown};
pub use status::Status;
pub use unit::{
    Energy, FlowRate, Rounding, Temperature, TemperatureDifference, TemperatureUnit, View, Volume,
};
