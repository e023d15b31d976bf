//! The faults that a user can inject by key or by command.

use crate::lab::{DropManner, IdleManner, OutageManner, PathFault, TakeoverTime};

/// A fault that acts at once. Times in field seconds.
#[derive(Debug, Clone, Copy)]
pub struct ManualFault {
    /// The name in a command.
    pub name: &'static str,
    /// The entry of the menu.
    pub description: &'static str,
    /// How long it acts; 0 = once.
    pub lasting_secs: f64,
    /// The fault that is armed.
    pub path_fault: fn() -> PathFault,
}

const fn end_session_after(secs: f64, manner: DropManner) -> PathFault {
    PathFault::SessionLifetime { secs, jitter_secs: 0.0, manner }
}

/// All of them, the simplest first.
pub const MANUAL_FAULTS: &[ManualFault] = &[
    ManualFault {
        name: "fin",
        description: "the server closes the connection (FIN)",
        lasting_secs: 0.0,
        path_fault: || end_session_after(0.0, DropManner::Fin),
    },
    ManualFault {
        name: "reset",
        description: "the connection is reset (RST)",
        lasting_secs: 0.0,
        path_fault: || end_session_after(0.0, DropManner::Reset),
    },
    ManualFault {
        name: "black-hole",
        description: "all packets are lost silently",
        lasting_secs: 0.0,
        path_fault: || end_session_after(0.0, DropManner::SilentBlackHole),
    },
    ManualFault {
        name: "nat",
        description: "a NAT entry expires: RST on the client's next packet",
        lasting_secs: 0.0,
        path_fault: || PathFault::IdleTimeout { secs: 0.0, manner: IdleManner::ResetOnNextPacket },
    },
    ManualFault {
        name: "disconnect",
        description: "the server sends DISCONNECT, shutting down (MQTT 5)",
        lasting_secs: 0.0,
        path_fault: || end_session_after(0.0, DropManner::Disconnect(0x8B)),
    },
    ManualFault {
        name: "ws-close",
        description: "the WebSocket is closed, going away (1001)",
        lasting_secs: 0.0,
        path_fault: || end_session_after(0.0, DropManner::WsClose(1001)),
    },
    ManualFault {
        name: "tls-alert",
        description: "the server sends a fatal TLS alert",
        lasting_secs: 0.0,
        path_fault: || PathFault::TlsAlert { every_secs: 0.001 },
    },
    ManualFault {
        name: "takeover",
        description: "another client takes the client id",
        lasting_secs: 0.0,
        path_fault: || PathFault::Takeover { when: TakeoverTime::AfterConnectSecs(0.0) },
    },
    ManualFault {
        name: "half-open",
        description: "the server is gone without a FIN",
        lasting_secs: 0.0,
        path_fault: || PathFault::HalfOpen { after_secs: 0.0 },
    },
    ManualFault {
        name: "outage",
        description: "the server is down for 2 min: connects are refused",
        lasting_secs: 120.0,
        path_fault: || outage(OutageManner::Refuse),
    },
    ManualFault {
        name: "dns",
        description: "the server's name does not resolve for 2 min",
        lasting_secs: 120.0,
        path_fault: || outage(OutageManner::Dns),
    },
    ManualFault {
        name: "late-pings",
        description: "pings are answered a minute late for 10 min",
        lasting_secs: 600.0,
        path_fault: || PathFault::LatePings { delay_secs: 60.0 },
    },
];

/// An outage that lasts until it is disarmed.
const fn outage(manner: OutageManner) -> PathFault {
    PathFault::Outage { every_secs: 0.0, lasting_secs: 1e9, manner }
}
