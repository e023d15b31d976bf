//! Throughput of the fold, and the cost of a snapshot by the size of the history.

use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dropscope::diagnostics::event::{ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, Message};
use dropscope::diagnostics::{Diagnostics, Event, Stamp, StampedEvent};

/// An hour of a chatty connection that drops every few minutes: mostly messages, some pings.
fn event_stream(events: u64) -> Vec<StampedEvent> {
    let message =
        |n: u64| Message { topic: format!("site/{}/status", n % 8).into(), bytes: 64, ..Message::default() };
    (0..events)
        .map(|n| {
            let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_millis(n * 20));
            let event = match n % 10_000 {
                0 => Event::Connected(connected()),
                9_999 => Event::Dropped(dropped()),
                step if step % 50 == 0 => Event::Ping { rtt_ms: 41.5 },
                step if step % 5 == 0 => Event::Published(message(n)),
                _ => Event::Received(message(n)),
            };
            StampedEvent { at, event }
        })
        .collect()
}

fn connected() -> ConnectedEvent {
    ConnectedEvent {
        event_type: ConnectKind::Resumed,
        return_code: Some(0),
        attempt_number: 1,
        keep_alive_secs: 60.0,
        ..ConnectedEvent::default()
    }
}

fn dropped() -> DroppedEvent {
    DroppedEvent {
        error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".into()),
        error_code: Some(5134),
        layer: Some(Layer::Tcp),
        how: Some(DropKind::Fin),
        last_rx_secs: Some(12.0),
        last_tx_secs: Some(0.3),
        ..DroppedEvent::default()
    }
}

fn diagnostics_with_drops(drops: usize) -> Diagnostics {
    let mut diagnostics = Diagnostics::new(drops.max(1));
    for n in 0..drops as u64 {
        let at = |secs| Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs));
        diagnostics.apply(at(n * 60), &Event::Connected(connected()));
        diagnostics.apply(at(n * 60 + 50), &Event::Dropped(dropped()));
    }
    diagnostics
}

fn fold(criterion: &mut Criterion) {
    let events = event_stream(100_000);
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("apply", |bencher| {
        bencher.iter_batched(
            || Diagnostics::new(1_000),
            |mut diagnostics| {
                for observed in &events {
                    diagnostics.apply(observed.at, &observed.event);
                }
                diagnostics
            },
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

fn snapshot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("snapshot");
    for drops in [10, 1_000, 100_000] {
        let mut diagnostics = diagnostics_with_drops(drops);
        let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::from_secs(86_400 * 365));
        let mut latest = diagnostics.snapshot(at);
        group.bench_function(format!("after {drops} drops retained"), |bencher| {
            bencher.iter(|| {
                diagnostics.apply(at, &Event::Ping { rtt_ms: 40.0 });
                latest = diagnostics.snapshot(at);
                black_box(&latest);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fold, snapshot);
criterion_main!(benches);
