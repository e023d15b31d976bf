//! The protocol engine: one interface over rumqttc's two protocol states and codecs.
//!
//! The engine is the codec of the connection's `Framed`: bytes become [`ReceivedPacket`]s, and
//! [`OutboundPacket`]s become bytes. Any input gives a packet or a [`Failure`], never a panic.

use std::collections::BTreeMap;
use std::io;

use bytes::{Bytes, BytesMut};
use rumqttc::mqttbytes::{self, check};
use secrecy::SecretString;
use tokio_util::codec::{Decoder, Encoder};

use super::failure::Failure;
use super::properties::ReasonProperties;
use super::reason_text::{connack_refusal_text, packet_name, server_disconnect_text};
use super::{engine_v4::EngineV4, engine_v5::EngineV5};
use crate::diagnostics::MqttVersion;
use crate::diagnostics::error_name::{
    AWS_ERROR_MQTT_INVALID_PACKET_TYPE, AWS_ERROR_MQTT_PROTOCOL_ERROR, ErrorName,
};
use crate::diagnostics::event::{DropKind, Layer};

/// Most QoS 1 publishes in flight at once; a broker's receive maximum can only lower it.
pub(super) const MAX_IN_FLIGHT: u16 = 64;
/// First packet id of SUBSCRIBEs, above all packet ids of publishes.
pub(super) const FIRST_SUBSCRIBE_ID: u16 = 1000;

/// A packet from the broker.
#[derive(Debug, PartialEq)]
pub(super) struct ReceivedPacket {
    /// First byte of the fixed header; names the packet.
    pub(super) first: u8,
    /// Size on the wire.
    pub(super) bytes: usize,
    /// Its content.
    pub(super) inbound: InboundPacket,
}

/// The content of a packet from the broker.
#[derive(Debug, PartialEq)]
pub(super) enum InboundPacket {
    ConnAck(AcceptedConnack),
    Publish {
        topic: Bytes,
        payload: Bytes,
        qos: u8,
    },
    PubAck {
        pkid: u16,
        refusal: Option<u8>,
    },
    SubAck {
        pkid: u16,
        codes: Vec<u8>,
    },
    PingResp,
    /// Handled by the engine (the rest of a QoS 2 handshake, UNSUBACK).
    Other,
}

/// A CONNACK that accepts the session.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct AcceptedConnack {
    pub(super) session_present: bool,
    pub(super) server_keep_alive: Option<u16>,
    /// The limits the broker stated, by property name; `None` in 3.1.1.
    pub(super) limits: Option<BTreeMap<String, u64>>,
}

/// A packet for the broker.
#[derive(Debug)]
pub(super) enum OutboundPacket {
    Connect(ConnectRequest),
    Subscribe {
        pkid: u16,
        filters: Vec<(String, u8)>,
    },
    Publish {
        pkid: u16,
        topic: String,
        payload: Bytes,
        qos: u8,
        retain: bool,
    },
    PingReq,
    Disconnect,
    /// DISCONNECT with the reason: a violation by the broker. Nothing in 3.1.1, which has no reason codes.
    ErrorDisconnect {
        too_large: bool,
    },
    /// The replies the protocol requires (PUBACK…), collected while decoding.
    Replies,
}

/// The contents of a CONNECT.
#[derive(Debug)]
pub(super) struct ConnectRequest {
    pub(super) client_id: String,
    pub(super) keep_alive: u16,
    pub(super) clean: bool,
    pub(super) login: Option<(String, SecretString)>,
}

/// Why the codec failed.
#[derive(Debug)]
pub(super) enum CodecError {
    Io(io::Error),
    Failed(Failure),
}

impl From<io::Error> for CodecError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Failure> for CodecError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Limits of what the broker accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendLimits {
    pub(super) max_packet: usize,
    pub(super) max_qos: u8,
    pub(super) in_flight: u16,
    pub(super) retain: bool,
}

#[derive(Debug)]
enum VersionedEngine {
    V4(Box<EngineV4>),
    V5(Box<EngineV5>),
}

/// The protocol of one connection, from CONNECT to its end.
#[derive(Debug)]
pub(super) struct Engine {
    inner: VersionedEngine,
    max_packet: usize,
    send_limits: SendLimits,
    connack_received: bool,
    replies: BytesMut,
    /// Bytes of an unfinished packet at end-of-file.
    truncated_bytes: usize,
}

impl Engine {
    /// A fresh protocol state. `max_packet` limits packets both ways.
    pub(super) fn new(protocol: MqttVersion, max_packet: usize) -> Self {
        let version = match protocol {
            MqttVersion::V311 => VersionedEngine::V4(Box::new(EngineV4::new())),
            MqttVersion::V5 => VersionedEngine::V5(Box::new(EngineV5::new(max_packet))),
        };
        let send_limits = SendLimits { max_packet, max_qos: 1, in_flight: MAX_IN_FLIGHT, retain: true };
        Self {
            inner: version,
            max_packet,
            send_limits,
            connack_received: false,
            replies: BytesMut::new(),
            truncated_bytes: 0,
        }
    }

