//! What a simulated site consists of. All times are seconds; times of events count from the start of the recording.

use dropscope::diagnostics::event::SystemSource;
use dropscope::diagnostics::{MqttVersion, Transport};

pub(super) const HOUR: f64 = 3_600.0;
pub(super) const DAY: f64 = 86_400.0;

/// Everything that decides what a recording contains.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// Time of day at which the recording starts.
    pub(super) start_of_day: f64,
    /// Length of the recording.
    pub(super) duration: f64,
    /// The recording also ends after so many drops.
    pub(super) most_drops: usize,
    pub(super) client: Client,
    pub(super) broker: Broker,
    pub(super) streams: Vec<Stream>,
    pub(super) idle_limits: Vec<IdleLimit>,
    pub(super) mechanisms: Vec<Mechanism>,
    /// Times in which the client does not run, in order.
    pub(super) pauses: Vec<Pause>,
    /// Events at given times, in order.
    pub(super) timeline: Vec<(f64, Change)>,
    pub(super) style: Style,
}

/// Which fields and lines the recording program writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// dropscope, or a program that writes all optional fields.
    Full,
    /// Mandatory fields, no packets, no boot clock.
    Bare { whole_secs: bool, own_names: bool },
    /// As above, but with the boot clock and the manner of each drop.
    BareWithManner,
}

/// When a client sends PINGREQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PingRule {
    /// Once per keep-alive, whatever else is sent.
    Always,
    /// One keep-alive after the last packet sent.
    WhenIdle,
}

/// The MQTT client whose connection is recorded.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) id: String,
    /// dropscope itself: writes attempts and the last packets.
    pub(super) is_dropscope: bool,
    pub(super) keep_alive: f64,
    pub(super) pings: PingRule,
    /// Longest wait for a PINGRESP.
    pub(super) ping_timeout: f64,
    /// How long TCP repeats an unacknowledged segment.
    pub(super) tcp_timeout: f64,
    /// First and longest delay before a connect.
    pub(super) backoff: (f64, f64),
    /// Relative scatter of these delays.
    pub(super) backoff_scatter: f64,
    pub(super) subscribes: bool,
    pub(super) local: String,
}

/// The broker and the way to it.
#[derive(Debug, Clone)]
pub(super) struct Broker {
    pub(super) endpoint: String,
    pub(super) remote: String,
    pub(super) transport: Transport,
    pub(super) version: MqttVersion,
    /// Typical round trip.
    pub(super) round_trip: f64,
}

/// Who sends the messages of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Client,
    Server,
}

/// Messages of one topic.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) sender: Sender,
    pub(super) topic: &'static str,
    pub(super) bytes: u64,
    pub(super) qos: u8,
    pub(super) spacing: Spacing,
    /// Hours of the day in which it is active, as seconds after midnight; `None` is always.
    pub(super) hours: Option<(f64, f64)>,
}

/// Time between two messages of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spacing {
    /// Regular, with a relative scatter.
    Every(f64, f64),
    /// Independent of each other, with this mean.
    Poisson(f64),
    /// Groups of `count` messages `within` apart, with this mean time between groups.
    Groups { count: u32, within: f64, mean: f64 },
}

/// Which packets restart an idle timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    BothWays,
    FromServer,
}

/// Something on the path forgets or closes a connection that is silent for long enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct IdleLimit {
    pub(super) limit: f64,
    /// Its timer fires up to this late.
    pub(super) tick: f64,
    pub(super) counts: Counts,
    pub(super) death: Death,
    /// Hours of the day in which it holds, as seconds after midnight.
    pub(super) hours: Option<(f64, f64)>,
    /// Times between which it exists.
    pub(super) exists: (f64, f64),
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Death {
    /// The peer closes: noticed at once.
    Close,
    /// An RST arrives at once.
    Reset,
    /// Packets vanish: noticed when an answer is missing.
    Lost,
    /// State is gone: the next packet of the client is answered by an RST.
    ResetOnSend,
    /// The computer itself has no network any more: noticed at once.
    NoNetwork,
    /// The client refuses a packet that is too large for it.
    OwnLimit,
}

