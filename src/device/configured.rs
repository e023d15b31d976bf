//! The device of a configuration file: commands built from templates, facts read from the JSON it sends.

use std::sync::Arc;
use std::time::Duration;

use crate::diagnostics::topics::{filter_matches, is_topic};

use super::Value;
use super::facts::{Fact, FactLevel, facts_of_json};
use super::port::{
    BuildError, CommandContext, CommandSpec, Device, DeviceMessage, DeviceUpdate, ExpectedAnswer,
    PreparedCommand,
};
use super::template::{Template, TemplateContext};

/// Maximum number of facts kept.
const MAX_FACTS: usize = 64;

/// How an answer is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AnswerMatchRule {
    /// The payload contains the correlation id of the command.
    #[default]
    CorrelationId,
    /// Any message on the topic.
    Any,
}

/// The answer a command is expected to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSpec {
    /// Topic filter; `{client_id}` is filled in.
    pub filter: Template,
    /// How it is recognized.
    pub rule: AnswerMatchRule,
    /// Time to wait for it after the command is sent.
    pub timeout: Duration,
}

/// A command of the configuration file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfiguredCommand {
    /// Its description for the command list.
    pub spec: CommandSpec,
    /// Topic name; `{client_id}` and parameters are filled in.
    pub topic: Template,
    /// Payload.
    pub payload: Template,
    /// 0 or 1.
    pub qos: u8,
    /// The expected answer, if there is one.
    pub answer: Option<AnswerSpec>,
}

/// A device defined entirely by the configuration file.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfiguredDevice {
    title: Arc<str>,
    commands: Vec<ConfiguredCommand>,
    specs: Arc<[CommandSpec]>,
    status: Vec<String>,
    status_command: Option<Arc<str>>,
    silent_after: Option<Duration>,
    facts: Vec<Fact>,
}

impl ConfiguredDevice {
    /// A device of that name with these commands. `status` holds the filters of its unsolicited messages; without
    /// any, its answers are read instead. `status_command` is the command of the key `s`.
    pub fn new(
        title: &str,
        commands: Vec<ConfiguredCommand>,
        status: Vec<String>,
        status_command: Option<Arc<str>>,
        silent_after: Option<Duration>,
    ) -> Self {
        let specs = commands.iter().map(|command| command.spec.clone()).collect();
        Self { title: title.into(), commands, specs, status, status_command, silent_after, facts: Vec::new() }
    }

    fn command(&self, name: &str) -> Option<&ConfiguredCommand> {
        self.commands.iter().find(|command| *command.spec.name == *name)
    }

    fn filters(&self, client_id: &str) -> Vec<String> {
        let mut filters: Vec<String> = Vec::new();
        for answer in self.commands.iter().filter_map(|command| command.answer.as_ref()) {
            let filter = answer.filter(client_id);
            if !filters.contains(&filter) {
                filters.push(filter);
            }
        }
        filters
    }

    fn is_status_topic(&self, topic: &str) -> bool {
        self.status.iter().any(|filter| filter_matches(filter, topic))
    }

    fn merge_facts(&mut self, new_facts: Vec<Fact>) -> bool {
        let mut changed = false;
        for fact in new_facts {
            let position = self.facts.iter().position(|known| known.label == fact.label);
            match position {
                Some(index) => {
                    if let Some(known) = self.facts.get_mut(index).filter(|known| **known != fact) {
                        *known = fact;
                        changed = true;
                    }
                }
                None if self.facts.len() < MAX_FACTS => {
                    self.facts.push(fact);
                    changed = true;
                }
                None => {}
            }
        }
        changed
    }
}

impl AnswerSpec {
    fn filter(&self, client_id: &str) -> String {
        let now = chrono::DateTime::UNIX_EPOCH;
        self.filter.render(&TemplateContext {
            correlation_id: "",
            client_id,
            now,
            parameters: &[],
            values: &[],
        })
    }
}

impl Device for ConfiguredDevice {
    fn title(&self) -> Arc<str> {
        Arc::clone(&self.title)
    }

    fn commands(&self) -> Arc<[CommandSpec]> {
        Arc::clone(&self.specs)
    }

