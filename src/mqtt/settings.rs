//! The settings of a link, resolved and validated before it starts.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::MessageListener;
use super::planned_reconnect::PlannedReconnect;
use super::signer::Signer;
use crate::diagnostics::{Transport, VersionChoice};

/// Everything the link needs for one broker.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// The broker.
    pub broker: BrokerAddress,
    /// MQTT client id.
    pub client_id: String,
    /// What precedes the random digits of a generated client id; `None` if the user chose the id. An experiment makes
    /// its fresh client ids with it.
    pub client_id_prefix: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// Password; never shown by `Debug`.
    pub password: Option<SecretString>,
    /// Keep-alive in seconds; 0 = off (no pings).
    pub keep_alive_secs: u16,
    /// Seconds of field time per second of this computer. The keep-alive runs faster by this factor, and
    /// CONNECT contains the shortened value in whole seconds. Every other time in these settings is in this
    /// computer's time. 1, except in a scaled lab run.
    pub time_scale: f64,
    /// Time without PINGRESP after which the session counts as dead.
    pub ping_timeout: Duration,
    /// When to ping.
    pub ping_policy: PingPolicy,
    /// Protocol version to use.
    pub version: VersionChoice,
    /// Request a clean session at each connect.
    pub clean_session: bool,
    /// Topic filters and their maximum QoS (0 or 1), subscribed after every connect.
    pub subscriptions: Vec<(String, u8)>,
    /// TLS details.
    pub tls: TlsSettings,
    /// Deadlines of the connect phases.
    pub timeouts: PhaseTimeouts,
    /// When to try again.
    pub backoff: BackoffSettings,
    /// Reconnecting before a known limit ends the session; `None` = the drop happens, and is recorded.
    pub planned_reconnect: Option<PlannedReconnect>,
    /// Publishes waiting for a connection.
    pub queue: QueueSettings,
    /// TCP keep-alive interval; off by default, because it would prevent the NAT drops this program looks for.
    pub tcp_keep_alive: Option<Duration>,
    /// Which addresses to use.
    pub family: AddressFamily,
    /// Name resolution; `None` = the operating system's.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// A reader of the payloads of some messages.
    pub listener: Option<Arc<dyn MessageListener>>,
    /// Signs the request target of each WebSocket upgrade; `None` = the broker's path is sent unchanged.
    pub signer: Option<Arc<dyn Signer>>,
    /// Largest packet accepted and sent, in bytes.
    pub max_packet: usize,
    /// Messages a second above which they are recorded as `traffic` lines instead of one by one.
    pub traffic_limit: u32,
}

impl LinkSettings {
    /// Settings with the documented defaults for a broker.
    pub fn new(broker: BrokerAddress, client_id: impl Into<String>) -> Self {
        Self {
            broker,
            client_id: client_id.into(),
            client_id_prefix: None,
            username: None,
            password: None,
            keep_alive_secs: 60,
            time_scale: 1.0,
            ping_timeout: Duration::from_secs(10),
            ping_policy: PingPolicy::Always,
            version: VersionChoice::Auto,
            clean_session: true,
            subscriptions: Vec::new(),
            tls: TlsSettings::default(),
            timeouts: PhaseTimeouts::default(),
            backoff: BackoffSettings::default(),
            queue: QueueSettings::default(),
            tcp_keep_alive: None,
            family: AddressFamily::Any,
            resolver: None,
            listener: None,
            signer: None,
            planned_reconnect: None,
            max_packet: 1024 * 1024,
            traffic_limit: 20,
        }
    }

    /// How long a keep-alive lasts on this computer's clocks.
    pub(super) fn keep_alive(&self, secs: u16) -> Duration {
        let secs = f64::from(secs);
        Duration::try_from_secs_f64(secs / self.time_scale).unwrap_or(Duration::from_secs_f64(secs))
    }

    /// The keep-alive of CONNECT, rounded up, so that the pings are always within it.
    pub(super) fn connect_keep_alive_secs(&self, keep_alive_secs: u16) -> u16 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded and within u16")]
        let secs = self.recorded_keep_alive_secs(keep_alive_secs).ceil().clamp(0.0, 65_535.0) as u16;
        secs
    }

    /// A time of this computer's clocks as field time, for display.
    pub(super) fn to_field_time(&self, time: Duration) -> Duration {
        Duration::try_from_secs_f64(time.as_secs_f64() * self.time_scale).unwrap_or(time)
    }

    /// A keep-alive in the seconds of a recording (this computer's time).
    pub(super) fn recorded_keep_alive_secs(&self, keep_alive_secs: u16) -> f64 {
        f64::from(keep_alive_secs) / self.time_scale
    }
}

