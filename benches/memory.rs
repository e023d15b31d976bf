//! Memory of the fold by the number of events it has seen: a measurement of the process, on Linux.

#![expect(clippy::print_stdout, reason = "a measurement is printed")]

use std::time::Duration;

use chrono::DateTime;
use dropscope::diagnostics::event::{ConnectedEvent, DroppedEvent, Message};
use dropscope::diagnostics::{Diagnostics, Event, Stamp};

/// Resident set in KiB; 0 where it cannot be read.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

fn main() {
    let mut diagnostics = Diagnostics::new(1_000);
    let message = Event::Received(Message { topic: "site/1/status".into(), bytes: 64, ..Message::default() });
    let dropped = Event::Dropped(DroppedEvent {
        error_name: Some("AWS_IO_SOCKET_CLOSED".into()),
        ..DroppedEvent::default()
    });
    let at = |n: u64| Stamp::new(DateTime::UNIX_EPOCH, Duration::from_millis(n * 20));
    for n in 0..10_000_000_u64 {
        match n % 1_000 {
            0 => diagnostics.apply(at(n), &Event::Connected(ConnectedEvent::default())),
            999 => diagnostics.apply(at(n), &dropped),
            step if step % 100 == 0 => diagnostics.apply(at(n), &Event::Ping { rtt_ms: 41.0 }),
            _ => diagnostics.apply(at(n), &message),
        }
        if [2_000_000, 5_000_000, 9_999_999].contains(&n) {
            let seen = diagnostics.snapshot(at(n));
            println!(
                "after {:>8} events: {} KiB resident, {} drops retained, {} seen",
                n + 1,
                resident_kib(),
                seen.drops.len(),
                seen.metrics.total_connection_drops
            );
        }
    }
}
