//! How are manners, layers, phases, codes and lengths of time said in plain words?
//!
//! Everything that writes prose about a drop (screens, reports, log lines) says it with these, so that
//! one thing has one name.

use std::time::Duration;

use super::event::{How, Initiator, Layer, Phase};

/// The manner of an ending in two or three words, for labels: `peer closed (FIN)`.
pub fn how(how: Option<How>) -> &'static str {
    match how {
        Some(How::Fin) => "peer closed (FIN)",
        Some(How::Rst) => "reset (RST)",
        Some(How::TlsClose) => "TLS closed",
        Some(How::TlsAlert) => "TLS alert",
        Some(How::WsClose) => "WebSocket closed",
        Some(How::Disconnect) => "broker said DISCONNECT",
        Some(How::PingTimeout) => "no answer to the ping",
        Some(How::Io) => "read or write failed",
        Some(How::Local) => "this computer",
        None => "not recorded",
    }
}

/// The manner in one word, for narrow columns: `FIN`, `silence`.
pub fn how_short(how: Option<How>) -> &'static str {
    match how {
        Some(How::Fin) => "FIN",
        Some(How::Rst) => "RST",
        Some(How::TlsClose) => "TLS close",
        Some(How::TlsAlert) => "TLS alert",
        Some(How::WsClose) => "WS close",
        Some(How::Disconnect) => "DISCONNECT",
        Some(How::PingTimeout) => "silence",
        Some(How::Io) => "I/O error",
        Some(How::Local) => "local",
        None => "unknown",
    }
}

/// The layer as its protocol is written.
pub fn layer(layer: Option<Layer>) -> &'static str {
    match layer {
        Some(Layer::Dns) => "DNS",
        Some(Layer::Tcp) => "TCP",
        Some(Layer::Tls) => "TLS",
        Some(Layer::Websocket) => "WebSocket",
        Some(Layer::Mqtt) => "MQTT",
        Some(Layer::Local) => "local",
        None => "-",
    }
}

/// The connect phase as its protocol is written.
pub fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "DNS",
        Phase::Tcp => "TCP",
        Phase::Tls => "TLS",
        Phase::Websocket => "WebSocket",
        Phase::Connack => "CONNACK",
    }
}

/// Who ended a session on purpose.
pub fn initiator(by: Initiator) -> &'static str {
    match by {
        Initiator::User => "by you",
        Initiator::Experiment => "by an experiment",
        Initiator::Shutdown => "the run is over",
    }
}

/// An MQTT 5 reason code of a DISCONNECT or CONNACK in words; `None` for a code the standard lacks.
pub fn reason_code(code: u8) -> Option<&'static str> {
    Some(match code {
        0x00 => "normal disconnection",
        0x04 => "disconnect with will message",
        0x80 => "unspecified error",
        0x81 => "malformed packet",
        0x82 => "protocol error",
        0x83 => "implementation specific error",
        0x84 => "unsupported protocol version",
        0x85 => "client id not valid",
        0x86 => "bad user name or password",
        0x87 => "not authorized",
        0x88 => "server unavailable",
        0x89 => "server busy",
        0x8A => "banned",
        0x8B => "server shutting down",
        0x8C => "bad authentication method",
        0x8D => "keep-alive timeout",
        0x8E => "session taken over by another client with the same id",
        0x8F => "topic filter invalid",
        0x90 => "topic name invalid",
        0x93 => "receive maximum exceeded",
        0x94 => "topic alias invalid",
        0x95 => "packet too large",
        0x96 => "message rate too high",
        0x97 => "quota exceeded",
        0x98 => "administrative action",
        0x99 => "payload format invalid",
        0x9A => "retain not supported",
        0x9B => "QoS not supported",
        0x9C => "use another server",
        0x9D => "server moved",
        0x9E => "shared subscriptions not supported",
        0x9F => "connection rate exceeded",
        0xA0 => "maximum connect time",
        0xA1 => "subscription identifiers not supported",
        0xA2 => "wildcard subscriptions not supported",
        _ => return None,
    })
}

/// A WebSocket close code (RFC 6455) in words; `None` for a code without a standard meaning.
pub fn ws_close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code given",
        1006 => "closed without a close frame",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS failure",
        _ => return None,
    })
}

/// A length of time as one says it: `350 ms`, `1.9 s`, `58 s`, `4 min 5 s`, `4 h 21 min`, `3 d 4 h`.
///
/// At most two units; exact enough to compare two drops, short enough to read at once.
pub fn span(length: Duration) -> String {
    let secs = length.as_secs_f64();
    if secs < 0.9995 {
        return format!("{:.0} ms", secs * 1_000.0);
    }
    if secs < 9.95 {
        return format!("{secs:.1} s");
    }
    let whole = Duration::from_secs_f64(secs.round()).as_secs();
    let (units, names) = match whole {
        0..60 => return format!("{whole} s"),
        60..3_600 => ((whole / 60, whole % 60), ("min", "s")),
        3_600..86_400 => ((whole / 3_600, whole % 3_600 / 60), ("h", "min")),
        _ => ((whole / 86_400, whole % 86_400 / 3_600), ("d", "h")),
    };
    match units {
        (large, 0) => format!("{large} {}", names.0),
        (large, small) => format!("{large} {} {small} {}", names.0, names.1),
    }
}

/// The smallest and the largest of some lengths: `58 s`, or `58 s to 1 min 1 s` when they differ in words.
pub fn range(least: Duration, most: Duration) -> String {
    let (least, most) = (span(least), span(most));
    if least == most { least } else { format!("{least} to {most}") }
}

/// `1 drop`, `2 drops`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_spoken() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0 ms"),
            (0.35, "350 ms"),
            (0.9996, "1.0 s"),
            (1.94, "1.9 s"),
            (9.96, "10 s"),
            (58.2, "58 s"),
            (59.7, "1 min"),
            (245.0, "4 min 5 s"),
            (15_667.0, "4 h 21 min"),
            (273_700.0, "3 d 4 h"),
        ];
        for (secs, words) in cases {
            assert_eq!(span(Duration::from_secs_f64(*secs)), *words, "{secs}");
        }
        assert_eq!(range(Duration::from_secs(58), Duration::from_secs(61)), "58 s to 1 min 1 s");
        assert_eq!(range(Duration::from_millis(58_100), Duration::from_millis(58_200)), "58 s");
    }

    #[test]
    fn codes_have_words_or_none() {
        assert_eq!(reason_code(0x8E), Some("session taken over by another client with the same id"));
        assert_eq!(reason_code(0x7F), None);
        assert_eq!(ws_close_code(1001), Some("going away"));
        assert_eq!(ws_close_code(4000), None);
    }

    #[test]
    fn counts_agree_in_number() {
        assert_eq!(count(1, "drop", "drops"), "1 drop");
        assert_eq!(count(0, "drop", "drops"), "0 drops");
    }
}
