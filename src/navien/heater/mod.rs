//! The water heater as a [`Device`]: its commands, the matching of answers, and its state.
//!
//! [`protocol`](super::protocol) defines the messages; this module implements the device port with them.

mod command_specs;
mod details;
mod facts;
mod state;
#[cfg(test)]
mod tests;
mod typed_arguments;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Utc};

use super::protocol::command::{Command, CommandError, RequestContext};
use super::protocol::topic::{self, ClientIdentity, InvalidTopicPart, ParsedTopic};
use super::protocol::{Baseline, MessageContent, ParsedMessage};
use crate::device::{
    BuildError, CommandContext, CommandSpec, Device, DeviceMessage, DeviceUpdate, ExpectedAnswer, Fact,
    FactGroup, PreparedCommand, Value,
};
use crate::diagnostics::clean::clean;

pub use command_specs::HeaterSettings;
use state::HeaterState;

/// Time to wait for an answer: the reference client waits 10 s for some and 30 s for others.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A water heater of the account. `Debug` shows neither its address nor an id.
#[derive(Debug)]
pub struct Heater {
    title: Arc<str>,
    address: topic::DeviceAddress,
    client: ClientIdentity,
    settings: HeaterSettings,
    state: HeaterState,
    baseline: Baseline,
    /// Year of the newest time seen, the default of queries about a year.
    year: i32,
    specs: Arc<[CommandSpec]>,
}

impl Heater {
    /// The device at this address, titled `title`, for this client; `now` gives the initial year.
    pub fn new(
        title: &str,
        address: topic::DeviceAddress,
        client: ClientIdentity,
        settings: HeaterSettings,
        now: DateTime<Utc>,
    ) -> Self {
        let title = if title.trim().is_empty() { "Water heater" } else { title.trim() };
        let mut heater = Self {
            title: clean(title).into(),
            address,
            client,
            settings,
            state: HeaterState::default(),
            baseline: Baseline::default(),
            year: now.year(),
            specs: Arc::default(),
        };
        heater.specs = heater.command_specs();
        heater
    }

    fn command_specs(&self) -> Arc<[CommandSpec]> {
        let unit = self.state.view(self.settings.unit).unit;
        command_specs::all_command_specs(self.state.feature.as_deref(), unit, &self.settings, self.year)
    }

    /// The client with the MQTT client id in use.
    fn client(&self, client_id: &str) -> Result<ClientIdentity, InvalidTopicPart> {
        if client_id == self.client.client_id() {
            return Ok(self.client.clone());
        }
        ClientIdentity::new(client_id, self.client.session_id())
    }

    /// Stores the content of a message. Returns whether the device sent it, and the changes.
    fn apply_content(&mut self, content: MessageContent) -> (bool, Vec<String>) {
        let state = &mut self.state;
        match content {
            MessageContent::Status(status) => {
                let unit = status.view(self.settings.unit).unit;
                let changes = self.baseline.observe(&status);
                let words = changes.iter().map(|change| change.words(unit)).collect();
                state.status = Some(status);
                return (true, words);
            }
            MessageContent::Feature(feature) => state.feature = Some(feature),
            MessageContent::Energy(energy) => state.energy = Some(energy),
            MessageContent::Reservations(table) => state.reservations = Some(table),
            MessageContent::WeeklyReservations(table) => state.weekly = Some(table),
            MessageContent::Recirculation(table) => state.recirculation = Some(table),
            MessageContent::TimeOfUse(table) => state.tariff = Some(table),
            MessageContent::Request { .. } | MessageContent::AppConnection | MessageContent::Other => {
                return (false, Vec::new());
            }
        }
        (true, Vec::new())
    }

    /// Records who sent a request to the device: this client, another client, or a program with the same client id.
    fn note_client(&mut self, message: &ParsedMessage) -> Vec<String> {
        let Some(sender) = message.client_id.as_deref() else { return Vec::new() };
        if sender != self.client.client_id() {
            self.state.add_client(sender);
            return Vec::new();
        }
        let is_duplicate =
            message.session_id.as_deref().is_some_and(|session| session != self.client.session_id());
        if !is_duplicate || std::mem::replace(&mut self.state.has_duplicate_client, true) {
            return Vec::new();
        }
        vec!["another program uses this connection's client id".to_owned()]
    }
}

impl Device for Heater {
    fn title(&self) -> Arc<str> {
        Arc::clone(&self.title)
    }

    fn commands(&self) -> Arc<[CommandSpec]> {
        Arc::clone(&self.specs)
    }

    fn status_command(&self) -> Option<Arc<str>> {
        Some(command_specs::STATUS.into())
    }

