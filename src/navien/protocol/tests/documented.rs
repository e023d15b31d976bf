//! The fixtures against the values documented for them in the fact sheet.

use serde_json::{Value, json};

use super::*;
use crate::navien::protocol::code::{
    CurrentOperationMode, DhwControlType, DhwOperationSetting, HeatSource, OnOff, RecirculationMode,
    TankSize, UnitType,
};
use crate::navien::protocol::timetable::Week;
use crate::navien::protocol::{
    Energy, ErrorCode, Status, Temperature, TemperatureDifference, TemperatureUnit, Usage, Volume,
};

fn status_of(fields: &Value) -> Status {
    let message = json!({"response": {"status": fields}});
    match ParsedMessage::parse("", message.to_string().as_bytes()).unwrap().content {
        MessageContent::Status(status) => *status,
        other => panic!("{other:?}"),
    }
}

fn status() -> Status {
    status_of(&fixture("status")["response"]["status"])
}

#[track_caller]
fn assert_near(actual: Option<f64>, expected: f64) {
    assert!((actual.unwrap() - expected).abs() < 0.005, "{actual:?} should be {expected}");
}

#[test]
fn the_status_has_its_documented_values() {
    let status = status();
    assert!(status.unparsed.is_empty(), "{:?}", status.unparsed);
    let view = status.view(None);
    assert_eq!(view.unit, TemperatureUnit::Fahrenheit);
    let shown = status.list(view);
    assert_eq!(shown.len(), 102);
    assert!(shown.iter().all(|shown| shown.words.is_some()), "every field is read");
    assert_near(status.dhw_temperature.map(Temperature::fahrenheit), 137.3);
    assert_near(status.setpoint.map(Temperature::fahrenheit), 140.0);
    assert_near(status.tank_upper.map(Temperature::fahrenheit), 136.94);
    assert_near(status.tank_lower.map(Temperature::fahrenheit), 133.34);
    assert_eq!(status.full_recovery.map(Energy::wh), Some(5476));
    assert_eq!(status.missing_energy.map(Energy::wh), Some(912));
    assert_eq!(status.usable_energy().map(Energy::wh), Some(4564));
    assert_near(status.total_volume.map(Volume::gallons), 22245.92);
    assert_eq!((status.has_time_of_use, status.is_time_of_use_overridden), (Some(true), Some(false)));
    assert_eq!(status.recirculation_schedule, Some(OnOff::Unknown));
    assert_eq!(status.mode, Some(DhwOperationSetting::EnergySaver));
    assert_eq!(status.operation_mode, Some(CurrentOperationMode::HybridEfficiency));
    assert_eq!(status.heat_source, Some(HeatSource::HeatPump));
    assert_eq!((status.is_heating(), status.is_heating_water), (Some(true), Some(true)));
    assert_eq!((status.wifi_rssi, status.power, status.charge), (Some(-52), Some(450.0), Some(86.0)));
    assert_eq!((status.error_code, status.error_words()), (Some(ErrorCode(0)), None));
    assert_near(status.superheat.map(TemperatureDifference::fahrenheit), 9.36);
    assert_eq!(status.upper_element, Some(OnOff::Off));
    assert_eq!(status.compressor, Some(OnOff::On));
}

#[test]
fn the_status_is_shown_in_the_unit_of_the_user_or_the_device() {
    let words = |unit, label: &str| {
        let status = status();
        let shown = status.list(status.view(unit)).into_iter().find(|shown| shown.field.label == label);
        shown.unwrap().words.unwrap()
    };
    for (label, celsius, own) in [
        ("Hot water", "58.5 °C", "137.3 °F"),
        ("Upper tank", "58.3 °C", "136.9 °F"),
        ("Outside", "0.0 °C", "32 °F"),
        ("Superheat (difference)", "5.2 K", "9.4 °F"),
        ("Hot water since installation", "84210 L", "22245.92 gal"),
        ("Wi-Fi signal", "-52 dBm", "-52 dBm"),
        ("Electrical power", "450 W", "450 W"),
        ("Energy missing to the setpoint", "912 Wh", "912 Wh"),
        ("Mode", "Energy Saver", "Energy Saver"),
        ("Compressor", "on", "on"),
        ("Error", "no error", "no error"),
        ("Time-of-use tariff on", "yes", "yes"),
    ] {
        assert_eq!(words(Some(TemperatureUnit::Celsius), label), celsius);
        assert_eq!(words(None, label), own);
    }
    let mut celsius = fixture("status")["response"]["status"].clone();
    celsius["temperatureType"] = json!(1);
    assert_eq!(status_of(&celsius).view(None).unit, TemperatureUnit::Celsius);
}

