//! Parameters of the commands and the parsing of their values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capability::TemperatureLimits;
use super::command_error::CommandError;
use crate::navien::protocol::feature::Feature;
use crate::navien::protocol::field::clean_and_cut;
use crate::navien::protocol::timetable::{
    MAX_WRITTEN_ENTRIES, RecirculationPeriod, Reservation, TariffPeriod, TimetableEntry,
};
use crate::navien::protocol::unit::{Temperature, TemperatureUnit};

/// Maximum length of an argument; a full timetable needs less.
const MAX_INPUT_LENGTH: usize = 16 * 1024;

/// A parameter of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandParameter {
    /// Name in a configuration file and in the palette.
    pub name: &'static str,
    /// Title for the user.
    pub title: &'static str,
    /// Key on the wire; unused where values are sent as a list.
    pub wire: &'static str,
    /// Type and range.
    pub kind: ArgumentKind,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Required for this value of the parameter `mode`, and not accepted for any other.
    pub only_for_mode: Option<i64>,
}

/// The type of a value and its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A whole number from `least` to `most`.
    Integer {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
        /// Unit; may be empty.
        unit: &'static str,
    },
    /// One of these numbers, or its text.
    Choice(&'static [(i64, &'static str)]),
    /// A temperature in steps of half a degree Celsius, within the device's limits.
    Temperature(TemperatureLimits),
    /// On or off; if left out, on if there are entries.
    Switch,
    /// Months, 1 to 12.
    Months,
    /// The controller's serial number; if left out, the reported one.
    SerialNumber,
    /// All reservations: they replace those of the device.
    Reservations,
    /// All periods of a tariff: they replace those of the device.
    Tariff,
    /// All periods of the recirculation: they replace those of the device.
    Recirculation,
}

/// A value for a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// For [`ArgumentKind::Integer`] and [`ArgumentKind::Choice`].
    Number(i64),
    /// For [`ArgumentKind::Temperature`].
    Temperature(Temperature),
    /// For [`ArgumentKind::Switch`].
    Switch(bool),
    /// For [`ArgumentKind::Months`].
    Months(Vec<i64>),
    /// For [`ArgumentKind::SerialNumber`].
    Text(String),
    /// For [`ArgumentKind::Reservations`].
    Reservations(Vec<Reservation>),
    /// For [`ArgumentKind::Tariff`].
    Tariff(Vec<TariffPeriod>),
    /// For [`ArgumentKind::Recirculation`].
    Recirculation(Vec<RecirculationPeriod>),
}

/// Values by the names of their parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments(pub(super) BTreeMap<String, Argument>);

impl Arguments {
    /// No values.
    pub fn none() -> Self {
        Self::default()
    }

    /// These values and one more.
    #[must_use]
    pub fn with(mut self, name: &str, argument: Argument) -> Self {
        self.0.insert(name.to_owned(), argument);
        self
    }
}

impl CommandParameter {
    pub(super) const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    pub(super) const fn only_for_mode(self, mode: i64) -> Self {
        Self { is_optional: true, only_for_mode: Some(mode), ..self }
    }

    /// The accepted input: `1 to 30 days`, `40.5 °C to 65.5 °C`.
    pub fn allowed_values(&self, unit: TemperatureUnit, feature: Option<&Feature>) -> String {
        match self.kind {
            ArgumentKind::Integer { least, most, unit: "" } => format!("{least} to {most}"),
            ArgumentKind::Integer { least, most, unit } => format!("{least} to {most} {unit}"),
            ArgumentKind::Choice(choices) => {
                let words: Vec<_> =
                    choices.iter().map(|(number, word)| format!("{number} ({word})")).collect();
                format!("one of {}", words.join(", "))
            }
            ArgumentKind::Temperature(limits) => match limits.of(feature) {
                Ok((lowest, highest)) => {
                    let words = |halves: i32| {
                        i16::try_from(halves).map(|halves| Temperature::from_halves(halves).words(unit))
                    };
                    let [lowest, highest] = [words(lowest), words(highest)].map(Result::unwrap_or_default);
                    format!("{lowest} to {highest}")
                }
                Err(_) => format!("a temperature in {unit} within the device's limits"),
            },
            ArgumentKind::Switch => "on or off".to_owned(),
            ArgumentKind::Months => "months from 1 to 12, such as 8,9".to_owned(),
            ArgumentKind::SerialNumber => "the controller's serial number".to_owned(),
            ArgumentKind::Reservations | ArgumentKind::Tariff | ArgumentKind::Recirculation => {
                format!("a JSON list of at most {MAX_WRITTEN_ENTRIES} entries")
            }
        }
    }

