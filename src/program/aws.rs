//! `dropscope aws`: a connection to an endpoint of AWS IoT Core.

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::{runtime, settings, usage_error, watch};
use crate::aws_keys::{KeyError, KeySigner, KeySource, region_of};
use crate::cli;
use crate::clock::SystemClock;
use crate::config::{BrokerUrl, ConfigError, ConnectionTarget};
use crate::diagnostics::Transport;
use crate::diagnostics::aws_limits::AWS_WEBSOCKET_LIMIT;
use crate::mqtt::settings::{BrokerAddress, LinkSettings};

/// ALPN protocol of AWS for MQTT with a client certificate on port 443.
const ALPN_MQTT: &str = "x-amzn-mqtt-ca";
/// Keep-alives that AWS accepts; it changes others to the nearest of these.
const ALLOWED_KEEP_ALIVE_SECS: std::ops::RangeInclusive<u16> = 30..=1200;

/// Why an endpoint cannot be watched with these options, in one sentence with what to do.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum AwsCommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error("AWS IoT accepts a keep-alive of 30 to 1200 s, not {0} s; give --keep-alive 30 to 1200.")]
    KeepAlive(u16),
    #[error(
        "AWS credentials sign WebSocket URLs; write the endpoint as HOST or wss://HOST, or give --cert and --key."
    )]
    NoWebSocket,
    #[error("A signed URL over ws:// can be intercepted; use wss://.")]
    Unprotected,
    #[error("--cert and --key are for MQTT over TLS; write the endpoint as HOST, HOST:443 or mqtts://HOST.")]
    NoTls,
    #[error("The endpoint name contains no region; give --region, as in --region us-east-1.")]
    NoRegion,
}

/// Watches the endpoint.
pub(super) fn aws(args: cli::AwsArgs) -> color_eyre::Result<ExitCode> {
    let has_certificate = args.options.tls.cert.is_some() || args.options.tls.key.is_some();
    let cli::AwsArgs { endpoint, region, profile, file, mut options } = args;
    options.broker.url = Some(url(&endpoint, has_certificate));
    let source = KeySource::new(Arc::new(|name: &str| std::env::var(name).ok()), profile);
    let settings = settings(options, &file, ConnectionTarget::broker())
        .map_err(AwsCommandError::from)
        .and_then(|mut settings| {
            if has_certificate {
                with_certificate(&mut settings.link)?;
            } else {
                with_keys(&mut settings.link, source, region)?;
            }
            Ok(settings)
        });
    match settings {
        Ok(settings) => runtime()?.block_on(watch::watch_broker(settings)),
        Err(error) => Ok(usage_error(&error)),
    }
}

/// The endpoint as a URL: a bare name gets the scheme of its kind of login.
fn url(endpoint: &str, has_certificate: bool) -> BrokerUrl {
    let scheme = if has_certificate { "mqtts" } else { "wss" };
    if endpoint.contains("://") {
        BrokerUrl::new(endpoint)
    } else {
        BrokerUrl::new(format!("{scheme}://{endpoint}"))
    }
}

fn with_certificate(link: &mut LinkSettings) -> Result<(), AwsCommandError> {
    if link.broker.transport != Transport::Tls {
        return Err(AwsCommandError::NoTls);
    }
    if link.broker.port == 443 && link.tls.alpn.is_empty() {
        link.tls.alpn = vec![ALPN_MQTT.to_owned()];
    }
    apply_aws_rules(link)
}

fn with_keys(
    link: &mut LinkSettings,
    source: KeySource,
    region: Option<String>,
) -> Result<(), AwsCommandError> {
    match link.broker.transport {
        Transport::Wss => {}
        Transport::Ws if is_loopback(&link.broker) => {}
        Transport::Ws => return Err(AwsCommandError::Unprotected),
        Transport::Tcp | Transport::Tls => return Err(AwsCommandError::NoWebSocket),
    }
    apply_aws_rules(link)?;
    // Certificates of the file belong to the user's own broker.
    (link.tls.certificate, link.tls.private_key) = (None, None);
    // The name precedes AWS_REGION, which is the region of the user and not of the endpoint.
    let region = region.or_else(|| region_of(&link.broker.host)).or_else(|| source.region());
    let region = region.ok_or(AwsCommandError::NoRegion)?;
    // Read once now, so that missing keys are reported before the run starts.
    source.read()?;
    let signer = KeySigner::new(source, &link.broker, region, Arc::new(SystemClock::new()));
    link.signer = Some(Arc::new(signer));
    if let Some(planned) = &mut link.planned_reconnect {
        planned.websocket_limit = Some(AWS_WEBSOCKET_LIMIT);
    }
    Ok(())
}

