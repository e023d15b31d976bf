//! The device without a broker: message shapes against the reference, commands, and the physics of a day.

mod protocol;

use serde_json::json;

use super::*;

fn fixture(name: &str) -> Value {
    let text = match name {
        "status" => include_str!("../../../tests/fixtures/navien-status.json"),
        "feature" => include_str!("../../../tests/fixtures/navien-feature.json"),
        "energy" => include_str!("../../../tests/fixtures/navien-energy.json"),
        "reservation" => include_str!("../../../tests/fixtures/navien-reservation.json"),
        "tou" => include_str!("../../../tests/fixtures/navien-tou.json"),
        _ => include_str!("../../../tests/fixtures/navien-commands.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn start() -> DateTime<Utc> {
    "2026-08-03T12:00:00Z".parse().unwrap()
}

fn device() -> SimulatedDevice {
    SimulatedDevice {
        identity: HeaterIdentity::default(),
        machine: Machine::new(1, start(), false),
        schedules: Schedules::default(),
    }
}

/// Sends one of the reference client's commands; returns the answer's payload.
fn send_reference_command(device: &mut SimulatedDevice, command: &str) -> Value {
    let sent = &fixture("commands")[command];
    let payload = sent["payload"].to_string();
    let now = device.machine.now();
    let answer = device.answer(sent["topic"].as_str().unwrap(), payload.as_bytes(), now).unwrap();
    assert_eq!(answer.topic, sent["payload"]["responseTopic"].as_str().unwrap());
    answer.payload
}

fn send(device: &mut SimulatedDevice, command: u64, mode: &str, param: &[i64]) -> Value {
    let topic = "cmd/52/navilink-aabbccddeeff/ctrl";
    let payload = json!({
        "clientID": "c", "sessionID": "s", "responseTopic": "cmd/52/navilink-aabbccddeeff/c/res",
        "request": {"command": command, "deviceType": 52, "macAddress": "aabbccddeeff",
                    "additionalValue": "5322", "mode": mode, "param": param, "paramStr": ""},
    });
    let now = device.machine.now();
    let answer = device.answer(topic, payload.to_string().as_bytes(), now).unwrap();
    answer.payload["response"]["status"].clone()
}

fn advance(device: &mut SimulatedDevice, minutes: i64) -> Value {
    let now = device.machine.now() + TimeDelta::minutes(minutes);
    device.machine.advance_to(now);
    device.status()
}

#[test]
fn a_status_has_all_fields_of_the_reference_and_its_values() {
    let actual = send_reference_command(&mut device(), "request_device_status");
    let mut reference = fixture("status");
    // Independent of the reference: signal, stored energy, and whether a timetable is on.
    for (field, tolerance) in [
        ("wifiRssi", 3),
        ("dhwChargePer", 5),
        ("totalEnergyCapacity", 30),
        ("availableEnergyCapacity", 40),
        ("programReservationUse", 1),
    ] {
        let (our, their) =
            (&actual["response"]["status"][field], &mut reference["response"]["status"][field]);
        let apart = (our.as_i64().unwrap() - their.as_i64().unwrap()).abs();
        assert!(apart <= tolerance, "{field}: {our} and {their}");
        *their = our.clone();
    }
    assert_eq!(actual, reference);
    assert_eq!(actual["response"]["status"].as_object().unwrap().len(), 102);
}

#[test]
fn feature_reservations_and_tariffs_are_the_reference_exactly() {
    for (command, name) in [
        ("request_device_info", "feature"),
        ("request_reservations", "reservation"),
        ("request_tou_settings", "tou"),
    ] {
        assert_eq!(send_reference_command(&mut device(), command), fixture(name), "{name}");
    }
}

/// The same keys and kinds of values, lists by their first element.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
        Value::Array(items) => json!([items.first().map(shape)]),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("text"),
        other => other.clone(),
    }
}

