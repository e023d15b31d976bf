//! A Navien account in the lab and a user's home; everything written there is searched for secrets at the end.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock;
use dropscope::lab::{Fault, NavienControl, NavienLab, NavienLabOptions};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::child;
use crate::loopback::TEST_TIMEOUT;
use crate::navien::leaks::{Secrets, files_below};

/// The lab and the home of its user. At the end everything below the home is searched for secrets: recordings,
/// exports, reports, logs, drawn screens, and both outputs of the programs.
pub(crate) struct NavienFixture {
    pub(crate) lab: NavienLab,
    pub(crate) control: NavienControl,
    pub(crate) home: TempDir,
    /// Field seconds per real second.
    pub(crate) scale: f64,
    /// Files of the user, which the program only reads.
    put_there: Vec<PathBuf>,
    outputs: AtomicUsize,
}

/// A running program.
pub(crate) struct Watch {
    child: Child,
    lines: mpsc::Receiver<String>,
    reader: Option<JoinHandle<()>>,
    /// Every line so far.
    output: String,
    errors: PathBuf,
}

impl NavienFixture {
    pub(crate) async fn new(options: NavienLabOptions) -> Self {
        Self::with_clock(Arc::new(SystemClock::new()), options).await
    }

    /// A lab with this clock.
    pub(crate) async fn with_clock(clock: Arc<dyn Clock>, options: NavienLabOptions) -> Self {
        let scale = options.scale;
        let lab = NavienLab::start(options, clock).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("output")).unwrap();
        let control = lab.control();
        let mut scene =
            Self { lab, control, home, scale, put_there: Vec::new(), outputs: AtomicUsize::new(0) };
        let authority = scene.lab.ca_pem.clone();
        scene.write_file("ca.pem", &authority);
        scene
    }

    /// Writes a file of the user.
    pub(crate) fn write_file(&mut self, name: &str, text: &str) {
        let path = self.home.path().join(name);
        fs::write(&path, text).unwrap();
        self.put_there.push(path);
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// The token file.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.home.path().join("state/dropscope/navien-tokens.json")
    }

    /// A new file below the home.
    pub(crate) fn new_file(&self, kind: &str) -> (PathBuf, File) {
        let number = self.outputs.fetch_add(1, Ordering::Relaxed);
        let path = self.home.path().join(format!("output/{number}.{kind}"));
        (path.clone(), File::create(path).unwrap())
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command =
            child::command(self.home.path(), &["navien", "--json", "-vv", "--export-dir", "exports"]);
        command.env("NAVIEN_EMAIL", &self.lab.email);
        command.env("NAVIEN_PASSWORD", self.control.cloud.password().expose_secret());
        command.env("DROPSCOPE_API_URL", &self.lab.rest_url);
        command.env("DROPSCOPE_IOT_ENDPOINT", &self.lab.iot_endpoint);
        command.arg("--cafile").arg(self.authority()).args(more);
        command
    }

    pub(crate) fn watch(&self, more: &[&str]) -> Watch {
        let (errors, file) = self.new_file("err");
        let mut child = self.command(more).stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let (output, (_, copy)) = (child.stdout.take().unwrap(), self.new_file("out"));
        let reader = Some(std::thread::spawn(move || read(output, copy, &sender)));
        Watch { child, lines, reader, output: String::new(), errors }
    }

    /// Exit code and standard error of a run that ends by itself.
    pub(crate) fn run(&self, more: &[&str], change: impl FnOnce(&mut Command)) -> (Option<i32>, String) {
        let mut command = self.command(more);
        change(&mut command);
        let ((_, output), (path, errors)) = (self.new_file("out"), self.new_file("err"));
        let status = command.stdout(output).stderr(errors).status().unwrap();
        (status.code(), fs::read_to_string(path).unwrap())
    }

    /// Number of requests to a path.
    pub(crate) fn request_count(&self, path: &str) -> usize {
        self.control.cloud.served().iter().filter(|served| served.path == path).count()
    }

    /// Closes the connection of this client.
    pub(crate) async fn drop_connection(&self, client_id: &str) {
        let cut = async {
            while !self.control.broker.inject_client(client_id, &Fault::Fin) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(TEST_TIMEOUT, cut).await.unwrap();
    }

    /// Whether a file of this name was written, with this text in it.
    pub(crate) fn has_written(&self, name: &str, text: &str) -> bool {
        let is_named = |path: &&PathBuf| path.to_string_lossy().contains(name);
        let files = files_below(self.home.path());
        files.iter().filter(is_named).any(|path| fs::read_to_string(path).unwrap().contains(text))
    }

    /// How many events of a kind are in this client's recording.
    pub(crate) fn recorded(&self, client_id: &str, kind: &str) -> usize {
        let recording = fs::read_to_string(self.home.path().join(format!("{client_id}.jsonl"))).unwrap();
        recording.lines().filter(|line| line.contains(&format!(r#""kind":"{kind}""#))).count()
    }

    /// The newest export.
    pub(crate) fn export(&self) -> Value {
        let mut exports = files_below(&self.home.path().join("exports"));
        exports.sort();
        serde_json::from_slice(&fs::read(exports.last().unwrap()).unwrap()).unwrap()
    }

    fn leaked_secrets(&self) -> Vec<String> {
        let mut secrets = Secrets::new();
        for secret in self.control.cloud.secrets() {
            let is_of_the_user = matches!(secret.label, "password" | "e-mail");
            secrets.add(secret.label, secret.value.expose_secret(), !is_of_the_user);
        }
        secrets.add_mac(&self.control.heater.identity().mac_address);
        secrets.found_below(self.home.path(), &self.put_there)
    }
}

impl Drop for NavienFixture {
    /// On drop, so that every test runs the search.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.leaked_secrets(), Vec::<String>::new());
        }
    }
}

fn read(output: ChildStdout, mut copy: File, sender: &mpsc::Sender<String>) {
    for line in BufReader::new(output).lines() {
        let line = line.unwrap();
        writeln!(copy, "{line}").unwrap();
        let _ = sender.send(line);
    }
}

impl Watch {
    /// The next event of a kind; the others before it are dropped.
    pub(crate) fn until(&mut self, kind: &str, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(TEST_TIMEOUT).unwrap_or_else(|_| panic!("no {kind}"));
            let event: Value = serde_json::from_str(&line).unwrap();
            self.output.push_str(&line);
            self.output.push('\n');
            if event["kind"] == kind && is_it(&event) {
                return event;
            }
        }
    }

    pub(crate) fn next(&mut self, kind: &str) -> Value {
        self.until(kind, |_| true)
    }

    /// Every line read so far.
    pub(crate) fn output(&self) -> &str {
        &self.output
    }

    /// Ends the program; exit code and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.wait_for_exit()
    }

    pub(crate) fn wait_for_exit(&mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, fs::read_to_string(&self.errors).unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The last output is searched as well.
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scene_with_a_leaked_secret_fails() {
    let writes_secret = |name: &'static str, secret: fn(&NavienFixture) -> String| async move {
        let scene = NavienFixture::new(NavienLabOptions::default()).await;
        crate::navien::signing::sign_in(&scene.lab.rest_url, &scene.lab.email, &scene.lab.password).await;
        let path: &Path = &scene.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, secret(&scene)).unwrap();
        tokio::spawn(async move { drop(scene) }).await
    };
    let token = |scene: &NavienFixture| {
        let secrets = scene.control.cloud.secrets();
        secrets.into_iter().find(|one| one.label == "access").unwrap().value.expose_secret().to_owned()
    };
    assert!(writes_secret("output/x", |_| "all is well".to_owned()).await.is_ok());
    assert!(
        writes_secret("state/dropscope/log", |scene| scene.lab.email.clone()).await.unwrap_err().is_panic()
    );
    assert!(writes_secret("exports/x.json", token).await.unwrap_err().is_panic());
    assert!(writes_secret("state/dropscope/navien-tokens.json", token).await.is_ok());
}
