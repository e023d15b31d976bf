//! Faults applied to a connected client.

use std::time::Duration;

use bytes::BufMut;
use tokio::time::sleep;

use super::{BlackHole, ClientConnection, PingReplies};
use crate::diagnostics::MqttVersion;
use crate::lab::broker::fault::{Fault, GARBAGE};
use crate::lab::packet::{ApplicationMessage, PublishFlags, put_connack, put_disconnect};
use crate::lab::transport::CloseMode;

/// How long the last packet may take to be written.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

impl ClientConnection {
    /// Applies a fault. `Some`: the connection must be closed in this mode.
    pub(in crate::lab::broker) async fn apply_fault(&mut self, fault: Fault) -> Option<CloseMode> {
        let version = self.connect.version;
        match fault {
            Fault::Fin | Fault::UpgradeStatus(_) | Fault::NoSubprotocol | Fault::TlsRefusal(_) => {
                Some(CloseMode::Fin)
            }
            Fault::FinWithoutCloseNotify => Some(CloseMode::BareFin),
            Fault::Reset => Some(CloseMode::Reset),
            Fault::TlsAlert => Some(CloseMode::TlsAlert),
            Fault::WebSocketClose { code, reason } => Some(CloseMode::WebSocketClose { code, reason }),
            Fault::Disconnect { reason, text } => Some(self.disconnect(reason, text.as_deref()).await),
            Fault::KeepAliveCut => Some(self.disconnect(0x8D, None).await),
            Fault::RefuseConnect(code) => {
                put_connack(version, false, code, &[], &mut self.pipe.write_buffer);
                let _ = self.pipe.flush(FLUSH_LIMIT).await;
                Some(CloseMode::Graceful)
            }
            Fault::BlackHole { lasting } => {
                self.black_hole =
                    lasting.map_or(BlackHole::Forever, |d| BlackHole::Until(Box::pin(sleep(d))));
                None
            }
            Fault::HoldConnack => None,
            Fault::HalfPacket => {
                self.pipe.write_buffer.put_slice(b"\x30\x40\x00\x0blab/half-");
                let _ = self.pipe.flush(FLUSH_LIMIT).await;
                self.black_hole = BlackHole::Forever;
                None
            }
            Fault::SuppressPings => {
                self.ping_replies = PingReplies::Suppressed;
                None
            }
            Fault::DelayPings(delay) => {
                self.ping_replies = PingReplies::Delayed(delay);
                None
            }
            Fault::MalformedPacket => {
                self.pipe.write_buffer.put_slice(b"\x36\x05\x00\x01a\x00\x01");
                None
            }
            Fault::Garbage => {
                self.pipe.write_buffer.put_slice(GARBAGE);
                None
            }
            Fault::Bytes(bytes) => {
                self.pipe.write_buffer.put_slice(&bytes);
                None
            }
            Fault::OversizedPublish(bytes) => {
                let message = ApplicationMessage::new("lab/oversized", vec![b'x'; bytes]);
                message.encode(version, PublishFlags::default(), &mut self.pipe.write_buffer);
                None
            }
        }
    }

    /// Applies the faults planned for right after the CONNACK. With a timer the client could act first.
    pub(super) async fn apply_immediate_faults(&mut self) -> Option<CloseMode> {
        let planned = std::mem::take(&mut self.planned_faults.after_connack);
        if !planned.is_empty() {
            let _ = self.pipe.flush(FLUSH_LIMIT).await;
        }
        for (_, fault) in planned {
            if let Some(mode) = self.apply_fault(fault).await {
                return Some(mode);
            }
        }
        None
    }

    /// Sends DISCONNECT with a reason where the protocol has one; the layers below close in order.
    pub(super) async fn disconnect(&mut self, reason: u8, text: Option<&str>) -> CloseMode {
        if self.connect.version == MqttVersion::V5 {
            put_disconnect(reason, text, self.state.options().terse_disconnect, &mut self.pipe.write_buffer);
        }
        let _ = self.pipe.flush(FLUSH_LIMIT).await;
        CloseMode::Graceful
    }

    pub(super) async fn close_for_shutdown(&mut self) -> CloseMode {
        let is_black_hole = !matches!(self.black_hole, BlackHole::None);
        if is_black_hole || !self.state.is_graceful() {
            return CloseMode::Abort;
        }
        self.disconnect(0x8B, None).await
    }

    pub(super) async fn close_for_takeover(&mut self) -> CloseMode {
        match self.black_hole {
            BlackHole::None => self.disconnect(0x8E, None).await,
            BlackHole::Forever | BlackHole::Until(_) => CloseMode::Abort,
        }
    }
}
