//! What can ail the path between a client and its broker?
//!
//! Plain data. All times are field time (see the module's documentation), counted from the moment the
//! ailment is armed unless it says otherwise. *Session* means: from the CONNACK that lets a client in to
//! the end of its connection. For what was armed in the middle of a session, the session begins there.

use serde::{Deserialize, Serialize};

/// The number of an armed ailment: 1 for the first one of a gateway, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PathFaultId(pub u64);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropManner {
    /// A FIN and nothing else, also under TLS and WebSocket.
    Fin,
    /// A TCP RST.
    Reset,
    /// TLS `close_notify`, then FIN; without TLS a FIN.
    TlsCloseNotify,
    /// Packets of both sides vanish for ever, and nobody is told.
    SilentBlackHole,
    /// MQTT 5 DISCONNECT with this reason code, then an orderly close of all layers. MQTT 3.1.1 has no
    /// such packet: a FIN.
    Disconnect(u8),
    /// WebSocket Close with this code, then FIN. 1006 stands for the absence of a Close frame, and other
    /// transports have none: a FIN.
    WsClose(u16),
}

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client.
    ToServer,
    /// To the client.
    ToClient,
    /// Either way.
    Both,
}

/// What a NAT does about packets of a connection that it has forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleManner {
    /// They vanish.
    SilentBlackHole,
    /// The client's next packet is answered with RST; the server's vanish.
    ResetOnNextPacket,
}

/// What an outage looks like to who connects, and to who is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutageManner {
    /// The server stops: connections end with FIN, connects are refused.
    Refuse,
    /// The path is gone: nothing passes, connects get no answer. What is still open afterwards goes on,
    /// as TCP repeats what was lost.
    BlackHole,
    /// The path is reset and the server's name does not resolve. The gateway has no say in name
    /// resolution: it refuses connects, and [`name_resolves`](super::GatewayControl::name_resolves) says
    /// `false` to who plays the resolver.
    Dns,
}

/// When a second client takes the client id.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeoverTime {
    /// On a timer of its own.
    EverySecs(f64),
    /// So long after each session began.
    AfterConnectSecs(f64),
}

/// Why a connected client hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryFailureManner {
    /// Every subscription is refused: SUBACK 0x80.
    SubackFailure,
    /// The session is lost: CONNACK says so, and nothing is delivered before the client subscribes.
    SessionLost,
    /// All looks well, but nothing is delivered.
    DeliveriesSwallowed,
}

