//! One connect, and secrets: against the lab's broker inside the test.

use std::fs;
use std::path::Path;

use dropscope::lab::{Broker, BrokerOptions, ListenerEndpoint};
use rustix::process::Signal;
use serde_json::Value;

use super::run::{ProcessOutput, RunningProcess, files};
use super::{closed_port, home};
use crate::child::command;

const PASSWORD: &str = "correct-horse-battery";

/// A broker with a password, and its URL.
async fn broker() -> (Broker, String) {
    let login = Some(("heater".to_owned(), PASSWORD.to_owned()));
    let broker = Broker::start(BrokerOptions { login, ..BrokerOptions::default() });
    let address = broker.listen(ListenerEndpoint::Tcp).await.expect("a port");
    (broker, format!("mqtt://{address}"))
}

async fn check(url: &str, password: &str, arguments: &[&str]) -> ProcessOutput {
    let home = home();
    let mut command = command(home.path(), &["check", url, "--username", "heater"]);
    command.args(arguments).env("DROPSCOPE_PASSWORD", password);
    tokio::task::spawn_blocking(move || RunningProcess::start(&mut command).end()).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_reports_its_result_as_text_json_and_exit_code() {
    let (broker, url) = broker().await;
    let good = check(&url, PASSWORD, &[]).await;
    assert_eq!(good.code, Some(0), "{}{}", good.out, good.err);
    assert!(good.out.lines().any(|line| line == "OK"), "{}", good.out);
    for phase in ["dns", "tcp", "connack", "ping"] {
        assert!(good.out.contains(phase), "{phase} is timed: {}", good.out);
    }
    let json = check(&url, PASSWORD, &["--format", "json"]).await;
    let report: Value = serde_json::from_str(&json.out).expect("one JSON object");
    assert_eq!((json.code, &report["ok"], &report["exit_code"]), (Some(0), &true.into(), &0.into()));
    assert!(report["ping_ms"].is_number() && report["connected"].is_object(), "{report}");

    for (version, reason) in [("5", "0x86"), ("3.1.1", "")] {
        let refused = check(&url, "wrong", &["--mqtt-version", version]).await;
        assert_eq!(refused.code, Some(4), "{}{}", refused.out, refused.err);
        assert!(refused.out.contains("FAILED at connack"), "{reason}: {}", refused.out);
    }
    let closed = closed_port();
    let refused = check(&closed, PASSWORD, &["--format", "json"]).await;
    let report: Value = serde_json::from_str(&refused.out).expect("one JSON object");
    assert_eq!((refused.code, &report["ok"]), (Some(3), &false.into()));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn giving_up_after_a_drop_ends_the_run_with_1() {
    let (broker, url) = broker().await;
    let home = home();
    let patience = ["--max-reconnect-attempts", "2", "--initial-reconnect-delay", "0.1"];
    let mut command = command(home.path(), &[&url, "--json", "--username", "heater"]);
    command.args(patience).env("DROPSCOPE_PASSWORD", PASSWORD);
    let control = broker.control();
    let started = tokio::task::spawn_blocking(move || {
        let mut run = RunningProcess::start(&mut command);
        run.wait_for_line("\"kind\":\"connected\"");
        run
    });
    let run = started.await.expect("no panic");
    assert_eq!(control.connections(), 1);
    broker.kill().await;
    let ended = tokio::task::spawn_blocking(|| run.end()).await.expect("no panic");
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert_eq!(ended.out.matches("\"kind\":\"dropped\"").count(), 1, "{}", ended.out);
    assert_eq!(ended.out.matches("\"kind\":\"connect_failed\"").count(), 2, "{}", ended.out);
    assert!(ended.out.lines().last().is_some_and(|line| line.contains("\"kind\":\"stopped\"")));
}

/// Every file below a directory.
fn all_files(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all_files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_in_no_output_or_file() {
    let (broker, url) = broker().await;
    let home = home();
    let mut command = command(home.path(), &[&url, "-vv", "--json", "--username", "heater", "--no-redact"]);
    command.env("DROPSCOPE_PASSWORD", PASSWORD);
    let place = home.path().to_owned();
    let (ended, command_line) = tokio::task::spawn_blocking(move || {
        let mut run = RunningProcess::start(&mut command);
        run.wait_for_line("\"kind\":\"connected\"");
        let command_line = fs::read(format!("/proc/{}/cmdline", run.pid())).unwrap_or_default();
        run.signal(Signal::USR1);
        run.wait_until("an export", || !files(&place, "exports").is_empty());
        run.signal(Signal::TERM);
        (run.end(), command_line)
    })
    .await
    .expect("no panic");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let mut written = Vec::new();
    all_files(home.path(), &mut written);
    assert!(written.len() >= 3, "recording, export and log: {written:?}");
    let texts = written.iter().map(|path| fs::read(path).expect("a file"));
    for text in texts.chain([ended.out.into_bytes(), ended.err.into_bytes(), command_line]) {
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(PASSWORD), "the password is in: {text}");
    }
    broker.stop().await;
}
