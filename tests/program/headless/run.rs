//! Runs the program as a script does: standard output line by line, standard error, exit code.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::child::command;
use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock;
use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything expected takes, also on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(40);

/// The output of a finished run.
#[derive(Debug)]
pub(crate) struct ProcessOutput {
    /// `None` = killed by a signal.
    pub(crate) code: Option<i32>,
    /// Everything on standard output.
    pub(crate) out: String,
    /// Everything on standard error.
    pub(crate) err: String,
}

/// A running program.
pub(crate) struct RunningProcess {
    child: Child,
    lines: Option<Receiver<String>>,
    out: String,
    err: JoinHandle<String>,
    clock: SystemClock,
}

/// Runs to the end.
pub(crate) fn run(home: &Path, arguments: &[&str]) -> ProcessOutput {
    RunningProcess::start(&mut command(home, arguments)).end()
}

/// The files in a folder of the program's state directory.
pub(crate) fn files(home: &Path, folder: &str) -> Vec<PathBuf> {
    let folder = home.join("state").join("dropscope").join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

impl RunningProcess {
    /// Starts the program and reads along.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("standard output"));
        let mut err = child.stderr.take().expect("standard error");
        let (sender, lines) = mpsc::channel();
        // Dropping the receiver makes this thread close the pipe, as `head` does.
        std::thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let err = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            err.read_to_end(&mut bytes).expect("standard error");
            String::from_utf8(bytes).expect("text")
        });
        Self { child, lines: Some(lines), out: String::new(), err, clock: SystemClock::new() }
    }

    /// The program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("a running program");
    }

    /// Waits for a line of standard output that contains a text.
    pub(crate) fn wait_for_line(&mut self, text: &str) {
        let limit = self.clock.now().plus(TIMEOUT);
        loop {
            let lines = self.lines.as_ref().expect("standard output is read");
            match lines.recv_timeout(limit.since(self.clock.now())) {
                Ok(line) => {
                    self.out.push_str(&line);
                    self.out.push('\n');
                    if line.contains(text) {
                        return;
                    }
                }
                Err(error) => panic!("never saw {text} ({error}), but:\n{}", self.out),
            }
        }
    }

    /// Waits until an outside condition holds, with the program still running.
    pub(crate) fn wait_until(&mut self, what: &str, happened: impl Fn() -> bool) {
        let limit = self.clock.now().plus(TIMEOUT);
        while !happened() {
            std::thread::sleep(Duration::from_millis(10));
            assert!(self.clock.now() < limit, "never saw {what}");
            assert_eq!(self.child.try_wait().expect("a child"), None, "ended before {what}");
        }
    }

    /// Stops reading standard output.
    pub(crate) fn stop_reading(&mut self) {
        self.lines = None;
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> ProcessOutput {
        let limit = self.clock.now().plus(TIMEOUT);
        while let Some(lines) = &self.lines {
            match lines.recv_timeout(limit.since(self.clock.now())) {
                Ok(line) => {
                    self.out.push_str(&line);
                    self.out.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => self.kill_and_panic(),
            }
        }
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            std::thread::sleep(Duration::from_millis(10));
            if self.clock.now() > limit {
                self.kill_and_panic();
            }
        };
        ProcessOutput { code: status.code(), out: self.out, err: self.err.join().expect("standard error") }
    }

    fn kill_and_panic(&mut self) -> ! {
        // The reported failure is that the program did not end.
        let _ = self.child.kill();
        panic!("the program did not end; it wrote:\n{}", self.out);
    }
}
