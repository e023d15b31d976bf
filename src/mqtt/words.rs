//! What do the codes of the MQTT specifications mean in plain words?

use std::fmt::Write as _;

use super::wire::foreign_text;

/// The protocol version a session speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    V311,
    V5,
}

impl Protocol {
    /// As written in recordings.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

/// Why a CONNECT was refused, in words. Codes 1 to 5 are MQTT 3.1.1's whatever was asked for, because
/// brokers that do not know MQTT 5 answer in the older form.
pub(super) fn refusal(code: u8, reason: Option<&str>) -> String {
    let meaning = match code {
        1 => "this broker does not speak the protocol version asked for",
        2 | 0x85 => "the broker does not accept this client id",
        3 => "the broker is not available at the moment",
        4 | 0x86 => "user name or password is wrong or malformed",
        5 | 0x87 => "not authorised: check user name, password, certificate and the broker's access rules",
        0x84 => "this broker does not speak MQTT 5",
        0x8c => "the broker wants another authentication method",
        other => reason_words(other),
    };
    with_reason(&format!("the broker refused the connection with code {code}: {meaning}"), reason)
}

/// Why a server sent DISCONNECT, in words.
pub(super) fn server_disconnect(code: u8, reason: Option<&str>) -> String {
    let meaning = reason_words(code);
    with_reason(&format!("the broker sent DISCONNECT 0x{code:02X}: {meaning}"), reason)
}

fn with_reason(sentence: &str, reason: Option<&str>) -> String {
    let mut sentence = sentence.to_owned();
    if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
        let _ = write!(sentence, "; it says \"{}\"", foreign_text(reason));
    }
    sentence
}

/// A reason code of MQTT 5 in words.
pub(super) fn reason_words(code: u8) -> &'static str {
    match code {
        0x00 => "normal disconnection",
        0x04 => "disconnect with will message",
        0x80 => "unspecified error",
        0x81 => "it received a malformed packet",
        0x82 => "protocol error",
        0x83 => "an implementation specific error",
        0x84 => "unsupported protocol version",
        0x85 => "client id not valid",
        0x86 => "bad user name or password",
        0x87 => "not authorised",
        0x88 => "server unavailable",
        0x89 => "server busy",
        0x8a => "this client is banned",
        0x8b => "the server is shutting down",
        0x8c => "bad authentication method",
        0x8d => "keep-alive timeout: it heard nothing from here for 1.5 × keep-alive",
        0x8e => "session taken over: another connection used the same client id",
        0x8f => "topic filter invalid",
        0x90 => "topic name invalid",
        0x93 => "receive maximum exceeded",
        0x94 => "topic alias invalid",
        0x95 => "packet too large",
        0x96 => "message rate too high",
        0x97 => "quota exceeded",
        0x98 => "administrative action",
        0x99 => "payload format invalid",
        0x9a => "retain not supported",
        0x9b => "QoS not supported",
        0x9c => "use another server",
        0x9d => "the server has moved",
        0x9e => "shared subscriptions not supported",
        0x9f => "connection rate exceeded",
        0xa0 => "maximum connect time reached",
        0xa1 => "subscription identifiers not supported",
        0xa2 => "wildcard subscriptions not supported",
        _ => "a code this version does not know",
    }
}

/// The name of an MQTT packet by the first byte of its header.
pub(super) fn packet_name(first: u8) -> &'static str {
    const NAMES: [&str; 16] = [
        "RESERVED",
        "CONNECT",
        "CONNACK",
        "PUBLISH",
        "PUBACK",
        "PUBREC",
        "PUBREL",
        "PUBCOMP",
        "SUBSCRIBE",
        "SUBACK",
        "UNSUBSCRIBE",
        "UNSUBACK",
        "PINGREQ",
        "PINGRESP",
        "DISCONNECT",
        "AUTH",
    ];
    NAMES[usize::from(first >> 4)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_cannot_reach_the_terminal() {
        let text = server_disconnect(0x8e, Some("by\u{1b}[31m\r\nyou\u{202e}"));
        assert!(text.contains("taken over") && text.contains("by\\u{1b}[31m"), "{text}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'));
    }

    #[test]
    fn every_refusal_has_words() {
        for code in [1, 2, 3, 4, 5, 0x80, 0x84, 0x86, 0x87, 0x8a, 0x97, 0x9f] {
            assert!(!refusal(code, None).contains("does not know"), "{code}");
        }
        assert!(refusal(9, None).contains("code 9"));
        assert_eq!(packet_name(0xd0), "PINGRESP");
    }
}
