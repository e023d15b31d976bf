//! The arguments of `dropscope aws`.

use clap::Args;

use super::ConfigFileArgs;
use crate::config::Options;

/// Watching an endpoint of AWS IoT Core.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct AwsArgs {
    /// Endpoint, written `HOST[:PORT]`; `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints it
    ///
    /// Port 443 over WebSocket with AWS credentials. With --cert and --key it is MQTT on port 8883, or on 443
    /// with ALPN x-amzn-mqtt-ca. A URL (wss://HOST:PORT/mqtt, mqtts://HOST:PORT) names another endpoint with
    /// the same rules.
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// Region to sign for [default: the one in the endpoint's name, else `AWS_REGION` or the profile's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Profile of the AWS tools [default: keys in the environment, else `AWS_PROFILE`, else `default`]
    ///
    /// A profile given here precedes keys in the environment. Its files are read again when the server refuses the
    /// keys, and at each deep reconnect.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}
