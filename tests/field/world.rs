//! The network, folder and programs of one run, and the client in it.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock as _;
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::netns::{Network, Side};
use crate::peers::mosquitto::PORT;
use crate::peers::relay::{Ending, Relay, Rule};
use crate::process::Process;
use crate::run::Run;
use crate::script::Script;
use crate::trial::{ClientOptions, Trial};

/// How long the client may need to end after its time.
const GRACE_SECS: f64 = 30.0;

/// Everything that one run consists of; removed at the end of its scope.
pub(crate) struct World {
    // In this order they end: the programs, the relays, the namespaces, the files.
    processes: RefCell<Vec<Process>>,
    relays: RefCell<Vec<Relay>>,
    pub(crate) network: Network,
    client_pid: Cell<Option<Pid>>,
    folder: TempDir,
}

impl World {
    fn create() -> Self {
        Self {
            processes: RefCell::default(),
            relays: RefCell::default(),
            network: Network::create(),
            client_pid: Cell::new(None),
            folder: TempDir::new().expect("a folder"),
        }
    }

    /// A file of this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of this run.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("a file");
        path
    }

    /// Starts a program of the server that runs to the end.
    pub(crate) fn serve(&self, name: &str, arguments: &[&str], port: u16) -> Pid {
        let log = self.path(&format!("{name}.log"));
        let mut command = self.network.command(Side::Server, name);
        command.args(arguments).current_dir(self.folder.path());
        let mut process = Process::start(name, &mut command, &log);
        process.wait_for_port(port, &log);
        let pid = process.pid();
        self.keep(process);
        pid
    }

    /// Keeps a program until the end of the run.
    pub(crate) fn keep(&self, process: Process) {
        self.processes.borrow_mut().push(process);
    }

    /// Relays the public port to a port of the broker on loopback.
    pub(crate) fn relay(&self, inner_port: u16, rule: Rule, ending: Ending) {
        let relay = Relay::start(self.network.name(Side::Server), PORT, inner_port, rule, ending);
        self.relays.borrow_mut().push(relay);
    }

    /// Sends a signal to the client.
    pub(crate) fn signal_client(&self, signal: Signal) {
        if let Some(pid) = self.client_pid.get() {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }

    fn client(&self, options: &ClientOptions, recording: &Path) -> Command {
        let mut command = self.network.command(Side::Client, env!("CARGO_BIN_EXE_dropscope"));
        let home = self.folder.path();
        command.env_clear().current_dir(home).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", home);
        command.env("XDG_STATE_HOME", home.join("state")).env("XDG_CONFIG_HOME", home.join("config"));
        command.arg("--headless").arg("--record").arg(recording).args(["--max-reconnect-delay", "5"]);
        command.args(["--duration", &format!("{}s", options.duration_secs)]);
        command.args(["--keep-alive", &options.keep_alive_secs.to_string()]);
        command.args(["--ping-timeout", &format!("{}s", options.ping_timeout_secs)]);
        if let Some(id) = &options.client_id {
            command.args(["--client-id", id]);
        }
        for topic in &options.topics {
            command.args(["--topic", topic]);
        }
        if options.publish_every_secs > 0 {
            let text = format!(
                "[[command]]\nname = \"reading\"\ntopic = \"field/reading\"\npayload = \"{}\"\nqos = 0\nconfirm = \"none\"\nevery = {}\n",
                "7".repeat(options.payload_bytes),
                options.publish_every_secs
            );
            command.arg("--config").arg(self.write("client.toml", &text));
        }
        let folder = home.display().to_string();
        command.args(options.arguments.iter().map(|text| text.replace("{folder}", &folder)));
        if let Some((user, password)) = &options.login {
            command.args(["--username", user]).env("DROPSCOPE_PASSWORD", password);
        }
        command.arg(&options.url);
        command
    }

    fn run_client(&self, options: &ClientOptions, mut script: Script, recording: &Path) -> (i32, String) {
        let log = self.path("client.log");
        let mut client = Process::start("dropscope", &mut self.client(options, recording), &log);
        self.client_pid.set(Some(client.pid()));
        let clock = SystemClock::new();
        let exit_code = loop {
            if let Some(code) = client.status() {
                break code;
            }
            let now = clock.read().awake.as_secs_f64();
            if now > f64::from(options.duration_secs) + GRACE_SECS {
                client.end(Signal::KILL);
                break -1;
            }
            if !script.run_due(now, self) {
                thread::sleep(Duration::from_millis(100));
            }
        };
        self.client_pid.set(None);
        (exit_code, fs::read_to_string(log).unwrap_or_default())
    }
}

/// Runs a trial once with these options of the client; the recording is written to `recording`.
pub(crate) fn run(trial: &Trial, options: &ClientOptions, recording: PathBuf) -> Run {
    let world = World::create();
    let script = (trial.build)(&world);
    let (exit_code, output) = world.run_client(options, script, &recording);
    Run { recording, exit_code, output, advice: None }
}

/// A value that the steps of a script share.
pub(crate) fn shared<T>(value: T) -> Rc<RefCell<T>> {
    Rc::new(RefCell::new(value))
}
