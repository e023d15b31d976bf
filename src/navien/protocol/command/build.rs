//! Building of command messages.

use chrono::{DateTime, Timelike, Utc};

use super::capability::TemperatureLimits;
use super::command_error::CommandError;
use super::json::Json;
use super::parameter::{Argument, ArgumentKind, Arguments, CommandParameter, unexpected_parameter};
use super::{Command, CommandBody, Danger};
use crate::navien::protocol::feature::Feature;
use crate::navien::protocol::timetable::{MAX_WRITTEN_ENTRIES, TimetableEntry};
use crate::navien::protocol::topic::{ClientIdentity, DeviceAddress};
use crate::navien::protocol::unit::{Temperature, TemperatureUnit};

const PROTOCOL_VERSION: i64 = 2;
const MAX_SERIAL_LENGTH: usize = 64;

/// Client, device and what is known about the device.
#[derive(Debug, Clone, Copy)]
pub struct RequestContext<'a> {
    /// The device.
    pub device: &'a DeviceAddress,
    /// This client.
    pub client: &'a ClientIdentity,
    /// The capabilities reported by the device, if known.
    pub feature: Option<&'a Feature>,
    /// The unit of temperatures in error messages.
    pub unit: TemperatureUnit,
    /// Now.
    pub now: DateTime<Utc>,
    /// Whether irreversible commands are allowed.
    pub allow_one_way: bool,
}

/// A message to publish with `QoS` 1, not retained.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandRequest {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: String,
    /// Topic of the answer, if there is one.
    pub answer_topic: Option<String>,
}

impl std::fmt::Debug for CommandRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandRequest").field("bytes", &self.payload.len()).finish_non_exhaustive()
    }
}

impl Command {
    /// Parses typed values. Ranges are checked when the command is built.
    ///
    /// # Errors
    ///
    /// If a name or a value is invalid.
    pub fn arguments(
        &self,
        inputs: &[(&str, &str)],
        unit: TemperatureUnit,
    ) -> Result<Arguments, CommandError> {
        let mut arguments = Arguments::none();
        for (name, text) in inputs {
            let parameter = self.parameters.iter().find(|parameter| parameter.name == *name);
            let parameter = parameter.ok_or_else(|| unexpected_parameter(name))?;
            arguments = arguments.with(parameter.name, parameter.parse(text, unit)?);
        }
        Ok(arguments)
    }

    /// Whether the device supports the command, for a palette that disables the others.
    ///
    /// # Errors
    ///
    /// The reason why it is unavailable.
    pub fn check_available(
        &self,
        feature: Option<&Feature>,
        allow_one_way: bool,
    ) -> Result<(), CommandError> {
        if self.danger == Danger::Irreversible && !allow_one_way {
            return Err(CommandError::Irreversible { title: self.title });
        }
        for capability in self.required_capabilities {
            let feature = feature.ok_or(CommandError::FeatureUnknown)?;
            if !capability.is_supported_by(feature) {
                return Err(CommandError::NotSupported { what: capability.words() });
            }
        }
        Ok(())
    }

