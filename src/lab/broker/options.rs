//! Options of the embedded broker.

use std::sync::Arc;

use crate::lab::aws::AwsRules;

/// Protocol versions a broker accepts. Others get CONNACK 1 in the format of 3.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedVersions {
    /// 3.1.1 and 5.
    Both,
    /// 3.1.1 only, as older brokers.
    OnlyV311,
    /// 5 only.
    OnlyV5,
}

/// Behavior of a broker without faults.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Accepted protocol versions.
    pub versions: AcceptedVersions,
    /// The only user name and password accepted; `None` accepts every client.
    pub login: Option<(String, String)>,
    /// Largest packet accepted, in bytes; a larger one ends its connection.
    pub max_packet: usize,
    /// Messages queued for one slow client; further ones are lost and counted.
    pub outbox: usize,
    /// Highest quality of service granted to a subscription, 0–2.
    pub max_qos: u8,
    /// Filters that are refused in the SUBACK.
    pub denied_filters: Vec<String>,
    /// MQTT 5: keep-alive that replaces the client's.
    pub server_keep_alive_secs: Option<u16>,
    /// MQTT 5: announced receive maximum.
    pub receive_maximum: Option<u16>,
    /// MQTT 5: announced maximum packet size, in bytes.
    pub announced_max_packet: Option<u32>,
    /// MQTT 5: DISCONNECT without a property length where there are no properties. Legal, but some
    /// clients (rumqttc 0.25) cannot parse it.
    pub terse_disconnect: bool,
    /// The rules of AWS IoT Core, on top of everything else; see [`BrokerOptions::aws`].
    pub aws: Option<Arc<AwsRules>>,
}

impl BrokerOptions {
    /// A broker that behaves like AWS IoT Core.
    pub fn aws(rules: Arc<AwsRules>) -> Self {
        let max_packet = usize::try_from(rules.limits().packet).unwrap_or(usize::MAX);
        Self { max_packet, max_qos: 1, aws: Some(rules), ..Self::default() }
    }
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            versions: AcceptedVersions::Both,
            login: None,
            max_packet: 1024 * 1024,
            outbox: 16 * 1024,
            max_qos: 2,
            denied_filters: Vec::new(),
            server_keep_alive_secs: None,
            receive_maximum: None,
            announced_max_packet: None,
            terse_disconnect: false,
            aws: None,
        }
    }
}
