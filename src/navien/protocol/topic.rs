//! Topics of the protocol: who sends what to whom.

use std::fmt;

use super::field::clean_and_cut;

/// Maximum length of a MAC address, client id or number in a topic.
const MAX_PART_LENGTH: usize = 64;

/// A text that is not valid as a part of a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid {what} for a topic: it must be 1 to 64 characters and without /, +, # or control characters"
)]
pub struct InvalidTopicPart {
    what: &'static str,
}

/// The address of a device. `Debug` does not show its MAC address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DeviceAddress {
    kind: u16,
    mac_address: String,
    additional_value: String,
}

impl DeviceAddress {
    /// From the cloud's device list: type (52), MAC address as listed, additional value.
    ///
    /// # Errors
    ///
    /// If the address is not a single topic level.
    pub fn new(
        device_type: u16,
        mac_address: &str,
        additional_value: &str,
    ) -> Result<Self, InvalidTopicPart> {
        let mac_address = topic_part(mac_address, "MAC address")?;
        Ok(Self { kind: device_type, mac_address, additional_value: clean_and_cut(additional_value) })
    }

    /// Type number.
    pub fn device_type(&self) -> u16 {
        self.kind
    }

    /// As in the device list.
    pub fn mac_address(&self) -> &str {
        &self.mac_address
    }

    /// As in the device list.
    pub fn additional_value(&self) -> &str {
        &self.additional_value
    }

    /// Topic filter of all messages to and from this device.
    pub fn filter(&self) -> String {
        format!("{}/#", self.base_topic())
    }

    /// The topic of requests of this kind.
    pub fn topic(&self, request_topic: RequestTopic) -> String {
        format!("{}/{}", self.base_topic(), request_topic.suffix())
    }

    /// The topic on which a client announces its presence.
    pub fn app_connection_topic(&self) -> String {
        format!("evt/{}/navilink-{}/app-connection", self.kind, self.mac_address)
    }

    /// Topic filter of the device's events, which include the presence of other clients.
    pub fn event_filter(&self) -> String {
        format!("evt/{}/navilink-{}/#", self.kind, self.mac_address)
    }

    fn base_topic(&self) -> String {
        format!("cmd/{}/navilink-{}", self.kind, self.mac_address)
    }
}

impl fmt::Debug for DeviceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceAddress").field("device_type", &self.kind).finish_non_exhaustive()
    }
}

/// The identity of this client. `Debug` shows neither id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClientIdentity {
    client_id: String,
    session_id: String,
}

impl ClientIdentity {
    /// The MQTT client id, and a session id (32 hexadecimal digits) that is kept across reconnects.
    ///
    /// # Errors
    ///
    /// If the client id is not a single topic level.
    pub fn new(client_id: &str, session_id: &str) -> Result<Self, InvalidTopicPart> {
        Ok(Self { client_id: topic_part(client_id, "client id")?, session_id: session_id.to_owned() })
    }

    /// MQTT client id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Session id in the messages; not the MQTT session.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// Topic filter of the answers to queries, which the device's own filter does not match.
    pub fn filter(&self, device_type: u16) -> String {
        format!("cmd/{device_type}/{}/res/#", self.client_id)
    }

    /// The topic of the answers to requests of this kind.
    pub fn answer_topic(&self, device: &DeviceAddress, request_topic: RequestTopic) -> String {
        match request_topic.answer_topic() {
            AnswerTopic::General => format!("{}/{}/res", device.base_topic(), self.client_id),
            subject => format!("cmd/{}/{}/res/{}", device.kind, self.client_id, subject.suffix()),
        }
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").finish_non_exhaustive()
    }
}

fn topic_part(text: &str, what: &'static str) -> Result<String, InvalidTopicPart> {
    let is_valid = (1..=MAX_PART_LENGTH).contains(&text.len())
        && !text.contains(['/', '+', '#'])
        && text.chars().all(crate::diagnostics::clean::is_printable);
    if is_valid { Ok(text.to_owned()) } else { Err(InvalidTopicPart { what }) }
}

/// The kind of a request: the end of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestTopic {
    /// The status.
    Status,
    /// The capabilities.
    Info,
    /// The timetable of reservations.
    ReadReservations,
    /// Energy by day.
    Energy,
    /// Control.
    Control,
    /// Replacement of the timetable of reservations.
    WriteReservations,
    /// Time-of-use tariff, read and write.
    TimeOfUse,
}

