//! Files with commands in, devices or sentences out.

use std::path::Path;
use std::time::Duration;

use crate::config::TEMPLATE;
use crate::config::file::parse;
use crate::device::{CommandContext, Confirmation, Device, Value};

const SET: &str = r#"
[[command]]
name = "set"
topic = "home/set"
payload = '{"id":"{correlation_id}","to":{degrees}}'
qos = 1
confirm = "type"
answer-topic = "home/{client_id}/answer"
timeout = "3s"

[[command.parameters]]
name = "degrees"
kind = "number"
min = 35
max = 65
step = 0.5
unit = "°C"
"#;

fn build_device(text: &str) -> crate::device::ConfiguredDevice {
    let options = parse(text, Path::new("c.toml")).expect(text);
    super::device(&options.device, &options.command).expect(text).expect("a device")
}

fn error_for(text: &str) -> String {
    parse(text, Path::new("c.toml")).expect_err(text).to_string()
}

#[test]
fn a_command_of_the_file_can_be_sent() {
    let device = build_device(&format!("[device]\nname = 'Heater'\nstatus-topic = ['home/status']\n{SET}"));
    let specs = device.commands();
    assert_eq!((&*device.title(), specs.len(), specs[0].confirm), ("Heater", 1, Confirmation::Type));
    assert_eq!(specs[0].parameters[0].range(), "35 to 65 °C in steps of 0.5");
    let command_context =
        CommandContext { correlation_id: "i", client_id: "me", now: chrono::DateTime::UNIX_EPOCH };
    let prepared = device.build("set", &[Value::Number(50.0)], &command_context).expect("an order");
    assert_eq!(
        (prepared.qos, prepared.answer.map(|answer| answer.timeout)),
        (1, Some(Duration::from_secs(3)))
    );
    assert_eq!(prepared.payload, br#"{"id":"i","to":50.0}"#);
    let filters: Vec<_> = device.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
    assert_eq!(filters, ["home/status", "home/me/answer"]);
}

#[test]
fn no_device_options_mean_no_device() {
    let options = parse(TEMPLATE, Path::new("c.toml")).expect("the sample");
    assert_eq!(super::device(&options.device, &options.command), Ok(None));
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table: a row for each rule")]
fn each_error_names_its_line() {
    let with = |old: &str, new: &str| {
        assert!(SET.contains(old), "{old}");
        SET.replacen(old, new, 1)
    };
    let cases = [
        (
            with("\"set\"", "\"2 set\""),
            3,
            "the name of a command must begin with a letter and have at most 40 letters, digits, - and _",
        ),
        (
            with("home/set", "home/#"),
            4,
            "the topic of set is empty or has + or # in it, so it cannot be published to",
        ),
        (
            with("home/set", "home/{zone}"),
            4,
            "the topic of set: unknown placeholder `{zone}`; valid: correlation_id, client_id, now, now_ms, degrees",
        ),
        (
            with("{degrees}", "{warmth}"),
            5,
            "the payload of set: unknown placeholder `{warmth}`; valid: correlation_id, client_id, now, now_ms, degrees",
        ),
        (
            with(":{degrees}", ":1{degrees}"),
            5,
            "the payload of set: `{degrees}` must be inside a JSON string or replace a whole JSON value",
        ),
        (
            with("{degrees}}", "{degrees}"),
            5,
            "the payload of set: `{degrees}` must be inside a JSON string or replace a whole JSON value",
        ),
        (with("qos = 1", "qos = 2"), 6, "the qos of set must be 0 or 1"),
        (
            with("home/{client_id}/answer", "a/#/b"),
            8,
            "the answer-topic of set is not a valid topic filter; only {client_id} is filled in",
        ),
        (
            with("home/{client_id}/answer", "home/+"),
            8,
            "the answer-topic of set matches its own topic, so that it would answer itself",
        ),
        (
            with("{correlation_id}", "{client_id}")
                .replace("timeout", "answer-match = \"correlation-id\"\ntimeout"),
            8,
            "set is matched by its correlation id, but its payload has no {correlation_id}",
        ),
        (
            with("answer-topic = \"home/{client_id}/answer\"\n", ""),
            3,
            "timeout and answer-match of set need an answer-topic",
        ),
        (with("\"3s\"", "\"2h\""), 3, "the timeout of set must be from 100ms to 1h"),
        (
            with("\"3s\"", "\"3s\"\nevery = 60"),
            3,
            "set is sent by itself (every), so it must be harmless: set confirm = \"none\"",
        ),
        (
            with("\"3s\"", "\"3s\"\nevery = 60").replace("\"type\"", "\"none\""),
            3,
            "set is sent by itself (every), so each of its parameters needs a default",
        ),
        (with("\"3s\"", "\"3s\"\nevery = 1"), 3, "every of set must be at least 5s, or 0 for never"),
        (with("min = 35", "min = 66"), 12, "the parameter degrees needs min and max, with min not above max"),
        (
            with("unit", "default = \"70\"\nunit"),
            12,
            "its default is wrong: degrees must be 35 to 65 in steps of 0.5",
        ),
        (
            with("\"number\"", "\"choice\""),
            12,
            "the parameter degrees needs choices, as in choices = [\"eco\", \"boost\"]",
        ),
        (
            with("\"number\"", "\"integer\"").replace("= 65", "= 65.5"),
            12,
            "the parameter degrees needs whole numbers for min and max",
        ),
        (format!("{SET}{SET}"), 20, "there are two commands `set`"),
        (format!("[device]\nstatus-command = \"x\"{SET}"), 2, "status-command is the name of no [[command]]"),
        (
            format!("[device]\nstatus-command = \"set\"{SET}"),
            2,
            "the status-command must have confirm = \"none\" and no parameters",
        ),
        (
            format!("[device]\nstatus-topic = [\"a\",\n\"b#\"]{SET}"),
            3,
            "status-topic is not a valid topic filter",
        ),
    ];
    for (text, line, why) in cases {
        let why = why
            .replace("65 in steps", if text.contains("default") { "65 °C in steps" } else { "65 in steps" });
        let expected = format!("The configuration file c.toml is not valid in line {line}: {why}.");
        assert_eq!(error_for(&text), expected, "{text}");
    }
    let two =
        format!("{SET}{}", SET.replace("\"set\"", "\"other\"").replace("qos = 1", "qos = 1\nkey = \"p\""));
    let clash = two.replacen("qos = 1", "qos = 1\nkey = \"p\"", 1);
    assert!(
        error_for(&clash).ends_with("the key p is bound to both set and other."),
        "{}",
        error_for(&clash)
    );
    assert!(
        error_for(&with("qos", "quos")).contains("unknown key `quos` in line 6"),
        "{}",
        error_for(&with("qos", "quos"))
    );
}

#[test]
fn the_example_of_the_sample_is_a_device() {
    let text: String = TEMPLATE
        .lines()
        .skip_while(|line| *line != "[device]")
        .map(|line| {
            line.strip_prefix("# ")
                .filter(|rest| rest.contains(" = ") || rest.starts_with("[["))
                .unwrap_or(if line.starts_with('#') { "" } else { line })
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let device = build_device(&text);
    let names: Vec<_> = device.commands().iter().map(|spec| spec.name.to_string()).collect();
    assert_eq!(names, ["status", "temperature"]);
    assert_eq!(device.status_command().as_deref(), Some("status"));
}
