//! The faults of the path between a client and its broker, as plain data.
//!
//! All times are field time (see the module's documentation), counted from the moment the fault is armed
//! unless stated otherwise. A *session* lasts from the CONNACK that accepts a client to the end of its
//! connection. For a fault armed in the middle of a session, the session begins when the fault is armed.

use serde::{Deserialize, Serialize};

/// The number of an armed fault: 1 for the first one of a gateway, never reused.
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
    /// Packets of both sides are dropped from then on, without FIN or RST.
    SilentBlackHole,
    /// MQTT 5 DISCONNECT with this reason code, then an orderly close of all layers. MQTT 3.1.1 has no
    /// such packet: a FIN.
    Disconnect(u8),
    /// WebSocket Close with this code, then FIN. 1006 stands for the absence of a Close frame, and other
    /// transports have none: a FIN.
    WsClose(u16),
}

/// The direction of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the client.
    ToServer,
    /// To the client.
    ToClient,
    /// Both directions.
    Both,
}

/// What a NAT does with packets of a connection whose entry has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleManner {
    /// It drops them.
    SilentBlackHole,
    /// It answers the client's next packet with RST and drops the server's packets.
    ResetOnNextPacket,
}

/// How an outage affects connects and open connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutageManner {
    /// The server stops: connections end with FIN, connects are refused.
    Refuse,
    /// The path is gone: nothing passes, connects get no answer. Connections still open afterwards continue,
    /// because TCP sends lost data again.
    BlackHole,
    /// The connections are reset and the server's name does not resolve. The gateway does not resolve names:
    /// it refuses connects, and [`name_resolves`](super::GatewayControl::name_resolves) is `false` for the
    /// code that plays the resolver.
    Dns,
}

/// When a second client takes over the client id.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeoverTime {
    /// Periodically.
    EverySecs(f64),
    /// This long after the begin of each session.
    AfterConnectSecs(f64),
}

/// Why a connected client gets no messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryFailureManner {
    /// Every subscription is refused: SUBACK 0x80.
    SubackFailure,
    /// The session is lost: CONNACK has session present 0, and nothing is delivered before the client subscribes.
    SessionLost,
    /// Subscriptions are granted, but nothing is delivered.
    DeliveriesSwallowed,
}

/// One way for connections to fail. Times in field seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PathFault {
    /// Each session ends at a fixed age.
    SessionLifetime {
        /// The age.
        secs: f64,
        /// The age varies by up to this much in both directions, uniformly.
        jitter_secs: f64,
        /// How it ends.
        manner: DropManner,
    },
    /// All connections end at fixed times of the wall clock.
    Schedule {
        /// Distance between two of these times.
        every_secs: f64,
        /// Offset of these times from the multiples of `every_secs` since the Unix epoch.
        phase_secs: f64,
        /// How they end.
        manner: DropManner,
    },
    /// A NAT removes the entries of silent connections.
    IdleTimeout {
        /// Silence in both directions after which the entry expires.
        secs: f64,
        /// What the NAT does with later packets.
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
    /// A session ends after a number of PUBLISH packets.
    AfterMessages {
        /// The number; the last packet passes.
        count: u64,
        /// Which of them count.
        direction: Direction,
        /// How it ends.
        manner: DropManner,
    },
    /// A session ends when more PUBLISH packets pass than are allowed.
    AfterRate {
        /// Packets allowed per window.
        messages: u32,
        /// Length of the window.
        window_secs: f64,
        /// Which of them count.
        direction: Direction,
        /// How it ends.
        manner: DropManner,
    },
    /// A policy denies a topic: the PUBLISH does not reach the server, and the session ends. A client that
    /// sends QoS 1 messages again after a reconnect repeats this forever.
    AfterPublish {
        /// The denied topics, with wildcards. MQTT 5 topic aliases are not resolved.
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
        /// Lifetime of the credentials from the arming, and again from each renewal.
        at_secs: f64,
        /// Whether sessions end with the credentials (FIN) or continue.
        ends_sessions: bool,
    },
    /// A second client with the same CONNECT connects to the server, which closes the older connection. It
    /// stays until it is itself taken over. (A client with a client id assigned by the server cannot be taken
    /// over.)
    Takeover {
        /// When it connects.
        when: TakeoverTime,
    },
    /// The server or the path to it is gone for a while.
    Outage {
        /// Time from the arming or the end of an outage to the next one.
        every_secs: f64,
        /// How long it lasts.
        lasting_secs: f64,
        /// What fails.
        manner: OutageManner,
    },
    /// The server closes 1.5 × keep-alive after the client's last packet, with DISCONNECT 0x8D or FIN. The
    /// keep-alive is the CONNECT's and therefore real seconds.
    KeepAliveCut {
        /// The client's PINGREQs are lost on the path: they neither count nor get answers.
        loses_pings: bool,
    },
    /// Each PINGRESP is late; all other packets are on time.
    LatePings {
        /// How late.
        delay_secs: f64,
    },
    /// A slow or lossy path.
    Latency {
        /// Delay of each packet, each way, in milliseconds (field time, too).
        ms: f64,
        /// The delay varies by up to this much in both directions, uniformly; packets keep their order.
        jitter_ms: f64,
        /// Probability (0–1) that a packet is lost, which TCP turns into a delay: 200 ms, at least twice
        /// the latency, and double for each further loss of the same packet.
        loss: f64,
    },
    /// The server is gone without a FIN: the client's packets are dropped, and the server's side is closed.
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
        /// Close code; see [`DropManner::WsClose`].
        code: u16,
        /// Mean distance between two of these times; exponentially distributed.
        mean_secs: f64,
    },
    /// The server disconnects all clients at random times; see [`DropManner::Disconnect`].
    ServerDisconnect {
        /// MQTT 5 reason code.
        reason: u8,
        /// Mean distance between two of these times; exponentially distributed.
        mean_secs: f64,
    },
    /// The server disconnects all clients once, with 0x8B (MQTT 3.1.1: FIN).
    Maintenance {
        /// When.
        at_secs: f64,
    },
    /// A client that reconnects gets no messages. The first session of a client id has no fault.
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
