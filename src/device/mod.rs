//! The device behind the broker: its commands, their answers, and the facts it reports.
//!
//! [`Device`] is the port: an implementation lists the commands of a device, builds them, recognizes the
//! answers and reads every message. [`ConfiguredDevice`] is the device of a configuration file.
//! [`PendingCommands`] tracks the commands without an answer and detects a silent device on a live connection.
//!
//! Pure. *Must not depend on* tokio, the link, the screens, files or a clock: time is passed in. Payloads stay
//! in this module and on the screen; they are never recorded.

mod configured;
mod facts;
mod parameter;
mod pending;
mod port;
mod template;

pub use configured::{AnswerMatchRule, AnswerSpec, ConfiguredCommand, ConfiguredDevice};
pub use facts::{Fact, FactGroup, FactLevel, facts_of_json};
pub use parameter::{Parameter, ParameterType, Value};
pub use pending::{PendingCommands, SilenceChange};
pub use port::{
    BuildError, CommandContext, CommandSpec, Confirmation, Device, DeviceMessage, DeviceUpdate, DeviceView,
    ExpectedAnswer, PreparedCommand,
};
pub use template::{Template, TemplateContext, TemplateError};
