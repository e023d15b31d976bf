//! The water heater behind the port: commands offered and built, answers matched, state shown.

use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::device::{Confirmation, FactLevel};
use crate::diagnostics::Stamp;
use crate::navien::protocol::TemperatureUnit;

const CLIENT: &str = "navien-client-0a1b2c3d";
const SESSION: &str = "00112233445566778899aabbccddeeff";
const ANSWERS: &str = "cmd/52/navilink-aabbccddeeff/navien-client-0a1b2c3d/res";

fn fixture(name: &str) -> Json {
    let text = match name {
        "status" => include_str!("../../../tests/fixtures/navien-status.json"),
        "feature" => include_str!("../../../tests/fixtures/navien-feature.json"),
        "energy" => include_str!("../../../tests/fixtures/navien-energy.json"),
        "reservation" => include_str!("../../../tests/fixtures/navien-reservation.json"),
        _ => include_str!("../../../tests/fixtures/navien-tou.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-08-03T12:00:00.123456Z".parse().unwrap()
}

fn heater(settings: HeaterSettings) -> Heater {
    let address = topic::DeviceAddress::new(52, "aabbccddeeff", "5322").unwrap();
    Heater::new("Cellar\u{1b}[2J", address, ClientIdentity::new(CLIENT, SESSION).unwrap(), settings, now())
}

fn in_unit(unit: TemperatureUnit) -> Heater {
    heater(HeaterSettings { unit: Some(unit), ..HeaterSettings::default() })
}

fn receive(heater: &mut Heater, topic: &str, payload: &Json) -> DeviceUpdate {
    let payload = payload.to_string();
    let at = Stamp::new(now(), Duration::ZERO);
    heater.handle_message(&DeviceMessage { at, topic, payload: payload.as_bytes(), retained: false })
}

/// A heater that sent one message of each kind.
fn full_heater(unit: TemperatureUnit) -> Heater {
    let mut heater = in_unit(unit);
    for name in ["status", "feature", "energy", "reservation", "tou"] {
        let message = fixture(name);
        let topic = message["responseTopic"].as_str().unwrap();
        assert!(receive(&mut heater, topic, &message).is_sign_of_life, "{name}");
    }
    heater
}

fn spec(heater: &Heater, name: &str) -> CommandSpec {
    heater.commands().iter().find(|spec| *spec.name == *name).cloned().expect(name)
}

fn build(heater: &Heater, name: &str, typed: &[&str]) -> Result<Json, String> {
    let parameters = spec(heater, name).parameters;
    assert_eq!(parameters.len(), typed.len(), "{name}");
    let values: Result<Vec<_>, _> =
        parameters.iter().zip(typed).map(|(parameter, text)| parameter.parse(text)).collect();
    let context = CommandContext { correlation_id: "x", client_id: CLIENT, now: now() };
    let prepared = heater.build(name, &values?, &context).map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&prepared.payload).unwrap())
}

fn answers(heater: &Heater, name: &str, topic: &str, payload: &Json) -> bool {
    let context = CommandContext { correlation_id: "x", client_id: CLIENT, now: now() };
    let (at, payload) = (Stamp::new(now(), Duration::ZERO), payload.to_string());
    heater.is_answer(
        name,
        &context,
        &DeviceMessage { at, topic, payload: payload.as_bytes(), retained: false },
    )
}

fn value(heater: &Heater, label: &str) -> Option<(String, FactLevel)> {
    let facts = heater.facts();
    let fact = facts.iter().find(|fact| *fact.label == *label)?;
    Some((fact.value.to_string(), fact.level))
}

#[test]
fn settings_need_the_reported_limits() {
    let mut heater = in_unit(TemperatureUnit::Celsius);
    let why = |heater: &Heater, name: &str| spec(heater, name).unavailable.map(|why| why.to_string());
    assert!(why(&heater, "temperature").unwrap().contains("has not reported"));
    assert_eq!((why(&heater, "status"), why(&heater, "info")), (None, None));
    assert_eq!(spec(&heater, "info").interval, Some(Duration::from_secs(60)), "requested again soon");
    let feature = fixture("feature");
    receive(&mut heater, ANSWERS, &feature);
    assert_eq!(why(&heater, "temperature"), None);
    assert_eq!(why(&heater, "hot-button").as_deref(), Some("this device has no recirculation"));
    assert_eq!(spec(&heater, "info").interval, Some(Duration::from_secs(1800)));
    assert_eq!(
        spec(&heater, "temperature").parameters[0].range(),
        "40.5 to 65.5 °C, to the nearest 0.5",
        "104.9 to 149.9 °F are the limits of the fixture"
    );
    let mut beyond_limits = feature.clone();
    beyond_limits["response"]["feature"]["dhwTemperatureMax"] = json!(250);
    receive(&mut heater, ANSWERS, &beyond_limits);
    assert_eq!(spec(&heater, "temperature").parameters[0].range(), "40.5 to 70.0 °C, to the nearest 0.5");
}