fn apply_aws_rules(link: &mut LinkSettings) -> Result<(), AwsCommandError> {
    // A login of the file belongs to the user's own broker; AWS takes none from either kind of client.
    (link.username, link.password) = (None, None);
    if ALLOWED_KEEP_ALIVE_SECS.contains(&link.keep_alive_secs) {
        Ok(())
    } else {
        Err(AwsCommandError::KeepAlive(link.keep_alive_secs))
    }
}

fn is_loopback(broker: &BrokerAddress) -> bool {
    broker.host == "localhost" || broker.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(endpoint: &str, has_certificate: bool) -> LinkSettings {
        LinkSettings::new(url(endpoint, has_certificate).parse().unwrap().address, "id")
    }

    fn keys() -> KeySource {
        let variable = |name: &str| match name {
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
            _ => None,
        };
        KeySource::new(Arc::new(variable), None)
    }

    const HOST: &str = "a1-ats.iot.us-east-1.amazonaws.com";

    #[test]
    fn a_certificate_means_8883_or_443_with_alpn() {
        let mut usual = link(HOST, true);
        usual.username = Some("of another broker".into());
        with_certificate(&mut usual).unwrap();
        assert_eq!((usual.broker.transport, usual.broker.port, usual.username), (Transport::Tls, 8883, None));
        assert!(usual.tls.alpn.is_empty() && usual.signer.is_none());
        let mut narrow = link(&format!("{HOST}:443"), true);
        with_certificate(&mut narrow).unwrap();
        assert_eq!((narrow.broker.port, narrow.tls.alpn), (443, vec!["x-amzn-mqtt-ca".to_owned()]));
        let mut custom_alpn = link(&format!("mqtts://{HOST}:443"), true);
        custom_alpn.tls.alpn = vec!["mqtt".into()];
        with_certificate(&mut custom_alpn).unwrap();
        assert_eq!(custom_alpn.tls.alpn, ["mqtt"]);
        assert_eq!(with_certificate(&mut link("wss://h", true)), Err(AwsCommandError::NoTls));
    }

    #[test]
    fn keys_mean_a_signed_websocket_on_443() {
        let mut usual = link(HOST, false);
        usual.tls.certificate = Some("of another broker".into());
        with_keys(&mut usual, keys(), None).unwrap();
        let broker = &usual.broker;
        assert_eq!((broker.transport, broker.port, broker.path.as_str()), (Transport::Wss, 443, "/mqtt"));
        assert!(usual.signer.is_some() && usual.tls.certificate.is_none());
        let error_for = |endpoint: &str| with_keys(&mut link(endpoint, false), keys(), None);
        assert_eq!(error_for("mqtts://h"), Err(AwsCommandError::NoWebSocket));
        assert_eq!(error_for("ws://10.0.0.5"), Err(AwsCommandError::Unprotected));
        assert_eq!(error_for("broker.example"), Err(AwsCommandError::NoRegion));
        let none = KeySource::new(Arc::new(|_| None), None);
        assert_eq!(with_keys(&mut link(HOST, false), none, None), Err(KeyError::NoCredentials.into()));
        with_keys(&mut link("ws://[::1]:9001", false), keys(), Some("us-east-1".into())).unwrap();
    }

    #[test]
    fn a_keep_alive_outside_the_aws_range_is_rejected() {
        for (secs, is_accepted) in [(0, false), (29, false), (30, true), (1200, true), (1201, false)] {
            let mut link = link(HOST, true);
            link.keep_alive_secs = secs;
            let expected = (!is_accepted).then_some(AwsCommandError::KeepAlive(secs));
            assert_eq!(with_certificate(&mut link).err(), expected);
        }
    }
}
