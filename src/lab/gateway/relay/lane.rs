//! How do packets pass in one direction, and which of them do not?

use bytes::{Buf, BytesMut};
use tokio::time::Instant;

use crate::lab::gateway::ailment::AilmentId;
use crate::lab::gateway::blow::Blow;
use crate::lab::gateway::delay_line::DelayLine;
use crate::lab::gateway::packet::{Kind, Walk, walk};
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
    /// The packet that came last.
    pub(super) last: Option<Kind>,
    /// Bytes still to come of the packet that came last, and whether they vanish.
    rest: usize,
    swallows: bool,
    /// This is no MQTT: nothing is looked at any more.
    is_opaque: bool,
}

impl Lane {
    pub(super) fn new(way: Way) -> Self {
        let line = DelayLine::default();
        Self { way, line, packets: 0, last: None, rest: 0, swallows: false, is_opaque: false }
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
            self.last = Some(label.kind);
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
