//! What stands behind a simulation: a broker, a device, and a gateway that ails as the scenario says.

use crate::diagnostics::Transport;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::broker::{Broker, BrokerOptions};
use super::certificates::LabCertificates;
use super::demo_heater;
use super::gateway::{Gateway, GatewayControl, GatewayOptions, PathFaultId, Upstream};
use super::handshake::ListenerEndpoint;
use super::scenario::{ManualFault, Scenario};

/// The name of the lab's servers. It means this computer wherever names are resolved by the standard, and
/// who plays the resolver can let it fail.
pub const LAB_HOST: &str = "dropscope.localhost";

/// How long a fault that strikes once may take to find a connection, in real time.
const INJECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Shortest real time between two reports of the device.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(5);

/// How a stage sees time and chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabOptions {
    /// The same seed tells the same story.
    pub seed: u64,
    /// Field seconds per real second.
    pub speed: f64,
    /// What the clock says now, in seconds since the Unix epoch.
    pub wall_secs: f64,
}

/// Everything a simulation needs, on loopback. Dropping it ends everything.
pub struct LabSetup {
    broker: Broker,
    gateway: Gateway,
    control: GatewayControl,
    addresses: Vec<(Transport, SocketAddr)>,
    ca_pem: String,
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

impl LabSetup {
    /// Opens one port for each of the `ways` and lets the scenario begin. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// No loopback port could be opened, or no certificate could be made.
    pub async fn start(
        transports: &[Transport],
        scenario: &Scenario,
        options: LabOptions,
    ) -> io::Result<Self> {
        let LabOptions { seed, speed, wall_secs } = options;
        let certificates = LabCertificates::new()?;
        let broker = Broker::start(BrokerOptions::default());
        let upstream = Upstream::Broker(broker.control());
        let gateway = Gateway::start(upstream, GatewayOptions { seed, scale: speed, wall_secs });
        let mut addresses = Vec::new();
        for transport in transports {
            let endpoint = match transport {
                Transport::Tcp => ListenerEndpoint::Tcp,
                Transport::Tls => ListenerEndpoint::Tls(certificates.server_config.clone()),
                Transport::Ws => ListenerEndpoint::Ws,
                Transport::Wss => ListenerEndpoint::Wss(certificates.server_config.clone()),
            };
            addresses.push((*transport, gateway.listen(endpoint).await?));
        }
        let control = gateway.control();
        let ca_pem = certificates.ca_pem;
        let mut setup = Self { broker, gateway, control, addresses, ca_pem, speed, tasks: Vec::new() };
        setup.start_scenario(scenario, seed);
        Ok(setup)
    }

    fn start_scenario(&mut self, scenario: &Scenario, seed: u64) {
        if !scenario.telemetry_secs.is_empty() {
            let intervals = scenario
                .telemetry_secs
                .iter()
                .map(|secs| self.to_real_time(*secs).max(MIN_REPORT_INTERVAL))
                .collect();
            let device = demo_heater::run(self.broker.control(), seed, intervals);
            self.tasks.push(AbortOnDrop(tokio::spawn(device)));
        }
        self.apply_scenario(self.control.clone(), scenario);
    }

    /// Lets a scenario's ailments act, and its clients' credentials be renewed, at a gateway that has the same
    /// speed.
    pub fn apply_scenario(&mut self, control: GatewayControl, scenario: &Scenario) {
        for fault in (scenario.path_faults)() {
            control.arm(fault);
        }
        if let Some(secs) = scenario.credential_renewal_secs {
            let interval = self.to_real_time(secs).max(MIN_REPORT_INTERVAL);
            self.tasks.push(AbortOnDrop(tokio::spawn(async move {
                loop {
                    sleep(interval).await;
                    control.renew_credentials();
                }
            })));
        }
    }

    /// The real time that so many field seconds take.
    pub fn to_real_time(&self, field_secs: f64) -> Duration {
        Duration::try_from_secs_f64(field_secs / self.speed).unwrap_or(Duration::MAX)
    }

    /// Where a way leads, if it was opened.
    pub fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.addresses.iter().find(|(opened, _)| *opened == transport).map(|(_, address)| *address)
    }

    /// The certificate of the authority to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// To arm ailments and to look inside.
    pub fn control(&self) -> &GatewayControl {
        &self.control
    }

    /// Lets a fault strike now, and disarms it when it is done.
    pub fn inject(&self, fault: &ManualFault) -> PathFaultId {
        self.inject_at(&self.control, fault)
    }

    /// As [`Stage::strike`], at another gateway that has the same speed.
    pub fn inject_at(&self, gateway: &GatewayControl, fault: &ManualFault) -> PathFaultId {
        let control = gateway.clone();
        let id = control.arm((fault.path_fault)());
        let duration = self.to_real_time(fault.lasting_secs);
        tokio::spawn(async move {
            let mut injections = control.watch_injections();
            let injected = injections
                .wait_for(|_| control.injections().iter().any(|injection| injection.fault_id == id));
            // Nobody connected is no reason to lie in wait for the next one.
            let _ = timeout(INJECTION_TIMEOUT, injected).await;
            sleep(duration).await;
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
