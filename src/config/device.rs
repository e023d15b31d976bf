//! The device and the commands of the file, validated: one sentence per mistake.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::device_options::{
    AnswerMatch, CommandOptions, ConfirmOption, DeviceOptions, ParameterKind, ParameterOptions, PayloadFormat,
};
use super::values::HumanDuration;
use crate::device::{
    AnswerMatchRule, AnswerSpec, CommandSpec, ConfiguredCommand, ConfiguredDevice, Confirmation, Parameter,
    ParameterType, Template, TemplateContext, Value,
};
use crate::diagnostics::topics::{filter_matches, is_filter, is_topic};

/// Default time to wait for an answer.
const DEFAULT_ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// More subscriptions and list entries would only be a mistake.
const MAX_COMMANDS: usize = 100;
/// Longest name of a command or parameter.
const MAX_NAME_LENGTH: usize = 40;
/// Longest typed text.
const MAX_TEXT_LENGTH: usize = 200;

/// A mistake and where in the file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeviceConfigError {
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

fn error_at<T>(item: &Spanned<T>, message: impl Into<String>) -> DeviceConfigError {
    DeviceConfigError { span: item.span(), message: message.into() }
}

/// The device, or `None` if the file describes none.
pub(super) fn device(
    device: &DeviceOptions,
    commands: &[CommandOptions],
) -> Result<Option<ConfiguredDevice>, DeviceConfigError> {
    if *device == DeviceOptions::default() && commands.is_empty() {
        return Ok(None);
    }
    let mut built: Vec<ConfiguredCommand> = Vec::new();
    for options in commands {
        let command = command(options)?;
        if built.iter().any(|other| other.spec.name == command.spec.name) {
            return Err(error_at(&options.name, format!("there are two commands `{}`", command.spec.name)));
        }
        let same_key =
            |other: &&ConfiguredCommand| other.spec.key.is_some() && other.spec.key == command.spec.key;
        if let (Some(other), Some(key)) = (built.iter().find(same_key), &options.key) {
            let why = format!(
                "the key {} is bound to both {} and {}",
                key.get_ref(),
                other.spec.name,
                command.spec.name
            );
            return Err(error_at(key, why));
        }
        if built.len() >= MAX_COMMANDS {
            return Err(error_at(&options.name, format!("there are more than {MAX_COMMANDS} commands")));
        }
        built.push(command);
    }
    let mut status = Vec::new();
    for filter in device.status_topic.iter().flatten() {
        if !is_filter(filter.get_ref()) {
            return Err(error_at(filter, "status-topic is not a valid topic filter"));
        }
        status.push(filter.get_ref().clone());
    }
    let status_command = match &device.status_command {
        Some(name) => Some(status_command(name, &built)?),
        None => None,
    };
    let title = device.name.as_deref().unwrap_or("Device");
    let silent_after = device.silent_after.map(|HumanDuration(time)| time).filter(|time| !time.is_zero());
    Ok(Some(ConfiguredDevice::new(title, built, status, status_command, silent_after)))
}

fn status_command(
    name: &Spanned<String>,
    built: &[ConfiguredCommand],
) -> Result<Arc<str>, DeviceConfigError> {
    let command = built.iter().find(|command| *command.spec.name == **name.get_ref());
    let command = command.ok_or_else(|| error_at(name, "status-command is the name of no [[command]]"))?;
    if command.spec.confirm != Confirmation::None || !command.spec.parameters.is_empty() {
        return Err(error_at(name, "the status-command must have confirm = \"none\" and no parameters"));
    }
    Ok(Arc::clone(&command.spec.name))
}

fn command(options: &CommandOptions) -> Result<ConfiguredCommand, DeviceConfigError> {
    let name = identifier(&options.name, "a command")?;
    let mut parameters: Vec<Parameter> = Vec::new();
    for parameter in &options.parameters {
        let parsed = self::parameter(parameter)?;
        if parameters.iter().any(|other| other.name == parsed.name) {
            return Err(error_at(&parameter.name, format!("{name} has two parameters `{}`", parsed.name)));
        }
        parameters.push(parsed);
    }
    let topic = topic(&options.topic, &name, &parameters)?;
    let payload = payload(options, &name, &parameters)?;
    let answer = answer(options, &name, &topic, &payload, &parameters)?;
    let qos = match &options.qos {
        Some(qos) if *qos.get_ref() > 1 => {
            return Err(error_at(qos, format!("the qos of {name} must be 0 or 1")));
        }
        Some(qos) => *qos.get_ref(),
        None => 0,
    };
    let confirm = match options.confirm {
        Some(ConfirmOption::None) => Confirmation::None,
        Some(ConfirmOption::Type) => Confirmation::Type,
        Some(ConfirmOption::Ask) | None => Confirmation::Ask,
    };
    let every = every(options, &name, confirm, &parameters)?;
    let title = options.title.as_deref().unwrap_or(&name).into();
    let key = options.key.as_ref().map(|key| key.get_ref().as_str().into());
    let spec = CommandSpec {
        name,
        title,
        explanation: None,
        key,
        confirm,
        parameters,
        interval: every,
        at_connect: false,
        unavailable: None,
    };
    Ok(ConfiguredCommand { spec, topic, payload, qos, answer })
}

