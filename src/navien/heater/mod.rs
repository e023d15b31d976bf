//! The water heater as a [`Device`]: its commands in the palette, its answers recognised, its state told.
//!
//! The language itself is [`protocol`](super::protocol)'s; here it meets the port that every device has.

mod details;
mod facts;
mod fill;
mod known;
mod offer;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, Utc};

use super::protocol::command::{Command, Context, Refusal};
use super::protocol::topic::{self, BadName, Client, Heard};
use super::protocol::{Baseline, Content, Message};
use crate::device::{
    BuildError, CommandSpec, Device, Digest, Expected, Fact, Group, Incoming, Occasion, Order, Value,
};
use crate::diagnostics::clean::clean;

use known::Known;
pub use offer::HeaterSettings;

/// How long to wait for an answer: the reference client waits 10 s for some and 30 s for others.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A water heater of the account. `Debug` shows neither its address nor an id.
#[derive(Debug)]
pub struct Heater {
    title: Arc<str>,
    address: topic::Device,
    client: Client,
    settings: HeaterSettings,
    known: Known,
    baseline: Baseline,
    /// Year of the newest moment known, the default of questions about a year.
    year: i32,
    specs: Arc<[CommandSpec]>,
}

impl Heater {
    /// The device at this address, called `title`, as this client of it sees it from `now` on.
    pub fn new(
        title: &str,
        address: topic::Device,
        client: Client,
        settings: HeaterSettings,
        now: DateTime<Utc>,
    ) -> Self {
        let title = if title.trim().is_empty() { "Water heater" } else { title.trim() };
        let mut heater = Self {
            title: clean(title).into(),
            address,
            client,
            settings,
            known: Known::default(),
            baseline: Baseline::default(),
            year: now.year(),
            specs: Arc::default(),
        };
        heater.specs = heater.offer();
        heater
    }

    fn offer(&self) -> Arc<[CommandSpec]> {
        let unit = self.known.view(self.settings.unit).unit;
        offer::commands(self.known.feature.as_deref(), unit, &self.settings, self.year)
    }

    /// The client under the id in force.
    fn client(&self, client_id: &str) -> Result<Client, BadName> {
        if client_id == self.client.client_id() {
            return Ok(self.client.clone());
        }
        Client::new(client_id, self.client.session_id())
    }

    /// Takes in what the device said. Whether it is a word of the device itself, and what changed.
    fn learn(&mut self, content: Content) -> (bool, Vec<String>) {
        let known = &mut self.known;
        match content {
            Content::Status(status) => {
                let unit = status.view(self.settings.unit).unit;
                let changes = self.baseline.observe(&status);
                let words = changes.iter().map(|change| change.words(unit)).collect();
                known.status = Some(status);
                return (true, words);
            }
            Content::Feature(feature) => known.feature = Some(feature),
            Content::Energy(energy) => known.energy = Some(energy),
            Content::Reservations(table) => known.reservations = Some(table),
            Content::WeeklyReservations(table) => known.weekly = Some(table),
            Content::Recirculation(table) => known.recirculation = Some(table),
            Content::TimeOfUse(table) => known.tariff = Some(table),
            Content::Request { .. } | Content::AppConnection | Content::Other => return (false, Vec::new()),
        }
        (true, Vec::new())
    }

    /// Somebody speaks to the device: we, another client, or another program under our name.
    fn overhear(&mut self, message: &Message) -> Vec<String> {
        let Some(speaker) = message.client_id.as_deref() else { return Vec::new() };
        if speaker != self.client.client_id() {
            self.known.add_client(speaker);
            return Vec::new();
        }
        let is_double =
            message.session_id.as_deref().is_some_and(|session| session != self.client.session_id());
        if !is_double || std::mem::replace(&mut self.known.has_double, true) {
            return Vec::new();
        }
        vec!["another program speaks to the device under this connection's client id".to_owned()]
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
        Some(offer::STATUS.into())
    }

