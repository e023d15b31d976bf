//! The values of a JSON object that can contain the reason of a closed connection.

use serde_json::Value;

/// Deeper levels of JSON are not searched.
const MAX_DEPTH: usize = 8;

/// Characters collected at most.
const MAX_CHARS: usize = 4096;

/// Keys (as words, in lower case) whose values are searched; client ids, topics and the like are left out.
const RELEVANT_KEYS: [&str; 30] = [
    "disconnect reason",
    "connect failure reason",
    "disconnect reason code",
    "reason code",
    "reason string",
    "reason",
    "event type",
    "error",
    "error name",
    "error message",
    "error code",
    "err",
    "exception",
    "message",
    "msg",
    "log",
    "status code",
    "http status",
    "code",
    "name",
    "details",
    "return code",
    "return codes",
    "rc",
    "ws close code",
    "close code",
    "errno",
    "cause",
    "description",
    "how",
];

/// Sufficient keys: with one of them no other key is searched.
const DECISIVE_KEYS: [&str; 2] = ["disconnect reason", "connect failure reason"];

/// The relevant values of the JSON object in `text` as words; `None` if there is no object or no such value.
pub(super) fn extract_reason(text: &str) -> Option<String> {
    let (start, end) = (text.find('{')?, text.rfind('}')?);
    let value: Value = serde_json::from_str(text.get(start..=end)?).ok()?;
    let mut fields = Vec::new();
    collect_fields(&value, MAX_DEPTH, &mut fields);
    let is_decisive = |(key, value): &&(String, String)| {
        DECISIVE_KEYS.contains(&key.as_str()) && !matches!(value.as_str(), "NONE" | "UNKNOWN" | "")
    };
    if let Some((key, value)) = fields.iter().find(is_decisive) {
        return Some(format!("{key} {value}"));
    }
    if fields.is_empty() {
        return None;
    }
    let words: Vec<String> = fields.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let prefix = text.get(..start).unwrap_or_default();
    Some(format!("{prefix} {}", words.join(" | ")).chars().take(MAX_CHARS).collect())
}

fn collect_fields(value: &Value, depth: usize, fields: &mut Vec<(String, String)>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let key = key_words(key);
                match value {
                    Value::String(text) if RELEVANT_KEYS.contains(&key.as_str()) => {
                        fields.push((key, text.clone()));
                    }
                    Value::Number(number) if RELEVANT_KEYS.contains(&key.as_str()) => {
                        fields.push((key, number.to_string()));
                    }
                    other => collect_fields(other, depth - 1, fields),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_fields(value, depth - 1, fields)),
        _ => {}
    }
}

/// `disconnectReason` and `disconnect_reason` as `disconnect reason`.
fn key_words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    let mut was_lower = false;
    for character in key.chars() {
        if matches!(character, '_' | '-') {
            words.push(' ');
        } else {
            if character.is_uppercase() && was_lower {
                words.push(' ');
            }
            words.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase();
    }
    words
}
