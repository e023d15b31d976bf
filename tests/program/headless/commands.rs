//! Commands of a configuration file, over real sockets, to the lab's heater.

use dropscope::diagnostics::event::CommandState;
use dropscope::diagnostics::{Event, Transport};
use dropscope::lab::scenario::Scenario;
use dropscope::lab::{LabOptions, LabSetup};

use super::{decoded, home, run};

const CONFIG: &str = r#"
[device]
name = "Heater"
status-topic = ["demo/water-heater/status"]

[[command]]
name = "status"
topic = "demo/water-heater/command"
payload = '{"id": "{correlation_id}", "command": "status"}'
qos = 1
confirm = "none"
answer-topic = "demo/water-heater/answer"
every = "5m"

[[command]]
name = "unheard"
topic = "demo/nobody"
confirm = "none"
answer-topic = "demo/nobody/answer"
timeout = "500ms"
every = "5m"
"#;

#[test]
fn a_periodic_command_is_sent_and_answered_unless_quiet() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let scenario = Scenario::find("healthy").expect("a scenario");
    let options = LabOptions { seed: 1, speed: 1.0, wall_secs: 0.0 };
    let stage = runtime.block_on(LabSetup::start(&[Transport::Tcp], scenario, options)).expect("a stage");
    let url = format!("mqtt://{}", stage.address(Transport::Tcp).expect("a door"));
    let home = home();
    let config = home.path().join("c.toml");
    std::fs::write(&config, CONFIG).expect("a file");
    let file = config.to_str().expect("text");
    let watch = ["--config", file, "--headless", "--json", "--duration", "5s", url.as_str()];

    let ended = run(home.path(), &watch);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let life = |name: &str| {
        let command = |event: &Event| match event {
            Event::Command(command) if command.name == name => Some((command.state, command.ms)),
            _ => None,
        };
        decoded(&ended.out).iter().filter_map(|one| command(&one.event)).collect::<Vec<_>>()
    };
    let states = |name| life(name).into_iter().map(|(state, _)| state).collect::<Vec<_>>();
    assert_eq!(states("status"), [CommandState::Sent, CommandState::Acknowledged, CommandState::Answered]);
    assert_eq!(states("unheard"), [CommandState::Sent, CommandState::Unanswered]);
    assert!(life("status").iter().all(|(_, ms)| ms.is_some_and(|ms| (0.0..5_000.0).contains(&ms))));
    assert!(!ended.out.contains("tankTemperature"), "payloads are not recorded");

    let quiet = run(home.path(), &[&watch[..], &["--quiet-link"]].concat());
    assert_eq!(quiet.code, Some(0), "{}", quiet.err);
    assert!(!quiet.out.contains("\"command\""), "{}", quiet.out);
    runtime.block_on(stage.stop());
}

#[test]
fn a_command_config_error_names_its_line() {
    let home = home();
    let config = home.path().join("c.toml");
    std::fs::write(&config, CONFIG.replace("{correlation_id}", "{corelation_id}")).expect("a file");
    let ended =
        run(home.path(), &["--config", config.to_str().expect("text"), "--headless", "mqtt://127.0.0.1:1"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended.err.contains(
            "c.toml is not valid in line 9: the payload of status: unknown placeholder `{corelation_id}`"
        ),
        "{}",
        ended.err
    );
}
