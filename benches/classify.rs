//! Time of a verdict on three hundred and on ten thousand drops: from scratch, and after one more.

use std::hint::black_box;
use std::time::Duration;

use chrono::DateTime;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dropscope::classify::Classifier;
use dropscope::diagnostics::event::{
    ConnectKind, ConnectedEvent, DropKind, DroppedEvent, Layer, Message, StartedEvent,
};
use dropscope::diagnostics::{Event, Stamp, StampedEvent};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const DROPS: usize = 10_000;
const FEW_DROPS: usize = 300;
const KEEP_ALIVE: f64 = 300.0;

/// What ends the sessions of a recording.
#[derive(Debug, Clone, Copy)]
enum Cause {
    Lifetime,
    Chance,
    Nat,
}

/// Writes a recording line by line.
struct RecordingWriter {
    random: StdRng,
    now: f64,
    events: Vec<StampedEvent>,
}

impl RecordingWriter {
    fn new() -> Self {
        let mut writer = Self { random: StdRng::seed_from_u64(4), now: 0.0, events: Vec::new() };
        writer.push(Event::Started(StartedEvent {
            keep_alive_secs: KEEP_ALIVE,
            client_id: "scope".to_owned(),
            endpoint: "mqtt://10.0.0.5:1883".to_owned(),
            ..StartedEvent::default()
        }));
        writer
    }

    fn push(&mut self, event: Event) {
        let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs_f64(self.now));
        self.events.push(StampedEvent { at, event });
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.random.random_range(0.0..1.0_f64)).ln()
    }

    /// One session with its messages, up to its drop.
    fn session(&mut self, cause: Cause) {
        self.push(Event::Connected(ConnectedEvent {
            event_type: ConnectKind::Resumed,
            return_code: Some(0),
            keep_alive_secs: KEEP_ALIVE,
            ..ConnectedEvent::default()
        }));
        let started_at = self.now;
        let end = match cause {
            Cause::Lifetime => started_at + 3_600.0 + self.random.random_range(-0.5..0.5),
            Cause::Chance => started_at + self.exponential(3_600.0),
            Cause::Nat => f64::INFINITY,
        };
        loop {
            let gap = self.exponential(120.0).min(KEEP_ALIVE);
            let (how, silence) = match cause {
                Cause::Nat if gap > 240.0 => (DropKind::Rst, gap),
                _ if self.now + gap >= end => (DropKind::Fin, end - self.now),
                _ => {
                    self.now += gap;
                    self.push_traffic();
                    continue;
                }
            };
            self.now += silence;
            self.drop(how, silence);
            break;
        }
        self.now += 1.0 + self.exponential(4.0);
    }

    fn push_traffic(&mut self) {
        let kind = self.random.random_range(0..3);
        let topic = format!("site/{}/status", self.random.random_range(0..8));
        let message = Message { topic: topic.into(), bytes: 64, ..Message::default() };
        self.push(match kind {
            0 => Event::Ping { rtt_ms: 41.5 },
            1 => Event::Published(message),
            _ => Event::Received(message),
        });
    }

    fn drop(&mut self, how: DropKind, silence: f64) {
        self.push(Event::Dropped(DroppedEvent {
            error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".into()),
            error_code: Some(5134),
            layer: Some(Layer::Tcp),
            how: Some(how),
            last_rx_secs: Some(silence),
            last_tx_secs: Some(if how == DropKind::Rst { 0.04 } else { silence }),
            ..DroppedEvent::default()
        }));
    }
}

/// A recording of so many drops, and the session that ends in one more.
fn recording(cause: Cause, drops: usize) -> (Vec<StampedEvent>, Vec<StampedEvent>) {
    let mut writer = RecordingWriter::new();
    for _ in 0..drops {
        writer.session(cause);
    }
    let known = writer.events.len();
    writer.session(cause);
    let more = writer.events.split_off(known);
    (writer.events, more)
}

fn classifier_for(events: &[StampedEvent]) -> Classifier {
    let mut classifier = Classifier::new();
    for observed in events {
        classifier.apply(observed.at, &observed.event);
    }
    classifier
}

fn classify(criterion: &mut Criterion) {
    let causes =
        [("fixed lifetime", Cause::Lifetime), ("random loss", Cause::Chance), ("idle timeout", Cause::Nat)];
    for (name, cause) in causes {
        let (few, _) = recording(cause, FEW_DROPS);
        let mut group = criterion.benchmark_group(format!("classify {FEW_DROPS} drops, {name}"));
        group.bench_function("verdict from cold", |bencher| {
            let classifier = classifier_for(&few);
            let end = few[few.len() - 1].at;
            bencher.iter(|| black_box(classifier.verdict_at(end)));
        });
        group.finish();
        let (events, more) = recording(cause, DROPS);
        let end = events[events.len() - 1].at;
        let mut group = criterion.benchmark_group(format!("classify {DROPS} drops, {name}"));
        group.throughput(Throughput::Elements(events.len() as u64));
        group.sample_size(10);
        group.bench_function("apply each event", |bencher| bencher.iter(|| classifier_for(&events)));
        group.throughput(Throughput::Elements(1));
        // The cold figure is one verdict after all was applied: making ready is not timed.
        group.bench_function("verdict from cold", |bencher| {
            bencher.iter_batched_ref(
                || classifier_for(&events),
                |classifier| black_box(classifier.verdict_at(end)),
                BatchSize::PerIteration,
            );
        });
        group.bench_function("one more drop and its verdict", |bencher| {
            bencher.iter_batched_ref(
                || {
                    let mut classifier = classifier_for(&events);
                    black_box(classifier.verdict_at(end));
                    let last = more[more.len() - 1].clone();
                    for observed in &more[..more.len() - 1] {
                        classifier.apply(observed.at, &observed.event);
                    }
                    black_box(classifier.verdict());
                    (classifier, last)
                },
                |(warm, last)| {
                    warm.apply(last.at, &last.event);
                    black_box(warm.verdict())
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, classify);
criterion_main!(benches);
