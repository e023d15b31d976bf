//! The servers of a simulation: a broker, a device, and a gateway with the faults of the scenario.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::broker::{Broker, BrokerOptions};
use super::demo_heater;
use super::gateway::{Gateway, GatewayControl, GatewayOptions, PathFaultId, Upstream};
use super::scenario::{ManualFault, Scenario};
use super::transport::{LabCertificates, ListenerEndpoint};
use crate::diagnostics::Transport;

/// How long a manual fault may wait for a connection, in real time.
const INJECTION_TIMEOUT: Duration = Duration::from_secs(2);
/// Shortest real time between two reports of the device.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(5);

/// Time scale and random seed of a simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabOptions {
    /// The same seed injects the faults at the same times.
    pub seed: u64,
    /// Field seconds per real second.
    pub speed: f64,
    /// The wall clock now, in seconds since the Unix epoch.
    pub wall_secs: f64,
}

/// The broker, the device and the gateway of a simulation, on loopback. Dropping it ends all of them.
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
    /// Opens one port for each of the `transports` and starts the scenario. Must be called inside a tokio
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

    /// Arms the faults of a scenario and starts the renewal of credentials, at a gateway with the same speed.
    pub fn apply_scenario(&mut self, control: GatewayControl, scenario: &Scenario) {
        for fault in &scenario.path_faults {
            control.arm(fault.clone());
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

    /// The real time of a number of field seconds.
    pub fn to_real_time(&self, field_secs: f64) -> Duration {
        Duration::try_from_secs_f64(field_secs / self.speed).unwrap_or(Duration::MAX)
    }

    /// The address of a transport, if it was opened.
    pub fn address(&self, transport: Transport) -> Option<SocketAddr> {
        self.addresses.iter().find(|(opened, _)| *opened == transport).map(|(_, address)| *address)
    }

    /// The certificate of the authority to trust, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The handle to arm faults and to read counters.
    pub fn control(&self) -> &GatewayControl {
        &self.control
    }

    /// Injects a fault now, and disarms it when it is done.
    pub fn inject(&self, fault: &ManualFault) -> PathFaultId {
        self.inject_at(&self.control, fault)
    }

    /// As [`LabSetup::inject`], at another gateway with the same speed.
    pub fn inject_at(&self, gateway: &GatewayControl, fault: &ManualFault) -> PathFaultId {
        let control = gateway.clone();
        let id = control.arm((fault.path_fault)());
        let duration = self.to_real_time(fault.lasting_secs);
        tokio::spawn(async move {
            let mut injections = control.watch_injections();
            let injected = injections
                .wait_for(|_| control.injections().iter().any(|injection| injection.fault_id == id));
            // Without a connection the fault is disarmed: it must not act on a later one.
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
