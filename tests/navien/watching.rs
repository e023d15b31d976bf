//! `dropscope navien` as its user sees it, against the lab's cloud, endpoint and water heater.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::lab::{Fault, NavienControl, NavienLab, NavienLabOptions};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::signing::{sign_in, signing_link};
use crate::{PATIENCE, connected, heater_answers};

const MAC: &str = "aabbccddeeff";

struct Scene {
    lab: NavienLab,
    control: NavienControl,
    home: TempDir,
}

/// The program under watch.
struct Watch {
    child: Child,
    lines: mpsc::Receiver<Value>,
}

impl Scene {
    async fn new(absent_devices: u16) -> Self {
        let options = NavienLabOptions { absent_devices, ..NavienLabOptions::default() };
        let lab = NavienLab::start(options, Arc::new(SystemClock::new())).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("ca.pem"), &lab.ca_pem).unwrap();
        Self { control: lab.control(), lab, home }
    }

    fn authority(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropscope"));
        command.env_clear().current_dir(self.home.path());
        command.env("HOME", self.home.path()).env("XDG_STATE_HOME", self.home.path().join("state"));
        command.env("NAVIEN_EMAIL", &self.lab.email);
        command.env("NAVIEN_PASSWORD", self.control.cloud.password().expose_secret());
        command.args(["navien", "--json", "-vv", "--export-dir", "exports"]);
        command.env("DROPSCOPE_API_URL", &self.lab.rest_url);
        command.env("DROPSCOPE_IOT_ENDPOINT", &self.lab.iot_endpoint);
        command.arg("--cafile").arg(self.authority()).args(more);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn watch(&self, more: &[&str]) -> Watch {
        let mut child = self.command(more).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        Watch { child, lines }
    }

    /// Exit code and standard error of a run that ends by itself.
    fn run(&self, more: &[&str], change: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
        let mut command = self.command(more);
        change(&mut command);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// How often each path was asked.
    fn asked(&self, path: &str) -> usize {
        self.control.cloud.served().iter().filter(|served| served.path == path).count()
    }
}

impl Watch {
    /// The next event of a kind; the others before it are dropped.
    fn until(&mut self, kind: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let event = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {kind}"));
            if event["kind"] == kind && is_it(&event) {
                return event;
            }
        }
    }

    fn next(&mut self, kind: &str) -> Value {
        self.until(kind, |_| true)
    }

    /// Ends it; exit code and standard error.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.ended()
    }

    fn ended(&mut self) -> (Option<i32>, String) {
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (self.child.wait().unwrap().code(), told)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_password_to_the_status_and_back_after_the_credentials_ended() {
    let scene = Scene::new(0).await;
    let mut watch = scene.watch(&[]);
    let started = watch.next("started");
    let id = started["client_id"].as_str().unwrap().to_owned();
    assert!(id.len() == 22 && id.starts_with("navien-client-"), "{id}");
    assert_eq!((&started["keep_alive_secs"], &started["mqtt_version"]), (&json!(60), &json!("3.1.1")));
    let ends = watch.next("credentials")["expires_at"].clone();
    let attempt = watch.next("attempt");
    let phases: Vec<_> =
        attempt["phases"].as_array().unwrap().iter().map(|phase| phase["phase"].clone()).collect();
    assert_eq!(phases, ["credentials", "dns", "tcp", "tls", "websocket", "connack"]);
    let subscribed = watch.next("subscribed");
    assert_eq!(subscribed["filters"], json!(["cmd/52/navilink-device/#", format!("cmd/52/{id}/res/#")]));
    assert_eq!(subscribed["return_codes"], json!([1, 1]));

    // What another client asks and what the heater answers is seen.
    let credentials = sign_in(&scene.lab.rest_url, &scene.lab.email, &scene.lab.password).await;
    let mut other =
        signing_link(&scene.lab.iot_endpoint, &scene.authority(), &Arc::new(Mutex::new(credentials)));
    other.connect();
    connected(&mut other).await;
    heater_answers(&mut other).await;
    let answer = "cmd/52/navilink-device/navien-client-0a1b2c3d/res";
    watch.until("received", |event| event["topic"] == answer);
    drop(other);

    // The keys end; nothing happens before the next connect, which is refused, and then signed in for.
    let sign_ins = scene.asked("/user/sign-in");
    scene.control.rules.keyring().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scene.control.broker.strike_client(&id, &Fault::Fin));
    watch.next("dropped");
    let failed = watch.next("connect_failed");
    assert_eq!((&failed["http_status"], &failed["phase"]), (&json!(403), &json!("websocket")));
    let new_ends = watch.next("credentials")["expires_at"].clone();
    assert_ne!(new_ends, ends);
    watch.next("connected");
    watch.next("subscribed");
    assert_eq!(scene.asked("/user/sign-in"), sign_ins + 1);
    let (code, told) = watch.end();
    assert_eq!(code, Some(0), "{told}");

    // A second run needs no sign-in.
    let mut again = scene.watch(&["--profile", "nwp500-default", "--keep-alive", "30"]);
    assert_eq!(again.next("started")["keep_alive_secs"], json!(30));
    again.next("subscribed");
    assert_eq!(scene.asked("/user/sign-in"), sign_ins + 1);
    let (_, told_again) = again.end();
    nothing_private_is_written(&scene, &[&told, &told_again]);
    scene.lab.stop().await;
}

