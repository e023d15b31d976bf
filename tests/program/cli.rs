//! Output and exit codes of the program, as a person or a script starts it.

#![expect(clippy::expect_used, reason = "test code outside of test functions")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Runs the program without the environment and the files of this user.
fn run(home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    run_in(home, home, words, variables)
}

fn run_in(folder: &Path, home: &Path, words: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dropscope"))
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("USERPROFILE", home)
        .env("APPDATA", home)
        .env("LOCALAPPDATA", home)
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("a process")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The value of a key in what `dropscope config effective` printed.
fn value_of(output: &Output, key: &str) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed: toml::Table = text(&output.stdout).parse().expect("a configuration file");
    let found = printed.values().find_map(|section| section.get(key)).unwrap_or_else(|| panic!("no {key}"));
    found.as_str().map_or_else(|| found.to_string(), str::to_owned)
}

#[test]
fn flags_come_before_variables_and_these_before_the_file() {
    let home = TempDir::new().expect("a folder");
    let file = home.path().join("c.toml");
    fs::write(&file, "[mqtt]\nkeep-alive = 10\n[run]\nheadless = true\n").expect("a file");
    let file = file.display().to_string();
    let effective = ["config", "effective"];
    let by_file = ("DROPSCOPE_CONFIG", file.as_str());
    let by_variable = ("DROPSCOPE_KEEP_ALIVE", "20");
    let cases = [
        (&[][..], &[][..], "60s"),
        (&[], &[by_file], "10s"),
        (&[], &[by_file, by_variable], "20s"),
        (&["-k", "30"], &[by_file, by_variable], "30s"),
    ];
    for (flags, variables, expected) in cases {
        let words: Vec<&str> = effective.iter().chain(flags).copied().collect();
        let output = run(home.path(), &words, variables);
        let printed = value_of(&output, "keep-alive");
        assert_eq!(printed.trim_end_matches('s'), expected.trim_end_matches('s'), "{flags:?} {variables:?}");
    }
    let output =
        run(home.path(), &effective, &[by_file, ("DROPSCOPE_HEADLESS", "no"), ("DROPSCOPE_VERBOSE", "2")]);
    assert_eq!(
        (value_of(&output, "headless"), value_of(&output, "verbose")),
        ("false".to_owned(), "2".to_owned())
    );
}

#[test]
fn secrets_in_the_environment_are_never_printed() {
    let home = TempDir::new().expect("a folder");
    let variables = [("DROPSCOPE_PASSWORD", "topsecret"), ("DROPSCOPE_URL", "mqtt://u:topsecret@h")];
    for words in [&["config", "effective"][..], &["--help"], &["config"], &["config", "path"], &["man"]] {
        let output = run(home.path(), words, &variables);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        assert!(!text(&output.stdout).contains("topsecret"), "{words:?}");
    }
}

#[test]
fn wrong_usage_exits_with_2_and_one_line_on_standard_error() {
    let home = TempDir::new().expect("a folder");
    let cases: [(&[&str], &str); 5] = [
        (&[], "Which broker? Give a URL"),
        (&["http://h"], "is not an MQTT transport"),
        (&["h", "--no-such-flag"], "unexpected argument"),
        (&["h", "--config", "missing.toml"], "There is no configuration file missing.toml."),
        (&["h", "-k", "70000"], "the keep-alive must be 0 (off) or 1 to 65535 whole seconds"),
    ];
    for (words, sentence) in cases {
        let output = run(home.path(), words, &[]);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains(sentence), "{words:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{words:?}: {}", text(&output.stdout));
    }
}

#[test]
fn an_unreachable_broker_exits_with_3_and_writes_nothing_to_the_working_directory() {
    let home = TempDir::new().expect("a folder");
    let work = TempDir::new().expect("a folder");
    // A port that was free a moment ago: nothing listens there.
    let port = {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        listener.local_addr().expect("an address").port()
    };
    let url = format!("mqtt://127.0.0.1:{port}");
    for words in [&["check", &url][..], &["--headless", "--duration", "500ms", &url]] {
        let output = run_in(work.path(), home.path(), words, &[]);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {}", text(&output.stderr));
    }
    assert_eq!(fs::read_dir(work.path()).expect("a folder").count(), 0);
}

#[test]
fn a_headless_demo_writes_its_recording_to_standard_output() {
    let home = TempDir::new().expect("a folder");
    let output = run(home.path(), &["demo", "--seed", "1", "--duration", "2s", "--json"], &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let kinds: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
        .map(|event| event["kind"].as_str().expect("a kind").to_owned())
        .collect();
    assert_eq!(kinds.first().map(String::as_str), Some("started"));
    assert!(kinds.iter().any(|kind| kind == "connected"), "{kinds:?}");
    assert_eq!(kinds.last().map(String::as_str), Some("stopped"));
}
