//! The program as a child process with a home of its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::child::command;
use dropscope::diagnostics::recording::RecordingReader;
use dropscope::diagnostics::{Diagnostics, Event, Snapshot, StampedEvent};
use tempfile::TempDir;

/// The time between two looks for the first line of a started program, and their greatest number.
const START_POLL_INTERVAL: Duration = Duration::from_millis(20);
const MAX_START_POLLS: u32 = 3_000;

/// The recording of a finished run.
pub(crate) struct FinishedRun {
    pub(crate) events: Vec<StampedEvent>,
    /// The snapshot at the end, in field time.
    pub(crate) snapshot: Snapshot,
    pub(crate) stderr: String,
}

/// A run under way.
pub(crate) struct RunningProgram {
    child: Child,
    home: TempDir,
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a directory");
    command(home.path(), arguments).output().expect("the program")
}

/// Starts a scenario that writes its recording to a file, and waits until the program runs: the programs of a
/// test start one after the other.
pub(crate) fn start_scenario(scenario: &str, time_scale: f64, seed: u64, duration: &str) -> RunningProgram {
    let home = tempfile::tempdir().expect("a directory");
    let (time_scale, seed) = (time_scale.to_string(), seed.to_string());
    let options = ["--speed", &time_scale, "--seed", &seed, "--duration", duration];
    let mut command =
        command(home.path(), &[&["demo", scenario, "--json", "--no-record"], &options[..]].concat());
    let file = |name: &str| File::create(home.path().join(name)).expect("a file");
    let child = command.stdout(file("out")).stderr(file("err")).spawn().expect("the program");
    let out = home.path().join("out");
    let is_silent = || fs::metadata(&out).is_ok_and(|out| out.len() == 0);
    for _ in (0..MAX_START_POLLS).take_while(|_| is_silent()) {
        sleep(START_POLL_INTERVAL);
    }
    RunningProgram { child, home }
}

impl RunningProgram {
    /// Waits for the end and reads the recording.
    pub(crate) fn finish(mut self) -> FinishedRun {
        let status = self.child.wait().expect("the program ends");
        let stderr = fs::read_to_string(self.home.path().join("err")).expect("a file");
        assert!(status.success(), "{stderr}");
        let mut reader =
            RecordingReader::new(BufReader::new(File::open(self.home.path().join("out")).expect("a file")));
        let events: Vec<StampedEvent> = reader.by_ref().map(|event| event.expect("memory")).collect();
        assert_eq!((reader.stats().skipped(), reader.stats().unknown), (0, 0));
        let mut fold = Diagnostics::new(1_000);
        for observed in &events {
            fold.apply(observed.at, &observed.event);
        }
        assert!(matches!(events.last().map(|last| &last.event), Some(Event::Stopped { .. })), "{stderr}");
        let snapshot = fold.snapshot(events.last().expect("an event").at);
        FinishedRun { events, snapshot, stderr }
    }
}

/// A lab that takes commands.
pub(crate) struct Lab {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _home: TempDir,
}

impl Lab {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let mut command = command(home.path(), &[&["lab"], arguments].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, input, output, _home: home }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line
    }

    /// The answer to a command, in JSON.
    pub(crate) fn request(&mut self, command: &str) -> serde_json::Value {
        writeln!(self.input, "{command}").expect("the lab listens");
        serde_json::from_str(&self.line()).expect("JSON")
    }

    /// Closes the input, sends SIGTERM and returns the exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        drop(self.input);
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::TERM)
            .expect("a signal");
        self.child.wait().expect("an end").code()
    }

    pub(crate) fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("an end").code()
    }
}
