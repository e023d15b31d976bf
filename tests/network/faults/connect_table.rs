//! The ways a connect fails, with the expected event for each.

use dropscope::diagnostics::error_name::{
    AWS_ERROR_HTTP_PROTOCOL_ERROR, AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT,
    AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE, AWS_ERROR_MQTT_INVALID_PACKET_TYPE,
    AWS_ERROR_MQTT_PROTOCOL_ERROR, AWS_ERROR_MQTT_TIMEOUT, AWS_ERROR_MQTT_UNEXPECTED_HANGUP,
    AWS_IO_DNS_INVALID_NAME, AWS_IO_DNS_QUERY_AGAIN, AWS_IO_SOCKET_CLOSED, AWS_IO_SOCKET_CONNECTION_REFUSED,
    AWS_IO_TLS_CERTIFICATE_EXPIRED, AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID, AWS_IO_TLS_ERROR_ALERT_RECEIVED,
    AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE, AWS_IO_TLS_HOST_NAME_MISMATCH, AWS_IO_TLS_NEGOTIATION_TIMEOUT,
    AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE,
};
use std::borrow::Cow;

use crate::faults::certificates::Certificate;
use crate::faults::expected::{ALL, BOTH, ExpectedFailure, FRAMED, SECURE, TCP, TLS, V3, V5, WS, WSS};
use dropscope::diagnostics::event::{Layer, Phase};
use dropscope::diagnostics::{ErrorName, Transport, VersionChoice};
use dropscope::lab::{Fault, FaultTrigger};

/// One obstacle, where it can occur, and the expected event.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) transports: &'static [Transport],
    pub(crate) versions: &'static [VersionChoice],
    pub(crate) obstacle: Obstacle,
    pub(crate) expected: ExpectedFailure,
}

/// The reason why a connect fails.
pub(crate) enum Obstacle {
    /// The name cannot be resolved.
    NoSuchName,
    /// No server listens.
    PortClosed,
    /// The broker presents a bad certificate.
    BadCertificate(Certificate),
    /// The broker requires a client certificate.
    ClientCertificateRequired,
    /// The broker does this.
    Fault(FaultTrigger, Fault),
    /// The broker does this, and the phase reaches its deadline.
    Stall(FaultTrigger, Fault),
}

type TransportList = &'static [Transport];
type VersionList = &'static [VersionChoice];

const fn row(
    name: &'static str,
    transports: TransportList,
    versions: VersionList,
    obstacle: Obstacle,
    expected: ExpectedFailure,
) -> Row {
    Row { name, transports, versions, obstacle, expected }
}

/// A fault as soon as TCP is accepted.
const fn at_accept(
    name: &'static str,
    transports: TransportList,
    fault: Fault,
    expected: ExpectedFailure,
) -> Row {
    row(name, transports, BOTH, Obstacle::Fault(FaultTrigger::OnAccept, fault), expected)
}

/// A fault in place of the CONNACK.
const fn at_connect(
    name: &'static str,
    transports: TransportList,
    versions: VersionList,
    fault: Fault,
    expected: ExpectedFailure,
) -> Row {
    row(name, transports, versions, Obstacle::Fault(FaultTrigger::OnConnect, fault), expected)
}

const fn stalled(
    name: &'static str,
    transports: TransportList,
    when: FaultTrigger,
    fault: Fault,
    expected: ExpectedFailure,
) -> Row {
    row(name, transports, BOTH, Obstacle::Stall(when, fault), expected)
}

const fn bad_certificate(what: &'static str, certificate: Certificate, name: ErrorName) -> Row {
    row(what, SECURE, BOTH, Obstacle::BadCertificate(certificate), at_tls(name))
}

const fn status(what: &'static str, status: u16) -> Row {
    at_accept(what, FRAMED, Fault::UpgradeStatus(status), ExpectedFailure::http(status, UPGRADE))
}

const fn at_tls(name: ErrorName) -> ExpectedFailure {
    ExpectedFailure::new(Phase::Tls, Layer::Tls, name)
}

const fn at_connack(layer: Layer, name: ErrorName) -> ExpectedFailure {
    ExpectedFailure::new(Phase::Connack, layer, name)
}

const fn at_upgrade(name: ErrorName) -> ExpectedFailure {
    ExpectedFailure::new(Phase::Websocket, Layer::Websocket, name)
}

