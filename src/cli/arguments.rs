//! What all flags have in common: the name of the environment variable, and the form of a switch.

use std::any::TypeId;

use clap::builder::BoolishValueParser;
use clap::{Arg, Command};

use crate::config::environment::variable_of;

/// The positional argument that has an environment variable as well.
const URL: &str = "url";

/// Gives each flag of a command and of its subcommands the variable `DROPSCOPE_…` of the same name, and each switch
/// the form `--flag[=BOOL]`.
pub(super) fn complete(command: Command) -> Command {
    command.mut_args(complete_argument).mut_subcommands(complete)
}

fn complete_argument(argument: Arg) -> Arg {
    let is_switch = argument.get_value_parser().type_id() == TypeId::of::<bool>();
    let argument = if is_switch { switch(argument) } else { argument };
    let name = match argument.get_long() {
        Some(long) => long.to_owned(),
        None if argument.get_id() == URL => URL.to_owned(),
        None => return argument,
    };
    argument.env(variable_of(&name)).hide_env(true)
}

/// `--flag` is true, `--flag=no` false: what the file or a variable sets can be unset on the command line.
fn switch(argument: Arg) -> Arg {
    argument
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("BOOL")
        .value_parser(BoolishValueParser::new())
        .hide_possible_values(true)
}
