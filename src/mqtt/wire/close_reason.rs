//! How an established wire ended: names the layer and the kind of end from what the tap saw. Pure.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use tokio_tungstenite::tungstenite;

use super::sanitize::sanitize_text;
use super::ws_stream::TextMessageError;
use crate::diagnostics::codes::websocket_close_words;
use crate::diagnostics::error_name::{
    AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR, AWS_ERROR_MQTT_UNEXPECTED_HANGUP, AWS_ERROR_UNKNOWN,
    AWS_IO_BROKEN_PIPE, AWS_IO_SOCKET_CLOSED, AWS_IO_SOCKET_INVALID_ADDRESS, AWS_IO_SOCKET_NETWORK_DOWN,
    AWS_IO_SOCKET_NO_ROUTE_TO_HOST, AWS_IO_SOCKET_NOT_CONNECTED, AWS_IO_SOCKET_TIMEOUT,
    AWS_IO_TLS_ERROR_ALERT_RECEIVED, AWS_IO_TLS_ERROR_READ_FAILURE,
};
use crate::diagnostics::event::{DropKind, Layer};
use crate::mqtt::failure::Failure;

/// The layers above the socket. They decide which close message a clean end has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TransportLayers {
    pub(super) tls: bool,
    pub(super) websocket: bool,
}

/// A WebSocket close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WsCloseFrame {
    /// `None`: the frame had no status code.
    pub(super) code: Option<u16>,
    pub(super) reason: String,
}

/// Everything seen so far from which an end can be named.
#[derive(Debug, Clone)]
pub(super) struct CloseEvidence {
    layers: TransportLayers,
    /// The socket delivered end of stream (FIN).
    pub(super) fin: bool,
    /// TLS ended with `close_notify`.
    pub(super) close_notify: bool,
    /// The close frame of the WebSocket.
    pub(super) ws_close: Option<WsCloseFrame>,
}

impl CloseEvidence {
    /// The evidence at the start: nothing seen.
    pub(super) fn new(layers: TransportLayers) -> Self {
        Self { layers, fin: false, close_notify: false, ws_close: None }
    }

    /// Names the end of a stream that ended without an error (a read of zero bytes).
    pub(super) fn failure_at_eof(&self) -> Failure {
        if let Some(close) = &self.ws_close {
            return close_frame_failure(close);
        }
        if self.close_notify {
            let detail = "the peer closed TLS politely, with close_notify";
            return Failure::new(AWS_ERROR_MQTT_UNEXPECTED_HANGUP, Layer::Tls, DropKind::TlsClose, detail);
        }
        let (name, detail) = if self.layers.websocket {
            (AWS_IO_SOCKET_CLOSED, "the peer closed the TCP connection without a WebSocket close frame")
        } else if self.layers.tls {
            (AWS_IO_SOCKET_CLOSED, "the peer closed the TCP connection without TLS close_notify")
        } else {
            (AWS_ERROR_MQTT_UNEXPECTED_HANGUP, "the peer closed the TCP connection politely (FIN)")
        };
        Failure::new(name, Layer::Tcp, DropKind::Fin, detail)
    }

    /// Names the end of a stream whose read or write failed.
    ///
    /// A close message seen before the error counts more than the error: an error after a close is its
    /// consequence. Errors of a decoder on top of the stream ("bytes remaining on stream") count as the end
    /// of the stream if the peer did end it.
    pub(super) fn failure_from_error(&self, error: &io::Error) -> Failure {
        if self.ws_close.is_some() || (self.has_peer_closed() && is_error_after_close(error)) {
            return self.failure_at_eof();
        }
        if let Some(tls) = inner_error::<rustls::Error>(error) {
            return tls_stream_failure(tls);
        }
        if let Some(websocket) = inner_error::<tungstenite::Error>(error) {
            return self.websocket_failure(websocket);
        }
        if let Some(text) = inner_error::<TextMessageError>(error) {
            return websocket_violation(&text.to_string());
        }
        if let Some(nested) = inner_error::<io::Error>(error) {
            return self.failure_from_error(nested);
        }
        if error.kind() == ErrorKind::UnexpectedEof {
            return self.failure_at_eof();
        }
        if error.raw_os_error().is_none() && error.kind() == ErrorKind::Other && self.fin {
            let mut failure = self.failure_at_eof();
            failure.detail.push_str(", in the middle of a packet");
            return failure;
        }
        socket_failure(error)
    }

    fn has_peer_closed(&self) -> bool {
        self.close_notify || self.fin
    }

