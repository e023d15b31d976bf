//! What do MQTT 5 reason codes say?

use crate::classify::case::Case;
use crate::classify::math::{ln_beta_binomial, real};
use crate::classify::session::Kind;

/// Log Bayes factor of "these codes name the cause" and the drops that carry one of them; `None` without any.
pub(super) fn says(case: &Case, codes: &[u8]) -> Option<(f64, Vec<usize>)> {
    let telling: Vec<usize> = case
        .drops()
        .filter(|(_, drop)| drop.kind != Kind::Silent)
        .filter(|(_, drop)| {
            let code = case.frame.ending(drop).and_then(|ending| ending.reason_code);
            code.is_some_and(|code| codes.contains(&code))
        })
        .map(|(index, _)| index)
        .collect();
    let (hits, all) = (real(telling.len()), case.n());
    let factor = ln_beta_binomial(hits, all, 5.0, 1.2) - ln_beta_binomial(hits, all, 1.0, 30.0);
    (!telling.is_empty()).then_some((factor, telling))
}