#[test]
fn the_feature_has_its_documented_values() {
    let feature = feature();
    assert!(feature.unparsed.is_empty());
    assert_eq!(Feature::FIELDS.len(), fixture("feature")["response"]["feature"].as_object().unwrap().len());
    assert!(feature.list(feature.view(None)).iter().all(|shown| shown.words.is_some()));
    assert_eq!(feature.tank_size, Some(TankSize::Gallons65));
    assert_eq!(feature.model, Some(UnitType::Npf));
    assert_near(feature.dhw_min.map(Temperature::fahrenheit), 104.9);
    assert_near(feature.dhw_max.map(Temperature::fahrenheit), 149.9);
    assert_eq!(feature.has_recirculation, Some(false));
    assert_eq!(feature.serial_number.as_deref(), Some("00000000AA00000000"));
    assert_eq!(feature.dhw_control, Some(DhwControlType::HalfDegree));
    assert_eq!(feature.has_mixing_valve, Some(false));
}

#[test]
fn the_energy_has_its_documented_values() {
    let MessageContent::Energy(report) = parse(&fixture("energy")).content else { panic!("no energy") };
    assert_eq!((report.months.len(), report.skipped), (1, 0));
    let month = &report.months[0];
    assert_eq!((month.year, month.month, month.days.len()), (Some(2025), Some(9), 30));
    assert_eq!(report.sum().sum().wh(), 57_640);
    assert_eq!(report.total.as_ref().map(Usage::sum), Some(report.sum().sum()));
    assert_near(report.sum().heat_pump_percent(), 94.62);
    assert_eq!(report.sum(), report.total.unwrap(), "the days add up to the device's total");
}

#[test]
fn the_reservations_have_their_documented_values() {
    let MessageContent::Reservations(table) = parse(&fixture("reservation")).content else {
        panic!("no table")
    };
    assert_eq!((table.is_on, table.skipped), (Some(true), 0), "the empty third entry is not counted");
    let words: Vec<String> = table.entries.iter().map(|e| e.words(TemperatureUnit::Fahrenheit)).collect();
    assert_eq!(words, ["on Mon–Fri 06:30 Energy Saver 140.0 °F", "off Tue–Sat 22:00 Electric 131.0 °F"]);
    assert_eq!(table.entries[0].week, Some(Week::WEEKDAYS));
}

#[test]
fn the_tariff_has_its_documented_values() {
    let MessageContent::TimeOfUse(table) = parse(&fixture("tou")).content else { panic!("no tariff") };
    assert_eq!(table.is_on, Some(true));
    let prices: Vec<_> = table.entries.iter().map(|period| period.prices().0.unwrap()).collect();
    assert!((prices[0] - 0.31794).abs() < 1e-9 && (prices[1] - 0.38967).abs() < 1e-9, "{prices:?}");
    assert_eq!(table.entries[1].words(), "Jan–Apr, Nov, Dec Mon–Fri 07:00–13:59 0.38967");
}

#[test]
fn unsolicited_timetables_are_parsed() {
    let entries = json!([{"enable": 2, "week": 124, "startHour": 6, "startMin": 0, "endHour": 8, "endMin": 30, "mode": 3}]);
    let recirculation = json!({"response": {"schedule": entries}}).to_string();
    for topic in ["cmd/52/c/res/recirc-rsv/rd", "cmd/52/c/res/new/rd"] {
        let MessageContent::Recirculation(table) =
            ParsedMessage::parse(topic, recirculation.as_bytes()).unwrap().content
        else {
            panic!("{topic}");
        };
        assert_eq!(table.entries[0].mode, Some(RecirculationMode::Schedule));
        assert_eq!(table.entries[0].words(), "on Mon–Fri 06:00–08:30 by schedule");
    }
    let weekly = br#"{"response": {"reservationUse": 1, "reservation": "0254061e0378"}}"#;
    let MessageContent::WeeklyReservations(table) =
        ParsedMessage::parse("cmd/52/c/res/rsv-weekly/rd", weekly).unwrap().content
    else {
        panic!("not weekly");
    };
    assert_eq!((table.is_on, table.entries.len()), (Some(false), 1));
}

