//! Handshakes of an accepted TCP connection: TLS and the WebSocket upgrade.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};

use super::server_stream::{CloseMode, ServerStream};
use super::websocket::WebSocketBytes;
use crate::lab::aws::AwsRules;

/// Bytes after which a WebSocket upgrade request without an end is answered.
const MAX_UPGRADE_REQUEST: usize = 16 * 1024;
/// How long TLS and the upgrade may take.
pub(in crate::lab) const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// The transport of a listener.
#[derive(Clone)]
pub enum ListenerEndpoint {
    /// Plain TCP.
    Tcp,
    /// TLS with this server configuration (certificates, client authentication, ALPN).
    Tls(Arc<ServerConfig>),
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss(Arc<ServerConfig>),
}

impl std::fmt::Debug for ListenerEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "Tcp",
            Self::Tls(_) => "Tls",
            Self::Ws => "Ws",
            Self::Wss(_) => "Wss",
        })
    }
}

/// Faults of the TLS and WebSocket handshakes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::lab) struct HandshakeFaults {
    /// Answer the TLS `ClientHello` with this fatal alert.
    pub(in crate::lab) tls_alert: Option<u8>,
    /// Answer the WebSocket upgrade with this HTTP status.
    pub(in crate::lab) upgrade_status: Option<u16>,
    /// Accept the WebSocket upgrade without naming the `mqtt` subprotocol.
    pub(in crate::lab) omits_subprotocol: bool,
}

/// Does TLS and the WebSocket upgrade, with the given faults.
///
/// # Errors
/// The cause of a failed handshake, planned or not.
pub(in crate::lab) async fn accept(
    tcp: TcpStream,
    endpoint: &ListenerEndpoint,
    faults: HandshakeFaults,
    rules: Option<&AwsRules>,
) -> io::Result<ServerStream> {
    // Small packets must not wait for the peer's delayed ACK: it would look like a slow broker.
    tcp.set_nodelay(true)?;
    match endpoint {
        ListenerEndpoint::Tcp => Ok(ServerStream::Tcp(tcp)),
        ListenerEndpoint::Tls(config) => {
            Ok(ServerStream::Tls(Box::new(accept_tls(tcp, config, faults).await?)))
        }
        ListenerEndpoint::Ws => Ok(ServerStream::Ws(Box::new(accept_websocket(tcp, faults, rules).await?))),
        ListenerEndpoint::Wss(config) => {
            let tls = accept_tls(tcp, config, faults).await?;
            Ok(ServerStream::Wss(Box::new(accept_websocket(tls, faults, rules).await?)))
        }
    }
}

async fn accept_tls(
    mut tcp: TcpStream,
    config: &Arc<ServerConfig>,
    faults: HandshakeFaults,
) -> io::Result<TlsStream<TcpStream>> {
    if let Some(description) = faults.tls_alert {
        let mut client_hello = [0; 4096];
        let _ = tcp.read(&mut client_hello).await?;
        tcp.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, description]).await?;
        ServerStream::Tcp(tcp).close(CloseMode::BareFin).await;
        return Err(io::Error::other("refused with a TLS alert, as planned"));
    }
    TlsAcceptor::from(Arc::clone(config)).accept(tcp).await
}

async fn accept_websocket<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    faults: HandshakeFaults,
    rules: Option<&AwsRules>,
) -> io::Result<WebSocketBytes<S>> {
    if let Some(status) = faults.upgrade_status {
        send_status_without_upgrade(&mut stream, status, rules).await?;
        return Err(io::Error::other("not upgraded, as planned"));
    }
    let callback = UpgradeCallback { sends_subprotocol: !faults.omits_subprotocol, rules };
    let socket = accept_hdr_async(stream, callback).await.map_err(io::Error::other)?;
    Ok(WebSocketBytes::new(socket))
}

/// Answers with any HTTP status, also with a success, as a plain web server does.
async fn send_status_without_upgrade(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    status: u16,
    rules: Option<&AwsRules>,
) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.len() < MAX_UPGRADE_REQUEST {
        if stream.read_buf(&mut request).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let date = rules.map_or_else(String::new, |rules| format!("Date: {}\r\n", rules.http_date()));
    let body = "answered as planned";
    let response = format!("HTTP/1.1 {status}\r\n{date}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(response.as_bytes()).await?;
    stream.flush().await
}

/// The server's answer to a WebSocket upgrade.
struct UpgradeCallback<'a> {
    /// Name the subprotocol in the answer.
    sends_subprotocol: bool,
    /// The rules for the upgrade request.
    rules: Option<&'a AwsRules>,
}

impl Callback for UpgradeCallback<'_> {
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if let Some(rules) = self.rules {
            rules.check_upgrade(request).map_err(|refusal| *refusal)?;
        }
        let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let offers_mqtt = offered
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|name| name.trim() == "mqtt");
        if !offers_mqtt {
            return Err(refusal(StatusCode::BAD_REQUEST, "ask for the subprotocol mqtt"));
        }
        if self.sends_subprotocol {
            let mqtt = HeaderValue::from_static("mqtt");
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, mqtt);
        }
        Ok(response)
    }
}

fn refusal(status: StatusCode, text: &str) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(text.to_owned()));
    *refusal.status_mut() = status;
    refusal
}
