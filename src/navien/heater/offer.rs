//! Which commands are offered, and what is to be filled in for each?

use std::sync::Arc;
use std::time::Duration;

use crate::device::{self, CommandSpec, Confirm, Kind};
use crate::navien::protocol::command::{self, CATALOGUE, Command, Danger, Limits, Refusal};
use crate::navien::protocol::{Feature, TemperatureUnit};

/// How the water heater is to be treated.
#[derive(Debug, Clone)]
pub struct HeaterSettings {
    /// Unit of temperatures and volumes; `None` = as the device's own panel.
    pub unit: Option<TemperatureUnit>,
    /// Offers what cannot be undone from here: installing firmware, forgetting the Wi-Fi.
    pub allow_one_way: bool,
    /// How often the state is asked for.
    pub status_every: Duration,
}

impl Default for HeaterSettings {
    fn default() -> Self {
        Self { unit: None, allow_one_way: false, status_every: Duration::from_secs(300) }
    }
}

/// Asks for the state.
pub(super) const STATUS: &str = "status";
/// Asks what the device can do.
const INFO: &str = "info";
/// Tells that a client is there.
const PRESENT: &str = "present";

/// Keys on the Device screen.
const KEYS: [(&str, &str); 3] = [("temperature", "t"), ("mode", "m"), ("vacation", "v")];
/// How often the equipment is asked for.
const INFO_EVERY: Duration = Duration::from_secs(1800);
/// How often before it is known: nothing can be set without its limits.
const INFO_EVERY_AT_FIRST: Duration = Duration::from_secs(60);
/// The mode that needs a number of days; it has a command of its own.
const VACATION: i64 = 5;
/// Longest word or few, and longest list, that can be typed or pasted, in characters.
const LONGEST_WORD: usize = 64;
const LONGEST_LIST: usize = 16 * 1024;
const UNPROVEN: &str = "Its wording was never seen in real traffic: the device may ignore it.";

/// All commands of the catalogue, as far as they are allowed; what the device cannot do says why.
pub(super) fn commands(
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    settings: &HeaterSettings,
    year: i32,
) -> Arc<[CommandSpec]> {
    let allowed = CATALOGUE.iter().filter(|one| one.danger != Danger::OneWay || settings.allow_one_way);
    allowed.map(|command| spec(command, feature, unit, settings, year)).collect()
}

fn spec(
    command: &Command,
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    settings: &HeaterSettings,
    year: i32,
) -> CommandSpec {
    let possible = command.is_possible(feature, settings.allow_one_way);
    let parameters = command.parameters.iter().filter(|parameter| is_asked_for(command, parameter));
    let parameters: Result<Vec<_>, _> =
        parameters.map(|parameter| asked(command, parameter, feature, unit, year)).collect();
    let why = possible.err().or(parameters.as_ref().err().cloned());
    let explanation = if command.is_proven {
        command.explanation.to_owned()
    } else {
        format!("{} {UNPROVEN}", command.explanation)
    };
    CommandSpec {
        name: command.name.into(),
        title: command.title.into(),
        explanation: Some(explanation.into()),
        key: KEYS.iter().find(|(name, _)| *name == command.name).map(|(_, key)| (*key).into()),
        confirm: match command.danger {
            Danger::Harmless => Confirm::None,
            Danger::Changes => Confirm::Ask,
            Danger::Dangerous | Danger::OneWay => Confirm::Type,
        },
        parameters: parameters.unwrap_or_default(),
        every: match command.name {
            STATUS => Some(settings.status_every),
            INFO if feature.is_none() => Some(INFO_EVERY_AT_FIRST),
            INFO => Some(INFO_EVERY),
            _ => None,
        },
        at_connect: matches!(command.name, PRESENT | STATUS),
        unavailable: why.map(|why| why.to_string().into()),
    }
}

/// What the device tells itself, and what belongs to another command, is not asked for.
pub(super) fn is_asked_for(command: &Command, parameter: &command::Parameter) -> bool {
    let is_told = parameter.kind == command::Kind::SerialNumber;
    let is_others = command.name == "mode" && parameter.is_optional;
    !is_told && !is_others
}

fn asked(
    command: &Command,
    parameter: &command::Parameter,
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    year: i32,
) -> Result<device::Parameter, Refusal> {
    let text = |max_chars, what: String| Kind::Text { max_chars, what: Some(what.into()) };
    let expected = parameter.expected(unit, feature);
    let (mut own_unit, mut default) = (None, None);
    let kind = match parameter.kind {
        command::Kind::Whole { least, most, unit } => {
            own_unit = (!unit.is_empty()).then(|| unit.into());
            if parameter.name == "year" {
                default = Some(device::Value::Integer(year.into()));
            }
            Kind::Integer { min: least, max: most }
        }
        command::Kind::Choice(choices) => {
            let is_offered = |(number, _): &&(i64, &str)| command.name != "mode" || *number != VACATION;
            Kind::Choice(choices.iter().filter(is_offered).map(|(_, word)| (*word).into()).collect())
        }
        command::Kind::Temperature(limits) => {
            own_unit = Some(unit.to_string().into());
            steps(limits, feature, unit)?
        }
        command::Kind::Switch => {
            default = Some(device::Value::Flag(true));
            Kind::Flag
        }
        command::Kind::Months => {
            default = Some(device::Value::Text(String::new()));
            text(LONGEST_WORD, format!("{expected}; empty for this month"))
        }
        command::Kind::SerialNumber => text(LONGEST_WORD, expected),
        command::Kind::Reservations | command::Kind::Tariff | command::Kind::Recirculation => {
            text(LONGEST_LIST, expected)
        }
    };
    Ok(device::Parameter { name: parameter.name.into(), kind, unit: own_unit, default })
}

/// The device counts in half degrees Celsius, whatever is shown: so limits and value are in these.
fn steps(limits: Limits, feature: Option<&Feature>, unit: TemperatureUnit) -> Result<Kind, Refusal> {
    let (lowest, highest) = limits.of(feature)?;
    let (origin, size) = match unit {
        TemperatureUnit::Celsius => (0.0, 0.5),
        TemperatureUnit::Fahrenheit => (32.0, 0.9),
    };
    Ok(Kind::Steps { min: lowest.into(), max: highest.into(), origin, size })
}
