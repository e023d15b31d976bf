//! Templates: text with placeholders, filled in so that JSON stays valid.
//!
//! `{name}` is a placeholder; all other braces are literal, so that JSON can be written unchanged;
//! `{{name}}` produces `{name}`. In a JSON template a placeholder inside a string inserts the escaped value,
//! and a placeholder in the position of a value inserts a JSON value: no value can break the document.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Parameter, ParameterType, Value};

/// Placeholders that every template may use.
const BUILT_IN: [&str; 4] = ["correlation_id", "client_id", "now", "now_ms"];

/// Why a template is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A placeholder without a value.
    #[error("unknown placeholder `{{{name}}}`; valid: {known}")]
    Unknown {
        /// The placeholder.
        name: String,
        /// The valid ones.
        known: String,
    },
    /// It starts like JSON but is not valid JSON.
    #[error("invalid JSON: {0}")]
    NotJson(String),
    /// A placeholder where JSON allows no value.
    #[error("`{{{0}}}` must be inside a JSON string or replace a whole JSON value")]
    Misplaced(String),
}

/// The values of the placeholders.
#[derive(Debug, Clone, Copy)]
pub struct TemplateContext<'a> {
    /// For `{correlation_id}`.
    pub correlation_id: &'a str,
    /// For `{client_id}`.
    pub client_id: &'a str,
    /// For `{now}` (RFC 3339, UTC) and `{now_ms}` (milliseconds since 1970).
    pub now: DateTime<Utc>,
    /// The parameters and their values, in the same order.
    pub parameters: &'a [Parameter],
    /// Values of the parameters.
    pub values: &'a [Value],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Placeholder { name: String, quoted: bool },
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart>,
    is_json: bool,
}

impl Template {
    /// Parses a template that may be JSON: it is if it starts with `{` or `[`.
    ///
    /// # Errors
    /// For an unknown placeholder and for invalid JSON.
    pub fn parse(text: &str, parameters: &[Parameter]) -> Result<Self, TemplateError> {
        let mut template = Self::parse_plain(text, parameters)?;
        template.is_json = text.trim_start().starts_with(['{', '[']);
        if template.is_json {
            template.locate_placeholders()?;
            template.check_json(parameters)?;
        }
        Ok(template)
    }

    /// Parses a plain-text template, even if it looks like JSON.
    ///
    /// # Errors
    /// For an unknown placeholder.
    pub fn parse_plain(text: &str, parameters: &[Parameter]) -> Result<Self, TemplateError> {
        let parts = split_parts(text);
        let is_parameter = |name: &str| parameters.iter().any(|parameter| *parameter.name == *name);
        for part in &parts {
            if let TemplatePart::Placeholder { name, .. } = part
                && !BUILT_IN.contains(&name.as_str())
                && !is_parameter(name)
            {
                let parameter_names = parameters.iter().map(|parameter| parameter.name.as_ref());
                let known = BUILT_IN.into_iter().chain(parameter_names).collect::<Vec<_>>().join(", ");
                return Err(TemplateError::Unknown { name: name.clone(), known });
            }
        }
        Ok(Self { parts, is_json: false })
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Placeholder { name, .. } => Some(name.as_str()),
            TemplatePart::Text(_) => None,
        })
    }

    /// The text with its placeholders filled in; one without a value stays empty (`null` in JSON).
    pub fn render(&self, context: &TemplateContext<'_>) -> String {
        let mut rendered = String::new();
        for part in &self.parts {
            match part {
                TemplatePart::Text(text) => rendered.push_str(text),
                TemplatePart::Placeholder { name, quoted } => {
                    let value = value_of(name, context);
                    match (self.is_json, quoted) {
                        (false, _) => rendered.extend(value.map(|value| value.to_string())),
                        (true, true) => {
                            let text = value.map(|value| value.to_string()).unwrap_or_default();
                            rendered.push_str(&json_escaped(&text));
                        }
                        (true, false) => {
                            let json = value.map_or(serde_json::Value::Null, |value| value.json());
                            rendered.push_str(&json.to_string());
                        }
                    }
                }
            }
        }
        rendered
    }

    /// Marks the placeholders inside strings; all others must replace a whole value.
    fn locate_placeholders(&mut self) -> Result<(), TemplateError> {
        let mut scanner = JsonScanner::default();
        let first_of = |part: Option<&TemplatePart>| match part {
            Some(TemplatePart::Text(text)) => text.trim_start().chars().next(),
            _ => None,
        };
        for index in 0..self.parts.len() {
            let next = first_of(self.parts.get(index + 1));
            match &mut self.parts[index] {
                TemplatePart::Text(text) => text.chars().for_each(|c| scanner.step(c)),
                TemplatePart::Placeholder { name, quoted } => {
                    *quoted = scanner.in_string;
                    let is_value = matches!(scanner.last, Some(':' | ',' | '['))
                        && matches!(next, Some(',' | ']' | '}'));
                    if scanner.pending > 0 || !(scanner.in_string || is_value) {
                        return Err(TemplateError::Misplaced(name.clone()));
                    }
                    if !scanner.in_string {
                        scanner.last = Some('0');
                    }
                }
            }
        }
        Ok(())
    }

    fn check_json(&self, parameters: &[Parameter]) -> Result<(), TemplateError> {
        let values: Vec<_> = parameters.iter().map(|parameter| sample_value(&parameter.kind)).collect();
        let now = DateTime::UNIX_EPOCH;
        let context =
            TemplateContext { correlation_id: "x", client_id: "x", now, parameters, values: &values };
        let rendered = self.render(&context);
        match serde_json::from_str::<serde::de::IgnoredAny>(&rendered) {
            Ok(_) => Ok(()),
            Err(error) => Err(TemplateError::NotJson(error.to_string())),
        }
    }
}

