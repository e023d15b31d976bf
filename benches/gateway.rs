//! The cost of the fault gateway: added latency per message, and messages per second.
//!
//! A message goes from a client to the embedded broker and back to the same client, over TCP on loopback,
//! once directly and once through the gateway. Then the client sends as fast as it can. All of it runs on
//! one two-thread runtime.
//!
//! `cargo bench --bench gateway`

#![expect(clippy::expect_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a measurement")]

use std::net::SocketAddr;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::Clock;
use dropscope::lab::{
    Broker, BrokerOptions, DropManner, Gateway, GatewayOptions, ListenerEndpoint, PathFault, Upstream,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// Keep-alive 0 and clean session, client id `b`.
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01b";
/// The filter `t`, QoS 0.
const SUBSCRIBE: &[u8] = b"\x82\x06\x00\x01\x00\x01t\x00";
/// Messages sent between two readings of the clock.
const BATCH: usize = 20_000;
/// Round trips for a median.
const TRIPS: usize = 4_000;

/// QoS 0, 64 bytes.
fn publish(topic: u8) -> Vec<u8> {
    let mut packet = vec![0x30, 67, 0, 1, topic];
    packet.resize(69, b'x');
    packet
}

/// A broker, a gateway without faults, and a gateway whose faults inspect every packet.
struct BenchSetup {
    broker: Broker,
    gateways: Vec<Gateway>,
    addresses: Vec<(&'static str, SocketAddr)>,
}

impl BenchSetup {
    async fn start() -> Self {
        let broker = Broker::start(BrokerOptions::default());
        let mut lab = Self { broker, gateways: Vec::new(), addresses: Vec::new() };
        lab.addresses.push(("straight", lab.broker.listen(ListenerEndpoint::Tcp).await.expect("a port")));
        for (name, faults) in [("healthy gateway", Vec::new()), ("ailing gateway", path_faults())] {
            let gateway = Gateway::start(Upstream::Broker(lab.broker.control()), GatewayOptions::default());
            lab.addresses.push((name, gateway.listen(ListenerEndpoint::Tcp).await.expect("a port")));
            for fault in faults {
                gateway.control().arm(fault);
            }
            lab.gateways.push(gateway);
        }
        lab
    }

    async fn stop(self) {
        for gateway in self.gateways {
            gateway.stop().await;
        }
        self.broker.stop().await;
    }
}

/// Faults that inspect every packet and never act here.
fn path_faults() -> Vec<PathFault> {
    vec![
        PathFault::IdleTimeout { secs: 1e6, manner: dropscope::lab::IdleManner::SilentBlackHole },
        PathFault::AfterPublish { topic_filter: "denied/#".into(), delay_ms: 100.0, manner: DropManner::Fin },
        PathFault::SessionLifetime { secs: 1e6, jitter_secs: 0.0, manner: DropManner::Fin },
    ]
}

/// The runtime of the program itself.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A client that is subscribed.
async fn client(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("an option");
    stream.write_all(CONNECT).await.expect("a session");
    stream.read_exact(&mut [0; 4]).await.expect("a CONNACK");
    stream.write_all(SUBSCRIBE).await.expect("a session");
    stream.read_exact(&mut [0; 5]).await.expect("a SUBACK");
    stream
}

async fn round_trip(stream: &mut TcpStream, packet: &[u8]) {
    let mut back = [0; 69];
    stream.write_all(packet).await.expect("a session");
    stream.read_exact(&mut back).await.expect("the message");
}

/// Sends a batch without subscribers, and waits until the broker has read all of it.
async fn flood(stream: &mut TcpStream, batch: &[u8]) {
    stream.write_all(batch).await.expect("a session");
    stream.write_all(&[0xC0, 0]).await.expect("a session");
    stream.read_exact(&mut [0; 2]).await.expect("a PINGRESP");
}

async fn median_trip(stream: &mut TcpStream, clock: &SystemClock) -> Duration {
    let packet = publish(b't');
    let mut times = Vec::with_capacity(TRIPS);
    for _ in 0..TRIPS {
        let before = clock.read().awake;
        round_trip(stream, &packet).await;
        times.push(clock.read().awake.saturating_sub(before));
    }
    times.sort_unstable();
    times[TRIPS / 2]
}

/// Prints the median round trip and the message rate of each path.
async fn summarize(lab: &BenchSetup) {
    let clock = SystemClock::new();
    let batch = publish(b'u').repeat(BATCH);
    let mut direct_median = None;
    // The first round trips warm up the runtime.
    median_trip(&mut client(lab.addresses[0].1).await, &clock).await;
    for (name, address) in &lab.addresses {
        let mut stream = client(*address).await;
        let median = median_trip(&mut stream, &clock).await;
        let added = median.saturating_sub(*direct_median.get_or_insert(median));
        let before = clock.read().awake;
        for _ in 0..20 {
            flood(&mut stream, &batch).await;
        }
        let rate = 20.0 * BATCH as f64 / clock.read().awake.saturating_sub(before).as_secs_f64();
        println!("{name}: median round trip {median:?} (added {added:?}), {rate:.0} messages/s");
    }
}

fn gateway(criterion: &mut Criterion) {
    let runtime = runtime();
    let lab = runtime.block_on(BenchSetup::start());
    runtime.block_on(summarize(&lab));
    let mut group = criterion.benchmark_group("round trip");
    for (name, address) in &lab.addresses {
        let (mut stream, packet) = (runtime.block_on(client(*address)), publish(b't'));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| runtime.block_on(round_trip(&mut stream, &packet)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("flood");
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    for (name, address) in &lab.addresses {
        let (mut stream, batch) = (runtime.block_on(client(*address)), publish(b'u').repeat(BATCH));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| runtime.block_on(flood(&mut stream, &batch)));
        });
    }
    group.finish();
    runtime.block_on(lab.stop());
}

criterion_group!(benches, gateway);
criterion_main!(benches);