    /// The message. Everything is validated in wire units.
    ///
    /// # Errors
    ///
    /// The reason why it is not sent.
    pub fn build(
        &self,
        arguments: &Arguments,
        context: &RequestContext<'_>,
    ) -> Result<CommandRequest, CommandError> {
        self.check_available(context.feature, context.allow_one_way)?;
        if let Some(name) = arguments.0.keys().find(|name| self.parameters.iter().all(|p| p.name != **name)) {
            return Err(unexpected_parameter(name));
        }
        if self.body == CommandBody::Presence {
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

    /// The keys are in the order of the vendor's app.
    fn envelope(&self, values: Vec<(&'static str, Json)>, context: &RequestContext<'_>) -> CommandRequest {
        let RequestContext { device, client, .. } = context;
        let mut request = vec![
            ("command", Json::Number(self.code)),
            ("deviceType", Json::Number(device.device_type().into())),
            ("macAddress", Json::text(device.mac_address())),
            ("additionalValue", Json::text(device.additional_value())),
        ];
        match self.body {
            CommandBody::Keys | CommandBody::Presence => request.extend(values),
            CommandBody::Nested(key) => request.push((key, Json::Object(values))),
            CommandBody::Mode(mode, first) => {
                let first = first.iter().copied().map(Json::Number);
                let row = first.chain(values.into_iter().map(|(_, value)| value)).collect();
                request.push(("mode", Json::text(mode)));
                request.push(("param", Json::List(row)));
                request.push(("paramStr", Json::text("")));
            }
        }
        let topic = device.topic(self.request_topic);
        let answer_topic = client.answer_topic(device, self.request_topic);
        let envelope = Json::Object(vec![
            ("clientID", Json::text(client.client_id())),
            ("sessionID", Json::text(client.session_id())),
            ("protocolVersion", Json::Number(PROTOCOL_VERSION)),
            ("request", Json::Object(request)),
            ("requestTopic", Json::text(&topic)),
            ("responseTopic", Json::text(&answer_topic)),
        ]);
        CommandRequest { topic, payload: envelope.encode(), answer_topic: Some(answer_topic) }
    }
}

/// The value of one parameter on the wire; `None` if it is left out.
fn value(
    parameter: &'static CommandParameter,
    arguments: &Arguments,
    context: &RequestContext<'_>,
) -> Result<Option<Json>, CommandError> {
    let given = arguments.0.get(parameter.name);
    let expected = || parameter.allowed_values(context.unit, context.feature);
    let is_mode = |mode| arguments.0.get("mode") == Some(&Argument::Number(mode));
    let is_required = parameter.only_for_mode.map(is_mode);
    match given {
        Some(_) if is_required == Some(false) => return Err(unexpected_parameter(parameter.title)),
        Some(argument) => return encode(parameter, argument, context).map(Some),
        None => {}
    }
    match parameter.kind {
        ArgumentKind::Switch => Ok(Some(on_off(has_entries(arguments)))),
        ArgumentKind::SerialNumber => {
            let serial = context.feature.ok_or(CommandError::FeatureUnknown)?.serial_number.clone();
            let serial = serial.map(Argument::Text);
            let serial = serial
                .ok_or_else(|| CommandError::Missing { parameter: parameter.title, expected: expected() })?;
            encode(parameter, &serial, context).map(Some)
        }
        _ if parameter.is_optional && is_required != Some(true) => Ok(None),
        _ => Err(CommandError::Missing { parameter: parameter.title, expected: expected() }),
    }
}

/// The presence message has an envelope of its own. The fraction is left out when it is exactly zero.
fn presence(context: &RequestContext<'_>) -> CommandRequest {
    let is_whole = context.now.nanosecond() % 1_000_000_000 < 1000;
    let format = if is_whole { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    let payload = Json::Object(vec![
        ("clientID", Json::text(context.client.client_id())),
        ("timestamp", Json::Text(context.now.format(format).to_string())),
    ]);
    CommandRequest {
        topic: context.device.app_connection_topic(),
        payload: payload.encode(),
        answer_topic: None,
    }
}

/// One argument on the wire, if it is within its range.
fn encode(
    parameter: &'static CommandParameter,
    argument: &Argument,
    context: &RequestContext<'_>,
) -> Result<Json, CommandError> {
    let limits = TemperatureLimits::for_reservations(context.feature);
    let fits = match (parameter.kind, argument) {
        (ArgumentKind::Integer { least, most, .. }, Argument::Number(number)) => {
            (least..=most).contains(number).then_some(Json::Number(*number))
        }
        (ArgumentKind::Choice(choices), Argument::Number(number)) => {
            choices.iter().any(|(known, _)| known == number).then_some(Json::Number(*number))
        }
        (ArgumentKind::Temperature(limits), Argument::Temperature(temperature)) => {
            let (lowest, highest) = limits.of(context.feature)?;
            let half_degrees = Temperature::halves(*temperature);
            half_degrees
                .filter(|half_degrees| (lowest..=highest).contains(half_degrees))
                .map(|half_degrees| Json::Number(half_degrees.into()))
        }
        (ArgumentKind::Switch, Argument::Switch(is_on)) => Some(on_off(*is_on)),
        (ArgumentKind::Months, Argument::Months(months)) => {
            let is_valid =
                (1..=12).contains(&months.len()) && months.iter().all(|month| (1..=12).contains(month));
            is_valid.then(|| Json::numbers(months.iter().copied()))
        }
        (ArgumentKind::SerialNumber, Argument::Text(text)) => {
            let is_valid =
                (1..=MAX_SERIAL_LENGTH).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
            is_valid.then(|| Json::text(text))
        }
        (ArgumentKind::Reservations, Argument::Reservations(entries))
            if entries.len() <= MAX_WRITTEN_ENTRIES =>
        {
            Some(list(entries, limits)?)
        }
        (ArgumentKind::Tariff, Argument::Tariff(entries))
            if (1..=MAX_WRITTEN_ENTRIES).contains(&entries.len()) =>
        {
            Some(list(entries, limits)?)
        }
        (ArgumentKind::Recirculation, Argument::Recirculation(entries))
            if entries.len() <= MAX_WRITTEN_ENTRIES =>
        {
            Some(list(entries, limits)?)
        }
        _ => None,
    };
    let expected = || parameter.allowed_values(context.unit, context.feature);
    fits.ok_or_else(|| CommandError::Invalid { parameter: parameter.title, expected: expected() })
}

fn list<E: TimetableEntry>(entries: &[E], limits: (i32, i32)) -> Result<Json, CommandError> {
    let entries = entries.iter().zip(1..).map(|(entry, number)| {
        entry
            .wire_fields(limits)
            .map(Json::object)
            .map_err(|wrong| CommandError::InvalidEntry { number, wrong })
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
