//! `navien::protocol` parses the answers of the simulated device, and the device executes its requests.

use super::*;
use crate::navien::protocol::command::{Arguments, CATALOGUE, Command, RequestContext};
use crate::navien::protocol::topic::{AnswerTopic, ClientIdentity, DeviceAddress as Target, ParsedTopic};
use crate::navien::protocol::{
    Baseline, Change, Feature, MessageContent, ParsedMessage, Status, Temperature, TemperatureUnit, changes,
};

fn target() -> Target {
    Target::new(52, "aabbccddeeff", "5322").unwrap()
}

fn client() -> ClientIdentity {
    ClientIdentity::new("c-1", "00112233445566778899aabbccddeeff").unwrap()
}

/// Builds, sends, and reads the answer.
fn exchange(
    device: &mut SimulatedDevice,
    command: &Command,
    typed: &[(&str, &str)],
    feature: &Feature,
) -> Option<ParsedMessage> {
    let (target, client) = (target(), client());
    let now = device.machine.now();
    let unit = TemperatureUnit::Celsius;
    let feature = Some(feature);
    let context =
        RequestContext { device: &target, client: &client, feature, unit, now, allow_one_way: true };
    let request = command.build(&command.arguments(typed, unit).unwrap(), &context).unwrap();
    let answer = device.answer(&request.topic, request.payload.as_bytes(), now)?;
    let (topic, payload) = answer.intact();
    assert_eq!(Some(&topic), request.answer_topic.as_ref());
    assert!(matches!(ParsedTopic::parse(&topic), Some(ParsedTopic::Answer { client_id: "c-1", .. })));
    let message = ParsedMessage::parse(&topic, &payload).unwrap();
    assert!(message.is_from(&client) && message.is_about(&target));
    Some(message)
}

fn equipment(device: &mut SimulatedDevice) -> Feature {
    let info = Command::by_name("info").unwrap();
    match exchange(device, info, &[], &Feature::default()).unwrap().content {
        MessageContent::Feature(feature) => *feature,
        other => panic!("{other:?}"),
    }
}

fn status(device: &mut SimulatedDevice, name: &str, typed: &[(&str, &str)]) -> Status {
    let feature = equipment(device);
    match exchange(device, Command::by_name(name).unwrap(), typed, &feature).unwrap().content {
        MessageContent::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_command_gets_its_kind_of_answer() {
    let mut fitted = equipment(&mut device());
    assert!(fitted.unparsed.is_empty());
    fitted.has_recirculation = Some(true);
    fitted.has_recirculation_schedule = Some(true);
    for command in CATALOGUE {
        let typed: Vec<(&str, &str)> = command
            .parameters
            .iter()
            .filter(|parameter| !parameter.is_optional)
            .map(|parameter| {
                let text = match (command.name, parameter.name) {
                    ("temperature", _) => "55",
                    ("freeze-protection", _) => "7.5",
                    ("energy", "year") => "2026",
                    ("set-tariff", _) => {
                        r#"[{"season":4095,"week":254,"startHour":0,"startMinute":0,"endHour":23,
                        "endMinute":59,"priceMin":1,"priceMax":2,"decimalPoint":2}]"#
                    }
                    (_, "entries" | "periods") => "[]",
                    _ => "1",
                };
                (parameter.name, text)
            })
            .collect();
        let answer = exchange(&mut device(), command, &typed, &fitted);
        assert_eq!(answer.is_some(), command.answer_kind().is_some(), "{}", command.name);
        if let Some(answer) = answer {
            assert!(command.is_answered_by(&answer.content), "{}: {:?}", command.name, answer.content);
        }
    }
}

