//! Checks of the values in a scenario file. The TOML parser adds the line to their errors.

use serde::de::{Deserialize, Deserializer, Error};

use crate::lab::PathFault;

/// The longest time in a scenario, in field seconds: about 30 years.
const MAX_SECS: f64 = 1e9;

/// Reads a value and rejects it with `rule` unless it is allowed.
fn checked<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    rule: &str,
    is_allowed: impl FnOnce(&T) -> bool,
) -> Result<T, D::Error> {
    let value = T::deserialize(deserializer)?;
    if is_allowed(&value) { Ok(value) } else { Err(D::Error::custom(rule)) }
}

fn is_text(text: &str, max_chars: usize) -> bool {
    (1..=max_chars).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_interval(secs: f64) -> bool {
    secs > 0.0 && secs <= MAX_SECS
}

pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let rule = "the name must be 1 to 40 lowercase letters, digits and hyphens";
    let is_name_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    checked(deserializer, rule, |name: &String| {
        (1..=40).contains(&name.len()) && name.chars().all(is_name_char)
    })
}

pub(super) fn symptom<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let rule = "the symptom must be 1 to 90 printable characters";
    checked(deserializer, rule, |text: &String| is_text(text, 90))
}

pub(super) fn fault<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let rule = "the fault must be 1 to 60 printable characters";
    checked(deserializer, rule, |text: &String| is_text(text, 60))
}

pub(super) fn speed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rule = "the speed must be a number from 1 to 86400";
    checked(deserializer, rule, |speed| (1.0..=86_400.0).contains(speed))
}

pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rule = "the time must be more than 0 and at most 1000000000 seconds";
    checked(deserializer, rule, |secs| is_interval(*secs))
}

pub(super) fn optional_interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    positive(deserializer).map(Some)
}

pub(super) fn intervals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    let rule = "each time must be more than 0 and at most 1000000000 seconds";
    checked(deserializer, rule, |all: &Vec<f64>| all.iter().all(|secs| is_interval(*secs)))
}

pub(super) fn topic<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let rule = "the topic must be 1 to 256 printable characters without + and #";
    checked(deserializer, rule, |topic: &String| is_text(topic, 256) && !topic.contains(['+', '#']))
}

pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    checked(deserializer, "the count must be 1 to 10000", |count| (1..=10_000).contains(count))
}

pub(super) fn qos<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    checked(deserializer, "the qos must be 0 or 1", |qos| *qos <= 1)
}

pub(super) fn path_faults<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathFault>, D::Error> {
    let faults = Vec::<CheckedFault>::deserialize(deserializer)?;
    Ok(faults.into_iter().map(|checked| checked.0).collect())
}

/// A fault whose numbers are finite and not negative.
struct CheckedFault(PathFault);

impl<'de> Deserialize<'de> for CheckedFault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rule = "the numbers of a fault must be 0 to 1000000000";
        let has_valid_numbers =
            |fault: &PathFault| serde_json::to_value(fault).is_ok_and(|value| numbers_are_valid(&value));
        checked(deserializer, rule, has_valid_numbers).map(Self)
    }
}

/// JSON has no infinite number and no NaN: they are null.
fn numbers_are_valid(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => false,
        serde_json::Value::Number(number) => {
            number.as_f64().is_some_and(|number| (0.0..=MAX_SECS).contains(&number))
        }
        serde_json::Value::Array(values) => values.iter().all(numbers_are_valid),
        serde_json::Value::Object(fields) => fields.values().all(numbers_are_valid),
        serde_json::Value::Bool(_) | serde_json::Value::String(_) => true,
    }
}
