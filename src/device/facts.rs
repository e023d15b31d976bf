//! Facts: what a device reports about itself, as labels and values.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostics::clean::clean;

/// Maximum number of facts taken from one message.
const MAX_FACTS_PER_MESSAGE: usize = 64;
/// Deepest level of a JSON message that is read.
const MAX_DEPTH: usize = 4;
/// Maximum length of a value, in characters.
const MAX_VALUE_CHARS: usize = 80;

/// How important a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FactLevel {
    /// Normal.
    #[default]
    Normal,
    /// Good news.
    Good,
    /// Needs attention.
    Warn,
    /// An error.
    Bad,
}

/// One label and value reported by a device. The texts contain no control characters.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Label.
    pub label: Arc<str>,
    /// Value.
    pub value: Arc<str>,
    /// Its unit, if it has one.
    pub unit: Option<Arc<str>>,
    /// How important it is.
    pub level: FactLevel,
}

impl Fact {
    /// A fact; replaces control characters and cuts texts that are too long.
    pub fn new(label: &str, value: &str, unit: Option<&str>, level: FactLevel) -> Self {
        Self {
            label: clean_and_cut(label),
            value: clean_and_cut(value),
            unit: unit.map(clean_and_cut),
            level,
        }
    }
}

/// Facts that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct FactGroup {
    /// Title of the group.
    pub title: Arc<str>,
    /// The facts, in display order.
    pub facts: Vec<Fact>,
}

fn clean_and_cut(text: &str) -> Arc<str> {
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => clean(&text[..end]).into(),
        None => clean(text).into(),
    }
}

/// The scalar values of a JSON message, nested ones as `tank.temperature`; `None` if it is not JSON.
pub fn facts_of_json(payload: &[u8]) -> Option<Vec<Fact>> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let mut facts = Vec::new();
    collect_facts(&value, "", 0, &mut facts);
    Some(facts)
}

fn collect_facts(value: &Value, path: &str, depth: usize, facts: &mut Vec<Fact>) {
    if facts.len() >= MAX_FACTS_PER_MESSAGE {
        return;
    }
    let text = match value {
        Value::Object(fields) if depth < MAX_DEPTH => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect_facts(value, &path, depth + 1, facts);
            }
            return;
        }
        Value::Object(fields) => format!("{{{} fields}}", fields.len()),
        Value::Array(items) => format!("[{} items]", items.len()),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => "-".to_owned(),
        Value::Number(number) => number.to_string(),
    };
    let label = if path.is_empty() { "value" } else { path };
    facts.push(Fact::new(label, &text, None, FactLevel::Normal));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(payload: &str) -> Option<Vec<(String, String)>> {
        let facts = facts_of_json(payload.as_bytes())?;
        Some(facts.iter().map(|fact| (fact.label.to_string(), fact.value.to_string())).collect())
    }

    #[test]
    fn plain_values_are_listed_by_their_path() {
        let facts = pairs(r#"{"tank":{"temp":49.5,"list":[1,2]},"on":true,"mode":"eco\u001b[2J"}"#);
        let expected =
            [("mode", "eco\u{fffd}[2J"), ("on", "yes"), ("tank.list", "[2 items]"), ("tank.temp", "49.5")];
        let mut facts = facts.expect("facts");
        facts.sort();
        assert_eq!(facts, expected.map(|(label, value)| (label.to_owned(), value.to_owned())));
        assert_eq!(pairs("42"), Some(vec![("value".to_owned(), "42".to_owned())]));
        assert_eq!(pairs("{"), None);
    }

    #[test]
    fn large_or_deep_messages_are_bounded() {
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert_eq!(pairs(&deep).map(|facts| facts.len()), Some(1));
        let fields = (0..1_000).map(|number| format!("\"k{number}\":\"{}\"", "x".repeat(500)));
        let wide = fields.collect::<Vec<_>>().join(",");
        let facts = facts_of_json(format!("{{{wide}}}").as_bytes()).expect("facts");
        assert!(
            facts.len() == MAX_FACTS_PER_MESSAGE
                && facts.iter().all(|fact| fact.value.chars().count() <= MAX_VALUE_CHARS)
        );
    }
}
