//! What can go wrong with a connection, and when?

use std::borrow::Cow;
use std::time::Duration;

/// Neither MQTT nor TLS nor HTTP.
pub(super) const GARBAGE: &[u8] = b"\x00\x0fnot MQTT at all\xff\xfe";

/// One way to end, disturb or refuse a connection. All of them are done with real bytes.
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
    /// Neither read nor write, keep the socket open: for so long, or until the broker stops or the
    /// client id connects again.
    BlackHole {
        /// After this the connection works again, if it still lives; `None` = never.
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
    /// Answer each PINGREQ so much later.
    DelayPings(Duration),
    /// A PUBLISH with QoS 3.
    MalformedPacket,
    /// Bytes that are no MQTT at all.
    Garbage,
    /// These bytes as they are, and nothing else. At [`When::Accepted`] a FIN follows.
    Bytes(Cow<'static, [u8]>),
    /// The first half of a PUBLISH, then silence.
    HalfPacket,
    /// A well-formed QoS 0 PUBLISH on `lab/oversized` with a payload of so many bytes.
    OversizedPublish(usize),
    /// What the broker does when 1.5 × keep-alive have passed in silence, now.
    KeepAliveCut,
    /// A fatal TLS alert on an established session (`bad_record_mac`), then FIN.
    TlsAlert,
    /// A WebSocket Close frame, then the closing of what lies below.
    WebSocketClose {
        /// Close code, 1000–4999. 1005 sends a frame without code and reason, as it stands for one.
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
    /// The moment at which this fault belongs, for [`Plan::every`].
    fn default_trigger(&self) -> FaultTrigger {
        match self {
            Self::UpgradeStatus(_) | Self::NoSubprotocol | Self::TlsRefusal(_) => FaultTrigger::OnAccept,
            Self::RefuseConnect(_) | Self::HoldConnack => FaultTrigger::OnConnect,
            _ => FaultTrigger::AfterConnack(Duration::ZERO),
        }
    }
}

/// The moment at which a planned fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultTrigger {
    /// As soon as TCP accepted, before TLS and WebSocket. (The upgrade and TLS faults act at their
    /// own step.)
    OnAccept,
    /// In place of the CONNACK.
    OnConnect,
    /// So long after the CONNACK.
    AfterConnack(Duration),
    /// As soon as so many PUBLISH packets went in and out on the connection.
    AfterMessages(u64),
}

/// The connections that a planned fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionSelector {
    /// All of them, from now on.
    All,
    /// Only the n-th accepted since the broker started, counted from 1.
    Nth(u64),
}

/// A fault that waits for its connection and its moment. Plans add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFault {
    /// What happens.
    pub fault: Fault,
    /// When it happens.
    pub trigger: FaultTrigger,
    /// To whom it happens.
    pub connections: ConnectionSelector,
}

impl PlannedFault {
    /// Every connection, at the moment where the fault belongs (live faults: right after CONNACK).
    pub fn every(fault: Fault) -> Self {
        Self { trigger: fault.default_trigger(), fault, connections: ConnectionSelector::All }
    }

    /// Every connection, at a moment of choice.
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

/// What is planned for one connection, sorted by moment.
#[derive(Debug, Default)]
pub(super) struct PlannedFaults {
    pub(super) on_accept: Vec<Fault>,
    pub(super) on_connect: Vec<Fault>,
    pub(super) after_connack: Vec<(Duration, Fault)>,
    pub(super) after_messages: Vec<(u64, Fault)>,
}

impl PlannedFaults {
    /// Picks the plans that concern the given connection (counted from 1).
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

    /// The faults whose number of messages is reached; each is given once.
    pub(super) fn due_after_messages(&mut self, messages: u64) -> Vec<Fault> {
        let due = self.after_messages.extract_if(.., |(count, _)| messages >= *count);
        due.map(|(_, fault)| fault).collect()
    }
}
