//! A reader for the properties of an MQTT 5 packet, independent of the codec.
//!
//! The codec of rumqttc 0.25.1 gives no properties when a reason code is new to it, does not read the
//! short forms of DISCONNECT, and miscounts subscription identifiers, so that a part of them ends up in the
//! payload. This module reads the properties that accompany any reason code.

/// Identifier of the reason string (MQTT 5 §2.2.2.2).
const REASON_STRING: u8 = 0x1f;
/// Identifier of the server reference.
const SERVER_REFERENCE: u8 = 0x1c;

/// The properties of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Properties<'a>(&'a [u8]);

/// The texts beside a reason code. They come from the peer: sanitize them before display.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReasonProperties<'a> {
    pub(super) reason_string: Option<&'a str>,
    pub(super) server_reference: Option<&'a str>,
}

impl<'a> Properties<'a> {
    /// Splits off the properties, which begin with their length. `None`: there are fewer bytes than that
    /// length.
    pub(super) fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (length, rest) = variable_integer(bytes)?;
        let (properties, rest) = rest.split_at_checked(length)?;
        Some((Self(properties), rest))
    }

    /// Whether every property is known and complete.
    pub(super) fn is_well_formed(self) -> bool {
        let mut rest = self.0;
        while !rest.is_empty() {
            if next(&mut rest).is_none() {
                return false;
            }
        }
        true
    }

    /// The texts for human readers.
    pub(super) fn reason_properties(self) -> ReasonProperties<'a> {
        ReasonProperties {
            reason_string: self.text(REASON_STRING),
            server_reference: self.text(SERVER_REFERENCE),
        }
    }

    fn text(self, property_id: u8) -> Option<&'a str> {
        let mut rest = self.0;
        while let Some((id, value)) = next(&mut rest) {
            if id == property_id {
                return std::str::from_utf8(value.get(2..)?).ok();
            }
        }
        None
    }
}

impl<'a> ReasonProperties<'a> {
    /// The properties behind a reason code; empty if they are left out or malformed.
    pub(super) fn after_code(bytes: &'a [u8]) -> Self {
        Properties::split(bytes).map(|(properties, _)| properties.reason_properties()).unwrap_or_default()
    }
}

/// Takes one property: its identifier, and its value as encoded.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&id, value) = rest.split_first()?;
    let length = match id {
        0x01 | 0x17 | 0x19 | 0x24 | 0x25 | 0x28 | 0x29 | 0x2a => 1,
        0x13 | 0x21 | 0x22 | 0x23 => 2,
        0x02 | 0x11 | 0x18 | 0x27 => 4,
        0x0b => value.len() - variable_integer(value)?.1.len(),
        0x03 | 0x08 | 0x09 | 0x12 | 0x15 | 0x16 | 0x1a | SERVER_REFERENCE | REASON_STRING => prefixed(value)?,
        0x26 => {
            let key = prefixed(value)?;
            key + prefixed(value.get(key..)?)?
        }
        _ => return None,
    };
    let (value, after) = value.split_at_checked(length)?;
    *rest = after;
    Some((id, value))
}

/// Size of a string or of binary data, its length included.
fn prefixed(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<2>()?;
    Some(2 + usize::from(u16::from_be_bytes(*length)))
}

/// Reads a variable byte integer of at most four bytes; gives the rest too.
fn variable_integer(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reason_properties_are_found_behind_any_other_property() {
        let bytes = b"\x1c\x11\0\0\0\x01\x0b\x80\x01\x26\0\x01k\0\x01v\x1c\0\x01s\x1f\0\x03why\x13\0\x05rest";
        let (properties, rest) = Properties::split(bytes).unwrap();
        assert!(properties.is_well_formed());
        assert_eq!(
            properties.reason_properties(),
            ReasonProperties { reason_string: Some("why"), server_reference: Some("s") }
        );
        assert_eq!(rest, b"rest");
    }

    #[test]
    fn truncated_or_unknown_properties_are_not_well_formed() {
        for bytes in [&b"\x02\x26\0"[..], b"\x01\x1f", b"\x03\x1f\0\x09", b"\x02\x7f\0", b"\x02\x0b\x80"] {
            let (properties, _) = Properties::split(bytes).unwrap();
            assert!(!properties.is_well_formed(), "{bytes:02x?}");
            assert_eq!(properties.reason_properties(), ReasonProperties::default());
        }
        for bytes in [&b""[..], b"\x02\x01", b"\x80", b"\xff\xff\xff\xff\x01"] {
            assert_eq!(Properties::split(bytes), None, "{bytes:02x?}");
            assert_eq!(ReasonProperties::after_code(bytes), ReasonProperties::default());
        }
        assert_eq!(ReasonProperties::after_code(b"\x05\x1f\0\x02\xff\xff"), ReasonProperties::default());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Some((properties, _)) = Properties::split(&bytes) {
                properties.is_well_formed();
                properties.reason_properties();
            }
        }
    }
}
