//! A program of a trial: started in a namespace, signaled by its process id, killed at the end of its scope.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, ChildStdin, Command};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How long a program may take until it listens.
const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// A running program.
pub(crate) struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a program; both outputs are appended to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        command.stdout(file.try_clone().expect("a second handle")).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Self { name: name.to_owned(), child }
    }

    /// Its process id: `ip netns exec` and `setpriv` replace themselves by the program.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until the program listens on a TCP port of its namespace.
    pub(crate) fn wait_for_port(&mut self, port: u16, log: &Path) {
        let tries = START.as_millis() / POLL.as_millis();
        for _ in 0..tries {
            if is_listening(self.pid(), port) {
                return;
            }
            if let Some(status) = self.status() {
                panic!(
                    "{} ended with {status:?}: {}",
                    self.name,
                    fs::read_to_string(log).unwrap_or_default()
                );
            }
            thread::sleep(POLL);
        }
        let text = fs::read_to_string(log).unwrap_or_default();
        panic!("{} does not listen on port {port} after {START:?}: {text}", self.name);
    }

    /// Its standard input, which the command must have piped.
    pub(crate) fn take_input(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("a pipe")
    }

    /// The exit code if it has ended; -1 for a signal.
    pub(crate) fn status(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("a child of this process")?;
        Some(status.code().unwrap_or(-1))
    }

    /// Sends a signal that ends it, and waits.
    pub(crate) fn end(&mut self, signal: Signal) {
        if self.status().is_none() {
            let _ = kill_process(self.pid(), signal);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            // Programs with workers end these on SIGTERM.
            let _ = kill_process(self.pid(), Signal::CONT);
            let _ = kill_process(self.pid(), Signal::TERM);
            for _ in 0..20 {
                if self.child.try_wait().ok().flatten().is_some() {
                    return;
                }
                thread::sleep(POLL);
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Whether a socket in the namespace of a process is in state LISTEN (0A) on a port (proc(5), `/proc/net/tcp`).
fn is_listening(pid: Pid, port: u16) -> bool {
    let end = format!(":{port:04X}");
    ["tcp", "tcp6"].iter().any(|table| {
        let text =
            fs::read_to_string(format!("/proc/{}/net/{table}", pid.as_raw_nonzero())).unwrap_or_default();
        text.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().take(4).collect();
            matches!(fields[..], [_, local, _, "0A"] if local.ends_with(&end))
        })
    })
}
