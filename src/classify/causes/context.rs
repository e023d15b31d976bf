//! The facts beside the pattern, and the weight rules that use them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Anchor;
use crate::diagnostics::event::SystemSource;

/// The facts beside the pattern. All of them are optional; an unknown fact is no evidence for or against a cause.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CauseContext {
    /// `tcp`, `tls`, `ws` or `wss`.
    pub transport: Option<String>,
    /// Whether the endpoint is AWS IoT's.
    pub is_aws: Option<bool>,
    /// Keep-alive in force, in seconds; 0 is off.
    pub keep_alive_secs: Option<f64>,
    /// Fitted lifetime or idle limit, in seconds.
    pub limit_secs: Option<f64>,
    /// Fitted period of a schedule, in seconds.
    pub period_secs: Option<f64>,
    /// The clock that the drops follow.
    pub anchor: Option<Anchor>,
    /// How the drops ended.
    pub end_shares: Option<EndShares>,
    /// The most frequent MQTT 5 reason code.
    pub reason_code: Option<u8>,
    /// The most frequent WebSocket close code.
    pub ws_close_code: Option<u16>,
    /// Share of drops after which the first connect attempt succeeded, 0 to 1.
    pub first_try_share: Option<f64>,
    /// Share of gateway probes near drops that failed, 0 to 1.
    pub gateway_failing: Option<f64>,
    /// Share of probes of a second internet target near drops that failed, 0 to 1.
    pub internet_failing: Option<f64>,
    /// Share of DNS probes near drops that failed, 0 to 1.
    pub dns_failing: Option<f64>,
    /// The phase in which most failed connects failed: `dns`, `tcp`, `tls`, `websocket` or `connack`.
    pub failed_phase: Option<String>,
    /// Whether the broker's host refused most failed connects (no listener on the port).
    pub connects_refused: Option<bool>,
    /// HTTP status of most refused upgrades.
    pub http_status: Option<u16>,
    /// Source of the system events that drops follow.
    pub system_source: Option<SystemSource>,
    /// `3.1.1` or `5`.
    pub mqtt_version: Option<String>,
    /// Typical age of a session at its end, in seconds.
    pub session_age_secs: Option<f64>,
    /// Whether credentials with an expiry are in use.
    pub credentials_known: Option<bool>,
    /// The service behind the endpoint: `aws`, `azure`, `gcp` or `other`.
    pub platform: Option<String>,
    /// Whether this client sent a packet at least once per keep-alive, up to the drop.
    pub pings_sent_in_time: Option<bool>,
    /// Whether the client id is a random one of this program.
    pub client_id_is_random: Option<bool>,
    /// What most drops of the pattern state of their cause: `reason_code`, `own_limit`, `new_address`…
    pub statement: Option<String>,
}

/// How the drops ended, as shares that sum to 1 at most.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EndShares {
    /// FIN by the peer.
    pub fin: f64,
    /// RST.
    pub rst: f64,
    /// RST that answers no packet of this client, within [`Self::rst`].
    pub unprompted_rst: f64,
    /// No answer.
    pub silent: f64,
    /// TLS close or alert.
    pub tls: f64,
    /// WebSocket close frame.
    pub ws_close: f64,
    /// MQTT 5 DISCONNECT of the broker.
    pub disconnect: f64,
    /// An error on this computer.
    pub local: f64,
}

/// The value of a fact.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FactValue {
    /// A quantity.
    Number(f64),
    /// A name.
    Word(String),
    /// Yes or no.
    Flag(bool),
}

/// All known facts by their names in the data file.
pub(super) type FactTable = BTreeMap<&'static str, FactValue>;

/// A rule: conditions on facts, and multipliers for the weights of causes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WeightRule {
    /// For the reader of the data file.
    #[cfg_attr(not(test), expect(dead_code, reason = "documents the data file; a test checks it"))]
    pub(super) why: String,
    /// Tests that must all hold.
    pub(super) when: BTreeMap<String, FactCondition>,
    /// Multipliers by cause.
    pub(super) times: BTreeMap<String, f64>,
}

/// A test of one fact.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum FactCondition {
    /// This value.
    Flag(bool),
    /// This word.
    Word(String),
    /// From the first to the second number, both included.
    Range([f64; 2]),
    /// One of these words.
    Words(Vec<String>),
}

impl WeightRule {
    /// Whether all tests hold.
    pub(super) fn holds(&self, facts: &FactTable) -> bool {
        self.when.iter().all(|(name, test)| facts.get(name.as_str()).is_some_and(|fact| test.holds(fact)))
    }
}

impl FactCondition {
    fn holds(&self, fact: &FactValue) -> bool {
        match (self, fact) {
            (Self::Flag(expected), FactValue::Flag(flag)) => expected == flag,
            (Self::Word(expected), FactValue::Word(word)) => expected == word,
            (Self::Words(expected), FactValue::Word(word)) => expected.contains(word),
            (Self::Range([least, most]), FactValue::Number(number)) => (*least..=*most).contains(number),
            _ => false,
        }
    }
}

impl CauseContext {
    /// The facts under their names in the data file.
    pub(super) fn facts(&self) -> FactTable {
        let number = |name, value: Option<f64>| value.map(|value| (name, FactValue::Number(value)));
        let word = |name, value: Option<&str>| value.map(|value| (name, FactValue::Word(value.to_owned())));
        let flag = |name, value: Option<bool>| value.map(|value| (name, FactValue::Flag(value)));
        let end_share = |share: fn(&EndShares) -> f64| self.end_shares.as_ref().map(share);
        let ratio = match (self.limit_secs, self.keep_alive_secs) {
            (Some(limit), Some(keep_alive)) if keep_alive > 0.0 => Some(limit / keep_alive),
            _ => None,
        };
        [
            word("transport", self.transport.as_deref()),
            flag("is_aws", self.is_aws),
            number("keep_alive_secs", self.keep_alive_secs),
            number("limit_secs", self.limit_secs),
            number("limit_over_keep_alive", ratio),
            number("period_secs", self.period_secs),
            word("anchor", self.anchor.map(Anchor::name)),
            number(
                "clean_share",
                end_share(|manner| manner.fin + manner.tls + manner.ws_close + manner.disconnect),
            ),
            number("rst_share", end_share(|manner| manner.rst)),
            number("silent_share", end_share(|manner| manner.silent)),
            number("tls_share", end_share(|manner| manner.tls)),
            number("local_share", end_share(|manner| manner.local)),
            number("reason_code", self.reason_code.map(f64::from)),
            flag("reason_code_known", Some(self.reason_code.is_some())),
            number("ws_close_code", self.ws_close_code.map(f64::from)),
            number("first_try_share", self.first_try_share),
            number("gateway_failing", self.gateway_failing),
            number("internet_failing", self.internet_failing),
            number("dns_failing", self.dns_failing),
            word("failed_phase", self.failed_phase.as_deref()),
            flag("connects_refused", self.connects_refused),
            number("http_status", self.http_status.map(f64::from)),
            word("system_source", self.system_source.map(SystemSource::name)),
            word("mqtt_version", self.mqtt_version.as_deref()),
            number("session_age_secs", self.session_age_secs),
            flag("credentials_known", self.credentials_known),
            word("platform", self.platform.as_deref()),
            flag("pings_sent_in_time", self.pings_sent_in_time),
            flag("client_id_is_random", self.client_id_is_random),
            word("statement", self.statement.as_deref()),
            end_share(|shares| shares.unprompted_rst)
                .and_then(|share| number("unprompted_rst_share", Some(share))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
