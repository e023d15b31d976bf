//! How did an established wire end? Names the layer and the manner from what was seen.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use tokio_tungstenite::tungstenite;

use super::foreign_text::foreign_text;
use super::tap::{WireTap, WsClose};
use super::ws_stream::TextMessage;
use crate::diagnostics::error_name::{
    AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR, AWS_ERROR_MQTT_UNEXPECTED_HANGUP, AWS_ERROR_UNKNOWN,
    AWS_IO_BROKEN_PIPE, AWS_IO_SOCKET_CLOSED, AWS_IO_SOCKET_INVALID_ADDRESS, AWS_IO_SOCKET_NETWORK_DOWN,
    AWS_IO_SOCKET_NO_ROUTE_TO_HOST, AWS_IO_SOCKET_NOT_CONNECTED, AWS_IO_SOCKET_TIMEOUT,
    AWS_IO_TLS_ERROR_ALERT_RECEIVED, AWS_IO_TLS_ERROR_READ_FAILURE,
};
use crate::diagnostics::event::{How, Layer};
use crate::mqtt::failure::Failure;

impl WireTap {
    /// Names the end of a stream that ended without an error (a read of zero bytes).
    pub fn ending_of_eof(&self) -> Failure {
        let marks = self.marks().clone();
        let layers = self.layers();
        if let Some(close) = &marks.ws_close {
            return ws_closed(close);
        }
        if marks.close_notify {
            let detail = "the peer closed TLS politely, with close_notify";
            return Failure::new(AWS_ERROR_MQTT_UNEXPECTED_HANGUP, Layer::Tls, How::TlsClose, detail);
        }
        let (name, detail) = if layers.websocket {
            (AWS_IO_SOCKET_CLOSED, "the peer closed the TCP connection without a WebSocket close frame")
        } else if layers.tls {
            (AWS_IO_SOCKET_CLOSED, "the peer closed the TCP connection without TLS close_notify")
        } else {
            (AWS_ERROR_MQTT_UNEXPECTED_HANGUP, "the peer closed the TCP connection politely (FIN)")
        };
        Failure::new(name, Layer::Tcp, How::Fin, detail)
    }

    /// Names the end of a stream whose read or write failed.
    ///
    /// A goodbye seen before the error counts more than the error: what follows a close is only its echo.
    /// Errors of a decoder on top of the stream ("bytes remaining on stream") count as the end of the
    /// stream if the peer did end it.
    pub fn ending_of_error(&self, error: &io::Error) -> Failure {
        if self.close_frame_seen() || (self.said_goodbye() && is_echo_of_close(error)) {
            return self.ending_of_eof();
        }
        if let Some(tls) = inner::<rustls::Error>(error) {
            return of_tls(tls);
        }
        if let Some(websocket) = inner::<tungstenite::Error>(error) {
            return self.of_websocket(websocket);
        }
        if let Some(text) = inner::<TextMessage>(error) {
            return broke_websocket(&text.to_string());
        }
        if let Some(nested) = inner::<io::Error>(error) {
            return self.ending_of_error(nested);
        }
        if error.kind() == ErrorKind::UnexpectedEof {
            return self.ending_of_eof();
        }
        if error.raw_os_error().is_none() && error.kind() == ErrorKind::Other && self.fin_seen() {
            let mut failure = self.ending_of_eof();
            failure.detail.push_str(", in the middle of a packet");
            return failure;
        }
        of_socket(error)
    }

    fn said_goodbye(&self) -> bool {
        let marks = self.marks();
        marks.close_notify || marks.fin
    }

    fn of_websocket(&self, error: &tungstenite::Error) -> Failure {
        use tungstenite::Error;
        use tungstenite::error::ProtocolError;
        match error {
            Error::Io(error) => self.ending_of_error(error),
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.ending_of_eof(),
            other => broke_websocket(&other.to_string()),
        }
    }
}

