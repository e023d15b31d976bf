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
    /// The pattern that made most of the drops, by its name in the export; `undetermined` where no
    /// observer can infer.
    pub(crate) truth: &'static str,
    /// Answers that are as right as the truth (the other of two causes, a name for the same mechanism).
    pub(crate) also: Vec<&'static str>,
    /// What was recorded, in order.
    pub(crate) events: Vec<StampedEvent>,
}

impl Case {
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
