//! HTTP requests to the cloud.
//!
//! They use the same connector as the link (timeouts per phase, proxies from the environment, the platform's
//! or a configured certificate authority), with hyper on top. One connection per request: requests are hours apart.

use std::path::PathBuf;
use std::pin::pin;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, client};
use hyper_util::rt::TokioIo;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{AccountError, CloudTransport, RequestBody, RestResponse};
use crate::diagnostics::event::Layer;
use crate::diagnostics::{Clock, Transport as BrokerTransport};
use crate::mqtt::SettingsError;
use crate::mqtt::connector::{BoxFuture, Connector as _, OpenRequest, WireConnector};
use crate::mqtt::settings::{AddressFamily, BrokerAddress, LinkSettings};
use crate::mqtt::wire::{Progress, WireStream};

/// Base URL of the vendor's cloud.
pub const API_URL: &str = "https://nlus.naviensmartcontrol.com/api/v2.1";
/// Maximum size of an answer, in bytes; a page of the device list has about ten thousand.
const MAX_RESPONSE_BYTES: usize = 4 * 1024 * 1024;

/// Base URL of the cloud: `https://HOST[:PORT]/PATH`, or `http://` to this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl {
    address: BrokerAddress,
    /// The Host header.
    host: String,
    text: String,
}

/// Why a URL is not accepted for the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiUrlError {
    /// Not a URL.
    #[error("write the address of the cloud as https://HOST[:PORT]/PATH")]
    InvalidUrl,
    /// The password would be sent in clear text.
    #[error(
        "the address of the cloud must begin with https://; http:// is allowed for this computer only (127.0.0.1)"
    )]
    NotSecure,
    /// User, password, query or fragment.
    #[error("the address of the cloud must not contain a user, a password, ? or #")]
    UnsupportedPart,
}

impl FromStr for ApiUrl {
    type Err = ApiUrlError;

    fn from_str(text: &str) -> Result<Self, ApiUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| ApiUrlError::InvalidUrl)?;
        let host = url.host().ok_or(ApiUrlError::InvalidUrl)?;
        let is_loopback = match host {
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
            Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        };
        let transport = match url.scheme() {
            "https" => BrokerTransport::Tls,
            "http" if is_loopback => BrokerTransport::Tcp,
            "http" => return Err(ApiUrlError::NotSecure),
            _ => return Err(ApiUrlError::InvalidUrl),
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(ApiUrlError::UnsupportedPart);
        }
        let name = match &host {
            Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        let header = url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}"));
        let path = url.path().trim_end_matches('/').to_owned();
        let port = url.port_or_known_default().ok_or(ApiUrlError::InvalidUrl)?;
        let text = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { address: BrokerAddress { transport, host: name, port, path }, host: header, text })
    }
}

impl ApiUrl {
    /// The URL without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Sends requests over HTTP/1.1.
#[derive(Debug)]
pub struct HttpTransport {
    url: ApiUrl,
    settings: LinkSettings,
    wire: WireConnector,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// Reads the file of trusted authorities; without one the authorities of the system are trusted.
    ///
    /// # Errors
    /// When the file is unusable.
    pub fn new(
        url: ApiUrl,
        ca_file: Option<PathBuf>,
        family: AddressFamily,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        let mut settings = LinkSettings::new(url.address.clone(), "");
        settings.tls.ca_file = ca_file;
        settings.tls.alpn = vec!["http/1.1".to_owned()];
        settings.family = family;
        let wire = WireConnector::new(&settings)?;
        Ok(Self { url, settings, wire, clock })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<RestResponse, AccountError> {
        let (settings, clock, progress) = (&self.settings, &self.clock, &Progress::new());
        let opened = self.wire.open(OpenRequest { settings, clock, progress, rebuild_all: false }).await;
        let wire =
            opened.result.map_err(|error| unreachable_error(error.failure.layer, error.failure.detail))?;
        let io: TokioIo<WireStream> = TokioIo::new(wire.stream);
        let (mut sender, connection) = client::conn::http1::handshake(io).await.map_err(connection_error)?;
        let answer = async {
            let (head, body) = sender.send_request(request).await.map_err(connection_error)?.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES)
                .collect()
                .await
                .map_err(|_| unreachable_error(Layer::Tcp, "the answer was cut off or exceeds 4 MiB"))?;
            Ok(RestResponse { status: head.status.as_u16(), body: Zeroizing::new(body.to_bytes().into()) })
        };
        let (mut answer, connection) = (pin!(answer), pin!(connection));
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            // The task ends when the answer is delivered; the answer carries its errors.
            _ = connection => answer.await,
        }
    }

    fn request(
        &self,
        path: &str,
        token: Option<&SecretString>,
        body: RequestBody,
    ) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::post(format!("{}{path}", self.url.address.path))
            .header(HOST, &self.url.host)
            .header(USER_AGENT, concat!("dropscope/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json")
            .header(CONNECTION, "close");
        if let Some(token) = token {
            // Without "Bearer": the cloud expects the raw token.
            let mut value = HeaderValue::from_str(token.expose_secret()).ok()?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::new(body.into_bytes())).ok()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used with map_err")]
fn connection_error(error: hyper::Error) -> AccountError {
    let why = if error.is_parse() { "the answer is not HTTP" } else { "the connection was closed early" };
    unreachable_error(Layer::Tcp, why)
}

fn unreachable_error(layer: Layer, why: impl Into<String>) -> AccountError {
    AccountError::Unreachable { layer, why: why.into() }
}

impl CloudTransport for HttpTransport {
    fn post<'a>(
        &'a self,
        path: &'a str,
        token: Option<&'a SecretString>,
        body: RequestBody,
    ) -> BoxFuture<'a, Result<RestResponse, AccountError>> {
        Box::pin(async move {
            let Some(request) = self.request(path, token, body) else {
                return Err(AccountError::incomplete("its token is not a valid header value"));
            };
            self.exchange(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_must_be_https_or_loopback() {
        let url: ApiUrl = "https://cloud.example/api/v2.1/".parse().unwrap();
        assert_eq!((url.address.port, url.host.as_str()), (443, "cloud.example"));
        assert_eq!(
            (url.address.path.as_str(), url.as_str()),
            ("/api/v2.1", "https://cloud.example/api/v2.1")
        );
        let url: ApiUrl = "http://[::1]:8080".parse().unwrap();
        assert_eq!(
            (url.address.host.as_str(), url.host.as_str(), url.address.path.as_str()),
            ("::1", "[::1]:8080", "")
        );
        assert!(API_URL.parse::<ApiUrl>().is_ok());
        for (text, error) in [
            ("http://cloud.example", ApiUrlError::NotSecure),
            ("http://192.168.1.5/api", ApiUrlError::NotSecure),
            ("cloud.example", ApiUrlError::InvalidUrl),
            ("wss://cloud.example", ApiUrlError::InvalidUrl),
            ("https://me:pass@cloud.example", ApiUrlError::UnsupportedPart),
            ("https://cloud.example/?a", ApiUrlError::UnsupportedPart),
        ] {
            assert_eq!(text.parse::<ApiUrl>(), Err(error), "{text}");
        }
    }
}