    pub(super) fn protocol(&self) -> MqttVersion {
        match self.inner {
            VersionedEngine::V4(_) => MqttVersion::V311,
            VersionedEngine::V5(_) => MqttVersion::V5,
        }
    }

    pub(super) fn send_limits(&self) -> SendLimits {
        self.send_limits
    }

    pub(super) fn has_pending_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    /// How many bytes of an unfinished packet the peer left behind when it closed.
    pub(super) fn truncated_bytes(&self) -> usize {
        self.truncated_bytes
    }

    /// Size a publish would have on the wire.
    pub(super) fn publish_size(&self, topic: usize, payload: usize, qos: u8) -> usize {
        let id = if qos > 0 { 2 } else { 0 };
        let properties = usize::from(self.protocol() == MqttVersion::V5);
        let length = 2 + topic + id + properties + payload;
        let length_bytes = match length {
            0..=127 => 1,
            128..=16_383 => 2,
            16_384..=2_097_151 => 3,
            _ => 4,
        };
        1 + length_bytes + length
    }

    fn interpret(&mut self, first: u8, header: usize, mut frame: BytesMut) -> Result<InboundPacket, Failure> {
        match first >> 4 {
            2 => return self.connack(header, frame),
            14 => return Err(self.server_disconnect(header, &frame)),
            15 => return Err(super::engine_v4::unexpected(first)),
            _ if !self.connack_received => {
                let name = packet_name(first);
                return Err(violation(format!("the broker's first packet was {name} instead of CONNACK")));
            }
            3 if first & 0b0110 == 0 => return self.decode_qos0_publish(header, frame),
            _ => {}
        }
        match &mut self.inner {
            VersionedEngine::V4(engine) => engine.handle(header, &mut frame, &mut self.replies),
            VersionedEngine::V5(engine) => engine.handle(header, &mut frame, &mut self.replies),
        }
    }

    /// Decodes a QoS 0 PUBLISH without a copy or an allocation: it does not change the protocol state, and a
    /// flood consists of such packets.
    fn decode_qos0_publish(&self, header: usize, frame: BytesMut) -> Result<InboundPacket, Failure> {
        let mut rest = frame.freeze();
        let truncated = || violation("the broker sent a PUBLISH that is truncated");
        bytes::Buf::advance(&mut rest, header);
        let length =
            usize::from(rest.get(..2).map(|b| u16::from_be_bytes([b[0], b[1]])).ok_or_else(truncated)?);
        if rest.len() < 2 + length {
            return Err(truncated());
        }
        let topic = rest.slice(2..2 + length);
        bytes::Buf::advance(&mut rest, 2 + length);
        if std::str::from_utf8(&topic).is_err() {
            return Err(violation("the broker sent a PUBLISH whose topic is not UTF-8"));
        }
        let payload = match self.protocol() {
            MqttVersion::V311 => rest,
            MqttVersion::V5 => {
                let length = super::engine_v5::payload_behind_properties(&rest)?.len();
                rest.slice(rest.len() - length..)
            }
        };
        if topic.is_empty() {
            return Err(violation("the broker sent a PUBLISH without a topic"));
        }
        Ok(InboundPacket::Publish { topic, payload, qos: 0 })
    }

    fn connack(&mut self, header: usize, mut frame: BytesMut) -> Result<InboundPacket, Failure> {
        if self.connack_received {
            return Err(violation("the broker sent a second CONNACK"));
        }
        let (Some(&flags), Some(&code)) = (frame.get(header), frame.get(header + 1)) else {
            return Err(violation("the broker sent a CONNACK that is truncated"));
        };
        let is_v311_form = frame.len() == 4;
        if code != 0 {
            let properties = match self.inner {
                VersionedEngine::V5(_) if !is_v311_form => ReasonProperties::after_code(&frame[header + 2..]),
                _ => ReasonProperties::default(),
            };
            let words = connack_refusal_text(code, properties);
            let mut failure = mqtt_failure(AWS_ERROR_MQTT_PROTOCOL_ERROR, DropKind::Disconnect, words);
            failure.return_code = Some(code);
            return Err(failure);
        }
        let accepted = match &mut self.inner {
            VersionedEngine::V4(_) => {
                AcceptedConnack { session_present: flags & 1 == 1, ..AcceptedConnack::default() }
            }
            VersionedEngine::V5(engine) => {
                let (accepted, allowed) = engine.connack(&mut frame, self.send_limits)?;
                self.send_limits = allowed;
                accepted
            }
        };
        self.connack_received = true;
        Ok(InboundPacket::ConnAck(accepted))
    }

