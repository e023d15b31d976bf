//! Parameters of a command: their types and ranges, and how input is parsed and shown.

use std::fmt;
use std::sync::Arc;

/// Largest integer that every JSON reader keeps exactly: 2^53.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// The value of a parameter.
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
    /// The form shown on screens and written into a payload that is not JSON.
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

/// The type of a value and its range.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterType {
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
    /// A quantity that the device counts in whole steps. Input is `origin + size · steps`; the value is the number
    /// of steps, a [`Value::Integer`]. Input between two steps is rounded to the nearest, ties to even.
    Steps {
        /// Fewest steps.
        min: i64,
        /// Most steps.
        max: i64,
        /// Quantity at zero steps.
        origin: f64,
        /// Quantity per step; positive.
        size: f64,
    },
    /// One of a list of words.
    Choice(Vec<Arc<str>>),
    /// A text.
    Text {
        /// Maximum length, in characters.
        max_chars: usize,
        /// What to enter, where the length alone does not explain it.
        description: Option<Arc<str>>,
    },
    /// On or off.
    Flag,
}

/// One parameter of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name in the template.
    pub name: Arc<str>,
    /// Its type and range.
    pub kind: ParameterType,
    /// Unit, shown next to the input.
    pub unit: Option<Arc<str>>,
    /// Used when the input is empty.
    pub default: Option<Value>,
}

