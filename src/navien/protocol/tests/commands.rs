//! The commands against the reference client's payloads, and refused values.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::*;
use crate::navien::protocol::code::OnOff;
use crate::navien::protocol::command::{
    Argument, ArgumentKind, Arguments, CATALOGUE, Command, CommandBody, CommandError, CommandRequest, Danger,
    RequestContext,
};
use crate::navien::protocol::{Temperature, TemperatureUnit};

const ENTRY: &str = r#"[{"enable":2,"week":84,"hour":6,"min":30,"mode":3,"param":120}]"#;
const PERIOD: &str = r#"[{"season":224,"week":124,"startHour":9,"startMinute":0,"endHour":17,"endMinute":0,
    "priceMin":10,"priceMax":25,"decimalPoint":2}]"#;
const PUMP: &str = r#"[{"enable":2,"week":124,"startHour":6,"startMin":0,"endHour":8,"endMin":30,"mode":3}]"#;

type TypedArguments = &'static [(&'static str, &'static str)];

/// The reference client's name, our name, and the typed values (°F).
const PAYLOADS: &[(&str, &str, TypedArguments)] = &[
    ("request_device_status", "status", &[]),
    ("request_device_info", "info", &[]),
    ("signal_app_connection", "present", &[]),
    ("set_power_on", "power-on", &[]),
    ("set_power_off", "power-off", &[]),
    ("set_dhw_mode_energy_saver", "mode", &[("mode", "energy saver")]),
    ("set_dhw_mode_vacation_7d", "mode", &[("mode", "vacation"), ("days", "7")]),
    ("set_vacation_days_7", "vacation", &[("days", "7")]),
    ("set_dhw_temperature_140F", "temperature", &[("target", "140")]),
    ("set_dhw_temperature_121F", "temperature", &[("target", "121")]),
    ("enable_anti_legionella_7d", "anti-legionella-on", &[("days", "7")]),
    ("disable_anti_legionella", "anti-legionella-off", &[]),
    ("request_reservations", "reservations", &[]),
    ("update_reservations", "set-reservations", &[("entries", ENTRY)]),
    ("update_reservations_disable_all", "set-reservations", &[("entries", "[]")]),
    ("request_tou_settings", "tariff", &[]),
    ("configure_tou_schedule", "set-tariff", &[("periods", PERIOD)]),
    ("set_tou_enabled_true", "tariff-on", &[]),
    ("set_tou_enabled_false", "tariff-off", &[]),
    ("request_energy_usage", "energy", &[("months", "8,9"), ("year", "2025")]),
    ("enable_demand_response", "demand-response-on", &[]),
    ("disable_demand_response", "demand-response-off", &[]),
    ("reset_air_filter", "air-filter-reset", &[]),
    ("update_weekly_reservation", "set-weekly", &[("enabled", "on"), ("entries", ENTRY)]),
    ("configure_reservation_water_program", "water-program", &[]),
    ("configure_recirculation_schedule", "set-recirculation", &[("periods", PUMP)]),
    ("set_recirculation_mode_3", "recirculation", &[("mode", "3")]),
    ("trigger_recirculation_hot_button", "hot-button", &[]),
    ("check_firmware_update", "firmware-check", &[]),
    ("commit_firmware_update", "firmware-update", &[("part", "controller"), ("version", "184614912")]),
    ("reconnect_wifi", "wifi-reconnect", &[]),
    ("reset_wifi", "wifi-reset", &[]),
    ("set_freeze_protection_temperature_45F", "freeze-protection", &[("target", "45")]),
    ("run_smart_diagnostic", "smart-diagnostic", &[]),
    ("enable_intelligent_scheduling", "intelligent-on", &[]),
    ("disable_intelligent_scheduling", "intelligent-off", &[]),
];

fn now() -> DateTime<Utc> {
    "2026-08-03T12:00:00.123456Z".parse().unwrap()
}

/// A device that has everything.
fn full_feature() -> Feature {
    Feature { has_recirculation: Some(true), has_recirculation_schedule: Some(true), ..feature() }
}

