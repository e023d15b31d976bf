//! The last packets of a session. Kept cheaply, formatted only when the session drops.

use std::collections::VecDeque;

use bytes::Bytes;

use super::reason_text::packet_name;
use crate::diagnostics::Stamp;
use crate::diagnostics::event::PacketNote;

/// Number of packets kept.
const CAPACITY: usize = 12;

#[derive(Debug)]
struct RingPacket {
    at: Stamp,
    incoming: bool,
    first: u8,
    topic: Bytes,
    bytes: usize,
}

/// The last packets of a session, both ways.
#[derive(Debug)]
pub(super) struct PacketRing {
    packets: VecDeque<RingPacket>,
    last_in: Stamp,
    last_out: Stamp,
}

impl PacketRing {
    /// An empty ring; the CONNACK at `accepted` counts as the last packet in both directions.
    pub(super) fn new(accepted: Stamp) -> Self {
        Self { packets: VecDeque::with_capacity(CAPACITY), last_in: accepted, last_out: accepted }
    }

    /// When the newest packet came in.
    pub(super) fn last_in(&self) -> Stamp {
        self.last_in
    }

    /// When the newest packet went out.
    pub(super) fn last_out(&self) -> Stamp {
        self.last_out
    }

    /// Adds a packet; `first` is the first byte of its header, `topic` is empty except for a PUBLISH.
    pub(super) fn record(&mut self, at: Stamp, incoming: bool, first: u8, topic: Bytes, bytes: usize) {
        if self.packets.len() == CAPACITY {
            self.packets.pop_front();
        }
        *if incoming { &mut self.last_in } else { &mut self.last_out } = at;
        self.packets.push_back(RingPacket { at, incoming, first, topic, bytes });
    }

    /// The packets, oldest first, dated back from `now`.
    pub(super) fn packets_before(&self, now: Stamp) -> Vec<PacketNote> {
        let to_packet_note = |note: &RingPacket| PacketNote {
            ago_secs: now.since(note.at).as_secs_f64(),
            incoming: note.incoming,
            packet: packet_name(note.first).to_owned(),
            topic: (!note.topic.is_empty()).then(|| String::from_utf8_lossy(&note.topic).into()),
            bytes: u32::try_from(note.bytes).unwrap_or(u32::MAX),
        };
        self.packets.iter().map(to_packet_note).collect()
    }
}
