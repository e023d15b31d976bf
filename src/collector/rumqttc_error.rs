//! The errors of an ordinary `rumqttc` client as a [`Failure`].
//!
//! dropscope's own link reads the bytes itself and reports more. This serves programs that attach the
//! [`Collector`](super::Collector) to their own `rumqttc::EventLoop`.

use rumqttc::mqttbytes::Error as CodecError;
use rumqttc::{ConnectionError, StateError};

use crate::diagnostics::codes::connack_words;
use crate::diagnostics::error_name as name;
use crate::diagnostics::event::{DropKind, Layer};
use crate::diagnostics::failure::Failure;

impl From<&ConnectionError> for Failure {
    fn from(error: &ConnectionError) -> Self {
        match error {
            ConnectionError::MqttState(state) => state_failure(state),
            ConnectionError::NetworkTimeout => Self::new(
                name::AWS_IO_SOCKET_TIMEOUT,
                Layer::Tcp,
                DropKind::Io,
                "connecting took longer than the client's limit; the phase is not known",
            ),
            ConnectionError::FlushTimeout => {
                Self::new(name::AWS_IO_SOCKET_TIMEOUT, Layer::Tcp, DropKind::Io, "sending timed out")
            }
            ConnectionError::Io(error) => Self::from(error),
            ConnectionError::ConnectionRefused(code) => {
                let code = *code as u8;
                let words = connack_words(code).unwrap_or("refused");
                Self {
                    return_code: Some(code),
                    ..protocol(format!("the broker refused the connection: {words} (CONNACK {code})"))
                }
            }
            other => protocol(other.to_string()),
        }
    }
}

fn state_failure(error: &StateError) -> Failure {
    match error {
        StateError::Io(error) | StateError::Deserialization(CodecError::Io(error)) => Failure::from(error),
        StateError::AwaitPingResp => Failure::new(
            name::AWS_ERROR_MQTT_TIMEOUT,
            Layer::Mqtt,
            DropKind::PingTimeout,
            "no PINGRESP for a whole keep-alive",
        ),
        StateError::ConnectionAborted => Failure::new(
            name::AWS_ERROR_MQTT_UNEXPECTED_HANGUP,
            Layer::Tcp,
            DropKind::Fin,
            "the peer closed the connection; the layer is not known",
        ),
        other => protocol(other.to_string()),
    }
}

fn protocol(detail: String) -> Failure {
    Failure::new(name::AWS_ERROR_MQTT_PROTOCOL_ERROR, Layer::Mqtt, DropKind::Io, detail)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_client_error_has_its_layer_and_kind() {
        let io = |kind| ConnectionError::Io(io::Error::from(kind));
        let state = |error| ConnectionError::MqttState(error);
        let cases = [
            (io(io::ErrorKind::ConnectionRefused), 1047, Layer::Tcp, DropKind::Io),
            (io(io::ErrorKind::NetworkUnreachable), 1050, Layer::Local, DropKind::Local),
            (state(StateError::AwaitPingResp), 5129, Layer::Mqtt, DropKind::PingTimeout),
            (state(StateError::ConnectionAborted), 5134, Layer::Tcp, DropKind::Fin),
            (
                state(StateError::Deserialization(CodecError::Io(io::ErrorKind::ConnectionReset.into()))),
                1051,
                Layer::Tcp,
                DropKind::Rst,
            ),
            (ConnectionError::NetworkTimeout, 1048, Layer::Tcp, DropKind::Io),
            (
                state(StateError::Deserialization(CodecError::MalformedPacket)),
                5130,
                Layer::Mqtt,
                DropKind::Io,
            ),
        ];
        for (error, code, layer, how) in cases {
            let failure = Failure::from(&error);
            assert_eq!((failure.name.code, failure.layer, failure.how), (code, layer, how), "{error}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_code() {
        let refused = ConnectionError::ConnectionRefused(rumqttc::ConnectReturnCode::NotAuthorized);
        let failure = Failure::from(&refused);
        assert_eq!(failure.return_code, Some(5));
        assert!(failure.message().contains("not authorized"), "{}", failure.message());
    }
}
