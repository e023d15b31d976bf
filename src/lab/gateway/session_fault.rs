//! The effect of one fault on one session, packet by packet and as time passes.
//!
//! Pure: times come in, decisions come out. Faults on all connections at once are in `fault_schedule`.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::fault_action::FaultAction;
use super::field_time::{FieldTimeScale, deviation, fault_rng};
use super::packet::{self, ConnectFields, PacketHeader, PacketKind};
use super::path_fault::{
    DeliveryFailureManner, Direction, DropManner, IdleManner, PathFault, PathFaultId, TakeoverTime,
};
use crate::diagnostics::MqttVersion;
use crate::diagnostics::topics::filter_matches;

/// TCP's shortest retransmission timeout.
const SHORTEST_RETRANSMISSION_SECS: f64 = 0.2;
/// Most losses of one packet in a row.
const MAX_CONSECUTIVE_LOSSES: u32 = 6;

/// The direction of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketDirection {
    ToServer = 0,
    ToClient = 1,
}

impl Direction {
    fn includes(self, direction: PacketDirection) -> bool {
        match self {
            Self::ToServer => direction == PacketDirection::ToServer,
            Self::ToClient => direction == PacketDirection::ToClient,
            Self::Both => true,
        }
    }
}

/// The session in which a fault starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionStart<'a> {
    pub(super) scale: FieldTimeScale,
    pub(super) seed: u64,
    pub(super) fault_id: PathFaultId,
    pub(super) connection: u64,
    pub(super) now: Instant,
    /// The session's CONNECT.
    pub(super) connect: &'a ConnectFields,
    /// Whether the client id had an earlier session.
    pub(super) is_returning: bool,
}

/// The effect on a packet. The effects of several faults add up.
#[derive(Debug, Default, PartialEq)]
pub(super) struct PacketEffect {
    /// It is dropped.
    pub(super) swallow: bool,
    /// It is in transit for this long.
    pub(super) delay: Duration,
    /// How often it was lost and sent again.
    pub(super) losses: u32,
    /// The server takes this long to answer (PINGRESP only).
    pub(super) reply_delay: Option<Duration>,
    /// The action after it.
    pub(super) action: Option<FaultAction>,
    /// The change that the fault made to the packet.
    pub(super) modification: Option<&'static str>,
}

/// A packet for the faults. Its needed bytes are present.
pub(super) struct RelayedPacket<'a> {
    pub(super) direction: PacketDirection,
    pub(super) header: PacketHeader,
    pub(super) bytes: &'a mut [u8],
}

/// The state of one fault in one session.
pub(super) enum SessionFault {
    /// One action at a time.
    Once {
        due: Option<Instant>,
        action: FaultAction,
    },
    Idle {
        due: Option<Instant>,
        limit: Duration,
        manner: IdleManner,
    },
    Messages {
        remaining: u64,
        direction: Direction,
        manner: DropManner,
    },
    Rate {
        allowed: usize,
        window: Duration,
        recent: VecDeque<Instant>,
        direction: Direction,
        manner: DropManner,
    },
    Denial {
        filter: String,
        delay: Duration,
        due: Option<Instant>,
        manner: DropManner,
    },
    KeepAlive {
        limit: Duration,
        due: Option<Instant>,
        loses_pings: bool,
    },
    LatePings {
        delay: Duration,
    },
    Latency {
        scale: FieldTimeScale,
        secs: f64,
        jitter_secs: f64,
        loss: f64,
        random: Box<StdRng>,
    },
    DeliveryFailure {
        manner: DeliveryFailureManner,
        version: MqttVersion,
        is_subscribed: bool,
        is_logged: bool,
    },
}

