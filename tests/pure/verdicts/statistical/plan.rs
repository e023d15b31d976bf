//! The description of a simulated world: its client, its faults and its background activity.

use dropscope::diagnostics::event::{DropKind, SystemSource};

use super::draw::{Gap, Jitter};

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Death {
    /// The peer closes; detected at once.
    Close(DropKind),
    /// The path drops its state; the next packet is answered by a reset.
    Reset,
    /// The path discards everything; a timeout detects it.
    Lost,
    /// This computer loses its network and reports it.
    Local,
}

/// Something that ends sessions.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    /// Its pattern.
    pub(super) cause: &'static str,
    pub(super) death: Death,
    pub(super) kind: FaultKind,
}

#[derive(Debug, Clone)]
pub(super) enum FaultKind {
    /// At one age, in this share of the sessions.
    Age { limit: f64, jitter: Jitter, share: f64 },
    /// By the clock; from `shift_at` on an hour later.
    Clock { period: f64, phase: f64, jitter: Jitter, share: f64, shift_at: f64 },
    /// Memoryless.
    Chance { mean: f64 },
    /// Memoryless within bursts; `until` is the end of the newest, `from` its start; within them this share
    /// (`rough`) of the attempts to connect fails.
    Spells { quiet: f64, length: f64, apart: f64, rough: f64, mixed: bool, from: f64, until: f64 },
    /// Another client takes the session over after a log-normal time; it pauses between series of takeovers.
    Rival { median: f64, spread: f64, rest: f64, fight: f64, from: f64, until: f64 },
    /// The path is down for a while.
    Outage { mean: f64, low: f64, high: f64, flaps: f64 },
    /// The credentials of the session expire, then it ends.
    Credentials { late: Jitter, share: f64 },
    /// A silence of any direction.
    Silence { limit: f64, jitter: Jitter },
    /// A number of messages.
    Messages { limit: f64, spread: f64, both: bool },
    /// This many messages, each sent within a second after the one before.
    Burst { size: u32, delay: f64, share: f64 },
    /// A publish on this topic.
    Topic { topic: &'static str, delay: f64, share: f64 },
}

/// Who pings when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pings {
    WhenIdle,
    Always,
}

/// A source of messages.
#[derive(Debug, Clone)]
pub(super) struct MessageFlow {
    pub(super) topic: &'static str,
    pub(super) gap: Gap,
    /// At most this many at once (log-uniform from 1).
    pub(super) burst: u32,
    /// The answer comes after about this long.
    pub(super) answer: Option<f64>,
    pub(super) inbound: bool,
    /// Publishes this one just before, each time.
    pub(super) companion: Option<&'static str>,
}

/// Activity beside the connection.
#[derive(Debug, Clone)]
pub(super) struct SideEvents {
    pub(super) gap: Gap,
    pub(super) what: SideEvent,
}

#[derive(Debug, Clone)]
pub(super) enum SideEvent {
    /// A line about this computer; `harm` is (share, delay, death).
    System {
        source: SystemSource,
        words: &'static str,
        harm: Option<(f64, Jitter, Death)>,
    },
    /// The computer sleeps.
    Sleep {
        low: f64,
        high: f64,
    },
    Probe,
    UserDisconnects,
    RecorderRestarts,
    ClockStep {
        is_recorded: bool,
    },
    NextKeepAlive,
    /// Credentials are renewed, with this lifetime.
    Refresh {
        life: f64,
    },
    /// The client hangs for `low..high` keep-alives; with `reads` it still receives.
    Stall {
        low: f64,
        high: f64,
        reads: bool,
    },
}

/// Everything about one simulated world.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) drops: u32,
    /// Usual time between two drops, in seconds.
    pub(super) scale: f64,
    pub(super) keep_alive: f64,
    /// Keep-alives tried in turn.
    pub(super) keep_alives: Vec<f64>,
    pub(super) pings: Pings,
    pub(super) deadline: f64,
    pub(super) rtt: f64,
    /// Timeout for an unanswered packet.
    pub(super) resend: f64,
    /// Reconnect delay: shortest, and mean of what comes on top.
    pub(super) back: (f64, f64),
    pub(super) mqtt5: bool,
    pub(super) has_reason_codes: bool,
    /// After a stall the client checks its timers before it reads.
    pub(super) reconnects_at_once: bool,
    /// Range of seconds for which a lost path stays down (otherwise the next attempt succeeds).
    pub(super) lasting: Option<(f64, f64)>,
    /// Messages are counted in windows of this many seconds.
    pub(super) window: Option<f64>,
    /// Lifetime of credentials that are fetched at each connect.
    pub(super) fetch: Option<f64>,
    pub(super) message_flows: Vec<MessageFlow>,
    pub(super) faults: Vec<Fault>,
    pub(super) streams: Vec<SideEvents>,
}
