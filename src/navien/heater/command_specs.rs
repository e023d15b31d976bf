//! The commands offered for a water heater, with the parameters that the user enters.

use std::sync::Arc;
use std::time::Duration;

use crate::device::{self, CommandSpec, Confirmation, ParameterType};
use crate::navien::protocol::command::{self, CATALOGUE, Command, CommandError, Danger, TemperatureLimits};
use crate::navien::protocol::{Feature, TemperatureUnit};

/// Settings of the water heater.
#[derive(Debug, Clone)]
pub struct HeaterSettings {
    /// Unit of temperatures and volumes; `None`: the unit of the device's own panel.
    pub unit: Option<TemperatureUnit>,
    /// Offers irreversible commands: installing firmware, forgetting the Wi-Fi network.
    pub allow_one_way: bool,
    /// Interval of status requests.
    pub status_interval: Duration,
}

impl Default for HeaterSettings {
    fn default() -> Self {
        Self { unit: None, allow_one_way: false, status_interval: Duration::from_secs(300) }
    }
}

/// Requests the status.
pub(super) const STATUS: &str = "status";
/// Requests the equipment and its limits.
const INFO: &str = "info";
/// Announces this client.
const PRESENT: &str = "present";

/// Keys on the Device screen.
const KEYS: [(&str, &str); 3] = [("temperature", "t"), ("mode", "m"), ("vacation", "v")];
/// Interval of equipment requests.
const INFO_INTERVAL: Duration = Duration::from_secs(1800);
/// Interval until the equipment is known: without its limits nothing can be set.
const INITIAL_INFO_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum length of a short text and of a list, in characters.
const MAX_WORD_CHARS: usize = 64;
const MAX_LIST_CHARS: usize = 16 * 1024;
const UNVERIFIED_NOTE: &str = "Not verified against a real device: it may be ignored.";

/// All allowed commands of the catalogue; one the device does not support carries the reason.
pub(super) fn all_command_specs(
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    settings: &HeaterSettings,
    year: i32,
) -> Arc<[CommandSpec]> {
    let allowed = CATALOGUE.iter().filter(|one| one.danger != Danger::Irreversible || settings.allow_one_way);
    allowed.map(|command| command_spec(command, feature, unit, settings, year)).collect()
}

fn command_spec(
    command: &Command,
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    settings: &HeaterSettings,
    year: i32,
) -> CommandSpec {
    let availability = command.check_available(feature, settings.allow_one_way);
    let parameters = command.parameters.iter().filter(|parameter| is_user_input(parameter));
    let parameters: Result<Vec<_>, _> =
        parameters.map(|parameter| parameter_spec(command, parameter, feature, unit, year)).collect();
    let unavailable_reason = availability.err().or(parameters.as_ref().err().cloned());
    let explanation = if command.is_verified {
        command.explanation.to_owned()
    } else {
        format!("{} {UNVERIFIED_NOTE}", command.explanation)
    };
    CommandSpec {
        name: command.name.into(),
        title: command.title.into(),
        explanation: Some(explanation.into()),
        key: KEYS.iter().find(|(name, _)| *name == command.name).map(|(_, key)| (*key).into()),
        confirm: match command.danger {
            Danger::Harmless => Confirmation::None,
            Danger::Changes => Confirmation::Ask,
            Danger::Dangerous | Danger::Irreversible => Confirmation::Type,
        },
        parameters: parameters.unwrap_or_default(),
        interval: match command.name {
            STATUS => Some(settings.status_interval),
            INFO if feature.is_none() => Some(INITIAL_INFO_INTERVAL),
            INFO => Some(INFO_INTERVAL),
            _ => None,
        },
        at_connect: matches!(command.name, PRESENT | STATUS),
        unavailable: unavailable_reason.map(|unavailable_reason| unavailable_reason.to_string().into()),
    }
}

/// Whether the user enters this parameter: not if the device reports it or another command sets it.
pub(super) fn is_user_input(parameter: &command::CommandParameter) -> bool {
    let is_from_device = parameter.kind == command::ArgumentKind::SerialNumber;
    !is_from_device && parameter.only_for_mode.is_none()
}

fn parameter_spec(
    command: &Command,
    parameter: &command::CommandParameter,
    feature: Option<&Feature>,
    unit: TemperatureUnit,
    year: i32,
) -> Result<device::Parameter, CommandError> {
    let text = |max_chars, what: String| ParameterType::Text { max_chars, description: Some(what.into()) };
    let expected = parameter.allowed_values(unit, feature);
    let (mut own_unit, mut default) = (None, None);
    let kind = match parameter.kind {
        command::ArgumentKind::Integer { least, most, unit } => {
            own_unit = (!unit.is_empty()).then(|| unit.into());
            if parameter.name == "year" {
                default = Some(device::Value::Integer(year.into()));
            }
            ParameterType::Integer { min: least, max: most }
        }
        command::ArgumentKind::Choice(choices) => {
            // A mode with a parameter of its own has a command of its own.
            let has_own_parameter =
                |number| command.parameters.iter().any(|other| other.only_for_mode == Some(number));
            let is_offered = |(number, _): &&(i64, &str)| !has_own_parameter(*number);
            ParameterType::Choice(choices.iter().filter(is_offered).map(|(_, word)| (*word).into()).collect())
        }
        command::ArgumentKind::Temperature(limits) => {
            own_unit = Some(unit.to_string().into());
            steps(limits, feature, unit)?
        }
        command::ArgumentKind::Switch => {
            default = Some(device::Value::Flag(true));
            ParameterType::Flag
        }
        command::ArgumentKind::Months => {
            default = Some(device::Value::Text(String::new()));
            text(MAX_WORD_CHARS, format!("{expected}; empty for this month"))
        }
        command::ArgumentKind::SerialNumber => text(MAX_WORD_CHARS, expected),
        command::ArgumentKind::Reservations
        | command::ArgumentKind::Tariff
        | command::ArgumentKind::Recirculation => text(MAX_LIST_CHARS, expected),
    };
    Ok(device::Parameter { name: parameter.name.into(), kind, unit: own_unit, default })
}

/// The device counts in half degrees Celsius, whatever the unit shown: limits and value are in half degrees.
fn steps(
    limits: TemperatureLimits,
    feature: Option<&Feature>,
    unit: TemperatureUnit,
) -> Result<ParameterType, CommandError> {
    let (lowest, highest) = limits.of(feature)?;
    let (origin, size) = match unit {
        TemperatureUnit::Celsius => (0.0, 0.5),
        TemperatureUnit::Fahrenheit => (32.0, 0.9),
    };
    Ok(ParameterType::Steps { min: lowest.into(), max: highest.into(), origin, size })
}
