//! What was typed for the device cloud?

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
    #[arg(long, value_name = "MAC|NAME")]
    pub device: Option<String>,
    /// How the connection is kept, unless a flag says otherwise
    #[arg(long, value_name = "PROFILE", default_value = "hardened")]
    pub profile: LinkProfile,
    /// Unit of temperatures, shown and typed
    #[arg(long, value_name = "UNIT", default_value = "device")]
    pub unit: UnitPreference,
    /// How often the device is asked for its state, 10s to 24h; --quiet-link: never [default: 300s]
    #[arg(long, value_name = "TIME")]
    pub status_every: Option<HumanDuration>,
    /// Offer the commands that cannot be undone from here: install firmware, forget the Wi-Fi
    #[arg(long)]
    pub allow_one_way: Option<bool>,
    /// Base address of another REST cloud, such as that of `dropscope lab` [default: the vendor's]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Address of another MQTT endpoint, `wss://HOST[:PORT]/PATH` [default: the vendor's at AWS IoT]
    #[arg(long, value_name = "URL")]
    pub iot_endpoint: Option<BrokerUrl>,
    /// Keep the password in this computer's keyring, once the cloud has accepted it
    ///
    /// Later runs find it there. Another --api-url has an entry of its own. Without a keyring the run goes on.
    #[arg(long, overrides_with = "forget_password")]
    pub remember_password: Option<bool>,
    /// Delete the password of the account from the keyring, and end
    ///
    /// Tokens in the state directory are no password; they stay until they expire.
    #[arg(long, overrides_with = "remember_password")]
    pub forget_password: Option<bool>,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}