/// Looks through every file of the program but the tokens' own, and what it said on standard error.
fn nothing_private_is_written(scene: &Scene, told: &[&str]) {
    let tokens = scene.home.path().join("state/dropscope/navien-tokens.json");
    let stored: Value = serde_json::from_str(&fs::read_to_string(&tokens).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut private = vec![MAC.to_owned(), scene.lab.email.clone(), "X-Amz-".to_owned()];
    private.push(scene.lab.password.expose_secret().to_owned());
    private.extend([text(&stored["access_token"]), text(&stored["refresh_token"])]);
    private.extend(["access_key_id", "secret_key", "session_token"].map(|name| text(&stored["keys"][name])));
    let mut found = Vec::new();
    files(scene.home.path(), &mut found);
    let written: Vec<_> = found.iter().filter(|path| **path != tokens).collect();
    let kinds = ["dropscope.log", "recordings", "diagnostics_"];
    for kind in kinds {
        assert!(written.iter().any(|path| path.to_string_lossy().contains(kind)), "no {kind} in {written:?}");
    }
    let texts = written.iter().map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    for text in texts.chain(told.iter().map(|text| (*text).to_owned())) {
        for secret in &private {
            assert!(!text.contains(secret.as_str()), "{secret} in {text}");
        }
    }
    for secret in &private[1..4] {
        assert!(
            !fs::read_to_string(&tokens).unwrap().contains(secret.as_str()),
            "{secret} beside the tokens"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_user_can_mend_is_said_and_has_its_code() {
    let scene = Scene::new(2).await;
    let none = |_: &mut Command| {};
    let (code, told) = scene.run(&[], |command| {
        command.env("NAVIEN_PASSWORD", "wrong-password");
    });
    assert_eq!(
        (code, told.contains("does not accept this e-mail address and password")),
        (Some(4), true),
        "{told}"
    );
    assert!(!told.contains("wrong-password"));
    let (code, told) = scene.run(&[], |command| {
        command.env_remove("NAVIEN_PASSWORD");
    });
    assert_eq!(
        (code, told.contains("NAVIEN_PASSWORD") && told.contains("keyring")),
        (Some(2), true),
        "{told}"
    );
    let (code, told) = scene.run(&[], |command| {
        command.env_remove("NAVIEN_EMAIL");
    });
    assert_eq!((code, told.contains("NAVIEN_EMAIL")), (Some(2), true), "{told}");
    let (code, told) = scene.run(&["--device", "Attic"], none);
    assert_eq!((code, told.contains("Heater 1") && told.contains("aabbcc000001")), (Some(2), true), "{told}");
    for (option, value, sentence) in [
        ("--api-url", "http://cloud.example/api", "must begin with https://"),
        ("--iot-endpoint", "mqtts://broker.example", "wss://HOST"),
        ("--profile", "soft", "possible values"),
    ] {
        let (code, told) = scene.run(&[option, value], none);
        assert_eq!((code, told.contains(sentence)), (Some(2), true), "{told}");
    }
    let closed = ["--api-url", "http://127.0.0.1:1/api"];
    let (code, told) = scene.run(&closed, none);
    assert_eq!((code, told.contains("cannot be reached")), (Some(3), true), "{told}");

    // A password from a file, a device by its name, and a list where there is a choice.
    let file = scene.home.path().join("password");
    fs::write(&file, format!("{}\n", scene.lab.password.expose_secret())).unwrap();
    let from_file = ["--password-file", "password", "--username", &scene.lab.email, "--duration", "1"];
    let (code, told) = scene.run(&from_file, |command| {
        command.env_remove("NAVIEN_PASSWORD").env_remove("NAVIEN_EMAIL");
    });
    assert_eq!(
        (code, told.contains("watching NWP500") && told.contains("Heater 0")),
        (Some(0), true),
        "{told}"
    );
    let (code, told) = scene.run(&["--device", "heater 1", "--duration", "1"], none);
    assert_eq!((code, told.contains("--device chooses")), (Some(0), false), "{told}");
    scene.lab.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_changed_meanwhile_ends_the_run() {
    let scene = Scene::new(0).await;
    let mut watch = scene.watch(&["--profile", "nwp500-default", "--initial-reconnect-delay", "0.1"]);
    let started = watch.next("started");
    assert_eq!(started["keep_alive_secs"], json!(1200));
    watch.next("subscribed");
    scene.control.cloud.change_password("another");
    scene.control.rules.keyring().expire_all();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(scene.control.broker.strike_client(started["client_id"].as_str().unwrap(), &Fault::Fin));
    let failed = watch.until("connect_failed", |event| event["phase"] == "credentials");
    assert!(failed["error_message"].as_str().unwrap().contains("does not accept"), "{failed}");
    let (code, told) = watch.ended();
    assert_eq!(code, Some(4), "{told}");
    scene.lab.stop().await;
}
