//! Message rate: bursts of messages end the session.
//!
//! A quota or an overflow: each burst of published messages of at least a certain size is an opportunity.

use crate::classify::case::Case;
use crate::classify::math::{ln, ln_mean_exp, ln_mechanism, real};
use crate::classify::session::EndKind;
use crate::classify::{FittedParameters, MessageRateParameters};

use super::Fit;

/// A burst may cause a drop within this, in seconds.
const REACH: f64 = 3.0;
/// The same for bursts that were counted in a window.
const REACH_OF_WINDOW: f64 = 6.0;
/// Sizes tried.
const MAX_SIZES: usize = 30;

/// A burst that a drop followed.
struct FatalBurst {
    drop: usize,
    size: u64,
    density: f64,
}

pub(super) fn fit(case: &Case) -> Fit {
    let bursts = fatal_bursts(case);
    let mut sizes: Vec<u64> = bursts.iter().map(|burst| burst.size).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let step = (sizes.len() / MAX_SIZES).max(1);
    let thresholds: Vec<u64> = sizes.into_iter().step_by(step).collect();
    let mut terms = Vec::new();
    let mut best = Fit::impossible();
    for size in &thresholds {
        let hits: Vec<&FatalBurst> = bursts.iter().filter(|burst| burst.size >= *size).collect();
        let opportunities = bursts_from(case, *size).max(real(hits.len()));
        // Bursts that are mostly harmless are no cause.
        if hits.len() < 2 || real(hits.len()) < 0.25 * opportunities {
            continue;
        }
        let evidence = ln_mechanism(real(hits.len()), opportunities)
            + case.ln_background(hits.len())
            + hits.iter().map(|burst| burst.density).sum::<f64>();
        terms.push(evidence);
        if evidence > best.log_evidence {
            let mut drops: Vec<usize> = hits.iter().map(|burst| burst.drop).collect();
            drops.sort_unstable();
            drops.dedup();
            #[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
            let least = *size as f64;
            best = Fit {
                log_evidence: evidence,
                hits: drops,
                counts_hits: true,
                opportunities,
                parameters: FittedParameters::MessageRate(MessageRateParameters { burst_messages: least }),
                ..Fit::default()
            };
        }
    }
    best.log_evidence = ln_mean_exp(&terms, thresholds.len()) - 0.7;
    best
}

/// Bursts of at least this size, fatal or not.
#[expect(clippy::cast_precision_loss, reason = "message counts stay far below 2^52")]
fn bursts_from(case: &Case, size: u64) -> f64 {
    // The table has a resolution of 1/16.
    let from = size - size / 16;
    case.frame.log.bursts.range(from..).map(|(_, count)| *count).fold(0, u64::saturating_add) as f64
}

fn fatal_bursts(case: &Case) -> Vec<FatalBurst> {
    let mut bursts = Vec::new();
    for (index, drop) in case.drops() {
        let Some(ending) = case.frame.session_ending(drop) else { continue };
        for burst in &ending.bursts {
            let delay = (drop.detected - burst.end).max(0.0);
            let reach =
                if burst.window > 0.0 { (burst.window + 1.0).clamp(REACH, REACH_OF_WINDOW) } else { REACH };
            if delay <= reach {
                let density = match drop.kind {
                    // The time of a reset or a silent drop is that of its detection.
                    EndKind::Reset | EndKind::Silent => -ln((drop.hi - drop.lo).max(0.8)),
                    _ if burst.window > 0.0 => -ln(burst.window.max(2.0)),
                    _ => 1.2_f64.ln() - 1.2 * delay,
                };
                bursts.push(FatalBurst { drop: index, size: burst.size, density });
            }
        }
    }
    bursts
}
