//! MQTT 3.1.1 with rumqttc's protocol state.

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{
    Connect, Disconnect, Login, Packet, PingReq, Publish, Subscribe, SubscribeFilter,
};
use rumqttc::mqttbytes::{Protocol, QoS};
use rumqttc::{MqttState, Request};
use secrecy::{ExposeSecret as _, SecretString};

use super::engine::{ConnectRequest, InboundPacket, MAX_IN_FLIGHT, OutboundPacket, violation};
use super::failure::Failure;
use super::reason_text::packet_name;
use super::wire::sanitize_text;

/// Protocol state of one 3.1.1 connection.
#[derive(Debug)]
pub(super) struct EngineV4 {
    state: MqttState,
}

impl EngineV4 {
    pub(super) fn new() -> Self {
        Self { state: MqttState::new(MAX_IN_FLIGHT, false) }
    }

    /// Reads one whole packet; required replies go to `replies`.
    pub(super) fn handle(
        &mut self,
        header: usize,
        frame: &mut BytesMut,
        replies: &mut BytesMut,
    ) -> Result<InboundPacket, Failure> {
        let first = frame[0];
        let suback = (first >> 4 == 9).then(|| frame.get(header + 2..).unwrap_or_default().to_vec());
        let packet = Packet::read(frame, usize::MAX).map_err(|error| malformed(first, &error))?;
        let inbound = match &packet {
            Packet::Publish(publish) => InboundPacket::Publish {
                topic: publish.topic.clone().into(),
                payload: publish.payload.clone(),
                qos: publish.qos as u8,
            },
            Packet::PubAck(ack) => InboundPacket::PubAck { pkid: ack.pkid, refusal: None },
            Packet::SubAck(ack) => {
                InboundPacket::SubAck { pkid: ack.pkid, codes: suback.unwrap_or_default() }
            }
            Packet::PingResp => InboundPacket::PingResp,
            Packet::PubRel(_) | Packet::UnsubAck(_) => InboundPacket::Other,
            _ => return Err(unexpected(first)),
        };
        let reply = self.state.handle_incoming_packet(packet);
        self.state.events.clear();
        if let Some(reply) = reply.map_err(|error| unexpected_because(first, &error))? {
            reply.write(replies, usize::MAX).map_err(|error| malformed(first, &error))?;
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
            OutboundPacket::Connect(request) => Some(Packet::Connect(connect(request))),
            OutboundPacket::Subscribe { pkid, filters } => {
                let filters =
                    filters.into_iter().map(|(path, qos)| SubscribeFilter { path, qos: qos_level(qos) });
                let mut subscribe = Subscribe::new_many(filters);
                subscribe.pkid = pkid;
                Some(Packet::Subscribe(subscribe))
            }
            OutboundPacket::Publish { pkid, topic, payload, qos, retain } => {
                let mut publish = Publish::from_bytes(topic, qos_level(qos), payload);
                publish.pkid = pkid;
                publish.retain = retain;
                self.outgoing(Request::Publish(publish))?
            }
            OutboundPacket::PingReq => self.outgoing(Request::PingReq(PingReq))?,
            OutboundPacket::Disconnect => self.outgoing(Request::Disconnect(Disconnect))?,
            OutboundPacket::ErrorDisconnect { .. } | OutboundPacket::Replies => None,
        };
        if let Some(packet) = packet {
            packet.write(dst, max).map_err(|error| encode_failure(&error))?;
        }
        Ok(())
    }

    fn outgoing(&mut self, request: Request) -> Result<Option<Packet>, Failure> {
        let packet = self.state.handle_outgoing_packet(request).map_err(|error| encode_failure(&error));
        self.state.events.clear();
        packet
    }
}

fn connect(request: ConnectRequest) -> Connect {
    Connect {
        protocol: Protocol::V4,
        keep_alive: request.keep_alive,
        client_id: request.client_id,
        clean_session: request.clean,
        last_will: None,
        login: request.login.map(login),
    }
}

fn login((username, password): (String, SecretString)) -> Login {
    Login { username, password: password.expose_secret().to_owned() }
}

fn qos_level(qos: u8) -> QoS {
    if qos == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}

/// The peer sent a packet of a known kind with wrong contents.
pub(super) fn malformed(first: u8, error: &dyn std::fmt::Display) -> Failure {
    let words = sanitize_text(&error.to_string());
    violation(format!("the broker sent a malformed {}: {words}", packet_name(first)))
}

/// The peer sent a packet that is not allowed here.
pub(super) fn unexpected(first: u8) -> Failure {
    violation(format!("the broker sent {}, which a client must never receive here", packet_name(first)))
}

/// As [`unexpected`], with the error of the protocol state.
pub(super) fn unexpected_because(first: u8, error: &dyn std::fmt::Display) -> Failure {
    let words = sanitize_text(&error.to_string());
    violation(format!("the broker sent {} unexpectedly: {words}", packet_name(first)))
}

/// A packet of our own could not be encoded.
pub(super) fn encode_failure(error: &dyn std::fmt::Display) -> Failure {
    super::engine::mqtt_failure(
        crate::diagnostics::error_name::AWS_ERROR_MQTT_PROTOCOL_ERROR,
        crate::diagnostics::event::DropKind::Local,
        sanitize_text(&error.to_string()),
    )
}
