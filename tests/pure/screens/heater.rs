//! The Device screen of a water heater of the first device cloud, from its real messages.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dropscope::device::{Device, DeviceMessage, DeviceView, Value};
use dropscope::diagnostics::event::CommandState::{self, Acknowledged, Answered, Sent};
use dropscope::diagnostics::event::{CommandUpdate, ConnectKind};
use dropscope::diagnostics::{Event, Stamp};
use dropscope::navien::heater::{Heater, HeaterSettings};
use dropscope::navien::protocol::TemperatureUnit;
use dropscope::navien::protocol::topic::{self, ClientIdentity};
use dropscope::tui::model::{CommandPopup, Popup, Screen};
use dropscope::tui::picture;
use dropscope::tui::text::LineEdit;

use crate::committed;
use crate::screens::sample::Run;
use crate::screens::{ScreenFixture, snap};

const MESSAGES: [&str; 5] = [
    include_str!("../../fixtures/navien-feature.json"),
    include_str!("../../fixtures/navien-energy.json"),
    include_str!("../../fixtures/navien-reservation.json"),
    include_str!("../../fixtures/navien-tou.json"),
    include_str!("../../fixtures/navien-status.json"),
];

fn now() -> DateTime<Utc> {
    "2026-08-03T12:00:00Z".parse().expect("a time")
}

/// The heater after these messages.
fn heater_after(messages: &[String]) -> Heater {
    let address = topic::DeviceAddress::new(52, "aabbccddeeff", "5322").expect("an address");
    let client =
        ClientIdentity::new("navien-client-0a1b2c3d", "00112233445566778899aabbccddeeff").expect("a client");
    let settings = HeaterSettings { unit: Some(TemperatureUnit::Celsius), ..HeaterSettings::default() };
    let mut heater = Heater::new("Cellar", address, client, settings, now());
    for message in messages {
        let parsed: serde_json::Value = serde_json::from_str(message).expect("JSON");
        let topic = parsed["responseTopic"].as_str().expect("a topic");
        let at = Stamp::new(now(), Duration::ZERO);
        heater.handle_message(&DeviceMessage { at, topic, payload: message.as_bytes(), retained: false });
    }
    heater
}

fn scene(heater: &Heater) -> ScreenFixture {
    let has_facts = !heater.facts().is_empty();
    let mut run = Run::new(60).started("wss://cloud.example/mqtt", "navien-client-0a1b2c3d");
    run.connect(ConnectKind::Connected, 0);
    run.live(600.0);
    for (number, name) in ["present", "status", "info", "temperature"].into_iter().enumerate() {
        run.advance(20.0);
        let answer: &[CommandState] = if name == "present" { &[] } else { &[Answered] };
        for state in [Sent, Acknowledged].iter().chain(answer) {
            run.advance(0.052);
            let (correlation_id, name) = (number.to_string(), name.to_owned());
            run.apply(&Event::Command(CommandUpdate { correlation_id, name, state: *state, ms: None }));
        }
    }
    run.apply(&Event::Device { message: "heating started".into() });
    run.runtime.device = Some(Arc::new(DeviceView {
        title: heater.title(),
        commands: heater.commands(),
        status_command: heater.status_command(),
        facts: heater.facts().into(),
        details: heater.details().into(),
        last_heard: has_facts.then(|| run.ago(0.1)),
        unread: 0,
    }));
    ScreenFixture::new(run.published()).with(|model| model.screen = Screen::Device)
}

fn owned(messages: &[&str]) -> Vec<String> {
    messages.iter().map(|message| (*message).to_owned()).collect()
}

#[test]
fn device_screen_shows_state_and_commands() {
    let scene_of_all = scene(&heater_after(&owned(&MESSAGES)));
    snap("heater", &scene_of_all);
    // The picture in the README is this screen.
    committed::compare("device.svg", &picture::buffer_to_svg(&scene_of_all.buffer(120, 32)));
    snap("heater-before-a-word", &scene(&heater_after(&[])));
}

#[test]
fn device_error_is_listed_first() {
    let broken = MESSAGES[4]
        .replace("\"errorCode\": 0", "\"errorCode\": 799")
        .replace("\"wtrOvrSensorUse\": 1", "\"wtrOvrSensorUse\": 2");
    assert_ne!(broken, MESSAGES[4]);
    snap("heater-leak", &scene(&heater_after(&[MESSAGES[0].to_owned(), broken])));
}

#[test]
fn device_details_list_every_value() {
    let scene = scene(&heater_after(&owned(&MESSAGES)));
    snap("heater-details", &scene.with(|model| model.popup = Some(Popup::Details { scroll: 0 })));
}

#[test]
fn command_popup_shows_limits_and_consequences_before_sending() {
    let heater = heater_after(&owned(&MESSAGES));
    let spec =
        heater.commands().iter().find(|spec| &*spec.name == "temperature").cloned().expect("a command");
    let command_popup = |values: Vec<Value>, typed: &str, error: Option<&str>| {
        Popup::Command(CommandPopup {
            spec: spec.clone(),
            values,
            line: LineEdit::new(typed),
            error: error.map(Into::into),
        })
    };
    let limits = "target must be 40.5 to 65.5 °C, to the nearest 0.5";
    let popup = command_popup(Vec::new(), "140", Some(limits));
    snap("heater-limits", &scene(&heater).with(|model| model.popup = Some(popup)));
    let popup = command_popup(vec![Value::Integer(120)], "temp", None);
    snap("heater-confirm", &scene(&heater).with(|model| model.popup = Some(popup)));
}

#[test]
fn device_details_draw_at_any_size() {
    let heater = heater_after(&owned(&MESSAGES));
    for scroll in [0, 7, 100_000] {
        let scene = scene(&heater).with(|model| model.popup = Some(Popup::Details { scroll }));
        for (width, height) in [(1, 1), (20, 5), (40, 10), (80, 24), (300, 12), (41, 60)] {
            scene.buffer(width, height);
        }
    }
    let last =
        scene(&heater).with(|model| model.popup = Some(Popup::Details { scroll: 100_000 })).text(80, 24);
    assert!(last.contains("Tariff") && last.contains("0.31794"), "the last line is reachable:\n{last}");
}
