//! `dropscope lab` as seen by a client of its cloud: sign-in, connection, commands, faults and refusals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Arc, Mutex};

use dropscope::diagnostics::event::{DropKind, Layer, Phase};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::child;
use crate::navien::signing::{post, sign_in, signing_link};
use crate::navien::{connect_failed, connected, dropped, heater_answers};

/// The program under test.
struct Lab {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    home: TempDir,
}

impl Lab {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = child::command(home.path(), &["lab", "--json", "--seed", "1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output, home }
    }

    fn next_line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn send_command(&mut self, command: &str) -> Value {
        writeln!(self.input, "{command}").unwrap();
        self.next_line()
    }

    fn data(&mut self, command: &str) -> Value {
        let answer = self.send_command(command);
        assert_eq!(answer["ok"], true, "{command}: {answer}");
        answer["data"].clone()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(data: &Value, field: &str) -> String {
    data[field].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lab_command_runs_a_cloud_and_a_heater_behind_its_faults() {
    let mut lab = Lab::start();
    let opening = lab.next_line();
    let navien = &opening["data"]["navien"];
    assert_eq!(navien["region"], "us-east-1");
    let [rest_url, endpoint, email] = ["rest_url", "iot_endpoint", "email"].map(|field| text(navien, field));
    let [authority, plain_authority] = [text(navien, "authority"), text(&opening["data"], "authority")];
    let password = SecretString::from(text(navien, "password"));
    let credentials = Arc::new(Mutex::new(sign_in(&rest_url, &email, &password).await));
    let mut link = signing_link(&endpoint, Path::new(&authority), &credentials);
    link.connect();
    connected(&mut link).await;
    heater_answers(&mut link).await;

    // The fault acts at the IoT endpoint, and the plain one has it as well.
    let reset = "arm {\"session_lifetime\": {\"secs\": 1.5, \"jitter_secs\": 0, \"manner\": \"reset\"}}";
    assert_eq!(lab.data(reset)["ids"], json!([1]));
    let drop_event = dropped(&mut link).await;
    assert_eq!((drop_event.layer, drop_event.how), (Some(Layer::Tcp), Some(DropKind::Rst)), "{drop_event:?}");
    let list = lab.data("list");
    let gateways: Vec<_> = list.as_array().unwrap().iter().map(|armed| armed["gateway"].clone()).collect();
    assert_eq!(gateways, ["plain", "iot"]);
    assert_eq!(lab.data("injections")[0]["gateway"], "iot");
    assert_eq!(lab.data("disarm 1")["ids"], json!([1]));
    assert_eq!(lab.data("list"), json!([]));
    connected(&mut link).await;
    assert!(lab.data("tally")["iot"]["sessions"].as_u64() >= Some(2));

    // The gateway refuses a signature with another key.
    let good = credentials.lock().unwrap().clone();
    credentials.lock().unwrap().secret_key = "of-somebody-else".into();
    lab.data("strike fin");
    dropped(&mut link).await;
    let failed = connect_failed(&mut link).await;
    assert_eq!((failed.phase, failed.http_status), (Some(Phase::Websocket), Some(403)), "{failed:?}");
    *credentials.lock().unwrap() = good;
    connected(&mut link).await;
    drop(link);

    assert_eq!(lab.send_command("quit")["ok"], true);
    assert_eq!(lab.child.wait().unwrap().code(), Some(0));
    for url in [&rest_url, &endpoint] {
        let host = url.split('/').nth(2).unwrap();
        assert!(TcpStream::connect(host).await.is_err(), "{host} still listens");
    }
    for file in [&authority, &plain_authority] {
        assert!(!Path::new(file).exists(), "{file} is left in {}", lab.home.path().display());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_lines_drive_heater_and_cloud() {
    let mut lab = Lab::start();
    let opening = lab.next_line();
    let navien = &opening["data"]["navien"];
    let [rest_url, email] = ["rest_url", "email"].map(|field| text(navien, field));
    let old = SecretString::from(text(navien, "password"));
    for command in ["offline", "online", "honest", "late 2.5", "wrong", "silent"] {
        lab.data(&format!("heater {command}"));
    }
    for wrong in ["heater", "heater late", "heater late -1", "heater cold", "cloud", "cloud misbehave rain"] {
        assert_eq!(lab.send_command(wrong)["ok"], false, "{wrong}");
    }
    for wrong in ["cloud password", "cloud expire now", "cloud misbehave hang 0", "cloud misbehave hang x"] {
        assert_eq!(lab.send_command(wrong)["ok"], false, "{wrong}");
    }
    lab.data("cloud misbehave bad-gateway 2");
    for _ in 0..2 {
        assert!(post(&rest_url, &email, &old).await.starts_with("HTTP/1.1 502"));
    }
    lab.data("cloud misbehave no-data");
    lab.data("cloud behave");
    assert!(!sign_in(&rest_url, &email, &old).await.access_key_id.is_empty());
    lab.data("cloud password another one");
    let refused = post(&rest_url, &email, &old).await;
    assert!(!refused.contains("accessKeyId"), "{refused}");
    let credentials = sign_in(&rest_url, &email, &"another one".to_owned().into()).await;

    let (endpoint, authority) = (text(navien, "iot_endpoint"), text(navien, "authority"));
    lab.data("cloud expire");
    let mut link = signing_link(&endpoint, Path::new(&authority), &Arc::new(Mutex::new(credentials)));
    link.connect();
    assert_eq!(connect_failed(&mut link).await.http_status, Some(403));
    assert_eq!(lab.send_command("quit")["ok"], true);
    assert_eq!(lab.child.wait().unwrap().code(), Some(0));
}
