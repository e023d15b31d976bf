//! Parsing of messages of devices and clients.

use std::fmt;

use serde_json::{Map, Value};

use super::command::Command;
use super::energy::EnergyReport;
use super::feature::Feature;
use super::field::clean_and_cut;
use super::number::whole;
use super::status::Status;
use super::timetable::{RecirculationPeriod, Reservation, TariffPeriod, Timetable};
use super::topic::{AnswerTopic, ClientIdentity, DeviceAddress, ParsedTopic, RequestTopic};

/// Maximum size of a message, in bytes: twice the limit of AWS IoT.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// Why a message could not be read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageParseError {
    /// More than 256 KiB.
    #[error("the message is larger than 256 KiB")]
    TooLarge,
    /// Broken, or of another format.
    #[error("the message is not JSON")]
    NotJson,
    /// A list, a number or a text.
    #[error("the message is JSON, but not an object")]
    NotAnObject,
}

/// A message of a device or of a client. `Debug` shows no id.
#[derive(Clone, PartialEq)]
pub struct ParsedMessage {
    /// The client id of the requester or sender.
    pub client_id: Option<String>,
    /// The session id of the requester.
    pub session_id: Option<String>,
    /// The device that sent or receives it: from the message, or else from the topic.
    pub mac_address: Option<String>,
    /// The request topic of the request it answers, if the answer repeats it.
    pub request_topic: Option<RequestTopic>,
    /// The content.
    pub content: MessageContent,
}

/// The content of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageContent {
    /// The state of the device.
    Status(Box<Status>),
    /// The capabilities of the device.
    Feature(Box<Feature>),
    /// Energy by day.
    Energy(EnergyReport),
    /// The reservations.
    Reservations(Timetable<Reservation>),
    /// The weekly timetable.
    WeeklyReservations(Timetable<Reservation>),
    /// The timetable of the recirculation.
    Recirculation(Timetable<RecirculationPeriod>),
    /// The time-of-use tariff.
    TimeOfUse(Timetable<TariffPeriod>),
    /// A request, from this client (echoed by the broker) or another one.
    Request {
        /// Code of the command.
        code: Option<i64>,
        /// The command, if it is in the catalogue.
        command: Option<&'static Command>,
    },
    /// A client announced its presence.
    AppConnection,
    /// Unknown content.
    Other,
}

impl ParsedMessage {
    /// Parses a message. The value of a single field cannot make it fail.
    ///
    /// # Errors
    ///
    /// If it is not a JSON object.
    pub fn parse(topic: &str, payload: &[u8]) -> Result<Self, MessageParseError> {
        if payload.len() > MAX_MESSAGE_BYTES {
            return Err(MessageParseError::TooLarge);
        }
        // An invalid byte in one text must not lose the rest; small devices also send the
        // terminator of their strings.
        let text = String::from_utf8_lossy(payload);
        let text = text.trim_start_matches('\u{feff}').trim_end_matches('\0');
        let root = serde_json::from_str(text).or_else(|_| serde_json::from_str(&repair_json(text)));
        let root = root.map_err(|_| MessageParseError::NotJson)?;
        let Value::Object(root) = root else { return Err(MessageParseError::NotAnObject) };
        Ok(Self::from_object(ParsedTopic::parse(topic), &root))
    }

    fn from_object(parsed_topic: Option<ParsedTopic<'_>>, root: &Map<String, Value>) -> Self {
        let inner = root.get("response").or_else(|| root.get("request")).and_then(Value::as_object);
        let text =
            |object: &Map<String, Value>, name| object.get(name).and_then(Value::as_str).map(clean_and_cut);
        let (topic_client, topic_mac) = match parsed_topic {
            Some(ParsedTopic::Answer { client_id, mac_address, .. }) => (Some(client_id), mac_address),
            Some(ParsedTopic::Request { mac_address, .. } | ParsedTopic::Event { mac_address, .. }) => {
                (None, Some(mac_address))
            }
            None => (None, None),
        };
        Self {
            client_id: text(root, "clientID").or_else(|| topic_client.map(clean_and_cut)),
            session_id: text(root, "sessionID"),
            mac_address: inner
                .and_then(|inner| text(inner, "macAddress"))
                .or_else(|| topic_mac.map(clean_and_cut)),
            request_topic: request_topic_of(root),
            content: MessageContent::detect(parsed_topic, root),
        }
    }

    /// Whether this client sent the request, in this session of its program.
    pub fn is_from(&self, client: &ClientIdentity) -> bool {
        let is_other = self.session_id.as_deref().is_some_and(|session| session != client.session_id());
        self.client_id.as_deref() == Some(client.client_id()) && !is_other
    }

