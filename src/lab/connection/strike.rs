//! How does a fault act on a live connection?

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BufMut;
use tokio::time::sleep;

use super::{Connection, Pings, Silence};
use crate::lab::codec::{Version, put_connack, put_disconnect};
use crate::lab::fault::{Fault, GARBAGE};
use crate::lab::message::{Message, PublishFlags};
use crate::lab::server_stream::Ending;

/// How long a last packet may take to leave.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

impl Connection {
    /// Lets a fault act. `Some`: the connection is to end in this manner.
    pub(in crate::lab) async fn strike(&mut self, fault: Fault) -> Option<Ending> {
        let version = self.connect.version;
        match fault {
            Fault::Fin | Fault::UpgradeStatus(_) | Fault::NoSubprotocol | Fault::TlsRefusal(_) => {
                Some(Ending::Fin)
            }
            Fault::FinWithoutCloseNotify => Some(Ending::BareFin),
            Fault::Reset => Some(Ending::Reset),
            Fault::TlsAlert => Some(Ending::TlsAlert),
            Fault::WebSocketClose { code, reason } => Some(Ending::WebSocketClose { code, reason }),
            Fault::Disconnect { reason, text } => Some(self.leave(reason, text.as_deref()).await),
            Fault::KeepAliveCut => Some(self.leave(0x8D, None).await),
            Fault::RefuseConnect(code) => {
                put_connack(version, false, code, &[], &mut self.pipe.out);
                let _ = self.pipe.flush(FLUSH_LIMIT).await;
                Some(Ending::Goodbye)
            }
            Fault::BlackHole { lasting } => {
                self.silence = lasting.map_or(Silence::Forever, |d| Silence::Until(Box::pin(sleep(d))));
                None
            }
            Fault::HoldConnack => None,
            Fault::HalfPacket => {
                self.pipe.out.put_slice(b"\x30\x40\x00\x0blab/half-");
                let _ = self.pipe.flush(FLUSH_LIMIT).await;
                self.silence = Silence::Forever;
                None
            }
            Fault::SwallowPings => {
                self.pings = Pings::Swallowed;
                None
            }
            Fault::DelayPings(delay) => {
                self.pings = Pings::Delayed(delay);
                None
            }
            Fault::MalformedPacket => {
                self.pipe.out.put_slice(b"\x36\x05\x00\x01a\x00\x01");
                None
            }
            Fault::Garbage => {
                self.pipe.out.put_slice(GARBAGE);
                None
            }
            Fault::Bytes(bytes) => {
                self.pipe.out.put_slice(&bytes);
                None
            }
            Fault::OversizedPublish(bytes) => {
                let message = Message::new("lab/oversized", vec![b'x'; bytes]);
                message.encode(version, PublishFlags::default(), &mut self.pipe.out);
                None
            }
        }
    }

    /// The faults planned for right after the CONNACK: a timer would let the client go first.
    pub(super) async fn strike_at_once(&mut self) -> Option<Ending> {
        let planned = std::mem::take(&mut self.schedule.after);
        if !planned.is_empty() {
            let _ = self.pipe.flush(FLUSH_LIMIT).await;
        }
        for (_, fault) in planned {
            if let Some(ending) = self.strike(fault).await {
                return Some(ending);
            }
        }
        None
    }

    /// DISCONNECT with a reason where the protocol has one, then a goodbye on the layers below.
    pub(super) async fn leave(&mut self, reason: u8, text: Option<&str>) -> Ending {
        if self.connect.version == Version::V5 {
            put_disconnect(reason, text, self.shared.options.terse_disconnect, &mut self.pipe.out);
        }
        let _ = self.pipe.flush(FLUSH_LIMIT).await;
        Ending::Goodbye
    }

    pub(super) async fn say_shutting_down(&mut self) -> Ending {
        let silent = !matches!(self.silence, Silence::None);
        if silent || !self.shared.graceful.load(Ordering::Relaxed) {
            return Ending::Abandon;
        }
        self.leave(0x8B, None).await
    }

    pub(super) async fn give_way(&mut self) -> Ending {
        match self.silence {
            Silence::None => self.leave(0x8E, None).await,
            Silence::Forever | Silence::Until(_) => Ending::Abandon,
        }
    }
}
