use proptest::prelude::*;

use super::*;

mod legal_forms;

fn both() -> [Engine; 2] {
    [MqttVersion::V311, MqttVersion::V5].map(|protocol| Engine::new(protocol, 4096))
}

fn connack(protocol: MqttVersion) -> &'static [u8] {
    match protocol {
        MqttVersion::V311 => &[0x20, 2, 0, 0],
        MqttVersion::V5 => &[0x20, 3, 0, 0, 0],
    }
}

fn accept(engine: &mut Engine) {
    let bytes = connack(engine.protocol());
    assert_eq!(read(engine, bytes).1, None);
}

/// Everything the engine decodes from `bytes`, until it fails or needs more.
fn read(engine: &mut Engine, bytes: &[u8]) -> (Vec<ReceivedPacket>, Option<Failure>) {
    let mut source = BytesMut::from(bytes);
    let mut packets = Vec::new();
    loop {
        match engine.decode(&mut source) {
            Ok(Some(packet)) => packets.push(packet),
            Ok(None) => return (packets, None),
            Err(CodecError::Failed(failure)) => return (packets, Some(failure)),
            Err(CodecError::Io(error)) => panic!("{error}"),
        }
    }
}

#[test]
fn a_qos_0_publish_is_decoded_alike_on_the_fast_path() {
    let topic = Bytes::from_static(b"a/b");
    let v4: &[u8] = &[0x30, 7, 0, 3, b'a', b'/', b'b', 1, 2];
    let v5: &[u8] = &[0x30, 15, 0, 3, b'a', b'/', b'b', 7, 0x26, 0, 1, b'k', 0, 1, b'v', 1, 2];
    for (mut engine, bytes) in both().into_iter().zip([v4, v5]) {
        accept(&mut engine);
        let (packets, failure) = read(&mut engine, bytes);
        assert_eq!(failure, None);
        let inbound =
            InboundPacket::Publish { topic: topic.clone(), payload: Bytes::from_static(&[1, 2]), qos: 0 };
        assert_eq!(packets, [ReceivedPacket { first: 0x30, bytes: bytes.len(), inbound }]);
    }
}

#[test]
fn a_qos_1_publish_is_answered() {
    let v4: &[u8] = &[0x32, 6, 0, 1, b'a', 1, 2, 9];
    let v5: &[u8] = &[0x32, 7, 0, 1, b'a', 1, 2, 0, 9];
    for (mut engine, bytes) in both().into_iter().zip([v4, v5]) {
        accept(&mut engine);
        assert!(!engine.has_pending_replies());
        assert_eq!(read(&mut engine, bytes).1, None);
        let mut written = BytesMut::new();
        engine.encode(OutboundPacket::Replies, &mut written).unwrap();
        assert_eq!(written.as_ref(), [0x40, 2, 1, 2]);
        assert!(!engine.has_pending_replies());
    }
}

#[test]
fn sizes_are_known_before_sending() {
    for mut engine in both() {
        for (topic, payload, qos) in [("t", 0, 0), ("topic", 118, 1), ("topic", 120, 0), ("t", 3900, 1)] {
            let mut written = BytesMut::new();
            let item = OutboundPacket::Publish {
                pkid: u16::from(qos),
                topic: topic.to_owned(),
                payload: Bytes::from(vec![0; payload]),
                qos,
                retain: false,
            };
            assert!(engine.encode(item, &mut written).is_ok());
            assert_eq!(engine.publish_size(topic.len(), payload, qos), written.len());
            // Frees the packet id.
            if qos > 0 && !engine.connack_received {
                accept(&mut engine);
            }
            if qos > 0 {
                assert_eq!(read(&mut engine, &[0x40, 2, 0, 1]).1, None);
            }
        }
    }
}

