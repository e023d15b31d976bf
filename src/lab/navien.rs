//! The device cloud of the lab: REST cloud, IoT endpoint with the AWS rules, and water heater.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::aws::{AwsLimits, AwsRules, LabCredentialStore, Policy, REGION, in_real_time};
use super::broker::BrokerControl;
use super::broker::{Broker, BrokerOptions};
use super::cloud::{CloudControl, CloudOptions, ListedDevice, SimulatedCloud};
use super::gateway::{Gateway, GatewayControl, GatewayOptions, Upstream};
use super::heater::{HeaterControl, HeaterOptions, SimulatedHeater};
use super::transport::LabCertificates;
use super::transport::ListenerEndpoint;
use crate::diagnostics::Clock;

/// Keep-alive of the simulated device, in seconds of the field.
const KEEP_ALIVE_SECS: u16 = 60;
const HOUR: Duration = Duration::from_secs(3600);

/// Options of the lab.
#[derive(Debug, Clone)]
pub struct NavienLabOptions {
    /// Seed of the water use and of random faults. Secrets do not depend on it.
    pub seed: u64,
    /// Field seconds per real second: lifetimes of tokens, credentials, sessions and connections, bounds of
    /// the keep-alive, times of faults and the speed of the heater.
    pub scale: f64,
    /// Further devices of the account, which are never connected.
    pub absent_devices: u16,
    /// Lifetime of the AWS credentials, in field time. The cloud reports it in whole real seconds: a scale above
    /// 3600 needs a longer lifetime than one hour.
    pub credentials_lifetime: Duration,
}

impl Default for NavienLabOptions {
    fn default() -> Self {
        Self { seed: 0, scale: 1.0, absent_devices: 0, credentials_lifetime: HOUR }
    }
}

/// The vendor's cloud, AWS IoT Core behind a fault gateway, and a water heater on loopback. Dropping it ends all of them.
pub struct NavienLab {
    /// Base URL of the REST cloud.
    pub rest_url: String,
    /// MQTT over WebSocket and TLS, with a signed URL: `wss://127.0.0.1:PORT/mqtt`.
    pub iot_endpoint: String,
    /// Region to sign for.
    pub region: &'static str,
    /// The authority to trust for `iot_endpoint`, as PEM.
    pub ca_pem: String,
    /// E-mail of the account.
    pub email: String,
    /// Its password, new with every start.
    pub password: SecretString,
    broker: Broker,
    gateway: Gateway,
    cloud: SimulatedCloud,
    heater: SimulatedHeater,
    rules: Arc<AwsRules>,
}

/// Handles to all parts of a [`NavienLab`].
#[derive(Clone)]
pub struct NavienControl {
    /// The fault gateway between `iot_endpoint` and the broker. The heater does not use it.
    pub gateway: GatewayControl,
    /// Connections, faults and messages.
    pub broker: BrokerControl,
    /// Tokens and answers of the REST cloud.
    pub cloud: CloudControl,
    /// The device.
    pub heater: HeaterControl,
    /// Policy and credentials.
    pub rules: Arc<AwsRules>,
}

impl NavienLab {
    /// Starts all of them on ports of `127.0.0.1` that the system picks, and waits for the heater to be
    /// connected. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// No loopback port could be opened, or no certificate could be made.
    pub async fn start(options: NavienLabOptions, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let NavienLabOptions { seed, scale, absent_devices, credentials_lifetime: credentials_life } =
            options;
        let credential_store = Arc::new(LabCredentialStore::new(Arc::clone(&clock)));
        let limits = AwsLimits::default().scaled(scale);
        let ping_interval = limits.keep_alive(KEEP_ALIVE_SECS) / 3;
        let policy = Policy {
            publish: vec!["cmd/#".to_owned(), "evt/#".to_owned()],
            subscribe: vec!["cmd/#".to_owned(), "evt/#".to_owned()],
            denied: Vec::new(),
        };
        let rules =
            Arc::new(AwsRules::new(limits, policy, Arc::clone(&credential_store), Arc::clone(&clock)));
        let certificates = LabCertificates::new()?;
        let broker = Broker::start(BrokerOptions::aws(Arc::clone(&rules)));
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 years of microseconds")]
        let wall_secs = clock.now().wall.timestamp_micros() as f64 / 1e6;
        let upstream = Upstream::Broker(broker.control());
        let gateway = Gateway::start(upstream, GatewayOptions { seed, scale, wall_secs });
        let address = gateway.listen(ListenerEndpoint::Wss(certificates.server_config)).await?;
        let heater_options = HeaterOptions {
            seed,
            scale,
            ping_interval,
            keep_alive_secs: KEEP_ALIVE_SECS,
            ..HeaterOptions::default()
        };
        let heater = SimulatedHeater::start(broker.control(), Arc::clone(&clock), heater_options);
        let mut devices = vec![ListedDevice::heater(heater.control())];
        devices.extend((0..absent_devices).map(ListedDevice::offline));
        let cloud_options = CloudOptions {
            token_lifetime: in_real_time(HOUR, scale),
            credentials_lifetime: in_real_time(credentials_life, scale),
            ..CloudOptions::default()
        };
        let cloud = SimulatedCloud::start(clock, credential_store, devices, cloud_options).await?;
        heater.control().connected(1).await;
        Ok(Self {
            rest_url: cloud.url(),
            iot_endpoint: format!("wss://{address}/mqtt"),
            region: REGION,
            ca_pem: certificates.ca_pem,
            email: cloud.control().email(),
            password: cloud.control().password(),
            broker,
            gateway,
            cloud,
            heater,
            rules,
        })
    }

    /// Handles to inject faults and to read states.
    pub fn control(&self) -> NavienControl {
        NavienControl {
            gateway: self.gateway.control(),
            broker: self.broker.control(),
            cloud: self.cloud.control(),
            heater: self.heater.control(),
            rules: Arc::clone(&self.rules),
        }
    }

    /// Stops everything and frees the ports; takes at most about one second.
    pub async fn stop(self) {
        drop(self.heater);
        self.cloud.stop().await;
        self.gateway.stop().await;
        self.broker.stop().await;
    }
}