    /// Parses a value typed by a user or given in a configuration file. A temperature without a unit is in `unit`.
    /// Ranges are checked when the command is built.
    ///
    /// # Errors
    ///
    /// If the input is invalid.
    pub fn parse(&self, text: &str, unit: TemperatureUnit) -> Result<Argument, CommandError> {
        let wrong =
            || CommandError::Invalid { parameter: self.title, expected: self.allowed_values(unit, None) };
        let text = text.trim();
        if text.len() > MAX_INPUT_LENGTH {
            return Err(wrong());
        }
        let argument = match self.kind {
            ArgumentKind::Integer { .. } => text.parse().ok().map(Argument::Number),
            ArgumentKind::Choice(choices) => choice(choices, text).map(Argument::Number),
            ArgumentKind::Temperature(_) => temperature(text, unit).map(Argument::Temperature),
            ArgumentKind::Switch => match text.to_ascii_lowercase().as_str() {
                "on" | "yes" | "true" => Some(Argument::Switch(true)),
                "off" | "no" | "false" => Some(Argument::Switch(false)),
                _ => None,
            },
            ArgumentKind::Months => {
                let months = text.split([',', ' ']).filter(|part| !part.is_empty());
                months.map(|month| month.parse().ok()).collect::<Option<_>>().map(Argument::Months)
            }
            ArgumentKind::SerialNumber => (!text.is_empty()).then(|| Argument::Text(text.to_owned())),
            ArgumentKind::Reservations => entries(text).map(Argument::Reservations),
            ArgumentKind::Tariff => entries(text).map(Argument::Tariff),
            ArgumentKind::Recirculation => entries(text).map(Argument::Recirculation),
        };
        argument.ok_or_else(wrong)
    }
}

/// By number or by text; spaces, hyphens and case do not matter.
fn choice(choices: &[(i64, &str)], text: &str) -> Option<i64> {
    let normalize = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let normalized = normalize(text);
    let is_match =
        |(number, word): &&(i64, &str)| normalize(word) == normalized || number.to_string() == text;
    choices.iter().find(is_match).map(|(number, _)| *number)
}

/// `60`, `60.5 C`, `140°F`.
fn temperature(text: &str, unit: TemperatureUnit) -> Option<Temperature> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 'C' | 'c')) => (text.get(..at)?, TemperatureUnit::Celsius),
        Some((at, 'F' | 'f')) => (text.get(..at)?, TemperatureUnit::Fahrenheit),
        _ => (text, unit),
    };
    let number = number.trim_end_matches(['°', ' ']);
    Temperature::setting(number.replace(',', ".").parse().ok()?, unit)
}

/// Entries with the keys of the wire. An entry with an unknown or invalid field makes the list invalid: user
/// input is never guessed.
fn entries<E: TimetableEntry>(text: &str) -> Option<Vec<E>> {
    let list: Vec<Value> = serde_json::from_str(text).ok()?;
    let entries = list.iter().map(|entry| entry.as_object().map(E::from_object).filter(E::is_fully_parsed));
    entries.collect()
}

/// The error for a parameter name that does not exist.
pub(super) fn unexpected_parameter(name: &str) -> CommandError {
    CommandError::Unexpected { parameter: clean_and_cut(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: ArgumentKind, text: &str) -> Option<Argument> {
        let parameter = CommandParameter {
            name: "x",
            title: "X",
            wire: "x",
            kind,
            is_optional: false,
            only_for_mode: None,
        };
        parameter.parse(text, TemperatureUnit::Celsius).ok()
    }

    #[test]
    fn temperatures_are_typed_in_any_unit() {
        for (text, halves) in [
            ("60", 120),
            ("60.0", 120),
            ("60,5 °C", 121),
            ("140F", 120),
            ("140 °F", 120),
            ("121f", 99),
            ("-1", -2),
        ] {
            let Some(Argument::Temperature(temperature)) =
                parse(ArgumentKind::Temperature(TemperatureLimits::Setpoint), text)
            else {
                panic!("{text}");
            };
            assert_eq!(temperature.halves(), Some(halves), "{text}");
        }
        for bad in ["", "C", "hot", "60 K", "inf", "NaN F", "1e300", "°"] {
            assert_eq!(parse(ArgumentKind::Temperature(TemperatureLimits::Setpoint), bad), None, "{bad}");
        }
    }

    #[test]
    fn choices_are_typed_as_words_or_numbers() {
        let kind = ArgumentKind::Choice(&[(3, "Energy Saver"), (4, "High Demand")]);
        for text in ["3", "energy saver", "Energy-Saver", "ENERGYSAVER"] {
            assert_eq!(parse(kind, text), Some(Argument::Number(3)), "{text}");
        }
        assert_eq!((parse(kind, "5"), parse(kind, ""), parse(kind, "saver")), (None, None, None));
    }

    #[test]
    fn lists_and_switches_are_read() {
        assert_eq!(parse(ArgumentKind::Months, "8, 9"), Some(Argument::Months(vec![8, 9])));
        assert_eq!(parse(ArgumentKind::Months, "8;9"), None);
        assert_eq!(parse(ArgumentKind::Switch, "Off"), Some(Argument::Switch(false)));
        assert_eq!(parse(ArgumentKind::Switch, "perhaps"), None);
        let one = parse(ArgumentKind::Reservations, r#"[{"enable":2,"week":84}]"#);
        assert!(matches!(one, Some(Argument::Reservations(list)) if list.len() == 1));
        for bad in ["[7]", r#"[{"seasons": 1}]"#, r#"[{"week": "Monday"}]"#, "{}"] {
            assert_eq!(parse(ArgumentKind::Tariff, bad), None, "{bad}");
        }
        assert_eq!(parse(ArgumentKind::Tariff, &format!("[{}]", " ".repeat(MAX_INPUT_LENGTH))), None);
    }
}