#[test]
fn v5_limits_of_zero_are_a_violation_and_others_are_applied() {
    for (connack, in_flight) in [
        (&[0x20u8, 6, 0, 0, 3, 0x21, 0, 0][..], None),
        (&[0x20, 6, 0, 0, 3, 0x21, 0, 2], Some(2)),
        (&[0x20, 6, 0, 0, 3, 0x21, 0xff, 0xff], Some(MAX_IN_FLIGHT)),
    ] {
        let mut engine = Engine::new(MqttVersion::V5, 4096);
        let (packets, failure) = read(&mut engine, connack);
        assert_eq!(
            (packets.len(), failure.is_some()),
            (usize::from(in_flight.is_some()), in_flight.is_none())
        );
        if let Some(in_flight) = in_flight {
            assert_eq!(engine.send_limits().in_flight, in_flight);
        }
    }
}

#[test]
fn disconnects_are_well_formed_in_both_versions() {
    for mut engine in both() {
        let mut written = BytesMut::new();
        engine.encode(OutboundPacket::Disconnect, &mut written).unwrap();
        assert_eq!(written.as_ref(), [0xe0, 0]);
        written.clear();
        engine.encode(OutboundPacket::ErrorDisconnect { too_large: true }, &mut written).unwrap();
        let expected: &[u8] = if engine.protocol() == MqttVersion::V5 { &[0xe0, 2, 0x95, 0] } else { &[] };
        assert_eq!(written.as_ref(), expected);
    }
}

#[test]
fn the_bytes_of_a_truncated_packet_are_counted() {
    for mut engine in both() {
        let mut rest = BytesMut::from(&[0x30, 20, 0, 1][..]);
        assert!(engine.decode_eof(&mut rest).unwrap().is_none());
        assert_eq!((engine.truncated_bytes(), rest.len()), (4, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), accepted: bool) {
        for mut engine in both() {
            if accepted {
                accept(&mut engine);
            }
            read(&mut engine, &bytes);
        }
    }

    #[test]
    fn packets_with_a_valid_header_do_not_panic(
        kind in 1u8..16,
        flags in 0u8..16,
        body in proptest::collection::vec(prop_oneof![0u8..4, any::<u8>()], 0..100),
    ) {
        let flags = match kind {
            3 => flags,
            6 | 8 | 10 => 2,
            _ => 0,
        };
        let mut bytes = vec![kind << 4 | flags, u8::try_from(body.len()).unwrap()];
        bytes.extend(body);
        for mut engine in both() {
            accept(&mut engine);
            read(&mut engine, &bytes);
        }
    }
}

#[test]
fn subscribe_and_connect_are_encoded_as_specified() {
    let [mut v4, mut v5] = both();
    let subscribe = || OutboundPacket::Subscribe {
        pkid: 1000,
        filters: vec![("a/+".to_owned(), 1), ("b".to_owned(), 0)],
    };
    let filters = b"\0\x03a/+\x01\0\x01b\0";
    let mut written = BytesMut::new();
    v4.encode(subscribe(), &mut written).unwrap();
    assert_eq!(written.as_ref(), [&[0x82, 12, 3, 0xe8][..], filters].concat());
    written.clear();
    v5.encode(subscribe(), &mut written).unwrap();
    assert_eq!(written.as_ref(), [&[0x82, 13, 3, 0xe8, 0][..], filters].concat());

    let connect = |user: &str| {
        OutboundPacket::Connect(ConnectRequest {
            client_id: "id".to_owned(),
            keep_alive: 300,
            clean: true,
            login: Some((user.to_owned(), "pw".into())),
        })
    };
    written.clear();
    v4.encode(connect("u"), &mut written).unwrap();
    assert_eq!(written.as_ref(), b"\x10\x15\0\x04MQTT\x04\xc2\x01\x2c\0\x02id\0\x01u\0\x02pw");
    written.clear();
    v5.encode(connect(""), &mut written).unwrap();
    // Properties: maximum packet size 4096.
    assert_eq!(written.as_ref(), b"\x10\x18\0\x04MQTT\x05\x42\x01\x2c\x05\x27\0\0\x10\0\0\x02id\0\x02pw");
    assert!(!format!("{:?}", connect("u")).contains("pw"));
}
