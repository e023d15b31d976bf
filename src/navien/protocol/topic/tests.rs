//! Topics are built and parsed.

use super::*;

fn heater() -> DeviceAddress {
    DeviceAddress::new(52, "aabbccddeeff", "5322").unwrap()
}

fn client() -> ClientIdentity {
    ClientIdentity::new("navien-client-0a1b2c3d", "00112233445566778899aabbccddeeff").unwrap()
}

#[test]
fn filters_have_the_documented_form() {
    assert_eq!(heater().filter(), "cmd/52/navilink-aabbccddeeff/#");
    assert_eq!(client().filter(52), "cmd/52/navien-client-0a1b2c3d/res/#");
    assert_eq!(heater().event_filter(), "evt/52/navilink-aabbccddeeff/#");
}

#[test]
fn own_topics_are_parsed() {
    let mac_address = "aabbccddeeff";
    for request_topic in RequestTopic::ALL {
        let topic = heater().topic(request_topic);
        assert_eq!(
            ParsedTopic::parse(&topic),
            Some(ParsedTopic::Request { mac_address, request_topic: Some(request_topic) }),
            "{topic}"
        );
        let answer = client().answer_topic(&heater(), request_topic);
        let Some(ParsedTopic::Answer { mac_address: topic_mac_address, client_id, answer_topic: subject }) =
            ParsedTopic::parse(&answer)
        else {
            panic!("{answer}");
        };
        assert_eq!(
            (client_id, subject),
            ("navien-client-0a1b2c3d", request_topic.answer_topic()),
            "{answer}"
        );
        assert_eq!(topic_mac_address.is_some(), request_topic.answer_topic() == AnswerTopic::General);
    }
    let topic = heater().app_connection_topic();
    assert_eq!(ParsedTopic::parse(&topic), Some(ParsedTopic::Event { mac_address, is_app_connection: true }));
}

#[test]
fn unusual_topics_are_classified() {
    for (topic, subject) in [
        ("cmd/52/c/res/rsv-weekly/rd", Some(AnswerTopic::WeeklyReservations)),
        ("cmd/52/c/res/recirc-rsv/rd", Some(AnswerTopic::Recirculation)),
        ("cmd/52/c/res", Some(AnswerTopic::General)),
        ("cmd/52/c/res/", Some(AnswerTopic::General)),
        ("cmd/52/c/res/new/rd", Some(AnswerTopic::Other)),
        ("cmd/52/navilink-m/c/res/elsewhere", Some(AnswerTopic::Other)),
        ("cmd/52/navilink-m/res", Some(AnswerTopic::Other)),
        ("cmd/52/navilink-m", Some(AnswerTopic::Other)),
        ("cmd/52/c/result", None),
        ("cmd/x/navilink-m/st", None),
        ("evt/52/c/res", None),
        ("demo/water-heater/status", None),
        ("cmd/52", None),
        ("", None),
    ] {
        assert_eq!(ParsedTopic::parse(topic).map(ParsedTopic::answer_topic), subject, "{topic}");
    }
}

#[test]
fn names_cannot_add_topic_levels() {
    for bad in ["", "a/b", "#", "+", "a\u{0}", "a\u{202e}b", &"a".repeat(65)] {
        assert!(DeviceAddress::new(52, bad, "").is_err(), "{bad:?}");
        assert!(ClientIdentity::new(bad, "").is_err(), "{bad:?}");
    }
    let shown = format!("{:?} {:?}", heater(), client());
    assert!(!shown.contains("aabb") && !shown.contains("0a1b") && !shown.contains("0011"), "{shown}");
}
