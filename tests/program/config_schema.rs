//! The JSON schema of the configuration file: generated, committed, and in agreement with the parser.
//!
//! `DROPSCOPE_WRITE_EXAMPLE=1 cargo test --test program config_schema` writes it again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;

use dropscope::config::{self, Directories, TEMPLATE};
use serde_json::Value;

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&config::schema()).expect("a schema")
}

fn value(text: &str) -> Value {
    let table: toml::Table = text.parse().expect(text);
    serde_json::to_value(table).expect("JSON")
}

/// What the program itself says about a file.
fn load(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).expect("a file");
    let directories = Directories { config_files: Vec::new(), state: folder.path().to_owned() };
    config::load(Some(Path::new(&path)), &directories).map(drop).map_err(|error| error.to_string())
}

/// The sample file with its commented examples in force.
fn full_sample() -> String {
    let lines = TEMPLATE.lines().map(|line| match line.strip_prefix("# ") {
        Some(example) if example.contains(" = ") || example.starts_with("[[") => example,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let text = serde_json::to_string_pretty(&config::schema()).expect("JSON") + "\n";
    crate::committed::compare("config.schema.json", &text);
}

#[test]
fn the_sample_is_valid_with_and_without_its_examples() {
    for text in [TEMPLATE.to_owned(), full_sample()] {
        let errors: Vec<String> = validator()
            .iter_errors(&value(&text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert_eq!(load(&text), Ok(()));
    }
}

#[test]
fn a_wrong_key_and_a_wrong_value_are_rejected_by_schema_and_parser() {
    for text in [
        "keepalive = 60",
        "[mqtt]\nkeepalive = 60",
        "[mqtt]\nkeep-alive = 70000",
        "[mqtt]\nmqtt-version = '4.0'",
        "[run]\nheadless = 'yes'",
        "[tls]\nalpn = 'mqtt'",
        "[device]\ntopic = 'x'",
        "[[command]]\nname = 'x'",
        "[[command]]\nname = 'x'\ntopic = 'y'\nconfirm = 'maybe'",
    ] {
        assert!(!validator().is_valid(&value(text)), "{text}");
        assert!(load(text).is_err(), "{text}");
    }
}

#[test]
fn schema_and_parser_have_the_same_keys() {
    let schema = config::schema();
    let command = "[[command]]\nname = 'x'\ntopic = 'y'\n";
    let sections =
        ["broker", "mqtt", "tls", "reconnect", "record", "export", "run", "screen", "log", "device"];
    let mut cases: Vec<(String, String)> = sections
        .iter()
        .map(|name| (format!("[{name}]\nno-such-key = 1"), format!("/properties/{name}/properties")))
        .collect();
    cases.push(("no-such-key = 1".to_owned(), "/properties".to_owned()));
    let items = "/properties/command/items/properties";
    cases.push((format!("{command}no-such-key = 1"), items.to_owned()));
    let parameter = format!("{command}[[command.parameters]]\nno-such-key = 1");
    cases.push((parameter, format!("{items}/parameters/items/properties")));
    for (text, pointer) in cases {
        let error = load(&text).expect_err("an unknown key");
        let known = error.split_once("known there: ").expect(&error).1.trim_end_matches('.');
        let known: BTreeSet<&str> = known.split(", ").flat_map(|names| names.split(" or ")).collect();
        let properties = schema.pointer(&pointer).and_then(Value::as_object).expect(&pointer);
        let described: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
        assert_eq!(described, known, "{pointer}");
    }
}