/// One way for connections to fail. Times in field seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathFault {
    /// Each session ends at a fixed age.
    SessionLifetime {
        /// The age.
        secs: f64,
        /// The age varies by so much both ways, uniformly.
        jitter_secs: f64,
        /// How it ends.
        manner: DropManner,
    },
    /// All connections end at fixed times of the clock.
    Schedule {
        /// Distance between two of these times.
        every_secs: f64,
        /// They are those multiples of `every_secs` since the Unix epoch, plus this.
        phase_secs: f64,
        /// How they end.
        manner: DropManner,
    },
    /// A NAT forgets connections that are silent.
    IdleTimeout {
        /// Silence in both directions after which it forgets.
        secs: f64,
        /// What becomes of later packets.
        manner: IdleManner,
    },
    /// All connections end at random times.
    RandomLoss {
        /// Mean distance between two of these times; exponentially distributed.
        mean_secs: f64,
        /// How they end.
        manner: DropManner,
    },
    /// All connections end several times in a row, at random times.
    Burst {
        /// Mean time from the end of a burst to the next one; exponentially distributed.
        mean_secs: f64,
        /// Ends per burst.
        count: u32,
        /// Time between two of these ends.
        spacing_secs: f64,
        /// How they end.
        manner: DropManner,
    },
    /// A session ends once so many PUBLISH packets have passed.
    AfterMessages {
        /// How many; the last one passes.
        count: u64,
        /// Which of them count.
        direction: Direction,
        /// How it ends.
        manner: DropManner,
    },
    /// A session ends when more PUBLISH packets pass than are allowed.
    AfterRate {
        /// So many are allowed,
        messages: u32,
        /// in so much time.
        window_secs: f64,
        /// Which of them count.
        direction: Direction,
        /// How it ends.
        manner: DropManner,
    },
    /// A policy denies a topic: the PUBLISH does not reach the server, and the session ends. A client that
    /// sends QoS 1 messages again after a reconnect is caught in a loop.
    AfterPublish {
        /// What is denied, with wildcards. MQTT 5 topic aliases are not looked through.
        topic_filter: String,
        /// Time from the PUBLISH to the end, in milliseconds (field time, too).
        delay_ms: f64,
        /// How it ends.
        manner: DropManner,
    },
    /// Credentials expire: connects are refused until
    /// [`renew_credentials`](super::GatewayControl::renew_credentials) (WebSocket: 403; else CONNACK 5,
    /// MQTT 5: 0x87).
    CredentialExpiry {
        /// Life of the credentials from the arming, and again from each renewal.
        at_secs: f64,
        /// Whether sessions end with the credentials (FIN), or live on.
        ends_sessions: bool,
    },
    /// A second client with the same CONNECT comes to the server, which closes the older connection. It
    /// stays until it is itself taken over. (A client that leaves its id to the server cannot be taken over.)
    Takeover {
        /// When it comes.
        when: TakeoverTime,
    },
    /// The server or the way to it is gone for a while.
    Outage {
        /// Time from the arming or the end of an outage to the next one.
        every_secs: f64,
        /// How long it lasts.
        lasting_secs: f64,
        /// What it looks like.
        manner: OutageManner,
    },
    /// The server closes 1.5 × keep-alive after the client's last packet, with DISCONNECT 0x8D or FIN. The
    /// keep-alive is the CONNECT's and therefore real seconds.
    KeepAliveCut {
        /// The client's PINGREQs are lost on the way: they neither count nor get answers.
        loses_pings: bool,
    },
    /// Each PINGRESP comes late; all else is on time.
    LatePings {
        /// How late.
        delay_secs: f64,
    },
    /// A slow or lossy path.
    Latency {
        /// Delay of each packet, each way, in milliseconds (field time, too).
        ms: f64,
        /// The delay varies by so much both ways, uniformly; packets keep their order.
        jitter_ms: f64,
        /// Probability (0–1) that a packet is lost, which TCP turns into a delay: 200 ms, at least twice
        /// the latency, and double for each further loss of the same packet.
        loss: f64,
    },
    /// The server is gone without a FIN: what the client sends vanishes, and the server's side is closed.
    HalfOpen {
        /// Age of the session at which this happens.
        after_secs: f64,
    },
    /// All TLS connections get a fatal alert, others a FIN.
    TlsAlert {
        /// How often.
        every_secs: f64,
    },
    /// Every WebSocket is closed at random times.
    WebSocketClose {
        /// Close code; see [`Manner::WsClose`].
        code: u16,
        /// Mean distance between two of these times; exponentially distributed.
        mean_secs: f64,
    },
    /// The server disconnects everybody at random times; see [`Manner::Disconnect`].
    ServerDisconnect {
        /// MQTT 5 reason code.
        reason: u8,
        /// Mean distance between two of these times; exponentially distributed.
        mean_secs: f64,
    },
    /// The server disconnects everybody once, with 0x8B (MQTT 3.1.1: FIN).
    Maintenance {
        /// When.
        at_secs: f64,
    },
    /// A client that comes back is connected and hears nothing. The first session of a client id is well.
    #[serde(rename = "deaf")]
    DeliveryFailure {
        /// Why.
        manner: DeliveryFailureManner,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_faults_round_trip_through_json() {
        for (fault, expected) in [
            (
                PathFault::SessionLifetime {
                    secs: 86_400.0,
                    jitter_secs: 5.0,
                    manner: DropManner::Disconnect(0x8B),
                },
                r#"{"session_lifetime":{"secs":86400.0,"jitter_secs":5.0,"manner":{"disconnect":139}}}"#,
            ),
            (
                PathFault::IdleTimeout { secs: 240.0, manner: IdleManner::ResetOnNextPacket },
                r#"{"idle_timeout":{"secs":240.0,"manner":"reset_on_next_packet"}}"#,
            ),
            (
                PathFault::Takeover { when: TakeoverTime::EverySecs(900.0) },
                r#"{"takeover":{"when":{"every_secs":900.0}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&fault).unwrap(), expected);
            assert_eq!(serde_json::from_str::<PathFault>(expected).unwrap(), fault);
        }
    }
}
