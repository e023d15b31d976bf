//! The README's pictures are what `dropscope picture` makes of the example recording.
//!
//! `DROPSCOPE_WRITE_EXAMPLE=1 cargo test --test program pictures` draws them again.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::process::Command;

/// The committed picture and the one drawn now.
fn compare(name: &str, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_dropscope"))
        .arg("picture")
        .arg(crate::committed::assets().join("example.jsonl"))
        .args(arguments)
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    crate::committed::compare(name, &String::from_utf8(output.stdout).expect("UTF-8"));
}

#[test]
fn overview() {
    compare("overview.svg", &["--size", "120x40"]);
}

#[test]
fn drop() {
    compare("drop.svg", &["--size", "100x32", "--screen", "drop"]);
}

#[test]
fn an_unusable_recording_gives_a_one_line_error() {
    let run = |file: &str| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_dropscope")).args(["picture", file]).output().expect("run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout.is_empty())
    };
    let (code, stderr, nothing) = run("/nowhere/at/all.jsonl");
    assert!(code == Some(2) && nothing && stderr.lines().count() == 1, "{stderr}");
    let (code, stderr, nothing) = run(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(code == Some(2) && nothing && stderr.contains("no event"), "{stderr}");
}
