//! Another regularity that no pattern covers.
//!
//! Lives with a narrower spread than memoryless ones (Weibull with a shape above 1), or a rate that changes during the
//! recording. If it wins, the verdict is undetermined.

use crate::classify::case::Case;
use crate::classify::math::{ln, real};

/// Weibull shapes tried.
const SHAPES: [f64; 8] = [1.3, 1.6, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0];
/// Fewer drops show no shape.
const MIN_DROPS: usize = 5;

/// Log marginal likelihood, per second of drop time.
pub(super) fn fit(case: &Case) -> f64 {
    let lives: Vec<(f64, bool)> = case
        .frame
        .sessions
        .iter()
        .enumerate()
        .filter(|(index, session)| session.is_start_known && !is_continuation(case, *index))
        .map(|(index, session)| {
            // Detection is not death: the ping timeout after each death would look like a regularity.
            let drop = case.frame.drop_by_session.get(index).copied().flatten();
            let death = drop.and_then(|drop| case.frame.drops.get(drop));
            let age = death.map_or(session.age(), |drop| f64::midpoint(drop.lo, drop.hi) - session.start);
            (age.max(0.5), case.drop_of_session(index).is_some())
        })
        .collect();
    let drops = lives.iter().filter(|(_, dropped)| *dropped).count();
    if drops < MIN_DROPS {
        return f64::NEG_INFINITY;
    }
    let count = real(drops);
    let secs: f64 = lives.iter().map(|(age, _)| age).sum();
    let exponential = count * ln(count / secs) - count;
    let logs: Vec<(f64, bool)> = lives.iter().map(|(age, dropped)| (age.ln(), *dropped)).collect();
    let logarithms: f64 = logs.iter().filter(|(_, dropped)| *dropped).map(|(log, _)| log).sum();
    let weibull = SHAPES
        .into_iter()
        .map(|shape| {
            let scale: f64 = logs.iter().map(|(log, _)| (shape * log).exp()).sum::<f64>() / count;
            count * shape.ln() + (shape - 1.0) * logarithms - count * ln(scale) - count
        })
        .fold(f64::NEG_INFINITY, f64::max);
    let trend = if has_one_configuration(case) {
        let (early, late) = lives.split_at(lives.len() / 2);
        ln_exponential(early) + ln_exponential(late)
    } else {
        // A rate that changes with the configuration is no unknown regularity.
        f64::NEG_INFINITY
    };
    case.ln_background(0) + weibull.max(trend) - exponential - 0.5 * count.ln() - 2.0
}

fn has_one_configuration(case: &Case) -> bool {
    let mut sessions = case.frame.sessions.iter();
    let Some(first) = sessions.next() else { return true };
    sessions.all(|session| session.has_configuration_of(first))
}

/// Log likelihood of one part with its own rate.
fn ln_exponential(lives: &[(f64, bool)]) -> f64 {
    let drops = real(lives.iter().filter(|(_, dropped)| *dropped).count());
    let secs: f64 = lives.iter().map(|(age, _)| age).sum();
    if drops > 0.0 { drops * ln(drops / secs) - drops } else { 0.0 }
}

fn is_continuation(case: &Case, session: usize) -> bool {
    let drop = case.frame.drop_by_session.get(session).copied().flatten();
    drop.and_then(|drop| case.frame.drops.get(drop)).is_some_and(|drop| drop.is_continuation)
}
