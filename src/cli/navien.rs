//! What was typed for the device cloud?

use clap::Args;

use super::FileOption;
use crate::config::{BrokerUrl, Options, Profile};

/// Watching a device of the vendor's cloud.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Navien {
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
    pub profile: Profile,
    /// Base address of another REST cloud, such as that of `dropscope lab` [default: the vendor's]
    #[arg(long, hide_env = true, env = "DROPSCOPE_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// Address of another MQTT endpoint, `wss://HOST[:PORT]/PATH` [default: the vendor's at AWS IoT]
    #[arg(long, hide_env = true, env = "DROPSCOPE_IOT_ENDPOINT", value_name = "URL")]
    pub iot_endpoint: Option<BrokerUrl>,
    /// The configuration file.
    #[command(flatten)]
    pub file: FileOption,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}
