//! The HTTP proxy that the environment names, and the tunnel through it.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

use super::connect_failure;
use super::sanitize::sanitize_text;
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::BrokerAddress;

/// Where the environment names the proxy, in order of precedence.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Longest answer head of a proxy that is read.
const MAX_RESPONSE_HEAD: usize = 8 * 1024;

/// An HTTP proxy that opens a tunnel with CONNECT.
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// `user:password`.
    credentials: Option<SecretString>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Proxy {
    /// The proxy on the way to `broker` according to the variables found by `lookup`.
    ///
    /// Brokers on this computer or in a private network are always reached directly: the variables are
    /// meant for browsers, and a broker in the local network is not behind a proxy.
    pub(super) fn from_environment(
        broker: &BrokerAddress,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, Failure> {
        let configured = VARIABLES.iter().find_map(|variable| {
            lookup(variable).filter(|value| !value.trim().is_empty()).map(|value| (*variable, value))
        });
        let Some((variable, value)) = configured else { return Ok(None) };
        let exceptions = lookup("NO_PROXY").or_else(|| lookup("no_proxy")).unwrap_or_default();
        if is_local_or_private(&broker.host) || is_in_no_proxy(broker, &exceptions) {
            return Ok(None);
        }
        Self::parse(value.trim()).map(Some).ok_or_else(|| connect_failure::unusable_proxy(variable))
    }

    fn parse(value: &str) -> Option<Self> {
        let url =
            if value.contains("://") { Url::parse(value) } else { Url::parse(&format!("http://{value}")) };
        let url = url.ok().filter(|url| url.scheme() == "http")?;
        let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = (!url.username().is_empty()).then(|| {
            let decoded = |text| percent_decode_str(text).decode_utf8_lossy();
            format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default())).into()
        });
        Some(Self { host, port: url.port_or_known_default()?, credentials })
    }

    /// Opens a tunnel to the broker. Afterwards the stream leads to it, and none of its bytes was read.
    pub(super) async fn tunnel<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        broker: &BrokerAddress,
    ) -> Result<(), Failure> {
        let target = authority(&broker.host, broker.port);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(credentials) = &self.credentials {
            let encoded = BASE64_STANDARD.encode(credentials.expose_secret());
            request.push_str("Proxy-Authorization: Basic ");
            request.push_str(&encoded);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        let exchange = async {
            stream.write_all(request.as_bytes()).await?;
            stream.flush().await?;
            read_response_head(stream).await
        };
        let response = exchange.await.map_err(|error| connect_failure::proxy_connection_lost(&error))?;
        let first_line = String::from_utf8_lossy(&response);
        let first_line = first_line.lines().next().unwrap_or_default();
        match status(first_line) {
            Some(200..=299) => Ok(()),
            status => Err(connect_failure::proxy_refused(status, &sanitize_text(first_line))),
        }
    }
}

/// Reads the head of the answer byte by byte: the next byte is already the broker's.
async fn read_response_head<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_RESPONSE_HEAD {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// The status of `HTTP/1.1 200 Connection established`.
fn status(line: &str) -> Option<u16> {
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Whether the host is this computer or in a private network.
fn is_local_or_private(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        Err(_) => {
            let host = host.trim_end_matches('.').to_ascii_lowercase();
            matches!(host.rsplit('.').next(), Some("localhost" | "local"))
        }
    }
}

/// Whether `NO_PROXY` lists the broker: `*`, the name, a parent domain, each with or without port.
fn is_in_no_proxy(broker: &BrokerAddress, exceptions: &str) -> bool {
    let host = broker.host.trim_end_matches('.').to_ascii_lowercase();
    exceptions.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.to_ascii_lowercase();
        let entry = match entry.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') => match port.parse::<u16>() {
                Ok(port) if port == broker.port => name,
                _ => return false,
            },
            _ => entry.as_str(),
        };
        let domain = entry.trim_start_matches("*.").trim_start_matches('.');
        entry == "*" || host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Transport;

    fn proxy_for(host: &str, environment: &[(&str, &str)]) -> Result<Option<Proxy>, Failure> {
        let broker =
            BrokerAddress { transport: Transport::Tls, host: host.into(), port: 8883, path: String::new() };
        Proxy::from_environment(&broker, |name| {
            environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_names_the_proxy() {
        let port =
            |environment: &[(&str, &str)]| proxy_for("broker.example", environment).unwrap().map(|p| p.port);
        assert_eq!(port(&[]), None);
        assert_eq!(port(&[("HTTPS_PROXY", "")]), None);
        assert_eq!(port(&[("HTTPS_PROXY", "http://proxy:3128")]), Some(3128));
        assert_eq!(port(&[("https_proxy", "proxy:3129")]), Some(3129));
        assert_eq!(port(&[("ALL_PROXY", "http://proxy")]), Some(80));
        assert_eq!(port(&[("ALL_PROXY", "http://b:2"), ("HTTPS_PROXY", "http://a:1")]), Some(1));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_without_its_password() {
        for value in ["socks5://user:secret@proxy:1080", "https://user:secret@proxy", "http://[user:secret"] {
            let failure = proxy_for("broker.example", &[("ALL_PROXY", value)]).unwrap_err();
            assert_eq!(failure.name.code, 2071);
            assert!(failure.detail.contains("ALL_PROXY") && !failure.detail.contains("secret"));
        }
    }

    #[test]
    fn no_proxy_and_private_brokers_are_reached_directly() {
        let direct = |host: &str, exceptions: &str| {
            let environment = [("HTTPS_PROXY", "http://proxy:3128"), ("NO_PROXY", exceptions)];
            proxy_for(host, &environment).unwrap().is_none()
        };
        for host in ["localhost", "127.0.0.1", "::1", "192.168.1.5", "fe80::1", "heater.local"] {
            assert!(direct(host, ""), "{host}");
        }
        assert!(!direct("broker.example", "example.com, other.example:1883, broker.example:1"));
        for exceptions in ["*", "broker.example", ".example", "*.example", "a,example", "broker.example:8883"]
        {
            assert!(direct("broker.example", exceptions), "{exceptions}");
        }
        assert!(!direct("mybroker.example", "broker.example"));
        assert!(direct("2001:db8::1", "2001:db8::1"));
    }
}
