//! The live session and its newest packets.

use std::collections::VecDeque;

use super::reason_code::{KEEP_ALIVE_TIMEOUT, NOT_AUTHORIZED, SESSION_TAKEN_OVER};
use super::session::{Burst, EndKind, PacketSeen, Secs, Session, SessionEnding};
use super::survivors::SurvivalHistogram;
use crate::diagnostics::event::DroppedEvent;

/// Packets kept; enough for the time between a death and its detection.
const MAX_PACKETS: usize = 24;
/// Own publishes kept.
const MAX_PUBLISHES: usize = 16;
/// Bursts kept.
const MAX_BURSTS: usize = 4;
/// Own messages closer than this belong to one burst, in seconds; the second value is for stamps in whole seconds.
pub(super) const BURST_GAP: f64 = 0.5;
pub(super) const BURST_GAP_OF_WHOLE_SECONDS: f64 = 1.5;
/// Smaller bursts are normal traffic.
const MIN_BURST_SIZE: u64 = 5;
/// How long before a drop a publish or burst may have caused it, in seconds.
const SUSPECT_SECS: f64 = 7.0;
/// Silences shorter than this are no evidence about a limit, in seconds.
const MIN_SILENCE: f64 = 15.0;

/// Shift that keeps the seconds beyond 1.5 keep-alives positive in a [`SurvivalHistogram`].
pub(super) const EXCESS_SHIFT: f64 = 20.0;

/// Survived silences of all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Silences {
    /// Without activity in either direction, in seconds.
    pub(super) either: SurvivalHistogram,
    /// Without an outgoing packet, in seconds.
    pub(super) outgoing: SurvivalHistogram,
    /// Without an outgoing packet: seconds beyond 1.5 keep-alives, plus [`EXCESS_SHIFT`].
    pub(super) outgoing_excess: SurvivalHistogram,
    /// Pauses of the peer that the session survived, in seconds; answers to pings do not end a pause.
    pub(super) peer: SurvivalHistogram,
}

impl Silences {
    fn add_either(&mut self, length: f64) {
        if length > MIN_SILENCE {
            self.either.add(length);
        }
    }

    fn add_outgoing(&mut self, length: f64, keep_alive: f64) {
        if length > MIN_SILENCE {
            self.outgoing.add(length);
        }
        if length > 1.2 * keep_alive {
            self.outgoing_excess.add((length - 1.5 * keep_alive + EXCESS_SHIFT).max(1.0));
        }
    }
}

/// The live session with its newest activity.
#[derive(Debug, Clone)]
pub(super) struct LiveSession {
    pub(super) session: Session,
    packets: VecDeque<PacketSeen>,
    /// The newest packet that left `packets`, and the newest outgoing one.
    evicted_at: Secs,
    evicted_outgoing_at: Secs,
    /// Time of the newest packet of the peer that is no answer to a ping.
    last_peer_data: Secs,
    /// The first outgoing packet after the newest incoming one, and the activity before it.
    unanswered: Option<(Secs, Secs)>,
    last_ping: Option<Secs>,
    publishes: VecDeque<(u32, Secs)>,
    burst: Option<Burst>,
    bursts: VecDeque<Burst>,
}

impl LiveSession {
    /// A session that begins now.
    pub(super) fn new(session: Session) -> Self {
        Self {
            evicted_at: session.start,
            evicted_outgoing_at: session.start,
            last_peer_data: session.start,
            session,
            packets: VecDeque::with_capacity(MAX_PACKETS + 1),
            unanswered: None,
            last_ping: None,
            publishes: VecDeque::new(),
            burst: None,
            bursts: VecDeque::new(),
        }
    }

    /// Records a packet; silences that have ended are counted in `silences`.
    pub(super) fn record_packet(&mut self, packet: PacketSeen, silences: &mut Silences) {
        let before = self.packets.back().map_or(self.evicted_at, |newest| newest.at);
        if !packet.is_outgoing {
            self.unanswered = None;
        } else if self.unanswered.is_none() {
            self.unanswered = Some((packet.at, before));
        }
        if !packet.is_outgoing && !packet.is_ping {
            // A packet of the peer proves that the session survived the pause.
            if packet.at - self.last_peer_data > MIN_SILENCE {
                silences.peer.add(packet.at - self.last_peer_data);
            }
            self.last_peer_data = packet.at;
        }
        if packet.is_outgoing && packet.is_ping {
            self.last_ping = Some(packet.at);
        }
        // A ping is recorded at its answer, so its time of sending may precede newer activity.
        let index_in_order =
            self.packets.iter().rposition(|earlier| earlier.at <= packet.at).map_or(0, |index| index + 1);
        self.packets.insert(index_in_order, packet);
        if self.packets.len() > MAX_PACKETS
            && let Some(oldest) = self.packets.pop_front()
        {
            silences.add_either(oldest.at - self.evicted_at);
            self.evicted_at = self.evicted_at.max(oldest.at);
            if oldest.is_outgoing {
                silences.add_outgoing(oldest.at - self.evicted_outgoing_at, self.session.keep_alive);
                self.evicted_outgoing_at = self.evicted_outgoing_at.max(oldest.at);
            }
        }
    }

    /// Records an own message; `on_burst` gets the size of a burst that has ended.
    pub(super) fn record_publish(&mut self, topic: u32, at: Secs, gap: f64, on_burst: &mut dyn FnMut(u64)) {
        if self.publishes.len() == MAX_PUBLISHES {
            self.publishes.pop_front();
        }
        self.publishes.push_back((topic, at));
        match &mut self.burst {
            Some(burst) if at - burst.end < gap => {
                burst.size += 1;
                burst.end = at;
            }
            _ => {
                self.finish_burst(on_burst);
                self.burst = Some(Burst { end: at, size: 1, window: 0.0 });
            }
        }
    }

