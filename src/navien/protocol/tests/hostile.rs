//! Damaged and hostile messages: no panic, bounded growth, and no field lost beside the damaged one.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::diagnostics::clean::is_printable;
use crate::navien::protocol::timetable::{RecirculationPeriod, TariffPeriod};
use crate::navien::protocol::topic::ParsedTopic;
use crate::navien::protocol::{
    Baseline, DisplayUnits, FieldValue, MessageParseError, Status, Temperature, TemperatureUnit,
};

const NAMES: [&str; 5] = ["status", "feature", "energy", "reservation", "tou"];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-300_i64..300).prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[-+]?[0-9]{0,20}[.]?[0-9]{0,5}(e[0-9]{1,3})?".prop_map(Value::from),
        "[0-9a-f]{0,60}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(".{0,12}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Formats everything that can be shown of a message.
fn format_everything(message: &ParsedMessage) {
    let _ = format!("{message:?}");
    for unit in [TemperatureUnit::Celsius, TemperatureUnit::Fahrenheit] {
        let lines: Vec<String> = match &message.content {
            MessageContent::Status(status) => {
                let _ = (status.usable_energy(), status.is_heating(), status.freeze_limits());
                Baseline::default().observe(status);
                words(status.list(status.view(Some(unit)))).chain(status.error_words()).collect()
            }
            MessageContent::Feature(feature) => words(feature.list(feature.view(Some(unit)))).collect(),
            MessageContent::Energy(report) => {
                let _ = report.sum().heat_pump_percent();
                words(report.sum().list(DisplayUnits::of(unit))).collect()
            }
            MessageContent::Reservations(table) | MessageContent::WeeklyReservations(table) => {
                table.entries.iter().map(|entry| entry.words(unit)).collect()
            }
            MessageContent::Recirculation(table) => {
                table.entries.iter().map(RecirculationPeriod::words).collect()
            }
            MessageContent::TimeOfUse(table) => table.entries.iter().map(TariffPeriod::words).collect(),
            MessageContent::Request { .. } | MessageContent::AppConnection | MessageContent::Other => {
                Vec::new()
            }
        };
        for line in lines {
            assert!(line.chars().all(is_printable), "{line:?}");
            assert!(line.chars().count() < 200, "{line:?}");
        }
    }
}

fn words(shown: Vec<FieldValue>) -> impl Iterator<Item = String> {
    shown.into_iter().filter_map(|shown| shown.words)
}

/// All values of a status by their wire names.
fn values_by_wire_name(fields: &Map<String, Value>) -> Vec<(&'static str, Option<String>)> {
    let status = Status::read(fields);
    status.list(DisplayUnits::default()).into_iter().map(|shown| (shown.field.wire, shown.words)).collect()
}

