//! Cost of the program itself: time to the first frame, memory, processor time while idle, and the time from the
//! broker's FIN to a changed screen. The optimized binary in a real pseudo-terminal. Linux only.
//!
//! `cargo bench --bench startup`

#![expect(clippy::print_stdout, reason = "a measurement is printed")]
#![cfg_attr(
    target_os = "linux",
    expect(clippy::expect_used, reason = "without its rig there is no measurement")
)]

#[cfg(target_os = "linux")]
#[path = "../tests/program/pty/terminal.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod terminal;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("startup: measured on Linux only");
}

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use dropscope::clock::SystemClock;
    use dropscope::diagnostics::Clock;
    use dropscope::lab::{Broker, BrokerOptions, Fault, ListenerEndpoint};

    use super::terminal::Terminal;

    const STARTS: usize = 20;
    const DROPS: usize = 12;
    const SETTLE: Duration = Duration::from_secs(5);
    const IDLE: Duration = Duration::from_secs(20);

    pub(super) fn main() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let _entered = runtime.enter();
        let broker = Broker::start(BrokerOptions::default());
        let address = runtime.block_on(broker.listen(ListenerEndpoint::Tcp)).expect("a port");
        let url = format!("mqtt://{address}");
        for size in [(120, 40), (200, 60)] {
            first_frame(&url, size);
        }
        idle(&url);
        let control = broker.control();
        on_screen(&url, &|| assert_eq!(control.inject(&Fault::Fin), 1));
        runtime.block_on(broker.stop());
    }

    fn first_frame(url: &str, size: (u16, u16)) {
        let mut times: Vec<Duration> = (0..STARTS)
            .map(|_| {
                let home = tempfile::tempdir().expect("a directory");
                let clock = SystemClock::new();
                let mut terminal = Terminal::start(size, home.path(), &[url], &[]);
                terminal.wait_for("the first frame", |screen| screen.contents().contains(" quit"));
                let elapsed = clock.now().boot;
                quit(terminal);
                elapsed
            })
            .collect();
        println!("start → first frame at {size:?}: {}", spread(&mut times));
    }

    fn idle(url: &str) {
        let home = tempfile::tempdir().expect("a directory");
        let mut terminal = Terminal::start((120, 40), home.path(), &[url], &[]);
        connected(&mut terminal);
        let process = format!("/proc/{}", terminal.pid());
        run_for(&mut terminal, SETTLE);
        println!("RSS after {SETTLE:?} connected and idle:");
        let status = fs::read_to_string(format!("{process}/status")).expect("a process");
        let memory = |line: &&str| {
            ["VmRSS", "RssAnon", "RssFile", "VmHWM", "Threads"].iter().any(|name| line.starts_with(name))
        };
        status.lines().filter(memory).for_each(|line| println!("  {line}"));
        let (before, written) = (processor(&process), terminal.output_bytes.len());
        let elapsed = run_for(&mut terminal, IDLE);
        let used = processor(&process).saturating_sub(before);
        let share = used.as_secs_f64() / elapsed.as_secs_f64() * 100.0;
        println!(
            "processor while idle: {share:.3} % of a core over {elapsed:?} ({used:?}), {} bytes to the screen",
            terminal.output_bytes.len() - written
        );
        quit(terminal);
    }

    fn on_screen(url: &str, inject_fault: &dyn Fn()) {
        let home = tempfile::tempdir().expect("a directory");
        let mut terminal = Terminal::start((120, 40), home.path(), &[url], &[]);
        let clock = SystemClock::new();
        let mut times: Vec<Duration> = (0..DROPS)
            .map(|_| {
                // Without waiting for the backoff that sessions this short deserve.
                terminal.press("r");
                connected(&mut terminal);
                run_for(&mut terminal, Duration::from_millis(300));
                let before = clock.now();
                inject_fault();
                terminal.wait_for("the drop", |screen| !screen.contents().contains("CONNECTED "));
                clock.now().since(before)
            })
            .collect();
        println!("FIN → screen: {}", spread(&mut times));
        quit(terminal);
    }

    fn connected(terminal: &mut Terminal) {
        terminal.wait_for("a session", |screen| screen.contents().contains("CONNECTED "));
    }

    fn run_for(terminal: &mut Terminal, span: Duration) -> Duration {
        let clock = SystemClock::new();
        while let Some(rest) = span.checked_sub(clock.now().boot) {
            assert!(terminal.read(rest), "the program ended");
        }
        clock.now().boot
    }

    fn quit(mut terminal: Terminal) {
        terminal.press("q");
        assert_eq!(terminal.wait_for_end(), 0);
    }

    /// Time on a processor, of all threads, in nanoseconds (`/proc/PID/stat` counts in hundredths).
    fn processor(process: &str) -> Duration {
        let tasks = fs::read_dir(Path::new(process).join("task")).expect("threads");
        let nanos = |task: std::io::Result<fs::DirEntry>| -> u64 {
            let stat =
                fs::read_to_string(task.expect("a thread").path().join("schedstat")).unwrap_or_default();
            stat.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        Duration::from_nanos(tasks.map(nanos).sum())
    }

    fn spread(times: &mut [Duration]) -> String {
        times.sort_unstable();
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        let count = times.len();
        format!(
            "{count} trials, median {:.1} ms, most {:.1} ms",
            ms(&times[count / 2]),
            ms(&times[count - 1])
        )
    }
}
