//! Idle timeout: a silence of a certain length ends the session.
//!
//! A NAT, firewall or proxy drops an idle connection in one of two ways: it closes at the limit (`closed`), or it drops
//! its state silently, and the next outgoing packet is lost or reset (`noticed`). The silence may be of both directions or
//! of one, and the limit may hold for part of the day only.

mod closed;
mod noticed;

use crate::classify::FittedParameters;
use crate::classify::case::Case;
use crate::classify::math::{ln, ln_sum_exp};

use super::Fit;

/// Shorter silences are no idle limit, in seconds.
const MIN_SILENCE: f64 = 2.0;

pub(super) fn fit(case: &Case, lifetime: &Fit) -> Fit {
    // The silences between messages that were only counted are not known.
    if case.frame.log.aggregated > case.frame.log.single {
        return Fit::impossible();
    }
    let closed = closed::fits(case, lifetime);
    let noticed = noticed::fits(case);
    let weighted: Vec<(f64, Fit)> = closed.into_iter().chain(noticed).collect();
    let terms: Vec<f64> = weighted.iter().map(|(weight, fit)| ln(*weight) + fit.log_evidence).collect();
    let partial = weighted.iter().filter_map(|(_, fit)| fit.partial).reduce(f64::max);
    let best = weighted
        .into_iter()
        .filter(|(_, fit)| !matches!(fit.parameters, FittedParameters::None))
        .map(|(weight, fit)| (ln(weight) + fit.log_evidence, fit))
        .max_by(|one, other| one.0.total_cmp(&other.0));
    let mut best = best.map_or_else(Fit::impossible, |(_, fit)| fit);
    best.log_evidence = ln_sum_exp(&terms);
    best.partial = partial;
    best
}
