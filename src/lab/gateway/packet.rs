//! What kind of MQTT packet is this, how long is it, and what is on its label?
//!
//! Only as much is read as the ailments need; what is wrong with a packet is the server's business.

use crate::lab::Version;

/// A packet of which more than the label is needed is not looked into when it is longer than this.
const LONGEST_READ: usize = 128 * 1024;

/// The packets that matter to an ailment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Connect,
    ConnAck,
    Publish,
    Subscribe,
    SubAck,
    PingReq,
    PingResp,
    Disconnect,
    Other,
}

/// The beginning of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) kind: Kind,
    /// Length of the whole packet.
    pub(super) length: usize,
    /// Where the variable header begins.
    pub(super) body: usize,
    /// How much of the packet must be there to work on it.
    pub(super) needed: usize,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Too few to tell.
    Incomplete,
    /// At least `needed` bytes of this packet are there.
    Packet(Label),
    /// Not a packet's beginning.
    NotMqtt,
}

/// Looks at the next packet.
pub(super) fn walk(bytes: &[u8]) -> Walk {
    let Some(&first) = bytes.first() else { return Walk::Incomplete };
    let (mut remaining, mut body) = (0_usize, 1);
    loop {
        let Some(&byte) = bytes.get(body) else { return Walk::Incomplete };
        remaining |= usize::from(byte & 0x7F) << (7 * (body - 1));
        body += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if body == 5 {
            return Walk::NotMqtt;
        }
    }
    let length = body + remaining;
    let mut kind = match first >> 4 {
        1 => Kind::Connect,
        2 => Kind::ConnAck,
        3 => Kind::Publish,
        8 => Kind::Subscribe,
        9 => Kind::SubAck,
        12 => Kind::PingReq,
        13 => Kind::PingResp,
        14 => Kind::Disconnect,
        0 => return Walk::NotMqtt,
        _ => Kind::Other,
    };
    let needed = match kind {
        Kind::Connect | Kind::ConnAck | Kind::SubAck if length <= LONGEST_READ => length,
        Kind::Connect | Kind::ConnAck | Kind::SubAck => {
            kind = Kind::Other;
            body
        }
        Kind::Publish => match bytes.get(body..body + 2) {
            Some(size) => (body + 2 + usize::from(u16::from_be_bytes([size[0], size[1]]))).min(length),
            None => (body + 2).min(length),
        },
        _ => body,
    };
    if bytes.len() < needed { Walk::Incomplete } else { Walk::Packet(Label { kind, length, body, needed }) }
}

/// The topic of a PUBLISH of which the needed part is there.
pub(super) fn topic<'a>(bytes: &'a [u8], label: &Label) -> Option<&'a str> {
    std::str::from_utf8(bytes.get(label.body + 2..label.needed)?).ok()
}

/// What a CONNECT says about its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) version: Version,
    pub(super) client_id: String,
    pub(super) keep_alive_secs: u16,
}

/// Reads a whole CONNECT; `None` if it makes no sense.
pub(super) fn asked(bytes: &[u8], label: &Label) -> Option<Asked> {
    let mut rest = bytes.get(label.body..label.length)?;
    text(&mut rest)?;
    let &[level, _flags, high, low, ..] = rest else { return None };
    rest = &rest[4..];
    let version = if level == 5 { Version::V5 } else { Version::V311 };
    if version == Version::V5 {
        let (length, size) = variable(rest)?;
        rest = rest.get(size + length..)?;
    }
    let client_id = String::from_utf8_lossy(text(&mut rest)?).into_owned();
    Some(Asked { version, client_id, keep_alive_secs: u16::from_be_bytes([high, low]) })
}

/// Whether a CONNACK lets the client in.
pub(super) fn is_welcome(bytes: &[u8], label: &Label) -> bool {
    bytes.get(label.body + 1) == Some(&0)
}

/// The return codes of a SUBACK.
pub(super) fn suback_codes<'a>(bytes: &'a mut [u8], label: &Label, version: Version) -> Option<&'a mut [u8]> {
    let mut start = label.body + 2;
    if version == Version::V5 {
        let (length, size) = variable(bytes.get(start..)?)?;
        start += size + length;
    }
    bytes.get_mut(start..label.length)
}

/// Takes a length-prefixed text off the front.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = rest.get(..2)?;
    let end = 2 + usize::from(u16::from_be_bytes([size[0], size[1]]));
    let text = rest.get(2..end)?;
    *rest = &rest[end..];
    Some(text)
}

/// A variable-length number and its own length.
fn variable(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, index + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(bytes: &[u8]) -> Label {
        match walk(bytes) {
            Walk::Packet(label) => label,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn labels_are_read_as_soon_as_they_are_there() {
        let publish = b"\x30\x07\x00\x03a/bxy";
        for part in 0..publish.len() - 2 {
            assert_eq!(walk(&publish[..part]), Walk::Incomplete, "{part}");
        }
        let head = label(&publish[..7]);
        assert_eq!((head.kind, head.length, topic(publish, &head)), (Kind::Publish, 9, Some("a/b")));
        assert_eq!(label(b"\xC0\x00\x30").length, 2);
        assert_eq!(walk(b"\x30\xFF\xFF\xFF\xFF\x01"), Walk::NotMqtt);
        assert_eq!(walk(b"\x00\x00"), Walk::NotMqtt);
        let lying = label(b"\x30\x03\x00\x09a");
        assert_eq!(topic(b"\x30\x03\x00\x09a", &lying), Some("a"));
        assert_eq!(label(b"\x30\x00").needed, 2);
        assert_eq!(topic(b"\x30\x00", &label(b"\x30\x00")), None);
        assert_eq!(label(&[0x10, 0xFF, 0xFF, 0x7F]).kind, Kind::Other, "too long to be looked into");
    }

    #[test]
    fn a_connect_tells_version_id_and_keep_alive() {
        let old = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x";
        let expected = Asked { version: Version::V311, client_id: "x".into(), keep_alive_secs: 60 };
        assert_eq!(asked(old, &label(old)), Some(expected));
        let new = b"\x10\x13\x00\x04MQTT\x05\x02\x00\x05\x05\x11\x00\x00\x00\x01\x00\x01y";
        let expected = Asked { version: Version::V5, client_id: "y".into(), keep_alive_secs: 5 };
        assert_eq!(asked(new, &label(new)), Some(expected));
        for end in 2..old.len() {
            let mut cut = old[..end].to_vec();
            cut[1] = u8::try_from(end - 2).unwrap();
            assert_eq!(asked(&cut, &label(&cut)), None, "{end}");
        }
    }

    #[test]
    fn suback_codes_are_found_in_both_versions() {
        let mut old = *b"\x90\x04\x00\x07\x00\x01";
        let head = label(&old);
        assert_eq!(suback_codes(&mut old, &head, Version::V311).unwrap(), [0, 1]);
        let mut new = *b"\x90\x05\x00\x07\x01\xFF\x02";
        let head = label(&new);
        assert_eq!(suback_codes(&mut new, &head, Version::V5).unwrap(), [2]);
        let mut short = *b"\x90\x01\x00";
        let head = label(&short);
        assert_eq!(suback_codes(&mut short, &head, Version::V5), None);
    }
}
