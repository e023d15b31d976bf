//! The drops that each scenario must make the program record. Times in field seconds.

use dropscope::diagnostics::event::{DropKind, Layer};

/// The times at which the drops occur. Each is compared with the least disturbed drop of a run, because a busy
/// machine only adds delay.
pub(crate) enum Timing {
    /// At this age of the session.
    Age(f64),
    /// This long after the previous drop.
    Period(f64),
    /// After silences of at least this, in both directions except for our own ping.
    Silence(f64),
    /// At random.
    Random,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Faster than the scenario's own speed, so that the drops occur within 30 s.
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

pub(crate) const PING_TIMEOUT: (Layer, DropKind) = (Layer::Mqtt, DropKind::PingTimeout);
const FIN: (Layer, DropKind) = (Layer::Tcp, DropKind::Fin);
const RST: (Layer, DropKind) = (Layer::Tcp, DropKind::Rst);
const DISCONNECT: (Layer, DropKind) = (Layer::Mqtt, DropKind::Disconnect);
const WEBSOCKET: (Layer, DropKind) = (Layer::Websocket, DropKind::WsClose);

pub(crate) const CASES: [Case; 21] = [
    case("nat-silent", 120.0, 3, PING_TIMEOUT, None, Timing::Silence(350.0)),
    case("nat-rst", 120.0, 3, RST, None, Timing::Age(600.0)),
    case("websocket-24h", 21_600.0, 3, WEBSOCKET, Some(1000), Timing::Age(86_400.0)),
    case("nightly-router", 21_600.0, 3, RST, None, Timing::Period(86_400.0)),
    case("random-loss", 180.0, 3, PING_TIMEOUT, None, Timing::Random),
    case("wifi-bursts", 120.0, 3, PING_TIMEOUT, None, Timing::Random),
    case("after-messages", 240.0, 3, FIN, None, Timing::Age(652.0)),
    case("rate-limit", 120.0, 3, DISCONNECT, Some(0x97), Timing::Period(600.0)),
    case("policy-denial", 120.0, 3, FIN, None, Timing::Period(600.0)),
    case("credential-expiry", 720.0, 3, FIN, None, Timing::Period(3_900.0)),
    case("takeover", 10.0, 3, DISCONNECT, Some(0x8E), Timing::Age(20.0)),
    case("takeover-timer", 180.0, 3, FIN, None, Timing::Period(900.0)),
    case("outage-refuse", 270.0, 3, FIN, None, Timing::Period(1_380.0)),
    case("outage-dns", 270.0, 3, RST, None, Timing::Period(1_380.0)),
    case("keep-alive-cut", 100.0, 3, DISCONNECT, Some(0x8D), Timing::Age(450.0)),
    case("slow-pings", 20.0, 3, PING_TIMEOUT, None, Timing::Age(70.0)),
    case("half-open", 150.0, 3, PING_TIMEOUT, None, Timing::Age(795.0)),
    case("tls-alert", 180.0, 3, (Layer::Tls, DropKind::TlsAlert), None, Timing::Period(900.0)),
    case("ws-close", 120.0, 3, WEBSOCKET, Some(1011), Timing::Random),
    case("server-disconnect", 120.0, 3, DISCONNECT, Some(0x98), Timing::Random),
    case("maintenance", 120.0, 1, DISCONNECT, Some(0x8B), Timing::Random),
];