impl SessionFault {
    /// The state of a fault in a new session; `None` if it does not act on this session.
    pub(super) fn for_session(fault: &PathFault, start: &SessionStart<'_>) -> Option<Self> {
        let SessionStart { scale, now, connect, .. } = *start;
        let once = |secs, action| Some(Self::Once { due: Some(now + scale.to_real(secs)), action });
        match *fault {
            PathFault::SessionLifetime { secs, jitter_secs, manner } => {
                let mut random = fault_rng(start.seed, start.fault_id, start.connection);
                once(secs + deviation(&mut random, jitter_secs), FaultAction::DropConnection(manner))
            }
            PathFault::HalfOpen { after_secs } => once(after_secs, FaultAction::HalfOpen),
            PathFault::Takeover { when: TakeoverTime::AfterConnectSecs(secs) } => {
                once(secs, FaultAction::TakeOver)
            }
            PathFault::IdleTimeout { secs, manner } => {
                let limit = scale.to_real(secs);
                Some(Self::Idle { due: Some(now + limit), limit, manner })
            }
            PathFault::AfterMessages { count, direction, manner } => {
                Some(Self::Messages { remaining: count.max(1), direction, manner })
            }
            PathFault::AfterRate { messages, window_secs, direction, manner } => Some(Self::Rate {
                allowed: messages as usize,
                window: scale.to_real(window_secs),
                recent: VecDeque::new(),
                direction,
                manner,
            }),
            PathFault::AfterPublish { ref topic_filter, delay_ms, manner } => Some(Self::Denial {
                filter: topic_filter.clone(),
                delay: scale.to_real(delay_ms / 1000.0),
                due: None,
                manner,
            }),
            PathFault::KeepAliveCut { loses_pings } => {
                let limit = Duration::from_millis(u64::from(connect.keep_alive_secs) * 1500);
                let due = Some(now + limit);
                (!limit.is_zero()).then_some(Self::KeepAlive { limit, due, loses_pings })
            }
            PathFault::LatePings { delay_secs } => Some(Self::LatePings { delay: scale.to_real(delay_secs) }),
            PathFault::DeliveryFailure { manner } => {
                let delivery_failure = Self::DeliveryFailure {
                    manner,
                    version: connect.version,
                    is_subscribed: false,
                    is_logged: false,
                };
                start.is_returning.then_some(delivery_failure)
            }
            _ => None,
        }
    }

    /// The state of a fault on the path, from a connection's first packet on.
    pub(super) fn for_path(fault: &PathFault, scale: FieldTimeScale, random: StdRng) -> Option<Self> {
        let PathFault::Latency { ms, jitter_ms, loss } = *fault else { return None };
        let (secs, jitter_secs, random) = (ms / 1000.0, jitter_ms / 1000.0, Box::new(random));
        Some(Self::Latency { scale, secs, jitter_secs, loss, random })
    }

    /// When the next action without a packet is due.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Once { due, .. }
            | Self::Idle { due, .. }
            | Self::Denial { due, .. }
            | Self::KeepAlive { due, .. } => *due,
            _ => None,
        }
    }

    /// The action due by now; each is returned once.
    pub(super) fn take_due_action(&mut self, now: Instant) -> Option<FaultAction> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        match self {
            Self::Once { due, action } => due.take().map(|_| *action),
            Self::Idle { due, manner, .. } => due.take().map(|_| FaultAction::ExpireNat(*manner)),
            Self::Denial { due, manner, .. } => due.take().map(|_| FaultAction::DropConnection(*manner)),
            Self::KeepAlive { due, .. } => {
                due.take().map(|_| FaultAction::DropConnection(DropManner::Disconnect(0x8D)))
            }
            _ => None,
        }
    }

    /// The effect on a packet.
    pub(super) fn apply_to_packet(&mut self, packet: &mut RelayedPacket<'_>, now: Instant) -> PacketEffect {
        let (packet_direction, kind) = (packet.direction, packet.header.kind);
        let is_message = kind == PacketKind::Publish;
        match self {
            Self::Once { .. } => PacketEffect::default(),
            Self::Idle { due, limit, .. } => {
                *due = due.map(|_| now + *limit);
                PacketEffect::default()
            }
            Self::Messages { remaining, direction, manner } => {
                if !is_message || !direction.includes(packet_direction) || *remaining == 0 {
                    return PacketEffect::default();
                }
                *remaining -= 1;
                PacketEffect {
                    action: (*remaining == 0).then_some(FaultAction::DropConnection(*manner)),
                    ..PacketEffect::default()
                }
            }
            Self::Rate { allowed, window, recent, direction, manner } => {
                if !is_message || !direction.includes(packet_direction) {
                    return PacketEffect::default();
                }
                let is_over = exceeds(recent, *allowed, *window, now);
                PacketEffect {
                    action: is_over.then_some(FaultAction::DropConnection(*manner)),
                    ..PacketEffect::default()
                }
            }
            Self::Denial { filter, delay, due, .. } => {
                let topic = packet::topic(packet.bytes, &packet.header);
                let is_denied = is_message
                    && packet_direction == PacketDirection::ToServer
                    && topic.is_some_and(|topic| filter_matches(filter, topic));
                if is_denied && due.is_none() {
                    *due = Some(now + *delay);
                }
                PacketEffect { swallow: is_denied, ..PacketEffect::default() }
            }
            Self::KeepAlive { limit, due, loses_pings } => {
                let is_lost = *loses_pings && kind == PacketKind::PingReq;
                if packet_direction == PacketDirection::ToServer && !is_lost {
                    *due = due.map(|_| now + *limit);
                }
                PacketEffect { swallow: is_lost, ..PacketEffect::default() }
            }
            Self::LatePings { delay } => PacketEffect {
                reply_delay: (kind == PacketKind::PingResp).then_some(*delay),
                ..PacketEffect::default()
            },
            Self::Latency { scale, secs, jitter_secs, loss, random } => {
                let (delay_secs, losses) = draw_path_delay(random, *secs, *jitter_secs, *loss);
                PacketEffect { delay: scale.to_real(delay_secs), losses, ..PacketEffect::default() }
            }
            Self::DeliveryFailure { manner, version, is_subscribed, is_logged } => {
                let effect = block_deliveries(*manner, *version, is_subscribed, packet);
                let is_first = effect.modification.is_some() && !std::mem::replace(is_logged, true);
                PacketEffect { modification: effect.modification.filter(|_| is_first), ..effect }
            }
        }
    }
}