/// A name that can be typed and needs no escaping.
fn identifier(name: &Spanned<String>, owner: &str) -> Result<Arc<str>, DeviceConfigError> {
    let text = name.get_ref();
    let is_valid = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= MAX_NAME_LENGTH
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_valid {
        return Ok(text.as_str().into());
    }
    let why = format!(
        "the name of {owner} must begin with a letter and have at most {MAX_NAME_LENGTH} letters, digits, - and _"
    );
    Err(error_at(name, why))
}

/// The text of a template with values of the right kinds.
fn sample(template: &Template, parameters: &[Parameter]) -> String {
    let sample_value = |parameter: &Parameter| match &parameter.kind {
        ParameterType::Integer { min, .. } | ParameterType::Steps { min, .. } => Value::Integer(*min),
        ParameterType::Number { min, .. } => Value::Number(*min),
        ParameterType::Choice(words) => {
            Value::Text(words.first().map(ToString::to_string).unwrap_or_default())
        }
        ParameterType::Text { .. } => Value::Text("x".to_owned()),
        ParameterType::Flag => Value::Flag(true),
    };
    let values: Vec<_> = parameters.iter().map(sample_value).collect();
    let now = chrono::DateTime::UNIX_EPOCH;
    template.render(&TemplateContext {
        correlation_id: "x",
        client_id: "x",
        now,
        parameters,
        values: &values,
    })
}

fn topic(
    text: &Spanned<String>,
    name: &str,
    parameters: &[Parameter],
) -> Result<Template, DeviceConfigError> {
    let template = Template::parse_plain(text.get_ref(), parameters);
    let template = template.map_err(|error| error_at(text, format!("the topic of {name}: {error}")))?;
    if is_topic(&sample(&template, parameters)) {
        Ok(template)
    } else {
        Err(error_at(
            text,
            format!("the topic of {name} is empty or has + or # in it, so it cannot be published to"),
        ))
    }
}

fn payload(
    options: &CommandOptions,
    name: &str,
    parameters: &[Parameter],
) -> Result<Template, DeviceConfigError> {
    let text = options.payload.as_ref().map_or("", |payload| payload.get_ref().as_str());
    let template = match options.format {
        Some(PayloadFormat::Text) => Template::parse_plain(text, parameters),
        Some(PayloadFormat::Auto) | None => Template::parse(text, parameters),
    };
    template.map_err(|error| {
        let span = options.payload.as_ref().map_or_else(|| options.name.span(), Spanned::span);
        DeviceConfigError { span, message: format!("the payload of {name}: {error}") }
    })
}

fn answer(
    options: &CommandOptions,
    name: &str,
    topic: &Template,
    payload: &Template,
    parameters: &[Parameter],
) -> Result<Option<AnswerSpec>, DeviceConfigError> {
    let Some(text) = &options.answer_topic else {
        return match (options.timeout, options.answer_match) {
            (None, None) => Ok(None),
            _ => Err(error_at(
                &options.name,
                format!("timeout and answer-match of {name} need an answer-topic"),
            )),
        };
    };
    let invalid_filter = || {
        error_at(
            text,
            format!(
                "the answer-topic of {name} is not a valid topic filter; only {{client_id}} is filled in"
            ),
        )
    };
    let filter = Template::parse_plain(text.get_ref(), &[]).map_err(|_| invalid_filter())?;
    let filled = sample(&filter, &[]);
    if filter.placeholders().any(|hole| hole != "client_id") || !is_filter(&filled) {
        return Err(invalid_filter());
    }
    if filter_matches(&filled, &sample(topic, parameters)) {
        let why = format!("the answer-topic of {name} matches its own topic, so that it would answer itself");
        return Err(error_at(text, why));
    }
    let carries_id = payload.placeholders().chain(topic.placeholders()).any(|hole| hole == "correlation_id");
    let rule = match options.answer_match {
        Some(AnswerMatch::CorrelationId) if !carries_id => {
            let why =
                format!("{name} is matched by its correlation id, but its payload has no {{correlation_id}}");
            return Err(error_at(text, why));
        }
        requested if requested == Some(AnswerMatch::Any) || !carries_id => AnswerMatchRule::Any,
        _ => AnswerMatchRule::CorrelationId,
    };
    let within = options.timeout.map_or(DEFAULT_ANSWER_TIMEOUT, |HumanDuration(time)| time);
    if within < Duration::from_millis(100) || within > Duration::from_secs(3_600) {
        return Err(error_at(&options.name, format!("the timeout of {name} must be from 100ms to 1h")));
    }
    Ok(Some(AnswerSpec { filter, rule, timeout: within }))
}

