//! How do packets pass in one direction, and which of them do not?

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use crate::lab::gateway::ailment::AilmentId;
use crate::lab::gateway::blow::Blow;
use crate::lab::gateway::delay_line::DelayLine;
use crate::lab::gateway::packet::{Walk, walk};
use crate::lab::gateway::symptom::{Effect, Packet, Way};

/// What the ailments of a connection have decided about a packet.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) effect: Effect,
    /// Who decided that the packet is the last one.
    pub(super) blow: Option<(AilmentId, Blow)>,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Lane {
    way: Way,
    /// What is under way on a slow path.
    pub(super) line: DelayLine,
    /// Packets that came.
    pub(super) packets: u64,
    /// Bytes still to come of the packet that came last, and whether they vanish.
    rest: usize,
    swallows: bool,
    /// This is no MQTT: nothing is looked at any more.
    is_opaque: bool,
}

impl Lane {
    pub(super) fn new(way: Way) -> Self {
        let line = DelayLine::default();
        Self { way, line, packets: 0, rest: 0, swallows: false, is_opaque: false }
    }

    /// Whether another packet may be put in here: the last one has passed to its end.
    pub(super) fn is_between_packets(&self) -> bool {
        self.rest == 0 && !self.is_opaque
    }

    /// Moves what `judge` lets pass from `inbox` to `out`, up to a packet after which a blow falls.
    pub(super) fn pass(
        &mut self,
        now: Instant,
        inbox: &mut BytesMut,
        out: &mut BytesMut,
        mut judge: impl FnMut(&mut Packet<'_>) -> Verdict,
    ) -> Option<(AilmentId, Blow)> {
        // inbox[run..at] was looked at and passes as it is.
        let (mut run, mut at) = (0, 0);
        let mut blow = None;
        while at < inbox.len() {
            if self.is_opaque {
                at = inbox.len();
                break;
            }
            if self.rest > 0 {
                let size = self.rest.min(inbox.len() - at);
                self.rest -= size;
                if self.swallows {
                    self.forward(now, &inbox[run..at], out);
                    run = at + size;
                }
                at += size;
                continue;
            }
            if blow.is_some() {
                break;
            }
            let label = match walk(&inbox[at..]) {
                Walk::Incomplete => break,
                Walk::NotMqtt => {
                    self.is_opaque = true;
                    continue;
                }
                Walk::Packet(label) => label,
            };
            let verdict = judge(&mut Packet { way: self.way, label, bytes: &mut inbox[at..] });
            let end = at + label.needed;
            self.packets += 1;
            self.rest = label.length - label.needed;
            self.swallows = verdict.effect.swallow;
            let delay = verdict.effect.delay;
            if self.swallows {
                self.forward(now, &inbox[run..at], out);
                run = end;
            } else if !delay.is_zero() {
                self.forward(now, &inbox[run..at], out);
                self.line.send(now, delay, &inbox[at..end]);
                run = end;
            }
            at = end;
            blow = verdict.blow;
        }
        self.forward(now, &inbox[run..at], out);
        inbox.advance(at);
        blow
    }

    /// Sends bytes on, behind what is under way.
    pub(super) fn forward(&mut self, now: Instant, bytes: &[u8], out: &mut BytesMut) {
        if bytes.is_empty() {
            return;
        }
        if self.line.is_empty() {
            out.extend_from_slice(bytes);
        } else {
            self.line.append(now, bytes);
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
    use crate::lab::codec::put_remaining_length;

    /// A packet of any kind, or bytes that are none.
    fn anything() -> impl Strategy<Value = Vec<u8>> {
        let packet = (any::<u8>(), vec(any::<u8>(), 0..300)).prop_map(|(first, body)| {
            let mut packet = BytesMut::new();
            packet.put_u8(first);
            put_remaining_length(body.len(), &mut packet);
            packet.put_slice(&body);
            packet.to_vec()
        });
        prop_oneof![9 => packet, 1 => vec(any::<u8>(), 0..20)]
    }

    /// Passes bytes in pieces, and returns what came out, also of what had to wait.
    fn pass(bytes: &[u8], pieces: &[usize], mut judge: impl FnMut() -> Verdict) -> Vec<u8> {
        let (mut lane, now) = (Lane::new(Way::ToClient), Instant::now());
        let (mut inbox, mut out) = (BytesMut::new(), BytesMut::new());
        let mut rest = bytes;
        for size in pieces.iter().copied().chain([usize::MAX]) {
            let (piece, later) = rest.split_at(size.min(rest.len()));
            rest = later;
            inbox.extend_from_slice(piece);
            lane.pass(now, &mut inbox, &mut out, |_| judge());
        }
        lane.forward(now, &inbox, &mut out);
        lane.line.drain(&mut out);
        out.to_vec()
    }

    proptest! {
        #[test]
        fn what_may_pass_passes_unchanged(packets in vec(anything(), 0..20), pieces in vec(0..200_usize, 0..40)) {
            let bytes = packets.concat();
            prop_assert_eq!(&pass(&bytes, &pieces, Verdict::default), &bytes);
        }

        #[test]
        fn late_packets_keep_their_order(packets in vec(anything(), 0..20), pieces in vec(0..200_usize, 0..40)) {
            let bytes = packets.concat();
            let mut turn = 0;
            let judge = || {
                turn = (turn + 1) % 3;
                let effect = Effect { delay: Duration::from_millis(turn), ..Effect::default() };
                Verdict { effect, blow: None }
            };
            prop_assert_eq!(&pass(&bytes, &pieces, judge), &bytes);
        }

        #[test]
        fn what_is_swallowed_vanishes_whole(sizes in vec(0..300_usize, 0..20), pieces in vec(0..200_usize, 0..40)) {
            let packet = |size: usize| {
                let mut packet = BytesMut::new();
                packet.put_u8(0x40);
                put_remaining_length(size, &mut packet);
                packet.put_bytes(u8::try_from(size % 251).unwrap(), size);
                packet.to_vec()
            };
            let packets: Vec<Vec<u8>> = sizes.into_iter().map(packet).collect();
            let mut count = 0;
            let judge = || {
                count += 1;
                Verdict { effect: Effect { swallow: count % 2 == 0, ..Effect::default() }, blow: None }
            };
            let kept: Vec<u8> = packets.iter().step_by(2).flatten().copied().collect();
            prop_assert_eq!(pass(&packets.concat(), &pieces, judge), kept);
        }
    }
}
