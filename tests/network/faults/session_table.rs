//! The ways an established session dies, and what the link must say of each.

use std::time::Duration;

use dropscope::diagnostics::ErrorName;
use dropscope::diagnostics::error_name::{
    AWS_ERROR_MQTT_INVALID_PACKET_TYPE, AWS_ERROR_MQTT_PROTOCOL_ERROR, AWS_ERROR_MQTT_TIMEOUT,
    AWS_ERROR_MQTT_UNEXPECTED_HANGUP, AWS_IO_SOCKET_CLOSED, AWS_IO_TLS_ERROR_ALERT_RECEIVED,
};
use dropscope::diagnostics::event::{How, Layer};
use dropscope::lab::Fault;
use dropscope::mqtt::settings::{Transport, VersionChoice};
use std::borrow::Cow;

use crate::faults::expected::{ALL, BOTH, Drop, FRAMED, LAYERED, SECURE, TCP, TLS, V3, V5, WS};

/// One fault, where it can happen, and what is told.
pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) over: &'static [Transport],
    pub(crate) speaking: &'static [VersionChoice],
    pub(crate) act: Act,
    pub(crate) told: Drop,
}

/// What is done to a live session.
pub(crate) enum Act {
    /// The broker lets this happen to the connection.
    Strike(Fault),
    /// The same while the link sends megabytes.
    StrikeAmidSending(Fault),
    /// The broker's process dies; another one starts in its place.
    Kill,
    /// The broker stops in order; another one starts in its place.
    Stop,
    /// Another client comes with the same client id, and leaves.
    TakeOver,
    /// The link publishes so many bytes, which is more than the broker takes.
    Publish(usize),
}

const fn row(
    what: &'static str,
    over: &'static [Transport],
    speaking: &'static [VersionChoice],
    act: Act,
    told: Drop,
) -> Row {
    Row { what, over, speaking, act, told }
}

const fn strike(
    what: &'static str,
    over: &'static [Transport],
    speaking: &'static [VersionChoice],
    fault: Fault,
    told: Drop,
) -> Row {
    Row { what, over, speaking, act: Act::Strike(fault), told }
}

const fn amid_sending(
    what: &'static str,
    over: &'static [Transport],
    speaking: &'static [VersionChoice],
    fault: Fault,
    told: Drop,
) -> Row {
    Row { what, over, speaking, act: Act::StrikeAmidSending(fault), told }
}

const fn ws_close(code: u16, told: Drop) -> Row {
    strike("close frame", FRAMED, BOTH, Fault::WebSocketClose { code, reason: String::new() }, told)
}

const HANGUP: ErrorName = AWS_ERROR_MQTT_UNEXPECTED_HANGUP;
const PROTOCOL: ErrorName = AWS_ERROR_MQTT_PROTOCOL_ERROR;

const FIN: Drop = Drop::new(Layer::Tcp, How::Fin, HANGUP);
const TORN_OFF: Drop = Drop::new(Layer::Tcp, How::Fin, AWS_IO_SOCKET_CLOSED);
const RST: Drop = Drop::new(Layer::Tcp, How::Rst, AWS_IO_SOCKET_CLOSED);
const CLOSE_NOTIFY: Drop = Drop::new(Layer::Tls, How::TlsClose, HANGUP);
const ALERT: Drop = Drop::new(Layer::Tls, How::TlsAlert, AWS_IO_TLS_ERROR_ALERT_RECEIVED);
const SILENCE: Drop = Drop::new(Layer::Mqtt, How::PingTimeout, AWS_ERROR_MQTT_TIMEOUT);
const VIOLATION: Drop = Drop::new(Layer::Mqtt, How::Io, PROTOCOL);
const OVER_OUR_LIMIT: Drop = Drop::new(Layer::Mqtt, How::Local, PROTOCOL);
const ILLEGAL_DISCONNECT: Drop = Drop::new(Layer::Mqtt, How::Disconnect, AWS_ERROR_MQTT_INVALID_PACKET_TYPE);

const fn closed_with(code: u16) -> Drop {
    Drop::ws_close(Some(code), HANGUP)
}

/// These bytes, sent by the broker in the middle of a session.
const fn bytes(bytes: &'static [u8]) -> Fault {
    Fault::Bytes(Cow::Borrowed(bytes))
}

