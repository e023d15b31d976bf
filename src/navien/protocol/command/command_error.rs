//! The reasons why a command is not sent.

/// Why a command is not sent. The text is shown to the user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It is irreversible and was not allowed.
    #[error("\"{title}\" is irreversible; allow it with --allow-one-way")]
    Irreversible {
        /// Title of the command.
        title: &'static str,
    },
    /// The feature message has not arrived yet.
    #[error("the device has not reported its capabilities; send `info` first")]
    FeatureUnknown,
    /// The feature message has no limits for this setting.
    #[error("the device reports no temperature limits")]
    LimitsUnknown,
    /// The device lacks a required capability.
    #[error("this device has no {what}")]
    NotSupported {
        /// What is missing.
        what: &'static str,
    },
    /// A parameter without a value.
    #[error("{parameter} is missing: {expected}")]
    Missing {
        /// Title of the parameter.
        parameter: &'static str,
        /// The accepted values.
        expected: String,
    },
    /// A value for a parameter that the command does not have, or that conflicts with the others.
    #[error("{parameter} does not apply here")]
    Unexpected {
        /// Its name, cleaned.
        parameter: String,
    },
    /// An invalid value, or one outside its range.
    #[error("{parameter} must be {expected}")]
    Invalid {
        /// Title of the parameter.
        parameter: &'static str,
        /// The accepted values.
        expected: String,
    },
    /// An entry of a timetable that is invalid.
    #[error("entry {number}: {wrong}")]
    InvalidEntry {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        wrong: &'static str,
    },
}
