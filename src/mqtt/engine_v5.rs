//! MQTT 5 with rumqttc's protocol state.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAckProperties, Connect, ConnectProperties, Filter, Login, Packet, Publish, Subscribe,
};
use rumqttc::v5::{MqttState, Request};
use secrecy::{ExposeSecret as _, SecretString};

use super::engine::{
    AcceptedConnack, ConnectRequest, InboundPacket, MAX_IN_FLIGHT, OutboundPacket, SendLimits, violation,
};
use super::engine_v4::{encode_failure, malformed, unexpected, unexpected_because};
use super::failure::Failure;
use super::properties::Properties;

/// Session expiry interval of a persistent session.
const SESSION_EXPIRY_SECS: u32 = 24 * 60 * 60;

/// Protocol state of one MQTT 5 connection.
#[derive(Debug)]
pub(super) struct EngineV5 {
    state: MqttState,
    max_packet: u32,
}

impl EngineV5 {
    pub(super) fn new(max_packet: usize) -> Self {
        let max_packet = u32::try_from(max_packet).unwrap_or(u32::MAX);
        Self { state: MqttState::new(MAX_IN_FLIGHT, false), max_packet }
    }

    /// Reads a CONNACK that accepts, and its limits.
    pub(super) fn connack(
        &mut self,
        frame: &mut BytesMut,
        own_limits: SendLimits,
    ) -> Result<(AcceptedConnack, SendLimits), Failure> {
        let packet = Packet::read(frame, None).map_err(|error| malformed(0x20, &error))?;
        let Packet::ConnAck(ack) = packet.clone() else { return Err(unexpected(0x20)) };
        let mut accepted = AcceptedConnack {
            session_present: ack.session_present,
            limits: Some(BTreeMap::new()),
            ..AcceptedConnack::default()
        };
        let mut send_limits = own_limits;
        if let Some(properties) = &ack.properties {
            if properties.receive_max == Some(0) || properties.max_packet_size == Some(0) {
                return Err(violation("the broker's CONNACK sets a limit of 0, which MQTT 5 forbids"));
            }
            accepted.server_keep_alive = properties.server_keep_alive;
            accepted.limits = Some(limits(properties));
            let packet_limit = properties.max_packet_size.and_then(|size| usize::try_from(size).ok());
            send_limits.max_packet =
                packet_limit.map_or(own_limits.max_packet, |limit| limit.min(own_limits.max_packet));
            send_limits.in_flight =
                properties.receive_max.map_or(own_limits.in_flight, |max| max.min(own_limits.in_flight));
            send_limits.max_qos =
                properties.max_qos.map_or(own_limits.max_qos, |qos| qos.min(own_limits.max_qos));
            send_limits.retain = properties.retain_available != Some(0);
        }
        let handled = self.state.handle_incoming_packet(packet);
        self.state.events.clear();
        handled.map_err(|error| unexpected_because(0x20, &error))?;
        Ok((accepted, send_limits))
    }

    /// Reads one whole packet; required replies go to `replies`.
    pub(super) fn handle(
        &mut self,
        header: usize,
        frame: &mut BytesMut,
        replies: &mut BytesMut,
    ) -> Result<InboundPacket, Failure> {
        let first = frame[0];
        let raw = matches!(first >> 4, 4 | 9).then(|| Bytes::copy_from_slice(frame)).unwrap_or_default();
        let payload = if first >> 4 == 3 { payload(&frame[header..])? } else { Bytes::new() };
        let packet = Packet::read(frame, None).map_err(|error| malformed(first, &error))?;
        let inbound = match &packet {
            Packet::Publish(publish) => inbound_publish(publish, payload)?,
            Packet::PubAck(ack) => {
                let code = if raw.len() > header + 2 { raw[header + 2] } else { 0 };
                InboundPacket::PubAck { pkid: ack.pkid, refusal: (code >= 0x80).then_some(code) }
            }
            Packet::SubAck(ack) => {
                let from = raw.len().saturating_sub(ack.return_codes.len());
                InboundPacket::SubAck { pkid: ack.pkid, codes: raw[from..].to_vec() }
            }
            Packet::PingResp(_) => InboundPacket::PingResp,
            Packet::PubRel(_) | Packet::UnsubAck(_) => InboundPacket::Other,
            _ => return Err(unexpected(first)),
        };
        let reply = self.state.handle_incoming_packet(packet);
        self.state.events.clear();
        if let Some(reply) = reply.map_err(|error| unexpected_because(first, &error))? {
            reply.write(replies, None).map_err(|error| malformed(first, &error))?;
        }
        Ok(inbound)
    }

