//! The JSON schema of the configuration file, generated from the command line, the sample file and a table.
//!
//! Each key of the sections has the name, the help text and the value type of its flag, and the default of the sample
//! file. Only `[keys]`, `[device]` and `[[command]]`, which have no flags, are described here.

use std::any::TypeId;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Args, Command};
use serde_json::{Map, Value, json};

use super::options::{
    ConnectionOptions, ExportOutputOptions, LogOptions, MqttOptions, ReconnectOptions, RecordOptions,
    RunOptions, ScreenOptions, TlsOptions,
};
use super::{AttemptLimit, HumanDuration, KeepAlive, TEMPLATE};

/// The schema (JSON Schema, draft 2020-12).
pub fn schema() -> Value {
    let defaults: toml::Table = TEMPLATE.parse().unwrap_or_default();
    let mut sections = Map::new();
    for (name, command) in commands() {
        let defaults = defaults.get(name).and_then(toml::Value::as_table);
        sections.insert(name.to_owned(), section(&command, defaults));
    }
    add_url(&mut sections);
    sections.insert("keys".to_owned(), keys());
    sections.insert("device".to_owned(), device());
    sections.insert("command".to_owned(), json!({ "type": "array", "items": device_command() }));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dropscope configuration file",
        "type": "object",
        "additionalProperties": false,
        "properties": sections,
        "$defs": {
            "duration": {
                "description": "Seconds (90, 0.5), or a text with units (\"500ms\", \"5m\", \"24h\")",
                "type": ["number", "string"],
                "minimum": 0,
            },
        },
    })
}

/// The flags of each section.
fn commands() -> [(&'static str, Command); 9] {
    fn flags<T: Args>() -> Command {
        T::augment_args(Command::new(""))
    }
    [
        ("broker", flags::<ConnectionOptions>()),
        ("mqtt", flags::<MqttOptions>()),
        ("tls", flags::<TlsOptions>()),
        ("reconnect", flags::<ReconnectOptions>()),
        ("record", flags::<RecordOptions>()),
        ("export", flags::<ExportOutputOptions>()),
        ("run", flags::<RunOptions>()),
        ("screen", flags::<ScreenOptions>()),
        ("log", flags::<LogOptions>()),
    ]
}

fn section(command: &Command, defaults: Option<&toml::Table>) -> Value {
    let mut properties = Map::new();
    for argument in command.get_arguments() {
        let Some(name) = argument.get_long() else { continue };
        let mut property = value_schema(argument);
        if let Some(help) = argument.get_help() {
            property["description"] = json!(help.to_string());
        }
        if let Some(default) = defaults.and_then(|defaults| defaults.get(name)) {
            property["default"] = json!(default);
        }
        properties.insert(name.to_owned(), property);
    }
    object(properties, &[])
}

/// The values that a flag takes, as the file writes them.
fn value_schema(argument: &Arg) -> Value {
    if matches!(argument.get_action(), ArgAction::Count) {
        return integer(0, u8::MAX.into());
    }
    let value = single_value(argument);
    let is_list = matches!(argument.get_action(), ArgAction::Append);
    if is_list { json!({ "type": "array", "items": value }) } else { value }
}

fn single_value(argument: &Arg) -> Value {
    let is = |id: TypeId| argument.get_value_parser().type_id() == id;
    let words: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if is(TypeId::of::<bool>()) {
        json!({ "type": "boolean" })
    } else if !words.is_empty() {
        json!({ "enum": words })
    } else if is(TypeId::of::<HumanDuration>()) {
        json!({ "$ref": "#/$defs/duration" })
    } else if is(TypeId::of::<KeepAlive>()) {
        json!({ "type": ["integer", "string"], "minimum": 0, "maximum": u16::MAX })
    } else if is(TypeId::of::<AttemptLimit>()) {
        json!({ "type": ["integer", "string"], "minimum": -1, "maximum": u32::MAX })
    } else if is(TypeId::of::<u8>()) {
        integer(0, 1)
    } else if is_number(argument.get_value_parser()) {
        integer(0, u32::MAX)
    } else {
        json!({ "type": "string" })
    }
}

fn is_number(parser: &ValueParser) -> bool {
    [TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()].iter().any(|id| parser.type_id() == *id)
}

/// The broker URL is positional on the command line.
fn add_url(sections: &mut Map<String, Value>) {
    if let Some(properties) =
        sections.get_mut("broker").and_then(|section| section["properties"].as_object_mut())
    {
        properties.insert("url".to_owned(), text("Broker URL, when the command line has none"));
    }
}

fn keys() -> Value {
    json!({
        "description": "Keys by action; they replace the built-in keys of that action",
        "type": "object",
        "additionalProperties": { "type": "array", "items": { "type": "string" } },
    })
}

fn device() -> Value {
    let properties = [
        ("name", text("Name of the device")),
        ("status-topic", list("Topic filters of the messages that the device sends by itself")),
        ("status-command", text("Name of the command that the status key sends")),
        ("silent-after", duration("Time without a message after which the device counts as silent")),
    ];
    object(properties.map(|(name, value)| (name.to_owned(), value)), &[])
}

fn device_command() -> Value {
    let parameters = json!({ "type": "array", "items": parameter() });
    let properties = [
        ("name", text("Name of the command")),
        ("title", text("What the command does")),
        ("key", text("The key that sends it")),
        ("topic", text("Topic name")),
        ("payload", text("Payload; empty if left out")),
        ("format", words("How the payload is read", &["auto", "text"])),
        ("qos", integer(0, 1)),
        ("confirm", words("The question before it is sent", &["none", "ask", "type"])),
        ("answer-topic", text("Topic filter of the answer")),
        ("answer-match", words("How the answer is recognized", &["correlation-id", "any"])),
        ("timeout", duration("How long to wait for the answer")),
        ("every", duration("Interval at which it is sent automatically; 0 = never")),
        ("parameters", parameters),
    ];
    object(properties.map(|(name, value)| (name.to_owned(), value)), &["name", "topic"])
}

fn parameter() -> Value {
    let number = |description: &str| json!({ "type": "number", "description": description });
    let properties = [
        ("name", text("Name in topic and payload")),
        ("kind", words("Kind of value", &["integer", "number", "choice", "text", "flag"])),
        ("min", number("Smallest number")),
        ("max", number("Largest number")),
        ("step", number("Only multiples of this")),
        ("unit", text("Unit, shown at the prompt")),
        ("choices", list("The values of a choice")),
        ("max-length", integer(0, u32::MAX)),
        ("default", text("Value when nothing is typed")),
    ];
    object(properties.map(|(name, value)| (name.to_owned(), value)), &["name", "kind"])
}

fn object(properties: impl IntoIterator<Item = (String, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = properties.into_iter().collect();
    let mut object = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn list(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn words(description: &str, words: &[&str]) -> Value {
    json!({ "enum": words, "description": description })
}

fn duration(description: &str) -> Value {
    json!({ "$ref": "#/$defs/duration", "description": description })
}

fn integer(minimum: u32, maximum: u32) -> Value {
    json!({ "type": "integer", "minimum": minimum, "maximum": maximum })
}
