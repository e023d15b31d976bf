//! What each scenario must make the collector record. Times in field seconds.

use dropscope::diagnostics::event::{DropKind, Layer};

/// When the drops come.
pub(crate) enum Timing {
    /// At this age of the session.
    Age(f64),
    /// So long after the start of the run, and again after each period.
    Clock { first: f64, period: f64 },
    /// At this second of the day, UTC.
    Daily(f64),
    /// After silences of at least this, in both directions but for our own ping.
    Silence(f64),
    /// By chance.
    Chance,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Faster than for people, so that all is told in 20 s.
    pub(crate) speed: f64,
    /// Fewest drops.
    pub(crate) drops: usize,
    pub(crate) end: (Layer, DropKind),
    /// MQTT reason or WebSocket close code.
    pub(crate) code: Option<u16>,
    pub(crate) timing: Timing,
}

const fn case(
    name: &'static str,
    speed: f64,
    drops: usize,
    end: (Layer, DropKind),
    code: Option<u16>,
    timing: Timing,
) -> Case {
    Case { name, speed, drops, end, code, timing }
}

const PING_TIMEOUT: (Layer, DropKind) = (Layer::Mqtt, DropKind::PingTimeout);
const FIN: (Layer, DropKind) = (Layer::Tcp, DropKind::Fin);
const RST: (Layer, DropKind) = (Layer::Tcp, DropKind::Rst);
const DISCONNECT: (Layer, DropKind) = (Layer::Mqtt, DropKind::Disconnect);
const WEBSOCKET: (Layer, DropKind) = (Layer::Websocket, DropKind::WsClose);

pub(crate) const CASES: [Case; 21] = [
    case("nat-silent", 120.0, 3, PING_TIMEOUT, None, Timing::Silence(350.0)),
    case("nat-rst", 120.0, 3, RST, None, Timing::Age(600.0)),
    case("websocket-24h", 21_600.0, 3, WEBSOCKET, Some(1000), Timing::Age(86_400.0)),
    case("nightly-router", 21_600.0, 3, RST, None, Timing::Daily(10_800.0)),
    case("random-loss", 180.0, 3, PING_TIMEOUT, None, Timing::Chance),
    case("wifi-bursts", 120.0, 3, PING_TIMEOUT, None, Timing::Chance),
    case("after-messages", 240.0, 3, FIN, None, Timing::Age(652.0)),
    case("rate-limit", 120.0, 3, DISCONNECT, Some(0x97), Timing::Clock { first: 600.0, period: 600.0 }),
    case("policy-denial", 120.0, 3, FIN, None, Timing::Clock { first: 600.0, period: 600.0 }),
    case("credential-expiry", 720.0, 3, FIN, None, Timing::Clock { first: 3_600.0, period: 3_900.0 }),
    case("takeover", 10.0, 3, DISCONNECT, Some(0x8E), Timing::Age(20.0)),
    case("takeover-timer", 180.0, 3, FIN, None, Timing::Clock { first: 900.0, period: 900.0 }),
    case("outage-refuse", 270.0, 3, FIN, None, Timing::Clock { first: 1_200.0, period: 1_380.0 }),
    case("outage-dns", 270.0, 3, RST, None, Timing::Clock { first: 1_200.0, period: 1_380.0 }),
    case("keep-alive-cut", 100.0, 3, DISCONNECT, Some(0x8D), Timing::Age(450.0)),
    case("slow-pings", 20.0, 3, PING_TIMEOUT, None, Timing::Age(70.0)),
    case("half-open", 150.0, 3, PING_TIMEOUT, None, Timing::Age(795.0)),
    case(
        "tls-alert",
        180.0,
        3,
        (Layer::Tls, DropKind::TlsAlert),
        None,
        Timing::Clock { first: 900.0, period: 900.0 },
    ),
    case("ws-close", 120.0, 3, WEBSOCKET, Some(1011), Timing::Chance),
    case("server-disconnect", 120.0, 3, DISCONNECT, Some(0x98), Timing::Chance),
    case("maintenance", 120.0, 1, DISCONNECT, Some(0x8B), Timing::Clock { first: 900.0, period: 900.0 }),
];
