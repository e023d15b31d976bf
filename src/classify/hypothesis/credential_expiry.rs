//! Credential expiry: the session ends when its credentials expire.
//!
//! Two anchors: the credentials a session connected with (a later renewal does not save a live session), or the newest
//! ones (a renewal moves the limit). No location is searched, so few drops suffice.

use crate::classify::case::Case;
use crate::classify::math::{ln_mean_exp, ln_mechanism, ln_window, real};
use crate::classify::reason_code::NOT_AUTHORIZED;
use crate::classify::{CredentialExpiryParameters, ExpiryAnchor, FittedParameters};

use super::{Fit, reason};

/// Widths of the delay after the expiry, in seconds.
const WIDTHS: [f64; 3] = [0.5, 2.5, 8.0];
/// A drop from a second before the expiry to this long after it is a hit, in seconds.
const REACH: f64 = 25.0;

pub(super) fn fit(case: &Case) -> Fit {
    let anchors = [
        fit_anchor(case, &expiry_at_connect(case), ExpiryAnchor::UsedAtConnect),
        fit_anchor(case, &newest_expiries(case), ExpiryAnchor::Newest),
    ];
    let terms: Vec<f64> = anchors.iter().flatten().map(|fit| fit.log_evidence).collect();
    let best =
        anchors.into_iter().flatten().max_by(|one, other| one.log_evidence.total_cmp(&other.log_evidence));
    let Some(mut best) = best else { return Fit::impossible() };
    let reason_factor =
        reason::reason_code_factor(case, &[NOT_AUTHORIZED]).map_or(0.0, |(factor, _)| factor.clamp(0.0, 6.0));
    best.log_evidence = ln_mean_exp(&terms, 2) + reason_factor;
    best
}

/// Expiry of the credentials each session connected with.
fn expiry_at_connect(case: &Case) -> Vec<(f64, usize)> {
    let sessions = case.frame.sessions.iter().enumerate();
    sessions
        .filter_map(|(index, session)| {
            Some((session.credentials.filter(|expiry| *expiry > session.start)?, index))
        })
        .collect()
}

/// Expiries without a renewal in time, with the session during which they occurred.
fn newest_expiries(case: &Case) -> Vec<(f64, usize)> {
    let renewals = &case.frame.log.credentials;
    let mut moments = Vec::new();
    for (index, (_, expiry)) in renewals.iter().enumerate() {
        let next = renewals.get(index + 1);
        let is_final = next.is_none_or(|(at, later)| *at > expiry - 1.0 || (later - expiry).abs() < 1.0);
        let after = case.frame.sessions.partition_point(|session| session.start <= *expiry);
        if let (true, Some(session)) = (is_final, after.checked_sub(1)) {
            moments.push((*expiry, session));
        }
    }
    moments
}

fn fit_anchor(case: &Case, moments: &[(f64, usize)], anchor: ExpiryAnchor) -> Option<Fit> {
    let mut opportunities = 0_usize;
    let mut hits: Vec<usize> = Vec::new();
    let mut windows = Vec::new();
    let mut last_hit_session: Option<usize> = None;
    for (expiry, index) in moments {
        let Some(session) = case.frame.sessions.get(*index) else { continue };
        if session.end < expiry - 1.0 || last_hit_session == Some(*index) {
            continue;
        }
        opportunities += 1;
        let hit_drop =
            case.drop_of_session(*index).and_then(|drop| Some((drop, case.frame.drops.get(drop)?)));
        let Some((drop_index, drop)) = hit_drop else { continue };
        let (lo, hi) = (drop.lo - expiry, drop.hi - expiry);
        if lo <= REACH && hi >= -1.0 {
            last_hit_session = Some(*index);
            hits.push(drop_index);
            let point = hi - lo < 0.5;
            windows.push(if point { (hi.max(0.0), hi.max(0.0)) } else { (lo, hi) });
        }
    }
    if hits.len() < 2 {
        return None;
    }
    let count = real(hits.len());
    let terms = WIDTHS.map(|sigma| {
        // A half-normal: twice the density of the normal.
        let density: f64 = windows.iter().map(|(lo, hi)| ln_window(*lo, *hi, 0.0, sigma)).sum();
        ln_mechanism(count, real(opportunities))
            + case.ln_background(hits.len())
            + density
            + count * std::f64::consts::LN_2
    });
    hits.sort_unstable();
    let mean_delay = windows.iter().map(|(lo, hi)| f64::midpoint(lo.max(0.0), *hi)).sum::<f64>() / count;
    Some(Fit {
        log_evidence: ln_mean_exp(&terms, terms.len()),
        hits,
        counts_hits: true,
        opportunities: real(opportunities),
        parameters: FittedParameters::CredentialExpiry(CredentialExpiryParameters {
            delay_secs: mean_delay,
            anchor,
        }),
        ..Fit::default()
    })
}
