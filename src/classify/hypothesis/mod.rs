//! The hypotheses: how well each mechanism explains the drops.
//!
//! Every hypothesis adds a mechanism to random loss: it has opportunities to end a session, uses most of them, and the
//! drops it does not explain belong to the background. All likelihoods are log densities per second of drop time, so
//! that they compare directly.

mod bursty;
mod client_id_takeover;
mod credential_expiry;
mod fixed_lifetime;
mod idle_timeout;
mod keep_alive_timeout;
mod location;
mod message_count;
mod message_rate;
mod other;
mod outage;
mod publish_triggered;
mod reason;
mod scheduled;
mod system_event;

use std::collections::BTreeMap;

use super::case::Case;
use super::{FittedParameters, Pattern};

/// The fit of one mechanism, and the drops it explains.
#[derive(Debug, Clone, Default)]
pub(super) struct Fit {
    /// Log marginal likelihood, per second of drop time.
    pub(super) log_evidence: f64,
    /// Indices of the drops it explains, ascending; empty where hits are not defined.
    pub(super) hits: Vec<usize>,
    /// Whether hits are defined for this pattern.
    pub(super) counts_hits: bool,
    /// Number of opportunities to end a session.
    pub(super) opportunities: f64,
    /// The fitted numbers.
    pub(super) parameters: FittedParameters,
    /// The topic or system event that it blames.
    pub(super) label: Option<String>,
    /// Log marginal likelihood of the same mechanism ending only some of the sessions that reach its limit. That is a
    /// regularity, but no limit: it counts for "something else regular".
    pub(super) partial: Option<f64>,
}

/// Least share of the opportunities that a limit takes. A limit that every fourth session outlives is none.
const MIN_HIT_SHARE: f64 = 0.72;

impl Fit {
    /// The fit of a mechanism that is impossible.
    fn impossible() -> Self {
        Self { log_evidence: f64::NEG_INFINITY, counts_hits: true, ..Self::default() }
    }
}

/// The fits of all named patterns, and the log evidence of "something else regular".
pub(super) struct Fits {
    pub(super) named: BTreeMap<Pattern, Fit>,
    /// A renewal process of none of the known kinds.
    pub(super) other: f64,
}

/// Weighs all hypotheses.
pub(super) fn fit_all(case: &Case) -> Fits {
    let mut bursty = bursty::fit(case);
    let takeover = client_id_takeover::fit(case, &mut bursty);
    let lifetime = fixed_lifetime::fit(case);
    let mut random = Fit { log_evidence: case.null, ..Fit::default() };
    random.opportunities = case.count_f64();
    let named = BTreeMap::from([
        (Pattern::Random, random),
        (Pattern::IdleTimeout, idle_timeout::fit(case, &lifetime)),
        (Pattern::FixedLifetime, lifetime),
        (Pattern::Scheduled, scheduled::fit(case)),
        (Pattern::Bursty, bursty),
        (Pattern::MessageCount, message_count::fit(case)),
        (Pattern::MessageRate, message_rate::fit(case)),
        (Pattern::PublishTriggered, publish_triggered::fit(case)),
        (Pattern::SystemEvent, system_event::fit(case)),
        (Pattern::CredentialExpiry, credential_expiry::fit(case)),
        (Pattern::ClientIdTakeover, takeover),
        (Pattern::Outage, outage::fit(case)),
        (Pattern::KeepAliveTimeout, keep_alive_timeout::fit(case)),
    ]);
    let partial = named.values().filter_map(|fit| fit.partial).fold(f64::NEG_INFINITY, f64::max);
    Fits { other: other::fit(case).max(partial), named }
}
