//! What does one ailment do to one session, packet by packet and as time passes?
//!
//! Pure: times come in, decisions come out. What strikes all connections at once is in `course`.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::ailment::{Ailment, AilmentId, Deafness, Direction, IdleManner, Manner, TakeoverTime};
use super::blow::Blow;
use super::field_time::{Scale, deviation, random};
use super::packet::{self, Asked, Kind, Label};
use crate::diagnostics::topics::filter_matches;
use crate::lab::Version;

/// TCP's shortest wait before it sends a lost segment again.
const SHORTEST_RETRANSMISSION_SECS: f64 = 0.2;
/// Losses of one packet in a row, at most.
const LOSSES_IN_A_ROW: u32 = 6;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    ToServer = 0,
    ToClient = 1,
}

impl Direction {
    fn includes(self, way: Way) -> bool {
        match self {
            Self::ToServer => way == Way::ToServer,
            Self::ToClient => way == Way::ToClient,
            Self::Both => true,
        }
    }
}

/// Where a symptom shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Onset<'a> {
    pub(super) scale: Scale,
    pub(super) seed: u64,
    pub(super) ailment: AilmentId,
    pub(super) connection: u64,
    pub(super) now: Instant,
    /// The session's CONNECT.
    pub(super) asked: &'a Asked,
    /// Whether the client id had a session before, and this one is new.
    pub(super) is_return: bool,
}

/// What becomes of a packet. Effects of several ailments add up.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Effect {
    /// It vanishes.
    pub(super) swallow: bool,
    /// It is under way for so long.
    pub(super) delay: Duration,
    /// Times it was lost and sent again.
    pub(super) losses: u32,
    /// The server takes so long to answer (PINGRESP only).
    pub(super) late: Option<Duration>,
    /// What happens after it.
    pub(super) blow: Option<Blow>,
    /// The ailment changed the packet.
    pub(super) changed: Option<&'static str>,
}

/// A packet as symptoms see it. Its needed part is there.
pub(super) struct Packet<'a> {
    pub(super) way: Way,
    pub(super) label: Label,
    pub(super) bytes: &'a mut [u8],
}

/// The state of one ailment in one session.
pub(super) enum Symptom {
    /// Something happens once, at a time.
    Once {
        due: Option<Instant>,
        blow: Blow,
    },
    Idle {
        due: Option<Instant>,
        limit: Duration,
        manner: IdleManner,
    },
    Messages {
        left: u64,
        direction: Direction,
        manner: Manner,
    },
    Rate {
        allowed: usize,
        window: Duration,
        passed: VecDeque<Instant>,
        direction: Direction,
        manner: Manner,
    },
    Denial {
        filter: String,
        delay: Duration,
        due: Option<Instant>,
        manner: Manner,
    },
    KeepAlive {
        limit: Duration,
        due: Option<Instant>,
        loses_pings: bool,
    },
    LatePings {
        delay: Duration,
    },
    Path {
        scale: Scale,
        secs: f64,
        jitter_secs: f64,
        loss: f64,
        random: Box<StdRng>,
    },
    Deaf {
        manner: Deafness,
        version: Version,
        hears: bool,
        is_noticed: bool,
    },
}

impl Symptom {
    /// What an ailment does to a session; `None` if it does nothing to this one.
    pub(super) fn of(ailment: &Ailment, onset: &Onset<'_>) -> Option<Self> {
        let Onset { scale, now, asked, .. } = *onset;
        let once = |secs, blow| Some(Self::Once { due: Some(now + scale.real(secs)), blow });
        match *ailment {
            Ailment::SessionLifetime { secs, jitter_secs, manner } => {
                let mut random = random(onset.seed, onset.ailment, onset.connection);
                once(secs + deviation(&mut random, jitter_secs), Blow::End(manner))
            }
            Ailment::HalfOpen { after_secs } => once(after_secs, Blow::HalfOpen),
            Ailment::Takeover { when: TakeoverTime::AfterConnectSecs(secs) } => once(secs, Blow::Intrude),
            Ailment::IdleTimeout { secs, manner } => {
                let limit = scale.real(secs);
                Some(Self::Idle { due: Some(now + limit), limit, manner })
            }
            Ailment::AfterMessages { count, direction, manner } => {
                Some(Self::Messages { left: count.max(1), direction, manner })
            }
            Ailment::AfterRate { messages, window_secs, direction, manner } => Some(Self::Rate {
                allowed: messages as usize,
                window: scale.real(window_secs),
                passed: VecDeque::new(),
                direction,
                manner,
            }),
            Ailment::AfterPublish { ref topic_filter, delay_ms, manner } => Some(Self::Denial {
                filter: topic_filter.clone(),
                delay: scale.real(delay_ms / 1000.0),
                due: None,
                manner,
            }),
            Ailment::KeepAliveCut { loses_pings } => {
                let limit = Duration::from_millis(u64::from(asked.keep_alive_secs) * 1500);
                let due = Some(now + limit);
                (!limit.is_zero()).then_some(Self::KeepAlive { limit, due, loses_pings })
            }
            Ailment::LatePings { delay_secs } => Some(Self::LatePings { delay: scale.real(delay_secs) }),
            Ailment::Deaf { manner } => {
                let deaf = Self::Deaf { manner, version: asked.version, hears: false, is_noticed: false };
                onset.is_return.then_some(deaf)
            }
            _ => None,
        }
    }