#[test]
fn dangerous_commands_are_confirmed_by_typing_and_irreversible_ones_are_hidden() {
    let heater = full_heater(TemperatureUnit::Celsius);
    for (name, confirm) in [
        ("status", Confirmation::None),
        ("energy", Confirmation::None),
        ("mode", Confirmation::Ask),
        ("temperature", Confirmation::Type),
        ("power-off", Confirmation::Type),
        ("anti-legionella-off", Confirmation::Type),
        ("set-reservations", Confirmation::Type),
        ("wifi-reconnect", Confirmation::Type),
    ] {
        assert_eq!(spec(&heater, name).confirm, confirm, "{name}");
    }
    let one_way = ["wifi-reset", "firmware-update"];
    assert!(heater.commands().iter().all(|spec| !one_way.contains(&&*spec.name)));
    let context = CommandContext { correlation_id: "x", client_id: CLIENT, now: now() };
    let by_name = heater.build("wifi-reset", &[], &context);
    assert!(matches!(by_name, Err(BuildError::Unavailable(_))), "refused even by its name");
    let irreversible_heater =
        self::heater(HeaterSettings { allow_one_way: true, ..HeaterSettings::default() });
    assert!(one_way.iter().all(|name| spec(&irreversible_heater, name).confirm == Confirmation::Type));
    assert!(
        spec(&irreversible_heater, "wifi-reset").explanation.unwrap().contains("may be ignored"),
        "an unverified command carries a note"
    );
}

#[test]
fn sixty_degrees_are_sixty_degrees_in_any_unit() {
    // The reference client sends raw 31 (15.5 °C) for 60.0 with a device that shows °C.
    let param = |heater: &Heater, typed: &str| {
        build(heater, "temperature", &[typed]).map(|payload| payload["request"]["param"].clone())
    };
    let celsius = full_heater(TemperatureUnit::Celsius);
    assert_eq!(param(&celsius, "60.0"), Ok(json!([120])));
    let fahrenheit = full_heater(TemperatureUnit::Fahrenheit);
    assert_eq!(param(&fahrenheit, "140"), Ok(json!([120])));
    assert!(param(&fahrenheit, "60").is_err() && param(&celsius, "140").is_err());
    let mut own = heater(HeaterSettings::default());
    let (mut status, feature) = (fixture("status"), fixture("feature"));
    status["response"]["status"]["temperatureType"] = json!(1);
    receive(&mut own, ANSWERS, &feature);
    receive(&mut own, ANSWERS, &status);
    assert_eq!(param(&own, "60"), Ok(json!([120])), "the device's own unit");
}

#[test]
fn typed_values_become_wire_fields() {
    let heater = full_heater(TemperatureUnit::Celsius);
    let entry = r#"[{"enable":2,"week":124,"hour":6,"min":30,"mode":3,"param":120}]"#;
    for (name, typed, field, expected) in [
        ("mode", vec!["energy saver"], "param", json!([3])),
        ("vacation", vec!["7"], "param", json!([5, 7])),
        ("energy", vec!["", ""], "month", json!([8])),
        ("energy", vec!["8, 9", "2025"], "year", json!(2025)),
        ("energy", vec!["", ""], "year", json!(2026)),
        ("set-reservations", vec!["", entry], "reservationUse", json!(2)),
        ("set-reservations", vec!["off", entry], "reservationUse", json!(1)),
        ("set-reservations", vec!["on", "[]"], "reservationUse", json!(1)),
        ("tariff", vec![], "controllerSerialNumber", json!("00000000AA00000000")),
    ] {
        let payload = build(&heater, name, &typed).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(payload["request"][field], expected, "{name} {typed:?}");
    }
    assert!(build(&heater, "mode", &["vacation"]).is_err(), "vacation needs its days");
    assert!(build(&heater, "set-reservations", &["on", "nonsense"]).unwrap_err().contains("JSON list"));
    let context = CommandContext { correlation_id: "x", client_id: CLIENT, now: now() };
    for (name, values) in [
        ("temperature", vec![]),
        ("temperature", vec![Value::Integer(120), Value::Integer(1)]),
        ("temperature", vec![Value::Integer(i64::MAX)]),
        ("temperature", vec![Value::Integer(132)]),
        ("temperature", vec![Value::Text("hot\u{1b}".into())]),
        ("status", vec![Value::Flag(true)]),
        ("nothing", vec![]),
    ] {
        let refusal = heater.build(name, &values, &context).unwrap_err();
        assert!(matches!(refusal, BuildError::Parameter(_) | BuildError::Unknown(_)), "{refusal:?}");
        let refusal = refusal.to_string();
        assert!(!refusal.is_empty() && !refusal.contains('\u{1b}'), "{name}: {refusal}");
    }
}