    fn websocket_failure(&self, error: &tungstenite::Error) -> Failure {
        use tungstenite::Error;
        use tungstenite::error::ProtocolError;
        match error {
            Error::Io(error) => self.failure_from_error(error),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.failure_at_eof(),
            other => websocket_violation(&other.to_string()),
        }
    }
}

fn websocket_violation(rule: &str) -> Failure {
    let detail = format!("the peer violated the WebSocket protocol: {}", sanitize_text(rule));
    Failure::new(AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR, Layer::Websocket, DropKind::Io, detail)
}

fn close_frame_failure(close: &WsCloseFrame) -> Failure {
    let code = match close.code {
        Some(code) => format!("with code {code}{}", close_code_meaning(code)),
        None => "without a code".to_owned(),
    };
    let reason = match close.reason.as_str() {
        "" => String::new(),
        reason => format!(", reason “{}”", sanitize_text(reason)),
    };
    let detail = format!("the peer sent a WebSocket close frame {code}{reason}");
    let mut failure =
        Failure::new(AWS_ERROR_MQTT_UNEXPECTED_HANGUP, Layer::Websocket, DropKind::WsClose, detail);
    failure.ws_close_code = close.code;
    failure
}

/// The meaning of a close code in parentheses; empty if the code has none.
fn close_code_meaning(code: u16) -> String {
    websocket_close_words(code).map(|meaning| format!(" ({meaning})")).unwrap_or_default()
}

fn tls_stream_failure(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::AlertReceived(alert) => Failure::new(
            AWS_IO_TLS_ERROR_ALERT_RECEIVED,
            Layer::Tls,
            DropKind::TlsAlert,
            format!("the peer ended TLS with the alert {alert:?}"),
        ),
        other => Failure::new(
            AWS_IO_TLS_ERROR_READ_FAILURE,
            Layer::Tls,
            DropKind::Io,
            format!("the TLS stream was damaged: {}", sanitize_text(&other.to_string())),
        ),
    }
}

/// Names an error of the operating system's socket on an established connection.
fn socket_failure(error: &io::Error) -> Failure {
    let text = sanitize_text(&error.to_string());
    let (name, layer, how, detail) = match error.kind() {
        ErrorKind::ConnectionReset => {
            (AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Rst, "the connection was reset (RST)".to_owned())
        }
        ErrorKind::ConnectionAborted => {
            (AWS_IO_SOCKET_CLOSED, Layer::Tcp, DropKind::Rst, format!("the connection was aborted: {text}"))
        }
        ErrorKind::BrokenPipe => {
            let detail = "sent into a connection that was already closed";
            (AWS_IO_BROKEN_PIPE, Layer::Tcp, DropKind::Rst, detail.to_owned())
        }
        ErrorKind::TimedOut => {
            let detail = "the data sent was never acknowledged: TCP retransmission timed out";
            (AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, detail.to_owned())
        }
        ErrorKind::NotConnected => (AWS_IO_SOCKET_NOT_CONNECTED, Layer::Local, DropKind::Local, text),
        _ => match local_network_failure(error) {
            Some(failure) => return failure,
            None => (AWS_ERROR_UNKNOWN, Layer::Tcp, DropKind::Io, text),
        },
    };
    Failure::new(name, layer, how, detail)
}

/// Names errors that mean that this computer cannot reach the peer's network.
pub(super) fn local_network_failure(error: &io::Error) -> Option<Failure> {
    let (name, detail) = match error.kind() {
        ErrorKind::HostUnreachable => {
            (AWS_IO_SOCKET_NO_ROUTE_TO_HOST, "the host cannot be reached from here")
        }
        ErrorKind::NetworkUnreachable => {
            (AWS_IO_SOCKET_NO_ROUTE_TO_HOST, "this computer has no route to that network")
        }
        ErrorKind::NetworkDown => (AWS_IO_SOCKET_NETWORK_DOWN, "this computer's network is down"),
        ErrorKind::AddrNotAvailable => {
            (AWS_IO_SOCKET_INVALID_ADDRESS, "this computer has no usable address of its own for that")
        }
        _ => return None,
    };
    Some(Failure::new(name, Layer::Local, DropKind::Local, detail))
}

/// Errors a socket gives after its peer has already closed.
fn is_error_after_close(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::UnexpectedEof
    )
}

/// The typed cause an `io::Error` carries, if it is a `T`.
pub(super) fn inner_error<T: StdError + 'static>(error: &io::Error) -> Option<&T> {
    error.get_ref().and_then(|cause| cause.downcast_ref::<T>())
}
