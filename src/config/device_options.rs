//! The device behind the broker and its commands. Only the file has these options: a command is too long for a flag.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::values::HumanDuration;

/// The device as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeviceOptions {
    /// Its name.
    pub name: Option<String>,
    /// Topic filters of the messages that it sends by itself.
    pub status_topic: Option<Vec<Spanned<String>>>,
    /// The command that the status key sends.
    pub status_command: Option<Spanned<String>>,
    /// Time without a message after which it counts as silent.
    pub silent_after: Option<HumanDuration>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CommandOptions {
    /// Its name.
    pub name: Spanned<String>,
    /// What it does.
    pub title: Option<String>,
    /// The key that starts it.
    pub key: Option<Spanned<String>>,
    /// Topic name.
    pub topic: Spanned<String>,
    /// Payload; empty if left out.
    pub payload: Option<Spanned<String>>,
    /// How the payload is read.
    pub format: Option<PayloadFormat>,
    /// 0 or 1.
    pub qos: Option<Spanned<u8>>,
    /// The question before it is sent.
    pub confirm: Option<ConfirmOption>,
    /// Topic filter of the answer.
    pub answer_topic: Option<Spanned<String>>,
    /// How the answer is recognized.
    pub answer_match: Option<AnswerMatch>,
    /// How long to wait for it.
    pub timeout: Option<HumanDuration>,
    /// Interval at which it is sent automatically.
    pub every: Option<HumanDuration>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterOptions>,
}

/// A parameter of a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ParameterOptions {
    /// Its name in topic and payload.
    pub name: Spanned<String>,
    /// The kind of value.
    pub kind: ParameterKind,
    /// Smallest number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Multiples of this only.
    pub step: Option<f64>,
    /// Unit, shown at the prompt.
    pub unit: Option<String>,
    /// The values of a choice.
    pub choices: Option<Vec<String>>,
    /// Longest text in characters.
    pub max_length: Option<usize>,
    /// Value when nothing is typed, in its typed form.
    pub default: Option<String>,
}

/// How the payload is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadFormat {
    /// JSON if it starts with `{` or `[`, else text.
    Auto,
    /// Text, whatever it looks like.
    Text,
}

/// The question before a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfirmOption {
    /// Nothing.
    None,
    /// Yes or no.
    Ask,
    /// Its name.
    Type,
}

/// How an answer is recognized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerMatch {
    /// The correlation id is in its payload.
    CorrelationId,
    /// Any message.
    Any,
}

/// The kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// One of some words.
    Choice,
    /// A text.
    Text,
    /// On or off.
    Flag,
}
