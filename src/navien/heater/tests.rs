//! The water heater behind the port: what is offered, sent, recognised and told.

use std::time::Duration;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::device::{Confirm, FactLevel};
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
    let address = topic::Device::new(52, "aabbccddeeff", "5322").unwrap();
    Heater::new("Cellar\u{1b}[2J", address, Client::new(CLIENT, SESSION).unwrap(), settings, now())
}

fn in_unit(unit: TemperatureUnit) -> Heater {
    heater(HeaterSettings { unit: Some(unit), ..HeaterSettings::default() })
}

fn tell(heater: &mut Heater, topic: &str, payload: &Json) -> Digest {
    let payload = payload.to_string();
    let at = Stamp::new(now(), Duration::ZERO);
    heater.digest(&Incoming { at, topic, payload: payload.as_bytes(), retained: false })
}

/// A heater that told everything.
fn told(unit: TemperatureUnit) -> Heater {
    let mut heater = in_unit(unit);
    for name in ["status", "feature", "energy", "reservation", "tou"] {
        let message = fixture(name);
        let topic = message["responseTopic"].as_str().unwrap();
        assert!(tell(&mut heater, topic, &message).is_sign_of_life, "{name}");
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
        parameters.iter().zip(typed).map(|(parameter, text)| parameter.read(text)).collect();
    let occasion = Occasion { correlation_id: "x", client_id: CLIENT, now: now() };
    let order = heater.build(name, &values?, &occasion).map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&order.payload).unwrap())
}

fn answers(heater: &Heater, name: &str, topic: &str, payload: &Json) -> bool {
    let occasion = Occasion { correlation_id: "x", client_id: CLIENT, now: now() };
    let (at, payload) = (Stamp::new(now(), Duration::ZERO), payload.to_string());
    heater.is_answer(name, &occasion, &Incoming { at, topic, payload: payload.as_bytes(), retained: false })
}

fn value(heater: &Heater, label: &str) -> Option<(String, FactLevel)> {
    let facts = heater.facts();
    let fact = facts.iter().find(|fact| *fact.label == *label)?;
    Some((fact.value.to_string(), fact.level))
}

#[test]
fn nothing_is_set_before_the_device_told_its_limits() {
    let mut heater = in_unit(TemperatureUnit::Celsius);
    let why = |heater: &Heater, name: &str| spec(heater, name).unavailable.map(|why| why.to_string());
    assert!(why(&heater, "temperature").unwrap().contains("has not said yet"));
    assert_eq!((why(&heater, "status"), why(&heater, "info")), (None, None));
    assert_eq!(spec(&heater, "info").every, Some(Duration::from_secs(60)), "asked again soon");
    let feature = fixture("feature");
    tell(&mut heater, ANSWERS, &feature);
    assert_eq!(why(&heater, "temperature"), None);
    assert_eq!(why(&heater, "hot-button").as_deref(), Some("this device has no recirculation"));
    assert_eq!(spec(&heater, "info").every, Some(Duration::from_secs(1800)));
    assert_eq!(
        spec(&heater, "temperature").parameters[0].range(),
        "40.5 to 65.5 °C, to the nearest 0.5",
        "104.9 to 149.9 °F are the limits of the fixture"
    );
    let mut greedy = feature.clone();
    greedy["response"]["feature"]["dhwTemperatureMax"] = json!(250);
    tell(&mut heater, ANSWERS, &greedy);
    assert_eq!(spec(&heater, "temperature").parameters[0].range(), "40.5 to 70.0 °C, to the nearest 0.5");
}

#[test]
fn what_does_harm_is_confirmed_by_typing_and_what_cannot_be_undone_is_not_there() {
    let heater = told(TemperatureUnit::Celsius);
    for (name, confirm) in [
        ("status", Confirm::None),
        ("energy", Confirm::None),
        ("mode", Confirm::Ask),
        ("temperature", Confirm::Type),
        ("power-off", Confirm::Type),
        ("anti-legionella-off", Confirm::Type),
        ("set-reservations", Confirm::Type),
        ("wifi-reconnect", Confirm::Type),
    ] {
        assert_eq!(spec(&heater, name).confirm, confirm, "{name}");
    }
    let one_way = ["wifi-reset", "firmware-update"];
    assert!(heater.commands().iter().all(|spec| !one_way.contains(&&*spec.name)));
    let occasion = Occasion { correlation_id: "x", client_id: CLIENT, now: now() };
    let by_name = heater.build("wifi-reset", &[], &occasion);
    assert!(matches!(by_name, Err(BuildError::Unavailable(_))), "not even by its name");
    let bold = self::heater(HeaterSettings { allow_one_way: true, ..HeaterSettings::default() });
    assert!(one_way.iter().all(|name| spec(&bold, name).confirm == Confirm::Type));
    assert!(spec(&bold, "wifi-reset").explanation.unwrap().contains("may ignore it"), "a guess says so");
}

