//! Faults of the broker: what goes wrong with a connection, and when.

use std::borrow::Cow;
use std::time::Duration;

use crate::lab::transport::HandshakeFaults;

/// Bytes that are neither MQTT nor TLS nor HTTP.
pub(super) const GARBAGE: &[u8] = b"\x00\x0fnot MQTT at all\xff\xfe";

/// One way to end, disturb or refuse a connection, always with real bytes on the wire.
///
/// A fault that the connection's transport cannot express (a TLS alert on plain TCP) becomes
/// [`Fault::Fin`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Close in order below MQTT: TLS `close_notify` where there is TLS, then FIN. No DISCONNECT, no
    /// WebSocket Close frame.
    Fin,
    /// A FIN and nothing else, also under TLS.
    FinWithoutCloseNotify,
    /// A TCP RST.
    Reset,
    /// Neither read nor write, but keep the socket open: for `lasting`, or until the broker stops or the
    /// client id connects again.
    BlackHole {
        /// After this time the connection works again, if it still exists; `None` = never.
        lasting: Option<Duration>,
    },
    /// MQTT 5 DISCONNECT with a reason, then close. MQTT 3.1.1 has no such packet: just close.
    Disconnect {
        /// Reason code.
        reason: u8,
        /// Reason string, sent as it is.
        text: Option<String>,
    },
    /// Never answer another PINGREQ.
    SuppressPings,
    /// Answer each PINGREQ this much later.
    DelayPings(Duration),
    /// A PUBLISH with QoS 3.
    MalformedPacket,
    /// Bytes that are not MQTT.
    Garbage,
    /// These bytes and nothing else. At [`FaultTrigger::OnAccept`] a FIN follows.
    Bytes(Cow<'static, [u8]>),
    /// The first half of a PUBLISH, then silence.
    HalfPacket,
    /// A well-formed QoS 0 PUBLISH on `lab/oversized` with a payload of this many bytes.
    OversizedPublish(usize),
    /// What the broker does after 1.5 × keep-alive without a packet, but now.
    KeepAliveCut,
    /// A fatal TLS alert on an established session (`bad_record_mac`), then FIN.
    TlsAlert,
    /// A WebSocket Close frame, then the close of the layers below.
    WebSocketClose {
        /// Close code, 1000–4999. 1005 sends a frame without code and reason, which is what 1005 means.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// CONNACK with this code (3.1.1: 1–5, 5: 0x80 and up), then close.
    RefuseConnect(u8),
    /// Read the CONNECT and never answer.
    HoldConnack,
    /// Answer the WebSocket upgrade with this HTTP status.
    UpgradeStatus(u16),
    /// Accept the WebSocket upgrade without naming the `mqtt` subprotocol.
    NoSubprotocol,
    /// Answer the TLS `ClientHello` with this fatal alert (40 = `handshake_failure`).
    TlsRefusal(u8),
}

impl Fault {
    /// The moment at which this fault acts, for [`PlannedFault::every`].
    fn default_trigger(&self) -> FaultTrigger {
        match self {
            Self::UpgradeStatus(_) | Self::NoSubprotocol | Self::TlsRefusal(_) => FaultTrigger::OnAccept,
            Self::RefuseConnect(_) | Self::HoldConnack => FaultTrigger::OnConnect,
            _ => FaultTrigger::AfterConnack(Duration::ZERO),
        }
    }
}

/// The moment at which a planned fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTrigger {
    /// Right after the TCP accept, before TLS and WebSocket. (The upgrade and TLS faults act at their
    /// own step.)
    OnAccept,
    /// In place of the CONNACK.
    OnConnect,
    /// This long after the CONNACK.
    AfterConnack(Duration),
    /// After this many PUBLISH packets in both directions of the connection.
    AfterMessages(u64),
}

/// The connections that a planned fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionSelector {
    /// All of them, from now on.
    All,
    /// Only the n-th accepted since the broker started, counted from 1.
    Nth(u64),
}

/// A fault with its trigger and its connections. Several planned faults act independently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// What happens.
    pub fault: Fault,
    /// When it happens.
    pub trigger: FaultTrigger,
    /// Which connections it happens to.
    pub connections: ConnectionSelector,
}

impl PlannedFault {
    /// Every connection, at the default moment of the fault (faults of a session: right after the CONNACK).
    pub fn every(fault: Fault) -> Self {
        Self { trigger: fault.default_trigger(), fault, connections: ConnectionSelector::All }
    }

    /// Every connection, at the given moment.
    pub fn every_at(trigger: FaultTrigger, fault: Fault) -> Self {
        Self { fault, trigger, connections: ConnectionSelector::All }
    }

    /// Only the n-th connection, counted from 1 since the broker started.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.connections = ConnectionSelector::Nth(n);
        self
    }

    fn applies_to(&self, connection: u64) -> bool {
        match self.connections {
            ConnectionSelector::All => true,
            ConnectionSelector::Nth(n) => n == connection,
        }
    }
}

/// The faults planned for one connection, by moment.
#[derive(Debug, Default)]
pub(super) struct PlannedFaults {
    pub(super) on_accept: Vec<Fault>,
    pub(super) on_connect: Vec<Fault>,
    pub(super) after_connack: Vec<(Duration, Fault)>,
    pub(super) after_messages: Vec<(u64, Fault)>,
}

impl PlannedFaults {
    /// The planned faults that apply to the given connection (counted from 1).
    pub(super) fn for_connection(planned: &[PlannedFault], connection: u64) -> Self {
        let mut faults = Self::default();
        for PlannedFault { fault, trigger, .. } in
            planned.iter().filter(|planned| planned.applies_to(connection))
        {
            let fault = fault.clone();
            match *trigger {
                FaultTrigger::OnAccept => faults.on_accept.push(fault),
                FaultTrigger::OnConnect => faults.on_connect.push(fault),
                FaultTrigger::AfterConnack(delay) => faults.after_connack.push((delay, fault)),
                FaultTrigger::AfterMessages(count) => faults.after_messages.push((count, fault)),
            }
        }
        faults
    }

    /// The faults of the TLS and WebSocket handshakes.
    pub(super) fn in_handshake(&self) -> HandshakeFaults {
        let mut faults = HandshakeFaults::default();
        for fault in &self.on_accept {
            match fault {
                Fault::TlsRefusal(alert) => faults.tls_alert = faults.tls_alert.or(Some(*alert)),
                Fault::UpgradeStatus(status) => {
                    faults.upgrade_status = faults.upgrade_status.or(Some(*status));
                }
                Fault::NoSubprotocol => faults.omits_subprotocol = true,
                _ => {}
            }
        }
        faults
    }

    /// The faults whose number of messages is reached; each is returned once.
    pub(super) fn due_after_messages(&mut self, messages: u64) -> Vec<Fault> {
        let due = self.after_messages.extract_if(.., |(count, _)| messages >= *count);
        due.map(|(_, fault)| fault).collect()
    }
}
