//! Forwarding of packets in one direction: pass, delay or drop.

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use crate::lab::gateway::delay_line::DelayLine;
use crate::lab::gateway::fault_action::FaultAction;
use crate::lab::gateway::packet::{HeaderParse, parse_header};
use crate::lab::gateway::path_fault::PathFaultId;
use crate::lab::gateway::session_fault::{PacketDirection, PacketEffect, RelayedPacket};

/// The decision of the faults of a connection about a packet.
#[derive(Debug, Default)]
pub(super) struct PacketDecision {
    pub(super) effect: PacketEffect,
    /// The action after the packet, and the fault that demands it.
    pub(super) action: Option<(PathFaultId, FaultAction)>,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct PacketForwarder {
    direction: PacketDirection,
    /// The data in transit on a slow path.
    pub(super) delay_line: DelayLine,
    /// Packets received.
    pub(super) packets: u64,
    /// Bytes still to be received of the last packet, and whether they are dropped.
    remaining: usize,
    swallows_rest: bool,
    /// The stream is not MQTT: bytes pass without being parsed.
    is_opaque: bool,
}

impl PacketForwarder {
    pub(super) fn new(direction: PacketDirection) -> Self {
        let delay_line = DelayLine::default();
        Self { direction, delay_line, packets: 0, remaining: 0, swallows_rest: false, is_opaque: false }
    }

    /// Whether another packet may be inserted here: the last one has passed completely.
    pub(super) fn is_between_packets(&self) -> bool {
        self.remaining == 0 && !self.is_opaque
    }

    /// Moves the packets that `decide` lets pass from `inbox` to `out`, up to a packet followed by an action.
    pub(super) fn forward_packets(
        &mut self,
        now: Instant,
        inbox: &mut BytesMut,
        out: &mut BytesMut,
        mut decide: impl FnMut(&mut RelayedPacket<'_>) -> PacketDecision,
    ) -> Option<(PathFaultId, FaultAction)> {
        // inbox[unsent..at] was parsed and passes unchanged.
        let (mut unsent, mut at) = (0, 0);
        let mut action = None;
        while at < inbox.len() {
            if self.is_opaque {
                at = inbox.len();
                break;
            }
            if self.remaining > 0 {
                let size = self.remaining.min(inbox.len() - at);
                self.remaining -= size;
                if self.swallows_rest {
                    self.forward(now, &inbox[unsent..at], out);
                    unsent = at + size;
                }
                at += size;
                continue;
            }
            if action.is_some() {
                break;
            }
            let header = match parse_header(&inbox[at..]) {
                HeaderParse::Incomplete => break,
                HeaderParse::NotMqtt => {
                    self.is_opaque = true;
                    continue;
                }
                HeaderParse::Packet(header) => header,
            };
            let decision =
                decide(&mut RelayedPacket { direction: self.direction, header, bytes: &mut inbox[at..] });
            let end = at + header.needed;
            self.packets += 1;
            self.remaining = header.length - header.needed;
            self.swallows_rest = decision.effect.swallow;
            let delay = decision.effect.delay;
            if self.swallows_rest {
                self.forward(now, &inbox[unsent..at], out);
                unsent = end;
            } else if !delay.is_zero() {
                self.forward(now, &inbox[unsent..at], out);
                self.delay_line.send(now, delay, &inbox[at..end]);
                unsent = end;
            }
            at = end;
            action = decision.action;
        }
        self.forward(now, &inbox[unsent..at], out);
        inbox.advance(at);
        action
    }

    /// Forwards bytes, behind the data in transit.
    pub(super) fn forward(&mut self, now: Instant, bytes: &[u8], out: &mut BytesMut) {
        if bytes.is_empty() {
            return;
        }
        if self.delay_line.is_empty() {
            out.extend_from_slice(bytes);
        } else {
            self.delay_line.append(now, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::BufMut as _;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::lab::packet::put_remaining_length;

    /// A packet of any kind, or bytes that are not a packet.
    fn arbitrary_packet() -> impl Strategy<Value = Vec<u8>> {
        let packet = (any::<u8>(), vec(any::<u8>(), 0..300)).prop_map(|(first, body)| {
            let mut packet = BytesMut::new();
            packet.put_u8(first);
            put_remaining_length(body.len(), &mut packet);
            packet.put_slice(&body);
            packet.to_vec()
        });
        prop_oneof![9 => packet, 1 => vec(any::<u8>(), 0..20)]
    }

    /// Forwards bytes in pieces and returns the output, including delayed bytes.
    fn forward_in_pieces(
        bytes: &[u8],
        pieces: &[usize],
        mut decide: impl FnMut() -> PacketDecision,
    ) -> Vec<u8> {
        let (mut forwarder, now) = (PacketForwarder::new(PacketDirection::ToClient), Instant::now());
        let (mut inbox, mut out) = (BytesMut::new(), BytesMut::new());
        let mut rest = bytes;
        for size in pieces.iter().copied().chain([usize::MAX]) {
            let (piece, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            inbox.extend_from_slice(piece);
            forwarder.forward_packets(now, &mut inbox, &mut out, |_| decide());
        }
        forwarder.forward(now, &inbox, &mut out);
        forwarder.delay_line.drain(&mut out);
        out.to_vec()
    }

    proptest! {
        #[test]
        fn allowed_packets_pass_unchanged(packets in vec(arbitrary_packet(), 0..20), pieces in vec(0..200_usize, 0..40)) {
            let bytes = packets.concat();
            prop_assert_eq!(&forward_in_pieces(&bytes, &pieces, PacketDecision::default), &bytes);
        }

        #[test]
        fn delayed_packets_keep_their_order(packets in vec(arbitrary_packet(), 0..20), pieces in vec(0..200_usize, 0..40)) {
            let bytes = packets.concat();
            let mut count = 0;
            let decide = || {
                count = (count + 1) % 3;
                let effect = PacketEffect { delay: Duration::from_millis(count), ..PacketEffect::default() };
                PacketDecision { effect, action: None }
            };
            prop_assert_eq!(&forward_in_pieces(&bytes, &pieces, decide), &bytes);
        }

        #[test]
        fn swallowed_packets_vanish_whole(sizes in vec(0..300_usize, 0..20), pieces in vec(0..200_usize, 0..40)) {
            let packet = |size: usize| {
                let mut packet = BytesMut::new();
                packet.put_u8(0x40);
                put_remaining_length(size, &mut packet);
                packet.put_bytes(u8::try_from(size % 251).unwrap(), size);
                packet.to_vec()
            };
            let packets: Vec<Vec<u8>> = sizes.into_iter().map(packet).collect();
            let mut count = 0;
            let decide = || {
                count += 1;
                PacketDecision { effect: PacketEffect { swallow: count % 2 == 0, ..PacketEffect::default() }, action: None }
            };
            let kept: Vec<u8> = packets.iter().step_by(2).flatten().copied().collect();
            prop_assert_eq!(forward_in_pieces(&packets.concat(), &pieces, decide), kept);
        }
    }
}