    /// All messages about the device, and the answers to this client's queries, which the first filter does not
    /// match.
    fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)> {
        self.message_filters(client_id).into_iter().map(|filter| (filter, 1)).collect()
    }

    fn message_filters(&self, client_id: &str) -> Vec<String> {
        let answers = self.client(client_id).map(|client| client.filter(self.address.device_type()));
        [Some(self.address.filter()), answers.ok()].into_iter().flatten().collect()
    }

    /// All messages are read all the time.
    fn answer_filters(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn build(
        &self,
        name: &str,
        values: &[Value],
        command_context: &CommandContext<'_>,
    ) -> Result<PreparedCommand, BuildError> {
        let command = Command::by_name(name).ok_or_else(|| BuildError::Unknown(name.to_owned()))?;
        let client =
            self.client(command_context.client_id).map_err(|error| BuildError::Topic(error.to_string()))?;
        let unit = self.state.view(self.settings.unit).unit;
        let request_context = RequestContext {
            device: &self.address,
            client: &client,
            feature: self.state.feature.as_deref(),
            unit,
            now: command_context.now,
            allow_one_way: self.settings.allow_one_way,
        };
        let arguments = typed_arguments::arguments(command, values, unit, command_context.now)?;
        let request = command.build(&arguments, &request_context)?;
        let answer = request
            .answer_topic
            .map(|_| ExpectedAnswer { timeout: ANSWER_TIMEOUT, is_certain: command.is_answer_certain() });
        Ok(PreparedCommand { topic: request.topic, payload: request.payload.into_bytes(), qos: 1, answer })
    }

    /// The protocol has no correlation id; an answer repeats the request topic and the client.
    fn is_answer(
        &self,
        name: &str,
        command_context: &CommandContext<'_>,
        message: &DeviceMessage<'_>,
    ) -> bool {
        let is_ours = matches!(ParsedTopic::parse(message.topic),
            Some(ParsedTopic::Answer { client_id, .. }) if client_id == command_context.client_id);
        if message.retained || !is_ours {
            return false;
        }
        let (Some(command), Ok(client)) = (Command::by_name(name), self.client(command_context.client_id))
        else {
            return false;
        };
        ParsedMessage::parse(message.topic, message.payload).is_ok_and(|read| {
            read.is_from(&client)
                && read.is_about(&self.address)
                && read.request_topic.is_none_or(|place| place == command.request_topic)
                && command.is_answered_by(&read.content)
        })
    }

    fn handle_message(&mut self, message: &DeviceMessage<'_>) -> DeviceUpdate {
        let parsed_topic = ParsedTopic::parse(message.topic);
        let is_answer = matches!(parsed_topic, Some(ParsedTopic::Answer { .. }));
        let Ok(read) = ParsedMessage::parse(message.topic, message.payload) else {
            if is_answer {
                self.state.unreadable = self.state.unreadable.saturating_add(1);
            }
            let is_sign_of_life = is_answer && !message.retained;
            return DeviceUpdate { is_sign_of_life, facts_changed: is_answer, changes: Vec::new() };
        };
        if !read.is_about(&self.address) {
            return DeviceUpdate::default();
        }
        self.year = self.year.max(message.at.wall.year());
        if matches!(read.content, MessageContent::Request { .. } | MessageContent::AppConnection) {
            let changes = self.note_client(&read);
            return DeviceUpdate { is_sign_of_life: false, facts_changed: true, changes };
        }
        let (is_known, changes) = self.apply_content(read.content);
        if is_known {
            self.specs = self.command_specs();
        }
        let is_sign_of_life = !message.retained && (is_known || is_answer);
        DeviceUpdate { is_sign_of_life, facts_changed: is_known, changes }
    }

    fn facts(&self) -> Vec<Fact> {
        facts::facts(&self.state, self.state.view(self.settings.unit))
    }

    fn details(&self) -> Vec<FactGroup> {
        details::fact_groups(&self.state, self.state.view(self.settings.unit))
    }
}

impl From<CommandError> for BuildError {
    /// The device does not support the command now, or the values are invalid.
    fn from(error: CommandError) -> Self {
        let words = error.to_string();
        match error {
            CommandError::Irreversible { .. }
            | CommandError::FeatureUnknown
            | CommandError::LimitsUnknown
            | CommandError::NotSupported { .. } => Self::Unavailable(words),
            CommandError::Missing { .. }
            | CommandError::Unexpected { .. }
            | CommandError::Invalid { .. }
            | CommandError::InvalidEntry { .. } => Self::Parameter(words),
        }
    }
}
