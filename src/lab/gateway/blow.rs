//! What exactly does an ailment do to one connection when it strikes?

use super::ailment::{IdleManner, Manner};

/// One act on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blow {
    /// End it.
    End(Manner),
    /// Fatal TLS alert, then FIN.
    TlsAlert,
    /// The server's side is closed, the client is not told.
    HalfOpen,
    /// A NAT has forgotten it.
    Forgotten(IdleManner),
    /// A second client comes with the same CONNECT.
    Intrude,
    /// CONNACK: not authorized.
    Refuse,
}

impl Blow {
    /// For the log of strikes.
    pub(super) fn words(self) -> String {
        match self {
            Self::End(Manner::Fin) => "FIN".to_owned(),
            Self::End(Manner::Reset) => "RST".to_owned(),
            Self::End(Manner::TlsCloseNotify) => "TLS close_notify".to_owned(),
            Self::End(Manner::SilentBlackHole) => "silent black hole".to_owned(),
            Self::End(Manner::Disconnect(reason)) => format!("server DISCONNECT {reason:#04x}"),
            Self::End(Manner::WsClose(code)) => format!("WebSocket close {code}"),
            Self::TlsAlert => "fatal TLS alert".to_owned(),
            Self::HalfOpen => "half-open: the server is gone".to_owned(),
            Self::Forgotten(IdleManner::SilentBlackHole) => "NAT entry expired: silent black hole".to_owned(),
            Self::Forgotten(IdleManner::ResetOnNextPacket) => {
                "NAT entry expired: RST on the next packet".to_owned()
            }
            Self::Intrude => "second client with the same id".to_owned(),
            Self::Refuse => "connect refused: not authorized".to_owned(),
        }
    }
}