#[test]
fn both_envelopes_parse_to_the_same_content() {
    let fields = &fixture("status")["response"]["status"];
    let expected = MessageContent::Status(Box::new(status()));
    for message in [
        json!({"response": {"status": fields}}),
        json!({"response": {"st": fields}}),
        json!({"status": fields}),
        json!({"st": fields}),
        json!({"response": {"status": "busy", "st": fields}}),
        json!({"response": "busy", "status": fields}),
    ] {
        let parsed = ParsedMessage::parse("any/topic", message.to_string().as_bytes()).unwrap();
        assert_eq!(parsed.content, expected);
    }
    let fields = &fixture("feature")["response"]["feature"];
    for message in [json!({"response": {"did": fields}}), json!({"feature": fields}), json!({"did": fields})]
    {
        let parsed = ParsedMessage::parse("", message.to_string().as_bytes()).unwrap();
        assert_eq!(parsed.content, MessageContent::Feature(Box::new(feature())));
    }
}

#[test]
fn a_message_names_its_client_and_device() {
    let (device, client) = (device(), client());
    let message = parse(&fixture("status"));
    assert!(message.is_from(&client) && message.is_about(&device));
    let mut from_other_client = fixture("status");
    from_other_client["clientID"] = json!("phone");
    from_other_client["response"]["macAddress"] = json!("000000000000");
    let message = parse(&from_other_client);
    assert!(!message.is_from(&client) && !message.is_about(&device));
    let mut earlier = fixture("status");
    earlier["sessionID"] = json!("another");
    assert!(!parse(&earlier).is_from(&client), "another program with our client id");
    let shown = format!("{:?}", parse(&fixture("status")));
    assert!(!shown.contains("aabbcc") && !shown.contains("0a1b2c3d"), "no ids in Debug");
}

/// Unknown enumerations, missing fields, numbers as text, fractions of whole numbers.
#[test]
fn inputs_that_crash_the_reference_client_are_parsed() {
    let fields = fixture("status")["response"]["status"].clone();
    let mut damaged = fields.clone();
    for (name, value) in [("errorCode", 4711), ("operationMode", 97), ("dhwOperationSetting", 42)] {
        damaged[name] = json!(value);
    }
    damaged["currentFanRpm"] = json!(894.4);
    damaged["fanPwm"] = json!([118]);
    damaged.as_object_mut().unwrap().remove("compUse");
    let read = status_of(&damaged);
    assert_eq!(read.error_words().as_deref(), Some("E4711 not in the list of known errors"));
    assert_eq!(read.operation_mode, Some(CurrentOperationMode::Other(97)));
    assert_eq!(read.mode.map(|mode| mode.to_string()).as_deref(), Some("unknown (42)"));
    assert_eq!((read.fan_rpm, read.fan_pwm, read.compressor), (Some(894), None, None));
    assert_eq!(read.unparsed.unreadable, [("fanPwm", "a list of 1".to_owned())]);
    let untouched = Status { unparsed: read.unparsed.clone(), ..status() };
    let repaired = Status {
        error_code: untouched.error_code,
        operation_mode: untouched.operation_mode,
        mode: untouched.mode,
        fan_pwm: untouched.fan_pwm,
        compressor: untouched.compressor,
        ..read
    };
    assert_eq!(repaired, untouched, "everything else is unchanged");

    let mut as_text = fields;
    for value in as_text.as_object_mut().unwrap().values_mut() {
        *value = json!(value.to_string());
    }
    assert_eq!(status_of(&as_text), status());
}
