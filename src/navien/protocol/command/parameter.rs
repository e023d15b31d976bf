//! Which values does a command take, and how are they typed?

use std::collections::BTreeMap;

use serde_json::Value;

use super::capability::Limits;
use super::refusal::Refusal;
use crate::navien::protocol::feature::Feature;
use crate::navien::protocol::field::tame;
use crate::navien::protocol::timetable::{
    Entry, MOST_WRITTEN, RecirculationPeriod, Reservation, TariffPeriod,
};
use crate::navien::protocol::unit::{Temperature, TemperatureUnit};

/// Longest text of an argument; a full timetable needs less.
const MOST_TYPED: usize = 16 * 1024;

/// A value that a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Name in a configuration file and in the palette.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// Key on the wire; unused where values stand in a row.
    pub wire: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// Whether it may be left out.
    pub is_optional: bool,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A whole number from `least` to `most`.
    Whole {
        /// Smallest.
        least: i64,
        /// Largest.
        most: i64,
        /// Unit; may be empty.
        unit: &'static str,
    },
    /// One of these numbers, or its word.
    Choice(&'static [(i64, &'static str)]),
    /// A temperature in steps of half a degree Celsius, within the device's limits.
    Temperature(Limits),
    /// On or off; left out, on if there are entries.
    Switch,
    /// Months, 1 to 12.
    Months,
    /// The controller's serial number; left out, as the device tells it.
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
    /// For [`Kind::Whole`] and [`Kind::Choice`].
    Number(i64),
    /// For [`Kind::Temperature`].
    Temperature(Temperature),
    /// For [`Kind::Switch`].
    Switch(bool),
    /// For [`Kind::Months`].
    Months(Vec<i64>),
    /// For [`Kind::SerialNumber`].
    Text(String),
    /// For [`Kind::Reservations`].
    Reservations(Vec<Reservation>),
    /// For [`Kind::Tariff`].
    Tariff(Vec<TariffPeriod>),
    /// For [`Kind::Recirculation`].
    Recirculation(Vec<RecirculationPeriod>),
}

/// Values by the names of their parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arguments(pub(super) BTreeMap<String, Argument>);

impl Arguments {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, name: &str, argument: Argument) -> Self {
        self.0.insert(name.to_owned(), argument);
        self
    }
}

impl Parameter {
    /// What may be typed: `1 to 30 days`, `40.5 °C to 65.5 °C`.
    pub fn expected(&self, unit: TemperatureUnit, feature: Option<&Feature>) -> String {
        match self.kind {
            Kind::Whole { least, most, unit: "" } => format!("{least} to {most}"),
            Kind::Whole { least, most, unit } => format!("{least} to {most} {unit}"),
            Kind::Choice(choices) => {
                let words: Vec<_> =
                    choices.iter().map(|(number, word)| format!("{number} ({word})")).collect();
                format!("one of {}", words.join(", "))
            }
            Kind::Temperature(limits) => match limits.of(feature) {
                Ok((lowest, highest)) => {
                    let words = |halves: i32| {
                        i16::try_from(halves).map(|halves| Temperature::from_halves(halves).words(unit))
                    };
                    let [lowest, highest] = [words(lowest), words(highest)].map(Result::unwrap_or_default);
                    format!("{lowest} to {highest}")
                }
                Err(_) => format!("a temperature in {unit} within the device's limits"),
            },
            Kind::Switch => "on or off".to_owned(),
            Kind::Months => "months from 1 to 12, such as 8,9".to_owned(),
            Kind::SerialNumber => "the controller's serial number".to_owned(),
            Kind::Reservations | Kind::Tariff | Kind::Recirculation => {
                format!("a JSON list of at most {MOST_WRITTEN} entries")
            }
        }
    }

