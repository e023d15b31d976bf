//! What stands behind a simulation: a broker, a device, and a gateway that ails as the scenario says.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::authority::Authority;
use super::broker::{Broker, BrokerOptions};
use super::device;
use super::gateway::{AilmentId, Gateway, GatewayControl, GatewayOptions, Upstream};
use super::handshake::Endpoint;
use super::scenario::{BlowNow, Scenario, Way};

/// The name of the lab's servers. It means this computer wherever names are resolved by the standard, and
/// who plays the resolver can let it fail.
pub const HOST: &str = "dropscope.localhost";

/// How long a fault that strikes once may take to find a connection, in real time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Shortest real time between two reports of the device.
const LEAST_GAP: Duration = Duration::from_millis(5);

/// How a stage sees time and chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageOptions {
    /// The same seed tells the same story.
    pub seed: u64,
    /// Field seconds per real second.
    pub speed: f64,
    /// What the clock says now, in seconds since the Unix epoch.
    pub wall_secs: f64,
}

/// Everything a simulation needs, on loopback. Dropping it ends everything.
pub struct Stage {
    broker: Broker,
    gateway: Gateway,
    control: GatewayControl,
    doors: Vec<(Way, SocketAddr)>,
    authority: String,
    speed: f64,
    tasks: Vec<AbortOnDrop>,
}

/// A task that ends with its owner.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Stage {
    /// Opens one port for each of the `ways` and lets the scenario begin. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// No loopback port could be opened, or no certificate could be made.
    pub async fn start(ways: &[Way], scenario: &Scenario, options: StageOptions) -> io::Result<Self> {
        let StageOptions { seed, speed, wall_secs } = options;
        let authority = Authority::new()?;
        let broker = Broker::start(BrokerOptions::default());
        let upstream = Upstream::Broker(broker.control());
        let gateway = Gateway::start(upstream, GatewayOptions { seed, scale: speed, wall_secs });
        let mut doors = Vec::new();
        for way in ways {
            let endpoint = match way {
                Way::Tcp => Endpoint::Tcp,
                Way::Tls => Endpoint::Tls(authority.server.clone()),
                Way::Ws => Endpoint::Ws,
                Way::Wss => Endpoint::Wss(authority.server.clone()),
            };
            doors.push((*way, gateway.listen(endpoint).await?));
        }
        let control = gateway.control();
        let authority = authority.pem;
        let mut stage = Self { broker, gateway, control, doors, authority, speed, tasks: Vec::new() };
        stage.play(scenario, seed);
        Ok(stage)
    }

    fn play(&mut self, scenario: &Scenario, seed: u64) {
        if !scenario.telemetry_secs.is_empty() {
            let gaps = scenario.telemetry_secs.iter().map(|secs| self.real(*secs).max(LEAST_GAP)).collect();
            let device = device::report(self.broker.control(), seed, gaps);
            self.tasks.push(AbortOnDrop(tokio::spawn(device)));
        }
        self.afflict(self.control.clone(), scenario);
    }

    /// Lets a scenario's ailments act, and its clients' credentials be renewed, at a gateway that has the same
    /// speed.
    pub fn afflict(&mut self, control: GatewayControl, scenario: &Scenario) {
        for ailment in (scenario.ailments)() {
            control.arm(ailment);
        }
        if let Some(secs) = scenario.renews_every_secs {
            let every = self.real(secs).max(LEAST_GAP);
            self.tasks.push(AbortOnDrop(tokio::spawn(async move {
                loop {
                    sleep(every).await;
                    control.renew_credentials();
                }
            })));
        }
    }

    /// The real time that so many field seconds take.
    pub fn real(&self, field_secs: f64) -> Duration {
        Duration::try_from_secs_f64(field_secs / self.speed).unwrap_or(Duration::MAX)
    }

    /// Where a way leads, if it was opened.
    pub fn door(&self, way: Way) -> Option<SocketAddr> {
        self.doors.iter().find(|(known, _)| *known == way).map(|(_, address)| *address)
    }

    /// The certificate of the authority to trust, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// To arm ailments and to look inside.
    pub fn control(&self) -> &GatewayControl {
        &self.control
    }

    /// Lets a fault strike now, and disarms it when it is done.
    pub fn strike(&self, blow: &BlowNow) -> AilmentId {
        self.strike_at(&self.control, blow)
    }

    /// As [`Stage::strike`], at another gateway that has the same speed.
    pub fn strike_at(&self, gateway: &GatewayControl, blow: &BlowNow) -> AilmentId {
        let control = gateway.clone();
        let id = control.arm((blow.ailment)());
        let lasting = self.real(blow.lasting_secs);
        tokio::spawn(async move {
            let mut strikes = control.watch_strikes();
            let struck = strikes.wait_for(|_| control.strikes().iter().any(|strike| strike.ailment == id));
            // Nobody connected is no reason to lie in wait for the next one.
            let _ = timeout(PATIENCE, struck).await;
            sleep(lasting).await;
            control.disarm(id);
        });
        id
    }

    /// Ends everything and frees the ports.
    pub async fn stop(self) {
        let Self { broker, gateway, tasks, .. } = self;
        drop(tasks);
        gateway.stop().await;
        broker.stop().await;
    }
}
