//! Packet forms that the specifications allow and few brokers send.

use super::*;

fn accepted(protocol: MqttVersion) -> Engine {
    let mut engine = Engine::new(protocol, 64 * 1024);
    accept(&mut engine);
    engine
}

/// The fixed header and a body.
fn packet(first: u8, body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut bytes = vec![first];
    let mut length = body.len();
    while length > 127 {
        bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap());
    bytes.extend(body);
    bytes
}

/// Properties with their length in front.
fn properties(list: &[&[u8]]) -> Vec<u8> {
    let list = list.concat();
    let mut bytes = vec![u8::try_from(list.len()).unwrap()];
    bytes.extend(list);
    bytes
}

/// The only packet in the bytes.
fn meaning(engine: &mut Engine, bytes: &[u8]) -> InboundPacket {
    let (mut packets, failure) = read(engine, bytes);
    assert_eq!(failure, None, "{bytes:02x?}");
    assert_eq!(packets.len(), 1, "{bytes:02x?}");
    packets.remove(0).inbound
}

fn failure(engine: &mut Engine, bytes: &[u8]) -> Failure {
    let (packets, failure) = read(engine, bytes);
    assert!(packets.is_empty(), "{bytes:02x?}");
    failure.unwrap()
}

const REASON: &[u8] = b"\x1f\0\x03why";
const USER: &[u8] = b"\x26\0\x01k\0\x01v";

#[test]
fn a_puback_may_leave_out_its_reason_and_its_properties() {
    let forms: [(&[&[u8]], Option<u8>); 8] = [
        (&[], None),
        (&[&[0x00]], None),
        (&[&[0x10]], None),
        (&[&[0x87]], Some(0x87)),
        (&[&[0x10, 0]], None),
        (&[&[0x97, 0]], Some(0x97)),
        (&[&[0x00], &properties(&[USER])], None),
        (&[&[0x99], &properties(&[REASON, USER, USER])], Some(0x99)),
    ];
    for (rest, refusal) in forms {
        let mut engine = accepted(MqttVersion::V5);
        let publish = OutboundPacket::Publish {
            pkid: 1,
            topic: "t".into(),
            payload: Bytes::new(),
            qos: 1,
            retain: false,
        };
        engine.encode(publish, &mut BytesMut::new()).unwrap();
        let puback = packet(0x40, &[&[0, 1], &rest.concat()]);
        assert_eq!(meaning(&mut engine, &puback), InboundPacket::PubAck { pkid: 1, refusal });
    }
}

#[test]
fn a_suback_may_carry_every_code_and_reasons() {
    let codes: &[u8] = &[0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];
    for list in [&[][..], &[REASON], &[USER, REASON, USER]] {
        let suback = packet(0x90, &[&[3, 0xe8], &properties(list), codes]);
        let expected = InboundPacket::SubAck { pkid: 1000, codes: codes.to_vec() };
        assert_eq!(meaning(&mut accepted(MqttVersion::V5), &suback), expected);
    }
    let suback = packet(0x90, &[&[3, 0xe8], &[0, 1, 2, 0x80]]);
    let expected = InboundPacket::SubAck { pkid: 1000, codes: vec![0, 1, 2, 0x80] };
    assert_eq!(meaning(&mut accepted(MqttVersion::V311), &suback), expected);
}

#[test]
fn an_unsuback_is_understood() {
    assert_eq!(meaning(&mut accepted(MqttVersion::V311), &[0xb0, 2, 0, 9]), InboundPacket::Other);
    for list in [&[][..], &[REASON, USER]] {
        let codes = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];
        let unsuback = packet(0xb0, &[&[0, 9], &properties(list), &codes]);
        assert_eq!(meaning(&mut accepted(MqttVersion::V5), &unsuback), InboundPacket::Other);
    }
}

#[test]
fn a_connack_may_carry_everything() {
    let all = properties(&[
        &[0x11, 0, 0, 0, 60],
        &[0x21, 0, 10],
        &[0x24, 1],
        &[0x25, 1],
        &[0x27, 0, 1, 0, 0],
        b"\x12\0\x02id",
        &[0x22, 0, 5],
        REASON,
        USER,
        USER,
        &[0x28, 1],
        &[0x29, 1],
        &[0x2a, 0],
        &[0x13, 0, 30],
        b"\x1a\0\x04info",
        b"\x1c\0\x05other",
        b"\x15\0\x05PLAIN",
        b"\x16\0\x02\x00\xff",
    ]);
    let mut engine = Engine::new(MqttVersion::V5, 64 * 1024);
    let InboundPacket::ConnAck(accepted) = meaning(&mut engine, &packet(0x20, &[&[1, 0], &all])) else {
        panic!()
    };
    let limits = accepted.limits.unwrap();
    assert_eq!((accepted.session_present, accepted.server_keep_alive, limits.len()), (true, Some(30), 10));
    assert_eq!((limits["shared_subscription_available"], limits["session_expiry_interval"]), (0, 60));
}

