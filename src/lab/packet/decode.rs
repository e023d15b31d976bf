//! Decoding of the packets that clients send.

use crate::diagnostics::MqttVersion;
use bytes::{Buf, Bytes, BytesMut};
use rumqttc::mqttbytes::{Error as V4Error, v4};
use rumqttc::v5::mqttbytes::{Error as V5Error, v5};

use super::Connect;
use super::message::ApplicationMessage;

const MALFORMED_PACKET: u8 = 0x81;
/// MQTT 5 reason code: a packet that the protocol does not allow at this point.
pub(in crate::lab) const PROTOCOL_ERROR: u8 = 0x82;
const TOPIC_NAME_INVALID: u8 = 0x90;
const PACKET_TOO_LARGE: u8 = 0x95;

/// A packet from a client.
#[derive(Debug)]
pub(in crate::lab) enum ClientPacket {
    Connect(Box<Connect>),
    Publish {
        message: ApplicationMessage,
        packet_id: u16,
        /// MQTT 5: the alias of the topic, which may then be empty.
        alias: Option<u16>,
    },
    PubAck(u16),
    PubRec {
        packet_id: u16,
        /// MQTT 5: with a reason code that refuses the message.
        is_refusal: bool,
    },
    PubRel(u16),
    PubComp(u16),
    Subscribe {
        packet_id: u16,
        filters: Vec<(String, u8)>,
    },
    Unsubscribe {
        packet_id: u16,
        filters: Vec<String>,
    },
    PingReq,
    Disconnect {
        with_will: bool,
    },
}

/// The first bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum ProtocolProbe {
    /// Too few bytes.
    Incomplete,
    /// A CONNECT of this protocol level.
    ProtocolLevel(u8),
    /// Something else.
    NotConnect,
}

/// Reads the protocol level of a CONNECT without consuming it.
pub(in crate::lab) fn probe_protocol(bytes: &[u8]) -> ProtocolProbe {
    match bytes.first() {
        None => return ProtocolProbe::Incomplete,
        Some(0x10) => {}
        Some(_) => return ProtocolProbe::NotConnect,
    }
    let Some(length_bytes) = bytes[1..].iter().take(4).position(|byte| byte & 0x80 == 0) else {
        return if bytes.len() > 5 { ProtocolProbe::NotConnect } else { ProtocolProbe::Incomplete };
    };
    let name = &bytes[length_bytes + 2..];
    if name.len() < 2 {
        return ProtocolProbe::Incomplete;
    }
    let name_length = usize::from(u16::from_be_bytes([name[0], name[1]]));
    if name_length > 16 {
        return ProtocolProbe::NotConnect;
    }
    match name.get(2 + name_length) {
        None => ProtocolProbe::Incomplete,
        Some(&level) => ProtocolProbe::ProtocolLevel(level),
    }
}

/// Takes the next whole packet out of `buffer`; `Ok(None)` if there is none yet.
///
/// # Errors
/// The MQTT 5 reason code for the malformed packet.
pub(in crate::lab) fn decode(
    version: MqttVersion,
    buffer: &mut BytesMut,
    max_packet: usize,
) -> Result<Option<ClientPacket>, u8> {
    let before = buffer.len();
    let packet = match version {
        MqttVersion::V311 => match v4::Packet::read(buffer, max_packet) {
            Ok(packet) => from_v4(packet).map(Some),
            Err(V4Error::InsufficientBytes(_)) => Ok(None),
            Err(V4Error::PayloadSizeLimitExceeded(_)) => Err(PACKET_TOO_LARGE),
            Err(_) => Err(MALFORMED_PACKET),
        },
        // A DISCONNECT may leave out its properties and its reason; rumqttc handles neither.
        MqttVersion::V5 => match buffer.as_ref() {
            [0xE0, 0x00, ..] => {
                buffer.advance(2);
                Ok(Some(ClientPacket::Disconnect { with_will: false }))
            }
            [0xE0, 0x01, reason, ..] => {
                let with_will = *reason == 0x04;
                buffer.advance(3);
                Ok(Some(ClientPacket::Disconnect { with_will }))
            }
            _ => {
                let limit = u32::try_from(max_packet).unwrap_or(u32::MAX);
                match v5::Packet::read(buffer, Some(limit)) {
                    Ok(packet) => from_v5(packet).map(Some),
                    Err(V5Error::InsufficientBytes(_)) => Ok(None),
                    Err(V5Error::PayloadSizeLimitExceeded { .. }) => Err(PACKET_TOO_LARGE),
                    Err(_) => Err(MALFORMED_PACKET),
                }
            }
        },
    };
    if matches!(packet, Ok(None)) && buffer.len() < before {
        // rumqttc also returns this for a whole packet whose fields run over its end, and consumes it.
        return Err(MALFORMED_PACKET);
    }
    match packet {
        Ok(Some(ClientPacket::Publish { message, alias, .. }))
            if (message.topic.is_empty() && alias.is_none()) || message.topic.contains(['+', '#']) =>
        {
            Err(TOPIC_NAME_INVALID)
        }
        other => other,
    }
}

