//! The meaning of MQTT reason codes, CONNACK codes and WebSocket close codes: the one table of each.

/// The meaning of an MQTT 5 reason code that reports an error (0x80 and above).
pub fn reason_words(code: u8) -> Option<&'static str> {
    Some(match code {
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
        0x8a => "banned",
        0x8b => "server shutting down",
        0x8c => "bad authentication method",
        0x8d => "keep-alive timeout: it heard nothing from here for 1.5 × keep-alive",
        0x8e => "session taken over by another client with the same id",
        0x8f => "topic filter invalid",
        0x90 => "topic name invalid",
        0x91 => "packet identifier in use",
        0x92 => "packet identifier not found",
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
        0x9d => "server moved",
        0x9e => "shared subscriptions not supported",
        0x9f => "connection rate exceeded",
        0xa0 => "maximum connect time",
        0xa1 => "subscription identifiers not supported",
        0xa2 => "wildcard subscriptions not supported",
        _ => return None,
    })
}

/// The meaning of the reason code of a DISCONNECT. A server may also send those below 0x80.
pub fn disconnect_words(code: u8) -> Option<&'static str> {
    match code {
        0x00 => Some("normal disconnection"),
        0x04 => Some("disconnect with will message"),
        other => reason_words(other),
    }
}

/// Why a CONNECT was refused and what to look at, as a clause. Codes 1 to 5 are MQTT 3.1.1's whatever was
/// requested, because brokers that do not know MQTT 5 answer in the older form.
pub fn connack_refusal(code: u8) -> &'static str {
    match code {
        1 => "this broker does not speak the requested protocol version",
        2 | 0x85 => "the broker does not accept this client id",
        3 => "the broker is not available at the moment",
        4 | 0x86 => "user name or password is wrong or malformed",
        5 | 0x87 => "not authorized: check user name, password, certificate and the broker's access rules",
        0x84 => "this broker does not speak MQTT 5",
        0x8c => "the broker requires another authentication method",
        other => disconnect_words(other).unwrap_or(UNKNOWN_CODE),
    }
}

/// The clause for a code that is in none of the tables.
pub const UNKNOWN_CODE: &str = "a code this version does not know";

/// The meaning of a CONNACK code of either protocol version.
pub fn connack_words(code: u8) -> Option<&'static str> {
    match code {
        0 => Some("accepted"),
        1 => Some("unacceptable protocol version"),
        2 => Some("client id rejected"),
        3 => Some("server unavailable"),
        4 => Some("bad user name or password"),
        5 => Some("not authorized"),
        other => reason_words(other),
    }
}

/// Whether a CONNACK code of either protocol version means that the credentials were refused.
pub fn is_credentials_refusal(code: u8) -> bool {
    matches!(code, 4 | 5 | 0x86 | 0x87 | 0x8c)
}

/// The meaning of a WebSocket close code (RFC 6455 §7.4.1 and the IANA registry).
pub fn websocket_close_words(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code given",
        1006 => "closed without a close frame",
        1007 => "invalid data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal server error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS handshake failed",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_name_refused_credentials() {
        for code in [4, 5, 0x86, 0x87, 0x8c] {
            assert!(is_credentials_refusal(code), "{code}");
            assert!(connack_words(code).is_some(), "{code}");
        }
        for code in [0, 1, 2, 3, 0x85, 0x88] {
            assert!(!is_credentials_refusal(code), "{code}");
        }
    }

    #[test]
    fn every_code_of_the_specifications_has_a_meaning() {
        assert!((0x80..=0xa2).all(|code| reason_words(code).is_some()));
        assert!((0..=5).all(|code| connack_words(code).is_some()));
        let reserved = [1004];
        assert!((1000..=1015).all(|code| websocket_close_words(code).is_some() != reserved.contains(&code)));
        for code in (1..=5).chain(0x80..=0xa2) {
            assert_ne!(connack_refusal(code), UNKNOWN_CODE, "{code}");
        }
        assert_eq!(connack_refusal(9), UNKNOWN_CODE);
        assert_eq!(disconnect_words(0x04), Some("disconnect with will message"));
    }

    #[test]
    fn unknown_numbers_have_no_words() {
        assert_eq!(reason_words(0xa3), None);
        assert_eq!(connack_words(77), None);
        assert_eq!(websocket_close_words(4000), None);
    }
}
