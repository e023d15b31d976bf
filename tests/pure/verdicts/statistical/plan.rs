//! What is a made-up world like: its client, its faults and what else goes on?

use dropscope::diagnostics::event::{DropKind, SystemSource};

use super::draw::{Gap, Jitter};

/// How an end comes about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Death {
    /// The peer closes; noticed at once.
    Close(DropKind),
    /// The path forgets; the next packet is answered by a reset.
    Reset,
    /// The path swallows everything; a deadline has to notice.
    Lost,
    /// This computer loses its network and knows it.
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
    /// Memoryless in bad spells; `until` is the end of the newest, `from` its start; within them this share
    /// (`rough`) of the attempts to connect fails.
    Spells { quiet: f64, length: f64, apart: f64, rough: f64, mixed: bool, from: f64, until: f64 },
    /// A rival takes the session over after a log-normal time; it rests between its fights.
    Rival { median: f64, spread: f64, rest: f64, fight: f64, from: f64, until: f64 },
    /// The way is gone for a while.
    Outage { mean: f64, low: f64, high: f64, flaps: f64 },
    /// Credentials of the session run out, the end follows.
    Credentials { late: Jitter, share: f64 },
    /// A silence of any direction.
    Silence { limit: f64, jitter: Jitter },
    /// A number of messages.
    Messages { limit: f64, spread: f64, both: bool },
    /// So many messages sent within a second each after the other.
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
    /// At most so many at once (log-uniform from 1).
    pub(super) burst: u32,
    /// The answer comes after about this long.
    pub(super) answer: Option<f64>,
    pub(super) inbound: bool,
    /// Publishes this one just before, each time.
    pub(super) companion: Option<&'static str>,
}

/// Something that goes on beside the connection.
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
    /// Credentials are fetched anew; they live so long.
    Refresh {
        life: f64,
    },
    /// The client hangs for `low..high` keep-alives; `reads` if it still hears the broker.
    Stall {
        low: f64,
        high: f64,
        reads: bool,
    },
}

/// Everything about one made-up world.
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
    /// A packet unanswered for so long ends the session.
    pub(super) resend: f64,
    /// Reconnect delay: shortest, and mean of what comes on top.
    pub(super) back: (f64, f64),
    pub(super) mqtt5: bool,
    pub(super) has_reason_codes: bool,
    /// After a stall the client looks at the clock before it looks at what has arrived.
    pub(super) reconnects_at_once: bool,
    /// A path that was lost stays so for between these many seconds (else the next attempt finds a way).
    pub(super) lasting: Option<(f64, f64)>,
    /// Messages are counted in windows of so many seconds.
    pub(super) window: Option<f64>,
    /// Newly fetched credentials at each connect live so long.
    pub(super) fetch: Option<f64>,
    pub(super) message_flows: Vec<MessageFlow>,
    pub(super) faults: Vec<Fault>,
    pub(super) streams: Vec<SideEvents>,
}
