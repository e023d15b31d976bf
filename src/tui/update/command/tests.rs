//! Tests of choosing, filling in, confirming and canceling commands.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::device::{Parameter, ParameterType, Value};
use crate::tui::keymap::{Keymap, KeymapMode};
use crate::tui::message::translate_event;
use crate::tui::sample::run_with_drops;
use crate::tui::update::update;
use crate::tui::view::ViewState;

fn spec(name: &str, key: Option<&str>, confirm: Confirmation, parameters: Vec<Parameter>) -> CommandSpec {
    CommandSpec {
        title: format!("{name} the heater").into(),
        key: key.map(Into::into),
        confirm,
        parameters,
        interval: Some(Duration::from_secs(300)),
        unavailable: (name == "broken").then(|| "the device cannot do it".into()),
        ..CommandSpec::new(name)
    }
}

fn device() -> DeviceView {
    let degrees = Parameter {
        name: "degrees".into(),
        kind: ParameterType::Number { min: 35.0, max: 65.0, step: Some(0.5) },
        unit: Some("°C".into()),
        default: None,
    };
    let commands = vec![
        spec("status", Some("a"), Confirmation::None, Vec::new()),
        spec("set", Some("p"), Confirmation::Ask, vec![degrees]),
        spec("reset", None, Confirmation::Type, Vec::new()),
        spec("broken", None, Confirmation::None, Vec::new()),
    ];
    DeviceView {
        title: "Heater".into(),
        commands: commands.into(),
        status_command: Some("status".into()),
        facts: Arc::default(),
        details: Arc::default(),
        last_heard: None,
        unread: 0,
    }
}

/// Presses keys (separated by blanks) on a screen and returns the requests.
fn type_keys(screen: Screen, device: Option<DeviceView>, keys: &str) -> (Model, Vec<(String, Vec<Value>)>) {
    let mut live = run_with_drops(1);
    let commands = device.as_ref().map(|device| Arc::clone(&device.commands)).unwrap_or_default();
    Arc::make_mut(&mut live).runtime.device = device.map(Arc::new);
    let keymap = Keymap::default().with_commands(&commands).expect("free keys");
    let mut model = Model { screen, ..Model::default() };
    let mut requests = Vec::new();
    for key in keys.split_whitespace() {
        let code = match key {
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Down" => KeyCode::Down,
            "Tab" => KeyCode::Tab,
            text => KeyCode::Char(text.chars().next().expect("a key")),
        };
        let event = Event::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let mode = KeymapMode::from_state(&live);
        let Some(message) = translate_event(&event, &model, mode, &keymap, &ViewState::default()) else {
            continue;
        };
        for effect in update(&mut model, message, &live, live.snapshot.at) {
            match effect {
                Effect::Request(MonitorRequest::Command { name, values }) => {
                    requests.push((name.to_string(), values));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    (model, requests)
}

#[test]
fn command_input_sends_one_request_or_none() {
    let status = || vec![("status".to_owned(), Vec::new())];
    let set = || vec![("set".to_owned(), vec![Value::Number(48.5)])];
    let reset = || vec![("reset".to_owned(), Vec::new())];
    let cases = [
        (Screen::Overview, ": s t a Enter", status()),
        (Screen::Overview, ": Enter", status()),
        (Screen::Device, "s", status()),
        (Screen::Device, "a", status()),
        (Screen::Device, "Enter", status()),
        (Screen::Overview, "a", vec![]),
        (Screen::Device, "p 4 8 . 5 Enter y", set()),
        (Screen::Device, "Down Enter 4 8 , 5 Enter y", set()),
        (Screen::Device, "p 4 8 . 5 Enter Enter Enter", vec![]),
        (Screen::Device, "p 4 8 . 5 Enter n Esc", vec![]),
        (Screen::Device, "p 9 9 Enter", vec![]),
        (Screen::Overview, ": r e s Enter r e s e t Enter", reset()),
        (Screen::Overview, ": r e s Enter r e s Enter", vec![]),
        (Screen::Overview, ": Down Down Enter y", vec![]),
        (Screen::Overview, ": b r o k Enter", vec![]),
        (Screen::Overview, ": x y z Enter", vec![]),
        (Screen::Overview, ": s t Esc Enter", vec![]),
    ];
    for (screen, keys, expected) in cases {
        assert_eq!(type_keys(screen, Some(device()), keys).1, expected, "{keys}");
    }
}

#[test]
fn invalid_command_input_shows_its_error_in_place() {
    let (model, _) = type_keys(Screen::Device, Some(device()), "p 9 9 Enter");
    let Some(Popup::Command(popup)) = &model.popup else { panic!("{:?}", model.popup) };
    assert_eq!(popup.error.as_deref(), Some("degrees must be 35 to 65 °C in steps of 0.5"));
    let (model, _) = type_keys(Screen::Device, Some(device()), "p 4 8 Enter Enter");
    let Some(Popup::Command(popup)) = &model.popup else { panic!("{:?}", model.popup) };
    assert!(popup.is_yes_no_question() && popup.error.as_deref() == Some("press y to send, Esc to cancel"));
    let (model, _) = type_keys(Screen::Overview, Some(device()), ": b r o Enter");
    let notice = model.notices.last().map(|notice| notice.text.to_string());
    assert_eq!((notice.as_deref(), model.popup), (Some("broken: the device cannot do it"), None));
}

#[test]
fn without_a_device_there_is_no_device_screen_and_no_command() {
    for keys in ["4", ":", "Tab Tab"] {
        let (model, requests) = type_keys(Screen::Overview, None, keys);
        assert_eq!((model.screen, model.popup, requests.len()), (Screen::Overview, None, 0), "{keys}");
    }
    assert_eq!(type_keys(Screen::Overview, Some(device()), "Tab Tab").0.screen, Screen::Device);
    assert_eq!(type_keys(Screen::Overview, Some(device()), "4").0.screen, Screen::Device);
}

#[test]
fn bound_key_is_rejected_for_a_command() {
    let binding_error = |key: &str| {
        let commands = [spec("x", Some(key), Confirmation::None, Vec::new())];
        Keymap::default().with_commands(&commands).expect_err(key)
    };
    assert_eq!(binding_error("e"), "the key e of the command x is already bound to export");
    assert_eq!(binding_error("s"), "the key s of the command x is already bound to request-status");
    assert!(binding_error("Hyper-x").starts_with("the command x: \"Hyper-x\" is not a key"));
    let twice =
        [spec("x", Some("p"), Confirmation::None, vec![]), spec("y", Some("p"), Confirmation::None, vec![])];
    assert!(Keymap::default().with_commands(&twice).is_err());
}