fn broke_websocket(rule: &str) -> Failure {
    let detail = format!("the peer broke the WebSocket rules: {}", foreign_text(rule));
    Failure::new(AWS_ERROR_HTTP_WEBSOCKET_PROTOCOL_ERROR, Layer::Websocket, How::Io, detail)
}

fn ws_closed(close: &WsClose) -> Failure {
    let code = match close.code {
        Some(code) => format!("with code {code}{}", close_code_meaning(code)),
        None => "without a code".to_owned(),
    };
    let reason = match close.reason.as_str() {
        "" => String::new(),
        reason => format!(", reason “{}”", foreign_text(reason)),
    };
    let detail = format!("the peer sent a WebSocket close frame {code}{reason}");
    let mut failure = Failure::new(AWS_ERROR_MQTT_UNEXPECTED_HANGUP, Layer::Websocket, How::WsClose, detail);
    failure.ws_close_code = close.code;
    failure
}

/// The registered meaning of the codes seen in practice (RFC 6455 §7.4.1 and the IANA registry).
fn close_code_meaning(code: u16) -> &'static str {
    match code {
        1000 => " (normal closure)",
        1001 => " (going away)",
        1002 => " (protocol error)",
        1003 => " (unsupported data)",
        1007 => " (invalid data)",
        1008 => " (policy violation)",
        1009 => " (message too big)",
        1011 => " (internal error)",
        1012 => " (service restart)",
        1013 => " (try again later)",
        1014 => " (bad gateway)",
        _ => "",
    }
}

fn of_tls(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::AlertReceived(alert) => Failure::new(
            AWS_IO_TLS_ERROR_ALERT_RECEIVED,
            Layer::Tls,
            How::TlsAlert,
            format!("the peer ended TLS with the alert {alert:?}"),
        ),
        other => Failure::new(
            AWS_IO_TLS_ERROR_READ_FAILURE,
            Layer::Tls,
            How::Io,
            format!("the TLS stream was damaged: {}", foreign_text(&other.to_string())),
        ),
    }
}

/// Names an error of the operating system's socket on an established connection.
fn of_socket(error: &io::Error) -> Failure {
    let text = foreign_text(&error.to_string());
    let (name, layer, how, detail) = match error.kind() {
        ErrorKind::ConnectionReset => {
            (AWS_IO_SOCKET_CLOSED, Layer::Tcp, How::Rst, "the connection was reset (RST)".to_owned())
        }
        ErrorKind::ConnectionAborted => {
            (AWS_IO_SOCKET_CLOSED, Layer::Tcp, How::Rst, format!("the connection was aborted: {text}"))
        }
        ErrorKind::BrokenPipe => {
            let detail = "sent into a connection that was already closed";
            (AWS_IO_BROKEN_PIPE, Layer::Tcp, How::Rst, detail.to_owned())
        }
        ErrorKind::TimedOut => {
            let detail = "what was sent was never acknowledged: TCP gave up";
            (AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, How::Io, detail.to_owned())
        }
        ErrorKind::NotConnected => (AWS_IO_SOCKET_NOT_CONNECTED, Layer::Local, How::Local, text),
        _ => match of_local_network(error) {
            Some(failure) => return failure,
            None => (AWS_ERROR_UNKNOWN, Layer::Tcp, How::Io, text),
        },
    };
    Failure::new(name, layer, how, detail)
}

/// Names errors that say this computer has no way to the peer.
pub(super) fn of_local_network(error: &io::Error) -> Option<Failure> {
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
    Some(Failure::new(name, Layer::Local, How::Local, detail))
}

/// Errors a socket gives after its peer has already closed.
fn is_echo_of_close(error: &io::Error) -> bool {
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
pub(super) fn inner<T: StdError + 'static>(error: &io::Error) -> Option<&T> {
    error.get_ref().and_then(|cause| cause.downcast_ref::<T>())
}
