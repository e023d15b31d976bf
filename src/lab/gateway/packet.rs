//! The headers of MQTT packets: kind, length, topic, and the fields that faults need.
//!
//! A malformed packet is forwarded: the server reports it.

use crate::diagnostics::MqttVersion;

/// A packet whose body is needed is not parsed when it is longer than this, in bytes.
const MAX_PARSED_PACKET: usize = 128 * 1024;

/// The packet types that matter to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PacketKind {
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
pub(super) struct PacketHeader {
    pub(super) kind: PacketKind,
    /// Length of the whole packet.
    pub(super) length: usize,
    /// Offset of the variable header.
    pub(super) body: usize,
    /// How many bytes of the packet must be present to work on it.
    pub(super) needed: usize,
}

/// The result of parsing a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderParse {
    /// Too few bytes.
    Incomplete,
    /// At least `needed` bytes of this packet are present.
    Packet(PacketHeader),
    /// Not the beginning of a packet.
    NotMqtt,
}

/// Parses the header of the next packet.
pub(super) fn parse_header(bytes: &[u8]) -> HeaderParse {
    let Some(&first) = bytes.first() else { return HeaderParse::Incomplete };
    let (mut remaining, mut body) = (0_usize, 1);
    loop {
        let Some(&byte) = bytes.get(body) else { return HeaderParse::Incomplete };
        remaining |= usize::from(byte & 0x7F) << (7 * (body - 1));
        body += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if body == 5 {
            return HeaderParse::NotMqtt;
        }
    }
    let length = body + remaining;
    let mut kind = match first >> 4 {
        1 => PacketKind::Connect,
        2 => PacketKind::ConnAck,
        3 => PacketKind::Publish,
        8 => PacketKind::Subscribe,
        9 => PacketKind::SubAck,
        12 => PacketKind::PingReq,
        13 => PacketKind::PingResp,
        14 => PacketKind::Disconnect,
        0 => return HeaderParse::NotMqtt,
        _ => PacketKind::Other,
    };
    let needed = match kind {
        PacketKind::Connect | PacketKind::ConnAck | PacketKind::SubAck if length <= MAX_PARSED_PACKET => {
            length
        }
        PacketKind::Connect | PacketKind::ConnAck | PacketKind::SubAck => {
            kind = PacketKind::Other;
            body
        }
        PacketKind::Publish => match bytes.get(body..body + 2) {
            Some(size) => (body + 2 + usize::from(u16::from_be_bytes([size[0], size[1]]))).min(length),
            None => (body + 2).min(length),
        },
        _ => body,
    };
    if bytes.len() < needed {
        HeaderParse::Incomplete
    } else {
        HeaderParse::Packet(PacketHeader { kind, length, body, needed })
    }
}

/// The topic of a PUBLISH whose needed bytes are present.
pub(super) fn topic<'a>(bytes: &'a [u8], header: &PacketHeader) -> Option<&'a str> {
    std::str::from_utf8(bytes.get(header.body + 2..header.needed)?).ok()
}

/// The fields of a CONNECT that faults need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConnectFields {
    pub(super) version: MqttVersion,
    pub(super) client_id: String,
    pub(super) keep_alive_secs: u16,
}

/// Parses a whole CONNECT; `None` if it is malformed.
pub(super) fn parse_connect(bytes: &[u8], header: &PacketHeader) -> Option<ConnectFields> {
    let mut rest = bytes.get(header.body..header.length)?;
    take_string(&mut rest)?;
    let &[level, _flags, high, low, ..] = rest else { return None };
    rest = &rest[4..];
    let version = if level == 5 { MqttVersion::V5 } else { MqttVersion::V311 };
    if version == MqttVersion::V5 {
        let (length, size) = read_varint(rest)?;
        rest = rest.get(size + length..)?;
    }
    let client_id = String::from_utf8_lossy(take_string(&mut rest)?).into_owned();
    Some(ConnectFields { version, client_id, keep_alive_secs: u16::from_be_bytes([high, low]) })
}