    fn server_disconnect(&self, header: usize, frame: &[u8]) -> Failure {
        match self.inner {
            VersionedEngine::V4(_) => mqtt_failure(
                AWS_ERROR_MQTT_INVALID_PACKET_TYPE,
                DropKind::Disconnect,
                "the broker sent DISCONNECT, which MQTT 3.1.1 does not allow it to",
            ),
            VersionedEngine::V5(_) => {
                // Both the reason and the properties may be left out (MQTT 5 §3.14.2).
                let code = frame.get(header).copied().unwrap_or(0);
                let properties =
                    frame.get(header + 1..).map(ReasonProperties::after_code).unwrap_or_default();
                let words = server_disconnect_text(code, properties);
                let mut failure = mqtt_failure(disconnect_name(code), DropKind::Disconnect, words);
                failure.reason_code = Some(code);
                failure
            }
        }
    }
}

/// The error name of a DISCONNECT. The AWS CRT names are few; the reason code in the record is exact.
fn disconnect_name(code: u8) -> ErrorName {
    use crate::diagnostics::error_name::{AWS_ERROR_MQTT_TIMEOUT, AWS_ERROR_MQTT_UNEXPECTED_HANGUP};
    match code {
        0x8d => AWS_ERROR_MQTT_TIMEOUT,
        0x81 | 0x82 | 0x90 | 0x93 | 0x94 | 0x95 | 0x99 => AWS_ERROR_MQTT_PROTOCOL_ERROR,
        _ => AWS_ERROR_MQTT_UNEXPECTED_HANGUP,
    }
}

pub(super) fn mqtt_failure(name: ErrorName, how: DropKind, detail: impl Into<String>) -> Failure {
    Failure::new(name, Layer::Mqtt, how, detail)
}

/// A protocol violation by the peer.
pub(super) fn violation(detail: impl Into<String>) -> Failure {
    mqtt_failure(AWS_ERROR_MQTT_PROTOCOL_ERROR, DropKind::Io, detail)
}

/// Whether the low half of a first byte is what the specifications prescribe for the packet type.
/// Checked before the rest of the packet arrives: most garbage fails here.
fn has_valid_flags(first: u8) -> bool {
    match (first >> 4, first & 0x0f) {
        (3, flags) => flags & 0b0110 != 0b0110,
        (6 | 8 | 10, flags) => flags == 0b0010,
        (0, _) => false,
        (_, flags) => flags == 0,
    }
}

/// What bytes that are not MQTT probably are.
fn not_mqtt(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'H', b'T', b'T', b'P', ..] => "what the peer sent is HTTP, not MQTT: this is a web server's port",
        [0x15 | 0x16, 3, ..] => "what the peer sent is TLS, not MQTT: use mqtts:// or wss://",
        _ => "what the peer sent is not MQTT",
    }
}

impl Decoder for Engine {
    type Item = ReceivedPacket;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<ReceivedPacket>, CodecError> {
        if let Some(words) = src.first().filter(|first| !has_valid_flags(**first)).map(|_| not_mqtt(src)) {
            return Err(violation(words).into());
        }
        let total = match check(src.iter(), self.max_packet) {
            Ok(head) => head.frame_length(),
            Err(mqttbytes::Error::InsufficientBytes(missing)) => {
                src.reserve(missing);
                return Ok(None);
            }
            Err(mqttbytes::Error::PayloadSizeLimitExceeded(size)) => {
                let words = format!(
                    "the broker sent a packet of {size} bytes; the limit here is {}",
                    self.max_packet
                );
                return Err(mqtt_failure(AWS_ERROR_MQTT_PROTOCOL_ERROR, DropKind::Local, words).into());
            }
            Err(_) => return Err(violation(not_mqtt(src)).into()),
        };
        let first = src[0];
        let header = 1 + src[1..].iter().take_while(|byte| **byte & 0x80 != 0).count() + 1;
        let frame = src.split_to(total);
        let inbound = self.interpret(first, header, frame)?;
        Ok(Some(ReceivedPacket { first, bytes: total, inbound }))
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<ReceivedPacket>, CodecError> {
        let packet = self.decode(src)?;
        if packet.is_none() {
            // `Framed` would turn the rest into a generic error; the end of the wire is more specific.
            self.truncated_bytes = src.len();
            src.clear();
        }
        Ok(packet)
    }
}

impl Encoder<OutboundPacket> for Engine {
    type Error = CodecError;

    fn encode(&mut self, item: OutboundPacket, dst: &mut BytesMut) -> Result<(), CodecError> {
        if matches!(item, OutboundPacket::Replies) {
            dst.extend_from_slice(&self.replies.split());
            return Ok(());
        }
        match &mut self.inner {
            VersionedEngine::V4(engine) => engine.encode(item, self.send_limits.max_packet, dst)?,
            VersionedEngine::V5(engine) => engine.encode(item, self.send_limits.max_packet, dst)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