#[test]
fn an_answer_matches_its_own_request_only() {
    let heater = full_heater(TemperatureUnit::Celsius);
    let (status, feature, energy) = (fixture("status"), fixture("feature"), fixture("energy"));
    assert!(answers(&heater, "status", ANSWERS, &status) && answers(&heater, "info", ANSWERS, &feature));
    assert!(answers(&heater, "energy", energy["responseTopic"].as_str().unwrap(), &energy));
    assert!(!answers(&heater, "info", ANSWERS, &status));
    assert!(
        !answers(&heater, "temperature", ANSWERS, &status),
        "a requested status answers no control command"
    );
    let mut control_answer = status.clone();
    control_answer["requestTopic"] = json!("cmd/52/navilink-aabbccddeeff/ctrl");
    assert!(answers(&heater, "temperature", ANSWERS, &control_answer));
    assert!(!answers(&heater, "status", ANSWERS, &control_answer));
    control_answer.as_object_mut().unwrap().remove("requestTopic");
    assert!(
        answers(&heater, "temperature", ANSWERS, &control_answer),
        "an answer need not repeat the request topic"
    );
    let other_topic = ANSWERS.replace("0a1b2c3d", "99999999");
    assert!(!answers(&heater, "status", &other_topic, &status));
    let mut other = status.clone();
    other["response"]["macAddress"] = json!("000000000000");
    assert!(!answers(&heater, "status", ANSWERS, &other));
    assert!(!answers(&heater, "status", "cmd/52/navilink-aabbccddeeff/st", &status), "our own request");
}

