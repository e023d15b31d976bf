//! One labeled recording.

use dropscope::diagnostics::StampedEvent;
use dropscope::diagnostics::recording::encode;

/// The patterns for which each source has recordings.
pub(crate) const CLASSES: [&str; 14] = [
    "fixed_lifetime",
    "scheduled",
    "idle_timeout",
    "random",
    "bursty",
    "message_count",
    "message_rate",
    "publish_triggered",
    "system_event",
    "credential_expiry",
    "client_id_takeover",
    "outage",
    "keep_alive_timeout",
    "undetermined",
];

/// A recording and what made its drops.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Source, class and seed, to find it again.
    pub(crate) name: String,
    /// The class or kind it was drawn from.
    pub(crate) kind: &'static str,
    /// The pattern that made most of the drops, by its name in the export; `undetermined` where no
    /// observer can infer.
    pub(crate) truth: &'static str,
    /// Answers that are as right as the truth (the other of two causes, a name for the same mechanism).
    pub(crate) also: Vec<&'static str>,
    /// One cause of a mixture.
    pub(crate) first: Option<&'static str>,
    /// The other cause of a mixture.
    pub(crate) second: Option<&'static str>,
    /// The parameter of the truth where the recording shows it: `limit_secs` or `period_secs`, and its value.
    pub(crate) parameter: Option<(&'static str, f64)>,
    /// A change of the configuration ended the drops.
    pub(crate) cured: bool,
    /// Why it cannot connect at the end of the recording: `certificate`, `login`, `route`, `dns` or `refused`.
    pub(crate) now: Option<&'static str>,
    /// What was recorded, in order.
    pub(crate) events: Vec<StampedEvent>,
}

impl Case {
    /// A case of which only the pattern is known.
    pub(crate) fn new(
        name: String,
        kind: &str,
        truth: &'static str,
        also: Vec<&'static str>,
        events: Vec<StampedEvent>,
    ) -> Self {
        let kind = CLASSES.into_iter().find(|class| *class == kind).unwrap_or_default();
        Self {
            name,
            kind,
            truth,
            also,
            first: None,
            second: None,
            parameter: None,
            cured: false,
            now: None,
            events,
        }
    }

    /// The cause of a mixture that is not [`Self::second`], whichever of the two made more drops.
    pub(crate) fn first_cause(&self) -> &'static str {
        self.first.unwrap_or(self.truth)
    }

    /// The recording as a file would hold it.
    pub(crate) fn recording(&self) -> String {
        let mut text = String::new();
        for observed in &self.events {
            text.push_str(&encode(observed));
            text.push('\n');
        }
        text
    }
}
