//! What is kept of one session?

use crate::diagnostics::event::{DropKind, Layer};

/// Seconds on the boot axis of a recording, in field time.
pub(super) type Secs = f64;

/// A packet, or what stands for one, in the last minutes of a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PacketSeen {
    /// When it passed.
    pub(super) at: Secs,
    /// `true`: from us.
    pub(super) is_outgoing: bool,
    /// A PINGREQ or PINGRESP.
    pub(super) is_ping: bool,
    /// Sent with QoS 0, or with one that was not recorded: nobody has to answer it.
    pub(super) needs_no_reply: bool,
}

/// What is known of an ending that nobody here asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SessionEnding {
    pub(super) kind: EndKind,
    pub(super) how: Option<DropKind>,
    pub(super) layer: Option<Layer>,
    pub(super) reason_code: Option<u8>,
    pub(super) ws_close_code: Option<u16>,
    pub(super) last_rx: Option<f64>,
    pub(super) last_tx: Option<f64>,
    /// The newest activity, oldest first.
    pub(super) packets: Vec<PacketSeen>,
    /// How many of them the session survived for sure, because the peer was heard later.
    pub(super) survived_packets: usize,
    /// The first packet of ours after the newest one of the peer, and the activity before it.
    pub(super) unanswered: Option<(Secs, Secs)>,
    /// The newest ping of ours that was answered.
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

/// The manner of an ending, as far as it matters to when the session died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum EndKind {
    /// The peer closed.
    Clean,
    /// A reset, which answers a packet of ours.
    Reset,
    /// Nobody answered, and a deadline passed.
    Silent,
    /// This computer lost its link.
    Local,
}

impl EndKind {
    /// From the manner; without one from the name of the error.
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

/// A run of own messages close together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Burst {
    /// When the last of them went out.
    pub(super) end: Secs,
    /// How many.
    pub(super) size: u64,
    /// Length of the window they were counted in; 0 if each was seen.
    pub(super) window: f64,
}

/// One session, ended or alive.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub(super) start: Secs,
    /// Seconds of the wall clock (Unix time) at the start and the end.
    pub(super) start_wall: f64,
    pub(super) end: Secs,
    pub(super) end_wall: f64,
    /// Whether its beginning was seen.
    pub(super) is_start_known: bool,
    /// Keep-alive in force, in seconds; infinite if off.
    pub(super) keep_alive: f64,
    /// Expiry of the credentials it connected with.
    pub(super) credentials: Option<Secs>,
    pub(super) published: u64,
    pub(super) received: u64,
    /// When the newest single message passed: sent, and either way.
    pub(super) last_publish: Option<Secs>,
    pub(super) last_message: Option<Secs>,
    /// How it ended; `None`: alive, ended on purpose, or lost from view (censored).
    pub(super) ending: Option<Box<SessionEnding>>,
}

impl Session {
    /// A session that began now.
    pub(super) fn begin(at: Secs, wall: f64, keep_alive: f64) -> Self {
        Self {
            start: at,
            start_wall: wall,
            end: at,
            end_wall: wall,
            is_start_known: true,
            keep_alive,
            credentials: None,
            published: 0,
            received: 0,
            last_publish: None,
            last_message: None,
            ending: None,
        }
    }

    /// How long it lived to its detected end.
    pub(super) fn age(&self) -> f64 {
        (self.end - self.start).max(0.0)
    }
}