    /// Reads what a person or a configuration file says. A temperature without a unit is in `unit`.
    /// Ranges are checked when the command is built.
    ///
    /// # Errors
    ///
    /// If it means nothing.
    pub fn read(&self, text: &str, unit: TemperatureUnit) -> Result<Argument, Refusal> {
        let wrong = || Refusal::Wrong { parameter: self.title, expected: self.expected(unit, None) };
        let text = text.trim();
        if text.len() > MOST_TYPED {
            return Err(wrong());
        }
        let argument = match self.kind {
            Kind::Whole { .. } => text.parse().ok().map(Argument::Number),
            Kind::Choice(choices) => choice(choices, text).map(Argument::Number),
            Kind::Temperature(_) => temperature(text, unit).map(Argument::Temperature),
            Kind::Switch => match text.to_ascii_lowercase().as_str() {
                "on" | "yes" | "true" => Some(Argument::Switch(true)),
                "off" | "no" | "false" => Some(Argument::Switch(false)),
                _ => None,
            },
            Kind::Months => {
                let months = text.split([',', ' ']).filter(|part| !part.is_empty());
                months.map(|month| month.parse().ok()).collect::<Option<_>>().map(Argument::Months)
            }
            Kind::SerialNumber => (!text.is_empty()).then(|| Argument::Text(text.to_owned())),
            Kind::Reservations => entries(text).map(Argument::Reservations),
            Kind::Tariff => entries(text).map(Argument::Tariff),
            Kind::Recirculation => entries(text).map(Argument::Recirculation),
        };
        argument.ok_or_else(wrong)
    }
}

/// By number or by word; spaces, hyphens and case do not matter.
fn choice(choices: &[(i64, &str)], text: &str) -> Option<i64> {
    let bare = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = bare(text);
    let is_it = |(number, word): &&(i64, &str)| bare(word) == wanted || number.to_string() == text;
    choices.iter().find(is_it).map(|(number, _)| *number)
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

/// Entries in the wire's own words. One that has an unknown field, or one that means nothing, spoils the
/// list: what a person writes is not guessed at.
fn entries<E: Entry>(text: &str) -> Option<Vec<E>> {
    let list: Vec<Value> = serde_json::from_str(text).ok()?;
    let entries = list.iter().map(|entry| entry.as_object().map(E::from_object).filter(E::is_plain));
    entries.collect()
}

/// For the name of a parameter that does not exist.
pub(super) fn unexpected(name: &str) -> Refusal {
    Refusal::Unexpected { parameter: tame(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: Kind, text: &str) -> Option<Argument> {
        let parameter = Parameter { name: "x", title: "X", wire: "x", kind, is_optional: false };
        parameter.read(text, TemperatureUnit::Celsius).ok()
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
            let Some(Argument::Temperature(temperature)) = typed(Kind::Temperature(Limits::Setpoint), text)
            else {
                panic!("{text}");
            };
            assert_eq!(temperature.halves(), Some(halves), "{text}");
        }
        for bad in ["", "C", "hot", "60 K", "inf", "NaN F", "1e300", "°"] {
            assert_eq!(typed(Kind::Temperature(Limits::Setpoint), bad), None, "{bad}");
        }
    }

    #[test]
    fn choices_have_words_and_numbers() {
        let kind = Kind::Choice(&[(3, "Energy Saver"), (4, "High Demand")]);
        for text in ["3", "energy saver", "Energy-Saver", "ENERGYSAVER"] {
            assert_eq!(typed(kind, text), Some(Argument::Number(3)), "{text}");
        }
        assert_eq!((typed(kind, "5"), typed(kind, ""), typed(kind, "saver")), (None, None, None));
    }

    #[test]
    fn lists_and_switches_are_read() {
        assert_eq!(typed(Kind::Months, "8, 9"), Some(Argument::Months(vec![8, 9])));
        assert_eq!(typed(Kind::Months, "8;9"), None);
        assert_eq!(typed(Kind::Switch, "Off"), Some(Argument::Switch(false)));
        assert_eq!(typed(Kind::Switch, "perhaps"), None);
        let one = typed(Kind::Reservations, r#"[{"enable":2,"week":84}]"#);
        assert!(matches!(one, Some(Argument::Reservations(list)) if list.len() == 1));
        for bad in ["[7]", r#"[{"seasons": 1}]"#, r#"[{"week": "Monday"}]"#, "{}"] {
            assert_eq!(typed(Kind::Tariff, bad), None, "{bad}");
        }
        assert_eq!(typed(Kind::Tariff, &format!("[{}]", " ".repeat(MOST_TYPED))), None);
    }
}
