//! What may be filled into a command, and is this it?

use std::fmt;
use std::sync::Arc;

/// Largest integer that every JSON reader keeps exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A value filled into a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A number; always finite.
    Number(f64),
    /// A text.
    Text(String),
    /// On or off.
    Flag(bool),
}

impl fmt::Display for Value {
    /// As it is shown and as it stands in a payload that is no JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

impl Value {
    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Integer(number) => (*number).into(),
            Self::Number(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// What kind of value, and which.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A whole number.
    Integer {
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// A number.
    Number {
        /// Smallest.
        min: f64,
        /// Largest.
        max: f64,
        /// Multiples of this only, counted from zero; `None` = any.
        step: Option<f64>,
    },
    /// One of some words.
    Choice(Vec<Arc<str>>),
    /// A text.
    Text {
        /// Longest, in characters.
        max_chars: usize,
    },
    /// On or off.
    Flag,
}

/// One thing to fill in.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in the template.
    pub name: Arc<str>,
    /// What it may be.
    pub kind: Kind,
    /// Unit, for the person who types it.
    pub unit: Option<Arc<str>>,
    /// Taken when nothing is typed.
    pub default: Option<Value>,
}

impl Parameter {
    /// Reads what was typed. A decimal comma is understood.
    ///
    /// # Errors
    /// One sentence that tells the range.
    pub fn read(&self, typed: &str) -> Result<Value, String> {
        let typed = typed.trim();
        if typed.is_empty() {
            return self.default.clone().ok_or_else(|| self.refusal());
        }
        let value = match &self.kind {
            Kind::Integer { .. } => typed.parse().ok().map(Value::Integer),
            Kind::Number { .. } => typed.replace(',', ".").parse().ok().map(Value::Number),
            Kind::Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(typed));
                word.map(|word| Value::Text(word.to_string()))
            }
            Kind::Text { .. } => Some(Value::Text(typed.to_owned())),
            Kind::Flag => match typed.to_ascii_lowercase().as_str() {
                "on" | "true" | "yes" | "1" => Some(Value::Flag(true)),
                "off" | "false" | "no" | "0" => Some(Value::Flag(false)),
                _ => None,
            },
        };
        value.filter(|value| self.admits(value)).ok_or_else(|| self.refusal())
    }

    /// Whether a value is of the right kind and in range.
    pub fn admits(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (Kind::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(&number),
            (Kind::Number { min, max, step }, Value::Number(number)) => {
                let fits = step.is_none_or(|step| is_multiple(*number, step));
                number.is_finite() && number.abs() < EXACT && (min..=max).contains(&number) && fits
            }
            (Kind::Choice(words), Value::Text(text)) => words.iter().any(|word| **word == **text),
            (Kind::Text { max_chars }, Value::Text(text)) => {
                text.chars().count() <= *max_chars && !text.chars().any(char::is_control)
            }
            (Kind::Flag, Value::Flag(_)) => true,
            _ => false,
        }
    }

    /// What may be typed: `35 to 65 °C in steps of 0.5`, `eco, boost`, `on or off`.
    pub fn range(&self) -> String {
        let unit = self.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        match &self.kind {
            Kind::Integer { min, max } => format!("{min} to {max}{unit}"),
            Kind::Number { min, max, step: None } => format!("{min} to {max}{unit}"),
            Kind::Number { min, max, step: Some(step) } => {
                format!("{min} to {max}{unit} in steps of {step}")
            }
            Kind::Choice(words) => words.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", "),
            Kind::Text { max_chars } => format!("a text of at most {max_chars} characters"),
            Kind::Flag => "on or off".to_owned(),
        }
    }

    fn refusal(&self) -> String {
        match &self.kind {
            Kind::Choice(_) => format!("{} must be one of: {}", self.name, self.range()),
            _ => format!("{} must be {}", self.name, self.range()),
        }
    }
}

fn is_multiple(number: f64, step: f64) -> bool {
    let steps = number / step;
    step > 0.0 && (steps - steps.round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(kind: Kind) -> Parameter {
        Parameter { name: "x".into(), kind, unit: Some("°C".into()), default: None }
    }

    #[test]
    fn what_is_typed_is_read_within_its_range_or_refused_with_it() {
        let number = parameter(Kind::Number { min: 35.0, max: 65.0, step: Some(0.5) });
        assert_eq!(number.read(" 48,5 "), Ok(Value::Number(48.5)));
        for wrong in ["34.5", "65.5", "48.3", "NaN", "inf", "1e400", "", "warm"] {
            assert_eq!(
                number.read(wrong),
                Err("x must be 35 to 65 °C in steps of 0.5".to_owned()),
                "{wrong}"
            );
        }
        let choice = parameter(Kind::Choice(vec!["eco".into(), "Boost".into()]));
        assert_eq!(choice.read("boost"), Ok(Value::Text("Boost".to_owned())));
        assert_eq!(choice.read("off"), Err("x must be one of: eco, Boost".to_owned()));
        let whole =
            Parameter { default: Some(Value::Integer(3)), ..parameter(Kind::Integer { min: -1, max: 9 }) };
        assert_eq!((whole.read(""), whole.read("-1")), (Ok(Value::Integer(3)), Ok(Value::Integer(-1))));
        assert!(whole.read("9223372036854775808").is_err() && whole.read("1.5").is_err());
        assert_eq!(parameter(Kind::Flag).read("ON"), Ok(Value::Flag(true)));
        let text = parameter(Kind::Text { max_chars: 3 });
        assert!(text.read("äöü").is_ok() && text.read("äöüx").is_err());
        assert!(!text.admits(&Value::Text("a\n".to_owned())) && !text.admits(&Value::Flag(true)));
    }
}
