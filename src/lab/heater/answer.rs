//! The answers of the device to requests.

use chrono::{DateTime, Datelike, Utc};
use serde_json::{Map, Value, json};

use super::command::{self, LinkEffect};
use super::machine::Machine;
use super::report;
use super::schedule::Schedules;

/// Version of the message envelope.
const PROTOCOL_VERSION: u8 = 2;

/// The identity of the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaterIdentity {
    /// Twelve hexadecimal digits without separators.
    pub mac_address: String,
    /// Four digits, shown in the cloud's device list.
    pub additional_value: String,
    /// Type number; 52 = Wi-Fi module of a heat-pump water heater.
    pub device_type: u16,
    /// Serial number of the controller.
    pub serial_number: String,
}

impl Default for HeaterIdentity {
    fn default() -> Self {
        Self {
            mac_address: "aabbccddeeff".to_owned(),
            additional_value: "5322".to_owned(),
            device_type: 52,
            serial_number: "00000000AA00000000".to_owned(),
        }
    }
}

impl HeaterIdentity {
    /// Prefix of all topics of this device, without a slash at the end.
    pub fn topic(&self) -> String {
        format!("cmd/{}/navilink-{}", self.device_type, self.mac_address)
    }
}

/// A message to publish, and the effect of the request on the link.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HeaterAnswer {
    pub(super) topic: String,
    pub(super) payload: Value,
    pub(super) link_effect: LinkEffect,
}

/// The state of the device.
#[derive(Debug)]
pub(super) struct SimulatedDevice {
    pub(super) identity: HeaterIdentity,
    pub(super) machine: Machine,
    pub(super) schedules: Schedules,
}

impl SimulatedDevice {
    /// Answers a request received at field time `now`. `None`: it is not for this device, or not a request.
    pub(super) fn answer(&mut self, topic: &str, payload: &[u8], now: DateTime<Utc>) -> Option<HeaterAnswer> {
        let topic_suffix = topic.strip_prefix(&self.identity.topic())?.strip_prefix('/')?.to_owned();
        let envelope: Value = serde_json::from_slice(payload).ok()?;
        let request = &envelope["request"];
        if request["macAddress"] != self.identity.mac_address.as_str()
            || request["deviceType"] != self.identity.device_type
        {
            return None;
        }
        let response_topic = envelope["responseTopic"].as_str()?;
        let is_ours = response_topic.starts_with(&format!("cmd/{}/", self.identity.device_type));
        if !is_ours || response_topic.contains(['+', '#']) {
            return None;
        }
        self.machine.advance_to(now);
        let (content, consequence) = self.content(&topic_suffix, request)?;
        let mut response = json!({
            "deviceType": self.identity.device_type,
            "macAddress": self.identity.mac_address,
            "additionalValue": self.identity.additional_value,
        });
        if let (Value::Object(response), Value::Object(content)) = (&mut response, content) {
            response.extend(content);
        }
        let payload = json!({
            "clientID": envelope["clientID"],
            "sessionID": envelope["sessionID"],
            "protocolVersion": PROTOCOL_VERSION,
            "requestTopic": topic,
            "responseTopic": response_topic,
            "response": response,
        });
        Some(HeaterAnswer { topic: response_topic.to_owned(), payload, link_effect: consequence })
    }

    /// The content of the answer besides the device's name. A command must arrive on its own topic.
    fn content(&mut self, topic_suffix: &str, request: &Value) -> Option<(Value, LinkEffect)> {
        let command = request["command"].as_u64()?;
        let without_effect = |content| Some((content, LinkEffect::None));
        match (topic_suffix, command) {
            ("st", command::STATUS) => without_effect(json!({ "status": self.status() })),
            ("st/did", command::FEATURE) => {
                without_effect(json!({ "feature": report::feature(&self.identity.serial_number) }))
            }
            ("st/rsv/rd", command::READ_RESERVATION) => without_effect(self.schedules.reservations_json()),
            ("st/energy-usage-daily-query/rd", command::ENERGY) => without_effect(self.energy(request)?),
            ("ctrl/rsv/rd", command::WRITE_RESERVATION) => {
                command::apply_control_request(&mut self.machine, &mut self.schedules, request);
                without_effect(self.schedules.reservations_json())
            }
            ("ctrl/tou/rd", command::TIME_OF_USE) => {
                command::apply_control_request(&mut self.machine, &mut self.schedules, request);
                without_effect(self.schedules.time_of_use_json())
            }
            ("ctrl", _) => {
                let consequence =
                    command::apply_control_request(&mut self.machine, &mut self.schedules, request);
                Some((json!({ "status": self.status() }), consequence))
            }
            _ => None,
        }
    }

