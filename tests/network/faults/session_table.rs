//! The ways an established session ends, with the expected event for each.

use std::time::Duration;

use dropscope::diagnostics::error_name::{
    AWS_ERROR_MQTT_INVALID_PACKET_TYPE, AWS_ERROR_MQTT_PROTOCOL_ERROR, AWS_ERROR_MQTT_TIMEOUT,
    AWS_ERROR_MQTT_UNEXPECTED_HANGUP, AWS_IO_SOCKET_CLOSED, AWS_IO_TLS_ERROR_ALERT_RECEIVED,
};
use std::borrow::Cow;

use crate::faults::expected::{ALL, BOTH, ExpectedDrop, FRAMED, LAYERED, SECURE, TCP, TLS, V3, V5, WS};
use dropscope::diagnostics::event::{DropKind, Layer};
use dropscope::diagnostics::{ErrorName, Transport, VersionChoice};
use dropscope::lab::Fault;

/// One fault, where it can happen, and the expected event.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) transports: &'static [Transport],
    pub(crate) versions: &'static [VersionChoice],
    pub(crate) action: SessionAction,
    pub(crate) expected: ExpectedDrop,
}

/// What is done to a live session.
pub(crate) enum SessionAction {
    /// The broker injects this fault into the connection.
    Inject(Fault),
    /// The same while the link sends megabytes.
    InjectWhileSending(Fault),
    /// The broker's process is killed; another one starts in its place.
    Kill,
    /// The broker stops cleanly; another one starts in its place.
    Stop,
    /// Another client connects with the same client id, and disconnects.
    TakeOver,
    /// The link publishes this many bytes, which is more than the broker accepts.
    Publish(usize),
}

const fn row(
    name: &'static str,
    transports: &'static [Transport],
    versions: &'static [VersionChoice],
    action: SessionAction,
    expected: ExpectedDrop,
) -> Row {
    Row { name, transports, versions, action, expected }
}

const fn inject(
    name: &'static str,
    transports: &'static [Transport],
    versions: &'static [VersionChoice],
    fault: Fault,
    expected: ExpectedDrop,
) -> Row {
    Row { name, transports, versions, action: SessionAction::Inject(fault), expected }
}

const fn inject_while_sending(
    name: &'static str,
    transports: &'static [Transport],
    versions: &'static [VersionChoice],
    fault: Fault,
    expected: ExpectedDrop,
) -> Row {
    Row { name, transports, versions, action: SessionAction::InjectWhileSending(fault), expected }
}

const fn ws_close(code: u16, expected: ExpectedDrop) -> Row {
    inject("close frame", FRAMED, BOTH, Fault::WebSocketClose { code, reason: String::new() }, expected)
}

const HANGUP: ErrorName = AWS_ERROR_MQTT_UNEXPECTED_HANGUP;
const PROTOCOL: ErrorName = AWS_ERROR_MQTT_PROTOCOL_ERROR;

const FIN: ExpectedDrop = ExpectedDrop::new(Layer::Tcp, DropKind::Fin, HANGUP);
const FIN_WITHOUT_CLOSE: ExpectedDrop = ExpectedDrop::new(Layer::Tcp, DropKind::Fin, AWS_IO_SOCKET_CLOSED);
const RST: ExpectedDrop = ExpectedDrop::new(Layer::Tcp, DropKind::Rst, AWS_IO_SOCKET_CLOSED);
const CLOSE_NOTIFY: ExpectedDrop = ExpectedDrop::new(Layer::Tls, DropKind::TlsClose, HANGUP);
const ALERT: ExpectedDrop =
    ExpectedDrop::new(Layer::Tls, DropKind::TlsAlert, AWS_IO_TLS_ERROR_ALERT_RECEIVED);
const SILENCE: ExpectedDrop = ExpectedDrop::new(Layer::Mqtt, DropKind::PingTimeout, AWS_ERROR_MQTT_TIMEOUT);
const VIOLATION: ExpectedDrop = ExpectedDrop::new(Layer::Mqtt, DropKind::Io, PROTOCOL);
const OVER_OUR_LIMIT: ExpectedDrop = ExpectedDrop::new(Layer::Mqtt, DropKind::Local, PROTOCOL);
const ILLEGAL_DISCONNECT: ExpectedDrop =
    ExpectedDrop::new(Layer::Mqtt, DropKind::Disconnect, AWS_ERROR_MQTT_INVALID_PACKET_TYPE);

