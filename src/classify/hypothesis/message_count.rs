//! Message limit: the session ends after a number of messages.
//!
//! A quota, a leak or a limit of a library: sessions that reach the number are opportunities. Counted in published
//! messages only, and in all messages.

use crate::classify::case::Case;
use crate::classify::drops::DeathWindow;
use crate::classify::math::{ln, ln_limit, ln_mean_exp, ln_normal, ln_sum_exp, real};
use crate::classify::session::Session;
use crate::classify::survivors::SurvivalTable;
use crate::classify::{FittedParameters, MessageCountParameters, MessageScope};

use super::location::{Interval, Sweep};
use super::{Fit, MIN_HIT_SHARE};

/// Relative spreads tried, on top of one message.
const SPREADS: [f64; 3] = [0.0, 0.01, 0.03];
/// Smaller counts are reached by chance.
const MIN_MESSAGES: f64 = 12.0;

impl MessageScope {
    #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
    fn count(self, session: &Session) -> f64 {
        match self {
            Self::Published => session.published as f64,
            Self::All => session.published.saturating_add(session.received) as f64,
        }
    }

    fn last_message_at(self, session: &Session) -> Option<f64> {
        match self {
            Self::Published => session.last_publish,
            Self::All => session.last_message,
        }
    }
}

/// One drop with its message count.
struct DropCount {
    interval: Interval,
    /// Log density of the moment, per second, given the count.
    density: f64,
}

pub(super) fn fit(case: &Case) -> Fit {
    let fits = [MessageScope::Published, MessageScope::All].map(|scope| fit_scope(case, scope));
    let terms: Vec<f64> =
        fits.iter().map(|fit| fit.log_evidence).filter(|evidence| evidence.is_finite()).collect();
    let both = ln_mean_exp(&terms, 2);
    let best = fits.into_iter().max_by(|one, other| one.log_evidence.total_cmp(&other.log_evidence));
    let mut best = best.unwrap_or_else(Fit::impossible);
    best.log_evidence = both;
    best
}

fn fit_scope(case: &Case, scope: MessageScope) -> Fit {
    let drops: Vec<DropCount> =
        case.drops().filter_map(|(index, drop)| drop_count(case, scope, index, drop)).collect();
    if drops.len() < 2 {
        return Fit::impossible();
    }
    let all = SurvivalTable::from_values(case.frame.sessions.iter().map(|session| scope.count(session)));
    let places: Vec<Interval> = drops.iter().map(|drop| drop.interval).collect();
    let mut counts: Vec<f64> = places.iter().map(|place| place.lo).collect();
    let typical = crate::classify::math::median(&mut counts).unwrap_or(0.0);
    let mut sweep = Sweep::new(&places);
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    for spread in SPREADS {
        let margin = 0.5 * (5.0 * spread * typical).max(1.0);
        for (_, place) in sweep.peaks(margin, 3) {
            let Some(fit) = fit_at(case, scope, &drops, &all, spread, place) else { continue };
            terms.push(fit.log_evidence);
            if fit.log_evidence > best.log_evidence {
                best = fit;
            }
        }
    }
    best.log_evidence = ln_mean_exp(&terms, SPREADS.len());
    best
}

fn drop_count(case: &Case, scope: MessageScope, index: usize, drop: &DeathWindow) -> Option<DropCount> {
    let session = case
        .frame
        .session(drop)
        .filter(|session| session.is_start_known && session.age() > 0.0 && !drop.is_own_timeout)?;
    let count = scope.count(session);
    let rate = ln(count.max(1.0) / session.age());
    // Where each message was recorded, the drop follows the last one closely.
    let density = match scope.last_message_at(session) {
        None => rate,
        Some(newest) => {
            let delay = (drop.detected - newest).max(0.0);
            ln_sum_exp(&[0.3_f64.ln() + rate, 0.7_f64.ln() + 4.0_f64.ln() - 4.0 * delay])
        }
    };
    Some(DropCount { interval: Interval { drop: index, lo: count, hi: count }, density })
}

fn fit_at(
    case: &Case,
    scope: MessageScope,
    drops: &[DropCount],
    all: &SurvivalTable,
    spread: f64,
    place: f64,
) -> Option<Fit> {
    if place < MIN_MESSAGES {
        return None;
    }
    let sigma = (spread * place).max(0.5);
    let reach = (3.5 * sigma).max(1.5);
    let hits: Vec<&DropCount> =
        drops.iter().filter(|drop| (drop.interval.lo - place).abs() <= reach).collect();
    if hits.len() < 2 {
        return None;
    }
    let count = real(hits.len());
    let limit = hits.iter().map(|drop| drop.interval.lo).sum::<f64>() / count;
    let opportunities = count + all.count_above(limit + reach);
    if count < MIN_HIT_SHARE * opportunities {
        return None;
    }
    let density: f64 =
        hits.iter().map(|drop| ln_normal(drop.interval.lo - limit, sigma) + drop.density).sum();
    let price = ln(sigma.max(1.0) * (std::f64::consts::TAU / count).sqrt() / (limit * 8.0));
    Some(Fit {
        log_evidence: ln_limit(count, opportunities) + case.ln_background(hits.len()) + density + price,
        hits: hits.iter().map(|drop| drop.interval.drop).collect(),
        counts_hits: true,
        opportunities,
        parameters: FittedParameters::MessageCount(MessageCountParameters {
            scope,
            limit,
            spread_messages: sigma,
        }),
        ..Fit::default()
    })
}
