//! How is a text with holes filled so that what comes out is what was meant?
//!
//! `{name}` is a hole; every other brace stands for itself, so that JSON can be written as it is;
//! `{{name}}` stands for `{name}`. In a template that is JSON, a hole inside a string gets its value escaped,
//! and a hole in the place of a value gets a JSON value: nothing filled in can break the document.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Kind, Parameter, Value};

/// Names with a meaning of their own.
const BUILT_IN: [&str; 4] = ["correlation_id", "client_id", "now", "now_ms"];

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A hole that nothing fills.
    #[error("`{{{name}}}` is no parameter of this command; known there: {known}")]
    Unknown {
        /// The hole.
        name: String,
        /// What could stand there.
        known: String,
    },
    /// It begins like JSON and is none.
    #[error("it begins like JSON and is none: {0}")]
    NotJson(String),
    /// A hole where no value can stand.
    #[error("`{{{0}}}` must stand inside a JSON string, or in the place of a whole JSON value")]
    Misplaced(String),
}

/// What holes are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
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
enum Part {
    Text(String),
    Hole { name: String, quoted: bool },
}

/// A text with holes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    is_json: bool,
}

impl Template {
    /// Reads a template that may be JSON: it is, if it begins with `{` or `[`.
    ///
    /// # Errors
    /// For a hole nothing fills, and for JSON that is none.
    pub fn parse(text: &str, parameters: &[Parameter]) -> Result<Self, TemplateError> {
        let mut template = Self::plain(text, parameters)?;
        template.is_json = text.trim_start().starts_with(['{', '[']);
        if template.is_json {
            template.place_holes()?;
            template.prove(parameters)?;
        }
        Ok(template)
    }

    /// Reads a template that is plain text, whatever it looks like.
    ///
    /// # Errors
    /// For a hole nothing fills.
    pub fn plain(text: &str, parameters: &[Parameter]) -> Result<Self, TemplateError> {
        let parts = split(text);
        let named = |name: &str| parameters.iter().any(|parameter| *parameter.name == *name);
        for part in &parts {
            if let Part::Hole { name, .. } = part
                && !BUILT_IN.contains(&name.as_str())
                && !named(name)
            {
                let own = parameters.iter().map(|parameter| parameter.name.as_ref());
                let known = BUILT_IN.into_iter().chain(own).collect::<Vec<_>>().join(", ");
                return Err(TemplateError::Unknown { name: name.clone(), known });
            }
        }
        Ok(Self { parts, is_json: false })
    }

    /// The names of its holes.
    pub fn holes(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with its holes filled; a hole without a value stays empty (`null` in JSON).
    pub fn fill(&self, context: &Context<'_>) -> String {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Hole { name, quoted } => {
                    let value = value_of(name, context);
                    match (self.is_json, quoted) {
                        (false, _) => filled.extend(value.map(|value| value.to_string())),
                        (true, true) => {
                            let text = value.map(|value| value.to_string()).unwrap_or_default();
                            filled.push_str(&escaped(&text));
                        }
                        (true, false) => {
                            let json = value.map_or(serde_json::Value::Null, |value| value.json());
                            filled.push_str(&json.to_string());
                        }
                    }
                }
            }
        }
        filled
    }

    /// Finds out which holes are inside strings; the others must stand in the place of a whole value.
    fn place_holes(&mut self) -> Result<(), TemplateError> {
        let mut scan = Scan::default();
        let first_of = |part: Option<&Part>| match part {
            Some(Part::Text(text)) => text.trim_start().chars().next(),
            _ => None,
        };
        for index in 0..self.parts.len() {
            let next = first_of(self.parts.get(index + 1));
            match &mut self.parts[index] {
                Part::Text(text) => text.chars().for_each(|c| scan.step(c)),
                Part::Hole { name, quoted } => {
                    *quoted = scan.in_string;
                    let is_value =
                        matches!(scan.last, Some(':' | ',' | '[')) && matches!(next, Some(',' | ']' | '}'));
                    if scan.pending > 0 || !(scan.in_string || is_value) {
                        return Err(TemplateError::Misplaced(name.clone()));
                    }
                    if !scan.in_string {
                        scan.last = Some('0');
                    }
                }
            }
        }
        Ok(())
    }

    fn prove(&self, parameters: &[Parameter]) -> Result<(), TemplateError> {
        let values: Vec<_> = parameters.iter().map(|parameter| sample(&parameter.kind)).collect();
        let now = DateTime::UNIX_EPOCH;
        let context = Context { correlation_id: "x", client_id: "x", now, parameters, values: &values };
        let filled = self.fill(&context);
        match serde_json::from_str::<serde::de::IgnoredAny>(&filled) {
            Ok(_) => Ok(()),
            Err(error) => Err(TemplateError::NotJson(error.to_string())),
        }
    }
}

/// Where in a JSON document a reader stands.
#[derive(Default)]
struct Scan {
    in_string: bool,
    /// Characters of an escape sequence still to come.
    pending: u8,
    escaped: bool,
    /// The last character that is no blank, outside strings.
    last: Option<char>,
}

impl Scan {
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

fn value_of(name: &str, context: &Context<'_>) -> Option<Value> {
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

/// A text as the inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn sample(kind: &Kind) -> Value {
    match kind {
        Kind::Integer { .. } | Kind::Steps { .. } => Value::Integer(0),
        Kind::Number { .. } => Value::Number(0.5),
        Kind::Choice(_) | Kind::Text { .. } => Value::Text("x".to_owned()),
        Kind::Flag => Value::Flag(true),
    }
}

fn split(text: &str) -> Vec<Part> {
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
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Hole { name: name.to_owned(), quoted: false });
            rest = &from[name.len() + 2..];
        } else {
            literal.push('{');
            rest = &from[1..];
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Text(literal));
    }
    parts
}

/// The word that `text` begins with, if `end` follows it.
fn word_before<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))?;
    let word = &text[..length];
    let is_word = word.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_word && text[length..].starts_with(end)).then_some(word)
}

#[cfg(test)]
mod tests;
