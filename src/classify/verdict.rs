//! The verdict on the drops: the pattern, its probability, the evidence, and what to do next.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Pattern, PresentFault, SeparationTest};
use crate::diagnostics::Stamp;

/// The `classification` object of exports and of `analyze --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The pattern that the verdict names.
    pub pattern: Pattern,
    /// Probability of the answer; with two causes that of both together.
    pub confidence: f64,
    /// Every pattern, the most probable first. The probabilities sum to 1.
    pub hypotheses: Vec<Hypothesis>,
    /// Drops taken into account.
    pub drops: u64,
    /// Evidence for the answer, in sentences.
    pub evidence: Vec<String>,
    /// The fitted numbers of the answer, by name with the unit at the end (`limit_secs`).
    pub parameters: BTreeMap<String, f64>,
    /// Data that would be needed and are not there; `None` when nothing is missing.
    pub missing: Option<String>,
}

/// One pattern with its probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Which.
    pub pattern: Pattern,
    /// Posterior probability, 0 to 1.
    pub probability: f64,
    /// Drops it explains.
    pub hits: u64,
    /// Opportunities to end a session (survivals within the spread of a limit count in part).
    pub opportunities: f64,
    /// Natural logarithm of the Bayes factor against random loss; negative if it fits worse.
    pub log_bayes_factor: f64,
}

/// The consequences of the classification, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The causes of such a pattern, the most probable first (sum at most 1).
    pub causes: Vec<RankedCause>,
    /// A second pattern among the drops that the answer does not explain, or a finding of few drops.
    pub also: Vec<SecondaryFinding>,
    /// Evidence against the answer, in sentences.
    pub against: Vec<String>,
    /// A test that separates the answer from the first rival.
    pub separate: Option<String>,
    /// The test that this program can run to separate them; `None` if only waiting does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separation: Option<SeparationTest>,
    /// The most useful thing to do now.
    pub next: Advice,
    /// When the pattern predicts the next drop.
    pub expected: Option<DropPrediction>,
    /// The four outcomes of the investigation guide.
    pub outcomes: OutcomeShares,
    /// What keeps the connection from working at this moment; `None` if nothing is known to be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<PresentFault>,
    /// Fewer drops than before since something changed; `None` if there is nothing to compare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calm: Option<Calm>,
}

/// The drops since the newest change, against those expected at the rate before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calm {
    /// Since when.
    pub since: chrono::DateTime<chrono::Utc>,
    /// Keep-alive in force since then, in seconds (0 if it is off); `None` if it is the same as before.
    pub keep_alive_secs: Option<f64>,
    /// Whether the client id is another one since then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_other_client_id: bool,
    /// Connected time since then, in seconds.
    pub connected_secs: f64,
    /// Drops since then.
    pub drops: u64,
    /// Drops expected at the rate before.
    pub expected: f64,
    /// Connected time per drop before, in seconds.
    pub secs_per_drop_before: f64,
}

/// A cause of the catalogue with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RankedCause {
    /// Key in the catalogue of causes.
    pub id: String,
    /// Plain name.
    pub name: String,
    /// Probability, 0 to 1.
    pub probability: f64,
}

/// A pattern beside the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecondaryFinding {
    /// Which.
    pub pattern: Pattern,
    /// Drops it explains.
    pub hits: u64,
    /// In words.
    pub sentence: String,
}

/// The next step; a screen adds the key that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The instruction, one sentence.
    pub text: String,
    /// The action behind it, for a key.
    pub action: AdviceAction,
    /// The keep-alive to try, in seconds, where that is the advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_alive_secs: Option<u32>,
}

impl Advice {
    /// An instruction with the action behind it.
    pub fn new(text: impl Into<String>, action: AdviceAction) -> Self {
        Self { text: text.into(), action, keep_alive_secs: None }
    }
}

/// The kind of the next step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdviceAction {
    /// Leave it running.
    Wait,
    /// Connect again.
    Connect,
    /// Shorten the keep-alive (to about this many seconds when known).
    ShortenKeepAlive,
    /// Turn the keep-alive on.
    TurnPingsOn,
    /// Reconnect now, so that session age and wall clock differ.
    Reconnect,
    /// Read the newest drop.
    OpenDrop,
    /// Something outside this program.
    Outside,
}

/// The predicted next drop.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DropPrediction {
    /// When, wall clock.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Half the width of the prediction interval, in seconds.
    pub within_secs: f64,
}

/// The four Expected Outcomes of the investigation guide, as probabilities that sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutcomeShares {
    /// The network between client and broker, NAT included.
    pub network: f64,
    /// The broker's side.
    pub server: f64,
    /// How this client is configured or behaves.
    pub client: f64,
    /// This computer, its local network, or the device.
    pub environment: f64,
}

/// The verdict on all drops up to an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The instant up to which events are taken into account.
    pub at: Stamp,
    /// The pattern, with its evidence.
    pub classification: Classification,
    /// Its consequences.
    pub diagnosis: Diagnosis,
}

impl Verdict {
    /// The verdict before the first event.
    pub fn undetermined(at: Stamp) -> Self {
        let unweighed = |pattern| Hypothesis {
            pattern,
            probability: if pattern == Pattern::Undetermined { 1.0 } else { 0.0 },
            hits: 0,
            opportunities: 0.0,
            log_bayes_factor: 0.0,
        };
        let mut hypotheses: Vec<_> = Pattern::ALL.into_iter().map(unweighed).collect();
        hypotheses.rotate_right(1);
        Self {
            at,
            classification: Classification {
                pattern: Pattern::Undetermined,
                confidence: 1.0,
                hypotheses,
                drops: 0,
                evidence: Vec::new(),
                parameters: BTreeMap::new(),
                missing: Some("no drop yet".into()),
            },
            diagnosis: Diagnosis {
                causes: Vec::new(),
                also: Vec::new(),
                against: Vec::new(),
                separate: None,
                separation: None,
                next: Advice::new("leave it running", AdviceAction::Wait),
                expected: None,
                outcomes: OutcomeShares { network: 0.25, server: 0.25, client: 0.25, environment: 0.25 },
                now: None,
                calm: None,
            },
        }
    }
}

impl DropPrediction {
    /// Half the width as a duration.
    pub fn half_width(&self) -> Duration {
        Duration::try_from_secs_f64(self.within_secs).unwrap_or(Duration::ZERO)
    }
}