    /// Everything about the device, and the answers to this client's questions, which the first filter does
    /// not match.
    fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)> {
        self.listens_to(client_id).into_iter().map(|filter| (filter, 1)).collect()
    }

    fn listens_to(&self, client_id: &str) -> Vec<String> {
        let answers = self.client(client_id).map(|client| client.filter(self.address.device_type()));
        [Some(self.address.filter()), answers.ok()].into_iter().flatten().collect()
    }

    /// All of it is listened to always.
    fn answers_on(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn build(&self, name: &str, values: &[Value], occasion: &Occasion<'_>) -> Result<Order, BuildError> {
        let command = Command::by_name(name).ok_or_else(|| BuildError::Unknown(name.to_owned()))?;
        let client = self.client(occasion.client_id).map_err(|why| BuildError::Topic(why.to_string()))?;
        let unit = self.known.view(self.settings.unit).unit;
        let context = Context {
            device: &self.address,
            client: &client,
            feature: self.known.feature.as_deref(),
            unit,
            now: occasion.now,
            allow_one_way: self.settings.allow_one_way,
        };
        let arguments = fill::arguments(command, values, unit, occasion.now)?;
        let request = command.build(&arguments, &context)?;
        let answer = request
            .answer_topic
            .map(|_| Expected { within: ANSWER_WITHIN, is_certain: command.is_surely_answered() });
        Ok(Order { topic: request.topic, payload: request.payload.into_bytes(), qos: 1, answer })
    }

    /// The protocol has no id for a question; an answer repeats where it was asked, and by whom.
    fn is_answer(&self, name: &str, occasion: &Occasion<'_>, message: &Incoming<'_>) -> bool {
        let is_ours = matches!(Heard::parse(message.topic),
            Some(Heard::Answer { client_id, .. }) if client_id == occasion.client_id);
        if message.retained || !is_ours {
            return false;
        }
        let (Some(command), Ok(client)) = (Command::by_name(name), self.client(occasion.client_id)) else {
            return false;
        };
        Message::parse(message.topic, message.payload).is_ok_and(|read| {
            read.is_from(&client)
                && read.is_about(&self.address)
                && read.asked_at.is_none_or(|place| place == command.place)
                && command.is_answered_by(&read.content)
        })
    }

    fn digest(&mut self, message: &Incoming<'_>) -> Digest {
        let heard = Heard::parse(message.topic);
        let is_answer = matches!(heard, Some(Heard::Answer { .. }));
        let Ok(read) = Message::parse(message.topic, message.payload) else {
            if is_answer {
                self.known.unreadable = self.known.unreadable.saturating_add(1);
            }
            let is_sign_of_life = is_answer && !message.retained;
            return Digest { is_sign_of_life, facts_changed: is_answer, changes: Vec::new() };
        };
        if !read.is_about(&self.address) {
            return Digest::default();
        }
        self.year = self.year.max(message.at.wall.year());
        if matches!(read.content, Content::Request { .. } | Content::AppConnection) {
            let changes = self.overhear(&read);
            return Digest { is_sign_of_life: false, facts_changed: true, changes };
        }
        let (is_known, changes) = self.learn(read.content);
        if is_known {
            self.specs = self.offer();
        }
        let is_sign_of_life = !message.retained && (is_known || is_answer);
        Digest { is_sign_of_life, facts_changed: is_known, changes }
    }

    fn facts(&self) -> Vec<Fact> {
        facts::facts(&self.known, self.known.view(self.settings.unit))
    }

    fn details(&self) -> Vec<Group> {
        details::groups(&self.known, self.known.view(self.settings.unit))
    }
}

impl From<Refusal> for BuildError {
    /// Either the device cannot be told this now, or not with these values.
    fn from(why: Refusal) -> Self {
        let words = why.to_string();
        match why {
            Refusal::OneWay { .. }
            | Refusal::FeatureUnknown
            | Refusal::LimitsUnknown
            | Refusal::NotFitted { .. } => Self::Unavailable(words),
            Refusal::Missing { .. }
            | Refusal::Unexpected { .. }
            | Refusal::Wrong { .. }
            | Refusal::BadEntry { .. } => Self::Parameter(words),
        }
    }
}
