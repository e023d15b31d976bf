//! The data of one session.

use super::stated_cause::StatedCause;
use crate::diagnostics::event::{DropKind, Layer};

/// The number of all client ids that were generated at random.
pub(super) const RANDOM_CLIENT_ID: u32 = 0;

/// Seconds on the boot axis of a recording, in field time.
pub(super) type Secs = f64;

/// A packet in the last minutes of a session; for counted traffic the ends of its window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PacketSeen {
    /// Time at which it was sent or received.
    pub(super) at: Secs,
    /// Whether this client sent it.
    pub(super) is_outgoing: bool,
    /// A PINGREQ or PINGRESP.
    pub(super) is_ping: bool,
    /// Sent with QoS 0 or with an unrecorded QoS: the peer need not answer it.
    pub(super) needs_no_reply: bool,
}

/// The data of an unrequested end of a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SessionEnding {
    pub(super) kind: EndKind,
    pub(super) how: Option<DropKind>,
    pub(super) layer: Option<Layer>,
    pub(super) reason_code: Option<u8>,
    /// The cause that the drop states by itself.
    pub(super) stated: Option<StatedCause>,
    /// Whether an error of this computer's own network ended it.
    pub(super) is_own_network: bool,
    pub(super) ws_close_code: Option<u16>,
    pub(super) last_rx: Option<f64>,
    pub(super) last_tx: Option<f64>,
    /// The newest activity, oldest first.
    pub(super) packets: Vec<PacketSeen>,
    /// The first outgoing packet after the newest incoming one, and the activity before it.
    pub(super) unanswered: Option<(Secs, Secs)>,
    /// The newest PINGREQ that was answered.
    pub(super) last_ping: Option<Secs>,
    /// Own publishes of the last seconds: topic and time.
    pub(super) publishes: Vec<(u32, Secs)>,
    /// Bursts of own messages that ended within seconds before.
    pub(super) bursts: Vec<Burst>,
    /// Time from the detection to the next session; `None` if there was none.
    pub(super) reconnect_secs: Option<f64>,
    /// Failed connects before the next session.
    pub(super) failed_connects: u32,
}

/// How a session ended, as far as it matters to its time of death.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum EndKind {
    /// The peer closed.
    Clean,
    /// A reset, which answers an outgoing packet.
    Reset,
    /// A deadline passed without an answer.
    Silent,
    /// This computer lost its link.
    Local,
}

impl EndKind {
    /// From the kind of the drop; without one from the name of the error.
    pub(super) fn of(how: Option<DropKind>, error: &str) -> Self {
        match how {
            Some(
                DropKind::Fin
                | DropKind::TlsClose
                | DropKind::TlsAlert
                | DropKind::WsClose
                | DropKind::Disconnect,
            ) => {
                return Self::Clean;
            }
            Some(DropKind::Rst) => return Self::Reset,
            Some(DropKind::Local) => return Self::Local,
            Some(DropKind::PingTimeout) => return Self::Silent,
            Some(DropKind::Io) | None => {}
        }
        let word: String =
            error.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let mentions = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
        if mentions(&["TIMEOUT", "TIMEDOUT", "PINGRESP"]) {
            Self::Silent
        } else if mentions(&["RESET", "BROKENPIPE"]) {
            Self::Reset
        } else if mentions(&["UNREACHABLE", "NOTCONNECTED", "NETWORKDOWN"]) {
            Self::Local
        } else if how.is_none() {
            Self::Clean
        } else {
            Self::Silent
        }
    }
}

/// The own network of a session: its local address without the port, of IPv6 the first 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnNetwork {
    /// Its number in the table of networks.
    pub(super) number: u32,
    pub(super) is_ipv6: bool,
}

impl OwnNetwork {
    /// Whether it is another network. IPv4 and IPv6 beside each other are two ways out of one network.
    pub(super) fn differs_from(self, other: Self) -> bool {
        self.is_ipv6 == other.is_ipv6 && self.number != other.number
    }
}