#[test]
fn an_energy_answer_has_the_shape_of_the_reference() {
    let mut device = device();
    advance(&mut device, 60 * 24 * 60);
    let request = &fixture("commands")["request_energy_usage"]["payload"]["request"];
    let actual = send_reference_command(&mut device, "request_energy_usage");
    assert_eq!(shape(&actual), shape(&fixture("energy")));
    assert_eq!(actual["response"]["usage"][0]["year"], request["year"]);
    assert_eq!(actual["response"]["usage"][0]["month"], request["month"][0]);
}

#[test]
fn every_command_of_the_reference_client_is_answered() {
    let commands = fixture("commands");
    for name in commands.as_object().unwrap().keys().filter(|name| *name != "signal_app_connection") {
        let payload = send_reference_command(&mut device(), name);
        let request = &commands[name]["payload"];
        for field in ["clientID", "sessionID", "protocolVersion", "requestTopic", "responseTopic"] {
            assert_eq!(payload[field], request[field], "{name}: {field}");
        }
        if commands[name]["topic"].as_str().unwrap().ends_with("/ctrl") {
            assert_eq!(payload["response"]["status"].as_object().unwrap().len(), 102, "{name}");
        }
    }
}

#[test]
fn commands_change_their_setting() {
    for (command, field, value) in [
        ("set_power_off", "dhwOperationSetting", 6),
        ("set_dhw_mode_vacation_7d", "dhwOperationSetting", 5),
        ("set_dhw_mode_vacation_7d", "vacationDaySetting", 7),
        ("set_dhw_temperature_121F", "dhwTemperatureSetting", 99),
        ("set_dhw_temperature_121F", "hpLowerOnTempSetting", 92),
        ("disable_anti_legionella", "antiLegionellaUse", 1),
        ("set_tou_enabled_false", "touStatus", 0),
        ("reset_air_filter", "airFilterAlarmElapsed", 0),
        ("set_freeze_protection_temperature_45F", "freezeProtectionTemperature", 14),
    ] {
        let mut device = device();
        assert_ne!(device.status()[field], value, "{command} must change something");
        assert_eq!(
            send_reference_command(&mut device, command)["response"]["status"][field],
            value,
            "{command}"
        );
    }
    let mut device = device();
    send_reference_command(&mut device, "set_power_off");
    assert_eq!(
        send_reference_command(&mut device, "set_power_on")["response"]["status"]["dhwOperationSetting"],
        3
    );
    let written = send_reference_command(&mut device, "update_reservations");
    assert_eq!(written["response"]["reservation"], "0254061e0378000000000000");
    assert_eq!(
        send_reference_command(&mut device, "request_reservations")["response"]["reservation"],
        "0254061e0378000000000000"
    );
    send_reference_command(&mut device, "update_reservations_disable_all");
    assert_eq!(send_reference_command(&mut device, "request_reservations")["response"]["reservationUse"], 1);
    let periods = &fixture("commands")["configure_tou_schedule"]["payload"]["request"]["reservation"];
    assert_eq!(
        send_reference_command(&mut device, "configure_tou_schedule")["response"]["reservation"],
        *periods
    );
}

#[test]
fn values_outside_the_limits_change_nothing() {
    let mut device = device();
    let before = device.status();
    for (command, mode, param) in [
        (33_554_464, "dhw-temperature", &[132][..]),
        (33_554_464, "dhw-temperature", &[31]),
        (33_554_464, "dhw-temperature", &[]),
        (33_554_464, "power-off", &[]),
        (33_554_437, "dhw-mode", &[6]),
        (33_554_437, "dhw-mode", &[5]),
        (33_554_437, "dhw-mode", &[5, 31]),
        (33_554_466, "goout-day", &[7]),
        (33_554_472, "anti-leg-on", &[0]),
        (33_554_451, "frez-temp", &[21]),
    ] {
        let after = send(&mut device, command, mode, param);
        for field in
            ["dhwOperationSetting", "dhwTemperatureSetting", "vacationDaySetting", "antiLegionellaPeriod"]
        {
            assert_eq!(after[field], before[field], "{mode} {param:?}");
        }
        assert_eq!(after["freezeProtectionTemperature"], 12);
    }
}

