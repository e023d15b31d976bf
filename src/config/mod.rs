//! The configuration: defaults ◂ file ◂ environment ◂ flags, resolved once.
//!
//! *Must not depend on* how the settings are used: each part of the program gets its own small struct. Only the command
//! line and `program` read this module.

mod broker_url;
mod device;
mod device_options;
mod directories;
pub mod environment;
mod file;
mod options;
mod profile;
mod recorded_time;
mod resolve;
mod schema;
mod settings;
mod target;
mod validate;
mod values;

pub use broker_url::{BrokerUrl, BrokerUrlError, ParsedUrl};
pub use device_options::{
    AnswerMatch, CommandOptions, ConfirmOption, DeviceOptions, ParameterKind, ParameterOptions, PayloadFormat,
};
pub use directories::Directories;
pub use file::{load, parse_device};
pub use options::{
    ConnectionOptions, ExportOutputOptions, LogOptions, MqttOptions, Options, ReconnectOptions,
    RecordOptions, RunOptions, ScreenOptions, TlsOptions,
};
pub use profile::LinkProfile;
pub use recorded_time::RecordedTime;
pub use resolve::{Environment, effective, read_password_file, resolve};
pub use schema::schema;
pub use settings::{
    ExportSettings, RecordingDestination, RecordingSettings, ResolvedSettings, RunSettings, UiSettings,
};
pub use target::{ConnectionTarget, EmbeddedBroker};
pub use validate::ConfigError;
pub use values::{AttemptLimit, HumanDuration, KeepAlive, PingPolicyOption, ValueError};

/// The documented sample configuration file; every value in it is the default.
pub const TEMPLATE: &str = include_str!("template.toml");

#[cfg(test)]
mod tests;
