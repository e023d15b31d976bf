//! What do the values typed mean in the device's language?

use chrono::{DateTime, Datelike as _, Utc};

use super::offer::is_asked_for;
use crate::device::Value;
use crate::diagnostics::clean::clean;
use crate::navien::protocol::command::{Argument, Arguments, Command, Kind, Parameter, Refusal};
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
) -> Result<Arguments, Refusal> {
    let mut arguments = Arguments::none();
    let mut values = values.iter();
    for parameter in command.parameters.iter().filter(|parameter| is_asked_for(command, parameter)) {
        let missing =
            || Refusal::Missing { parameter: parameter.title, expected: parameter.expected(unit, None) };
        let value = values.next().ok_or_else(missing)?;
        if let Some(argument) = argument(parameter, value, unit, now)? {
            arguments = arguments.with(parameter.name, argument);
        }
    }
    match values.next() {
        Some(more) => Err(Refusal::Unexpected { parameter: clean(&more.to_string()).into_owned() }),
        None => Ok(arguments),
    }
}

/// One value; `None` if it is to be left out.
fn argument(
    parameter: &Parameter,
    value: &Value,
    unit: TemperatureUnit,
    now: DateTime<Utc>,
) -> Result<Option<Argument>, Refusal> {
    Ok(Some(match (parameter.kind, value) {
        (Kind::Temperature(_), Value::Integer(halves)) => {
            let halves = i16::try_from(*halves).map(Temperature::from_halves);
            Argument::Temperature(halves.map_err(|_| Refusal::Wrong {
                parameter: parameter.title,
                expected: parameter.expected(unit, None),
            })?)
        }
        (Kind::Whole { .. }, Value::Integer(number)) => Argument::Number(*number),
        // On is what the device is told of a list that is not empty; an empty one is off.
        (Kind::Switch, Value::Flag(true)) => return Ok(None),
        (Kind::Switch, Value::Flag(false)) => Argument::Switch(false),
        (Kind::Months, Value::Text(months)) if months.trim().is_empty() => {
            Argument::Months(vec![now.month().into()])
        }
        (_, value) => parameter.read(&value.to_string(), unit)?,
    }))
}