/// Counts a message; `true` if it exceeds the number allowed in the window.
fn exceeds(recent: &mut VecDeque<Instant>, allowed: usize, window: Duration, now: Instant) -> bool {
    while recent.front().is_some_and(|first| *first + window <= now) {
        recent.pop_front();
    }
    recent.push_back(now);
    recent.len() > allowed
}

/// The transit time of a packet in seconds, and how often it was lost.
fn draw_path_delay(random: &mut StdRng, secs: f64, jitter_secs: f64, loss: f64) -> (f64, u32) {
    let delay_secs = (secs + deviation(random, jitter_secs)).max(0.0);
    let mut losses = 0;
    while losses < MAX_CONSECUTIVE_LOSSES && random.random::<f64>() < loss {
        losses += 1;
    }
    let retransmission_secs = SHORTEST_RETRANSMISSION_SECS.max(2.0 * secs);
    (delay_secs + retransmission_secs * f64::from(2_u32.pow(losses) - 1), losses)
}

/// Keeps messages from a client.
fn block_deliveries(
    manner: DeliveryFailureManner,
    version: MqttVersion,
    is_subscribed: &mut bool,
    packet: &mut RelayedPacket<'_>,
) -> PacketEffect {
    let kind = packet.header.kind;
    let is_delivery = packet.direction == PacketDirection::ToClient && kind == PacketKind::Publish;
    match manner {
        DeliveryFailureManner::DeliveriesSwallowed => {
            let modification = is_delivery.then_some("deliveries swallowed");
            PacketEffect { swallow: is_delivery, modification, ..PacketEffect::default() }
        }
        DeliveryFailureManner::SubackFailure => {
            let codes = match kind {
                PacketKind::SubAck => packet::suback_codes(packet.bytes, &packet.header, version),
                _ => None,
            };
            let modification = codes.map(|codes| codes.fill(0x80)).map(|()| "SUBACK 0x80");
            PacketEffect { swallow: is_delivery, modification, ..PacketEffect::default() }
        }
        DeliveryFailureManner::SessionLost => {
            *is_subscribed |= packet.direction == PacketDirection::ToServer && kind == PacketKind::Subscribe;
            let flags = packet.bytes.get_mut(packet.header.body).filter(|_| kind == PacketKind::ConnAck);
            let modification = flags.map(|flags| *flags = 0).map(|()| "session lost: session present 0");
            PacketEffect { swallow: is_delivery && !*is_subscribed, modification, ..PacketEffect::default() }
        }
    }
}