fn build_with(
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    name: &str,
    typed: &[(&str, &str)],
) -> Result<CommandRequest, CommandError> {
    let command = Command::by_name(name).unwrap();
    let (device, client) = (device(), client());
    let context =
        RequestContext { device: &device, client: &client, feature, unit, now: now(), allow_one_way: true };
    command.build(&command.arguments(typed, unit)?, &context)
}

fn build(name: &str, typed: &[(&str, &str)]) -> Result<CommandRequest, CommandError> {
    build_with(Some(&full_feature()), TemperatureUnit::Fahrenheit, name, typed)
}

/// The fixture without white space; no text in it contains any.
fn compact() -> String {
    text("commands").split_whitespace().collect()
}

#[test]
fn every_payload_matches_the_reference_client() {
    let reference_payloads = fixture("commands");
    assert_eq!((PAYLOADS.len(), reference_payloads.as_object().unwrap().len()), (36, 36));
    let bytes = compact();
    for (reference, name, typed) in PAYLOADS {
        let request = build(name, typed).unwrap_or_else(|refusal| panic!("{reference}: {refusal}"));
        let expected = &reference_payloads[reference];
        assert_eq!(request.topic, expected["topic"].as_str().unwrap(), "{reference}");
        assert_eq!(
            serde_json::from_str::<Value>(&request.payload).unwrap(),
            expected["payload"],
            "{reference}"
        );
        // The order of the keys matches as well.
        let payload = format!(
            "\"{reference}\":{{\"topic\":\"{}\",\"qos\":1,\"payload\":{}}}",
            request.topic, request.payload
        );
        assert!(bytes.contains(&payload), "{reference}: {payload}");
        assert_eq!(
            request.answer_topic.as_deref(),
            expected["payload"]["responseTopic"].as_str(),
            "{reference}"
        );
    }
    let used: std::collections::BTreeSet<_> = PAYLOADS.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(used.len(), CATALOGUE.len(), "every command has a reference payload");
}

#[test]
fn our_own_requests_are_recognized_when_the_broker_echoes_them() {
    for (reference, name, typed) in PAYLOADS {
        let sent = build(name, typed).unwrap();
        let message = ParsedMessage::parse(&sent.topic, sent.payload.as_bytes()).unwrap();
        assert!(message.is_from(&client()) && message.is_about(&device()), "{reference}");
        match message.content {
            MessageContent::AppConnection => assert_eq!(*name, "present"),
            MessageContent::Request { command: Some(command), .. } => {
                // A vacation is the mode "vacation"; both have the same payload.
                assert_eq!(command.code, Command::by_name(name).unwrap().code, "{reference}");
                assert!(command.name == *name || *name == "vacation", "{reference}: {}", command.name);
            }
            other => panic!("{reference}: {other:?}"),
        }
    }
}

/// With a Celsius device and no unit chosen the reference client compares in °C but encodes as °F: for 60.0 it
/// sends 31, which is 15.5 °C.
#[test]
fn sixty_degrees_celsius_are_sixty_degrees() {
    for (unit, typed) in [
        (TemperatureUnit::Celsius, "60.0"),
        (TemperatureUnit::Celsius, "140 F"),
        (TemperatureUnit::Fahrenheit, "140"),
        (TemperatureUnit::Fahrenheit, "60 °C"),
    ] {
        let request = build_with(Some(&full_feature()), unit, "temperature", &[("target", typed)]).unwrap();
        assert!(request.payload.contains("\"param\":[120]"), "{typed}: {}", request.payload);
    }
    // 60 °F is 15.5 °C, raw 31: outside the limits in every unit.
    let refused = build("temperature", &[("target", "60")]).unwrap_err();
    assert_eq!(refused.to_string(), "Temperature must be 104.9 °F to 149.9 °F");
    let refused =
        build_with(Some(&full_feature()), TemperatureUnit::Celsius, "temperature", &[("target", "15.5")]);
    assert_eq!(refused.unwrap_err().to_string(), "Temperature must be 40.5 °C to 65.5 °C");
}