#[test]
fn foreign_requests_get_no_answer() {
    let mut device = device();
    let good = fixture("commands")["request_device_status"]["payload"].to_string();
    let topic = "cmd/52/navilink-aabbccddeeff/st";
    let now = start();
    assert!(device.answer(topic, good.as_bytes(), now).is_some());
    for (place, payload) in [
        (topic, good.replace("\"macAddress\":\"aabbccddeeff\"", "\"macAddress\":\"ffeeddccbbaa\"")),
        (topic, good.replace("/res\"", "/+/res\"")),
        (topic, good.replace("\"responseTopic\":\"cmd/52", "\"responseTopic\":\"$aws/52")),
        (topic, good.replace("responseTopic", "otherTopic")),
        (topic, good.replace("16777219", "16777217")),
        (topic, "{".to_owned()),
        (topic, "[]".to_owned()),
        ("cmd/52/navilink-aabbccddeeff/st/did", good.clone()),
        ("cmd/52/navilink-aabbccddeeff/ctrlx", good.clone()),
        ("cmd/52/navilink-aabbccddeeff", good.clone()),
        ("cmd/52/navilink-000000000000/st", good.clone()),
    ] {
        assert!(payload != good || place != topic, "{payload} must differ");
        assert_eq!(device.answer(place, payload.as_bytes(), now), None, "{place} {payload}");
    }
}

#[test]
fn the_heat_pump_heats_to_the_setpoint_and_stops() {
    let mut device = device();
    let before = device.status();
    assert_eq!((&before["compUse"], &before["currentHeatUse"]), (&json!(2), &json!(1)));
    let warmer = advance(&mut device, 20);
    assert!(warmer["tankLowerTemperature"].as_i64() > before["tankLowerTemperature"].as_i64());
    assert!((400..500).contains(&warmer["currentInstPower"].as_i64().unwrap()), "{warmer}");
    // 2.7 K at about 1.25 kW take about 40 minutes; two hours are enough.
    let done = advance(&mut device, 100);
    for (field, value) in [("operationMode", 0), ("operationBusy", 1), ("compUse", 1), ("currentHeatUse", 0)]
    {
        assert_eq!(done[field], value, "{field}");
    }
    assert!(done["currentInstPower"].as_i64().unwrap() < 10);
    assert!(done["availableEnergyCapacity"].as_i64().unwrap() < 40, "nothing is missing");
    // It cools by 0.25 K an hour until it heats again.
    let hours = (1..40).find(|_| advance(&mut device, 60)["compUse"] == 2).unwrap();
    assert!((6..30).contains(&hours), "{hours}");
}

#[test]
fn a_draw_cools_the_tank_and_it_recovers() {
    let mut device = device();
    advance(&mut device, 120);
    device.machine.start_draw(80.0);
    let during = advance(&mut device, 1);
    assert_eq!(during["dhwUse"], 2);
    assert!((60..90).contains(&during["currentDhwFlowRate"].as_i64().unwrap()));
    let after = advance(&mut device, 20);
    assert_eq!((&after["dhwUse"], &after["compUse"]), (&json!(1), &json!(2)));
    assert!(after["tankLowerTemperature"].as_i64().unwrap() < 450, "{after}");
    assert!(after["dhwChargePer"].as_i64().unwrap() < 90);
    let minutes = (1..36).find(|_| advance(&mut device, 10)["compUse"] == 1).unwrap() * 10;
    assert!((60..300).contains(&minutes), "{minutes}");
    assert!(device.status()["dhwChargePer"].as_i64().unwrap() >= 98);
}

#[test]
fn modes_use_their_sources() {
    for (mode, source, operation) in [(1, 1, 32), (2, 2, 96), (3, 1, 64), (4, 3, 96)] {
        let mut device = device();
        device.machine.tank = tank::Tank { upper: 50.0, lower: 40.0 };
        let status = send(&mut device, 33_554_437, "dhw-mode", &[mode]);
        assert_eq!(
            (&status["currentHeatUse"], &status["operationMode"]),
            (&json!(source), &json!(operation)),
            "{mode}"
        );
    }
    let mut device = device();
    device.machine.tank = tank::Tank { upper: 35.0, lower: 20.0 };
    let emergency = send(&mut device, 33_554_437, "dhw-mode", &[3]);
    assert_eq!((&emergency["currentHeatUse"], &emergency["heatUpperUse"]), (&json!(3), &json!(2)));
    device.machine.error = (908, 0);
    let broken = send(&mut device, 33_554_437, "dhw-mode", &[1]);
    assert_eq!((&broken["currentHeatUse"], &broken["errorCode"]), (&json!(0), &json!(908)));
}

