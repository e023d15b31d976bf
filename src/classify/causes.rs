//! The causes of drops, and the probability of each for a given pattern.
//!
//! All of it is data: the catalog in `causes/*.toml`, the weights in `causes/weights.toml`. An invalid file gives an
//! empty catalog and no panic; a test proves that the files are valid.

mod context;
mod periods;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use context::{CauseContext, EndShares};
pub use periods::{Anchor, NamedPeriod, named_periods};

use super::{Hypothesis, OutcomeShares, Pattern, RankedCause};

/// A cause of drops, described for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Stable key, in `snake_case`.
    pub id: String,
    /// The row of the investigation guide (`A1` … `D8`), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Plain name, the continuation of "the reason is that …".
    pub name: String,
    /// Its outcome among the four of the guide.
    pub outcome: GuideOutcome,
    /// What happens, in two or three sentences.
    pub meaning: String,
    /// Evidence for it.
    pub evidence_for: Vec<String>,
    /// Evidence against it.
    pub evidence_against: Vec<String>,
    /// Causes that look the same, and how to distinguish them.
    pub look_alikes: Vec<LookAlike>,
    /// What can be checked without owning the broker.
    pub client_check: Vec<String>,
    /// What the broker's owner can check.
    pub server_check: Vec<String>,
    /// How to end it.
    pub fix: Vec<String>,
}

/// The four outcomes of the investigation guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuideOutcome {
    /// The network between client and broker.
    Network,
    /// The broker's side.
    Server,
    /// How this client is configured or behaves.
    Client,
    /// This computer, its local network, or the device.
    Environment,
}

/// A cause that looks like another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookAlike {
    /// Key of the other cause.
    pub cause: String,
    /// How to distinguish them.
    #[serde(rename = "tell")]
    pub how_to_distinguish: String,
}

#[derive(Deserialize)]
struct CauseFile {
    cause: Vec<Cause>,
}

/// The share of one cause, relative to the others.
type Weights = BTreeMap<String, f64>;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ranking {
    base: f64,
    prior: BTreeMap<Pattern, Weights>,
    outcomes: BTreeMap<Pattern, [f64; 4]>,
    clue: Vec<context::WeightRule>,
}

const FILES: [&str; 4] = [
    include_str!("causes/client.toml"),
    include_str!("causes/server.toml"),
    include_str!("causes/path.toml"),
    include_str!("causes/host.toml"),
];

static CATALOGUE: LazyLock<Vec<Cause>> = LazyLock::new(|| {
    let parse_file =
        |text: &&str| toml::from_str::<CauseFile>(text).map(|file| file.cause).unwrap_or_default();
    FILES.iter().flat_map(parse_file).collect()
});

static RANKING: LazyLock<Ranking> =
    LazyLock::new(|| toml::from_str(include_str!("causes/weights.toml")).unwrap_or_default());

/// The share of causes outside the catalogue, among the weights of a pattern.
const OTHER_CAUSES: &str = "rest";

/// Least probability of a listed cause.
const LEAST_PROBABILITY: f64 = 0.005;

/// Every cause, in the order of the guide.
pub fn catalogue() -> &'static [Cause] {
    &CATALOGUE
}

/// The cause with this key.
pub fn cause(id: &str) -> Option<&'static Cause> {
    CATALOGUE.iter().find(|cause| cause.id == id)
}

/// Probabilities of the causes of drops that follow `pattern`, the most probable first.
///
/// P(cause) = prior weight × the multipliers of all weight rules that hold, divided by the sum over all causes and the
/// share for causes outside the catalogue. So the sum is below 1.
pub fn rank(pattern: Pattern, context: &CauseContext) -> Vec<(&'static Cause, f64)> {
    let Some(prior) = RANKING.prior.get(&pattern) else { return Vec::new() };
    let facts = context.facts();
    let mut weights: Weights = CATALOGUE.iter().map(|cause| (cause.id.clone(), RANKING.base)).collect();
    weights.extend(prior.iter().map(|(id, weight)| (id.clone(), *weight)));
    for clue in RANKING.clue.iter().filter(|clue| clue.holds(&facts)) {
        for (id, factor) in &clue.times {
            if let Some(weight) = weights.get_mut(id) {
                *weight *= factor;
            }
        }
    }
    let sum: f64 = weights.values().sum();
    if sum.is_nan() || sum <= 0.0 {
        return Vec::new();
    }
    let mut ranked: Vec<(&Cause, f64)> = weights
        .iter()
        .filter(|(id, _)| *id != OTHER_CAUSES)
        .filter_map(|(id, weight)| cause(id).map(|cause| (cause, weight / sum)))
        .filter(|(_, probability)| *probability >= LEAST_PROBABILITY)
        .collect();
    ranked.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    ranked
}

/// The causes behind several patterns at once: Σ P(pattern) P(cause | pattern), the most probable first.
pub fn rank_all(hypotheses: &[Hypothesis], context: &CauseContext) -> Vec<(&'static Cause, f64)> {
    let mut sums: Vec<(&'static Cause, f64)> = Vec::new();
    for hypothesis in hypotheses.iter().filter(|hypothesis| hypothesis.probability > 0.0) {
        for (cause, probability) in rank(hypothesis.pattern, context) {
            let share = probability * hypothesis.probability;
            match sums.iter_mut().find(|(ranked, _)| ranked.id == cause.id) {
                Some((_, sum)) => *sum += share,
                None => sums.push((cause, share)),
            }
        }
    }
    sums.retain(|(_, probability)| *probability >= LEAST_PROBABILITY);
    sums.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    sums
}

/// The four outcomes: Σ P(pattern | data) W[pattern, outcome], scaled to sum to 1.
///
/// An undetermined pattern counts evenly for all four. Without any probability all four are equal.
pub fn outcomes(hypotheses: &[Hypothesis]) -> OutcomeShares {
    let mut sums = [0.0; 4];
    for hypothesis in hypotheses.iter().filter(|hypothesis| hypothesis.probability > 0.0) {
        let shares = RANKING.outcomes.get(&hypothesis.pattern).copied().unwrap_or([0.25; 4]);
        for (sum, share) in sums.iter_mut().zip(shares) {
            *sum += hypothesis.probability * share;
        }
    }
    let total: f64 = sums.iter().sum();
    let [network, server, client, environment] =
        if total.is_finite() && total > 0.0 { sums.map(|sum| sum / total) } else { [0.25; 4] };
    OutcomeShares { network, server, client, environment }
}

impl From<(&Cause, f64)> for RankedCause {
    fn from((cause, probability): (&Cause, f64)) -> Self {
        Self { id: cause.id.clone(), name: cause.name.clone(), probability }
    }
}

#[cfg(test)]
mod tests;