/// Why connects fail during a downtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Refused,
    Unanswered,
    NoRoute,
    Dns,
    CertificateExpired,
    UnknownIssuer,
    TlsAlert,
    Login,
    HttpStatus(u16),
}

/// Something that ends sessions.
#[derive(Debug, Clone)]
pub(super) struct Mechanism {
    /// The pattern it makes.
    pub(super) cause: &'static str,
    pub(super) trigger: Trigger,
    pub(super) death: Death,
    /// MQTT 5 reason code in the DISCONNECT, where the broker sends one.
    pub(super) code: Option<u8>,
    /// Connects fail for a time between the two afterwards.
    pub(super) downtime: Option<(f64, f64, Refusal)>,
    /// Times between which it exists.
    pub(super) exists: (f64, f64),
}

/// When a mechanism ends a session.
#[derive(Debug, Clone)]
pub(super) enum Trigger {
    /// A constant rate: mean time between drops.
    Random(f64),
    /// Age of the session: limit, and standard deviation of the delay.
    Age(f64, f64),
    /// Given times, in order.
    Times(Vec<f64>),
    /// After each connect, within these bounds (log-uniform): another client or a restarted broker.
    AfterConnect(f64, f64),
    /// The client's own SUBSCRIBE after the connect; it stops after so many drops.
    OnSubscribe { within: (f64, f64), until: Option<u32> },
    /// A message of this stream, the `nth` of a group; the client stops after so many drops.
    OnPublish { stream: usize, nth: u32, within: (f64, f64), until: Option<u32> },
    /// A received message of this stream.
    OnReceive { stream: usize },
    /// Expiry of the credentials of the session.
    Expiry { validity: f64, late: f64, token: TokenRule },
}

/// When a client gets new credentials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TokenRule {
    /// At each connect.
    EachConnect,
    /// When the old ones are expired; a connect reuses them before.
    WhenExpired,
    /// As above; with this chance per token it reconnects in time, at this share of the validity.
    Renewed { chance: f64, share: f64 },
}

/// The client does not run for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    pub(super) at: f64,
    pub(super) secs: f64,
    pub(super) kind: PauseKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PauseKind {
    /// The program's loop hangs: nothing records it.
    Stall,
    /// The computer sleeps.
    Sleep,
    /// The process is stopped (SIGSTOP, a debugger, a paused virtual machine).
    Stopped,
}

/// Something that happens at a given time.
#[derive(Debug, Clone)]
pub(super) enum Change {
    KeepAlive(f64),
    LocalAddress(String),
    RemoteAddress(String),
    System(SystemSource, String),
    /// The wall clock is stepped by so many seconds.
    ClockStep(f64),
    Note(&'static str),
}

impl Mechanism {
    /// A mechanism that exists throughout and leaves the broker reachable.
    pub(super) fn new(cause: &'static str, trigger: Trigger, death: Death) -> Self {
        Self { cause, trigger, death, code: None, downtime: None, exists: (0.0, f64::INFINITY) }
    }

    pub(super) fn with_code(self, code: Option<u8>) -> Self {
        Self { code, ..self }
    }

    pub(super) fn with_downtime(self, low: f64, high: f64, refusal: Refusal) -> Self {
        Self { downtime: Some((low, high, refusal)), ..self }
    }

    pub(super) fn between(self, from: f64, until: f64) -> Self {
        Self { exists: (from, until), ..self }
    }
}

/// Whether a time of day is within some hours, which may span midnight.
pub(super) fn is_within(hours: Option<(f64, f64)>, time_of_day: f64) -> bool {
    let Some((from, until)) = hours else { return true };
    let time = time_of_day.rem_euclid(DAY);
    if from <= until { (from..until).contains(&time) } else { time >= from || time < until }
}

/// The first time from `at` on, in seconds of the recording, that is within these hours.
pub(super) fn next_within(hours: Option<(f64, f64)>, at: f64, start_of_day: f64) -> f64 {
    match hours {
        Some((from, _)) if !is_within(hours, at + start_of_day) => {
            at + (from - (at + start_of_day)).rem_euclid(DAY)
        }
        _ => at,
    }
}
