//! Messages received per second, by the whole monitor and by `rumqttc::EventLoop`.
//!
//! A broker on loopback is flooded with 64-byte QoS 0 messages faster than either takes them. Both rates
//! are those of the steady state, counted at the receiver, with broker, flood and receiver on the same
//! computer and the same two-thread runtime. Criterion is of no use here: there is nothing to repeat.
//!
//! `cargo bench --bench receive`

#![expect(clippy::expect_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement")]

mod harness;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, Event};
use dropscope::lab::{ApplicationMessage, Broker, BrokerControl, BrokerOptions, ListenerEndpoint};
use dropscope::state::MonitorRequest;
use rumqttc::{AsyncClient, MqttOptions, Packet, QoS};

const TOPIC: &str = "bench/flood";
/// Messages received before the flood ends.
const MESSAGES: u64 = 10_000_000;
/// Messages published between two looks at the broker's losses.
const CHUNK: u64 = 500;

/// Publishes from a thread of its own, as fast as the receiver takes it, until dropped.
struct Flood(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>);

impl Flood {
    fn start(control: BrokerControl) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let publish = move || {
            let message = ApplicationMessage::new(TOPIC, vec![0x42; 64]);
            let mut lost = control.counters().dropped;
            while !stopped.load(Ordering::Relaxed) {
                (0..CHUNK).for_each(|_| control.publish(message.clone()));
                let now_lost = control.counters().dropped;
                if std::mem::replace(&mut lost, now_lost) < now_lost {
                    // The receiver is the bottleneck: yield the processor until there is room again.
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        };
        Self(stop, Some(std::thread::spawn(publish)))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            thread.join().expect("the flood went well");
        }
    }
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

async fn broker() -> (Broker, u16) {
    let broker = Broker::start(BrokerOptions::default());
    let port = broker.listen(ListenerEndpoint::Tcp).await.expect("a port").port();
    (broker, port)
}

/// Messages a second through link, gate, fold and recorder.
async fn through_monitor(dir: &Path) -> f64 {
    let (broker, port) = broker().await;
    let mut link = harness::link(port);
    link.keep_alive_secs = 1;
    link.subscriptions = vec![("bench/#".to_owned(), 0)];
    let (handle, mut events) = harness::watch(link, dir);
    let (mut received, mut seconds, mut windows) = (0, 0.0, 0);
    let (mut pings, mut slowest, mut drops, mut lagged) = (0, 0.0_f64, 0, 0);
    let mut flood = None;
    let mut memory = Vec::new();
    while received < MESSAGES {
        let observed = match events.recv().await {
            Ok(observed) => observed,
            Err(error) => {
                lagged += 1;
                println!("  reader lagged: {error}");
                continue;
            }
        };
        match &observed.event {
            Event::Subscribed { .. } => flood = Some(Flood::start(broker.control())),
            Event::Traffic { received: counted, window_secs, .. } => {
                memory.push(resident_kib());
                windows += 1;
                // The first window contains the start of the flood.
                if windows > 1 {
                    received += counted;
                    seconds += window_secs;
                }
            }
            Event::Ping { rtt_ms } if flood.is_some() => {
                pings += 1;
                slowest = slowest.max(*rtt_ms);
            }
            Event::Dropped(dropped) => {
                drops += 1;
                println!("  dropped: {dropped:?}");
            }
            _ => {}
        }
    }
    drop(flood);
    let rejected = broker.control().counters().dropped;
    let (first, last) = (memory.first().unwrap_or(&0), memory.last().unwrap_or(&0));
    println!(
        "monitor: {received} messages in {seconds:.1} s, {windows} windows; {drops} drops, {lagged} lags"
    );
    println!("  pings {pings}, slowest {slowest:.1} ms; RSS (with broker and flood) {first} → {last} KiB");
    handle.requests.send(MonitorRequest::Shutdown).await.expect("a running monitor");
    let state = handle.finished().await.expect("no panic");
    println!("  {rejected} more did not fit the broker's outbox; recorder: {:?}", state.runtime.recorder);
    broker.stop().await;
    received as f64 / seconds
}

/// Messages a second through `rumqttc`'s own event loop, which does nothing but count them.
async fn through_rumqttc() -> f64 {
    let (broker, port) = broker().await;
    let mut options = MqttOptions::new("peer", "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(5));
    let (client, mut connection) = AsyncClient::new(options, 10);
    client.subscribe("bench/#", QoS::AtMostOnce).await.expect("a queue");
    let clock = SystemClock::new();
    let mut flood = None;
    let mut start = clock.now();
    let (mut received, mut skipped) = (0_u64, 0_u64);
    while received < MESSAGES {
        match connection.poll().await.expect("a session") {
            rumqttc::Event::Incoming(Packet::SubAck(_)) => flood = Some(Flood::start(broker.control())),
            rumqttc::Event::Incoming(Packet::Publish(_)) if skipped < MESSAGES / 20 => {
                skipped += 1;
                start = clock.now();
            }
            rumqttc::Event::Incoming(Packet::Publish(_)) => received += 1,
            _ => {}
        }
    }
    let seconds = clock.now().since(start).as_secs_f64();
    drop(flood);
    let rejected = broker.control().counters().dropped;
    println!(
        "rumqttc: {received} messages in {seconds:.1} s; {rejected} more did not fit the broker's outbox"
    );
    broker.stop().await;
    received as f64 / seconds
}

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = harness::runtime();
    let task = async move {
        let ours = through_monitor(dir.path()).await;
        let theirs = through_rumqttc().await;
        println!(
            "receive: monitor {ours:.0}/s, rumqttc::EventLoop {theirs:.0}/s, ratio {:.2}",
            ours / theirs
        );
    };
    runtime.block_on(runtime.spawn(task)).expect("no panic");
}
