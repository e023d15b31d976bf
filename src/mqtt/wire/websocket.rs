//! The HTTP upgrade to a WebSocket that carries MQTT.

use chrono::{DateTime, Utc};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::header::DATE;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::connect_failure;
use super::sanitize::sanitize_text;
use super::tap::WireTap;
use super::ws_stream::WsStream;
use crate::mqtt::failure::Failure;
use crate::mqtt::settings::{BrokerAddress, LinkSettings};

/// Room for several MQTT packets in one message, beyond which a message is refused.
const SMALLEST_MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

/// Upgrades the stream. Also returns status, subprotocol and the server's clock as text.
pub(super) async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    settings: &LinkSettings,
    tap: WireTap,
) -> Result<(WsStream<S>, String), Failure> {
    let request = request(&settings.broker)
        .map_err(|reason| connect_failure::no_upgrade_request(&settings.broker.host, &reason))?;
    let limit = settings.max_packet.saturating_mul(2).max(SMALLEST_MESSAGE_LIMIT);
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    let (websocket, response) = client_async_with_config(request, stream, Some(config))
        .await
        .map_err(|error| connect_failure::upgrade_failure(&error))?;
    let mut detail = format!("{}, subprotocol mqtt", response.status());
    if let Some(date) = server_date(response.headers()) {
        detail.push_str(", server date ");
        detail.push_str(&date);
    }
    Ok((WsStream::new(websocket, tap), detail))
}

/// The server's clock from its `Date` header: a wrong clock here explains refused signatures.
pub(super) fn server_date(headers: &HeaderMap) -> Option<String> {
    headers.get(DATE).map(|date| sanitize_text(&String::from_utf8_lossy(date.as_bytes())))
}

/// The same as a time.
pub(super) fn server_date_utc(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

/// Builds the request. The path may contain a signature, so no error repeats it.
fn request(broker: &BrokerAddress) -> Result<Request, String> {
    let slash = if broker.path.starts_with('/') { "" } else { "/" };
    let uri: Uri = format!("ws://{}{slash}{}", broker.authority(), broker.path)
        .parse()
        .map_err(|_| "host and path do not make a URL".to_owned())?;
    let mut request = uri.into_client_request().map_err(|error| error.to_string())?;
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Transport;

    fn broker(transport: Transport, host: &str, port: u16, path: &str) -> BrokerAddress {
        BrokerAddress { transport, host: host.into(), port, path: path.into() }
    }

    #[test]
    fn the_host_header_is_what_a_signature_was_made_over() {
        for (transport, host, port, expected) in [
            (Transport::Wss, "example.com", 443, "example.com"),
            (Transport::Wss, "example.com", 80, "example.com:80"),
            (Transport::Wss, "example.com", 8443, "example.com:8443"),
            (Transport::Ws, "example.com", 80, "example.com"),
            (Transport::Ws, "::1", 9001, "[::1]:9001"),
        ] {
            let request = request(&broker(transport, host, port, "/mqtt")).unwrap();
            assert_eq!(request.headers()["host"], expected);
            assert_eq!(request.headers()["sec-websocket-protocol"], "mqtt");
        }
    }

    #[test]
    fn path_and_query_are_sent_unchanged_and_never_in_an_error() {
        let signed = broker(Transport::Wss, "h", 443, "/mqtt?X-Amz-Signature=abc%2Fd&x=1");
        assert_eq!(request(&signed).unwrap().uri().path_and_query().unwrap().as_str(), signed.path);
        let error = request(&broker(Transport::Wss, "h", 443, "/mqtt? secret\r\nX: y")).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }
}
