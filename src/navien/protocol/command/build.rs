//! How does a command become a message?

use chrono::{DateTime, Timelike, Utc};

use super::capability::Limits;
use super::json::Json;
use super::parameter::{Argument, Arguments, Kind, Parameter, unexpected};
use super::refusal::Refusal;
use super::{Body, Command, Danger};
use crate::navien::protocol::feature::Feature;
use crate::navien::protocol::timetable::{Entry, MOST_WRITTEN};
use crate::navien::protocol::topic::{Client, Device};
use crate::navien::protocol::unit::{Temperature, TemperatureUnit};

const PROTOCOL_VERSION: i64 = 2;
/// Mode that needs a number of days.
const VACATION: i64 = 5;
const LONGEST_SERIAL: usize = 64;

/// From whom to whom, and what is known of the device.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The device.
    pub device: &'a Device,
    /// We.
    pub client: &'a Client,
    /// What the device said it can do, if it did.
    pub feature: Option<&'a Feature>,
    /// The unit for words in a refusal.
    pub unit: TemperatureUnit,
    /// Now.
    pub now: DateTime<Utc>,
    /// Whether what cannot be undone is allowed.
    pub allow_one_way: bool,
}

/// A message to publish with `QoS` 1, not retained.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Where.
    pub topic: String,
    /// What.
    pub payload: String,
    /// Where the answer comes, if there is one.
    pub answer_topic: Option<String>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

impl Command {
    /// Reads typed values. Ranges are checked when the command is built.
    ///
    /// # Errors
    ///
    /// If a name or a value means nothing.
    pub fn arguments(&self, typed: &[(&str, &str)], unit: TemperatureUnit) -> Result<Arguments, Refusal> {
        let mut arguments = Arguments::none();
        for (name, text) in typed {
            let parameter = self.parameters.iter().find(|parameter| parameter.name == *name);
            let parameter = parameter.ok_or_else(|| unexpected(name))?;
            arguments = arguments.with(parameter.name, parameter.read(text, unit)?);
        }
        Ok(arguments)
    }

    /// Whether the device can do it at all, for a palette that greys out what it cannot.
    ///
    /// # Errors
    ///
    /// What is in the way.
    pub fn is_possible(&self, feature: Option<&Feature>, allow_one_way: bool) -> Result<(), Refusal> {
        if self.danger == Danger::OneWay && !allow_one_way {
            return Err(Refusal::OneWay { title: self.title });
        }
        for capability in self.needs {
            let feature = feature.ok_or(Refusal::FeatureUnknown)?;
            if !capability.is_in(feature) {
                return Err(Refusal::NotFitted { what: capability.words() });
            }
        }
        Ok(())
    }

    /// The message. Everything is validated on the numbers that go over the wire.
    ///
    /// # Errors
    ///
    /// Why it is not sent.
    pub fn build(&self, arguments: &Arguments, context: &Context<'_>) -> Result<Request, Refusal> {
        self.is_possible(context.feature, context.allow_one_way)?;
        if let Some(name) = arguments.0.keys().find(|name| self.parameters.iter().all(|p| p.name != **name)) {
            return Err(unexpected(name));
        }
        if self.body == Body::Presence {
            return Ok(presence(context));
        }
        let mut values = Vec::new();
        for parameter in self.parameters {
            if let Some(value) = value(parameter, arguments, context)? {
                values.push((parameter.wire, value));
            }
        }
        Ok(self.envelope(values, context))
    }