#[test]
fn limits_are_checked_on_raw_half_degrees() {
    let celsius = TemperatureUnit::Celsius;
    for (target, raw) in
        [("40.5", Some(81)), ("65.5", Some(131)), ("40.2", None), ("65.8", None), ("65.7", Some(131))]
    {
        let built = build_with(Some(&full_feature()), celsius, "temperature", &[("target", target)]);
        let sent = raw.map(|raw| format!("\"param\":[{raw}]"));
        assert_eq!(built.is_ok(), sent.is_some(), "{target}");
        assert!(built.is_err() || built.unwrap().payload.contains(&sent.unwrap()), "{target}");
    }
    let beyond_limits = Feature { dhw_max: Some(Temperature::from_halves(250)), ..full_feature() };
    let built = build_with(Some(&beyond_limits), celsius, "temperature", &[("target", "90")]);
    assert!(built.is_err(), "a limit of 125 °C is not accepted");
    let without_limit = Feature { dhw_max: None, ..full_feature() };
    let built = build_with(Some(&without_limit), celsius, "temperature", &[("target", "50")]);
    assert_eq!(built.unwrap_err(), CommandError::LimitsUnknown);
    let tenth =
        Arguments::none().with("target", Argument::Temperature(Temperature::from_tenths(503.0).unwrap()));
    let (device, client) = (super::device(), super::client());
    let feature = full_feature();
    let context = RequestContext {
        device: &device,
        client: &client,
        feature: Some(&feature),
        unit: celsius,
        now: now(),
        allow_one_way: false,
    };
    assert!(
        Command::by_name("temperature").unwrap().build(&tenth, &context).is_err(),
        "50.3 °C is not a valid setting"
    );
}

