//! The failures of the connect phases.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustls::CertificateError;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::http::Response;

use super::close_reason::{inner_error, local_network_failure};
use super::sanitize::sanitize_text;
use super::websocket::{server_date, server_date_utc};
use crate::diagnostics::error_name::{
    AWS_ERROR_HTTP_PROTOCOL_ERROR, AWS_ERROR_HTTP_PROXY_CONNECT_FAILED,
    AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT, AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE,
    AWS_ERROR_INVALID_ARGUMENT, AWS_ERROR_NO_PERMISSION, AWS_ERROR_UNKNOWN, AWS_IO_DNS_NO_ADDRESS_FOR_HOST,
    AWS_IO_DNS_QUERY_AGAIN, AWS_IO_SOCKET_CLOSED, AWS_IO_SOCKET_CONNECT_ABORTED,
    AWS_IO_SOCKET_CONNECTION_REFUSED, AWS_IO_SOCKET_INVALID_ADDRESS, AWS_IO_SOCKET_TIMEOUT,
    AWS_IO_TLS_CERTIFICATE_EXPIRED, AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID, AWS_IO_TLS_CTX_ERROR,
    AWS_IO_TLS_ERROR_ALERT_RECEIVED, AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE, AWS_IO_TLS_HOST_NAME_MISMATCH,
    AWS_IO_TLS_NEGOTIATION_TIMEOUT, AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE,
};
use crate::diagnostics::event::{DropKind, Layer};
use crate::mqtt::failure::Failure;

/// The resolver did not answer in time.
pub(super) fn dns_timed_out(limit: Duration) -> Failure {
    let detail = format!("the name server did not answer within {limit:?}");
    Failure::new(AWS_IO_DNS_QUERY_AGAIN, Layer::Dns, DropKind::Io, detail)
}

/// The address did not answer in time.
pub(super) fn tcp_timed_out(remote: SocketAddr, limit: Duration) -> Failure {
    let detail = format!("{remote} did not answer within {limit:?}");
    Failure::new(AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, detail)
}

/// There was no address to try.
pub(super) fn no_address_left() -> Failure {
    Failure::new(AWS_IO_DNS_NO_ADDRESS_FOR_HOST, Layer::Dns, DropKind::Io, "there was no address to try")
}

/// A TCP handshake failed.
pub(super) fn tcp_failure(remote: SocketAddr, error: &io::Error) -> Failure {
    if let Some(failure) = local_network_failure(error) {
        let detail = format!("{remote}: {}", failure.detail);
        return Failure { detail, ..failure };
    }
    let (name, layer, how, detail) = match error.kind() {
        ErrorKind::ConnectionRefused => {
            let detail = format!("{remote} refused the connection: nothing listens on that port");
            (AWS_IO_SOCKET_CONNECTION_REFUSED, Layer::Tcp, DropKind::Rst, detail)
        }
        ErrorKind::TimedOut => {
            (AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, format!("{remote} did not answer"))
        }
        ErrorKind::ConnectionReset => (
            AWS_IO_SOCKET_CLOSED,
            Layer::Tcp,
            DropKind::Rst,
            format!("{remote} reset the connection at once"),
        ),
        ErrorKind::ConnectionAborted => (
            AWS_IO_SOCKET_CONNECT_ABORTED,
            Layer::Tcp,
            DropKind::Io,
            format!("{remote}: the connect was aborted"),
        ),
        ErrorKind::PermissionDenied => {
            let detail = format!("{remote}: this computer does not permit the connect (firewall?)");
            (AWS_ERROR_NO_PERMISSION, Layer::Local, DropKind::Local, detail)
        }
        _ => {
            let detail = format!("{remote}: {}", sanitize_text(&error.to_string()));
            (AWS_ERROR_UNKNOWN, Layer::Local, DropKind::Local, detail)
        }
    };
    Failure::new(name, layer, how, detail)
}

/// The TLS handshake was not finished in time.
pub(super) fn tls_timed_out(limit: Duration) -> Failure {
    let detail = format!("the TLS handshake was not finished within {limit:?}");
    Failure::new(AWS_IO_TLS_NEGOTIATION_TIMEOUT, Layer::Tls, DropKind::Io, detail)
}

/// TLS could not be set up on this computer.
pub(super) fn no_tls_context(reason: &str) -> Failure {
    Failure::new(AWS_IO_TLS_CTX_ERROR, Layer::Local, DropKind::Local, sanitize_text(reason))
}

/// No certificate can be checked against the host.
pub(super) fn no_server_name(host: &str) -> Failure {
    let detail = format!("{} is no name a certificate can be checked against", sanitize_text(host));
    Failure::new(AWS_IO_SOCKET_INVALID_ADDRESS, Layer::Local, DropKind::Local, detail)
}

/// A TLS handshake failed.
pub(super) fn tls_failure(error: &io::Error) -> Failure {
    match inner_error::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(reason)) => certificate_failure(reason),
        Some(rustls::Error::AlertReceived(alert)) => {
            let detail = format!("the server refused the TLS handshake with the alert {alert:?}");
            Failure::new(AWS_IO_TLS_ERROR_ALERT_RECEIVED, Layer::Tls, DropKind::TlsAlert, detail)
        }
        Some(rustls::Error::InvalidMessage(_)) => {
            let detail = "the server's answer is not TLS: is this its TLS port?";
            Failure::new(AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE, Layer::Tls, DropKind::Io, detail)
        }
        Some(other) => {
            let detail = sanitize_text(&other.to_string());
            Failure::new(AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE, Layer::Tls, DropKind::Io, detail)
        }
        None => interrupted_failure(error, "the TLS handshake"),
    }
}

