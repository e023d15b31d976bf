//! The popup that collects parameters and the confirmation before a command is sent.

use crate::device::{CommandSpec, Confirmation, Parameter, Value};
use crate::tui::text::LineEdit;

/// A command before it is sent: first its parameters one by one, then the confirmation.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandPopup {
    /// The command.
    pub spec: CommandSpec,
    /// The values typed so far.
    pub values: Vec<Value>,
    /// The line being typed.
    pub line: LineEdit,
    /// Why the input is not accepted, in one sentence.
    pub error: Option<String>,
}

impl CommandPopup {
    /// The next missing parameter; `None` = all are filled in.
    pub fn parameter(&self) -> Option<&Parameter> {
        self.spec.parameters.get(self.values.len())
    }

    /// Whether the open question is a yes-or-no confirmation.
    pub fn is_yes_no_question(&self) -> bool {
        self.parameter().is_none() && self.spec.confirm == Confirmation::Ask
    }
}