const fn bytes(bytes: &'static [u8]) -> Fault {
    Fault::Bytes(Cow::Borrowed(bytes))
}

const HANGUP: ErrorName = AWS_ERROR_MQTT_UNEXPECTED_HANGUP;
const PROTOCOL: ErrorName = AWS_ERROR_MQTT_PROTOCOL_ERROR;
const UPGRADE: ErrorName = AWS_ERROR_HTTP_WEBSOCKET_UPGRADE_FAILURE;
const CLOSED: ErrorName = AWS_IO_SOCKET_CLOSED;

const VIOLATION: ExpectedFailure = at_connack(Layer::Mqtt, PROTOCOL);
const NO_NAME: ExpectedFailure = ExpectedFailure {
    offline: Some(AWS_IO_DNS_QUERY_AGAIN),
    ..ExpectedFailure::new(Phase::Dns, Layer::Dns, AWS_IO_DNS_INVALID_NAME)
};
const PORT_REFUSED: ExpectedFailure =
    ExpectedFailure::new(Phase::Tcp, Layer::Tcp, AWS_IO_SOCKET_CONNECTION_REFUSED);
const NO_CONNACK: ExpectedFailure = at_connack(Layer::Mqtt, AWS_ERROR_MQTT_TIMEOUT);
const BLACK_HOLE: Fault = Fault::BlackHole { lasting: None };
const BARE_FIN: Fault = Fault::FinWithoutCloseNotify;

