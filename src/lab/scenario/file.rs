//! Parsing of scenario files.

use std::fmt;

use super::Scenario;

/// Why a text is not a scenario: one sentence, with the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScenarioError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong, and what is allowed.
    pub message: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}.", self.line, self.message)
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Parses the text of a scenario file.
    ///
    /// # Errors
    /// The first line that is wrong, and why.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
            ScenarioError { line, message: explain(error.message()) }
        })
    }
}

/// The parser's message in plain words. The parser's own begins "unknown field `name`, expected one of `a`,
/// `b`" or "unexpected keys in table: name, available keys: a, b".
fn explain(message: &str) -> String {
    let message = message.replace('\n', " ");
    for (kind, noun) in [("unknown field `", "key"), ("unknown variant `", "name")] {
        let unknown = message.strip_prefix(kind).and_then(|rest| rest.split_once("`, expected "));
        if let Some((name, allowed)) = unknown {
            let allowed = allowed.trim_start_matches("one of ").replace('`', "").replace(" or ", ", ");
            return format!("unknown {noun} `{name}`; allowed: {allowed}");
        }
    }
    let unknown = message
        .strip_prefix("unexpected keys in table: ")
        .and_then(|rest| rest.split_once(", available keys: "));
    if let Some((names, allowed)) = unknown {
        return format!("unknown key `{names}`; allowed: {allowed}");
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is missing");
    }
    ["f64", "u16", "u32", "u8", "u64"]
        .iter()
        .fold(message, |message, number| message.replace(&format!("expected {number}"), "expected a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "name = \"mine\"\nsymptom = \"a reset\"\nfault = \"resets\"\nspeed = 60\n\
        transport = \"tcp\"\nmqtt_version = \"5\"\nkeep_alive_secs = 60\nping_timeout_secs = 10.0\n";

    #[test]
    fn optional_keys_have_defaults() {
        let scenario = Scenario::parse(VALID).unwrap();
        assert_eq!(scenario.credential_renewal_secs, None);
        assert!(scenario.patterns.is_empty() && scenario.telemetry_secs.is_empty());
        assert!(scenario.client_publishes.is_empty() && scenario.path_faults.is_empty());
    }

    #[test]
    fn an_error_names_the_line_and_what_is_allowed() {
        for (old, new, expected) in [
            ("speed = 60", "spead = 60", "line 4: unknown key `spead`; allowed: name, symptom, fault"),
            ("speed = 60", "speed = 0.5", "line 4: the speed must be a number from 1 to 86400."),
            ("speed = 60", "speed = nan", "line 4: the speed must be a number from 1 to 86400."),
            ("speed = 60", "speed = \"fast\"", "line 4: invalid type: string \"fast\", expected a number."),
            ("\"tcp\"", "\"udp\"", "line 5: unknown name `udp`; allowed: tcp, tls, ws, wss."),
            ("\"5\"", "\"4\"", "line 6: unknown name `4`; allowed: 3.1.1, 5."),
            ("= 10.0", "= -1.0", "line 8: the time must be more than 0 and at most 1000000000 seconds."),
            ("\"mine\"", "\"My scenario\"", "line 1: the name must be 1 to 40 lowercase letters"),
            ("\"resets\"", "\"\\u001b[2J\"", "line 3: the fault must be 1 to 60 printable characters."),
        ] {
            assert_error(&VALID.replace(old, new), expected);
        }
        for (added, expected) in [
            (
                "path_faults = [{ tls_alert = { every_secs = -1.0 } }]",
                "line 9: the numbers of a fault must be 0 to",
            ),
            (
                "path_faults = [{ tls_alert = { every = 1.0 } }]",
                "line 9: unknown key `every`; allowed: every_secs.",
            ),
            (
                "[[path_faults]]\nhalf_opened = {}",
                "line 10: unknown name `half_opened`; allowed: session_lifetime,",
            ),
            ("telemetry_secs = [1.0, 0.0]", "line 9: each time must be more than 0"),
            (
                "[[client_publishes]]\ntopic = \"a/#\"",
                "line 10: the topic must be 1 to 256 printable characters",
            ),
            ("speed = 60", "line 9: duplicate key"),
        ] {
            assert_error(&format!("{VALID}{added}\n"), expected);
        }
        let without_name = VALID.split_once('\n').unwrap().1;
        assert_error(without_name, "line 1: the key `name` is missing.");
    }

    fn assert_error(text: &str, expected: &str) {
        let error = Scenario::parse(text).expect_err(text).to_string();
        assert!(error.starts_with(expected) && error.lines().count() == 1, "{error}\n{expected}");
    }
}