impl RequestTopic {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Status,
        Self::Info,
        Self::ReadReservations,
        Self::Energy,
        Self::Control,
        Self::WriteReservations,
        Self::TimeOfUse,
    ];

    fn suffix(self) -> &'static str {
        match self {
            Self::Status => "st",
            Self::Info => "st/did",
            Self::ReadReservations => "st/rsv/rd",
            Self::Energy => "st/energy-usage-daily-query/rd",
            Self::Control => "ctrl",
            Self::WriteReservations => "ctrl/rsv/rd",
            Self::TimeOfUse => "ctrl/tou/rd",
        }
    }

    /// The subject of the answer.
    pub fn answer_topic(self) -> AnswerTopic {
        match self {
            Self::Status | Self::Info | Self::Control => AnswerTopic::General,
            Self::ReadReservations | Self::WriteReservations => AnswerTopic::Reservations,
            Self::Energy => AnswerTopic::Energy,
            Self::TimeOfUse => AnswerTopic::TimeOfUse,
        }
    }
}

/// The subject of an answer, by its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnswerTopic {
    /// Status and feature: messages recognized by their keys.
    General,
    /// Timetable of reservations.
    Reservations,
    /// Weekly timetable; no request reads it, the device may send it.
    WeeklyReservations,
    /// Timetable of the recirculation; no request reads it, the device may send it.
    Recirculation,
    /// Time-of-use tariff.
    TimeOfUse,
    /// Energy by day.
    Energy,
    /// An unknown subject.
    Other,
}

impl AnswerTopic {
    const WITH_SUFFIX: [Self; 5] =
        [Self::Reservations, Self::WeeklyReservations, Self::Recirculation, Self::TimeOfUse, Self::Energy];

    fn suffix(self) -> &'static str {
        match self {
            Self::General | Self::Other => "",
            Self::Reservations => "rsv/rd",
            Self::WeeklyReservations => "rsv-weekly/rd",
            Self::Recirculation => "recirc-rsv/rd",
            Self::TimeOfUse => "tou/rd",
            Self::Energy => "energy-usage-daily-query/rd",
        }
    }

    fn from_suffix(suffix: &str) -> Self {
        let named = Self::WITH_SUFFIX.into_iter().find(|subject| subject.suffix() == suffix);
        named.unwrap_or(if suffix.is_empty() { Self::General } else { Self::Other })
    }
}

/// A parsed topic: a request (of any client: the device's filter echoes our own), an answer or an event. The ids
/// are borrowed unchanged: not safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedTopic<'a> {
    /// A request to the device with this MAC address.
    Request {
        /// The MAC address.
        mac_address: &'a str,
        /// The kind; `None` if it is unknown.
        request_topic: Option<RequestTopic>,
    },
    /// An answer of a device.
    Answer {
        /// The MAC address, if it is in the topic.
        mac_address: Option<&'a str>,
        /// The client that sent the request.
        client_id: &'a str,
        /// The subject.
        answer_topic: AnswerTopic,
    },
    /// A client announced its presence, or the device sent an event.
    Event {
        /// The MAC address.
        mac_address: &'a str,
        /// Whether it is the presence of a client.
        is_app_connection: bool,
    },
}

impl<'a> ParsedTopic<'a> {
    /// `None` for a topic of another form.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let mut parts = topic.splitn(4, '/');
        let kind = parts.next()?;
        let device_type = parts.next()?;
        let name = parts.next()?;
        let rest = parts.next().unwrap_or_default();
        device_type.parse::<u16>().ok()?;
        match (kind, name.strip_prefix("navilink-")) {
            ("evt", Some(mac_address)) => {
                Some(Self::Event { mac_address, is_app_connection: rest == "app-connection" })
            }
            ("cmd", Some(mac_address)) => Some(Self::of_device(mac_address, rest)),
            ("cmd", None) => {
                let suffix = answer_suffix(rest)?;
                let subject = AnswerTopic::from_suffix(suffix);
                Some(Self::Answer { mac_address: None, client_id: name, answer_topic: subject })
            }
            _ => None,
        }
    }

    fn of_device(mac_address: &'a str, rest: &'a str) -> Self {
        let (first, more) = rest.split_once('/').unwrap_or((rest, ""));
        match answer_suffix(more) {
            Some(suffix) if !matches!(first, "st" | "ctrl") => {
                let subject = AnswerTopic::from_suffix(suffix);
                Self::Answer { mac_address: Some(mac_address), client_id: first, answer_topic: subject }
            }
            _ => {
                let request_topic =
                    RequestTopic::ALL.into_iter().find(|request_topic| request_topic.suffix() == rest);
                Self::Request { mac_address, request_topic }
            }
        }
    }

    /// The subject, as far as the topic shows it.
    pub fn answer_topic(self) -> AnswerTopic {
        match self {
            Self::Request { request_topic, .. } => {
                request_topic.map_or(AnswerTopic::Other, RequestTopic::answer_topic)
            }
            Self::Answer { answer_topic: subject, .. } => subject,
            Self::Event { .. } => AnswerTopic::Other,
        }
    }
}

/// The part after `res`; `None` if the text does not start with it.
fn answer_suffix(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("res")?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

#[cfg(test)]
mod tests;