fn status_fields() -> Map<String, Value> {
    fixture("status")["response"]["status"].as_object().unwrap().clone()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_bytes_never_panic(
        which in 0..NAMES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
        topic in ".{0,60}",
    ) {
        let mut bytes = fixture(NAMES[which]).to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(message) = ParsedMessage::parse(&topic, &bytes) {
            format_everything(&message);
        }
    }

    #[test]
    fn any_json_on_any_topic_never_panics(
        value in any_json(),
        key in prop::sample::select(vec!["response", "status", "did", "request", "usage", "reservation", "schedule"]),
        topic in prop::sample::select(vec![
            "", "cmd/52/c/res/rsv/rd", "cmd/52/c/res/tou/rd", "cmd/52/c/res/energy-usage-daily-query/rd",
            "cmd/52/c/res/recirc-rsv/rd", "evt/52/navilink-x/app-connection", "cmd/52/navilink-x/st",
        ]),
    ) {
        for value in [json!({"response": {key: &value}}), json!({key: &value}), value] {
            if let Ok(message) = ParsedMessage::parse(topic, value.to_string().as_bytes()) {
                format_everything(&message);
            }
        }
    }

    /// Damaged fields do not change the others.
    #[test]
    fn damage_stays_in_its_field(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..30),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        strange in prop::collection::btree_map("[^a-z]{1,80}", any_json(), 0..30),
    ) {
        let sound = status_fields();
        let names: Vec<String> = sound.keys().cloned().collect();
        let mut damaged = sound.clone();
        let mut touched = std::collections::BTreeSet::new();
        for (at, value) in damage {
            let name = at.get(&names);
            damaged.insert(name.clone(), value);
            touched.insert(name.clone());
        }
        for at in removed {
            let name = at.get(&names);
            damaged.remove(name);
            touched.insert(name.clone());
        }
        damaged.extend(strange);
        let before = values_by_wire_name(&sound);
        let after = values_by_wire_name(&damaged);
        for ((wire, before), (_, after)) in before.into_iter().zip(after) {
            prop_assert!(touched.contains(wire) || before == after, "{wire}: {before:?} became {after:?}");
        }
        let unparsed = Status::read(&damaged).unparsed;
        prop_assert!(unparsed.unknown.len() <= 16 && unparsed.unreadable.len() <= 102);
    }

    #[test]
    fn topics_never_panic(topic in ".{0,80}", tail in "(cmd|evt)/[0-9]{1,6}/(navilink-)?.{0,9}/?(res|st|ctrl)?.{0,9}") {
        let _ = (ParsedTopic::parse(&topic), ParsedTopic::parse(&tail));
    }

    #[test]
    fn a_setting_survives_the_wire(raw in 0_i16..=255) {
        let set = Temperature::from_halves(raw);
        for unit in [TemperatureUnit::Celsius, TemperatureUnit::Fahrenheit] {
            prop_assert_eq!(Temperature::setting(set.degrees(unit), unit), Some(set));
        }
        let fields = json!({"dhwTemperature": raw});
        prop_assert_eq!(Status::read(fields.as_object().unwrap()).dhw_temperature, Some(set));
    }
}

#[test]
fn invalid_messages_give_an_error() {
    let topic = "cmd/52/navilink-aabbccddeeff/st";
    let deep = format!("{{\"response\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (bytes, expected) in [
        (&b"<html>\x00\xff not JSON"[..], MessageParseError::NotJson),
        (b"", MessageParseError::NotJson),
        (b"[1]", MessageParseError::NotAnObject),
        (b"7", MessageParseError::NotAnObject),
        (deep.as_bytes(), MessageParseError::NotJson),
        (&vec![b' '; 300_000], MessageParseError::TooLarge),
    ] {
        assert_eq!(ParsedMessage::parse(topic, bytes).unwrap_err(), expected);
    }
}

#[test]
fn an_invalid_byte_in_a_text_affects_only_that_text() {
    let mut bytes = fixture("feature").to_string().into_bytes();
    let at = bytes.windows(10).position(|window| window == b"00000000AA").unwrap();
    bytes[at] = 0xFF;
    bytes.push(0);
    let MessageContent::Feature(read) = ParsedMessage::parse("", &bytes).unwrap().content else {
        panic!("no feature")
    };
    assert_eq!(read.serial_number.as_deref(), Some("\u{fffd}0000000AA00000000"));
    assert_eq!(Feature { serial_number: None, ..*read }, Feature { serial_number: None, ..feature() });
}

#[test]
fn an_invalid_json_value_affects_only_its_field() {
    let sound = fixture("status").to_string();
    for bad in ["NaN", "-Infinity", "1e999", "007", "+5", "undefined", ".5", "0x1F"] {
        let damaged = sound.replace("\"fanPwm\":118", &format!("\"fanPwm\":{bad}"));
        let damaged = damaged.replace("navien-client", "NaN \\\"NaN\\\\");
        assert!(serde_json::from_str::<Value>(&damaged).is_err(), "{bad}");
        let message = ParsedMessage::parse("", damaged.as_bytes()).unwrap();
        assert!(message.client_id.unwrap().starts_with("NaN \"NaN\\-0a1b"), "texts stay as they are");
        let MessageContent::Status(read) = message.content else { panic!("{bad}") };
        let MessageContent::Status(whole) = parse(&fixture("status")).content else { panic!("no status") };
        assert_eq!(read.fan_pwm, None, "{bad}");
        assert_eq!(Status { fan_pwm: whole.fan_pwm, ..*read }, *whole, "{bad}");
    }
}
