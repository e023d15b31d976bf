//! Whole messages: the fixtures' documented values, the reference client's payloads, and hostile input.

mod commands;
mod documented;
mod hostile;

use serde_json::Value;

use super::topic::{ClientIdentity, DeviceAddress};
use super::{Feature, MessageContent, ParsedMessage};

fn text(name: &str) -> &'static str {
    match name {
        "status" => include_str!("../../../../tests/fixtures/navien-status.json"),
        "feature" => include_str!("../../../../tests/fixtures/navien-feature.json"),
        "energy" => include_str!("../../../../tests/fixtures/navien-energy.json"),
        "reservation" => include_str!("../../../../tests/fixtures/navien-reservation.json"),
        "tou" => include_str!("../../../../tests/fixtures/navien-tou.json"),
        _ => include_str!("../../../../tests/fixtures/navien-commands.json"),
    }
}

fn fixture(name: &str) -> Value {
    serde_json::from_str(text(name)).unwrap()
}

fn device() -> DeviceAddress {
    DeviceAddress::new(52, "aabbccddeeff", "5322").unwrap()
}

fn client() -> ClientIdentity {
    ClientIdentity::new("navien-client-0a1b2c3d", "00112233445566778899aabbccddeeff").unwrap()
}

/// Where the answer of a fixture arrives.
fn topic(fixture: &Value) -> &str {
    fixture["responseTopic"].as_str().unwrap()
}

fn parse(fixture: &Value) -> ParsedMessage {
    ParsedMessage::parse(topic(fixture), fixture.to_string().as_bytes()).unwrap()
}

fn feature() -> Feature {
    match parse(&fixture("feature")).content {
        MessageContent::Feature(feature) => *feature,
        other => panic!("{other:?}"),
    }
}
