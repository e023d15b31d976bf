//! Mosquitto in the server's namespace, and publishers and subscribers of its package.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{ChildStdin, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;

use crate::netns::{SERVER, Side};
use crate::process::Process;
use crate::script::Script;
use crate::world::{World, shared};

/// Port of the broker behind a proxy, on loopback.
pub(crate) const INNER_PORT: u16 = 1884;
/// Port for WebSocket behind a proxy, on loopback.
pub(crate) const INNER_WEBSOCKET_PORT: u16 = 1885;
/// Port that clients use.
pub(crate) const PORT: u16 = 1883;
/// Port that clients use for TLS.
pub(crate) const TLS_PORT: u16 = 8883;

/// A broker that can be stopped and started again.
pub(crate) struct Mosquitto {
    process: Option<Process>,
}

/// Where the broker listens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listeners {
    /// On the server's address, port 1883; further publishers use loopback.
    Public,
    /// The same, and TLS on port 8883 with `server.pem`.
    PublicTls,
    /// On loopback only: a proxy is in front.
    Inner,
}

impl Mosquitto {
    /// Starts a broker that admits everyone, with these lines added to its configuration.
    pub(crate) fn start(world: &World, listeners: Listeners, lines: &str) -> Rc<RefCell<Self>> {
        world.write("mosquitto.conf", &configuration(world, listeners, lines));
        let broker = shared(Self { process: None });
        broker.borrow_mut().launch(world);
        broker
    }

    /// Stops it as a service manager does, and starts it again.
    pub(crate) fn restart(&mut self, world: &World) {
        self.end(Signal::TERM);
        self.launch(world);
    }

    /// Hands the process over, so that it runs to the end.
    pub(crate) fn take_process(&mut self) -> Option<Process> {
        self.process.take()
    }

    /// Ends it with this signal.
    pub(crate) fn end(&mut self, signal: Signal) {
        if let Some(mut process) = self.process.take() {
            process.end(signal);
        }
    }

    /// Starts it again.
    pub(crate) fn launch(&mut self, world: &World) {
        let log = world.path("mosquitto.log");
        let mut command = world.network.command(Side::Server, "mosquitto");
        command.arg("-c").arg(world.path("mosquitto.conf"));
        let mut process = Process::start("mosquitto", &mut command, &log);
        process.wait_for_port(INNER_PORT, &log);
        self.process = Some(process);
    }
}

fn configuration(world: &World, listeners: Listeners, lines: &str) -> String {
    // Without `user` it changes to a user that cannot read the folder of the run.
    let mut text = format!(
        "user root\npersistence false\n{lines}\nlistener {INNER_PORT} 127.0.0.1\nlistener {INNER_WEBSOCKET_PORT} 127.0.0.1\nprotocol websockets\n"
    );
    if listeners != Listeners::Inner {
        let _ = writeln!(text, "listener {PORT} {SERVER}");
    }
    if listeners == Listeners::PublicTls {
        let file = world.path("server.pem").display().to_string();
        let _ = writeln!(text, "listener {TLS_PORT} {SERVER}\ncertfile {file}\nkeyfile {file}");
    }
    if !lines.contains("allow_anonymous") {
        text.push_str("allow_anonymous true\n");
    }
    text
}

/// Publishes a short message on a topic at these times.
pub(crate) fn publish_at(world: &World, script: &mut Script, topic: &str, times: impl Iterator<Item = f64>) {
    let log = world.path("mosquitto_pub.log");
    let mut command = world.network.command(Side::Server, "mosquitto_pub");
    let port = INNER_PORT.to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-l"]).stdin(Stdio::piped());
    let mut process = Process::start("mosquitto_pub", &mut command, &log);
    let input: Rc<RefCell<ChildStdin>> = shared(process.take_input());
    world.keep(process);
    script.at_each(times, move |_| {
        let _ = input.borrow_mut().write_all(b"21.5\n");
    });
}

/// Publishes a retained message of this many bytes.
pub(crate) fn retain(world: &World, topic: &str, bytes: usize) {
    let file = world.write("retained", &"x".repeat(bytes));
    let port = INNER_PORT.to_string();
    let output = world
        .network
        .command(Side::Server, "mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-q", "1", "-r", "-f"])
        .arg(file)
        .output()
        .expect("mosquitto_pub starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Starts a subscriber with this client id that reconnects by itself (a second later).
pub(crate) fn subscribe_as(world: &World, id: &str, version: &str) {
    let mut command = world.network.command(Side::Server, "mosquitto_sub");
    let port = INNER_PORT.to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-i", id, "-t", "twin", "-V", version, "-k", "30"]);
    world.keep(Process::start("mosquitto_sub", &mut command, &world.path("mosquitto_sub.log")));
}

/// Connects for a moment with this client id.
pub(crate) fn visit_as(world: &World, id: &str) {
    let mut command = world.network.command(Side::Server, "mosquitto_pub");
    let port = INNER_PORT.to_string();
    command.args(["-h", "127.0.0.1", "-p", &port, "-i", id, "-t", "twin", "-m", "1"]);
    world.keep(Process::start("mosquitto_pub", &mut command, &world.path("visits.log")));
    std::thread::sleep(Duration::from_millis(50));
}