fn every(
    options: &CommandOptions,
    name: &str,
    confirm: Confirmation,
    parameters: &[Parameter],
) -> Result<Option<Duration>, DeviceConfigError> {
    let Some(HumanDuration(every)) = options.every else { return Ok(None) };
    if every.is_zero() {
        return Ok(None);
    }
    if every < Duration::from_secs(5) {
        return Err(error_at(&options.name, format!("every of {name} must be at least 5s, or 0 for never")));
    }
    if confirm != Confirmation::None {
        let why = format!("{name} is sent by itself (every), so it must be harmless: set confirm = \"none\"");
        return Err(error_at(&options.name, why));
    }
    if parameters.iter().any(|parameter| parameter.default.is_none()) {
        let why = format!("{name} is sent by itself (every), so each of its parameters needs a default");
        return Err(error_at(&options.name, why));
    }
    Ok(Some(every))
}

fn parameter(options: &ParameterOptions) -> Result<Parameter, DeviceConfigError> {
    let name = identifier(&options.name, "a parameter")?;
    let kind = kind(options).map_err(|why| error_at(&options.name, format!("the parameter {name} {why}")))?;
    let unit = options.unit.as_deref().map(Into::into);
    let mut parameter = Parameter { name, kind, unit, default: None };
    if let Some(text) = &options.default {
        let value = parameter
            .parse(text)
            .map_err(|why| error_at(&options.name, format!("its default is wrong: {why}")))?;
        parameter.default = Some(value);
    }
    Ok(parameter)
}

fn kind(options: &ParameterOptions) -> Result<ParameterType, String> {
    match options.kind {
        ParameterKind::Integer => {
            let (min, max) = bounds(options)?;
            let is_integral = |bound: f64| bound.fract() == 0.0 && bound.abs() < 9e15;
            if !is_integral(min) || !is_integral(max) {
                return Err("needs whole numbers for min and max".to_owned());
            }
            #[expect(clippy::cast_possible_truncation, reason = "whole and below 9e15")]
            let (min, max) = (min as i64, max as i64);
            Ok(ParameterType::Integer { min, max })
        }
        ParameterKind::Number => {
            let (min, max) = bounds(options)?;
            match options.step {
                Some(step) if !(step.is_finite() && step > 0.0) => Err("needs a step above 0".to_owned()),
                step => Ok(ParameterType::Number { min, max, step }),
            }
        }
        ParameterKind::Choice => {
            let words =
                options.choices.iter().flatten().map(|word| word.as_str().into()).collect::<Vec<Arc<str>>>();
            let is_valid = |word: &Arc<str>| !word.is_empty() && !word.chars().any(char::is_control);
            if words.is_empty() || !words.iter().all(is_valid) {
                return Err("needs choices, as in choices = [\"eco\", \"boost\"]".to_owned());
            }
            Ok(ParameterType::Choice(words))
        }
        ParameterKind::Text => match options.max_length.unwrap_or(MAX_TEXT_LENGTH) {
            max_chars @ 1..=MAX_TEXT_LENGTH => Ok(ParameterType::Text { max_chars, description: None }),
            _ => Err(format!("needs a max-length from 1 to {MAX_TEXT_LENGTH}")),
        },
        ParameterKind::Flag => Ok(ParameterType::Flag),
    }
}

fn bounds(options: &ParameterOptions) -> Result<(f64, f64), String> {
    match (options.min, options.max) {
        (Some(min), Some(max)) if min.is_finite() && max.is_finite() && min <= max => Ok((min, max)),
        _ => Err("needs min and max, with min not above max".to_owned()),
    }
}

#[cfg(test)]
mod tests;