pub(crate) static TABLE: &[Row] = &[
    // The broker's process.
    row("killed", TCP, BOTH, Act::Kill, FIN),
    row("killed", LAYERED, BOTH, Act::Kill, TORN_OFF),
    row("stopped", ALL, V5, Act::Stop, Drop::disconnect(0x8B, HANGUP)),
    row("stopped", TCP, V3, Act::Stop, FIN),
    row("stopped", TLS, V3, Act::Stop, CLOSE_NOTIFY),
    row("stopped", FRAMED, V3, Act::Stop, closed_with(1000)),
    // TCP.
    strike("RST", ALL, BOTH, Fault::Reset, RST),
    strike("FIN", TCP, BOTH, Fault::Fin, FIN),
    strike("FIN", WS, BOTH, Fault::Fin, TORN_OFF),
    strike("FIN without close_notify", LAYERED, BOTH, Fault::FinWithoutCloseNotify, TORN_OFF),
    // TLS.
    strike("close_notify", SECURE, BOTH, Fault::Fin, CLOSE_NOTIFY),
    strike("fatal alert", SECURE, BOTH, Fault::TlsAlert, ALERT),
    // WebSocket.
    ws_close(1000, closed_with(1000)),
    ws_close(1001, closed_with(1001)),
    ws_close(1008, closed_with(1008)),
    ws_close(1011, closed_with(1011)),
    ws_close(4000, closed_with(4000)),
    ws_close(1005, Drop::ws_close(None, HANGUP)),
    // Silence.
    strike("black hole", ALL, BOTH, Fault::BlackHole { lasting: None }, SILENCE),
    strike("swallowed pings", ALL, BOTH, Fault::SwallowPings, SILENCE),
    strike("late pings", TCP, BOTH, Fault::DelayPings(Duration::from_secs(5)), SILENCE),
    strike("half packet, then silence", ALL, BOTH, Fault::HalfPacket, SILENCE),
    // While the link is busy writing.
    amid_sending("RST amid sending", ALL, BOTH, Fault::Reset, RST),
    amid_sending("FIN amid sending", TCP, BOTH, Fault::Fin, FIN),
    amid_sending("close_notify amid sending", SECURE, BOTH, Fault::Fin, CLOSE_NOTIFY),
    amid_sending("fatal alert amid sending", SECURE, BOTH, Fault::TlsAlert, ALERT),
    amid_sending(
        "close frame amid sending",
        FRAMED,
        BOTH,
        Fault::WebSocketClose { code: 1008, reason: String::new() },
        closed_with(1008),
    ),
    amid_sending(
        "DISCONNECT amid sending",
        ALL,
        V5,
        Fault::Disconnect { reason: 0x97, text: None },
        Drop::disconnect(0x97, HANGUP),
    ),
    amid_sending("black hole amid sending", ALL, BOTH, Fault::BlackHole { lasting: None }, SILENCE),
    // The broker's keep-alive and the client id.
    strike("keep-alive cut", ALL, V5, Fault::KeepAliveCut, Drop::disconnect(0x8D, AWS_ERROR_MQTT_TIMEOUT)),
    strike("keep-alive cut", TCP, V3, Fault::KeepAliveCut, FIN),
    strike("keep-alive cut", TLS, V3, Fault::KeepAliveCut, CLOSE_NOTIFY),
    strike("keep-alive cut", FRAMED, V3, Fault::KeepAliveCut, closed_with(1000)),
    row("taken over", ALL, V5, Act::TakeOver, Drop::disconnect(0x8E, HANGUP)),
    row("taken over", TCP, V3, Act::TakeOver, FIN),
    row("taken over", TLS, V3, Act::TakeOver, CLOSE_NOTIFY),
    row("taken over", FRAMED, V3, Act::TakeOver, closed_with(1000)),
    // Size.
    strike("oversized packet in", ALL, BOTH, Fault::OversizedPublish(100_000), OVER_OUR_LIMIT),
    row("oversized packet out", ALL, V5, Act::Publish(2000), Drop::disconnect(0x95, PROTOCOL)),
    row("oversized packet out", TCP, V3, Act::Publish(2000), FIN),
    row("oversized packet out", TLS, V3, Act::Publish(2000), CLOSE_NOTIFY),
    row("oversized packet out", FRAMED, V3, Act::Publish(2000), closed_with(1000)),
    // What is no MQTT, or not here.
    strike("malformed packet", ALL, BOTH, Fault::MalformedPacket, VIOLATION),
    strike("garbage", ALL, BOTH, Fault::Garbage, VIOLATION),
    strike("second CONNACK", TCP, V3, bytes(&[0x20, 2, 0, 0]), VIOLATION),
    strike("second CONNACK", TCP, V5, bytes(&[0x20, 3, 0, 0, 0]), VIOLATION),
    strike("PINGREQ from the broker", TCP, BOTH, bytes(&[0xC0, 0]), VIOLATION),
    strike("PUBACK nobody waits for", TCP, BOTH, bytes(&[0x40, 2, 0, 1]), VIOLATION),
    strike("AUTH nobody asked for", TCP, BOTH, bytes(&[0xF0, 2, 0x18, 0]), VIOLATION),
    strike("endless remaining length", TCP, BOTH, bytes(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF]), VIOLATION),
    // DISCONNECT in every form MQTT 5 allows; none is allowed in 3.1.1.
    strike("DISCONNECT", ALL, V3, bytes(&[0xE0, 0]), ILLEGAL_DISCONNECT),
    strike("DISCONNECT with a reason", TCP, V3, bytes(&[0xE0, 1, 0x8E]), ILLEGAL_DISCONNECT),
    strike("DISCONNECT without a reason", ALL, V5, bytes(&[0xE0, 0]), Drop::disconnect(0x00, HANGUP)),
    strike("DISCONNECT with a reason", ALL, V5, bytes(&[0xE0, 1, 0x8E]), Drop::disconnect(0x8E, HANGUP)),
    strike("DISCONNECT unheard of", TCP, V5, bytes(&[0xE0, 1, 0xEE]), Drop::disconnect(0xEE, HANGUP)),
];

/// Every reason with which a server may send DISCONNECT.
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
