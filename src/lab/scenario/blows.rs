//! Which single faults can be made to strike at once, by key or by a command?

use crate::lab::{Ailment, IdleManner, Manner, OutageManner, TakeoverTime};

/// Something that strikes now. Times in field seconds.
#[derive(Debug, Clone, Copy)]
pub struct BlowNow {
    /// What it is called in a command.
    pub name: &'static str,
    /// What it does, as an entry of a menu.
    pub what: &'static str,
    /// How long it acts; 0 = it strikes once.
    pub lasting_secs: f64,
    /// What does it.
    pub ailment: fn() -> Ailment,
}

const fn end(secs: f64, manner: Manner) -> Ailment {
    Ailment::SessionLifetime { secs, jitter_secs: 0.0, manner }
}

/// All of them, the plainest first.
pub const BLOWS: &[BlowNow] = &[
    BlowNow {
        name: "fin",
        what: "the server closes politely (FIN)",
        lasting_secs: 0.0,
        ailment: || end(0.0, Manner::Fin),
    },
    BlowNow {
        name: "reset",
        what: "the connection is reset (RST)",
        lasting_secs: 0.0,
        ailment: || end(0.0, Manner::Reset),
    },
    BlowNow {
        name: "black-hole",
        what: "everything vanishes without a word",
        lasting_secs: 0.0,
        ailment: || end(0.0, Manner::SilentBlackHole),
    },
    BlowNow {
        name: "nat",
        what: "a NAT forgets: RST on the client's next packet",
        lasting_secs: 0.0,
        ailment: || Ailment::IdleTimeout { secs: 0.0, manner: IdleManner::ResetOnNextPacket },
    },
    BlowNow {
        name: "disconnect",
        what: "the server says DISCONNECT, shutting down (MQTT 5)",
        lasting_secs: 0.0,
        ailment: || end(0.0, Manner::Disconnect(0x8B)),
    },
    BlowNow {
        name: "ws-close",
        what: "the WebSocket is closed, going away (1001)",
        lasting_secs: 0.0,
        ailment: || end(0.0, Manner::WsClose(1001)),
    },
    BlowNow {
        name: "tls-alert",
        what: "the server sends a fatal TLS alert",
        lasting_secs: 0.0,
        ailment: || Ailment::TlsAlert { every_secs: 0.001 },
    },
    BlowNow {
        name: "takeover",
        what: "another client takes the client id",
        lasting_secs: 0.0,
        ailment: || Ailment::Takeover { when: TakeoverTime::AfterConnectSecs(0.0) },
    },
    BlowNow {
        name: "half-open",
        what: "the server is gone without a FIN",
        lasting_secs: 0.0,
        ailment: || Ailment::HalfOpen { after_secs: 0.0 },
    },
    BlowNow {
        name: "outage",
        what: "the server is down for 2 min: connects are refused",
        lasting_secs: 120.0,
        ailment: || outage(OutageManner::Refuse),
    },
    BlowNow {
        name: "dns",
        what: "the server's name does not resolve for 2 min",
        lasting_secs: 120.0,
        ailment: || outage(OutageManner::Dns),
    },
    BlowNow {
        name: "late-pings",
        what: "pings are answered a minute late for 10 min",
        lasting_secs: 600.0,
        ailment: || Ailment::LatePings { delay_secs: 60.0 },
    },
];

/// One that lasts until it is disarmed.
const fn outage(manner: OutageManner) -> Ailment {
    Ailment::Outage { every_secs: 0.0, lasting_secs: 1e9, manner }
}
