//! What do the values typed mean in the device's language?

use chrono::{DateTime, Datelike as _, Utc};

use super::command_specs::is_user_input;
use crate::device::Value;
use crate::diagnostics::clean::clean;
use crate::navien::protocol::command::{
    Argument, ArgumentKind, Arguments, Command, CommandError, CommandParameter,
};
use crate::navien::protocol::{Temperature, TemperatureUnit};

/// The values of a command in the order in which they were asked for. Ranges are checked when it is built.
///
/// # Errors
/// If there are too few or too many, or if one means nothing.
pub(super) fn arguments(
    command: &Command,
    values: &[Value],
    unit: TemperatureUnit,
    now: DateTime<Utc>,
) -> Result<Arguments, CommandError> {
    let mut arguments = Arguments::none();
    let mut values = values.iter();
    for parameter in command.parameters.iter().filter(|parameter| is_user_input(command, parameter)) {
        let missing = || CommandError::Missing {
            parameter: parameter.title,
            expected: parameter.allowed_values(unit, None),
        };
        let value = values.next().ok_or_else(missing)?;
        if let Some(argument) = argument(parameter, value, unit, now)? {
            arguments = arguments.with(parameter.name, argument);
        }
    }
    match values.next() {
        Some(more) => Err(CommandError::Unexpected { parameter: clean(&more.to_string()).into_owned() }),
        None => Ok(arguments),
    }
}

/// One value; `None` if it is to be left out.
fn argument(
    parameter: &CommandParameter,
    value: &Value,
    unit: TemperatureUnit,
    now: DateTime<Utc>,
) -> Result<Option<Argument>, CommandError> {
    Ok(Some(match (parameter.kind, value) {
        (ArgumentKind::Temperature(_), Value::Integer(halves)) => {
            let halves = i16::try_from(*halves).map(Temperature::from_halves);
            Argument::Temperature(halves.map_err(|_| CommandError::Invalid {
                parameter: parameter.title,
                expected: parameter.allowed_values(unit, None),
            })?)
        }
        (ArgumentKind::Integer { .. }, Value::Integer(number)) => Argument::Number(*number),
        // On is what the device is told of a list that is not empty; an empty one is off.
        (ArgumentKind::Switch, Value::Flag(true)) => return Ok(None),
        (ArgumentKind::Switch, Value::Flag(false)) => Argument::Switch(false),
        (ArgumentKind::Months, Value::Text(months)) if months.trim().is_empty() => {
            Argument::Months(vec![now.month().into()])
        }
        (_, value) => parameter.parse(&value.to_string(), unit)?,
    }))
}
