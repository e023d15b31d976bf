//! Which messages has the client not acknowledged to the end, and what is to be sent again?

use std::collections::BTreeMap;

use bytes::BytesMut;

use crate::lab::codec::{Version, put_acknowledgement};
use crate::lab::message::{Delivery, Outgoing, PublishFlags};

const PUBREL: u8 = 0x62;

/// Where a message is on its way to the client.
enum Step {
    /// Sent, neither PUBACK nor PUBREC came.
    Published(Outgoing),
    /// QoS 2: PUBREC came and PUBREL was sent, no PUBCOMP came.
    Released,
}

/// The messages with packet ids of one connection.
#[derive(Default)]
pub(super) struct InFlight {
    steps: BTreeMap<u16, Step>,
    last_packet_id: u16,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Sends a message, again under its old packet id if it has one.
    pub(super) fn publish(&mut self, outgoing: Outgoing, version: Version, out: &mut BytesMut) {
        let packet_id = outgoing.again.unwrap_or_else(|| self.free_packet_id());
        let (qos, dup, retain) = (outgoing.qos, outgoing.again.is_some(), outgoing.retain);
        outgoing.message.encode(version, PublishFlags { qos, dup, retain, packet_id }, out);
        self.steps.insert(packet_id, Step::Published(outgoing));
    }

    /// PUBREC came, on this connection or an earlier one.
    pub(super) fn release(&mut self, packet_id: u16, out: &mut BytesMut) {
        self.steps.insert(packet_id, Step::Released);
        put_acknowledgement(PUBREL, packet_id, out);
    }

    /// PUBACK, PUBCOMP, or a PUBREC that refuses: the message is done.
    pub(super) fn finish(&mut self, packet_id: u16) {
        self.steps.remove(&packet_id);
    }

    /// What the client's next connection has to hear, in the order of the packet ids.
    pub(super) fn take(&mut self) -> Vec<Delivery> {
        let again = |(packet_id, step)| match step {
            Step::Published(outgoing) => {
                Delivery::Acknowledged(Outgoing { again: Some(packet_id), retain: false, ..outgoing })
            }
            Step::Released => Delivery::Release(packet_id),
        };
        std::mem::take(&mut self.steps).into_iter().map(again).collect()
    }

    fn free_packet_id(&mut self) -> u16 {
        loop {
            self.last_packet_id = self.last_packet_id.checked_add(1).unwrap_or(1);
            if !self.steps.contains_key(&self.last_packet_id) {
                return self.last_packet_id;
            }
        }
    }
}
