//! The demo: a broker with a chatty device and a session that dies now and then.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::broker::{Broker, BrokerOptions};
use super::control::Control;
use super::fault::Fault;
use super::handshake::Endpoint;

const TOPIC: &str = "demo/water-heater/status";
const TELEMETRY_EVERY: Duration = Duration::from_secs(2);
/// When the first session dies, in milliseconds after it began.
const FIRST_FAULT_MS: std::ops::Range<u64> = 6_000..10_000;
/// When a later session dies, in milliseconds after it began.
const NEXT_FAULT_MS: std::ops::Range<u64> = 8_000..25_000;
/// How long a black hole lasts: longer than a client with the demo's keep-alive needs to notice.
const BLACK_HOLE: Duration = Duration::from_secs(30);

/// A running demo. It listens on `127.0.0.1` only; dropping it ends everything.
pub struct Demo {
    broker: Broker,
    address: SocketAddr,
    description: String,
    _tasks: [AbortOnDrop; 2],
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One chapter of the demo's story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Fin,
    Reset,
    BlackHole,
    ServerShutdown,
    Outage,
}

impl Demo {
    /// Keep-alive, in seconds, with which the black hole is noticed within the demo's patience.
    pub const KEEP_ALIVE_SECS: u16 = 5;

    /// Starts the broker, the device and the faults. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// No loopback port could be opened.
    pub async fn start(seed: u64) -> io::Result<Self> {
        let broker = Broker::start(BrokerOptions::default());
        let address = broker.listen(Endpoint::Tcp).await?;
        let device = tokio::spawn(publish_telemetry(broker.control(), StdRng::seed_from_u64(seed)));
        let faults = StdRng::seed_from_u64(seed.wrapping_add(1));
        let mischief = tokio::spawn(make_mischief(broker.control(), faults));
        let description = format!("simulated broker, a fault every 8–25 s, seed {seed}");
        Ok(Self { broker, address, description, _tasks: [AbortOnDrop(device), AbortOnDrop(mischief)] })
    }

    /// Host and port of the broker.
    pub fn address(&self) -> (String, u16) {
        (self.address.ip().to_string(), self.address.port())
    }

    /// One line that says that this is a simulation.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The topic on which the device reports every two seconds.
    pub fn topic(&self) -> &'static str {
        TOPIC
    }

    /// The broker behind the demo.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Ends the device, the faults and the broker, and frees the port.
    pub async fn stop(self) {
        self.broker.stop().await;
    }
}

/// A water heater's status, retained, every two seconds until the broker stops.
async fn publish_telemetry(control: Control, mut random: StdRng) {
    let (mut temperature, mut heating, mut count) = (49.0_f64, false, 0_u64);
    loop {
        // A tank that cools slowly and is heated back, with some noise of the sensor.
        temperature += if heating { 0.25 } else { -0.1 } + random.random_range(-0.08..0.08);
        heating = if heating { temperature < 51.5 } else { temperature < 47.5 };
        count += 1;
        let status = serde_json::json!({
            "sequence": count,
            "tankTemperature": (temperature * 10.0).round() / 10.0,
            "targetTemperature": 51.0,
            "heating": heating,
            "powerWatts": if heating { random.random_range(430..460) } else { random.random_range(2..5) },
            "wifiRssi": random.random_range(-67..-58),
        });
        control.retain(TOPIC, status.to_string());
        sleep(TELEMETRY_EVERY).await;
    }
}

/// Ends the session again and again, each time in another manner, until the broker stops.
async fn make_mischief(control: Control, mut random: StdRng) {
    let mut delay = FIRST_FAULT_MS;
    let mut story = Vec::new();
    while control.wait_for(|census| census.connections > 0).await.is_some() {
        sleep(Duration::from_millis(random.random_range(delay))).await;
        delay = NEXT_FAULT_MS;
        let mishap = story.pop().unwrap_or_else(|| {
            story = shuffled(&mut random);
            Mishap::Fin
        });
        let before = control.census().connects;
        if act(mishap, &control, &mut random).await.is_err() {
            return;
        }
        // The next countdown begins with the next session; a black hole is noticed late.
        let _ = timeout(BLACK_HOLE, control.wait_for(|census| census.connects > before)).await;
    }
}

/// Every manner but the first one, in random order.
fn shuffled(random: &mut StdRng) -> Vec<Mishap> {
    let mut story = vec![Mishap::Reset, Mishap::BlackHole, Mishap::ServerShutdown, Mishap::Outage];
    story.shuffle(random);
    story
}

async fn act(mishap: Mishap, control: &Control, random: &mut StdRng) -> io::Result<()> {
    match mishap {
        Mishap::Fin => {
            control.strike(&Fault::Fin);
        }
        Mishap::Reset => {
            control.strike(&Fault::Reset);
        }
        Mishap::BlackHole => {
            control.strike(&Fault::BlackHole { lasting: Some(BLACK_HOLE) });
        }
        Mishap::ServerShutdown => {
            control.strike(&Fault::Disconnect { reason: 0x8B, text: None });
        }
        Mishap::Outage => {
            control.close_ports().await?;
            control.strike(&Fault::Fin);
            sleep(Duration::from_millis(random.random_range(3_000..7_000))).await;
            control.open_ports().await?;
        }
    }
    Ok(())
}
