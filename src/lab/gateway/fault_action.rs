//! The actions of faults on one connection.

use super::path_fault::{DropManner, IdleManner};

/// One action on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultAction {
    /// End it.
    DropConnection(DropManner),
    /// Fatal TLS alert, then FIN.
    TlsAlert,
    /// The server's side is closed; the client gets no FIN.
    HalfOpen,
    /// The NAT entry of the connection expires.
    ExpireNat(IdleManner),
    /// A second client connects with the same CONNECT.
    TakeOver,
    /// CONNACK: not authorized.
    RejectConnect,
}

impl FaultAction {
    /// The text in the log of injections.
    pub(super) fn description(self) -> String {
        match self {
            Self::DropConnection(DropManner::Fin) => "FIN".to_owned(),
            Self::DropConnection(DropManner::Reset) => "RST".to_owned(),
            Self::DropConnection(DropManner::TlsCloseNotify) => "TLS close_notify".to_owned(),
            Self::DropConnection(DropManner::SilentBlackHole) => "silent black hole".to_owned(),
            Self::DropConnection(DropManner::Disconnect(reason)) => {
                format!("server DISCONNECT {reason:#04x}")
            }
            Self::DropConnection(DropManner::WsClose(code)) => format!("WebSocket close {code}"),
            Self::TlsAlert => "fatal TLS alert".to_owned(),
            Self::HalfOpen => "half-open: the server is gone".to_owned(),
            Self::ExpireNat(IdleManner::SilentBlackHole) => "NAT entry expired: silent black hole".to_owned(),
            Self::ExpireNat(IdleManner::ResetOnNextPacket) => {
                "NAT entry expired: RST on the next packet".to_owned()
            }
            Self::TakeOver => "second client with the same id".to_owned(),
            Self::RejectConnect => "connect refused: not authorized".to_owned(),
        }
    }
}