#[test]
fn a_lower_setpoint_stops_the_heating_and_a_higher_one_starts_it() {
    let mut device = device();
    assert_eq!(send(&mut device, 33_554_464, "dhw-temperature", &[100])["compUse"], 1);
    assert_eq!(send(&mut device, 33_554_464, "dhw-temperature", &[131])["compUse"], 2);
    assert_eq!(send(&mut device, 33_554_433, "power-off", &[])["compUse"], 1);
}

#[test]
fn a_vacation_ends_by_itself() {
    let mut device = device();
    send_reference_command(&mut device, "set_dhw_mode_vacation_7d");
    let away = advance(&mut device, 3 * 24 * 60);
    assert_eq!((&away["vacationDayElapsed"], &away["compUse"]), (&json!(3), &json!(1)));
    assert!(away["tankUpperTemperature"].as_i64().unwrap() < 500, "{away}");
    let back = advance(&mut device, 4 * 24 * 60 + 1);
    assert_eq!((&back["dhwOperationSetting"], &back["compUse"]), (&json!(3), &json!(2)));
    assert_eq!(back["vacationDaySetting"], 0);
}

#[test]
fn a_simulated_month_stays_plausible() {
    let day_by_day = |seed| {
        let mut machine = Machine::new(seed, start(), true);
        let mut lowest = 100.0_f64;
        for day in 1..=30 {
            machine.advance_to(start() + TimeDelta::days(day));
            assert!((12.0..=61.0).contains(&machine.tank.lower), "{:?}", machine.tank);
            assert!(machine.tank.upper <= 66.0, "{:?}", machine.tank);
            lowest = lowest.min(machine.tank.upper);
        }
        let report = machine.energy_history.report(2026, &[8], machine.now().date_naive());
        (machine.tank, report["total"]["hpUsage"].as_i64().unwrap() / 30)
    };
    let (tank, daily_wh) = day_by_day(5);
    // 250 liters a day heated by 45 K need about 13 kWh of heat, and a third of that in electricity.
    assert!((1_500..8_000).contains(&daily_wh), "{daily_wh} Wh a day");
    assert_eq!(day_by_day(5).0, tank, "the same seed gives the same days");
    assert_ne!(day_by_day(6).0, tank);
}

#[test]
fn each_corruption_has_its_effect() {
    let answer = || {
        let payload = fixture("commands")["request_device_status"]["payload"].to_string();
        device().answer("cmd/52/navilink-aabbccddeeff/st", payload.as_bytes(), start()).unwrap()
    };
    let (intact_topic, intact) = answer().intact();
    let parsed = |corruption| serde_json::from_slice::<Value>(&answer().corrupted(corruption).1);
    let status = |corruption| parsed(corruption).unwrap()["response"]["status"].clone();
    assert!(parsed(AnswerCorruption::NotJson).is_err() && parsed(AnswerCorruption::Truncated).is_err());
    assert!(intact.starts_with(&answer().corrupted(AnswerCorruption::Truncated).1));
    assert_eq!(parsed(AnswerCorruption::OtherDevice).unwrap()["response"]["macAddress"], "000000000000");
    assert_eq!(status(AnswerCorruption::MissingFields).as_object().unwrap().len(), 68);
    assert_eq!(status(AnswerCorruption::UnknownValues)["errorCode"], 4711);
    assert_eq!(status(AnswerCorruption::NumbersAsText)["dhwTemperature"], "117");
    assert!(parsed(AnswerCorruption::NoResponse).unwrap().get("response").is_none());
    let (topic, payload) = answer().corrupted(AnswerCorruption::OtherTopic);
    assert!(topic != intact_topic && topic.starts_with(&intact_topic));
    assert_eq!(payload.len(), intact.len());
}