#[test]
fn a_publish_may_carry_everything_and_any_topic() {
    let all = properties(&[
        &[0x01, 1],
        &[0x02, 0, 0, 0, 9],
        b"\x08\0\x05reply",
        b"\x09\0\x02\x00\xff",
        USER,
        b"\x03\0\x04text",
        USER,
    ]);
    let topics = ["$SYS/broker/uptime", "/", "a//b", "日本/温度", "$aws/events/presence/x"];
    for topic in topics {
        let length = u16::try_from(topic.len()).unwrap().to_be_bytes();
        for (qos, id) in [(0, &[][..]), (1, &[0, 7]), (2, &[0, 7])] {
            for payload in [&b""[..], b"payload"] {
                let first = 0x31 | (qos << 1);
                let expected =
                    InboundPacket::Publish { topic: Bytes::from(topic), payload: Bytes::from(payload), qos };
                for list in [&[0][..], &all] {
                    let publish = packet(first, &[&length, topic.as_bytes(), id, list, payload]);
                    assert_eq!(meaning(&mut accepted(MqttVersion::V5), &publish), expected);
                }
                let publish = packet(first, &[&length, topic.as_bytes(), id, payload]);
                assert_eq!(meaning(&mut accepted(MqttVersion::V311), &publish), expected);
            }
        }
    }
}

#[test]
fn several_subscription_identifiers_do_not_run_into_the_payload() {
    let ids: &[&[u8]] = &[&[0x0b, 1], &[0x0b, 2], &[0x0b, 0x80, 1], &[0x0b, 4]];
    for list in [properties(ids), properties(&[ids, &[USER]].concat())] {
        for (first, id) in [(0x30, &[][..]), (0x32, &[0, 7])] {
            let publish = packet(first, &[&[0, 1, b't'], id, &list, b"payload"]);
            let qos = (first & 0b0110) >> 1;
            let expected =
                InboundPacket::Publish { topic: Bytes::from("t"), payload: Bytes::from("payload"), qos };
            assert_eq!(meaning(&mut accepted(MqttVersion::V5), &publish), expected);
        }
    }
}

#[test]
fn a_pubrel_may_leave_out_its_reason() {
    for rest in [&[][..], &[0], &[0, 0]] {
        let mut engine = accepted(MqttVersion::V5);
        meaning(&mut engine, &[0x34, 6, 0, 1, b't', 0, 7, 0]);
        assert_eq!(meaning(&mut engine, &packet(0x62, &[&[0, 7], rest])), InboundPacket::Other);
        let mut written = BytesMut::new();
        engine.encode(OutboundPacket::Replies, &mut written).unwrap();
        assert_eq!(written.as_ref(), [0x50, 2, 0, 7, 0x70, 2, 0, 7]);
    }
}

#[test]
fn a_disconnect_reports_its_reason_in_every_form() {
    let elsewhere: &[u8] = b"\x1c\0\x09host:1883";
    let forms: [(Vec<u8>, u8, &str); 6] = [
        (vec![], 0x00, "normal disconnection"),
        (vec![0x9d], 0x9d, "moved"),
        (vec![0x8b, 0], 0x8b, "shutting down"),
        ([&[0x98][..], &properties(&[USER, REASON])].concat(), 0x98, "reason string \"why\""),
        ([&[0xee][..], &properties(&[REASON])].concat(), 0xee, "reason string \"why\""),
        ([&[0x9c][..], &properties(&[&[0x11, 0, 0, 0, 1], elsewhere, USER])].concat(), 0x9c, "host:1883"),
    ];
    for (body, code, words) in forms {
        let failure = failure(&mut accepted(MqttVersion::V5), &packet(0xe0, &[&body]));
        assert_eq!((failure.reason_code, failure.how), (Some(code), DropKind::Disconnect));
        assert!(failure.detail.contains(words), "{}", failure.detail);
        let failure = failure_in_3_1_1(&body);
        assert_eq!((failure.reason_code, failure.name.code), (None, 5127));
    }
}

fn failure_in_3_1_1(body: &[u8]) -> Failure {
    failure(&mut accepted(MqttVersion::V311), &packet(0xe0, &[body]))
}

#[test]
fn a_refusal_reports_reason_string_and_server_reference() {
    let elsewhere: &[u8] = b"\x1c\0\x09host:1883";
    for (code, list, words) in [
        (0x87, &[REASON][..], "reason string \"why\""),
        (0xee, &[USER, REASON], "reason string \"why\""),
        (0x9d, &[elsewhere], "host:1883"),
    ] {
        let connack = packet(0x20, &[&[0, code], &properties(list)]);
        let failure = failure(&mut Engine::new(MqttVersion::V5, 4096), &connack);
        assert_eq!(failure.return_code, Some(code));
        assert!(failure.detail.contains(words), "{}", failure.detail);
    }
}

#[test]
fn auth_without_authentication_method_is_a_violation() {
    for mut engine in [accepted(MqttVersion::V311), accepted(MqttVersion::V5)] {
        for auth in [&[0xf0, 0][..], &[0xf0, 1, 0x18], &[0xf0, 2, 0x18, 0]] {
            let failure = failure(&mut engine, auth);
            assert_eq!((failure.how, failure.name.code), (DropKind::Io, 5130));
            assert!(failure.detail.contains("AUTH, which a client must never receive"), "{}", failure.detail);
        }
    }
}