#[test]
fn sixty_degrees_are_sixty_degrees_in_any_unit() {
    // The reference client sends raw 31 (15.5 °C) for 60.0 with a device that shows °C.
    let param = |heater: &Heater, typed: &str| {
        build(heater, "temperature", &[typed]).map(|payload| payload["request"]["param"].clone())
    };
    let celsius = told(TemperatureUnit::Celsius);
    assert_eq!(param(&celsius, "60.0"), Ok(json!([120])));
    let fahrenheit = told(TemperatureUnit::Fahrenheit);
    assert_eq!(param(&fahrenheit, "140"), Ok(json!([120])));
    assert!(param(&fahrenheit, "60").is_err() && param(&celsius, "140").is_err());
    let mut own = heater(HeaterSettings::default());
    let (mut status, feature) = (fixture("status"), fixture("feature"));
    status["response"]["status"]["temperatureType"] = json!(1);
    tell(&mut own, ANSWERS, &feature);
    tell(&mut own, ANSWERS, &status);
    assert_eq!(param(&own, "60"), Ok(json!([120])), "the device's own unit");
}

#[test]
fn typed_values_become_the_words_of_the_wire() {
    let heater = told(TemperatureUnit::Celsius);
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
    assert!(build(&heater, "mode", &["vacation"]).is_err(), "that needs its days");
    assert!(build(&heater, "set-reservations", &["on", "nonsense"]).unwrap_err().contains("JSON list"));
    let occasion = Occasion { correlation_id: "x", client_id: CLIENT, now: now() };
    for (name, values) in [
        ("temperature", vec![]),
        ("temperature", vec![Value::Integer(120), Value::Integer(1)]),
        ("temperature", vec![Value::Integer(i64::MAX)]),
        ("temperature", vec![Value::Integer(132)]),
        ("temperature", vec![Value::Text("hot\u{1b}".into())]),
        ("status", vec![Value::Flag(true)]),
        ("nothing", vec![]),
    ] {
        let refusal = heater.build(name, &values, &occasion).unwrap_err();
        assert!(matches!(refusal, BuildError::Parameter(_) | BuildError::Unknown(_)), "{refusal:?}");
        let refusal = refusal.to_string();
        assert!(!refusal.is_empty() && !refusal.contains('\u{1b}'), "{name}: {refusal}");
    }
}

#[test]
fn an_answer_is_to_the_question_that_was_asked_and_to_nobody_else_s() {
    let heater = told(TemperatureUnit::Celsius);
    let (status, feature, energy) = (fixture("status"), fixture("feature"), fixture("energy"));
    assert!(answers(&heater, "status", ANSWERS, &status) && answers(&heater, "info", ANSWERS, &feature));
    assert!(answers(&heater, "energy", energy["responseTopic"].as_str().unwrap(), &energy));
    assert!(!answers(&heater, "info", ANSWERS, &status));
    assert!(!answers(&heater, "temperature", ANSWERS, &status), "a status asked for answers no command");
    let mut obeyed = status.clone();
    obeyed["requestTopic"] = json!("cmd/52/navilink-aabbccddeeff/ctrl");
    assert!(answers(&heater, "temperature", ANSWERS, &obeyed));
    assert!(!answers(&heater, "status", ANSWERS, &obeyed));
    obeyed.as_object_mut().unwrap().remove("requestTopic");
    assert!(answers(&heater, "temperature", ANSWERS, &obeyed), "an answer need not repeat it");
    let theirs = ANSWERS.replace("0a1b2c3d", "99999999");
    assert!(!answers(&heater, "status", &theirs, &status));
    let mut other = status.clone();
    other["response"]["macAddress"] = json!("000000000000");
    assert!(!answers(&heater, "status", ANSWERS, &other));
    assert!(!answers(&heater, "status", "cmd/52/navilink-aabbccddeeff/st", &status), "our own question");
}