pub(crate) static TABLE: &[Row] = &[
    // Name and port.
    row("no such name", ALL, BOTH, Obstacle::NoSuchName, NO_NAME),
    row("port refused", ALL, BOTH, Obstacle::PortClosed, PORT_REFUSED),
    // Certificates.
    bad_certificate("untrusted certificate", Certificate::Untrusted, AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE),
    bad_certificate("counterfeit certificate", Certificate::Counterfeit, AWS_IO_TLS_UNKNOWN_ROOT_CERTIFICATE),
    bad_certificate("expired certificate", Certificate::Expired, AWS_IO_TLS_CERTIFICATE_EXPIRED),
    bad_certificate(
        "certificate not yet valid",
        Certificate::NotYetValid,
        AWS_IO_TLS_CERTIFICATE_NOT_YET_VALID,
    ),
    bad_certificate("certificate of another host", Certificate::WrongName, AWS_IO_TLS_HOST_NAME_MISMATCH),
    // In TLS 1.3 the server reports it only after the handshake.
    row(
        "no client certificate",
        TLS,
        BOTH,
        Obstacle::ClientCertificateRequired,
        at_connack(Layer::Tls, AWS_IO_TLS_ERROR_ALERT_RECEIVED),
    ),
    row(
        "no client certificate",
        WSS,
        BOTH,
        Obstacle::ClientCertificateRequired,
        ExpectedFailure::new(Phase::Websocket, Layer::Tls, AWS_IO_TLS_ERROR_ALERT_RECEIVED),
    ),
    // The TLS handshake.
    at_accept("handshake_failure", SECURE, Fault::TlsRefusal(40), at_tls(AWS_IO_TLS_ERROR_ALERT_RECEIVED)),
    at_accept("unrecognized_name", SECURE, Fault::TlsRefusal(112), at_tls(AWS_IO_TLS_ERROR_ALERT_RECEIVED)),
    at_accept("no TLS at all", SECURE, Fault::Garbage, at_tls(AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE)),
    at_accept("FIN in the handshake", SECURE, BARE_FIN, ExpectedFailure::new(Phase::Tls, Layer::Tcp, CLOSED)),
    stalled(
        "silent handshake",
        SECURE,
        FaultTrigger::OnAccept,
        BLACK_HOLE,
        at_tls(AWS_IO_TLS_NEGOTIATION_TIMEOUT),
    ),
    // The WebSocket upgrade.
    status("upgrade answered 200", 200),
    status("upgrade redirected", 301),
    status("upgrade refused", 401),
    status("upgrade refused", 403),
    status("upgrade refused", 404),
    status("upgrade refused", 426),
    status("upgrade refused", 429),
    status("upgrade refused", 500),
    status("upgrade refused", 503),
    at_accept("missing subprotocol", FRAMED, Fault::NoSubprotocol, at_upgrade(UPGRADE)),
    at_accept("no HTTP at all", WS, Fault::Garbage, at_upgrade(AWS_ERROR_HTTP_PROTOCOL_ERROR)),
    at_accept("FIN in the upgrade", WS, BARE_FIN, ExpectedFailure::new(Phase::Websocket, Layer::Tcp, CLOSED)),
    stalled(
        "silent upgrade",
        WS,
        FaultTrigger::OnAccept,
        BLACK_HOLE,
        at_upgrade(AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT),
    ),
    // In place of the CONNACK.
    stalled("no CONNACK", ALL, FaultTrigger::OnConnect, Fault::HoldConnack, NO_CONNACK),
    stalled("black hole before CONNACK", ALL, FaultTrigger::OnConnect, BLACK_HOLE, NO_CONNACK),
    stalled("silent port", TCP, FaultTrigger::OnAccept, BLACK_HOLE, NO_CONNACK),
    at_accept("FIN before CONNACK", TCP, BARE_FIN, at_connack(Layer::Tcp, HANGUP)),
    at_connect("FIN before CONNACK", TCP, BOTH, Fault::Fin, at_connack(Layer::Tcp, HANGUP)),
    at_connect("FIN before CONNACK", WS, BOTH, Fault::Fin, at_connack(Layer::Tcp, CLOSED)),
    at_connect("close_notify before CONNACK", SECURE, BOTH, Fault::Fin, at_connack(Layer::Tls, HANGUP)),
    at_connect("FIN without close_notify", TLS, BOTH, BARE_FIN, at_connack(Layer::Tcp, CLOSED)),
    at_connect("RST before CONNACK", ALL, BOTH, Fault::Reset, at_connack(Layer::Tcp, CLOSED)),
    at_connect(
        "fatal alert before CONNACK",
        SECURE,
        BOTH,
        Fault::TlsAlert,
        at_connack(Layer::Tls, AWS_IO_TLS_ERROR_ALERT_RECEIVED),
    ),
    at_connect(
        "close frame before CONNACK",
        FRAMED,
        BOTH,
        Fault::WebSocketClose { code: 1008, reason: String::new() },
        at_connack(Layer::Websocket, HANGUP),
    ),
    at_accept("garbage before CONNACK", TCP, Fault::Garbage, VIOLATION),
    at_connect("garbage before CONNACK", ALL, BOTH, Fault::Garbage, VIOLATION),
    at_connect("HTTP instead of MQTT", TCP, BOTH, bytes(b"HTTP/1.1 400 Bad Request\r\n\r\n"), VIOLATION),
    at_connect("PUBLISH before CONNACK", TCP, V3, bytes(&[0x30, 3, 0, 1, b'a']), VIOLATION),
    at_connect("PUBLISH before CONNACK", TCP, V5, bytes(&[0x30, 4, 0, 1, b'a', 0]), VIOLATION),
    at_connect("CONNACK cut short", TCP, BOTH, bytes(&[0x20, 1, 0]), VIOLATION),
    at_connect("oversized CONNACK", TCP, V5, bytes(&[0x20, 0x80, 0x80, 0x40]), VIOLATION),
    at_connect("receive maximum 0", TCP, V5, bytes(&[0x20, 6, 0, 0, 3, 0x21, 0, 0]), VIOLATION),
    at_connect(
        "DISCONNECT before CONNACK",
        TCP,
        V3,
        bytes(&[0xE0, 0]),
        at_connack(Layer::Mqtt, AWS_ERROR_MQTT_INVALID_PACKET_TYPE),
    ),
    at_connect(
        "DISCONNECT before CONNACK",
        TCP,
        V5,
        bytes(&[0xE0, 1, 0x89]),
        at_connack(Layer::Mqtt, HANGUP),
    ),
    // An old broker's answer to MQTT 5.
    at_connect(
        "version refused in the old form",
        ALL,
        V5,
        bytes(&[0x20, 2, 0, 1]),
        ExpectedFailure::refused(1, PROTOCOL),
    ),
];

/// CONNACK codes of MQTT 3.1.1, one of them reserved.
pub(crate) static REFUSALS_V3: &[u8] = &[1, 2, 3, 4, 5, 6];

/// CONNACK reasons of MQTT 5, one of them not in the standard.
pub(crate) static REFUSALS_V5: &[u8] = &[
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A,
    0x9B, 0x9C, 0x9D, 0x9F, 0xEE,
];