#[test]
fn commands_have_their_effect() {
    let mut device = device();
    let before = status(&mut device, "status", &[]);
    assert!(before.unparsed.is_empty());
    assert!(before.list(before.view(None)).iter().all(|shown| shown.words.is_some()));
    let warm = status(&mut device, "temperature", &[("target", "60 °C")]);
    assert_eq!(warm.setpoint.and_then(Temperature::halves), Some(120), "60 °C, not 15.5 °C");
    let cool = status(&mut device, "temperature", &[("target", "45.5")]);
    assert_eq!(cool.setpoint.map(|t| t.words(TemperatureUnit::Celsius)).as_deref(), Some("45.5 °C"));
    let names: Vec<_> = changes(&before, &cool).iter().map(Change::name).collect();
    assert_eq!(names, ["mode_changed", "power_changed", "heating_stopped"]);
    let away = status(&mut device, "mode", &[("mode", "vacation"), ("days", "9")]);
    assert_eq!(away.vacation_days, Some(9));
    assert_eq!(status(&mut device, "tariff-off", &[]).has_time_of_use, Some(false));
    let mut baseline = Baseline::default();
    baseline.observe(&status(&mut device, "status", &[]));
    device.machine.error = (799, 0);
    let leak = baseline.observe(&status(&mut device, "status", &[]));
    assert!(leak.iter().any(|c| c.words(TemperatureUnit::Celsius) == "error E799 water leak"), "{leak:?}");
}

#[test]
fn written_reservations_are_read_back() {
    let mut device = device();
    let feature = equipment(&mut device);
    let entries = r#"[{"enable":1,"week":130,"hour":23,"min":59,"mode":4,"param":131}]"#;
    let written = exchange(
        &mut device,
        Command::by_name("set-reservations").unwrap(),
        &[("enabled", "off"), ("entries", entries)],
        &feature,
    );
    let read = exchange(&mut device, Command::by_name("reservations").unwrap(), &[], &feature);
    assert_eq!(written.map(|message| message.content), read.as_ref().map(|message| message.content.clone()));
    let MessageContent::Reservations(table) = read.unwrap().content else { panic!("no table") };
    assert_eq!(table.is_on, Some(false));
    assert_eq!(table.entries[0].words(TemperatureUnit::Celsius), "off Sat, Sun 23:59 High Demand 65.5 °C");
}

#[test]
fn corrupted_answers_are_parsed_as_far_as_possible() {
    let send = |corruption| {
        let mut device = device();
        let now = device.machine.now();
        let (target, client) = (target(), client());
        let context = RequestContext {
            device: &target,
            client: &client,
            feature: None,
            unit: TemperatureUnit::Celsius,
            now,
            allow_one_way: false,
        };
        let request = Command::by_name("status").unwrap().build(&Arguments::none(), &context).unwrap();
        let answer = device.answer(&request.topic, request.payload.as_bytes(), now).unwrap();
        let (topic, payload) = answer.corrupted(corruption);
        (ParsedTopic::parse(&topic).map(ParsedTopic::answer_topic), ParsedMessage::parse(&topic, &payload))
    };
    let read = |corruption| match send(corruption).1.unwrap().content {
        MessageContent::Status(status) => *status,
        other => panic!("{corruption:?}: {other:?}"),
    };
    let whole = status(&mut device(), "status", &[]);
    let known =
        |status: &Status| status.list(whole.view(None)).iter().filter(|shown| shown.words.is_some()).count();
    assert!(send(AnswerCorruption::NotJson).1.is_err() && send(AnswerCorruption::Truncated).1.is_err());
    assert_eq!(read(AnswerCorruption::NumbersAsText), whole);
    assert_eq!(known(&read(AnswerCorruption::MissingFields)), 68);
    assert_eq!(known(&read(AnswerCorruption::UnknownValues)), 102);
    assert_eq!(read(AnswerCorruption::UnknownValues).error_code.map(|code| code.0), Some(4711));
    assert_eq!(send(AnswerCorruption::OtherTopic).0, Some(AnswerTopic::Other));
    assert_eq!(read(AnswerCorruption::OtherTopic), whole);
    assert!(!send(AnswerCorruption::OtherDevice).1.unwrap().is_about(&target()));
    assert_eq!(send(AnswerCorruption::NoResponse).1.unwrap().content, MessageContent::Other);
}
