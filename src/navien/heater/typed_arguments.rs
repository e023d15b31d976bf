//! Conversion of the port's values into arguments of the protocol.

use chrono::{DateTime, Datelike as _, Utc};

use super::command_specs::is_user_input;
use crate::device::Value;
use crate::diagnostics::clean::clean;
use crate::navien::protocol::command::{
    Argument, ArgumentKind, Arguments, Command, CommandError, CommandParameter,
};
use crate::navien::protocol::{Temperature, TemperatureUnit};

/// The values of a command, in the order of the parameters entered by the user. Ranges are checked when the
/// command is built.
///
/// # Errors
/// If there are too few or too many values, or if one has the wrong type.
pub(super) fn arguments(
    command: &Command,
    values: &[Value],
    unit: TemperatureUnit,
    now: DateTime<Utc>,
) -> Result<Arguments, CommandError> {
    let mut arguments = Arguments::none();
    let mut values = values.iter();
    for parameter in command.parameters.iter().filter(|parameter| is_user_input(parameter)) {
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

/// One value; `None` if it is left out.
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
        // The switch applies to a non-empty list; an empty list is always sent as off.
        (ArgumentKind::Switch, Value::Flag(true)) => return Ok(None),
        (ArgumentKind::Switch, Value::Flag(false)) => Argument::Switch(false),
        (ArgumentKind::Months, Value::Text(months)) if months.trim().is_empty() => {
            Argument::Months(vec![now.month().into()])
        }
        (_, value) => parameter.parse(&value.to_string(), unit)?,
    }))
}
