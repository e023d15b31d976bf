//! The live session and its newest packets.

use std::collections::VecDeque;

use super::reason_code::{KEEP_ALIVE_TIMEOUT, NOT_AUTHORIZED, SESSION_TAKEN_OVER};
use super::session::{Burst, EndKind, PacketSeen, Secs, Session, SessionEnding};
use super::silences::{SilenceLog, SilenceTracker};
use super::stated_cause::is_own_network;
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
/// The live session with its newest activity.
#[derive(Debug, Clone)]
pub(super) struct LiveSession {
    pub(super) session: Session,
    packets: VecDeque<PacketSeen>,
    /// The newest packet that left `packets`, and the newest outgoing one.
    evicted_at: Secs,
    evicted_outgoing_at: Secs,
    silences: SilenceTracker,
    /// The first outgoing packet after the newest incoming one, and the activity before it.
    unanswered: Option<(Secs, Secs)>,
    last_ping: Option<Secs>,
    publishes: VecDeque<(u32, Secs)>,
    burst: Option<Burst>,
    bursts: VecDeque<Burst>,
    /// Whether a SUBSCRIBE of this session was answered.
    pub(super) is_subscribed: bool,
}

impl LiveSession {
    /// A session that begins now.
    pub(super) fn new(session: Session) -> Self {
        Self {
            evicted_at: session.start,
            evicted_outgoing_at: session.start,
            silences: SilenceTracker::new(session.start),
            session,
            packets: VecDeque::with_capacity(MAX_PACKETS + 1),
            unanswered: None,
            last_ping: None,
            publishes: VecDeque::new(),
            burst: None,
            bursts: VecDeque::new(),
            is_subscribed: false,
        }
    }

    /// Records a packet; silences that the session survived are counted in `survived`.
    pub(super) fn record_packet(&mut self, packet: PacketSeen, survived: &mut SilenceLog) {
        self.silences.packet(packet, self.session.keep_alive, survived);
        self.keep_packet(packet);
    }

    /// Records the end of a window of counted messages, which was no silence.
    pub(super) fn record_window_end(&mut self, packet: PacketSeen) {
        self.silences.activity(packet);
        self.keep_packet(packet);
    }

    fn keep_packet(&mut self, packet: PacketSeen) {
        let before = self.packets.back().map_or(self.evicted_at, |newest| newest.at);
        if !packet.is_outgoing {
            self.unanswered = None;
        } else if self.unanswered.is_none() {
            self.unanswered = Some((packet.at, before));
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
            self.evicted_at = self.evicted_at.max(oldest.at);
            if oldest.is_outgoing {
                self.evicted_outgoing_at = self.evicted_outgoing_at.max(oldest.at);
            }
        }
    }

    /// How long before its end a session sent a SUBSCRIBE that nobody answered, in seconds.
    pub(super) fn unanswered_subscribe(&self, at: Secs, drop: &DroppedEvent) -> Option<f64> {
        /// A session without packet notes that ends this soon, in seconds, has sent little more than its SUBSCRIBE.
        const FIRST_SECS: f64 = 5.0;
        if !drop.packets.is_empty() {
            let sent =
                drop.packets.iter().rposition(|packet| !packet.incoming && packet.packet == "SUBSCRIBE")?;
            let is_answered = drop.packets.iter().skip(sent).any(|packet| packet.packet == "SUBACK");
            return drop.packets.get(sent).filter(|_| !is_answered).map(|packet| packet.ago_secs);
        }
        let is_first_packet = !self.is_subscribed
            && drop.active_subscriptions > 0
            && self.publishes.is_empty()
            && at - self.session.start <= FIRST_SECS;
        drop.last_tx_secs.filter(|_| is_first_packet)
    }

    /// Seconds from the newest packet of this client to a moment.
    pub(super) fn since_outgoing(&self, at: Secs) -> f64 {
        self.silences.since_outgoing(at)
    }

    /// Records an own operation: a publish by its topic, or another by its name.
    pub(super) fn record_operation(&mut self, name: u32, at: Secs) {
        if self.publishes.len() == MAX_PUBLISHES {
            self.publishes.pop_front();
        }
        self.publishes.push_back((name, at));
    }

    /// Records an own message; `on_burst` gets the size of a burst that has ended.
    pub(super) fn record_publish(&mut self, topic: u32, at: Secs, gap: f64, on_burst: &mut dyn FnMut(u64)) {
        self.record_operation(topic, at);
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

    /// Whether a drop of unknown manner came when a client gives up waiting for a PINGRESP: a keep-alive and the client's own
    /// deadline after the newest packet of the peer.
    fn is_like_a_ping_timeout(&self, drop: &DroppedEvent, end: Secs) -> bool {
        /// The longest deadline of a client, in seconds and in keep-alives, whichever is less: at 1.5 keep-alives the broker
        /// closes.
        const LONGEST_DEADLINE: (f64, f64) = (60.0, 0.4);
        let keep_alive = self.session.keep_alive;
        let received = self.packets.iter().rev().find(|packet| !packet.is_outgoing);
        let silence = drop.last_rx_secs.or_else(|| received.map(|packet| end - packet.at));
        let deadline = LONGEST_DEADLINE.0.min(LONGEST_DEADLINE.1 * keep_alive);
        keep_alive.is_finite()
            && silence.is_some_and(|secs| (keep_alive + 1.0..keep_alive + deadline).contains(&secs))
    }

    /// The session censored at this time.
    pub(super) fn censored(&self, at: Secs, wall: f64) -> Session {
        let mut session = self.session.clone();
        session.end = at.max(session.start);
        session.end_wall = wall;
        session
    }

    /// The session, ended by a drop.
    pub(super) fn dropped(
        mut self,
        at: Secs,
        wall: f64,
        drop: &DroppedEvent,
        survived: &mut SilenceLog,
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
        packets.extend(self.packets.iter().copied());
        let error = drop.error_name.as_deref().or(drop.error_message.as_deref()).unwrap_or_default();
        let reason_code = drop.reason_code.or_else(|| reason_from_message(drop.error_message.as_deref()?));
        let kind = match EndKind::of(drop.how, error) {
            // A reason code of the broker rules out a silent end, whatever the name of the error.
            _ if drop.how.is_none() && reason_code.is_some() => EndKind::Clean,
            EndKind::Clean if drop.how.is_none() && self.is_like_a_ping_timeout(drop, end) => EndKind::Silent,
            kind => kind,
        };
        let is_noticed_at_once = matches!(kind, EndKind::Clean | EndKind::Reset | EndKind::Local);
        self.silences.end(end, is_noticed_at_once, survived);
        let valid_secs = |secs: Option<f64>| secs.filter(|secs| secs.is_finite() && *secs >= 0.0);
        self.session.end = end;
        self.session.end_wall = wall;
        self.session.ending = Some(Box::new(SessionEnding {
            kind,
            how: drop.how,
            layer: drop.layer,
            reason_code,
            stated: None,
            is_own_network: is_own_network(drop),
            ws_close_code: drop.ws_close_code,
            last_rx: valid_secs(drop.last_rx_secs),
            last_tx: valid_secs(drop.last_tx_secs),
            packets,
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