    /// The keys in the order of the vendor's app.
    fn envelope(&self, values: Vec<(&'static str, Json)>, context: &Context<'_>) -> Request {
        let Context { device, client, .. } = context;
        let mut request = vec![
            ("command", Json::Number(self.code)),
            ("deviceType", Json::Number(device.device_type().into())),
            ("macAddress", Json::text(device.mac_address())),
            ("additionalValue", Json::text(device.additional_value())),
        ];
        match self.body {
            Body::Keys | Body::Presence => request.extend(values),
            Body::Inside(key) => request.push((key, Json::Object(values))),
            Body::Mode(mode, first) => {
                let first = first.iter().copied().map(Json::Number);
                let row = first.chain(values.into_iter().map(|(_, value)| value)).collect();
                request.push(("mode", Json::text(mode)));
                request.push(("param", Json::List(row)));
                request.push(("paramStr", Json::text("")));
            }
        }
        let topic = device.topic(self.place);
        let answer_topic = client.answer_topic(device, self.place);
        let envelope = Json::Object(vec![
            ("clientID", Json::text(client.client_id())),
            ("sessionID", Json::text(client.session_id())),
            ("protocolVersion", Json::Number(PROTOCOL_VERSION)),
            ("request", Json::Object(request)),
            ("requestTopic", Json::text(&topic)),
            ("responseTopic", Json::text(&answer_topic)),
        ]);
        Request { topic, payload: envelope.encode(), answer_topic: Some(answer_topic) }
    }
}

/// The value of one parameter on the wire; `None` if it is left out.
fn value(
    parameter: &'static Parameter,
    arguments: &Arguments,
    context: &Context<'_>,
) -> Result<Option<Json>, Refusal> {
    let given = arguments.0.get(parameter.name);
    let expected = || parameter.expected(context.unit, context.feature);
    let is_vacation = arguments.0.get("mode") == Some(&Argument::Number(VACATION));
    match given {
        // Days go with the vacation mode, and with no other.
        Some(_) if parameter.is_optional && parameter.name == "days" && !is_vacation => {
            return Err(unexpected(parameter.title));
        }
        Some(argument) => return encode(parameter, argument, context).map(Some),
        None => {}
    }
    match parameter.kind {
        Kind::Switch => Ok(Some(on_off(has_entries(arguments)))),
        Kind::SerialNumber => {
            let told = context.feature.ok_or(Refusal::FeatureUnknown)?.serial_number.clone();
            let told = told.map(Argument::Text);
            let told =
                told.ok_or_else(|| Refusal::Missing { parameter: parameter.title, expected: expected() })?;
            encode(parameter, &told, context).map(Some)
        }
        _ if parameter.is_optional && !(parameter.name == "days" && is_vacation) => Ok(None),
        _ => Err(Refusal::Missing { parameter: parameter.title, expected: expected() }),
    }
}

/// Not the usual envelope. The fraction is left out when it is exactly nothing.
fn presence(context: &Context<'_>) -> Request {
    let is_whole = context.now.nanosecond() % 1_000_000_000 < 1000;
    let format = if is_whole { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    let payload = Json::Object(vec![
        ("clientID", Json::text(context.client.client_id())),
        ("timestamp", Json::Text(context.now.format(format).to_string())),
    ]);
    Request { topic: context.device.app_connection_topic(), payload: payload.encode(), answer_topic: None }
}

/// One argument on the wire, if it is within its range.
fn encode(
    parameter: &'static Parameter,
    argument: &Argument,
    context: &Context<'_>,
) -> Result<Json, Refusal> {
    let limits = Limits::of_reservations(context.feature);
    let fits = match (parameter.kind, argument) {
        (Kind::Whole { least, most, .. }, Argument::Number(number)) => {
            (least..=most).contains(number).then_some(Json::Number(*number))
        }
        (Kind::Choice(choices), Argument::Number(number)) => {
            choices.iter().any(|(known, _)| known == number).then_some(Json::Number(*number))
        }
        (Kind::Temperature(limits), Argument::Temperature(temperature)) => {
            let (lowest, highest) = limits.of(context.feature)?;
            let halves = Temperature::halves(*temperature);
            halves
                .filter(|halves| (lowest..=highest).contains(halves))
                .map(|halves| Json::Number(halves.into()))
        }
        (Kind::Switch, Argument::Switch(is_on)) => Some(on_off(*is_on)),
        (Kind::Months, Argument::Months(months)) => {
            let is_sound =
                (1..=12).contains(&months.len()) && months.iter().all(|month| (1..=12).contains(month));
            is_sound.then(|| Json::numbers(months.iter().copied()))
        }
        (Kind::SerialNumber, Argument::Text(text)) => {
            let is_sound =
                (1..=LONGEST_SERIAL).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
            is_sound.then(|| Json::text(text))
        }
        (Kind::Reservations, Argument::Reservations(entries)) if entries.len() <= MOST_WRITTEN => {
            Some(list(entries, limits)?)
        }
        (Kind::Tariff, Argument::Tariff(entries)) if (1..=MOST_WRITTEN).contains(&entries.len()) => {
            Some(list(entries, limits)?)
        }
        (Kind::Recirculation, Argument::Recirculation(entries)) if entries.len() <= MOST_WRITTEN => {
            Some(list(entries, limits)?)
        }
        _ => None,
    };
    let expected = || parameter.expected(context.unit, context.feature);
    fits.ok_or_else(|| Refusal::Wrong { parameter: parameter.title, expected: expected() })
}

fn list<E: Entry>(entries: &[E], limits: (i32, i32)) -> Result<Json, Refusal> {
    let entries = entries.iter().zip(1..).map(|(entry, number)| {
        entry.numbers(limits).map(Json::object).map_err(|wrong| Refusal::BadEntry { number, wrong })
    });
    entries.collect::<Result<_, _>>().map(Json::List)
}

fn on_off(is_on: bool) -> Json {
    Json::Number(if is_on { 2 } else { 1 })
}

fn has_entries(arguments: &Arguments) -> bool {
    arguments.0.values().any(|argument| match argument {
        Argument::Reservations(entries) => !entries.is_empty(),
        Argument::Tariff(entries) => !entries.is_empty(),
        Argument::Recirculation(entries) => !entries.is_empty(),
        _ => false,
    })
}
