//! What can the device behind the broker be told, what did it answer, and what does it say of itself?
//!
//! [`Device`] is the port: whoever knows a device's language lists its commands, builds one, recognises the
//! answer and reads what arrives. [`ConfiguredDevice`] is the device of a configuration file. [`Waiting`]
//! knows which commands still wait for an answer, and when a device that is connected has gone deaf.
//!
//! Pure. *Must not know* tokio, the link, the screens, files or a clock: time is passed in. Payloads stay
//! here and on the screen; they are never recorded.

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
