//! What does a device say of itself, as a list of labels and values?

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostics::clean::clean;

/// Most facts taken from one message.
const MOST: usize = 64;
/// Deepest level of a JSON message that is looked at.
const DEEPEST: usize = 4;
/// Longest value, in characters.
const LONGEST: usize = 80;

/// How much a fact matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FactLevel {
    /// As it should be.
    #[default]
    Normal,
    /// Something good happens.
    Good,
    /// Worth a look.
    Warn,
    /// An error.
    Bad,
}

/// One thing a device says of itself. Texts are free of control characters.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// What it is about.
    pub label: Arc<str>,
    /// What it is.
    pub value: Arc<str>,
    /// Its unit, if it has one.
    pub unit: Option<Arc<str>>,
    /// How much it matters.
    pub level: FactLevel,
}

impl Fact {
    /// An ordinary fact; control characters and over-long texts are taken care of.
    pub fn new(label: &str, value: &str, unit: Option<&str>, level: FactLevel) -> Self {
        Self { label: short(label), value: short(value), unit: unit.map(short), level }
    }
}

/// Facts that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// What they are about.
    pub title: Arc<str>,
    /// The facts, in their order.
    pub facts: Vec<Fact>,
}

fn short(text: &str) -> Arc<str> {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => clean(&text[..end]).into(),
        None => clean(text).into(),
    }
}

/// The plain values of a JSON message, nested ones as `tank.temperature`; `None` if it is no JSON.
pub fn facts_of_json(payload: &[u8]) -> Option<Vec<Fact>> {
    let value: Value = serde_json::from_slice(payload).ok()?;
    let mut facts = Vec::new();
    gather(&value, "", 0, &mut facts);
    Some(facts)
}

fn gather(value: &Value, path: &str, depth: usize, facts: &mut Vec<Fact>) {
    if facts.len() >= MOST {
        return;
    }
    let text = match value {
        Value::Object(fields) if depth < DEEPEST => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                gather(value, &path, depth + 1, facts);
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
        let told = pairs(r#"{"tank":{"temp":49.5,"list":[1,2]},"on":true,"mode":"eco\u001b[2J"}"#);
        let expected =
            [("mode", "eco\u{fffd}[2J"), ("on", "yes"), ("tank.list", "[2 items]"), ("tank.temp", "49.5")];
        let mut told = told.expect("facts");
        told.sort();
        assert_eq!(told, expected.map(|(label, value)| (label.to_owned(), value.to_owned())));
        assert_eq!(pairs("42"), Some(vec![("value".to_owned(), "42".to_owned())]));
        assert_eq!(pairs("{"), None);
    }

    #[test]
    fn what_is_huge_or_deep_stays_small() {
        let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert_eq!(pairs(&deep).map(|facts| facts.len()), Some(1));
        let fields = (0..1_000).map(|number| format!("\"k{number}\":\"{}\"", "x".repeat(500)));
        let wide = fields.collect::<Vec<_>>().join(",");
        let facts = facts_of_json(format!("{{{wide}}}").as_bytes()).expect("facts");
        assert!(facts.len() == MOST && facts.iter().all(|fact| fact.value.chars().count() <= LONGEST));
    }
}
