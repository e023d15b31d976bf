//! Attach the collector to a `rumqttc::EventLoop`, here against the lab's broker, which resets each session.
//!
//! `cargo run --example rumqttc` ends by itself after three drops. For a broker of your own replace the address and
//! loop for as long as your client runs.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::time::Duration;

use dropscope::collector::{ClientContext, Collector};
use dropscope::diagnostics::event::ConnectKind;
use dropscope::diagnostics::failure::Failure;
use dropscope::lab::{Broker, BrokerOptions, Fault, ListenerEndpoint};
use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, Outgoing, QoS};

const DROPS: u64 = 3;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut collector = runtime.block_on(run())?;
    for drop in collector.get_recent_drops(10) {
        println!("dropped: {:?}", drop.event.error_name);
    }
    println!("{}", collector.summary());
    println!("pattern: {}", collector.verdict().classification.pattern.name());
    Ok(())
}

/// Watches a client until its session was reset three times.
pub(crate) async fn run() -> Result<Collector, Box<dyn Error>> {
    let broker = Broker::start(BrokerOptions::default());
    let address = broker.listen(ListenerEndpoint::Tcp).await?;
    let mut options = MqttOptions::new("example", address.ip().to_string(), address.port());
    options.set_keep_alive(Duration::from_secs(60));
    let (client, mut eventloop) = AsyncClient::new(options, 10);

    let mut collector = Collector::new(1_000);
    let mut attempt = 0;
    while collector.get_metrics().total_connection_drops < DROPS {
        match eventloop.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(ack))) => {
                let kind = if attempt == 0 { ConnectKind::Connected } else { ConnectKind::Resumed };
                collector.record_connection_success(kind, ack.session_present, Some(0), attempt);
                attempt = 0;
                client.publish("example/status", QoS::AtMostOnce, false, "online").await?;
            }
            Ok(Event::Outgoing(Outgoing::Publish(_))) => {
                collector.record_publish(false);
                broker.control().inject(&Fault::Reset);
            }
            Ok(_) => {}
            Err(error) => {
                let context = ClientContext { reconnect_attempt: attempt, ..ClientContext::default() };
                collector.record_connection_drop(Some(&Failure::from(&error)), context);
                attempt += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    broker.stop().await;
    Ok(collector)
}
