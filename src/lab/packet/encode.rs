//! Encoding of the packets that a server sends.

use crate::diagnostics::MqttVersion;
use bytes::{BufMut, BytesMut};

/// Appends MQTT's variable-length "remaining length".
pub(in crate::lab) fn put_remaining_length(mut length: usize, out: &mut BytesMut) {
    loop {
        let byte = u8::try_from(length & 0x7F).unwrap_or(0x7F);
        length >>= 7;
        out.put_u8(if length > 0 { byte | 0x80 } else { byte });
        if length == 0 {
            break;
        }
    }
}

/// Appends a CONNACK with any code; `properties` (already encoded) only for MQTT 5.
pub(in crate::lab) fn put_connack(
    version: MqttVersion,
    session_present: bool,
    code: u8,
    properties: &[u8],
    out: &mut BytesMut,
) {
    out.put_u8(0x20);
    match version {
        MqttVersion::V311 => out.put_slice(&[2, u8::from(session_present), code]),
        MqttVersion::V5 => {
            let mut body = BytesMut::new();
            put_remaining_length(properties.len(), &mut body);
            body.put_slice(properties);
            put_remaining_length(2 + body.len(), out);
            out.put_slice(&[u8::from(session_present), code]);
            out.put_slice(&body);
        }
    }
}

/// Appends a PUBACK (0x40), PUBREC (0x50) or PUBCOMP (0x70): the same in both versions.
pub(in crate::lab) fn put_acknowledgement(packet_type: u8, packet_id: u16, out: &mut BytesMut) {
    out.put_slice(&[packet_type, 2]);
    out.put_u16(packet_id);
}

/// Appends a SUBACK (0x90) or UNSUBACK (0xB0) with its codes.
pub(in crate::lab) fn put_codes(
    version: MqttVersion,
    packet_type: u8,
    packet_id: u16,
    codes: &[u8],
    out: &mut BytesMut,
) {
    out.put_u8(packet_type);
    put_remaining_length(2 + usize::from(version == MqttVersion::V5) + codes.len(), out);
    out.put_u16(packet_id);
    if version == MqttVersion::V5 {
        out.put_u8(0);
    }
    out.put_slice(codes);
}

/// Appends an MQTT 5 DISCONNECT with any reason code and an optional reason string. `terse` leaves
/// out the length of absent properties, as the protocol allows and Mosquitto does.
pub(in crate::lab) fn put_disconnect(reason: u8, text: Option<&str>, terse: bool, out: &mut BytesMut) {
    let text = text.unwrap_or_default();
    if terse && text.is_empty() {
        out.put_slice(&[0xE0, 1, reason]);
        return;
    }
    let mut properties = BytesMut::new();
    if !text.is_empty() {
        properties.put_u8(0x1F);
        properties.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
        properties.put_slice(&text.as_bytes()[..text.len().min(usize::from(u16::MAX))]);
    }
    let mut body = BytesMut::new();
    put_remaining_length(properties.len(), &mut body);
    body.put_slice(&properties);
    out.put_u8(0xE0);
    put_remaining_length(1 + body.len(), out);
    out.put_u8(reason);
    out.put_slice(&body);
}
