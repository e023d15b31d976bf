//! The codes of the MQTT specifications in plain words.

use std::fmt::Write as _;

use super::properties::ReasonProperties;
use super::wire::sanitize_text;
use crate::diagnostics::codes;

/// Why a CONNECT was refused, in words.
pub(super) fn connack_refusal_text(code: u8, properties: ReasonProperties<'_>) -> String {
    let meaning = codes::connack_refusal(code);
    // Each specification writes its codes in its own way.
    let code = if code < 0x80 { code.to_string() } else { format!("0x{code:02X}") };
    with_reason_properties(
        &format!("the broker refused the connection with code {code}: {meaning}"),
        properties,
    )
}

/// Why a server sent DISCONNECT, in words.
pub(super) fn server_disconnect_text(code: u8, properties: ReasonProperties<'_>) -> String {
    let meaning = codes::disconnect_words(code).unwrap_or(codes::UNKNOWN_CODE);
    with_reason_properties(&format!("the broker sent DISCONNECT 0x{code:02X}: {meaning}"), properties)
}

fn with_reason_properties(sentence: &str, properties: ReasonProperties<'_>) -> String {
    let mut sentence = sentence.to_owned();
    if let Some(reason) = properties.reason_string.filter(|reason| !reason.is_empty()) {
        let _ = write!(sentence, "; reason string \"{}\"", sanitize_text(reason));
    }
    if let Some(server) = properties.server_reference.filter(|server| !server.is_empty()) {
        let _ = write!(sentence, "; server reference \"{}\"", sanitize_text(server));
    }
    sentence
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
    fn control_characters_of_peers_are_escaped() {
        let properties = ReasonProperties {
            reason_string: Some("by\u{1b}[31m\r\nyou\u{202e}"),
            server_reference: Some("a\u{1b}b"),
        };
        let text = server_disconnect_text(0x8e, properties);
        assert!(text.contains("taken over") && text.contains("by\\u{1b}[31m"), "{text}");
        assert!(text.contains("server reference \"a\\u{1b}b\""), "{text}");
        assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'));
    }

    #[test]
    fn every_refusal_has_a_text() {
        for code in [1, 2, 3, 4, 5, 0x80, 0x84, 0x86, 0x87, 0x8a, 0x97, 0x9f] {
            assert!(
                !connack_refusal_text(code, ReasonProperties::default()).contains("does not know"),
                "{code}"
            );
        }
        assert!(connack_refusal_text(9, ReasonProperties::default()).contains("code 9:"));
        assert!(connack_refusal_text(0x87, ReasonProperties::default()).contains("code 0x87:"));
        assert_eq!(packet_name(0xd0), "PINGRESP");
    }
}