    /// Appends one packet to `dst`.
    pub(super) fn encode(
        &mut self,
        item: OutboundPacket,
        max: usize,
        dst: &mut BytesMut,
    ) -> Result<(), Failure> {
        let packet = match item {
            OutboundPacket::Connect(request) => Some(self.connect(request)),
            OutboundPacket::Subscribe { pkid, filters } => {
                let filters = filters.into_iter().map(|(path, qos)| Filter::new(path, qos_level(qos)));
                let mut subscribe = Subscribe::new_many(filters, None);
                subscribe.pkid = pkid;
                Some(Packet::Subscribe(subscribe))
            }
            OutboundPacket::Publish { pkid, topic, payload, qos, retain } => {
                let mut publish = Publish::new(topic, qos_level(qos), payload, None);
                publish.pkid = pkid;
                publish.retain = retain;
                self.outgoing(Request::Publish(publish))?
            }
            OutboundPacket::PingReq => self.outgoing(Request::PingReq)?,
            OutboundPacket::Disconnect => self.outgoing(Request::Disconnect)?,
            OutboundPacket::ErrorDisconnect { too_large } => {
                // Encoded here: the codec of rumqttc 0.25.1 writes a reason code with a wrong length.
                dst.extend_from_slice(&[0xe0, 2, if too_large { 0x95 } else { 0x82 }, 0]);
                None
            }
            OutboundPacket::Replies => None,
        };
        if let Some(packet) = packet {
            let max = u32::try_from(max).unwrap_or(u32::MAX);
            packet.write(dst, Some(max)).map_err(|error| encode_failure(&error))?;
        }
        Ok(())
    }

    fn outgoing(&mut self, request: Request) -> Result<Option<Packet>, Failure> {
        let packet = self.state.handle_outgoing_packet(request).map_err(|error| encode_failure(&error));
        self.state.events.clear();
        packet
    }

    fn connect(&self, request: ConnectRequest) -> Packet {
        let properties = ConnectProperties {
            session_expiry_interval: (!request.clean).then_some(SESSION_EXPIRY_SECS),
            receive_maximum: None,
            max_packet_size: Some(self.max_packet),
            topic_alias_max: None,
            request_response_info: None,
            request_problem_info: None,
            user_properties: Vec::new(),
            authentication_method: None,
            authentication_data: None,
        };
        let connect = Connect {
            keep_alive: request.keep_alive,
            client_id: request.client_id,
            clean_start: request.clean,
            properties: Some(properties),
        };
        let login = request.login.map(login);
        Packet::Connect(connect, None, login)
    }
}

fn inbound_publish(publish: &Publish, payload: Bytes) -> Result<InboundPacket, Failure> {
    if publish.topic.is_empty() {
        return Err(violation("the broker sent a PUBLISH with a topic alias, which it was not offered"));
    }
    if std::str::from_utf8(&publish.topic).is_err() {
        return Err(violation("the broker sent a PUBLISH whose topic is not UTF-8"));
    }
    Ok(InboundPacket::Publish { topic: publish.topic.clone(), payload, qos: publish.qos as u8 })
}

/// The payload of a PUBLISH with a packet id; `body`: what follows the fixed header.
fn payload(body: &[u8]) -> Result<Bytes, Failure> {
    let truncated = || violation("the broker sent a PUBLISH that is truncated");
    let topic = body.first_chunk::<2>().map(|length| usize::from(u16::from_be_bytes(*length)));
    let from_properties = body.get(2 + topic.ok_or_else(truncated)? + 2..).ok_or_else(truncated)?;
    payload_behind_properties(from_properties).map(Bytes::copy_from_slice)
}

/// What follows the properties of a PUBLISH.
pub(super) fn payload_behind_properties(bytes: &[u8]) -> Result<&[u8], Failure> {
    let split = Properties::split(bytes).filter(|(properties, _)| properties.is_well_formed());
    let (_, payload) = split.ok_or_else(|| violation("the broker sent a PUBLISH with broken properties"))?;
    Ok(payload)
}

fn limits(properties: &ConnAckProperties) -> BTreeMap<String, u64> {
    let stated = [
        ("session_expiry_interval", properties.session_expiry_interval.map(u64::from)),
        ("receive_maximum", properties.receive_max.map(u64::from)),
        ("maximum_qos", properties.max_qos.map(u64::from)),
        ("retain_available", properties.retain_available.map(u64::from)),
        ("maximum_packet_size", properties.max_packet_size.map(u64::from)),
        ("topic_alias_maximum", properties.topic_alias_max.map(u64::from)),
        ("wildcard_subscription_available", properties.wildcard_subscription_available.map(u64::from)),
        ("subscription_identifiers_available", properties.subscription_identifiers_available.map(u64::from)),
        ("shared_subscription_available", properties.shared_subscription_available.map(u64::from)),
        ("server_keep_alive", properties.server_keep_alive.map(u64::from)),
    ];
    stated.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn login((username, password): (String, SecretString)) -> Login {
    Login { username, password: password.expose_secret().to_owned() }
}

fn qos_level(qos: u8) -> QoS {
    if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}
