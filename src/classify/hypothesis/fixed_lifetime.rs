//! Fixed lifetime: sessions end at one age.
//!
//! The server, a proxy or a timer ends each session a fixed time after its connect. Every session that reaches that age
//! is an opportunity.

use crate::classify::case::Case;
use crate::classify::math::{ln_beta_binomial, real};
use crate::classify::session::{EndKind, Session};
use crate::classify::survivors::SurvivalTable;
use crate::classify::{FittedParameters, LifetimeParameters};

use super::Fit;
use super::location::{self, Interval, Search};

/// Common lifetimes, in seconds.
const ROUND_LIFETIMES: [f64; 12] = [
    300.0, 600.0, 900.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 14_400.0, 21_600.0, 43_200.0, 86_400.0,
];

/// Shorter lives are those of a refused operation or a taken over session, in seconds.
const MIN_LIFETIME: f64 = 3.0;
/// Widest death window, as a share of the age: a window that reaches back to the connect fits every age and proves none.
const MAX_WINDOW_SHARE: f64 = 0.3;

pub(super) fn fit(case: &Case) -> Fit {
    // Sessions that a burst ends before a packet proves them alive all last as long as a ping and its timeout.
    let ages: Vec<Interval> = case
        .drops()
        .filter(|(_, drop)| drop.is_start_known && !drop.is_own_timeout && !drop.is_continuation)
        .filter(|(_, drop)| drop.hi - drop.lo <= MAX_WINDOW_SHARE * (drop.hi - drop.start))
        .map(|(index, drop)| Interval { drop: index, lo: drop.lo - drop.start, hi: drop.hi - drop.start })
        .collect();
    let alive = SurvivalTable::from_values(case.survivors().map(Session::age));
    let mut fit = location::fit(
        case,
        &ages,
        &alive,
        &Search { round_values: &ROUND_LIFETIMES, min: MIN_LIFETIME, parameters: lifetime_parameters },
    );
    // A limit on the age closes sessions. Silent sessions, and those reset by an outgoing packet, were lost on the path,
    // and the wide windows of such deaths fit any age.
    let of_hits = fit.hits.iter().filter_map(|index| case.frame.drops.get(*index));
    let lost = real(of_hits.filter(|drop| matches!(drop.kind, EndKind::Silent | EndKind::Reset)).count());
    let hits = real(fit.hits.len());
    let end_kind_factor = ln_beta_binomial(lost, hits, 1.0, 4.0) - ln_beta_binomial(lost, hits, 1.0, 1.0);
    fit.log_evidence += end_kind_factor.min(0.0);
    fit
}

fn lifetime_parameters(limit_secs: f64, spread_secs: f64) -> FittedParameters {
    FittedParameters::FixedLifetime(LifetimeParameters { limit_secs, spread_secs })
}