    /// Whether it is about this device.
    pub fn is_about(&self, device: &DeviceAddress) -> bool {
        self.mac_address.as_deref().is_none_or(|mac| mac.eq_ignore_ascii_case(device.mac_address()))
    }
}

impl fmt::Debug for ParsedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedMessage").field("content", &self.content).finish_non_exhaustive()
    }
}

impl MessageContent {
    /// Status and feature are recognized by their keys, on any topic. The rest has no key of its own: the topic
    /// decides, then the topic of the request, then the shape.
    fn detect(parsed_topic: Option<ParsedTopic<'_>>, root: &Map<String, Value>) -> Self {
        if let (Some(request), None) = (root.get("request"), root.get("response")) {
            return Self::request(request);
        }
        if matches!(parsed_topic, Some(ParsedTopic::Event { is_app_connection: true, .. })) {
            return Self::AppConnection;
        }
        let response = root.get("response").and_then(Value::as_object);
        if let Some(status) = object_under(response, root, ["status", "st"]) {
            return Self::Status(Box::new(Status::read(status)));
        }
        if let Some(feature) = object_under(response, root, ["feature", "did"]) {
            return Self::Feature(Box::new(Feature::read(feature)));
        }
        let response = response.unwrap_or(root);
        let named =
            [parsed_topic, parsed_request_topic(root)].into_iter().flatten().map(ParsedTopic::answer_topic);
        let subject = named
            .chain(answer_topic_from_shape(response))
            .find(|subject| !matches!(subject, AnswerTopic::General | AnswerTopic::Other));
        match subject {
            Some(AnswerTopic::Energy) => Self::Energy(EnergyReport::read(response)),
            Some(AnswerTopic::Reservations) => Self::Reservations(Timetable::read(response)),
            Some(AnswerTopic::WeeklyReservations) => Self::WeeklyReservations(Timetable::read(response)),
            Some(AnswerTopic::Recirculation) => Self::Recirculation(Timetable::read(response)),
            Some(AnswerTopic::TimeOfUse) => Self::TimeOfUse(Timetable::read(response)),
            Some(AnswerTopic::General | AnswerTopic::Other) | None => Self::Other,
        }
    }

    fn request(request: &Value) -> Self {
        let code = request.get("command").and_then(whole);
        let has_schedule = request.get("reservation").is_some();
        let command = code.and_then(|code| Command::by_code(code, has_schedule));
        Self::Request { code, command }
    }
}

fn request_topic_of(root: &Map<String, Value>) -> Option<RequestTopic> {
    match parsed_request_topic(root)? {
        ParsedTopic::Request { request_topic: place, .. } => place,
        ParsedTopic::Answer { .. } | ParsedTopic::Event { .. } => None,
    }
}

/// The topic of the request, if the answer repeats it.
fn parsed_request_topic(root: &Map<String, Value>) -> Option<ParsedTopic<'_>> {
    root.get("requestTopic").and_then(Value::as_str).and_then(ParsedTopic::parse)
}

/// Replaces bare words that are not valid JSON (`NaN`, `1e999`, `007`) by `null`. Otherwise one such field would
/// lose the whole message.
fn repair_json(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let (mut word, mut is_text, mut is_escaped) = (String::new(), false, false);
    for character in text.chars() {
        if !is_text && (character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.')) {
            word.push(character);
            continue;
        }
        whole.push_str(valid_or_null(&word));
        word.clear();
        whole.push(character);
        let is_quote = character == '"' && !is_escaped;
        is_escaped = is_text && character == '\\' && !is_escaped;
        is_text ^= is_quote;
    }
    whole.push_str(valid_or_null(&word));
    whole
}

fn valid_or_null(word: &str) -> &str {
    let is_value = word.is_empty() || serde_json::from_str::<Value>(word).is_ok();
    if is_value { word } else { "null" }
}

/// The first of the keys that holds an object, in the response before the root.
fn object_under<'a>(
    response: Option<&'a Map<String, Value>>,
    root: &'a Map<String, Value>,
    keys: [&str; 2],
) -> Option<&'a Map<String, Value>> {
    let objects = response.into_iter().chain([root]);
    objects.flat_map(|place| keys.map(|key| place.get(key))).flatten().find_map(Value::as_object)
}

fn answer_topic_from_shape(response: &Map<String, Value>) -> Option<AnswerTopic> {
    if response.contains_key("usage") || response.contains_key("typeOfUsage") {
        return Some(AnswerTopic::Energy);
    }
    if response.contains_key("schedule") {
        return Some(AnswerTopic::Recirculation);
    }
    let first = response.get("reservation")?.get(0);
    let is_tariff =
        first.is_some_and(|first| first.get("season").is_some() || first.get("priceMin").is_some());
    Some(if is_tariff { AnswerTopic::TimeOfUse } else { AnswerTopic::Reservations })
}
