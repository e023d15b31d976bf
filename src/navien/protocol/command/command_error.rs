//! Why is a command not sent?

/// Why a command is not sent. The text is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It cannot be undone from here and was not allowed.
    #[error("\"{title}\" cannot be undone from here; it must be allowed expressly")]
    Irreversible {
        /// Title of the command.
        title: &'static str,
    },
    /// The feature message has not come yet.
    #[error("the device has not said yet what it can do; ask for its information first")]
    FeatureUnknown,
    /// The feature message has no limits for this setting.
    #[error("the device does not say which temperatures it allows")]
    LimitsUnknown,
    /// The device has not what it takes.
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
        /// What is expected.
        expected: String,
    },
    /// A value for a parameter that the command has not, or that does not go with the others.
    #[error("{parameter} does not belong to this command here")]
    Unexpected {
        /// Its name, cleaned.
        parameter: String,
    },
    /// A value that means nothing or lies outside its range.
    #[error("{parameter} must be {expected}")]
    Invalid {
        /// Title of the parameter.
        parameter: &'static str,
        /// What is expected.
        expected: String,
    },
    /// An entry of a timetable that cannot be written.
    #[error("entry {number}: {wrong}")]
    InvalidEntry {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        wrong: &'static str,
    },
}
