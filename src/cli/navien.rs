//! The arguments of `dropscope navien`.

use clap::{Args, ValueEnum};

use super::ConfigFileArgs;
use crate::config::{BrokerUrl, HumanDuration, LinkProfile, Options};

/// The unit of temperatures on the screen and in commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum UnitPreference {
    /// as the device's own panel shows them
    #[default]
    Device,
    /// °C and liters
    Celsius,
    /// °F and US gallons
    Fahrenheit,
}

/// Watching a device of the vendor's cloud.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct NavienArgs {
    /// Device, by MAC address or name [default: the only one, or the first that is online]
    #[arg(long, value_name = "MAC|NAME")]
    pub device: Option<String>,
    /// Connection defaults; flags precede them
    #[arg(long, value_name = "PROFILE", default_value = "hardened")]
    pub profile: LinkProfile,
    /// Unit of temperatures
    #[arg(long, value_name = "UNIT", default_value = "device")]
    pub unit: UnitPreference,
    /// How often the device is polled for its state, 10s to 24h; --quiet-link: never [default: 300s]
    #[arg(long, value_name = "TIME")]
    pub status_every: Option<HumanDuration>,
    /// Offer commands that cannot be undone remotely: install firmware, reset the Wi-Fi
    #[arg(long)]
    pub allow_one_way: Option<bool>,
    /// Base address of another REST cloud, such as that of `dropscope lab` [default: the vendor's]
    #[arg(long, value_name = "URL")]
    pub api_url: Option<String>,
    /// Address of another MQTT endpoint, `wss://HOST[:PORT]/PATH` [default: the vendor's at AWS IoT]
    #[arg(long, value_name = "URL")]
    pub iot_endpoint: Option<BrokerUrl>,
    /// Store the password in the keyring once the cloud has accepted it
    ///
    /// Later runs read it there. Another --api-url has its own entry. Without a keyring the run continues.
    #[arg(long, overrides_with = "forget_password")]
    pub remember_password: Option<bool>,
    /// Delete the password of the account from the keyring and exit
    ///
    /// Tokens in the state directory remain until they expire.
    #[arg(long, overrides_with = "remember_password")]
    pub forget_password: Option<bool>,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}