/// A run of own messages close together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    /// Time of the last of them.
    pub(super) end: Secs,
    /// How many.
    pub(super) size: u64,
    /// Length of the window they were counted in, in seconds; 0 if each was recorded.
    pub(super) window: f64,
}

/// One session, ended or live.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub(super) start: Secs,
    /// Seconds of the wall clock (Unix time) at the start and the end.
    pub(super) start_wall: f64,
    pub(super) end: Secs,
    pub(super) end_wall: f64,
    /// Whether its start was recorded.
    pub(super) is_start_known: bool,
    /// Keep-alive in force, in seconds; infinite if off.
    pub(super) keep_alive: f64,
    /// Expiry of the credentials it connected with.
    pub(super) credentials: Option<Secs>,
    /// The run of the recording it belongs to.
    pub(super) run: u32,
    /// A number for its client id; all ids that were generated at random have the same. `None` if it is not recorded.
    pub(super) client_id: Option<u32>,
    /// Own network; `None` if the local address is not recorded.
    pub(super) network: Option<OwnNetwork>,
    pub(super) published: u64,
    pub(super) received: u64,
    /// Time of the newest single message: published, and in either direction.
    pub(super) last_publish: Option<Secs>,
    pub(super) last_message: Option<Secs>,
    /// How it ended; `None` if it is live, ended on purpose, or censored.
    pub(super) ending: Option<Box<SessionEnding>>,
}

impl Session {
    /// A session that begins now.
    pub(super) fn begin(at: Secs, wall: f64, keep_alive: f64) -> Self {
        Self {
            start: at,
            start_wall: wall,
            end: at,
            end_wall: wall,
            is_start_known: true,
            keep_alive,
            credentials: None,
            run: 0,
            client_id: None,
            network: None,
            published: 0,
            received: 0,
            last_publish: None,
            last_message: None,
            ending: None,
        }
    }

    /// Whether keep-alive, client id and own network are those of another session, as far as they are recorded.
    pub(super) fn has_configuration_of(&self, other: &Self) -> bool {
        self.has_keep_alive_of(other)
            && !self.has_another_client_id(other)
            && !self.is_in_another_network(other)
    }

    /// Whether the client id differs from that of another session; `false` where it is not recorded.
    pub(super) fn has_another_client_id(&self, other: &Self) -> bool {
        self.client_id.zip(other.client_id).is_some_and(|(one, another)| one != another)
    }

    /// Whether the client id was generated at random, so that no other client can have it.
    pub(super) fn has_random_client_id(&self) -> bool {
        self.client_id == Some(RANDOM_CLIENT_ID)
    }

    /// Whether the keep-alive is that of another session, within 5 %: brokers may adjust it.
    pub(super) fn has_keep_alive_of(&self, other: &Self) -> bool {
        let (one, another) = (self.keep_alive, other.keep_alive);
        if one.is_finite() && another.is_finite() {
            (one - another).abs() <= 0.05 * one.min(another)
        } else {
            one.is_finite() == another.is_finite()
        }
    }

    /// Whether the own address of another session differs; `false` where it is not recorded.
    pub(super) fn is_in_another_network(&self, other: &Self) -> bool {
        self.network.zip(other.network).is_some_and(|(one, another)| one.differs_from(another))
    }

    /// Takes what the next session tells about the end of this one.
    pub(super) fn followed_by(&mut self, next: &Self) {
        let has_new_address = next.is_in_another_network(self);
        let end = self.end;
        if let Some(ending) = &mut self.ending {
            ending.reconnect_secs = Some((next.start - end).max(0.0));
            if has_new_address {
                ending.stated.get_or_insert(StatedCause::NEW_ADDRESS);
            }
        }
    }

    /// Seconds from its start to its detected end.
    pub(super) fn age(&self) -> f64 {
        (self.end - self.start).max(0.0)
    }
}
