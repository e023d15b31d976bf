//! `dropscope explain`: arguments, standard input, formats and exit codes.

#![expect(clippy::expect_used, reason = "test code outside of test functions")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn explain(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dropscope"))
        .arg("explain")
        .args(args)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut stdin = child.stdin.take().expect("standard input");
    // A process that does not read may have closed its end.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("an end")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn words_are_joined_and_explained() {
    let output = explain(&["MQTT", "error:", "read", "ECONNRESET"], b"");
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{page}");
    assert!(page.starts_with("connection reset (ECONNRESET)"), "{page}");
    assert!(page.contains("a router forgets the silent connection"), "{page}");
    assert!(!page.contains('\x1b'), "color without a terminal: {page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn an_unknown_text_exits_with_1() {
    let output = explain(&["purple", "elephants"], b"");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("No match"));
    let output = explain(&[], b"");
    assert_eq!(output.status.code(), Some(1));
    let output = explain(&["--format", "yaml", "x"], b"");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn standard_input_is_counted_by_meaning() {
    let log = b"1: Client a has exceeded timeout, disconnecting.\n2: Client b has exceeded timeout, disconnecting.\n3: x\n";
    for args in [&["--format", "json"][..], &["-", "--format", "json"]] {
        let report = json(&explain(args, log));
        assert_eq!(report["schema_version"], 1);
        assert_eq!((&report["lines"], &report["unknown_lines"]), (&3.into(), &1.into()));
        let first = &report["explanations"][0];
        assert_eq!(first["count"], 2);
        assert_eq!(first["found"]["id"], "mosquitto_exceeded_timeout");
        assert_eq!(first["found"]["causes"][0]["id"], "keep_alive_missed");
    }
    let page = text(&explain(&[], log).stdout);
    assert!(page.contains("2 lines") && page.contains("2 of 3 lines matched"), "{page}");
}

#[test]
fn a_multi_line_json_event_is_explained_as_one() {
    let event = br#"{
  "clientId": "DUPLICATE_CLIENTID",
  "eventType": "disconnected",
  "clientInitiatedDisconnect": false,
  "disconnectReason": "MQTT_KEEP_ALIVE_TIMEOUT"
}"#;
    let report = json(&explain(&["--format", "json"], event));
    assert_eq!((&report["lines"], &report["unknown_lines"]), (&1.into(), &0.into()));
    assert_eq!(report["explanations"][0]["found"]["id"], "lifecycle_keep_alive");
}

#[test]
fn negative_numbers_are_text_and_control_characters_are_removed() {
    let output = explain(&["-2", "--format", "json"], b"");
    assert_eq!(json(&output)["explanations"][0]["found"]["id"], "pubsubclient_-2");
    for format in ["text", "json", "markdown"] {
        let control_characters = b"\x1b]0;title\x07 ECONNRESET \x1b[2J\n\x1b[31mpurple\n";
        let page = text(&explain(&["--format", format], control_characters).stdout);
        assert!(page.chars().all(|c| c == '\n' || !c.is_control()), "{format}: {page:?}");
    }
}

#[test]
fn markdown_has_a_heading_and_a_table() {
    let page = text(&explain(&["--format", "markdown", "reason code 0x8E"], b"").stdout);
    assert!(page.starts_with("## Session taken over (0x8E, 142) (MQTT 5 reason code)\n"), "{page}");
    assert!(page.contains("| 68 % | another client uses the same client id |"), "{page}");
}