#[test]
fn invalid_arguments_are_refused_with_a_message() {
    for (name, typed, words) in [
        ("mode", &[("mode", "vacation")][..], "Days of vacation is missing: 1 to 30 days"),
        ("mode", &[("mode", "3"), ("days", "7")], "Days of vacation does not apply here"),
        ("mode", &[("mode", "5"), ("days", "31")], "Days of vacation must be 1 to 30 days"),
        ("vacation", &[("days", "0")], "Days must be 1 to 30 days"),
        ("vacation", &[], "Days is missing: 1 to 30 days"),
        ("power-off", &[("now\u{1b}[2J", "1")], "now\u{fffd}[2J does not apply here"),
        (
            "recirculation",
            &[("mode", "0")],
            "Mode must be one of 1 (always), 2 (at the button), 3 (by schedule), 4 (by temperature)",
        ),
        ("energy", &[("months", "13"), ("year", "2025")], "Months must be months from 1 to 12, such as 8,9"),
        ("energy", &[("months", ""), ("year", "2025")], "Months must be months from 1 to 12, such as 8,9"),
        ("set-tariff", &[("periods", "[]")], "Periods must be a JSON list of at most 16 entries"),
        (
            "set-reservations",
            &[("entries", r#"[{"week":84,"mode":3}]"#)],
            "entry 1: the setpoint is missing or outside the device's limits",
        ),
        ("set-weekly", &[], "Reservations is missing: a JSON list of at most 16 entries"),
        ("freeze-protection", &[("target", "32")], "Temperature must be 42.8 °F to 50.0 °F"),
        (
            "firmware-update",
            &[("part", "3"), ("version", "1")],
            "Part must be one of 1 (controller), 2 (panel), 4 (Wi-Fi module)",
        ),
    ] {
        assert_eq!(
            build(name, typed).map_err(|refusal| refusal.to_string()),
            Err(words.to_owned()),
            "{name}"
        );
    }
    let many = format!("[{}]", [&ENTRY[1..ENTRY.len() - 1]; 17].join(","));
    assert!(build("set-reservations", &[("entries", &many)]).is_err());
    assert!(build("mode", &[("mode", "6")]).is_err(), "power-off cannot be sent as a mode");
}

#[test]
fn unsupported_commands_are_refused() {
    for command in CATALOGUE {
        for capability in command.required_capabilities {
            let missing = command.check_available(Some(&Feature::default()), true);
            assert!(
                matches!(missing, Err(CommandError::NotSupported { .. })),
                "{} {capability:?}",
                command.name
            );
            assert!(capability.is_supported_by(&full_feature()), "{capability:?}");
        }
        assert_eq!(command.check_available(Some(&full_feature()), true), Ok(()), "{}", command.name);
        let unknown = command.check_available(None, true);
        assert_eq!(unknown.is_ok(), command.required_capabilities.is_empty(), "{}", command.name);
    }
    let refused = build_with(Some(&feature()), TemperatureUnit::Celsius, "hot-button", &[]).unwrap_err();
    assert_eq!(refused.to_string(), "this device has no recirculation");
    for (value, is_possible) in [(0, false), (1, false), (2, true), (3, true), (4, true), (9, true)] {
        let control = crate::navien::protocol::code::DhwControlType::from_number(value);
        let feature = Feature { dhw_control: Some(control), ..full_feature() };
        let command = Command::by_name("temperature").unwrap();
        assert_eq!(command.check_available(Some(&feature), false).is_ok(), is_possible, "{value}");
    }
}

#[test]
fn each_command_has_its_danger_level() {
    let of =
        |danger| CATALOGUE.iter().filter(move |command| command.danger == danger).map(|command| command.name);
    assert_eq!(of(Danger::Irreversible).collect::<Vec<_>>(), ["wifi-reset", "firmware-update"]);
    assert_eq!(
        of(Danger::Harmless).collect::<Vec<_>>(),
        ["status", "info", "present", "reservations", "energy", "tariff"]
    );
    assert_eq!(
        of(Danger::Dangerous).collect::<Vec<_>>(),
        [
            "temperature",
            "power-off",
            "anti-legionella-off",
            "set-reservations",
            "set-weekly",
            "set-tariff",
            "set-recirculation",
            "wifi-reconnect"
        ]
    );
    for name in of(Danger::Irreversible) {
        let command = Command::by_name(name).unwrap();
        assert_eq!(
            command.check_available(Some(&full_feature()), false),
            Err(CommandError::Irreversible { title: command.title })
        );
    }
}

#[test]
fn every_catalogue_entry_is_complete() {
    let names: std::collections::BTreeSet<_> = CATALOGUE.iter().map(|command| command.name).collect();
    assert_eq!((names.len(), CATALOGUE.len()), (33, 33));
    for command in CATALOGUE {
        assert!(command.explanation.ends_with('.') && !command.title.ends_with('.'), "{}", command.name);
        assert!(command.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", command.name);
        assert_eq!(command.answer_kind().is_none(), command.body == CommandBody::Presence);
        for parameter in command.parameters {
            assert!(!parameter.allowed_values(TemperatureUnit::Celsius, None).is_empty());
            let has_key = matches!(command.body, CommandBody::Keys | CommandBody::Nested(_));
            assert_eq!(!parameter.wire.is_empty(), has_key, "{} {}", command.name, parameter.name);
        }
    }
    let target = Command::by_name("temperature").unwrap().parameters[0];
    assert!(matches!(target.kind, ArgumentKind::Temperature(_)));
    assert_eq!(target.allowed_values(TemperatureUnit::Celsius, Some(&feature())), "40.5 °C to 65.5 °C");
    assert_eq!(OnOff::KNOWN.len(), 3);
}

#[test]
fn the_presence_has_microseconds_or_none() {
    let at = |now: &str| {
        let (device, client) = (device(), client());
        let context = RequestContext {
            device: &device,
            client: &client,
            feature: None,
            unit: TemperatureUnit::Celsius,
            now: now.parse().unwrap(),
            allow_one_way: false,
        };
        Command::by_name("present").unwrap().build(&Arguments::none(), &context).unwrap().payload
    };
    assert!(at("2026-08-03T12:00:00Z").ends_with(r#""timestamp":"2026-08-03T12:00:00Z"}"#));
    assert!(at("2026-08-03T12:00:00.100Z").ends_with(r#""timestamp":"2026-08-03T12:00:00.100000Z"}"#));
}