#[test]
fn facts_begin_with_the_state() {
    let celsius = full_heater(TemperatureUnit::Celsius);
    let labels: Vec<_> = celsius.facts().iter().take(8).map(|fact| fact.label.to_string()).collect();
    assert_eq!(
        labels,
        ["Hot water", "Setpoint", "Mode", "Operation", "Heated by", "Power", "Tank charge", "Wi-Fi"]
    );
    assert_eq!(value(&celsius, "Hot water"), Some(("58.5 °C".into(), FactLevel::Normal)));
    let fahrenheit = full_heater(TemperatureUnit::Fahrenheit);
    assert_eq!(value(&fahrenheit, "Hot water"), Some(("137.3 °F".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Heated by"), Some(("heat pump".into(), FactLevel::Good)));
    assert_eq!(value(&celsius, "Mode"), Some(("Energy Saver".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Usable energy"), Some(("4564 Wh".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Energy 2025-09").unwrap().0, "57.64 kWh");
    assert_eq!(value(&celsius, "Heat pump share").unwrap().0, "95 %");
    assert_eq!(value(&celsius, "Errors"), Some(("none".into(), FactLevel::Good)));
    assert!(!celsius.title().contains('\u{1b}'));

    let groups = celsius.details();
    let titles: Vec<_> = groups.iter().map(|group| &*group.title).collect();
    assert_eq!(titles, ["State", "Equipment", "Energy", "Reservations", "Tariff"]);
    assert_eq!(groups[0].facts.len(), 102, "every field of the wire");
    assert_eq!(&*groups[3].facts[1].value, "on Mon–Fri 06:30 Energy Saver 60.0 °C");
}

#[test]
fn errors_come_first() {
    let mut heater = in_unit(TemperatureUnit::Celsius);
    let mut message = fixture("status");
    let status = &mut message["response"]["status"];
    for (name, number) in [
        ("errorCode", 799),
        ("subErrorCode", 0),
        ("wtrOvrSensorUse", 2),
        ("wifiRssi", -84),
        ("dhwChargePer", 5),
    ] {
        status[name] = json!(number);
    }
    receive(&mut heater, ANSWERS, &message);
    let facts = heater.facts();
    assert_eq!((&*facts[0].value, facts[0].level), ("E799 water leak", FactLevel::Bad));
    assert_eq!((&*facts[1].label, facts[1].level), ("Leak sensor", FactLevel::Bad));
    assert_eq!(value(&heater, "Wi-Fi"), Some(("-84 dBm, very weak".into(), FactLevel::Bad)));
    assert_eq!(value(&heater, "Tank charge"), Some(("5 %".into(), FactLevel::Warn)));
    let mut healthy = fixture("status");
    healthy["response"]["status"]["operationBusy"] = json!(1);
    let changes = receive(&mut heater, ANSWERS, &healthy).changes;
    assert_eq!(changes, ["heating stopped", "error E799 water leak cleared"]);
}

#[test]
fn messages_of_other_clients_are_not_device_messages() {
    let mut heater = full_heater(TemperatureUnit::Celsius);
    let request = |client: &str, session: &str| {
        json!({"clientID": client, "sessionID": session, "protocolVersion": 2,
               "request": {"command": 16_777_219, "deviceType": 52, "macAddress": "aabbccddeeff"}})
    };
    let topic = "cmd/52/navilink-aabbccddeeff/st";
    let own = receive(&mut heater, topic, &request(CLIENT, SESSION));
    assert!(!own.is_sign_of_life && own.changes.is_empty() && value(&heater, "Other clients").is_none());
    for number in 0..100 {
        let phone = receive(&mut heater, topic, &request(&format!("phone-{number}"), "ff"));
        assert!(!phone.is_sign_of_life && phone.changes.is_empty());
    }
    assert_eq!(value(&heater, "Other clients").unwrap().0, "16", "bounded");
    let double = receive(&mut heater, topic, &request(CLIENT, "another session"));
    assert_eq!(double.changes, ["another program uses this connection's client id"]);
    assert_eq!(value(&heater, "Client id").unwrap().1, FactLevel::Bad);
    assert!(receive(&mut heater, topic, &request(CLIENT, "a third")).changes.is_empty(), "reported once");

    // An unreadable answer is still a sign of life; one about another device is not.
    let at = Stamp::new(now(), Duration::ZERO);
    let junk = DeviceMessage { at, topic: ANSWERS, payload: b"<html>\xff", retained: false };
    assert!(heater.handle_message(&junk).is_sign_of_life);
    assert!(
        !heater.handle_message(&DeviceMessage { retained: true, ..junk }).is_sign_of_life,
        "a retained message has an unknown age"
    );
    assert_eq!(value(&heater, "Unreadable answers").unwrap().0, "2");
    let mut other = fixture("status");
    other["response"]["macAddress"] = json!("000000000000");
    assert_eq!(receive(&mut heater, ANSWERS, &other), DeviceUpdate::default());
    assert!(!format!("{heater:?}").contains("aabbccddeeff"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_message_makes_it_panic_or_grow(
        topic in "(cmd|evt)/52/(navilink-aabbccddeeff|navien-client-0a1b2c3d)(/[a-z#]{0,4}){0,4}",
        payload in prop::collection::vec(any::<u8>(), 0..300),
        fields in prop::collection::btree_map("[a-zA-Z]{1,20}", any::<i64>(), 0..20),
    ) {
        let mut heater = full_heater(TemperatureUnit::Celsius);
        let at = Stamp::new(now(), Duration::ZERO);
        let structured = json!({"response": {"status": fields, "feature": fields}}).to_string();
        for payload in [payload.as_slice(), structured.as_bytes()] {
            let message = DeviceMessage { at, topic: &topic, payload, retained: false };
            let digest = heater.handle_message(&message);
            prop_assert!(digest.changes.len() <= 7);
            let context = CommandContext { correlation_id: "x", client_id: CLIENT, now: now() };
            heater.is_answer("status", &context, &message);
        }
        let shown = heater.facts().into_iter().chain(heater.details().into_iter().flat_map(|group| group.facts));
        for fact in shown {
            prop_assert!(fact.value.chars().all(crate::diagnostics::clean::is_printable));
        }
    }
}
