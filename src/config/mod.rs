//! What was the program told to do? Defaults ◂ file ◂ environment ◂ flags, resolved once.
//!
//! *Must not know* what is done with the settings: it hands each part its own small struct and is read
//! by nobody but the command line and the crate root.

mod broker_url;
mod device;
mod device_options;
mod directories;
mod file;
mod options;
mod profile;
mod recorded_time;
mod resolve;
mod settings;
mod validate;
mod values;

pub use broker_url::{BrokerUrl, BrokerUrlError, ParsedUrl};
pub use device_options::{
    AnswerMatch, CommandOptions, ConfirmWhen, DeviceOptions, ParameterKind, ParameterOptions, PayloadFormat,
};
pub use directories::Directories;
pub use file::{device_of, load};
pub use options::{
    BrokerOptions, ExportOptions, LogOptions, MqttOptions, Options, ReconnectOptions, RecordOptions,
    RunOptions, ScreenOptions, TlsOptions,
};
pub use profile::Profile;
pub use recorded_time::RecordedTime;
pub use resolve::{Cloud, Embedded, Surroundings, Target, effective, password_from, resolve};
pub use settings::{ExportSettings, RecordingPlace, RecordingSettings, RunSettings, Settings, UiSettings};
pub use validate::ConfigError;
pub use values::{Attempts, KeepAlive, MqttVersion, PingWhen, Span, ValueError};

/// The documented sample configuration file; every value in it is the default.
pub const TEMPLATE: &str = include_str!("template.toml");

#[cfg(test)]
mod tests;
