//! MQTT packets as the lab reads and writes them: one view of 3.1.1 and 5.
//!
//! Packets are read with rumqttc's codecs. What the lab sends is encoded here, because it must be able to
//! send reason codes that those codecs refuse to encode.
//!
//! *Must not depend on* sockets, the broker or the gateway.

mod decode;
mod encode;
mod message;

use crate::diagnostics::MqttVersion;

pub(in crate::lab) use decode::{ClientPacket, PROTOCOL_ERROR, ProtocolProbe, decode, probe_protocol};
#[cfg(test)]
pub(in crate::lab) use encode::put_remaining_length;
pub(in crate::lab) use encode::{put_acknowledgement, put_codes, put_connack, put_disconnect};
pub use message::ApplicationMessage;
pub(in crate::lab) use message::{Delivery, FrameCache, PublishFlags, QosPublish};

/// The content of a CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Connect {
    /// Protocol version.
    pub version: MqttVersion,
    /// Client id; an empty one is replaced by one of the broker.
    pub client_id: String,
    /// Keep-alive in seconds; 0 = off.
    pub keep_alive_secs: u16,
    /// Clean session (3.1.1) or clean start (5).
    pub clean: bool,
    /// Whether the session outlives the connection.
    pub persistent: bool,
    /// MQTT 5: the requested session expiry in seconds.
    pub session_expiry_secs: Option<u32>,
    /// User name, if one was sent.
    pub username: Option<String>,
    /// Last will.
    pub will: Option<ApplicationMessage>,
    pub(in crate::lab) password: Option<String>,
}

impl std::fmt::Debug for Connect {
    /// Leaves the password out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connect")
            .field("version", &self.version)
            .field("client_id", &self.client_id)
            .field("keep_alive_secs", &self.keep_alive_secs)
            .field("clean", &self.clean)
            .field("persistent", &self.persistent)
            .field("session_expiry_secs", &self.session_expiry_secs)
            .field("username", &self.username)
            .field("will", &self.will)
            .finish_non_exhaustive()
    }
}
