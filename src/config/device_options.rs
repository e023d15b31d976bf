//! What can the file say about the device behind the broker and its commands?
//!
//! In the file only: a command is too long for a flag.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::values::HumanDuration;

/// The device as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeviceOptions {
    /// What it is called.
    pub name: Option<String>,
    /// Topic filters of what it tells unasked.
    pub status_topic: Option<Vec<Spanned<String>>>,
    /// The command that the status key sends.
    pub status_command: Option<Spanned<String>>,
    /// It counts as silent when nothing came from it for this long.
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
    /// What is asked first.
    pub confirm: Option<ConfirmOption>,
    /// Where the answer comes.
    pub answer_topic: Option<Spanned<String>>,
    /// How it is recognised.
    pub answer_match: Option<AnswerMatch>,
    /// How long to wait for it.
    pub timeout: Option<HumanDuration>,
    /// Send it by itself this often.
    pub every: Option<HumanDuration>,
    /// What is to be filled in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterOptions>,
}

/// One thing to fill in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ParameterOptions {
    /// Its name in topic and payload.
    pub name: Spanned<String>,
    /// What kind of value.
    pub kind: ParameterKind,
    /// Smallest number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Multiples of this only.
    pub step: Option<f64>,
    /// Unit, shown when it is typed.
    pub unit: Option<String>,
    /// The words to choose from.
    pub choices: Option<Vec<String>>,
    /// Longest text in characters.
    pub max_length: Option<usize>,
    /// Taken when nothing is typed, as it would be typed.
    pub default: Option<String>,
}

/// How the payload is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadFormat {
    /// JSON if it begins with `{` or `[`, else text.
    Auto,
    /// Text, whatever it looks like.
    Text,
}

/// What is asked before a command goes out.
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

/// How an answer is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerMatch {
    /// The correlation id is in its payload.
    CorrelationId,
    /// Whatever comes.
    Any,
}

/// What kind of value.
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