    /// Records messages that were counted in one window.
    pub(super) fn record_publish_window(
        &mut self,
        at: Secs,
        size: u64,
        window: f64,
        on_burst: &mut dyn FnMut(u64),
    ) {
        #[expect(clippy::cast_precision_loss, reason = "a rate needs no more")]
        let rate = size as f64 / window.max(0.05);
        if size >= MIN_BURST_SIZE && rate >= 2.0 {
            on_burst(size);
            self.push_burst(Burst { end: at, size, window });
        }
    }

    fn finish_burst(&mut self, on_burst: &mut dyn FnMut(u64)) {
        if let Some(burst) = self.burst.take()
            && burst.size >= MIN_BURST_SIZE
        {
            on_burst(burst.size);
            self.push_burst(burst);
        }
    }

    fn push_burst(&mut self, burst: Burst) {
        if self.bursts.len() == MAX_BURSTS {
            self.bursts.pop_front();
        }
        self.bursts.push_back(burst);
    }

    /// The session censored at this time, its silences counted in `silences`.
    pub(super) fn censored(&self, at: Secs, wall: f64, silences: &mut Silences) -> Session {
        let mut session = self.session.clone();
        session.end = at.max(session.start);
        session.end_wall = wall;
        let (mut last_packet, mut last_outgoing) = (self.evicted_at, self.evicted_outgoing_at);
        for packet in &self.packets {
            silences.add_either(packet.at - last_packet);
            last_packet = last_packet.max(packet.at);
            if packet.is_outgoing {
                silences.add_outgoing(packet.at - last_outgoing, session.keep_alive);
                last_outgoing = last_outgoing.max(packet.at);
            }
        }
        session
    }

    /// Counts the silences before the newest packet of the peer, all of which were survived; returns how many of the
    /// kept packets precede it.
    fn count_survived(&self, silences: &mut Silences) -> usize {
        let survived =
            self.packets.iter().rposition(|packet| !packet.is_outgoing).map_or(0, |index| index + 1);
        let (mut last_packet, mut last_outgoing) = (self.evicted_at, self.evicted_outgoing_at);
        for packet in self.packets.iter().take(survived) {
            silences.add_either(packet.at - last_packet);
            last_packet = last_packet.max(packet.at);
            if packet.is_outgoing {
                silences.add_outgoing(packet.at - last_outgoing, self.session.keep_alive);
                last_outgoing = last_outgoing.max(packet.at);
            }
        }
        survived
    }

    /// The session, ended by a drop.
    pub(super) fn dropped(
        mut self,
        at: Secs,
        wall: f64,
        drop: &DroppedEvent,
        silences: &mut Silences,
        on_burst: &mut dyn FnMut(u64),
    ) -> Session {
        self.finish_burst(on_burst);
        let end = at.max(self.session.start);
        let recent = |time: &Secs| end - *time <= SUSPECT_SECS;
        // The packet before the kept ones still is the start of a silence.
        let mut packets = Vec::with_capacity(self.packets.len() + 1);
        if self.evicted_at > self.session.start {
            packets.push(PacketSeen {
                at: self.evicted_at,
                is_outgoing: self.evicted_outgoing_at >= self.evicted_at,
                is_ping: false,
                needs_no_reply: false,
            });
        }
        let survived_packets = packets.len() + self.count_survived(silences);
        packets.extend(self.packets.iter().copied());
        let error = drop.error_name.as_deref().or(drop.error_message.as_deref()).unwrap_or_default();
        let reason_code = drop.reason_code.or_else(|| reason_from_message(drop.error_message.as_deref()?));
        let kind = match EndKind::of(drop.how, error) {
            // A reason code of the broker rules out a silent end, whatever the name of the error.
            _ if drop.how.is_none() && reason_code.is_some() => EndKind::Clean,
            kind => kind,
        };
        let valid_secs = |secs: Option<f64>| secs.filter(|secs| secs.is_finite() && *secs >= 0.0);
        self.session.end = end;
        self.session.end_wall = wall;
        self.session.ending = Some(Box::new(SessionEnding {
            kind,
            how: drop.how,
            layer: drop.layer,
            reason_code,
            ws_close_code: drop.ws_close_code,
            last_rx: valid_secs(drop.last_rx_secs),
            last_tx: valid_secs(drop.last_tx_secs),
            packets,
            survived_packets,
            unanswered: self.unanswered,
            last_ping: self.last_ping,
            publishes: self.publishes.into_iter().filter(|(_, time)| recent(time)).collect(),
            bursts: self.bursts.into_iter().filter(|burst| recent(&burst.end)).collect(),
            reconnect_secs: None,
            failed_connects: 0,
        }));
        self.session
    }
}

/// The MQTT 5 reason code that a message contains as a number or in words, where the event has no field for it.
fn reason_from_message(message: &str) -> Option<u8> {
    const REASON_TEXTS: [(u8, &str, &str); 3] = [
        (SESSION_TAKEN_OVER, "0x8e", "session taken over"),
        (KEEP_ALIVE_TIMEOUT, "0x8d", "keep alive timeout"),
        (NOT_AUTHORIZED, "0x87", "not authorized"),
    ];
    let message = message.to_ascii_lowercase();
    let is_mentioned = |code: &str, words: &str| {
        message.contains(words) || (message.contains("disconnect") && message.contains(code))
    };
    REASON_TEXTS.iter().find(|(_, code, words)| is_mentioned(code, words)).map(|(reason, ..)| *reason)
}