const fn closed_with(code: u16) -> ExpectedDrop {
    ExpectedDrop::ws_close(Some(code), HANGUP)
}

/// These bytes, sent by the broker in the middle of a session.
const fn bytes(bytes: &'static [u8]) -> Fault {
    Fault::Bytes(Cow::Borrowed(bytes))
}

pub(crate) static TABLE: &[Row] = &[
    // The broker's process.
    row("killed", TCP, BOTH, SessionAction::Kill, FIN),
    row("killed", LAYERED, BOTH, SessionAction::Kill, FIN_WITHOUT_CLOSE),
    row("stopped", ALL, V5, SessionAction::Stop, ExpectedDrop::disconnect(0x8B, HANGUP)),
    row("stopped", TCP, V3, SessionAction::Stop, FIN),
    row("stopped", TLS, V3, SessionAction::Stop, CLOSE_NOTIFY),
    row("stopped", FRAMED, V3, SessionAction::Stop, closed_with(1000)),
    // TCP.
    inject("RST", ALL, BOTH, Fault::Reset, RST),
    inject("FIN", TCP, BOTH, Fault::Fin, FIN),
    inject("FIN", WS, BOTH, Fault::Fin, FIN_WITHOUT_CLOSE),
    inject("FIN without close_notify", LAYERED, BOTH, Fault::FinWithoutCloseNotify, FIN_WITHOUT_CLOSE),
    // TLS.
    inject("close_notify", SECURE, BOTH, Fault::Fin, CLOSE_NOTIFY),
    inject("fatal alert", SECURE, BOTH, Fault::TlsAlert, ALERT),
    // WebSocket.
    ws_close(1000, closed_with(1000)),
    ws_close(1001, closed_with(1001)),
    ws_close(1008, closed_with(1008)),
    ws_close(1011, closed_with(1011)),
    ws_close(4000, closed_with(4000)),
    ws_close(1005, ExpectedDrop::ws_close(None, HANGUP)),
    // Silence.
    inject("black hole", ALL, BOTH, Fault::BlackHole { lasting: None }, SILENCE),
    inject("swallowed pings", ALL, BOTH, Fault::SuppressPings, SILENCE),
    inject("late pings", TCP, BOTH, Fault::DelayPings(Duration::from_secs(5)), SILENCE),
    inject("half packet, then silence", ALL, BOTH, Fault::HalfPacket, SILENCE),
    // While the link is busy writing.
    inject_while_sending("RST amid sending", ALL, BOTH, Fault::Reset, RST),
    inject_while_sending("FIN amid sending", TCP, BOTH, Fault::Fin, FIN),
    inject_while_sending("close_notify amid sending", SECURE, BOTH, Fault::Fin, CLOSE_NOTIFY),
    inject_while_sending("fatal alert amid sending", SECURE, BOTH, Fault::TlsAlert, ALERT),
    inject_while_sending(
        "close frame amid sending",
        FRAMED,
        BOTH,
        Fault::WebSocketClose { code: 1008, reason: String::new() },
        closed_with(1008),
    ),
    inject_while_sending(
        "DISCONNECT amid sending",
        ALL,
        V5,
        Fault::Disconnect { reason: 0x97, text: None },
        ExpectedDrop::disconnect(0x97, HANGUP),
    ),
    inject_while_sending("black hole amid sending", ALL, BOTH, Fault::BlackHole { lasting: None }, SILENCE),
    // The broker's keep-alive and the client id.
    inject(
        "keep-alive cut",
        ALL,
        V5,
        Fault::KeepAliveCut,
        ExpectedDrop::disconnect(0x8D, AWS_ERROR_MQTT_TIMEOUT),
    ),
    inject("keep-alive cut", TCP, V3, Fault::KeepAliveCut, FIN),
    inject("keep-alive cut", TLS, V3, Fault::KeepAliveCut, CLOSE_NOTIFY),
    inject("keep-alive cut", FRAMED, V3, Fault::KeepAliveCut, closed_with(1000)),
    row("taken over", ALL, V5, SessionAction::TakeOver, ExpectedDrop::disconnect(0x8E, HANGUP)),
    row("taken over", TCP, V3, SessionAction::TakeOver, FIN),
    row("taken over", TLS, V3, SessionAction::TakeOver, CLOSE_NOTIFY),
    row("taken over", FRAMED, V3, SessionAction::TakeOver, closed_with(1000)),
    // Size.
    inject("oversized packet in", ALL, BOTH, Fault::OversizedPublish(100_000), OVER_OUR_LIMIT),
    row(
        "oversized packet out",
        ALL,
        V5,
        SessionAction::Publish(2000),
        ExpectedDrop::disconnect(0x95, PROTOCOL),
    ),
    row("oversized packet out", TCP, V3, SessionAction::Publish(2000), FIN),
    row("oversized packet out", TLS, V3, SessionAction::Publish(2000), CLOSE_NOTIFY),
    row("oversized packet out", FRAMED, V3, SessionAction::Publish(2000), closed_with(1000)),
    // Bytes that are not MQTT, and packets that are not allowed here.
    inject("malformed packet", ALL, BOTH, Fault::MalformedPacket, VIOLATION),
    inject("garbage", ALL, BOTH, Fault::Garbage, VIOLATION),
    inject("second CONNACK", TCP, V3, bytes(&[0x20, 2, 0, 0]), VIOLATION),
    inject("second CONNACK", TCP, V5, bytes(&[0x20, 3, 0, 0, 0]), VIOLATION),
    inject("PINGREQ from the broker", TCP, BOTH, bytes(&[0xC0, 0]), VIOLATION),
    inject("unexpected PUBACK", TCP, BOTH, bytes(&[0x40, 2, 0, 1]), VIOLATION),
    inject("unexpected AUTH", TCP, BOTH, bytes(&[0xF0, 2, 0x18, 0]), VIOLATION),
    inject("endless remaining length", TCP, BOTH, bytes(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]), VIOLATION),
    // DISCONNECT in every form MQTT 5 allows; none is allowed in 3.1.1.
    inject("DISCONNECT", ALL, V3, bytes(&[0xE0, 0]), ILLEGAL_DISCONNECT),
    inject("DISCONNECT with a reason", TCP, V3, bytes(&[0xE0, 1, 0x8E]), ILLEGAL_DISCONNECT),
    inject("DISCONNECT without a reason", ALL, V5, bytes(&[0xE0, 0]), ExpectedDrop::disconnect(0x00, HANGUP)),
    inject(
        "DISCONNECT with a reason",
        ALL,
        V5,
        bytes(&[0xE0, 1, 0x8E]),
        ExpectedDrop::disconnect(0x8E, HANGUP),
    ),
    inject("DISCONNECT unheard of", TCP, V5, bytes(&[0xE0, 1, 0xEE]), ExpectedDrop::disconnect(0xEE, HANGUP)),
];

/// Every reason code a server may send in DISCONNECT.
pub(crate) static REASONS: &[(u8, ErrorName)] = &[
    (0x00, HANGUP),
    (0x80, HANGUP),
    (0x81, PROTOCOL),
    (0x82, PROTOCOL),
    (0x83, HANGUP),
    (0x87, HANGUP),
    (0x89, HANGUP),
    (0x8B, HANGUP),
    (0x8D, AWS_ERROR_MQTT_TIMEOUT),
    (0x8E, HANGUP),
    (0x8F, HANGUP),
    (0x90, PROTOCOL),
    (0x93, PROTOCOL),
    (0x94, PROTOCOL),
    (0x95, PROTOCOL),
    (0x96, HANGUP),
    (0x97, HANGUP),
    (0x98, HANGUP),
    (0x99, PROTOCOL),
    (0x9A, HANGUP),
    (0x9B, HANGUP),
    (0x9C, HANGUP),
    (0x9D, HANGUP),
    (0x9E, HANGUP),
    (0x9F, HANGUP),
    (0xA0, HANGUP),
    (0xA1, HANGUP),
    (0xA2, HANGUP),
];