/// Looks names up in place of the operating system.
pub trait Resolver: Send + Sync + std::fmt::Debug {
    /// The addresses of a name, best first.
    ///
    /// # Errors
    /// The error of the name service, in the words of `getaddrinfo`.
    fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The address of a broker. Parsed from a URL by the configuration. `Debug` leaves the query out.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// How bytes reach it.
    pub transport: Transport,
    /// Host name or address literal (IPv6 without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query of the WebSocket upgrade; `/mqtt` by default, unused otherwise.
    pub path: String,
}

impl BrokerAddress {
    /// The Host header of the WebSocket upgrade: host, and port unless it is the transport's default.
    /// Signatures of signed URLs cover exactly this text.
    pub fn authority(&self) -> String {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.host.clone(),
        };
        let usual = if self.transport == Transport::Wss { 443 } else { 80 };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Debug for BrokerAddress {
    /// Omits the query: a signed query works like a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BrokerAddress")
            .field("transport", &self.transport)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("path", &self.path.split('?').next().unwrap_or_default())
            .finish()
    }
}

/// When a PINGREQ is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingPolicy {
    /// Every keep-alive, whatever the traffic (as rumqttc does): the round trip is always known.
    Always,
    /// Only after a keep-alive without anything sent (as the AWS SDKs do).
    WhenIdle,
}

/// Which addresses to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressFamily {
    /// All addresses the resolver returns, in its order.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// TLS details. Empty = platform roots, no client certificate.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// PEM file with the accepted certificate authorities, instead of the platform's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the client certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the client's private key.
    pub private_key: Option<PathBuf>,
    /// ALPN protocols to offer (`x-amzn-mqtt-ca` for AWS on 443).
    pub alpn: Vec<String>,
    /// Name for SNI and for the certificate check, instead of the host.
    pub server_name: Option<String>,
}

/// Deadlines of the connect phases.
#[derive(Debug, Clone, Copy)]
pub struct PhaseTimeouts {
    /// Credentials and signature, where the upgrade is signed.
    pub credentials: Duration,
    /// Name resolution.
    pub dns: Duration,
    /// TCP handshake, per address.
    pub tcp: Duration,
    /// TLS handshake.
    pub tls: Duration,
    /// WebSocket upgrade.
    pub websocket: Duration,
    /// CONNECT→CONNACK.
    pub connack: Duration,
}

impl Default for PhaseTimeouts {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            credentials: secs(60),
            dns: secs(10),
            tcp: secs(10),
            tls: secs(15),
            websocket: secs(15),
            connack: secs(15),
        }
    }
}

/// When to try again after a drop or a failed connect.
#[derive(Debug, Clone, Copy)]
pub struct BackoffSettings {
    /// Delay before the first attempt, before jitter.
    pub initial: Duration,
    /// Upper limit of the delay, jitter included.
    pub max: Duration,
    /// Growth per failed attempt.
    pub multiplier: f64,
    /// Number of failed attempts after which everything is rebuilt, each time.
    pub deep_threshold: u32,
    /// Attempts per outage before giving up; `None` = no limit.
    pub max_attempts: Option<u32>,
    /// Shortest time between two CONNECTs of one client id (AWS IoT allows one a second).
    pub min_connect_interval: Duration,
    /// How long a session must live before the next drop starts from `initial` again.
    pub stable_after: Duration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            max: Duration::from_secs(60),
            multiplier: 2.0,
            deep_threshold: 5,
            max_attempts: None,
            min_connect_interval: Duration::from_secs(1),
            stable_after: Duration::from_secs(30),
        }
    }
}

/// The queue of publishes that wait for a connection.
#[derive(Debug, Clone, Copy)]
pub struct QueueSettings {
    /// Most publishes kept.
    pub capacity: usize,
    /// Age at which one expires.
    pub max_age: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { capacity: 200, max_age: Duration::from_secs(300) }
    }
}
