//! Time to open a recording of a million events and to seek in it, and the memory it takes.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measurement is printed, and fails by panicking"
)]

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::event::{ConnectedEvent, DroppedEvent, Message, StampedEvent};
use dropscope::diagnostics::{Clock, Event, Stamp, recording};
use dropscope::replay::RecordingPlayer;

const EVENTS: u64 = 1_000_000;
const SEEKS: u32 = 200;

/// Resident set in KiB; 0 where it cannot be read.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Messages and pings with a drop every thousand events, over 23 days.
fn record(path: &Path) -> u64 {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    let message = Event::Received(Message { topic: "site/1/status".into(), bytes: 64, ..Message::default() });
    let dropped = Event::Dropped(DroppedEvent {
        error_name: Some("AWS_IO_SOCKET_CLOSED".into()),
        ..DroppedEvent::default()
    });
    let start = Stamp::new("2026-11-01T00:00:00Z".parse().expect("a time"), Duration::ZERO);
    for n in 0..EVENTS {
        let event = match n % 1_000 {
            0 => Event::Connected(ConnectedEvent::default()),
            999 => dropped.clone(),
            step if step % 10 == 0 => Event::Ping { rtt_ms: 41.0 },
            _ => message.clone(),
        };
        let line = recording::encode(&StampedEvent { at: start.plus(Duration::from_secs(n * 2)), event });
        writeln!(file, "{line}").expect("written");
    }
    file.flush().expect("written");
    std::fs::metadata(path).expect("a file").len()
}

fn main() {
    let clock = SystemClock::new();
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("million.jsonl");
    let bytes = record(&path);
    let before = resident_kib();
    let begin = clock.now();
    let mut player = RecordingPlayer::open(&[path], 1_000).expect("a recording");
    while !player.read_events(16_384).expect("readable") {}
    let elapsed = clock.now().since(begin);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
    let rate = bytes as f64 / elapsed.as_secs_f64() / 1e6;
    println!("opening: {EVENTS} events, {bytes} bytes in {elapsed:?} ({rate:.0} MB/s)");
    println!("memory:  {} KiB more than before", resident_kib() - before);
    let mut times: Vec<Duration> = (0..SEEKS)
        .map(|n| {
            let to = player.length().mul_f64(f64::from(n * 7_919 % 10_007) / 10_007.0);
            let begin = clock.now();
            while !player.seek(to, 16_384).expect("readable") {}
            std::hint::black_box((player.snapshot(), player.verdict()));
            clock.now().since(begin)
        })
        .collect();
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("seeking: median {:?}, 95 % {:?}, longest {:?}", at(50), at(95), at(100));
    println!("memory:  {} KiB more than before", resident_kib() - before);
}
