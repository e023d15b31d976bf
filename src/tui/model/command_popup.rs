//! What is still to be asked before a command goes out?

use crate::device::{CommandSpec, Confirmation, Parameter, Value};
use crate::tui::text::LineEdit;

/// A command on its way out: its values are asked for one by one, then whether it is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandPopup {
    /// The command.
    pub spec: CommandSpec,
    /// The values typed so far.
    pub values: Vec<Value>,
    /// What is being typed.
    pub line: LineEdit,
    /// Why it was not accepted, in one sentence.
    pub error: Option<String>,
}

impl CommandPopup {
    /// What is asked for now; `None` = nothing is missing.
    pub fn parameter(&self) -> Option<&Parameter> {
        self.spec.parameters.get(self.values.len())
    }

    /// Whether all that is asked is yes or no.
    pub fn is_yes_no_question(&self) -> bool {
        self.parameter().is_none() && self.spec.confirm == Confirmation::Ask
    }
}
