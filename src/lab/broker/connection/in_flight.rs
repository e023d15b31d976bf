//! Messages in flight: sent, not yet acknowledged to the end, and sent again after a reconnect.

use std::collections::BTreeMap;

use bytes::BytesMut;

use crate::diagnostics::MqttVersion;
use crate::lab::packet::{Delivery, PublishFlags, QosPublish, put_acknowledgement};

const PUBREL: u8 = 0x62;

/// The state of a message in flight.
enum InFlightState {
    /// Sent; neither PUBACK nor PUBREC was received.
    AwaitingAck(QosPublish),
    /// QoS 2: PUBREC was received and PUBREL sent; no PUBCOMP was received.
    AwaitingPubComp,
}

/// The messages with packet ids of one connection.
#[derive(Default)]
pub(super) struct InFlight {
    messages: BTreeMap<u16, InFlightState>,
    last_packet_id: u16,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Sends a message, with its old packet id if it has one.
    pub(super) fn publish(&mut self, outgoing: QosPublish, version: MqttVersion, out: &mut BytesMut) {
        let packet_id = outgoing.previous_packet_id.unwrap_or_else(|| self.free_packet_id());
        let (qos, dup, retain) = (outgoing.qos, outgoing.previous_packet_id.is_some(), outgoing.retain);
        outgoing.message.encode(version, PublishFlags { qos, dup, retain, packet_id }, out);
        self.messages.insert(packet_id, InFlightState::AwaitingAck(outgoing));
    }

    /// Sends PUBREL after a PUBREC on this connection or an earlier one.
    pub(super) fn release(&mut self, packet_id: u16, out: &mut BytesMut) {
        self.messages.insert(packet_id, InFlightState::AwaitingPubComp);
        put_acknowledgement(PUBREL, packet_id, out);
    }

    /// Removes a message after PUBACK, PUBCOMP, or a PUBREC that refuses it.
    pub(super) fn finish(&mut self, packet_id: u16) {
        self.messages.remove(&packet_id);
    }

    /// The messages for the client's next connection, in the order of the packet ids.
    pub(super) fn take_unacknowledged(&mut self) -> Vec<Delivery> {
        let redelivery = |(packet_id, state)| match state {
            InFlightState::AwaitingAck(outgoing) => Delivery::QosPublish(QosPublish {
                previous_packet_id: Some(packet_id),
                retain: false,
                ..outgoing
            }),
            InFlightState::AwaitingPubComp => Delivery::Release(packet_id),
        };
        std::mem::take(&mut self.messages).into_iter().map(redelivery).collect()
    }

    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !self.messages.contains_key(&self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}
