//! What was typed for the device cloud?

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

use super::ConfigFileArgs;
use crate::config::{BrokerUrl, HumanDuration, LinkProfile, Options};

/// In which unit temperatures are shown and typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum UnitPreference {
    /// as the device's own panel shows them
    #[default]
    Device,
    /// °C, and litres
    Celsius,
    /// °F, and US gallons
    Fahrenheit,
}

/// Watching a device of the vendor's cloud.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct NavienArgs {
    /// Which device: its MAC address or its name [default: the only one, or the first that is online]
    #[arg(long, hide_env = true, env = "DROPSCOPE_DEVICE", value_name = "MAC|NAME")]
    pub device: Option<String>,
    /// How the connection is kept, unless a flag says otherwise
    #[arg(
        long,
        hide_env = true,
        env = "DROPSCOPE_PROFILE",
        value_name = "PROFILE",
        default_value = "hardened"
    )]
    pub profile: LinkProfile,
    /// Unit of temperatures, shown and typed
    #[arg(long, hide_env = true, env = "DROPSCOPE_UNIT", value_name = "UNIT", default_value = "device")]
    pub unit: UnitPreference,
    /// How often the device is asked for its state, 10s to 24h; --quiet-link: never [default: 300s]
    #[arg(long, hide_env = true, env = "DROPSCOPE_STATUS_EVERY", value_name = "TIME")]
    pub status_every: Option<HumanDuration>,
    /// Offer the commands that cannot be undone from here: install firmware, forget the Wi-Fi
    #[arg(long, hide_env = true, env = "DROPSCOPE_ALLOW_ONE_WAY", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub allow_one_way: Option<bool>,
    /// Base address of another REST cloud, such as that of `dropscope lab` [default: the vendor's]
    #[arg(long, hide_env = true, env = "DROPSCOPE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// Address of another MQTT endpoint, `wss://HOST[:PORT]/PATH` [default: the vendor's at AWS IoT]
    #[arg(long, hide_env = true, env = "DROPSCOPE_IOT_ENDPOINT", value_name = "URL")]
    pub iot_endpoint: Option<BrokerUrl>,
    /// Keep the password in this computer's keyring, once the cloud has accepted it
    ///
    /// Later runs find it there. Another --api-url has an entry of its own. Without a keyring the run goes on.
    #[arg(long, hide_env = true, env = "DROPSCOPE_REMEMBER_PASSWORD", overrides_with = "forget_password", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub remember_password: Option<bool>,
    /// Delete the password of the account from the keyring, and end
    ///
    /// Tokens in the state directory are no password; they stay until they expire.
    #[arg(long, hide_env = true, env = "DROPSCOPE_FORGET_PASSWORD", overrides_with = "remember_password", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL", value_parser = BoolishValueParser::new(), hide_possible_values = true)]
    pub forget_password: Option<bool>,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}
