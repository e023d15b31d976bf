//! Throughput of `dropscope analyze` on one core in MB/s and its memory, compared with `jq` and Python only parsing
//! the same lines. The optimized binary. Linux only.
//!
//! `cargo bench --bench analyze`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![cfg_attr(
    target_os = "linux",
    expect(clippy::expect_used, reason = "without its rig there is no measurement")
)]

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("analyze: measured on Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::hint::black_box;
    use std::io::{BufReader, BufWriter, Write as _};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use chrono::DateTime;
    use dropscope::classify::Classifier;
    use dropscope::clock::SystemClock;
    use dropscope::diagnostics::event::{
        Attempt, CommandState, ConnectFailedEvent, ConnectKind, ConnectedEvent, DropKind, DroppedEvent,
        Layer, Message, PacketNote, Phase, PhaseTiming, StartedEvent,
    };
    use dropscope::diagnostics::recording::{RecordingReader, encode};
    use dropscope::diagnostics::{Clock, Diagnostics, Event, Stamp, StampedEvent, event};

    const LARGE: u64 = 320 * 1024 * 1024;
    const SMALL: u64 = 32 * 1024 * 1024;
    /// The best of these counts: the machine may be busy with something else.
    const ROUNDS: usize = 5;

    /// What is done with a whole recording.
    type Step = fn(RecordingReader<BufReader<File>>);

    pub(super) fn main() {
        let dir = tempfile::tempdir().expect("a directory");
        let (large, small) = (dir.path().join("large.jsonl"), dir.path().join("small.jsonl"));
        let lines = write_recording(&large, LARGE);
        write_recording(&small, SMALL);
        let bytes = fs::metadata(&large).expect("written").len();
        println!("{} MB, {lines} lines, {} bytes a line", bytes / 1_000_000, bytes / lines);
        measure_steps(&large, bytes);
        program(&large, &small, bytes);
        compare_with_other_tools(&large, bytes);
    }

    /// In this process: what each step costs.
    fn measure_steps(large: &Path, bytes: u64) {
        let steps: [(&str, Step); 3] = [
            ("read and decode", |reader| {
                black_box(reader.filter_map(Result::ok).count());
            }),
            ("… and fold", |reader| {
                let mut fold = Diagnostics::new(1_000);
                reader.filter_map(Result::ok).for_each(|one| fold.apply(one.at, &one.event));
                black_box(fold);
            }),
            ("… and judge", |reader| {
                let (mut fold, mut classifier) = (Diagnostics::new(1_000), Classifier::new());
                for one in reader.filter_map(Result::ok) {
                    fold.apply(one.at, &one.event);
                    classifier.apply(one.at, &one.event);
                }
                black_box((fold, classifier));
            }),
        ];
        for (name, step) in steps {
            let best = (0..ROUNDS).map(|_| {
                let file = BufReader::with_capacity(256 * 1024, File::open(large).expect("there"));
                let before = processor("/proc/self");
                step(RecordingReader::new(file));
                processor("/proc/self").saturating_sub(before)
            });
            println!("{name:<24} {}", rate(bytes, best.min().expect("rounds")));
        }
    }

    fn program(large: &Path, small: &Path, bytes: u64) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropscope"));
        command.args(["analyze", "--format", "json"]).arg(large);
        let runs: Vec<Run> = (0..ROUNDS).map(|_| run(&mut command)).collect();
        let best = runs.iter().min_by_key(|run| run.processor).expect("rounds");
        println!(
            "{:<24} {}, {:.2} s by the wall",
            "dropscope analyze",
            rate(bytes, best.processor),
            best.wall.as_secs_f64()
        );
        let mut command = Command::new(env!("CARGO_BIN_EXE_dropscope"));
        command.args(["analyze", "--format", "json"]).arg(small);
        println!(
            "peak RSS at {} MB: {} KiB, at {} MB: {} KiB",
            SMALL / 1_000_000,
            run(&mut command).peak_kib,
            LARGE / 1_000_000,
            best.peak_kib
        );
    }

    fn compare_with_other_tools(large: &Path, bytes: u64) {
        let python = "import json, sys\nfor line in open(sys.argv[1]):\n    json.loads(line)";
        for (name, arguments) in [("jq", ["-c", ".kind"]), ("python3", ["-c", python])] {
            let mut command = Command::new(name);
            command.args(arguments).arg(large);
            if Command::new(name).arg("--version").output().is_err() {
                println!("{name:<24} not here, left out");
                continue;
            }
            let what = if name == "jq" { "jq -c .kind" } else { "python3 json.loads" };
            println!("{what:<24} {}", rate(bytes, run(&mut command).processor));
        }
    }

    struct Run {
        processor: Duration,
        wall: Duration,
        peak_kib: u64,
    }

    /// Runs a program and looks at it until it has ended but is not yet forgotten by the system.
    fn run(command: &mut Command) -> Run {
        let clock = SystemClock::new();
        let mut child = command.stdout(Stdio::null()).spawn().expect("a process");
        let process = format!("/proc/{}", child.id());
        let mut peak_kib = 0;
        loop {
            let status = fs::read_to_string(format!("{process}/status")).expect("a process");
            if status.lines().any(|line| line.starts_with("State:") && line.contains('Z')) {
                break;
            }
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = peak.and_then(|line| line.split_whitespace().next()?.parse().ok());
            peak_kib = peak_kib.max(kib.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(2));
        }
        let run = Run { processor: processor(&process), wall: clock.now().boot, peak_kib };
        assert!(child.wait().expect("ended").success());
        run
    }

    /// Time of the main thread on a processor, in nanoseconds; none of these programs has another that works.
    fn processor(process: &str) -> Duration {
        let stat = fs::read_to_string(format!("{process}/schedstat")).expect("a process");
        Duration::from_nanos(stat.split_whitespace().next().and_then(|one| one.parse().ok()).unwrap_or(0))
    }

    fn rate(bytes: u64, elapsed: Duration) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = bytes as f64 / 1e6 / elapsed.as_secs_f64();
        format!("{rate:>6.0} MB/s of one core ({:.2} s)", elapsed.as_secs_f64())
    }

    /// Writes a recording of about so many bytes: mostly messages, pings, some commands; a drop every few
    /// thousand lines with all that comes before and after it.
    fn write_recording(path: &Path, bytes: u64) -> u64 {
        let mut out = BufWriter::new(File::create(path).expect("a file"));
        let (mut written, mut lines) = (0, 0);
        while written < bytes {
            for event in round(lines) {
                let at =
                    Stamp::new(DateTime::from_timestamp(1_785_758_400, 0).expect("a time"), Duration::ZERO)
                        .plus(Duration::from_micros(lines * 217_133));
                let line = encode(&StampedEvent { at, event }) + "\n";
                out.write_all(line.as_bytes()).expect("space");
                written += line.len() as u64;
                lines += 1;
            }
        }
        out.flush().expect("space");
        lines
    }

    /// One line, or those of an outage.
    fn round(n: u64) -> Vec<Event> {
        let topic = ["status/rinnegan/did", "home/garden/3/moisture", "cmd/52/navilink-aabbccddeeff/st/rid"];
        let message = |qos: Option<u8>| Message {
            topic: topic[usize::try_from(n % 3).unwrap_or(0)].into(),
            bytes: 64 + n % 900,
            qos,
            ..Message::default()
        };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let rtt_ms = 30.0 + (n % 9_973) as f64 / 997.0;
        match n % 6_000 {
            0 => outage(n),
            step if step % 20 == 0 => vec![Event::Ping { rtt_ms }],
            step if step % 50 == 1 => vec![Event::Command(event::CommandUpdate {
                correlation_id: format!("c-{n:08x}"),
                name: "publish".to_owned(),
                state: CommandState::Acknowledged,
                ms: Some(rtt_ms),
            })],
            step if step % 5 == 0 => vec![Event::Published(message(Some(1)))],
            _ => vec![Event::Received(message(Some(0)))],
        }
    }

    fn outage(n: u64) -> Vec<Event> {
        let phase = |phase| PhaseTiming { phase, ms: 12.25, ok: true, error: None, detail: None };
        let attempt = |attempt_number| {
            Event::Attempt(Attempt {
                attempt_number,
                phases: [Phase::Dns, Phase::Tcp, Phase::Tls, Phase::Connack].map(phase).into(),
            })
        };
        let connected = Event::Connected(ConnectedEvent {
            event_type: ConnectKind::Resumed,
            return_code: Some(0),
            attempt_number: 2,
            keep_alive_secs: 60.0,
            remote: Some("203.0.113.7:8883".to_owned()),
            mqtt_version: Some(dropscope::diagnostics::MqttVersion::V5.into()),
            ..ConnectedEvent::default()
        });
        if n == 0 {
            let started = StartedEvent {
                keep_alive_secs: 60.0,
                client_id: "bench".to_owned(),
                endpoint: "mqtts://broker.example".to_owned(),
                ..StartedEvent::default()
            };
            return vec![Event::Started(started), attempt(0), connected];
        }
        let note = |ago_secs, incoming| PacketNote {
            ago_secs,
            incoming,
            packet: "PUBLISH".to_owned(),
            topic: Some("home/garden/3/moisture".into()),
            bytes: 90,
        };
        let dropped = Event::Dropped(DroppedEvent {
            error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".to_owned()),
            error_message: Some(
                "AWS_ERROR_MQTT_UNEXPECTED_HANGUP: The connection was closed unexpectedly.".to_owned(),
            ),
            error_code: Some(5134),
            layer: Some(Layer::Tcp),
            how: Some(DropKind::Fin),
            last_rx_secs: Some(12.5),
            last_tx_secs: Some(0.25),
            packets: vec![note(12.5, true), note(1.0, false), note(0.25, false)],
            ..DroppedEvent::default()
        });
        let failed = Event::ConnectFailed(ConnectFailedEvent {
            error_name: Some("AWS_IO_SOCKET_TIMEOUT".to_owned()),
            attempt_number: 1,
            phase: Some(Phase::Tcp),
            ..ConnectFailedEvent::default()
        });
        let subscribed = Event::Subscribed { filters: vec!["home/#".to_owned()], return_codes: vec![1] };
        vec![dropped, attempt(1), failed, attempt(2), connected, subscribed]
    }
}