impl Parameter {
    /// Parses input. A decimal comma is accepted.
    ///
    /// # Errors
    /// One sentence with the range.
    pub fn parse(&self, input: &str) -> Result<Value, String> {
        let input = input.trim();
        if input.is_empty() {
            return self.default.clone().ok_or_else(|| self.range_error());
        }
        let value = match &self.kind {
            ParameterType::Integer { .. } => input.parse().ok().map(Value::Integer),
            ParameterType::Number { .. } => input.replace(',', ".").parse().ok().map(Value::Number),
            ParameterType::Steps { .. } => self.steps(input).map(Value::Integer),
            ParameterType::Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(input));
                word.map(|word| Value::Text(word.to_string()))
            }
            ParameterType::Text { .. } => Some(Value::Text(input.to_owned())),
            ParameterType::Flag => match input.to_ascii_lowercase().as_str() {
                "on" | "true" | "yes" | "1" => Some(Value::Flag(true)),
                "off" | "false" | "no" | "0" => Some(Value::Flag(false)),
                _ => None,
            },
        };
        value.filter(|value| self.accepts(value)).ok_or_else(|| self.range_error())
    }

    /// Whether a value has the right type and is in range.
    pub fn accepts(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (ParameterType::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(&number),
            (ParameterType::Steps { min, max, .. }, Value::Integer(steps)) => (min..=max).contains(&steps),
            (ParameterType::Number { min, max, step }, Value::Number(number)) => {
                let fits = step.is_none_or(|step| is_multiple(*number, step));
                number.is_finite()
                    && number.abs() < MAX_EXACT_INTEGER
                    && (min..=max).contains(&number)
                    && fits
            }
            (ParameterType::Choice(words), Value::Text(text)) => words.iter().any(|word| **word == **text),
            (ParameterType::Text { max_chars, .. }, Value::Text(text)) => {
                text.chars().count() <= *max_chars && !text.chars().any(char::is_control)
            }
            (ParameterType::Flag, Value::Flag(_)) => true,
            _ => false,
        }
    }

    /// The accepted input: `35 to 65 °C in steps of 0.5`, `eco, boost`, `on or off`.
    pub fn range(&self) -> String {
        let unit = self.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
        match &self.kind {
            ParameterType::Integer { min, max } => format!("{min} to {max}{unit}"),
            ParameterType::Number { min, max, step: None } => format!("{min} to {max}{unit}"),
            ParameterType::Number { min, max, step: Some(step) } => {
                format!("{min} to {max}{unit} in steps of {step}")
            }
            ParameterType::Steps { min, max, size, .. } => {
                let [min, max] = [min, max].map(|steps| self.quantity(*steps).unwrap_or_default());
                format!("{min} to {max}{unit}, to the nearest {size}")
            }
            ParameterType::Choice(words) => words.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", "),
            ParameterType::Text { description: Some(what), .. } => what.to_string(),
            ParameterType::Text { max_chars, .. } => format!("a text of at most {max_chars} characters"),
            ParameterType::Flag => "on or off".to_owned(),
        }
    }

    /// A value as shown in the confirmation.
    pub fn format_value(&self, value: &Value) -> String {
        let formatted = match value {
            Value::Integer(steps) => self.quantity(*steps),
            Value::Flag(is_on) => Some(if *is_on { "on" } else { "off" }.to_owned()),
            _ => None,
        };
        let value = formatted.unwrap_or_else(|| value.to_string());
        self.unit.as_ref().map_or_else(|| value.clone(), |unit| format!("{value} {unit}"))
    }

    /// A number of steps as a quantity, with one decimal; `None` for other types.
    fn quantity(&self, steps: i64) -> Option<String> {
        let ParameterType::Steps { origin, size, .. } = &self.kind else { return None };
        #[expect(clippy::cast_precision_loss, reason = "a step count is far below 2^53")]
        let quantity = origin + size * steps as f64;
        Some(format!("{quantity:.1}"))
    }

    /// The steps nearest to the input, with or without its unit.
    fn steps(&self, input: &str) -> Option<i64> {
        let ParameterType::Steps { origin, size, .. } = &self.kind else { return None };
        let unit = self.unit.as_deref().unwrap_or_default();
        let units = [unit, unit.trim_start_matches('°')];
        let number_text = units.iter().find_map(|unit| input.strip_suffix(unit).filter(|_| !unit.is_empty()));
        let number: f64 = number_text.unwrap_or(input).trim_end().replace(',', ".").parse().ok()?;
        let steps = ((number - origin) / size).round_ties_even();
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 53 bits")]
        (steps.abs() < MAX_EXACT_INTEGER).then_some(steps as i64)
    }

    fn range_error(&self) -> String {
        match &self.kind {
            ParameterType::Choice(_) => format!("{} must be one of: {}", self.name, self.range()),
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

    fn parameter(kind: ParameterType) -> Parameter {
        Parameter { name: "x".into(), kind, unit: Some("°C".into()), default: None }
    }

    #[test]
    fn input_is_parsed_within_its_range_or_refused_with_it() {
        let number = parameter(ParameterType::Number { min: 35.0, max: 65.0, step: Some(0.5) });
        assert_eq!(number.parse(" 48,5 "), Ok(Value::Number(48.5)));
        for wrong in ["34.5", "65.5", "48.3", "NaN", "inf", "1e400", "", "warm"] {
            assert_eq!(
                number.parse(wrong),
                Err("x must be 35 to 65 °C in steps of 0.5".to_owned()),
                "{wrong}"
            );
        }
        let choice = parameter(ParameterType::Choice(vec!["eco".into(), "Boost".into()]));
        assert_eq!(choice.parse("boost"), Ok(Value::Text("Boost".to_owned())));
        assert_eq!(choice.parse("off"), Err("x must be one of: eco, Boost".to_owned()));
        let whole = Parameter {
            default: Some(Value::Integer(3)),
            ..parameter(ParameterType::Integer { min: -1, max: 9 })
        };
        assert_eq!((whole.parse(""), whole.parse("-1")), (Ok(Value::Integer(3)), Ok(Value::Integer(-1))));
        assert!(whole.parse("9223372036854775808").is_err() && whole.parse("1.5").is_err());
        let flag = Parameter { unit: None, ..parameter(ParameterType::Flag) };
        assert_eq!(flag.parse("ON"), Ok(Value::Flag(true)));
        assert_eq!(flag.format_value(&Value::Flag(false)), "off", "the word that is accepted as input");
        let named = ParameterType::Text { max_chars: 9, description: Some("a month".into()) };
        assert_eq!(parameter(named).parse(""), Err("x must be a month".to_owned()));
        let text = parameter(ParameterType::Text { max_chars: 3, description: None });
        assert!(text.parse("äöü").is_ok() && text.parse("äöüx").is_err());
        assert!(!text.accepts(&Value::Text("a\n".to_owned())) && !text.accepts(&Value::Flag(true)));
    }

    #[test]
    fn step_values_are_entered_and_shown_as_quantities() {
        let celsius = parameter(ParameterType::Steps { min: 81, max: 131, origin: 0.0, size: 0.5 });
        for (input, steps) in [("60", 120), ("60.25", 120), ("60,5 °C", 121), ("48.5C", 97), ("40.5", 81)] {
            assert_eq!(celsius.parse(input), Ok(Value::Integer(steps)), "{input}");
        }
        for wrong in ["40", "66", "140", "60 °F", "NaN", "1e400", "°C", ""] {
            let refusal = "x must be 40.5 to 65.5 °C, to the nearest 0.5";
            assert_eq!(celsius.parse(wrong), Err(refusal.to_owned()), "{wrong}");
        }
        assert_eq!(celsius.format_value(&Value::Integer(121)), "60.5 °C");
        let fahrenheit = Parameter {
            unit: Some("°F".into()),
            ..parameter(ParameterType::Steps { min: 81, max: 131, origin: 32.0, size: 0.9 })
        };
        for (typed, steps, shown) in
            [("140", 120, "140.0 °F"), ("121F", 99, "121.1 °F"), ("149.9 °F", 131, "149.9 °F")]
        {
            assert_eq!(fahrenheit.parse(typed), Ok(Value::Integer(steps)), "{typed}");
            assert_eq!(fahrenheit.format_value(&Value::Integer(steps)), shown);
        }
        assert!(fahrenheit.parse("60").is_err(), "a value in °C is not read as °F");
    }
}