/// Position of a scanner in a JSON document.
#[derive(Default)]
struct JsonScanner {
    in_string: bool,
    /// Remaining characters of an escape sequence.
    pending: u8,
    escaped: bool,
    /// The last non-blank character outside strings.
    last: Option<char>,
}

impl JsonScanner {
    fn step(&mut self, c: char) {
        if !self.in_string {
            self.in_string = c == '"';
            if !c.is_whitespace() {
                self.last = Some(c);
            }
            return;
        }
        if self.escaped {
            self.escaped = false;
            self.pending = if c == 'u' { 4 } else { 0 };
        } else if self.pending > 0 {
            self.pending -= 1;
        } else if c == '\\' {
            (self.escaped, self.pending) = (true, 1);
        } else if c == '"' {
            self.in_string = false;
        }
    }
}

fn value_of(name: &str, context: &TemplateContext<'_>) -> Option<Value> {
    Some(match name {
        "correlation_id" => Value::Text(context.correlation_id.to_owned()),
        "client_id" => Value::Text(context.client_id.to_owned()),
        "now" => Value::Text(context.now.to_rfc3339_opts(SecondsFormat::Millis, true)),
        "now_ms" => Value::Integer(context.now.timestamp_millis()),
        name => {
            let index = context.parameters.iter().position(|parameter| *parameter.name == *name)?;
            context.values.get(index)?.clone()
        }
    })
}

/// A text escaped for the inside of a JSON string.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn sample_value(kind: &ParameterType) -> Value {
    match kind {
        ParameterType::Integer { .. } | ParameterType::Steps { .. } => Value::Integer(0),
        ParameterType::Number { .. } => Value::Number(0.5),
        ParameterType::Choice(_) | ParameterType::Text { .. } => Value::Text("x".to_owned()),
        ParameterType::Flag => Value::Flag(true),
    }
}

fn split_parts(text: &str) -> Vec<TemplatePart> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        literal.push_str(before);
        if let Some(name) = from.strip_prefix("{{").and_then(|inside| word_before(inside, "}}")) {
            literal.extend(["{", name, "}"]);
            rest = &from[name.len() + 4..];
        } else if let Some(name) = word_before(&from[1..], "}") {
            if !literal.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut literal)));
            }
            parts.push(TemplatePart::Placeholder { name: name.to_owned(), quoted: false });
            rest = &from[name.len() + 2..];
        } else {
            literal.push('{');
            rest = &from[1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(TemplatePart::Text(literal));
    }
    parts
}

/// The word at the start of `text`, if `end` follows it.
fn word_before<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))?;
    let word = &text[..length];
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_word && text[length..].starts_with(end)).then_some(word)
}

#[cfg(test)]
mod tests;