    fn status_command(&self) -> Option<Arc<str>> {
        self.status_command.clone()
    }

    fn subscriptions(&self, client_id: &str) -> Vec<(String, u8)> {
        let status = self.status.iter().cloned();
        let answers = self.filters(client_id).into_iter().filter(|filter| !self.status.contains(filter));
        // QoS 1: a lost answer would look like a silent device.
        status.map(|filter| (filter, 0)).chain(answers.map(|filter| (filter, 1))).collect()
    }

    fn message_filters(&self, client_id: &str) -> Vec<String> {
        if self.status.is_empty() { self.filters(client_id) } else { self.status.clone() }
    }

    fn answer_filters(&self, client_id: &str) -> Vec<String> {
        self.filters(client_id)
    }

    fn build(
        &self,
        name: &str,
        values: &[Value],
        command_context: &CommandContext<'_>,
    ) -> Result<PreparedCommand, BuildError> {
        let command = self.command(name).ok_or_else(|| BuildError::Unknown(name.to_owned()))?;
        let parameters = &command.spec.parameters;
        if values.len() != parameters.len() {
            let message = format!("{name} takes {} values, got {}", parameters.len(), values.len());
            return Err(BuildError::Parameter(message));
        }
        for (parameter, value) in parameters.iter().zip(values) {
            if !parameter.accepts(value) {
                let message = format!("{} must be {}", parameter.name, parameter.range());
                return Err(BuildError::Parameter(message));
            }
        }
        let CommandContext { correlation_id, client_id, now } = *command_context;
        let template_context = TemplateContext { correlation_id, client_id, now, parameters, values };
        let topic = command.topic.render(&template_context);
        // A value must not add or remove topic levels.
        let levels = |text: &str| text.split('/').count();
        let blank =
            command.topic.render(&TemplateContext { parameters: &[], values: &[], ..template_context });
        if !is_topic(&topic) || levels(&topic) != levels(&blank) {
            return Err(BuildError::Topic(topic));
        }
        let payload = command.payload.render(&template_context).into_bytes();
        let answer = command.answer.as_ref();
        let answer = answer.map(|answer| ExpectedAnswer { timeout: answer.timeout, is_certain: true });
        Ok(PreparedCommand { topic, payload, qos: command.qos.min(1), answer })
    }

    fn is_answer(
        &self,
        name: &str,
        command_context: &CommandContext<'_>,
        message: &DeviceMessage<'_>,
    ) -> bool {
        let Some(answer) = self.command(name).and_then(|command| command.answer.as_ref()) else {
            return false;
        };
        // A retained message is older than the command.
        !message.retained
            && filter_matches(&answer.filter(command_context.client_id), message.topic)
            && match answer.rule {
                AnswerMatchRule::Any => true,
                AnswerMatchRule::CorrelationId => {
                    contains_word(message.payload, command_context.correlation_id.as_bytes())
                }
            }
    }

    fn handle_message(&mut self, message: &DeviceMessage<'_>) -> DeviceUpdate {
        let is_status = self.is_status_topic(message.topic);
        let facts_changed = (is_status || self.status.is_empty()) && {
            let facts = facts_of_json(message.payload).unwrap_or_else(|| {
                let text = String::from_utf8_lossy(message.payload);
                vec![Fact::new(message.topic, &text, None, FactLevel::Normal)]
            });
            self.merge_facts(facts)
        };
        DeviceUpdate { is_sign_of_life: !message.retained, facts_changed, changes: Vec::new() }
    }

    fn facts(&self) -> Vec<Fact> {
        self.facts.clone()
    }

    fn silent_after(&self) -> Option<Duration> {
        self.silent_after
    }
}

/// Whether `word` occurs in `text` as a whole word: `a-1` is not in `a-12`.
fn contains_word(text: &[u8], word: &[u8]) -> bool {
    let is_word_byte =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    !word.is_empty()
        && memchr::memmem::find_iter(text, word).any(|start| {
            let before = start.checked_sub(1).and_then(|index| text.get(index));
            !is_word_byte(before) && !is_word_byte(text.get(start + word.len()))
        })
}

#[cfg(test)]
mod tests;