fn from_v4(packet: v4::Packet) -> Result<ClientPacket, u8> {
    Ok(match packet {
        v4::Packet::Connect(connect) => {
            let (username, password) = login(connect.login.map(|l| (l.username, l.password)));
            ClientPacket::Connect(Box::new(Connect {
                version: MqttVersion::V311,
                client_id: connect.client_id,
                keep_alive_secs: connect.keep_alive,
                clean: connect.clean_session,
                persistent: !connect.clean_session,
                session_expiry_secs: None,
                username,
                password,
                will: connect.last_will.map(|will| ApplicationMessage {
                    topic: will.topic,
                    payload: will.message,
                    qos: will.qos as u8,
                    retain: will.retain,
                }),
            }))
        }
        v4::Packet::Publish(publish) => ClientPacket::Publish {
            packet_id: publish.pkid,
            alias: None,
            message: ApplicationMessage {
                topic: publish.topic,
                payload: publish.payload,
                qos: publish.qos as u8,
                retain: publish.retain,
            },
        },
        v4::Packet::PubAck(ack) => ClientPacket::PubAck(ack.pkid),
        v4::Packet::PubRel(release) => ClientPacket::PubRel(release.pkid),
        v4::Packet::Subscribe(subscribe) => ClientPacket::Subscribe {
            packet_id: subscribe.pkid,
            filters: subscribe.filters.into_iter().map(|f| (f.path, f.qos as u8)).collect(),
        },
        v4::Packet::Unsubscribe(unsubscribe) => {
            ClientPacket::Unsubscribe { packet_id: unsubscribe.pkid, filters: unsubscribe.topics }
        }
        v4::Packet::PingReq => ClientPacket::PingReq,
        v4::Packet::Disconnect => ClientPacket::Disconnect { with_will: false },
        v4::Packet::PubRec(ack) => ClientPacket::PubRec { packet_id: ack.pkid, is_refusal: false },
        v4::Packet::PubComp(ack) => ClientPacket::PubComp(ack.pkid),
        // Packets that only a broker sends.
        _ => return Err(PROTOCOL_ERROR),
    })
}

fn from_v5(packet: v5::Packet) -> Result<ClientPacket, u8> {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).map_err(|_| MALFORMED_PACKET);
    Ok(match packet {
        v5::Packet::Connect(connect, will, credentials) => {
            let (username, password) = login(credentials.map(|l| (l.username, l.password)));
            let expiry = connect.properties.and_then(|p| p.session_expiry_interval).unwrap_or(0);
            let will = will.map(|will| {
                let topic = text(&will.topic)?;
                let (qos, retain) = (will.qos as u8, will.retain);
                Ok::<_, u8>(ApplicationMessage { topic, payload: will.message, qos, retain })
            });
            ClientPacket::Connect(Box::new(Connect {
                version: MqttVersion::V5,
                client_id: connect.client_id,
                keep_alive_secs: connect.keep_alive,
                clean: connect.clean_start,
                persistent: expiry > 0,
                session_expiry_secs: Some(expiry),
                username,
                password,
                will: will.transpose()?,
            }))
        }
        v5::Packet::Publish(publish) => ClientPacket::Publish {
            packet_id: publish.pkid,
            alias: publish.properties.and_then(|properties| properties.topic_alias),
            message: ApplicationMessage {
                topic: text(&publish.topic)?,
                payload: publish.payload,
                qos: publish.qos as u8,
                retain: publish.retain,
            },
        },
        v5::Packet::PubAck(ack) => ClientPacket::PubAck(ack.pkid),
        v5::Packet::PubRel(release) => ClientPacket::PubRel(release.pkid),
        v5::Packet::Subscribe(subscribe) => ClientPacket::Subscribe {
            packet_id: subscribe.pkid,
            filters: subscribe.filters.into_iter().map(|f| (f.path, f.qos as u8)).collect(),
        },
        v5::Packet::Unsubscribe(unsubscribe) => {
            ClientPacket::Unsubscribe { packet_id: unsubscribe.pkid, filters: unsubscribe.filters }
        }
        v5::Packet::PingReq(_) => ClientPacket::PingReq,
        v5::Packet::Disconnect(disconnect) => ClientPacket::Disconnect {
            with_will: disconnect.reason_code == v5::DisconnectReasonCode::DisconnectWithWillMessage,
        },
        v5::Packet::PubRec(ack) => {
            let is_accepted =
                matches!(ack.reason, v5::PubRecReason::Success | v5::PubRecReason::NoMatchingSubscribers);
            ClientPacket::PubRec { packet_id: ack.pkid, is_refusal: !is_accepted }
        }
        v5::Packet::PubComp(ack) => ClientPacket::PubComp(ack.pkid),
        // Packets that only a broker sends.
        _ => return Err(PROTOCOL_ERROR),
    })
}

/// rumqttc returns an absent user name or password as an empty one.
fn login(login: Option<(String, String)>) -> (Option<String>, Option<String>) {
    let non_empty = |text: String| (!text.is_empty()).then_some(text);
    login.map_or((None, None), |(username, password)| (non_empty(username), non_empty(password)))
}