    /// What an ailment does to the path, from a connection's first packet on.
    pub(super) fn of_path(ailment: &Ailment, scale: Scale, random: StdRng) -> Option<Self> {
        let Ailment::Latency { ms, jitter_ms, loss } = *ailment else { return None };
        let (secs, jitter_secs, random) = (ms / 1000.0, jitter_ms / 1000.0, Box::new(random));
        Some(Self::Path { scale, secs, jitter_secs, loss, random })
    }

    /// When something happens without a packet.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Once { due, .. }
            | Self::Idle { due, .. }
            | Self::Denial { due, .. }
            | Self::KeepAlive { due, .. } => *due,
            _ => None,
        }
    }

    /// What happens at this time, once.
    pub(super) fn strike(&mut self, now: Instant) -> Option<Blow> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        match self {
            Self::Once { due, blow } => due.take().map(|_| *blow),
            Self::Idle { due, manner, .. } => due.take().map(|_| Blow::Forgotten(*manner)),
            Self::Denial { due, manner, .. } => due.take().map(|_| Blow::End(*manner)),
            Self::KeepAlive { due, .. } => due.take().map(|_| Blow::End(Manner::Disconnect(0x8D))),
            _ => None,
        }
    }

    /// What becomes of a packet.
    pub(super) fn meet(&mut self, packet: &mut Packet<'_>, now: Instant) -> Effect {
        let (way, kind) = (packet.way, packet.label.kind);
        let is_message = kind == Kind::Publish;
        match self {
            Self::Once { .. } => Effect::default(),
            Self::Idle { due, limit, .. } => {
                *due = due.map(|_| now + *limit);
                Effect::default()
            }
            Self::Messages { left, direction, manner } => {
                if !is_message || !direction.includes(way) || *left == 0 {
                    return Effect::default();
                }
                *left -= 1;
                Effect { blow: (*left == 0).then_some(Blow::End(*manner)), ..Effect::default() }
            }
            Self::Rate { allowed, window, passed, direction, manner } => {
                if !is_message || !direction.includes(way) {
                    return Effect::default();
                }
                let is_over = exceeds(passed, *allowed, *window, now);
                Effect { blow: is_over.then_some(Blow::End(*manner)), ..Effect::default() }
            }
            Self::Denial { filter, delay, due, .. } => {
                let topic = packet::topic(packet.bytes, &packet.label);
                let is_denied = is_message
                    && way == Way::ToServer
                    && topic.is_some_and(|topic| filter_matches(filter, topic));
                if is_denied && due.is_none() {
                    *due = Some(now + *delay);
                }
                Effect { swallow: is_denied, ..Effect::default() }
            }
            Self::KeepAlive { limit, due, loses_pings } => {
                let is_lost = *loses_pings && kind == Kind::PingReq;
                if way == Way::ToServer && !is_lost {
                    *due = due.map(|_| now + *limit);
                }
                Effect { swallow: is_lost, ..Effect::default() }
            }
            Self::LatePings { delay } => {
                Effect { late: (kind == Kind::PingResp).then_some(*delay), ..Effect::default() }
            }
            Self::Path { scale, secs, jitter_secs, loss, random } => {
                let (late, losses) = travel(random, *secs, *jitter_secs, *loss);
                Effect { delay: scale.real(late), losses, ..Effect::default() }
            }
            Self::Deaf { manner, version, hears, is_noticed } => {
                let effect = deafen(*manner, *version, hears, packet);
                let is_first = effect.changed.is_some() && !std::mem::replace(is_noticed, true);
                Effect { changed: effect.changed.filter(|_| is_first), ..effect }
            }
        }
    }
}

/// Counts a message, and says whether it is one too many for its window.
fn exceeds(passed: &mut VecDeque<Instant>, allowed: usize, window: Duration, now: Instant) -> bool {
    while passed.front().is_some_and(|first| *first + window <= now) {
        passed.pop_front();
    }
    passed.push_back(now);
    passed.len() > allowed
}

/// How many seconds a packet is under way, and how often it was lost.
fn travel(random: &mut StdRng, secs: f64, jitter_secs: f64, loss: f64) -> (f64, u32) {
    let late = (secs + deviation(random, jitter_secs)).max(0.0);
    let mut losses = 0;
    while losses < LOSSES_IN_A_ROW && random.random::<f64>() < loss {
        losses += 1;
    }
    let patience = SHORTEST_RETRANSMISSION_SECS.max(2.0 * secs);
    (late + patience * f64::from(2_u32.pow(losses) - 1), losses)
}

/// Lets a client hear nothing.
fn deafen(manner: Deafness, version: Version, hears: &mut bool, packet: &mut Packet<'_>) -> Effect {
    let kind = packet.label.kind;
    let delivered = packet.way == Way::ToClient && kind == Kind::Publish;
    match manner {
        Deafness::DeliveriesSwallowed => {
            let changed = delivered.then_some("deliveries swallowed");
            Effect { swallow: delivered, changed, ..Effect::default() }
        }
        Deafness::SubackFailure => {
            let codes = match kind {
                Kind::SubAck => packet::suback_codes(packet.bytes, &packet.label, version),
                _ => None,
            };
            let changed = codes.map(|codes| codes.fill(0x80)).map(|()| "SUBACK 0x80");
            Effect { swallow: delivered, changed, ..Effect::default() }
        }
        Deafness::SessionLost => {
            *hears |= packet.way == Way::ToServer && kind == Kind::Subscribe;
            let flags = packet.bytes.get_mut(packet.label.body).filter(|_| kind == Kind::ConnAck);
            let changed = flags.map(|flags| *flags = 0).map(|()| "session lost: session present 0");
            Effect { swallow: delivered && !*hears, changed, ..Effect::default() }
        }
    }
}
