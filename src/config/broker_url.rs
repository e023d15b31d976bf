//! Broker URLs.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use url::{Host, Url};

use crate::diagnostics::Transport;
use crate::mqtt::settings::BrokerAddress;

/// Path of the WebSocket upgrade when the URL has none.
const WEBSOCKET_PATH: &str = "/mqtt";

/// A broker URL as typed. It may contain a password, so `Display` and `Debug` omit the user information.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct BrokerUrl(String);

impl BrokerUrl {
    /// A URL as typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Splits the URL into address and login.
    ///
    /// # Errors
    ///
    /// One sentence about the mistake, without user name or password.
    pub fn parse(&self) -> Result<ParsedUrl, BrokerUrlError> {
        parse(self.0.trim())
    }
}

impl From<String> for BrokerUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::str::FromStr for BrokerUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

impl fmt::Display for BrokerUrl {
    /// The URL without user information and query (signed URLs carry credentials there).
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) =
            self.0.split_once("://").map_or(("", self.0.as_str()), |(scheme, rest)| (scheme, rest));
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let path = path.split(['?', '#']).next().unwrap_or("");
        let separator = if scheme.is_empty() { "" } else { "://" };
        write!(formatter, "{scheme}{separator}{host}{path}")
    }
}

impl fmt::Debug for BrokerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BrokerUrl({self})")
    }
}

impl Serialize for BrokerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The parts of a broker URL.
#[derive(Debug, Clone)]
pub struct ParsedUrl {
    /// Where the broker is.
    pub address: BrokerAddress,
    /// User name in the URL, percent-decoded.
    pub username: Option<String>,
    /// Password in the URL, percent-decoded.
    pub password: Option<SecretString>,
}

/// A mistake in a broker URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerUrlError {
    /// The text is empty.
    #[error("the broker URL is empty; write it like mqtt://broker.example or wss://broker.example/mqtt")]
    Empty,
    /// The scheme is not one of MQTT.
    #[error("`{0}://` is not an MQTT transport; use mqtt://, mqtts://, ws:// or wss://")]
    Scheme(String),
    /// There is no valid host name or address.
    #[error("the broker URL names no valid host; write it like mqtt://broker.example:1883 or mqtt://[::1]")]
    Host,
    /// The port is not usable.
    #[error("the port in the broker URL must be a number from 1 to 65535")]
    Port,
    /// A path with a transport that has none.
    #[error(
        "a path has no meaning with mqtt:// and mqtts://; give topics with --topic, or use ws:// or wss://"
    )]
    Path,
    /// User name or password are not UTF-8.
    #[error("the user name or password in the broker URL is not UTF-8 after percent-decoding")]
    UserInfo,
}

fn parse(text: &str) -> Result<ParsedUrl, BrokerUrlError> {
    if text.is_empty() {
        return Err(BrokerUrlError::Empty);
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("mqtt", text));
    let (transport, default_port) = transport(scheme)?;
    // The `url` crate treats ws:// specially and hides a port that equals its default. With one neutral scheme
    // all transports are parsed alike.
    let url = Url::parse(&format!("mqtt://{rest}")).map_err(|error| match error {
        url::ParseError::InvalidPort => BrokerUrlError::Port,
        _ => BrokerUrlError::Host,
    })?;
    let port = match url.port() {
        Some(0) => return Err(BrokerUrlError::Port),
        Some(port) => port,
        None => default_port,
    };
    let address = BrokerAddress { transport, host: host(&url)?, port, path: upgrade_path(&url, transport)? };
    let username = Some(decode(url.username())?).filter(|name| !name.is_empty());
    let password = url.password().map(decode).transpose()?.map(SecretString::from);
    Ok(ParsedUrl { address, username, password })
}

fn transport(scheme: &str) -> Result<(Transport, u16), BrokerUrlError> {
    let scheme = scheme.to_ascii_lowercase();
    match Transport::from_scheme(&scheme) {
        Some(Transport::Tcp) => Ok((Transport::Tcp, 1883)),
        Some(Transport::Tls) => Ok((Transport::Tls, 8883)),
        Some(Transport::Ws) => Ok((Transport::Ws, 80)),
        Some(Transport::Wss) => Ok((Transport::Wss, 443)),
        // A password before a mistyped `://` must not be repeated: only a plain word is.
        None if scheme.len() <= 20 && scheme.chars().all(|character| character.is_ascii_alphanumeric()) => {
            Err(BrokerUrlError::Scheme(scheme))
        }
        None => Err(BrokerUrlError::Host),
    }
}

/// The host for the resolver: international names in ASCII, IPv6 without brackets.
fn host(url: &Url) -> Result<String, BrokerUrlError> {
    let text = url.host_str().filter(|host| !host.is_empty()).ok_or(BrokerUrlError::Host)?;
    match Host::parse(text) {
        Ok(Host::Domain(name)) => Ok(name),
        Ok(Host::Ipv4(address)) => Ok(address.to_string()),
        Ok(Host::Ipv6(address)) => Ok(address.to_string()),
        Err(_) => Err(BrokerUrlError::Host),
    }
}

fn upgrade_path(url: &Url, transport: Transport) -> Result<String, BrokerUrlError> {
    if !transport.is_websocket() {
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none();
        return if is_bare { Ok(WEBSOCKET_PATH.to_owned()) } else { Err(BrokerUrlError::Path) };
    }
    let path = if url.path().is_empty() { WEBSOCKET_PATH } else { url.path() };
    Ok(match url.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    })
}

/// Percent-decodes; a `%` without two hexadecimal digits remains.
fn decode(text: &str) -> Result<String, BrokerUrlError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(String::from).map_err(|_| BrokerUrlError::UserInfo)
}

#[cfg(test)]
mod tests;