fn certificate_failure(reason: &CertificateError) -> Failure {
    use CertificateError as C;
    let reason_text = sanitize_text(&reason.to_string());
    let (name, detail) = match reason {
        C::UnknownIssuer => {
            let detail = "the server's certificate is signed by an authority that is not trusted here";
            (AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE, detail.to_owned())
        }
        C::BadSignature => {
            // A recreated private authority has the same name: the old CA file then matches by name only.
            let detail = "the server's certificate names an authority trusted here, but is not signed by it; \
                          is the CA file out of date?";
            (AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE, detail.to_owned())
        }
        C::NotValidForName | C::NotValidForNameContext { .. } => (AWS_IO_TLS_HOST_NAME_MISMATCH, reason_text),
        C::Expired | C::ExpiredContext { .. } => (AWS_IO_TLS_CERTIFICATE_EXPIRED, reason_text),
        C::NotValidYet | C::NotValidYetContext { .. } => {
            (AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID, format!("{reason_text}; is this computer's clock right?"))
        }
        _ => (AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE, reason_text),
    };
    Failure::new(name, Layer::Tls, DropKind::Io, detail)
}

/// The connection was lost during `step`.
fn interrupted_failure(error: &io::Error, step: &str) -> Failure {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            let detail = format!("the peer closed the connection during {step}");
            Failure::new(AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Fin, detail)
        }
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            let detail = format!("the connection was reset during {step}");
            Failure::new(AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Rst, detail)
        }
        ErrorKind::TimedOut => {
            let detail = format!("the peer stopped answering during {step}");
            Failure::new(AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, detail)
        }
        _ => local_network_failure(error).unwrap_or_else(|| {
            let detail = format!("{step} failed: {}", sanitize_text(&error.to_string()));
            Failure::new(AWS_ERROR_UNKNOWN, Layer::Tcp, DropKind::Io, detail)
        }),
    }
}

/// The upgrade was not answered in time.
pub(super) fn upgrade_timed_out(limit: Duration) -> Failure {
    let detail = format!("the server did not answer the WebSocket upgrade within {limit:?}");
    Failure::new(AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT, Layer::Websocket, DropKind::Io, detail)
}

/// No HTTP request can be built from the settings.
pub(super) fn no_upgrade_request(host: &str, reason: &str) -> Failure {
    let detail =
        format!("no WebSocket request can be made for {}: {}", sanitize_text(host), sanitize_text(reason));
    Failure::new(AWS_ERROR_INVALID_ARGUMENT, Layer::Local, DropKind::Local, detail)
}

/// A WebSocket upgrade failed.
pub(super) fn upgrade_failure(error: &tungstenite::Error) -> Failure {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;
    let error_text = sanitize_text(&error.to_string());
    let (name, detail) = match error {
        Error::Http(response) => return http_status_failure(response),
        Error::Io(error) if inner_error::<rustls::Error>(error).is_some() => return tls_failure(error),
        Error::Io(error) => return interrupted_failure(error, "the WebSocket upgrade"),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            return interrupted_failure(&ErrorKind::UnexpectedEof.into(), "the WebSocket upgrade");
        }
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            let detail = format!("the server did not agree to the subprotocol mqtt: {error_text}");
            (AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE, detail)
        }
        Error::Protocol(ProtocolError::HttparseError(_)) | Error::Capacity(_) | Error::AttackAttempt => {
            let detail = format!("the server's answer is not HTTP: {error_text}");
            (AWS_ERROR_HTTP_PROTOCOL_ERROR, detail)
        }
        _ => {
            let detail = format!("the server's answer is not a WebSocket upgrade: {error_text}");
            (AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE, detail)
        }
    };
    Failure::new(name, Layer::Websocket, DropKind::Io, detail)
}

fn http_status_failure(response: &Response<Option<Vec<u8>>>) -> Failure {
    let mut detail = format!("the server answered the WebSocket upgrade with HTTP {}", response.status());
    let body = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
    if !body.trim().is_empty() {
        detail = format!("{detail}: “{}”", sanitize_text(&body));
    }
    if let Some(date) = server_date(response.headers()) {
        detail = format!("{detail}; server date {date}");
    }
    let name = AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE;
    let mut failure = Failure::new(name, Layer::Websocket, DropKind::Io, detail);
    failure.http_status = Some(response.status().as_u16());
    failure.server_date = server_date_utc(response.headers());
    failure
}

/// The environment names a proxy that cannot be used.
pub(super) fn unusable_proxy(variable: &str) -> Failure {
    let detail = format!(
        "the environment variable {variable} names no http:// proxy; change it, or list the broker in NO_PROXY"
    );
    Failure::new(AWS_ERROR_HTTP_PROXY_CONNECT_FAILED, Layer::Local, DropKind::Local, detail)
}

/// The proxy did not answer CONNECT in time.
pub(super) fn proxy_timed_out(limit: Duration) -> Failure {
    let detail = format!("the proxy opened no tunnel within {limit:?}");
    Failure::new(AWS_ERROR_HTTP_PROXY_CONNECT_FAILED, Layer::Tcp, DropKind::Io, detail)
}

/// The connection to the proxy was lost during CONNECT.
pub(super) fn proxy_connection_lost(error: &io::Error) -> Failure {
    let failure = interrupted_failure(error, "the proxy's CONNECT");
    Failure { name: AWS_ERROR_HTTP_PROXY_CONNECT_FAILED, ..failure }
}

/// The proxy answered CONNECT without success.
pub(super) fn proxy_refused(status: Option<u16>, line: &str) -> Failure {
    let detail = format!("the proxy refused the tunnel: “{line}”");
    let mut failure = Failure::new(AWS_ERROR_HTTP_PROXY_CONNECT_FAILED, Layer::Tcp, DropKind::Io, detail);
    failure.http_status = status;
    failure
}