/// Whether a CONNACK accepts the client.
pub(super) fn is_connack_accepted(bytes: &[u8], header: &PacketHeader) -> bool {
    bytes.get(header.body + 1) == Some(&0)
}

/// The return codes of a SUBACK.
pub(super) fn suback_codes<'a>(
    bytes: &'a mut [u8],
    header: &PacketHeader,
    version: MqttVersion,
) -> Option<&'a mut [u8]> {
    let mut start = header.body + 2;
    if version == MqttVersion::V5 {
        let (length, size) = read_varint(bytes.get(start..)?)?;
        start += size + length;
    }
    bytes.get_mut(start..header.length)
}

/// Removes a length-prefixed string from the front.
fn take_string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let size = rest.get(..2)?;
    let end = 2 + usize::from(u16::from_be_bytes([size[0], size[1]]));
    let text = rest.get(2..end)?;
    *rest = &rest[end..];
    Some(text)
}

/// A variable-length number and the number of its bytes.
fn read_varint(bytes: &[u8]) -> Option<(usize, usize)> {
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

    fn header(bytes: &[u8]) -> PacketHeader {
        match parse_header(bytes) {
            HeaderParse::Packet(header) => header,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn headers_are_parsed_as_soon_as_they_are_complete() {
        let publish = b"\x30\x07\x00\x03a/bxy";
        for part in 0..publish.len() - 2 {
            assert_eq!(parse_header(&publish[..part]), HeaderParse::Incomplete, "{part}");
        }
        let head = header(&publish[..7]);
        assert_eq!((head.kind, head.length, topic(publish, &head)), (PacketKind::Publish, 9, Some("a/b")));
        assert_eq!(header(b"\xC0\x00\x30").length, 2);
        assert_eq!(parse_header(b"\x30\xFF\xFF\xFF\xFF\x01"), HeaderParse::NotMqtt);
        assert_eq!(parse_header(b"\x00\x00"), HeaderParse::NotMqtt);
        let overlong_topic = header(b"\x30\x03\x00\x09a");
        assert_eq!(topic(b"\x30\x03\x00\x09a", &overlong_topic), Some("a"));
        assert_eq!(header(b"\x30\x00").needed, 2);
        assert_eq!(topic(b"\x30\x00", &header(b"\x30\x00")), None);
        assert_eq!(header(&[0x10, 0xFF, 0xFF, 0x7F]).kind, PacketKind::Other, "too long to be parsed");
    }

    #[test]
    fn a_connect_yields_version_client_id_and_keep_alive() {
        let old = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x";
        let expected =
            ConnectFields { version: MqttVersion::V311, client_id: "x".into(), keep_alive_secs: 60 };
        assert_eq!(parse_connect(old, &header(old)), Some(expected));
        let new = b"\x10\x13\x00\x04MQTT\x05\x02\x00\x05\x05\x11\x00\x00\x00\x01\x00\x01y";
        let expected = ConnectFields { version: MqttVersion::V5, client_id: "y".into(), keep_alive_secs: 5 };
        assert_eq!(parse_connect(new, &header(new)), Some(expected));
        for end in 2..old.len() {
            let mut cut = old[..end].to_vec();
            cut[1] = u8::try_from(end - 2).unwrap();
            assert_eq!(parse_connect(&cut, &header(&cut)), None, "{end}");
        }
    }

    #[test]
    fn suback_codes_are_found_in_both_versions() {
        let mut old = *b"\x90\x04\x00\x07\x00\x01";
        let head = header(&old);
        assert_eq!(suback_codes(&mut old, &head, MqttVersion::V311).unwrap(), [0, 1]);
        let mut new = *b"\x90\x05\x00\x07\x01\xFF\x02";
        let head = header(&new);
        assert_eq!(suback_codes(&mut new, &head, MqttVersion::V5).unwrap(), [2]);
        let mut short = *b"\x90\x01\x00";
        let head = header(&short);
        assert_eq!(suback_codes(&mut short, &head, MqttVersion::V5), None);
    }
}
