//! What is said about the drops: the pattern, how sure, why, and what to do next?

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Pattern;
use crate::diagnostics::Stamp;

/// The `classification` object of exports and of `analyze --format json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Classification {
    /// The answer.
    pub pattern: Pattern,
    /// Probability of the answer; with two causes that of both together.
    pub confidence: f64,
    /// Every pattern, the most probable first. The probabilities sum to 1.
    pub hypotheses: Vec<Hypothesis>,
    /// Drops that were judged.
    pub drops: u64,
    /// What speaks for the answer, in sentences.
    pub evidence: Vec<String>,
    /// The fitted numbers of the answer, by name with the unit at the end (`limit_secs`).
    pub parameters: BTreeMap<String, f64>,
    /// What would be needed and is not there; `None` when nothing is.
    pub missing: Option<String>,
}

/// One pattern weighed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// Which.
    pub pattern: Pattern,
    /// Posterior probability, 0 to 1.
    pub probability: f64,
    /// Drops it explains.
    pub hits: u64,
    /// How often it could have ended a session (survivals within the spread of a limit count in part).
    pub opportunities: f64,
    /// Natural logarithm of how much better it fits than random loss; negative if worse.
    pub log_bayes_factor: f64,
}

/// What follows from the classification, for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// The causes that make such a pattern, the most probable first (sum at most 1).
    pub causes: Vec<RankedCause>,
    /// A second pattern among the drops that the answer leaves over, or a finding of few drops.
    pub also: Vec<SecondaryFinding>,
    /// What speaks against the answer, in sentences.
    pub against: Vec<String>,
    /// What would tell the answer and the runner-up apart.
    pub separate: Option<String>,
    /// The most useful thing to do now.
    pub next: Advice,
    /// When the pattern predicts the next drop.
    pub expected: Option<DropPrediction>,
    /// The four outcomes of the investigation guide.
    pub outcomes: OutcomeShares,
}

/// A cause of the catalogue, weighed.
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

/// What to do next; a screen adds the key that does it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// The instruction, one sentence.
    pub text: String,
    /// What a key can do about it.
    pub action: AdviceAction,
}

/// The kind of thing to do.
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
    /// Reconnect now, to move session age and wall clock apart.
    Reconnect,
    /// Read the newest drop.
    OpenDrop,
    /// Something outside this program.
    Outside,
}

/// A prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DropPrediction {
    /// When, wall clock.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Half the width of the interval that should hold it, in seconds.
    pub within_secs: f64,
}

/// The four Expected Outcomes of the investigation guide, as probabilities that sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutcomeShares {
    /// The network between, NAT included.
    pub network: f64,
    /// The broker's side.
    pub server: f64,
    /// How this client is configured or behaves.
    pub client: f64,
    /// This computer, its local network, or the device.
    pub environment: f64,
}

/// Everything that is said about the drops up to an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Up to when the events were taken into account.
    pub at: Stamp,
    /// The pattern, with its evidence.
    pub classification: Classification,
    /// What follows from it.
    pub diagnosis: Diagnosis,
}

impl Verdict {
    /// What is said before anything happened.
    pub fn undetermined(at: Stamp) -> Self {
        let hypothesis = |pattern| Hypothesis {
            pattern,
            probability: if pattern == Pattern::Undetermined { 1.0 } else { 0.0 },
            hits: 0,
            opportunities: 0.0,
            log_bayes_factor: 0.0,
        };
        let mut hypotheses: Vec<_> = Pattern::ALL.into_iter().map(hypothesis).collect();
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
                next: Advice { text: "leave it running".into(), action: AdviceAction::Wait },
                expected: None,
                outcomes: OutcomeShares { network: 0.25, server: 0.25, client: 0.25, environment: 0.25 },
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