    /// The status at the machine's time.
    pub(super) fn status(&mut self) -> Value {
        report::status(&mut self.machine, &self.schedules)
    }

    fn energy(&self, request: &Value) -> Option<Value> {
        let today = self.machine.now().date_naive();
        let year = i32::try_from(request["year"].as_i64()?).ok()?;
        let months = request["month"].as_array()?.iter().filter_map(Value::as_u64);
        let months: Vec<u32> = months.filter_map(|month| u32::try_from(month).ok()).take(12).collect();
        let is_valid_year = (2000..=today.year()).contains(&year);
        is_valid_year.then(|| self.machine.energy_history.report(year, &months, today))
    }
}

/// A corruption of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerCorruption {
    /// Not JSON.
    NotJson,
    /// The first half of the JSON text.
    Truncated,
    /// In the name of another device.
    OtherDevice,
    /// Every third field of the status or feature is missing.
    MissingFields,
    /// An unknown error code, operation mode and setting.
    UnknownValues,
    /// Numbers as text.
    NumbersAsText,
    /// On a topic that was not requested.
    OtherTopic,
    /// Without the `response` object.
    NoResponse,
}

impl HeaterAnswer {
    /// Topic and payload of the correct answer.
    pub(super) fn intact(&self) -> (String, Vec<u8>) {
        (self.topic.clone(), self.payload.to_string().into_bytes())
    }

    /// Topic and payload of an answer with this corruption.
    pub(super) fn corrupted(mut self, corruption: AnswerCorruption) -> (String, Vec<u8>) {
        match corruption {
            AnswerCorruption::NotJson => return (self.topic, b"<html>\x00\xff not JSON".to_vec()),
            AnswerCorruption::Truncated => {
                let (topic, mut bytes) = self.intact();
                bytes.truncate(bytes.len() / 2);
                return (topic, bytes);
            }
            AnswerCorruption::OtherTopic => self.topic.push_str("/elsewhere"),
            AnswerCorruption::OtherDevice => self.payload["response"]["macAddress"] = "000000000000".into(),
            AnswerCorruption::NoResponse => {
                if let Some(envelope) = self.payload.as_object_mut() {
                    envelope.remove("response");
                }
            }
            AnswerCorruption::MissingFields => self.change_content(|fields| {
                let mut count = 0;
                fields.retain(|_, _| {
                    count += 1;
                    count % 3 != 0
                });
            }),
            AnswerCorruption::UnknownValues => self.change_content(|fields| {
                for (name, value) in [("errorCode", 4711), ("operationMode", 97), ("dhwOperationSetting", 42)]
                {
                    fields.insert(name.to_owned(), value.into());
                }
            }),
            AnswerCorruption::NumbersAsText => self.change_content(|fields| {
                for value in fields.values_mut().filter(|value| value.is_number()) {
                    *value = value.to_string().into();
                }
            }),
        }
        self.intact()
    }

    /// Changes the fields of the status or feature, or of the response itself.
    fn change_content(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        let response = &mut self.payload["response"];
        let topic_suffix =
            ["status", "feature"].into_iter().find(|topic_suffix| response.get(topic_suffix).is_some());
        let content = match topic_suffix {
            Some(place) => &mut response[place],
            None => response,
        };
        if let Value::Object(fields) = content {
            change(fields);
        }
    }
}
