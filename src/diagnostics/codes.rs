//! What do the numbers in MQTT and WebSocket refusals and closings mean?

/// The words of MQTT 5 for a DISCONNECT or CONNACK reason code of a server (0x80 and above).
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

/// The words for a CONNACK code of either protocol version.
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

/// Whether a CONNACK code says that the credentials were refused, in either protocol version.
pub fn is_credentials_refusal(code: u8) -> bool {
    matches!(code, 4 | 5 | 0x86 | 0x87 | 0x8c)
}

/// The words of RFC 6455 for a WebSocket close code.
pub fn websocket_close_words(code: u16) -> Option<&'static str> {
    Some(match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code given",
        1007 => "invalid data",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension missing",
        1011 => "internal server error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
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
    fn unknown_numbers_have_no_words() {
        assert_eq!(reason_words(0x92), None);
        assert_eq!(connack_words(77), None);
        assert_eq!(websocket_close_words(4000), None);
    }
}