#[test]
fn the_owner_sees_the_state_first() {
    let celsius = told(TemperatureUnit::Celsius);
    let labels: Vec<_> = celsius.facts().iter().take(8).map(|fact| fact.label.to_string()).collect();
    assert_eq!(
        labels,
        ["Hot water", "Setpoint", "Mode", "Doing", "Heated by", "Power", "Tank charge", "Wi-Fi"]
    );
    assert_eq!(value(&celsius, "Hot water"), Some(("58.5 °C".into(), FactLevel::Normal)));
    let fahrenheit = told(TemperatureUnit::Fahrenheit);
    assert_eq!(value(&fahrenheit, "Hot water"), Some(("137.3 °F".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Heated by"), Some(("heat pump".into(), FactLevel::Good)));
    assert_eq!(value(&celsius, "Mode"), Some(("Energy Saver".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Usable energy"), Some(("4564 Wh".into(), FactLevel::Normal)));
    assert_eq!(value(&celsius, "Energy 2025-09").unwrap().0, "57.64 kWh");
    assert_eq!(value(&celsius, "by the heat pump").unwrap().0, "95 %");
    assert_eq!(value(&celsius, "Errors"), Some(("none".into(), FactLevel::Good)));
    assert!(!celsius.title().contains('\u{1b}'));

    let groups = celsius.details();
    let titles: Vec<_> = groups.iter().map(|group| &*group.title).collect();
    assert_eq!(titles, ["State", "Equipment", "Energy", "Reservations", "Tariff"]);
    assert_eq!(groups[0].facts.len(), 102, "every field of the wire");
    assert_eq!(&*groups[3].facts[1].value, "on Mon–Fri 06:30 Energy Saver 60.0 °C");
}

#[test]
fn an_error_comes_before_everything() {
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
    tell(&mut heater, ANSWERS, &message);
    let facts = heater.facts();
    assert_eq!((&*facts[0].value, facts[0].level), ("E799 water leak", FactLevel::Bad));
    assert_eq!((&*facts[1].label, facts[1].level), ("Leak sensor", FactLevel::Bad));
    assert_eq!(value(&heater, "Wi-Fi"), Some(("-84 dBm, very weak".into(), FactLevel::Bad)));
    assert_eq!(value(&heater, "Tank charge"), Some(("5 %".into(), FactLevel::Warn)));
    let mut calm = fixture("status");
    calm["response"]["status"]["operationBusy"] = json!(1);
    let changes = tell(&mut heater, ANSWERS, &calm).changes;
    assert_eq!(changes, ["heating stopped", "error E799 water leak cleared"]);
}

#[test]
fn what_others_say_to_it_is_no_word_of_the_device() {
    let mut heater = told(TemperatureUnit::Celsius);
    let ask = |client: &str, session: &str| {
        json!({"clientID": client, "sessionID": session, "protocolVersion": 2,
               "request": {"command": 16_777_219, "deviceType": 52, "macAddress": "aabbccddeeff"}})
    };
    let place = "cmd/52/navilink-aabbccddeeff/st";
    let own = tell(&mut heater, place, &ask(CLIENT, SESSION));
    assert!(!own.is_sign_of_life && own.changes.is_empty() && value(&heater, "Other clients").is_none());
    for number in 0..100 {
        let phone = tell(&mut heater, place, &ask(&format!("phone-{number}"), "ff"));
        assert!(!phone.is_sign_of_life && phone.changes.is_empty());
    }
    assert_eq!(value(&heater, "Other clients").unwrap().0, "16", "bounded");
    let double = tell(&mut heater, place, &ask(CLIENT, "another session"));
    assert_eq!(double.changes, ["another program speaks to the device under this connection's client id"]);
    assert_eq!(value(&heater, "Client id").unwrap().1, FactLevel::Bad);
    assert!(tell(&mut heater, place, &ask(CLIENT, "a third")).changes.is_empty(), "said once");

    // An answer that cannot be read is a word of it all the same; one about another device is not.
    let at = Stamp::new(now(), Duration::ZERO);
    let junk = Incoming { at, topic: ANSWERS, payload: b"<html>\xff", retained: false };
    assert!(heater.digest(&junk).is_sign_of_life);
    assert!(
        !heater.digest(&Incoming { retained: true, ..junk }).is_sign_of_life,
        "nobody knows when it was said"
    );
    assert_eq!(value(&heater, "Unreadable answers").unwrap().0, "2");
    let mut other = fixture("status");
    other["response"]["macAddress"] = json!("000000000000");
    assert_eq!(tell(&mut heater, ANSWERS, &other), Digest::default());
    assert!(!format!("{heater:?}").contains("aabbccddeeff"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_heard_makes_it_panic_or_grow(
        topic in "(cmd|evt)/52/(navilink-aabbccddeeff|navien-client-0a1b2c3d)(/[a-z#]{0,4}){0,4}",
        payload in prop::collection::vec(any::<u8>(), 0..300),
        fields in prop::collection::btree_map("[a-zA-Z]{1,20}", any::<i64>(), 0..20),
    ) {
        let mut heater = told(TemperatureUnit::Celsius);
        let at = Stamp::new(now(), Duration::ZERO);
        let structured = json!({"response": {"status": fields, "feature": fields}}).to_string();
        for payload in [payload.as_slice(), structured.as_bytes()] {
            let message = Incoming { at, topic: &topic, payload, retained: false };
            let digest = heater.digest(&message);
            prop_assert!(digest.changes.len() <= 7);
            let occasion = Occasion { correlation_id: "x", client_id: CLIENT, now: now() };
            heater.is_answer("status", &occasion, &message);
        }
        let shown = heater.facts().into_iter().chain(heater.details().into_iter().flat_map(|group| group.facts));
        for fact in shown {
            prop_assert!(fact.value.chars().all(crate::diagnostics::clean::is_printable));
        }
    }
}
