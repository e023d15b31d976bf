//! Time from the peer's FIN or RST to the event at the readers of the monitor.
//!
//! `cargo bench --bench detect`

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement")]

mod harness;

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, ClockReading, Event, StampedEvent};
use dropscope::lab::{Broker, BrokerControl, BrokerOptions, Fault, ListenerEndpoint};
use tokio::sync::broadcast;

/// One session ended by the broker; from the order to end it to the event at a subscriber.
async fn trial(
    control: &BrokerControl,
    events: &mut broadcast::Receiver<Arc<StampedEvent>>,
    fault: &Fault,
    clock: &SystemClock,
) -> Duration {
    wait_for(events, |event| matches!(event, Event::Connected(_))).await;
    control.wait_for(|census| census.connections == 1).await.expect("a broker");
    // Let the session settle, so that what is measured is waking up from quiet.
    tokio::time::sleep(Duration::from_millis(2)).await;
    let ClockReading { awake: before, .. } = clock.read();
    assert_eq!(control.inject(fault), 1);
    wait_for(events, |event| matches!(event, Event::Dropped(_))).await;
    clock.read().awake.saturating_sub(before)
}

async fn wait_for(events: &mut broadcast::Receiver<Arc<StampedEvent>>, predicate: fn(&Event) -> bool) {
    while !predicate(&events.recv().await.expect("a monitor that keeps up").event) {}
}

fn detect(criterion: &mut Criterion) {
    let runtime = harness::runtime();
    let mut group = criterion.benchmark_group("detect");
    group.sample_size(100).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(3));
    for (name, fault) in [("fin", Fault::Fin), ("rst", Fault::Reset)] {
        let dir = tempfile::tempdir().expect("a directory");
        let _entered = runtime.enter();
        let broker = Broker::start(BrokerOptions::default());
        let port = runtime.block_on(broker.listen(ListenerEndpoint::Tcp)).expect("a port").port();
        let (handle, first) = harness::watch(harness::link(port), dir.path());
        let clock = Arc::new(SystemClock::new());
        let mut events = Some(first);
        let mut all = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|trials| {
                let (control, fault, clock) = (broker.control(), fault.clone(), Arc::clone(&clock));
                let mut reader = events.take().expect("given back");
                let run = async move {
                    let mut times = Vec::new();
                    for _ in 0..trials {
                        times.push(trial(&control, &mut reader, &fault, &clock).await);
                    }
                    (times, reader)
                };
                let (times, reader) = runtime.block_on(runtime.spawn(run)).expect("no panic");
                events = Some(reader);
                all.extend_from_slice(&times);
                times.iter().sum()
            });
        });
        all.sort_unstable();
        let at = |percent: usize| all.get(all.len().saturating_sub(1) * percent / 100).copied();
        println!(
            "{name} → event: {} trials, median {:?}, p99 {:?}, most {:?}",
            all.len(),
            at(50),
            at(99),
            at(100)
        );
        drop(handle);
        runtime.block_on(broker.stop());
    }
}

criterion_group!(benches, detect);
criterion_main!(benches);
