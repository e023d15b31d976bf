//! `dropscope analyze` gives the same result for the same events, independent of their distribution over files, and
//! reports what it could not read.

#![expect(clippy::expect_used, reason = "test code outside of test functions")]

mod input;
mod output;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use dropscope::diagnostics::event::{
    ConnectFailedEvent, ConnectedEvent, DropKind, DroppedEvent, Layer, Message, StartedEvent,
};
use dropscope::diagnostics::recording::encode;
use dropscope::diagnostics::{Event, Stamp, StampedEvent};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const REFERENCE: &str = include_str!("../../fixtures/nwp500-export-example.json");

/// A directory for the program, isolated from the user's environment.
pub(crate) struct AnalyzeFixture {
    pub(crate) dir: TempDir,
}

impl AnalyzeFixture {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().expect("a directory") }
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn analyze(&self, args: &[&str]) -> Output {
        self.piped(args, b"", &[])
    }

    pub(crate) fn piped(&self, args: &[&str], input: &[u8], env: &[(&str, &str)]) -> Output {
        let home: &Path = self.dir.path();
        let mut child = Command::new(env!("CARGO_BIN_EXE_dropscope"))
            .arg("analyze")
            .args(args)
            .env_clear()
            .env("HOME", home)
            .envs(env.iter().copied())
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        // A program that does not read its input closes it.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        child.wait_with_output().expect("a process")
    }

    /// The JSON output of the program, which must succeed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        let output = self.analyze(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// The verdict and all figures, without the members about files.
pub(crate) fn without_input(mut json: Value) -> Value {
    json.as_object_mut().expect("an object").remove("input");
    json
}

/// A run that begins so many minutes after noon: sessions of ten minutes with messages, each dropped, one
/// failed attempt, back after a minute.
pub(crate) fn recorded_run(minutes: u64, client: &str, drops: u64) -> Vec<String> {
    let noon: chrono::DateTime<chrono::Utc> = "2026-08-03T12:00:00Z".parse().expect("a time");
    let begin = Stamp::new(noon, Duration::ZERO).plus(Duration::from_secs(minutes * 60));
    let mut lines = Vec::new();
    let mut push_event = |secs: f64, event: Event| {
        let passed = Duration::from_secs_f64(secs);
        lines.push(encode(&StampedEvent { at: Stamp::new(begin.plus(passed).wall, passed), event }));
    };
    let started = StartedEvent {
        keep_alive_secs: 60.0,
        client_id: client.to_owned(),
        endpoint: "mqtts://broker.private.example".to_owned(),
        ..StartedEvent::default()
    };
    push_event(0.0, Event::Started(started));
    for n in 0..drops {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let from = n as f64 * 660.0 + 0.5;
        push_event(
            from,
            Event::Connected(ConnectedEvent {
                keep_alive_secs: 60.0,
                return_code: Some(0),
                ..ConnectedEvent::default()
            }),
        );
        for minute in 1..=5 {
            let topic = format!("home/{client}/status");
            let received = Message { topic: topic.into(), bytes: 64, qos: Some(0), ..Message::default() };
            push_event(from + f64::from(minute) * 60.0, Event::Received(received));
            push_event(from + f64::from(minute) * 60.0 + 1.0, Event::Ping { rtt_ms: 40.25 });
        }
        let dropped = DroppedEvent {
            error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".to_owned()),
            error_message: Some(format!("{client} was disconnected")),
            layer: Some(Layer::Tcp),
            how: Some(DropKind::Fin),
            last_rx_secs: Some(299.0),
            ..DroppedEvent::default()
        };
        push_event(from + 600.0, Event::Dropped(dropped));
        let failed = ConnectFailedEvent {
            error_name: Some("AWS_IO_SOCKET_TIMEOUT".to_owned()),
            ..ConnectFailedEvent::default()
        };
        push_event(from + 630.0, Event::ConnectFailed(failed));
    }
    lines
}

pub(crate) fn recording(lines: &[String]) -> String {
    lines.iter().map(|line| line.clone() + "\n").collect()
}
