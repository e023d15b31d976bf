//! Outage: the broker, or the path to it, is gone for minutes at a time.
//!
//! The evidence is the recovery and not the time: incidents with a long reconnect and several attempts.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln_beta_binomial, real};
use crate::classify::session::EndKind;
use crate::classify::{FittedParameters, OutageParameters};

use super::Fit;

/// A session this short after failed attempts belongs to the previous incident, in seconds.
const SAME_INCIDENT: f64 = 300.0;
/// An incident that a close began is an outage from this time to reconnect on, in seconds.
const LONG_OUTAGE: f64 = 45.0;
/// Time to reconnect that is as common in a dip of the network as in an outage, in seconds.
const AMBIGUOUS_OUTAGE: f64 = 120.0;
/// Fewest failed connects after a close.
const MIN_FAILED: u32 = 3;
/// Share of the drops that long incidents must hold.
const MIN_SHARE: f64 = 0.38;

/// Drops that belong together.
#[derive(Default)]
struct Incident {
    drops: Vec<usize>,
    /// The longest reconnect among them that took several attempts, in seconds.
    longest: f64,
    /// Whether the longest followed a close: the broker closed, and then accepted nobody.
    is_closed: bool,
}

impl Incident {
    /// Log evidence for an outage; `None` if the incident is none.
    ///
    /// A single close after which connects fail for a minute is a broker that is gone. Where the path was lost, or sessions
    /// came and went meanwhile, a dip of the network looks the same, and minutes are needed.
    fn weight(&self) -> Option<f64> {
        let length = (self.longest / AMBIGUOUS_OUTAGE).ln();
        if self.is_closed && self.drops.len() == 1 && self.longest > LONG_OUTAGE {
            return Some((0.3 + 1.2 * length).min(3.0));
        }
        (self.longest > AMBIGUOUS_OUTAGE).then(|| (1.5 * length - 1.4).min(3.0))
    }
}

pub(super) fn fit(case: &Case) -> Fit {
    let incidents = incidents(case);
    let long: Vec<&Incident> = incidents.iter().filter(|incident| incident.weight().is_some()).collect();
    if long.is_empty() {
        return Fit::impossible();
    }
    let mut hits: Vec<usize> = long.iter().flat_map(|incident| incident.drops.iter().copied()).collect();
    hits.sort_unstable();
    let (count, all) = (real(long.len()), real(incidents.len()));
    let longest = long.iter().map(|incident| incident.longest).fold(0.0, f64::max);
    let share = real(hits.len()) / case.count_f64().max(1.0);
    let is_too_few = share < MIN_SHARE || (long.len() < 2 && share < 0.6);
    let weight: f64 = long.iter().filter_map(|incident| incident.weight()).sum();
    let gain = ln_beta_binomial(count, all, 5.0, 1.2) - ln_beta_binomial(count, all, 1.0, 15.0);
    Fit {
        log_evidence: case.null + if is_too_few { -2.0 } else { gain + weight.max(-4.0) },
        hits,
        counts_hits: true,
        opportunities: all,
        parameters: FittedParameters::Outage(OutageParameters {
            longest_outage_secs: longest,
            outages: count,
        }),
        ..Fit::default()
    }
}

fn incidents(case: &Case) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = Vec::new();
    let mut failed_before = false;
    for (index, drop) in case.drops() {
        let is_same_incident =
            failed_before && drop.is_start_known && drop.detected - drop.start <= SAME_INCIDENT;
        if !is_same_incident || incidents.is_empty() {
            incidents.push(Incident::default());
        }
        let (failed, back_after) = recovery(case, drop);
        failed_before = failed > 0 && back_after.is_some_and(|secs| secs > 0.0);
        let Some(incident) = incidents.last_mut() else { continue };
        incident.drops.push(index);
        // A recording that ends while down contains at least several failed attempts.
        let took = match back_after {
            Some(secs) if failed >= 2 => secs,
            None if failed >= 5 => 300.0,
            _ => 0.0,
        };
        if took > incident.longest {
            incident.longest = took;
            incident.is_closed = failed >= MIN_FAILED && matches!(drop.kind, EndKind::Clean | EndKind::Reset);
        }
    }
    incidents
}

fn recovery(case: &Case, drop: &DeathWindow) -> (u32, Option<f64>) {
    case.frame
        .session_ending(drop)
        .map_or((0, None), |ending| (ending.failed_connects, ending.reconnect_secs))
}
