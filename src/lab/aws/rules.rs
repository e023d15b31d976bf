//! The check of packets against the rules of AWS IoT Core.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::credential_store::{LabCredentialStore, UpgradeDenial};
use super::limits::AwsLimits;
use super::policy::Policy;
use crate::diagnostics::{Clock, MqttVersion, Stamp};
use crate::lab::packet::{ApplicationMessage, ClientPacket, Connect};
use crate::lab::sync::lock;

const NOT_AUTHORIZED: u8 = 0x87;
const CLIENT_ID_INVALID: u8 = 0x85;
const TOPIC_FILTER_INVALID: u8 = 0x8F;
const TOPIC_NAME_INVALID: u8 = 0x90;
const QUOTA_EXCEEDED: u8 = 0x97;
const QOS_NOT_SUPPORTED: u8 = 0x9B;
/// CONNACK codes of MQTT 3.1.1.
const IDENTIFIER_REJECTED: u8 = 2;
const NOT_AUTHORIZED_V311: u8 = 5;
/// Client ids whose last CONNECT is remembered before old entries are removed.
const MAX_REMEMBERED_CLIENTS: usize = 1024;

/// The rules of one simulated AWS account.
#[derive(Debug)]
pub struct AwsRules {
    limits: AwsLimits,
    policy: Mutex<Policy>,
    credential_store: Arc<LabCredentialStore>,
    clock: Arc<dyn Clock>,
    /// When each client id last connected, on the boot clock.
    connects: Mutex<HashMap<String, Duration>>,
    last_denial: Mutex<Option<UpgradeDenial>>,
}

/// The usage of one connection, for its quotas.
#[derive(Debug, Default)]
pub(in crate::lab) struct ConnectionUsage {
    subscriptions: HashSet<String>,
    /// Begin of the time in which publishes are counted, on the boot clock.
    window: Duration,
    publishes: usize,
}

/// The decision about a packet.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::lab) enum AwsDecision {
    /// The broker handles it.
    Pass,
    /// The broker ignores it.
    Ignore,
    /// The connection ends, in MQTT 5 with this reason; a SUBSCRIBE is answered first.
    Close { reason: u8, suback: Vec<u8> },
}

/// How a CONNECT is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) struct ConnectRefusal {
    /// CONNACK code of the client's protocol version; `None` closes without a CONNACK.
    pub(in crate::lab) code: Option<u8>,
}

