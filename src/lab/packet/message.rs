//! Application messages inside the broker, and their encoding as PUBLISH.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::encode::put_remaining_length;
use crate::diagnostics::MqttVersion;

/// One application message, independent of protocol version and packet id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationMessage {
    /// Topic name, without wildcards.
    pub topic: String,
    /// The payload as received.
    pub payload: Bytes,
    /// Quality of service it was published with, 0–2.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

impl ApplicationMessage {
    /// A QoS 0 message that is not retained.
    pub fn new(topic: impl Into<String>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos: 0, retain: false }
    }

    /// Appends the PUBLISH packet; `packet_id` is not written for QoS 0.
    pub(in crate::lab) fn encode(&self, version: MqttVersion, flags: PublishFlags, out: &mut BytesMut) {
        let id_length = if flags.qos > 0 { 2 } else { 0 };
        let properties = usize::from(version == MqttVersion::V5);
        let length = 2 + self.topic.len() + id_length + properties + self.payload.len();
        out.reserve(5 + length);
        out.put_u8(0x30 | u8::from(flags.dup) << 3 | flags.qos << 1 | u8::from(flags.retain));
        put_remaining_length(length, out);
        out.put_u16(u16::try_from(self.topic.len()).unwrap_or(u16::MAX));
        out.put_slice(self.topic.as_bytes());
        if flags.qos > 0 {
            out.put_u16(flags.packet_id);
        }
        if version == MqttVersion::V5 {
            out.put_u8(0);
        }
        out.put_slice(&self.payload);
    }
}

/// The parts of a PUBLISH that differ from receiver to receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::lab) struct PublishFlags {
    /// 0, 1 or 2.
    pub(in crate::lab) qos: u8,
    /// Sent before on this or an earlier connection.
    pub(in crate::lab) dup: bool,
    /// Comes from the retained store.
    pub(in crate::lab) retain: bool,
    /// Meaningful above QoS 0.
    pub(in crate::lab) packet_id: u16,
}

/// An entry of a connected client's outbox.
#[derive(Debug)]
pub(in crate::lab) enum Delivery {
    /// A QoS 0 packet, encoded once for all receivers of one protocol version.
    Frame(Bytes),
    /// A message that the client acknowledges.
    QosPublish(QosPublish),
    /// QoS 2: the client has the message with this packet id and waits for PUBREL.
    Release(u16),
}

/// A QoS 1 or QoS 2 message on its way to one client.
#[derive(Debug)]
pub(in crate::lab) struct QosPublish {
    /// The message.
    pub(in crate::lab) message: Arc<ApplicationMessage>,
    /// 1 or 2: the QoS of the delivery.
    pub(in crate::lab) qos: u8,
    /// Comes from the retained store.
    pub(in crate::lab) retain: bool,
    /// The packet id it was sent with on an earlier connection.
    pub(in crate::lab) previous_packet_id: Option<u16>,
}

/// The QoS 0 packets of one message, encoded on first use.
#[derive(Default)]
pub(in crate::lab) struct FrameCache {
    v311: Option<Bytes>,
    v5: Option<Bytes>,
}

impl FrameCache {
    /// The packet for receivers of one protocol version.
    pub(in crate::lab) fn get(
        &mut self,
        message: &ApplicationMessage,
        version: MqttVersion,
        retain: bool,
    ) -> Bytes {
        let slot = match version {
            MqttVersion::V311 => &mut self.v311,
            MqttVersion::V5 => &mut self.v5,
        };
        slot.get_or_insert_with(|| {
            let mut out = BytesMut::new();
            message.encode(version, PublishFlags { retain, ..PublishFlags::default() }, &mut out);
            out.freeze()
        })
        .clone()
    }
}
