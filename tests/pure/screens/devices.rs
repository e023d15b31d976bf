//! The Device screen, the list of commands, and the popups before a command is sent.

use std::sync::Arc;
use std::time::Duration;

use dropscope::device::{
    CommandSpec, Confirmation, DeviceView, Fact, FactLevel, Parameter, ParameterType, Value,
};
use dropscope::diagnostics::Event;
use dropscope::diagnostics::event::CommandState::{
    self, Acknowledged, Answered, Expired, Lost, Queued, Sent, Unanswered,
};
use dropscope::diagnostics::event::{AlertState, CommandUpdate, ConnectKind};
use dropscope::state::LiveState;
use dropscope::tui::model::{CommandPopup, Model, Popup, Screen};
use dropscope::tui::text::LineEdit;

use crate::screens::sample::Run;
use crate::screens::{ScreenFixture, snap};

/// A heater with commands, some of them sent.
fn device() -> LiveState {
    let mut run = Run::new(60).started("mqtts://broker.example:8883", "dropscope-7f3a91c2");
    run.connect(ConnectKind::Connected, 0);
    run.live(600.0);
    for (number, (name, states)) in COMMAND_STATES.into_iter().enumerate() {
        run.advance(20.0);
        for state in states {
            run.advance(0.041);
            run.apply(&Event::Command(CommandUpdate {
                correlation_id: number.to_string(),
                name: name.into(),
                state: *state,
                ms: None,
            }));
        }
    }
    run.apply(&Event::Alert {
        rule: "device-silent".into(),
        state: AlertState::Raised.into(),
        message: "2 consecutive commands unanswered while the connection is alive".into(),
    });
    run.advance(300.0);
    run.runtime.device = Some(Arc::new(DeviceView {
        title: "Water heater".into(),
        commands: commands().into(),
        status_command: Some("status".into()),
        facts: facts().into(),
        details: Arc::default(),
        last_heard: Some(run.ago(420.0)),
        unread: 0,
    }));
    run.published()
}

/// The commands and their states.
const COMMAND_STATES: [(&str, &[CommandState]); 6] = [
    ("status", &[Sent, Acknowledged, Answered]),
    ("temperature", &[Queued, Expired]),
    ("status", &[Sent, Lost]),
    ("power-off", &[Sent, Acknowledged, Unanswered]),
    ("status\u{1b}[2J with a very long name", &[Sent, Acknowledged, Unanswered]),
    ("temperature", &[Sent]),
];

fn commands() -> Vec<CommandSpec> {
    let degrees = Parameter {
        name: "degrees".into(),
        kind: ParameterType::Number { min: 35.0, max: 65.0, step: Some(0.5) },
        unit: Some("°C".into()),
        default: None,
    };
    let spec = |name: &str, title: &str, key: Option<&str>, confirm, parameters| CommandSpec {
        title: title.into(),
        key: key.map(Into::into),
        confirm,
        parameters,
        interval: (name == "status").then(|| Duration::from_secs(300)),
        unavailable: (name == "recirculate").then(|| "the device has no pump".into()),
        ..CommandSpec::new(name)
    };
    vec![
        spec("status", "ask for the status", Some("a"), Confirmation::None, Vec::new()),
        spec("temperature", "set the target", Some("t"), Confirmation::Ask, vec![degrees]),
        spec("power-off", "turn it off", None, Confirmation::Type, Vec::new()),
        spec("recirculate", "run the pump", None, Confirmation::Ask, Vec::new()),
    ]
}

fn facts() -> Vec<Fact> {
    let fact = |label: &str, value: &str, unit: Option<&str>, level| Fact::new(label, value, unit, level);
    vec![
        fact("tank temperature", "49.5", Some("°C"), FactLevel::Normal),
        fact("target", "51.0", Some("°C"), FactLevel::Normal),
        fact("heating", "yes", None, FactLevel::Good),
        fact("power", "447", Some("W"), FactLevel::Normal),
        fact("wifi", "-61", Some("dBm"), FactLevel::Warn),
        fact("error", "E517 compressor", None, FactLevel::Bad),
    ]
}

fn scene(change: impl FnOnce(&mut Model, &DeviceView)) -> ScreenFixture {
    let published = device();
    let device = Arc::clone(published.runtime.device.as_ref().expect("a device"));
    ScreenFixture::new(published).with(|model| {
        model.screen = Screen::Device;
        change(model, &device);
    })
}

fn command_popup(
    device: &DeviceView,
    index: usize,
    values: Vec<Value>,
    typed: &str,
    error: Option<&str>,
) -> Popup {
    Popup::Command(CommandPopup {
        spec: device.commands[index].clone(),
        values,
        line: LineEdit::new(typed),
        error: error.map(Into::into),
    })
}

#[test]
fn the_device_screen() {
    snap("device", &scene(|_, _| ()));
    snap("device-ascii", &scene(|model, _| model.command = 2).plain());
}

#[test]
fn replay_shows_the_command_history() {
    let mut published = device();
    published.runtime.device = None;
    snap("device-history", &ScreenFixture::new(published).with(|model| model.screen = Screen::Device));
}

#[test]
fn command_palette() {
    snap(
        "device-palette",
        &scene(|model, _| {
            model.popup = Some(Popup::Palette { line: LineEdit::new("t"), selected: 1 });
        }),
    );
}

#[test]
fn command_popups() {
    let error = "degrees must be 35 to 65 °C in steps of 0.5";
    let ask =
        scene(|model, device| model.popup = Some(command_popup(device, 1, Vec::new(), "99", Some(error))));
    snap("device-parameter", &ask);
    let confirm = scene(|model, device| {
        model.popup = Some(command_popup(device, 1, vec![Value::Number(48.5)], "", None));
    });
    snap("device-confirm", &confirm);
    let name = scene(|model, device| model.popup = Some(command_popup(device, 2, Vec::new(), "power", None)));
    snap("device-type-name", &name);
}

#[test]
fn no_size_is_too_small() {
    let popups: [fn(&mut Model, &DeviceView); 4] = [
        |_, _| (),
        |model, _| model.popup = Some(Popup::Palette { line: LineEdit::default(), selected: 99 }),
        |model, device| model.popup = Some(command_popup(device, 1, Vec::new(), "99", Some("no"))),
        |model, device| model.popup = Some(command_popup(device, 2, Vec::new(), "", None)),
    ];
    for change in popups {
        let scene = scene(change);
        for (width, height) in [(20, 5), (1, 1), (40, 10), (41, 11), (60, 14), (111, 12), (300, 10), (40, 60)]
        {
            scene.buffer(width, height);
        }
    }
    assert!(scene(|_, _| ()).text(20, 5).contains("CONNECTED"));
}