impl AwsRules {
    /// Rules with these limits and policy; clients need credentials of the store.
    pub fn new(
        limits: AwsLimits,
        policy: Policy,
        credential_store: Arc<LabCredentialStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            limits,
            policy: Mutex::new(policy),
            credential_store,
            clock,
            connects: Mutex::default(),
            last_denial: Mutex::default(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &AwsLimits {
        &self.limits
    }

    /// The accepted credentials.
    pub fn credential_store(&self) -> &Arc<LabCredentialStore> {
        &self.credential_store
    }

    /// Replaces the policy, also for live connections.
    pub fn set_policy(&self, policy: Policy) {
        *lock(&self.policy) = policy;
    }

    /// Why the newest upgrade was answered with 403; `None` if it was not. The client gets no reason.
    pub fn last_denial(&self) -> Option<UpgradeDenial> {
        *lock(&self.last_denial)
    }

    pub(super) fn record_denial(&self, denial: Option<UpgradeDenial>) {
        *lock(&self.last_denial) = denial;
    }

    pub(super) fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Checks client id, last will and pace of a CONNECT.
    pub(in crate::lab) fn check_connect(&self, connect: &Connect) -> Result<(), ConnectRefusal> {
        let code = |v311: Option<u8>, v5: u8| match connect.version {
            MqttVersion::V311 => ConnectRefusal { code: v311 },
            MqttVersion::V5 => ConnectRefusal { code: Some(v5) },
        };
        let id = &connect.client_id;
        if id.len() > self.limits.client_id || id.starts_with('$') {
            return Err(code(Some(IDENTIFIER_REJECTED), CLIENT_ID_INVALID));
        }
        if let Some(will) = &connect.will {
            if will.qos > 1 {
                return Err(code(None, QOS_NOT_SUPPORTED));
            }
            if !lock(&self.policy).may_publish(&will.topic) {
                return Err(code(Some(NOT_AUTHORIZED_V311), NOT_AUTHORIZED));
            }
        }
        let now = self.now().boot;
        let is_recent = |last: &Duration| now.saturating_sub(*last) < self.limits.connect_interval;
        let mut connects = lock(&self.connects);
        // A throttled CONNECT does not count: a client that tries twice a second connects in the end.
        if connects.get(id).is_some_and(is_recent) {
            return Err(code(None, QUOTA_EXCEEDED));
        }
        if connects.len() >= MAX_REMEMBERED_CLIENTS {
            connects.retain(|_, last| is_recent(last));
        }
        connects.insert(id.clone(), now);
        Ok(())
    }

    /// Checks a packet of a connected client.
    pub(in crate::lab) fn check_packet(
        &self,
        version: MqttVersion,
        packet: &ClientPacket,
        usage: &mut ConnectionUsage,
    ) -> AwsDecision {
        match packet {
            ClientPacket::Publish { message, .. } => match self.check_publish(version, message) {
                AwsDecision::Pass if self.exceeds_publish_rate(usage) => AwsDecision::Ignore,
                verdict => verdict,
            },
            ClientPacket::Subscribe { filters, .. } => self.check_subscribe(version, filters, usage),
            ClientPacket::Unsubscribe { filters, .. } => {
                for filter in filters {
                    usage.subscriptions.remove(filter);
                }
                AwsDecision::Pass
            }
            _ => AwsDecision::Pass,
        }
    }

    fn check_publish(&self, version: MqttVersion, message: &ApplicationMessage) -> AwsDecision {
        let close = |reason| AwsDecision::Close { reason, suback: Vec::new() };
        if message.qos > 1 {
            return match version {
                MqttVersion::V311 => AwsDecision::Ignore,
                MqttVersion::V5 => close(QOS_NOT_SUPPORTED),
            };
        }
        if message.payload.len() > self.limits.payload {
            return close(QUOTA_EXCEEDED);
        }
        if message.topic.matches('/').count() > self.limits.slashes {
            return close(TOPIC_NAME_INVALID);
        }
        if !lock(&self.policy).may_publish(&message.topic) {
            return close(NOT_AUTHORIZED);
        }
        AwsDecision::Pass
    }

    /// Counts a publish.
    fn exceeds_publish_rate(&self, usage: &mut ConnectionUsage) -> bool {
        let now = self.now().boot;
        if now.saturating_sub(usage.window) >= self.limits.publish_window {
            (usage.window, usage.publishes) = (now, 0);
        }
        usage.publishes += 1;
        usage.publishes > self.limits.publishes
    }

    fn check_subscribe(
        &self,
        version: MqttVersion,
        filters: &[(String, u8)],
        usage: &mut ConnectionUsage,
    ) -> AwsDecision {
        if filters.len() > self.limits.filters_per_subscribe {
            return AwsDecision::Close { reason: QUOTA_EXCEEDED, suback: Vec::new() };
        }
        if version == MqttVersion::V311 && filters.iter().any(|(_, qos)| *qos > 1) {
            return AwsDecision::Ignore;
        }
        let mut refused = None;
        let policy = lock(&self.policy);
        let mut codes = Vec::with_capacity(filters.len());
        for (filter, qos) in filters {
            let refusal = if filter.matches('/').count() > self.limits.slashes {
                Some(TOPIC_FILTER_INVALID)
            } else if !policy.may_subscribe(filter) {
                Some(NOT_AUTHORIZED)
            } else {
                let is_new = usage.subscriptions.insert(filter.clone());
                let is_full = is_new && usage.subscriptions.len() > self.limits.subscriptions;
                is_full.then_some(QUOTA_EXCEEDED)
            };
            refused = refused.or(refusal);
            codes.push(match refusal {
                None => (*qos).min(1),
                Some(_) if version == MqttVersion::V311 => 0x80,
                Some(reason) => reason,
            });
        }
        refused.map_or(AwsDecision::Pass, |reason| AwsDecision::Close { reason, suback: codes })
    }
}
